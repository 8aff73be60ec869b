//! Checks settings and isolation levels.
//!
//! Input: `SET`, `RESET`, `SHOW`, `BEGIN` and `START TRANSACTION` as words, or calls of `set_config`. Output: the rule
//! that the statement or call breaks. This module does not check the settings that a client sends when it connects:
//! dsql-local checks them with its own list.

use super::rule::rules;
use super::{Finding, words::Words};
use crate::source::Span;
use crate::syntax::ast::{Set, StatementKind};

/// The settings of the planner that AWS documents as settable.
pub const PLANNER: &[&str] = &[
    "enable_bitmapscan",
    "enable_hashjoin",
    "enable_indexonlyscan",
    "enable_indexscan",
    "enable_material",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_seqscan",
];

/// The settings that a session may change (AWS's pgdump-proxy; measured on clusters), in addition to [`PLANNER`].
pub const SETTABLE: &[&str] = &[
    "application_name",
    "client_encoding",
    "datestyle",
    "disable_sync_create_index",
    "dsql.enable_batched_nestloop",
    "extra_float_digits",
    "intervalstyle",
    "search_path",
    "timezone",
];

rules! {
    /// The rules about settings.
    SETTINGS;
    // rule                  what is rejected                            SQLSTATE  DSQL's words
    // known by     alternative
    isolation_level:         "an isolation level other than REPEATABLE READ"  | "0A000" | "Unsupported isolation level: {}"                        | Recorded   | "leave it out: every transaction is REPEATABLE READ; read the rows that a decision depends on with SELECT … FOR UPDATE, and retry on 40001";
    set_transaction:         "SET TRANSACTION"                         | "0A000" | "setting configuration parameter \"TRANSACTION\" not supported" | Recorded | "write it in BEGIN: BEGIN READ ONLY";
    set_session_characteristics: "SET SESSION CHARACTERISTICS"         | "0A000" | "setting configuration parameter \"TRANSACTION\" not supported" | Sibling | "write it in BEGIN: BEGIN READ ONLY";
    set_parameter:           "SET of a setting that is fixed"          | "0A000" | "setting configuration parameter \"{}\" not supported"   | Recorded   | "leave it out: DSQL does not let a session set it; for a timeout, cancel in the client";
    set_planner:             "SET of a planner setting that AWS does not list" | "0A000" | "setting configuration parameter \"{}\" not supported" | Documented | "leave it out";
    set_reserved:            "SET of an unknown dsql.…"                | "42602" | "invalid configuration parameter name \"{}\""            | Recorded   | "leave it out: \"dsql\" is a reserved prefix";
    set_role:                "SET ROLE"                                | "0A000" | "setting configuration parameter \"role\" not supported" | Recorded   | "connect as the role: DSQL_USER; within BEGIN and COMMIT, AWS documents SET LOCAL ROLE";
    set_boolean:             "SET dsql.enable_… to something other than a boolean" | "22023" | "parameter \"{}\" requires a Boolean value"  | Observed "ministack, live 2026-10-04" | "write on or off";
    show_removed:            "SHOW lc_collate, SHOW lc_ctype"          | "42704" | "unrecognized configuration parameter \"{}\""            | Recorded   | "leave it out: the collation is C";
}

/// Returns a finding if `SET name = value` breaks a rule.
pub(super) fn set(set: &Set, words: &Words<'_>) -> Option<Finding> {
    // DSQL accepts `SET x TO DEFAULT` for every setting. `SET LOCAL ROLE` is documented; a cluster's answer to this
    // statement has not been recorded.
    let is_role = set.name.eq_ignore_ascii_case("role");
    if set.values.is_empty() || is_role && set.command == "SET LOCAL" {
        return None;
    }
    let place = words.span_of(usize::MAX);
    changed(&set.name, place).or_else(|| not_boolean(&set.name, set.values.first()?, place))
}

/// Returns a finding if a change of a setting, by SET or by `set_config`, breaks a rule.
pub(super) fn changed(written: &str, span: Span) -> Option<Finding> {
    let name = written.to_ascii_lowercase();
    if SETTABLE.contains(&name.as_str()) || PLANNER.contains(&name.as_str()) {
        return None;
    }
    Some(match name.as_str() {
        name if name.starts_with("enable_") => set_planner.naming(span, written),
        "transaction_isolation" | "default_transaction_isolation" => {
            set_parameter.naming(span, written).advising(isolation_level.instead)
        }
        "role" => set_role.at(span),
        name if name.starts_with("dsql.") => set_reserved.naming(span, written),
        _ => set_parameter.naming(span, written),
    })
}

/// Returns a finding if a setting `dsql.enable_…` gets a value that is not a boolean. The values of PostgreSQL's own
/// settings are checked by PostgreSQL itself.
pub(super) fn not_boolean(written: &str, value: &str, place: Span) -> Option<Finding> {
    let is_own = written.to_ascii_lowercase().starts_with("dsql.enable_");
    (is_own && !is_boolean_word(value)).then(|| set_boolean.naming(place, written))
}

/// Whether PostgreSQL's `parse_bool` accepts a value: 0, 1, or an unambiguous prefix of a boolean word.
fn is_boolean_word(value: &str) -> bool {
    let word = value.to_ascii_lowercase();
    matches!(word.as_str(), "1" | "0" | "on" | "of" | "off")
        || !word.is_empty() && ["true", "false", "yes", "no"].iter().any(|full| full.starts_with(&word))
}

/// Returns a finding if a statement in a function's body changes the client encoding of the session that calls the
/// function.
pub(super) fn of_session(statement: &StatementKind, words: &Words<'_>) -> Option<Finding> {
    let changes = match statement {
        StatementKind::Set(set) => set.name.eq_ignore_ascii_case("client_encoding"),
        StatementKind::Utility("SET" | "SET LOCAL" | "SET SESSION") => {
            words.begin_with("SET [SESSION|LOCAL] NAMES").is_some()
        }
        StatementKind::Utility("RESET") => matches!(words.at(1), "CLIENT_ENCODING" | "ALL"),
        _ => false,
    };
    changes.then(|| set_parameter.naming(words.span_of(usize::MAX), "client_encoding"))
}

/// Checks the words of statements such as `SET TRANSACTION`, `SET ROLE`, `BEGIN`, `RESET` and `SHOW`, because the
/// parser skips their arguments.
pub(super) fn passed_over(words: &Words<'_>) -> Option<Finding> {
    let all = || words.span_of(usize::MAX);
    match (words.first_two(), words.at(2)) {
        (("BEGIN" | "START", _), _) => isolation(words),
        // DSQL checks the isolation level before the other modes.
        (("SET", "TRANSACTION"), _) => {
            isolation_but(words, &["REPEATABLE READ", "READ COMMITTED", "READ UNCOMMITTED"])
                .or_else(|| Some(set_transaction.at(all())))
        }
        (("SET", "SESSION"), "CHARACTERISTICS") => Some(set_session_characteristics.at(all())),
        (("SET", "ROLE"), role) if role != "NONE" => Some(set_role.at(all())),
        (("SET", "SESSION"), "ROLE") if words.at(3) != "NONE" => Some(set_role.at(all())),
        (("SET", "SESSION"), "AUTHORIZATION") => Some(set_parameter.naming(all(), "session_authorization")),
        // `RESET dsql.x`
        (("RESET", "DSQL"), ".") => {
            let name = format!("dsql.{}", words.at(3).to_lowercase());
            (!SETTABLE.contains(&name.as_str())).then(|| set_reserved.naming(all(), &name))
        }
        (("SHOW", "LC_COLLATE"), _) => Some(show_removed.naming(words.span(1), "lc_collate")),
        (("SHOW", "LC_CTYPE"), _) => Some(show_removed.naming(words.span(1), "lc_ctype")),
        _ => None,
    }
}

fn isolation(words: &Words<'_>) -> Option<Finding> {
    isolation_but(words, &["REPEATABLE READ"])
}

fn isolation_but(words: &Words<'_>, allowed: &[&str]) -> Option<Finding> {
    let at = words.position(|word| word == "ISOLATION").filter(|at| words.at(at + 1) == "LEVEL")? + 2;
    let (level, last) = match words.at(at) {
        "SERIALIZABLE" => ("SERIALIZABLE".to_owned(), at),
        first => (format!("{first} {}", words.at(at + 1)), at + 1),
    };
    (!allowed.contains(&level.as_str()))
        .then(|| isolation_level.naming(words.span(at).to(words.span(last)), &level))
}

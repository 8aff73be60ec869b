//! `dsql-edge explain NAME`: prints the page of a diagnostic or of a rule of the linter.
//!
//! Input: a code as an error prints it, or a rule as `lint` prints it. Output: the page of the code or the rule.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use dsql_edge_compiler::diagnostic::{Code, suggestion};
use dsql_edge_compiler::dsql::{self, Known, Rule};
use serde_json::json;

use crate::check::CHANGED;
use crate::format::{self, Format};

/// Explain an error or a warning by its code or its rule, with an example and the fix
#[derive(Args)]
#[command(
    after_help = "Examples:\n  dsql-edge explain unknown-column\n  dsql-edge explain 42703\n  dsql-edge explain index_async"
)]
pub struct Options {
    /// A code as the error prints it (`unknown-column`, `42703` or `[42703 unknown-column]`), or a rule as `lint`
    /// prints it (`index_async`); without one, all codes and rules are listed
    code: Vec<String>,
    /// How the answer is printed; as JSON, a list of codes with their pages, and a list of rules
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// The codes, rules and findings to explain.
#[derive(Debug, PartialEq)]
struct Explained {
    codes: Vec<Code>,
    rules: Vec<&'static Rule>,
    findings: Vec<Finding>,
}

/// A finding of `check` that is not an error, or an error that the server reports at run time. The first string is the
/// name, the second string is the page.
type Finding = (&'static str, &'static str);

const FINDINGS: &[Finding] = &[
    (CHANGED, include_str!("check/changed.md")),
    (CONFLICT, include_str!("explain/conflict.md")),
    (CONNECTIONS, include_str!("explain/too-many-connections.md")),
    (UNIQUE, include_str!("explain/unique-violation.md")),
    (LOGIN, include_str!("explain/login-rejected.md")),
    (LIMIT, include_str!("explain/limit-exceeded.md")),
];

const CONFLICT: &str = "conflict";
const CONNECTIONS: &str = "too-many-connections";
const UNIQUE: &str = "unique-violation";
const LOGIN: &str = "login-rejected";
const LIMIT: &str = "limit-exceeded";

/// The SQLSTATEs and other codes of errors of the server, and the page that explains each code.
const OF_SERVER: [(&str, &str); 9] = [
    ("40001", CONFLICT),
    ("OC000", CONFLICT),
    ("OC001", CONFLICT),
    ("53300", CONNECTIONS),
    ("53400", CONNECTIONS),
    ("23505", UNIQUE),
    ("08006", LOGIN),
    ("28000", LOGIN),
    ("54000", LIMIT),
];

/// Runs the command.
///
/// # Errors
/// Returns an error if the code or rule does not exist.
pub fn run(options: &Options) -> Result<ExitCode> {
    let list = options.code.is_empty();
    let explained = if list { all() } else { meant(&options.code.join(" "))? };
    let (codes, rules, findings) =
        (explained.codes.iter(), explained.rules.iter(), explained.findings.iter());
    let text = if options.format == Format::Json {
        let pages = codes.map(|code| {
            json!({ "code": code.name(), "sqlstate": code.sqlstate(), "page": without_marks(code.page()) })
        });
        let rules =
            rules.map(|rule| json!({ "rule": rule.id, "sqlstate": rule.sqlstate, "page": page(rule) }));
        let (codes, rules): (Vec<_>, Vec<_>) = (pages.collect(), rules.collect());
        let findings: Vec<_> =
            findings.map(|(name, page)| json!({ "finding": name, "page": without_marks(page) })).collect();
        format::json(&json!({ "version": 1, "codes": codes, "rules": rules, "findings": findings }))
    } else if list {
        let line = |sqlstate: &str, name: &str| format!("{:5}  {name}\n", shown(sqlstate));
        let codes = codes.map(|code| line(code.sqlstate(), code.name()));
        let rules = rules.map(|rule| line(rule.sqlstate, rule.id));
        codes.chain(rules).chain(findings.map(|(name, _)| format!("       {name}\n"))).collect()
    } else {
        let codes = codes.map(|code| for_a_terminal(code.page()));
        let findings = findings.map(|(_, page)| for_a_terminal(page));
        let pages: Vec<String> = codes.chain(findings).chain(rules.map(|rule| page(rule))).collect();
        format!("{}\n", pages.join("\n\n"))
    };
    format::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The beginning and the end of a block of code.
const FENCE: &str = "```";

/// Returns a page in Markdown without the marks that the tests of the pages read: a block is SQL or text.
fn without_marks(page: &str) -> String {
    let line =
        |line: &str| match line.strip_prefix(FENCE).map(|info| info.split(' ').next().unwrap_or_default()) {
            Some("answer") => format!("{FENCE}text\n"),
            Some(language) => format!("{FENCE}{language}\n"),
            None => format!("{line}\n"),
        };
    page.lines().map(line).collect()
}

/// Returns a page for a terminal: the lines of a block are indented, and a blank line ends the block.
fn for_a_terminal(page: &str) -> String {
    let mut out = String::new();
    let mut is_code = false;
    for line in page.trim_end().lines() {
        if line.starts_with(FENCE) {
            is_code = !is_code;
            if !out.ends_with("\n\n") {
                out.push('\n');
            }
        } else if is_code && !line.is_empty() {
            out += &format!("    {line}\n");
        } else if !(line.is_empty() && out.ends_with("\n\n")) {
            out += &format!("{line}\n");
        }
    }
    out.trim_end().to_owned()
}

/// Returns the SQLSTATE of an error; empty for 00000, which means success and is the SQLSTATE of warnings.
fn shown(sqlstate: &str) -> &str {
    if sqlstate == "00000" { "" } else { sqlstate }
}

/// Returns the page of a rule.
fn page(rule: &Rule) -> String {
    let since = rule.since.map_or(String::new(), |day| format!(" (in DSQL since 2026-{day})"));
    let instead = match rule.instead {
        "{}" => "The error contains the alternative.".to_owned(),
        _ => format!("Instead: {}{since}.", rule.general_advice()),
    };
    let (id, what) = (rule.id, rule.what);
    let message = format!("{} {}", shown(rule.sqlstate), rule.general_message());
    let message = message.trim_start();
    let verdict = if rule.rejects() { "rejects" } else { "changes" };
    let severity = if rule.is_error() { "an error" } else { "a warning" };
    let source = match rule.known {
        Known::Observed(who) => format!("a report about a cluster ({who})"),
        known => known.source().to_owned(),
    };
    format!(
        "# {id}\n\nA rule of `dsql-edge lint`: DSQL {verdict} {what}.\n\n    {message}\n\n{instead}\n\n\
         Source: {source}. So `lint` reports {severity}. A comment `-- dsql-edge: allow {id}` in the line above silences it."
    )
}

fn all() -> Explained {
    let rules = dsql::tables().iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    Explained { codes: Code::ALL.to_vec(), rules, findings: FINDINGS.to_vec() }
}

/// Returns the code, rule or finding with this name (a few names are both a code and a rule), or all codes, rules and
/// findings of an SQLSTATE.
fn meant(written: &str) -> Result<Explained> {
    let words = || {
        written
            .split(|it: char| it.is_whitespace() || matches!(it, '[' | ']' | ','))
            .filter(|it| !it.is_empty())
    };
    // In Rust's attributes a code has underscores.
    let codes: Vec<Code> =
        words().find_map(|word| Code::named(&word.to_lowercase().replace('_', "-"))).into_iter().collect();
    let rules: Vec<&'static Rule> = all()
        .rules
        .into_iter()
        .filter(|rule| words().any(|word| word.eq_ignore_ascii_case(rule.id)))
        .collect();
    let is_about = |name: &str| {
        let is_code = |word: &str| {
            OF_SERVER
                .iter()
                .any(|(code, of)| *of == name && word.trim_matches(['(', ')']).eq_ignore_ascii_case(code))
        };
        words().any(|word| word == name || is_code(word))
    };
    let findings: Vec<Finding> = FINDINGS.iter().copied().filter(|(name, _)| is_about(name)).collect();
    if !codes.is_empty() || !rules.is_empty() {
        return Ok(Explained { codes, rules, findings });
    }
    let known = all();
    let is_state = |state: &str| words().any(|word| word.eq_ignore_ascii_case(state));
    let codes: Vec<Code> = match findings.is_empty() {
        true => known.codes.iter().copied().filter(|code| is_state(code.sqlstate())).collect(),
        false => codes,
    };
    // Some SQLSTATEs, such as those of DSQL's own limits, occur only in rules, not in codes.
    let rules: Vec<&'static Rule> = match codes.is_empty() {
        true => known.rules.iter().copied().filter(|rule| is_state(rule.sqlstate)).collect(),
        false => rules,
    };
    if !codes.is_empty() || !rules.is_empty() || !findings.is_empty() {
        return Ok(Explained { codes, rules, findings });
    }
    let names = known.codes.iter().map(|code| code.name()).chain(known.rules.iter().map(|rule| rule.id));
    let names = names.chain(known.findings.iter().map(|(name, _)| *name));
    let advice = match suggestion::nearest(written.trim(), names) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`dsql-edge explain` lists them".to_owned(),
    };
    Err(anyhow!("{written} is not a code or a rule: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(written: &str) -> Result<(Vec<&'static str>, Vec<&'static str>), String> {
        let found = meant(written).map_err(|error| error.to_string())?;
        Ok((
            found.codes.iter().map(|code| code.name()).collect(),
            found.rules.iter().map(|rule| rule.id).collect(),
        ))
    }

    #[test]
    fn code_is_found_in_each_form_that_errors_print() {
        for written in ["unknown-column", "[42703 unknown-column]", "unknown_column", "42703"] {
            assert_eq!(found(written), Ok((vec!["unknown-column"], vec![])), "{written}");
        }
        assert_eq!(found("42P01"), Ok((vec!["unknown-table", "missing-from"], vec![])));
        assert_eq!(
            found("unknown-colum"),
            Err("unknown-colum is not a code or a rule: did you mean unknown-column?".to_owned())
        );
    }

    #[test]
    fn code_that_only_a_rule_or_the_server_has_is_found() {
        assert!(found("54000").unwrap().1.contains(&"rows"));
        for written in ["25P02", "25p02", "[25P02 aborted_transaction]", "aborted_transaction"] {
            assert_eq!(found(written), Ok((vec![], vec!["aborted_transaction"])), "{written}");
        }
        for (code, name) in [("23505", UNIQUE), ("08006", LOGIN), ("(28000)", LOGIN), ("54000", LIMIT)] {
            assert_eq!(meant(code).unwrap().findings[0].0, name);
        }
        for rule in all().rules {
            assert!(meant(rule.sqlstate).is_ok(), "{}", rule.sqlstate);
        }
    }

    #[test]
    fn page_of_limits_has_each_limit_that_a_transaction_can_exceed() {
        let page = meant("54000").unwrap().findings[0].1;
        for limit in dsql::limits::ALL.iter().filter(|limit| limit.sqlstate == "54000") {
            assert!(page.contains(limit.message) || limit.of.starts_with("indexes"), "{}", limit.message);
        }
    }

    #[test]
    fn page_has_no_marks_of_tests() {
        let page = "# a\n\nText.\n\n```sql schema\nCREATE TABLE t ();\n```\n```sql oracle=accepts: why\nSELECT 1\n\nFROM t\n```\n```answer\nno\n```\n\nMore.\n";
        let blocks = "    CREATE TABLE t ();\n\n    SELECT 1\n\n    FROM t\n\n    no";
        assert_eq!(for_a_terminal(page), format!("# a\n\nText.\n\n{blocks}\n\nMore."));
        for code in Code::ALL {
            let (shown, json) = (for_a_terminal(code.page()), without_marks(code.page()));
            assert!(!shown.contains(FENCE) && !shown.contains("\n\n\n"), "{shown}");
            for mark in ["```sql ", "```answer", "oracle="] {
                assert!(!json.contains(mark), "{json}");
            }
        }
    }

    #[test]
    fn names_in_github_and_sarif_output_are_found() {
        assert_eq!(meant("changed").unwrap().findings, [FINDINGS[0]]);
        for written in ["40001", "conflict", "oc000", "(OC001)"] {
            assert_eq!(meant(written).unwrap().findings, [FINDINGS[1]], "{written}");
        }
        assert_eq!(found("misplaced_statement"), Ok((vec!["misplaced-statement"], vec![])));
        assert_eq!(found("syntax_error"), Ok((vec!["syntax-error"], vec![])));
        for (name, page) in FINDINGS {
            assert!(page.starts_with(&format!("# {name}\n")), "{page}");
        }
    }

    #[test]
    fn every_rule_is_found_as_the_linter_prints_it() {
        for rule in all().rules {
            assert!(found(rule.id).unwrap().1.contains(&rule.id), "{}", rule.id);
            // `rule: index_async, recorded`
            assert!(found(&format!("{}, {}", rule.id, rule.known.name())).unwrap().1.contains(&rule.id));
            assert!(page(rule).contains(rule.what) && !page(rule).contains("{}"), "{}", page(rule));
        }
        // DSQL accepts a bare `numeric`, so the page does not show an SQLSTATE.
        let bare_numeric = all().rules.into_iter().find(|rule| rule.id == "bare_numeric").unwrap();
        assert!(
            page(bare_numeric).contains("\n\n    numeric without a precision is numeric(18,6) in DSQL\n")
        );
        // `unknown_type` is both a code and a rule.
        assert_eq!(found("unknown_type"), Ok((vec!["unknown-type"], vec!["unknown_type"])));
        assert!(found("index_asnc").unwrap_err().contains("did you mean index_async?"));
    }
}

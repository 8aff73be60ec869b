//! Compiles one statement, prepares it in PostgreSQL, runs it, and reports where the compiler and PostgreSQL differ.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, bail};
use dsql_edge_compiler::diagnostic::Code;
use dsql_edge_compiler::source::Source;
use dsql_edge_compiler::sql_type::{SqlType, SqlTypeKind};
use dsql_edge_compiler::typed::{Cardinality, Effect, TypedParameter};
use dsql_edge_compiler::{Schema, TypedQuery, compile};
use dsql_edge_tests::oracle::{Database, Verdict};
use fastrand::Rng;
use tokio_postgres::SimpleQueryMessage;

use crate::types::Types;

/// The ways to fill the tables of a schema: with all rows, with few rows, or with no rows.
pub(crate) const FILLINGS: [&str; 3] = ["full", "few", "bare"];

/// The result for one statement.
#[derive(Default, Debug)]
pub(crate) struct Outcome {
    /// Whether PostgreSQL prepares the statement.
    pub(crate) accepted: bool,
    /// PostgreSQL's SQLSTATE and shortened message if it rejects the statement.
    pub(crate) refused: Option<String>,
    /// The compiler's message if it does not support the statement.
    pub(crate) unsupported: Option<String>,
    /// PostgreSQL's message if it rejects a constant whose input function the compiler does not implement.
    pub(crate) unread: Option<String>,
    /// Whether at least one run completed.
    pub(crate) ran: bool,
    /// The number of rows of all runs.
    pub(crate) rows: usize,
    /// The SQLSTATE of the last run that failed.
    pub(crate) failed: Option<String>,
    /// The number of columns.
    pub(crate) columns: usize,
    /// The number of columns that the compiler reports as NOT NULL.
    pub(crate) proved: usize,
    /// The difference between the compiler and PostgreSQL, if there is one.
    pub(crate) find: Option<Find>,
}

/// A difference between the compiler and PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Find {
    /// The kind of the find: finds with the same cause have the same kind where possible.
    pub(crate) kind: String,
    /// The details for people.
    pub(crate) details: String,
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.kind, self.details)
    }
}

impl Find {
    /// Whether the difference is about NULL or about the number of rows.
    pub(crate) fn is_untrue(&self) -> bool {
        self.kind.starts_with("NULL in") || self.kind.starts_with("cardinality")
    }
}

fn find(kind: impl Into<String>, details: impl Into<String>) -> Option<Find> {
    Some(Find { kind: kind.into(), details: details.into() })
}

/// Compares the compiler's and PostgreSQL's answers to a statement with numbered parameters.
pub(crate) fn judge(
    sql: &str,
    schema: &Schema,
    types: &Types,
    database: &Database<'_>,
    rng: &mut Rng,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut verdict = database.describe(sql)?;
    if matches!(&verdict, Verdict::Refused { sqlstate, .. } if sqlstate == "25P02") {
        // The statement timeout of the previous run ended its ROLLBACK, so the transaction is still open.
        database.run("ROLLBACK")?;
        verdict = database.describe(sql)?;
    }
    outcome.accepted = matches!(verdict, Verdict::Accepted { .. });
    if let Verdict::Refused { sqlstate, message, .. } = &verdict {
        outcome.refused = Some(format!("{sqlstate} {}", blur(message)));
        if std::env::var_os("SOUNDNESS_TRACE").is_some() {
            eprintln!("{message}\n  {sql}");
        }
    }
    let Ok(ours) = catch_unwind(AssertUnwindSafe(|| compile(&Source::numbered(sql), schema))) else {
        outcome.find = find("the compiler panics", "");
        return Ok(outcome);
    };
    match (ours, verdict) {
        (Ok(query), Verdict::Accepted { params, columns }) => {
            outcome.columns = query.columns.len();
            outcome.proved = query.columns.iter().filter(|it| !it.nullable).count();
            outcome.find = difference(&query, &params, &columns);
            if outcome.find.is_none() {
                run(sql, &query, types, database, rng, &mut outcome)?;
            }
        }
        (Err(diagnostics), Verdict::Accepted { .. }) => {
            let Some(first) = diagnostics.errors().next() else { bail!("refused without an error: {sql}") };
            if first.code == Code::NotSupportedYet {
                outcome.unsupported = Some(first.message.clone());
            } else {
                let kind =
                    format!("PostgreSQL alone accepts [{} {}]", first.sqlstate(), blur(&first.message));
                outcome.find = find(kind, format!("{} at byte {}", first.message, first.span.start));
            }
        }
        (Ok(_), Verdict::Refused { sqlstate, message, offset }) => {
            // To read `regclass('a')`, PostgreSQL looks up the name in its catalog; to read `'a'::regtype`, it also
            // parses the text.
            let of_object =
                matches!(sqlstate.as_str(), "42P01" | "42704" | "42883" | "42601") && sql.contains("reg");
            if of_object || is_about_a_constant(&sqlstate, &message) {
                // The compiler does not implement the input functions of most types: PostgreSQL checks the constant
                // when the query is prepared.
                outcome.unread = Some(blur(&message));
                return Ok(outcome);
            }
            let kind = format!("we alone accept [{sqlstate} {}]", blur(&message));
            outcome.find = find(kind, format!("PostgreSQL: {message} at byte {offset:?}"));
        }
        (Err(diagnostics), Verdict::Refused { sqlstate, offset, message }) => {
            let Some(first) = diagnostics.errors().next() else { bail!("refused without an error: {sql}") };
            let place = first.span.start as usize;
            if first.code == Code::NotSupportedYet {
                outcome.unsupported = Some(first.message.clone());
            } else if (is_about_a_constant(&sqlstate, &message) || names_an_object(sql, offset, &message))
                && (first.sqlstate() != sqlstate || offset.is_some_and(|it| it < place))
            {
                outcome.unread = Some(blur(&message));
            } else if first.sqlstate() != sqlstate {
                let kind = format!(
                    "another first error [{sqlstate} {}, ours {} {}]",
                    blur(&message),
                    first.sqlstate(),
                    blur(&first.message)
                );
                let details = format!(
                    "PostgreSQL: {message} at byte {offset:?}\nours: {} at byte {place}",
                    first.message
                );
                outcome.find = find(kind, details);
            } else if offset.is_some_and(|offset| offset != place) {
                let kind = format!("another place [{sqlstate} {}]", blur(&message));
                let details = format!(
                    "PostgreSQL: {message} at byte {offset:?}\nours: {} at byte {place}",
                    first.message
                );
                outcome.find = find(kind, details);
            } else if first.message != message {
                let kind = format!("other words [{sqlstate} {}]", blur(&message));
                outcome.find = find(kind, format!("PostgreSQL: {message}\nours: {}", first.message));
            }
        }
    }
    Ok(outcome)
}

/// Whether the error is about a name in a quoted constant: `regclass` and related types read the constant as the name
/// of an object.
fn names_an_object(sql: &str, offset: Option<usize>, message: &str) -> bool {
    let constant = offset.and_then(|offset| sql.get(offset..)).is_some_and(|rest| rest.starts_with('\''));
    constant && message.ends_with("does not exist")
}

/// Whether an input function rejected the text of a constant.
fn is_about_a_constant(sqlstate: &str, message: &str) -> bool {
    let inputs = ["cannot accept a value of type", "syntax error in ts"];
    sqlstate.starts_with("22")
        || sqlstate == "42602"
        || inputs.iter().any(|beginning| message.starts_with(beginning))
        || message.contains("jsonpath input")
}

/// Shortens a message: removes the quoted parts, and the text after a colon.
fn blur(message: &str) -> String {
    let mut out = String::new();
    for (at, part) in message.split('"').enumerate() {
        out.push_str(if at % 2 == 0 { part } else { "…" });
    }
    let cut = out.split(": ").next().unwrap_or("");
    cut.split('(').next().unwrap_or("").trim().to_owned()
}

fn difference(query: &TypedQuery, params: &[String], columns: &[(String, String)]) -> Option<Find> {
    let ours: Vec<&str> = query.parameters.iter().map(|it| it.sql_type.name.as_str()).collect();
    if ours != *params {
        let pair = ours.iter().zip(params).find(|(ours, theirs)| **ours != theirs.as_str());
        let pair = pair.map(|(ours, theirs)| format!("{theirs}, ours {ours}")).unwrap_or_default();
        return find(
            format!("parameter types differ [{pair}]"),
            format!("PostgreSQL: {params:?}\nours: {ours:?}"),
        );
    }
    let ours: Vec<(&str, &str)> =
        query.columns.iter().map(|it| (it.name.as_str(), it.sql_type.name.as_str())).collect();
    let theirs: Vec<(&str, &str)> = columns.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
    if ours != theirs {
        let pair = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        let what = match pair {
            Some((ours, theirs)) if ours.1 != theirs.1 => {
                format!("column types differ [{}, ours {}]", theirs.1, ours.1)
            }
            Some((ours, theirs)) => format!("column names differ [{}, ours {}]", theirs.0, ours.0),
            None => "the number of columns differs".to_owned(),
        };
        return find(what, format!("PostgreSQL: {theirs:?}\nours: {ours:?}"));
    }
    None
}

/// Runs the statement over each filling, with arguments, and with NULL for parameters that the compiler reports as
/// nullable. Each run is rolled back.
fn run(
    sql: &str,
    query: &TypedQuery,
    types: &Types,
    database: &Database<'_>,
    rng: &mut Rng,
    outcome: &mut Outcome,
) -> Result<()> {
    let nullable = query.parameters.iter().any(|it| it.nullable);
    let mode = if query.effect == Effect::Read { " READ ONLY" } else { "" };
    let mut runs = Vec::new();
    for filling in FILLINGS {
        let rounds = match filling {
            "full" if query.parameters.is_empty() => 1,
            "full" if nullable => 3,
            "full" => 2,
            _ if nullable => 2,
            _ => 1,
        };
        for round in 0..rounds {
            let mut arguments = Vec::new();
            let length = rng.u32(..3);
            for parameter in &query.parameters {
                let null = parameter.nullable && (round == 1 || round == 2 && rng.bool());
                arguments.push(if null {
                    "NULL".to_owned()
                } else {
                    argument(types, parameter, rng.u32(..8), length)
                });
            }
            let arguments =
                if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
            let text = format!(
                "BEGIN{mode}; SET LOCAL search_path = {filling}; SET LOCAL statement_timeout = 400;\n\
                 PREPARE p AS {sql}\n; EXECUTE p{arguments}"
            );
            runs.push((filling, arguments, text));
        }
    }
    for ((filling, arguments, _), answer) in runs.iter().zip(execute(database, &runs)?) {
        match answer {
            Ok(rows) => {
                outcome.ran = true;
                outcome.rows += rows.len();
                if outcome.find.is_none() {
                    outcome.find = untrue(query, &rows).map(|it| Find {
                        kind: it.kind,
                        details: format!(
                            "{}\nover the filling `{filling}` with arguments {arguments}",
                            it.details
                        ),
                    });
                }
            }
            Err(sqlstate) => {
                if sqlstate == "25006" && outcome.find.is_none() {
                    outcome.find = find("called read-only, and writes", "");
                }
                outcome.failed = Some(sqlstate);
            }
        }
    }
    Ok(())
}

type Rows = Vec<Vec<Option<String>>>;

/// Sends all runs at once, and returns their rows or SQLSTATEs.
fn execute(database: &Database<'_>, runs: &[(&str, String, String)]) -> Result<Vec<Result<Rows, String>>> {
    let (client, runtime) = database.client();
    runtime.block_on(async {
        let mut flights = Vec::new();
        for (_, _, text) in runs {
            // The request is sent when the future is first polled.
            let mut run = Box::pin(client.simple_query(text));
            let mut undo = Box::pin(client.batch_execute("ROLLBACK; DEALLOCATE p"));
            let polled = std::future::poll_fn(|context| {
                let run = run.as_mut().poll(context);
                let undo = undo.as_mut().poll(context);
                std::task::Poll::Ready((run, undo))
            })
            .await;
            flights.push((run, undo, polled));
        }
        let mut answers = Vec::new();
        for (run, undo, (early_run, early_undo)) in flights {
            let run = match early_run {
                std::task::Poll::Ready(done) => done,
                std::task::Poll::Pending => run.await,
            };
            // If a run failed before its PREPARE, DEALLOCATE fails: only an error of the connection is reported.
            let undone = match early_undo {
                std::task::Poll::Ready(done) => done,
                std::task::Poll::Pending => undo.await,
            };
            if let Err(error) = undone
                && error.as_db_error().is_none()
            {
                bail!("{error}");
            }
            answers.push(match run {
                Ok(messages) => Ok(messages
                    .into_iter()
                    .filter_map(|message| match message {
                        SimpleQueryMessage::Row(row) => {
                            Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
                        }
                        _ => None,
                    })
                    .collect()),
                Err(error) => match error.code() {
                    Some(code) => Err(code.code().to_owned()),
                    None => bail!("{error}"),
                },
            });
        }
        Ok(answers)
    })
}

/// Returns a find if the rows contradict the compiler's answer.
fn untrue(query: &TypedQuery, rows: &Rows) -> Option<Find> {
    for row in rows {
        for (at, (column, value)) in query.columns.iter().zip(row).enumerate() {
            match value {
                None if !column.nullable => {
                    return find("NULL in a column called NOT NULL", format!("column {at}, {}", column.name));
                }
                Some(value) if column.always_null => {
                    return find("a value in a column called always NULL", format!("column {at}: {value}"));
                }
                Some(value) if !column.elements_nullable && has_null_element(value) => {
                    return find(
                        "NULL in an array whose elements are called NOT NULL",
                        format!("column {at}: {value}"),
                    );
                }
                _ => {}
            }
        }
    }
    let wrong = match query.cardinality {
        Cardinality::One => rows.len() != 1,
        Cardinality::AtMostOne => rows.len() > 1,
        Cardinality::None => !rows.is_empty() && !query.columns.is_empty(),
        Cardinality::Many => false,
    };
    if wrong {
        return find(format!("cardinality {}", query.cardinality.name()), format!("{} rows", rows.len()));
    }
    None
}

/// Whether the text form of an array contains a NULL element.
fn has_null_element(text: &str) -> bool {
    if !text.starts_with(['{', '[']) {
        return false;
    }
    let mut bare = String::new();
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                bare.push('"');
            }
            _ if quoted => {}
            ',' | '}' | '{' => {
                if bare == "NULL" {
                    return true;
                }
                bare.clear();
            }
            c => bare.push(c),
        }
    }
    false
}

/// Returns a quoted value for a parameter. Arrays have `length` elements, because arrays that are unnested together
/// must have the same length. If an element may be NULL, the last element is NULL.
fn argument(types: &Types, parameter: &TypedParameter, number: u32, length: u32) -> String {
    let text = match &parameter.sql_type.kind {
        SqlTypeKind::Array(element) => {
            let mut items: Vec<String> = (0..length)
                .map(|at| {
                    let text = value(types, element, number + at);
                    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
                })
                .collect();
            if let Some(last) = items.last_mut().filter(|_| parameter.elements_nullable) {
                "NULL".clone_into(last);
            }
            format!("{{{}}}", items.join(","))
        }
        _ => value(types, &parameter.sql_type, number),
    };
    format!("'{}'", text.replace('\'', "''"))
}

fn value(types: &Types, ty: &SqlType, number: u32) -> String {
    match &ty.kind {
        SqlTypeKind::Enum(labels) => {
            labels.get(number as usize % labels.len().max(1)).cloned().unwrap_or_default()
        }
        SqlTypeKind::Domain(base) => value(types, base, number),
        SqlTypeKind::Array(_) => "{}".to_owned(),
        _ if ty.oid != 0 => types.text(ty.oid, number),
        _ => match types.user.iter().position(|it| it.name == ty.name) {
            Some(at) => types.text(Types::user_ty(at), number),
            // The row type of a table.
            None => "()".to_owned(),
        },
    }
}

//! Explains errors of the server to a user of the command line.
//!
//! Input: an error of dsql-edge's client. Output: an error with the server's message, DETAIL and HINT, and a line with
//! the next step. A Worker's error hides messages that may quote a value of a parameter. Here, the values come from the
//! user's files, and the parameters are names and checksums.

use anyhow::anyhow;
use dsql_edge::Error;
use dsql_edge_compiler::schema::Dialect;

/// The strings that the client's errors contain instead of a hidden message.
const HIDDEN: [&str; 2] = [
    "the server's message may quote a value (Error::message has it)",
    "a value does not fit (data exception)",
];

/// The rights of a role that reads the ledger.
const RIGHTS_TO_READ: &str = "`migrate status` needs GRANT USAGE ON SCHEMA dsql_edge TO <role>; GRANT SELECT ON dsql_edge.migrations \
                              TO <role>. A role that applies migrations also needs SELECT, INSERT, UPDATE and DELETE ON ALL \
                              TABLES IN SCHEMA dsql_edge";

/// The rights of a role that applies migrations.
const RIGHTS: &str = "the role needs GRANT USAGE ON SCHEMA dsql_edge TO <role>; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL \
                      TABLES IN SCHEMA dsql_edge TO <role>";

/// Adds the server's DETAIL and HINT to the error of a statement of the user, and a help line to some errors.
pub(super) fn explained(error: Error) -> anyhow::Error {
    if let (true, Some(state), Some(message)) = (error.is_stale_snapshot(), error.sqlstate(), error.message())
    {
        let state = state.as_str();
        return anyhow!("SQLSTATE {state}: {message} in the database: does an earlier migration create it?");
    }
    let mut text = error.to_string();
    if let Some(message) = error.message().filter(|message| !text.contains(message)) {
        match HIDDEN.iter().find(|hidden| text.contains(*hidden)) {
            Some(hidden) => text = text.replacen(hidden, message, 1),
            None => text += &format!("\nmessage: {message}"),
        }
    }
    for (name, more) in [("detail", error.detail()), ("hint", error.hint())] {
        if let Some(more) = more {
            text += &format!("\n{name}: {more}");
        }
    }
    if let Some(help) = help(&error) {
        text += &format!("\nhelp: {help}");
    }
    if text == error.to_string() { error.into() } else { anyhow!(text) }
}

fn help(error: &Error) -> Option<&'static str> {
    let of_ledger = |message: &str| message.contains("dsql_edge") || message.contains("table migrations");
    Some(match error.sqlstate()?.as_str() {
        "54000" => "a statement is a separate transaction, which may change 3,000 rows and 10 MiB: split it",
        "25001" | "2D000" => {
            "PostgreSQL runs this statement only outside a transaction, and `migrate` sends it in one: run it with psql, \
             and leave it out of the folder"
        }
        "55P04" => {
            "PostgreSQL accepts a value that was added to an enum only after COMMIT: write the statement that uses it in the \
             next file"
        }
        "42501" if error.message().is_some_and(of_ledger) => RIGHTS,
        _ => return None,
    })
}

/// Describes, in errors, the statement that reads the ledger.
pub(super) const READING: &str = "reading the ledger";

/// Explains an error that a statement of the ledger caused. `what` describes the statement, such as [`READING`].
pub(super) fn of_ledger(error: Error, what: &'static str) -> anyhow::Error {
    let (state, message) = (error.sqlstate(), error.message().unwrap_or_default());
    let next = match state.as_ref().map(|state| state.as_str()) {
        Some("42501") if what == READING => RIGHTS_TO_READ,
        Some("42501") => RIGHTS,
        Some("25006") => READ_ONLY,
        Some(_) if error.is_stale_snapshot() => {
            "another client dropped or changed a table of the schema dsql_edge: restore it, or, if nothing of the folder is \
             applied, drop the schema"
        }
        _ => return anyhow::Error::from(error).context(what),
    };
    let state = state.map_or_else(String::new, |state| format!("SQLSTATE {}: ", state.as_str()));
    anyhow!("{state}{message}: {next}").context(what)
}

const READ_ONLY: &str = "the server only reads, as a standby does, or the role's default_transaction_read_only is on: connect to \
                         the primary";

/// Explains why the ledger cannot be created.
pub(super) fn of_creation(error: Error, dialect: Dialect) -> anyhow::Error {
    let next = match error.sqlstate().as_ref().map(|state| state.as_str()) {
        Some("42501") if dialect == Dialect::Dsql => "run `dsql-edge migrate` once as admin",
        Some("42501") => "run `dsql-edge migrate` once as a role with the right CREATE on the database",
        Some("25006") => READ_ONLY,
        _ => return anyhow::Error::from(error).context("creating the ledger (schema dsql_edge)"),
    };
    anyhow::Error::from(error).context(format!("the ledger (schema dsql_edge) cannot be created: {next}"))
}

/// Explains the errors of statements that read or write the ledger.
pub(super) trait OfLedger<T> {
    /// `what` describes the statement, such as [`READING`].
    fn of_ledger(self, what: &'static str) -> anyhow::Result<T>;
}

impl<T> OfLedger<T> for Result<T, Error> {
    fn of_ledger(self, what: &'static str) -> anyhow::Result<T> {
        self.map_err(|error| of_ledger(error, what))
    }
}

//! The fields of the spans, and their values.
//!
//! The names are those of OpenTelemetry's semantic conventions for database spans and for PostgreSQL (stable since
//! version 1.33), and of `tracing-opentelemetry` (`otel.*`). The names of this crate's own fields begin with
//! `dsql_edge.`.
//!
//! `db.query.text` is the text of a statement as it was compiled, with `$1` for parameters. If a statement is known
//! only at run time (feature `dynamic`), this field is not set, because the SQL may contain values.

use tracing::{Span, field};

use crate::client::flight::Prepared;
use crate::connector::Connector;
use crate::error::Error;
use crate::millis::Millis;
use crate::settings::{Endpoint, Settings};
use crate::statement::StatementRef;

pub(super) const TARGET: &str = "dsql_edge";

/// The number of bytes to which OpenTelemetry limits a summary.
const MAX_SUMMARY: usize = 255;

/// The span of a flight. `tracing` stores the name of a span as a constant for each call of a span macro, so this macro
/// is called once for each name.
macro_rules! flight_span {
    ($name:literal, $connector:expr, $members:expr) => {{
        use $crate::client::trace::fields::{self, Described};
        let (connector, members) = ($connector, $members);
        let settings = connector.settings();
        // The values are computed only if a subscriber is interested in the span.
        tracing::info_span!(
            target: fields::TARGET,
            $name,
            "otel.kind" = "client",
            "otel.name" = Described::new(members).summary.as_str(),
            "otel.status_code" = tracing::field::Empty,
            "otel.status_description" = tracing::field::Empty,
            "db.system.name" = "postgresql",
            "db.namespace" = fields::database(settings),
            "db.operation.name" = Described::new(members).operation.as_str(),
            "db.operation.batch.size" = fields::batch_size(members),
            "db.query.summary" = Described::new(members).summary.as_str(),
            "db.query.text" = fields::text(members).as_deref(),
            "db.response.returned_rows" = tracing::field::Empty,
            "db.response.status_code" = tracing::field::Empty,
            "error.type" = tracing::field::Empty,
            "server.address" = fields::host(&settings.endpoint),
            "server.port" = fields::port(&settings.endpoint),
            "code.file.path" = fields::first(members).map(|first| first.file()),
            "code.line.number" = fields::first(members).map(|first| first.line),
            "dsql_edge.attempts" = tracing::field::Empty,
            "dsql_edge.connection.reused" = tracing::field::Empty,
            "dsql_edge.outcome" = tracing::field::Empty,
            "dsql_edge.round_trips" = tracing::field::Empty,
        )
    }};
}

pub(super) use flight_span;

/// The span of a transaction.
pub(super) fn transaction_span(connector: &Connector) -> Span {
    let settings = connector.settings();
    tracing::info_span!(
        target: TARGET,
        "transaction",
        "otel.kind" = "client",
        "otel.status_code" = field::Empty,
        "otel.status_description" = field::Empty,
        "db.system.name" = "postgresql",
        "db.namespace" = database(settings),
        "db.response.status_code" = field::Empty,
        "error.type" = field::Empty,
        "server.address" = host(&settings.endpoint),
        "server.port" = port(&settings.endpoint),
        "dsql_edge.attempts" = field::Empty,
        "dsql_edge.outcome" = field::Empty,
        "dsql_edge.round_trips" = field::Empty,
    )
}

/// The operation and the summary of one statement, or of several.
pub(super) struct Described {
    pub(super) operation: String,
    pub(super) summary: String,
}

impl Described {
    pub(super) fn new(members: &[Prepared]) -> Described {
        let each = || members.iter().map(|member| &member.statement);
        if let [one] = members {
            return Described { operation: operation(&one.statement), summary: summary(&one.statement) };
        }
        // The name of several statements that are sent together is `BATCH`. If all statements have the same name, their
        // name is appended: `BATCH INSERT`.
        let batch = |same: Option<String>| match same {
            Some(same) => format!("BATCH {same}"),
            None => "BATCH".to_owned(),
        };
        Described { operation: batch(same(each().map(operation))), summary: batch(same(each().map(summary))) }
    }
}

/// The value, if all values are equal.
fn same(mut values: impl Iterator<Item = String>) -> Option<String> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// The command of a statement: the first word of its text, after comments and opening parentheses.
fn operation(statement: &StatementRef) -> String {
    let mut text = statement.sql();
    loop {
        text = text.trim_start_matches(|it: char| it.is_whitespace() || it == '(');
        let rest = match (text.strip_prefix("--"), text.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n'),
            (None, Some(comment)) => comment.split_once("*/"),
            (None, None) => break,
        };
        text = rest.map_or("", |(_, rest)| rest);
    }
    let word = text.split(|it: char| !it.is_ascii_alphabetic()).next().unwrap_or_default();
    word.to_ascii_uppercase()
}

/// The name of the query function; for an expression, its command and its tables.
fn summary(statement: &StatementRef) -> String {
    if !statement.name.is_empty() {
        return statement.name.to_owned();
    }
    let mut summary = operation(statement);
    for table in statement.tables {
        if summary.len().saturating_add(table.len()) >= MAX_SUMMARY {
            break;
        }
        summary.push(' ');
        summary.push_str(table);
    }
    summary
}

/// Returns the SQL of the statements, each different string once. `None` if the text of one statement is known only at
/// run time.
pub(super) fn text(members: &[Prepared]) -> Option<String> {
    let mut texts: Vec<&str> = Vec::new();
    for member in members {
        let text = member.statement.compiled_sql()?;
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    Some(texts.join("; "))
}

/// The number of executions, if there are several.
pub(super) fn batch_size(members: &[Prepared]) -> Option<u64> {
    let executions: usize = members.iter().map(|member| member.arguments.len()).sum();
    (executions > 1).then_some(executions as u64)
}

pub(super) fn first(members: &[Prepared]) -> Option<&StatementRef> {
    let first = members.first().map(|member| &member.statement)?;
    (!first.file().is_empty()).then_some(first)
}

/// The name of the database; `None` for the client of a pool, whose configuration has no endpoint.
pub(super) fn database(settings: &Settings) -> Option<&str> {
    #[cfg(feature = "postgres")]
    if let Some(postgres) = &settings.postgres {
        return Some(&postgres.database);
    }
    host(&settings.endpoint).map(|_| "postgres")
}

/// The host of the endpoint; `None` for the client of a pool.
pub(super) fn host(endpoint: &Endpoint) -> Option<&str> {
    (!endpoint.host.is_empty()).then_some(endpoint.host.as_str())
}

pub(super) fn port(endpoint: &Endpoint) -> Option<u64> {
    host(endpoint).map(|_| u64::from(endpoint.port))
}

pub(super) fn flown(span: &Span, connector: &Connector, is_reused: bool) {
    span.record("dsql_edge.connection.reused", is_reused);
    // If there are several endpoints, these fields have the endpoint that was used.
    let endpoint = &connector.settings().endpoint;
    span.record("server.address", host(endpoint));
    span.record("server.port", port(endpoint));
}

pub(super) fn retry(span: &Span, error: &Error, pause: Millis, next: u32) {
    let state = error.sqlstate();
    tracing::info!(
        target: TARGET,
        parent: span,
        {
            "dsql_edge.attempt" = next,
            "dsql_edge.pause_ms" = pause,
            "db.response.status_code" = state.as_ref().map(|state| state.as_str()),
            "error.type" = state.as_ref().map_or_else(|| class(error), |state| state.as_str()),
            "error.message" = %error,
        },
        "the attempt failed, and another one follows"
    );
}

pub(super) fn end(span: &Span, rows: u64, round_trips: u32, attempts: u32, error: Option<&Error>) {
    span.record("db.response.returned_rows", rows);
    span.record("dsql_edge.round_trips", round_trips);
    span.record("dsql_edge.attempts", attempts);
    let Some(error) = error else { return };
    let state = error.sqlstate();
    if let Some(state) = &state {
        span.record("db.response.status_code", state.as_str());
    }
    span.record("error.type", state.as_ref().map_or_else(|| class(error), |state| state.as_str()));
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", field::display(error));
    if error.is_outcome_unknown() {
        span.record("dsql_edge.outcome", "unknown");
    } else if error.is_executed() {
        span.record("dsql_edge.outcome", "executed");
    }
}

/// The class of an error that has no SQLSTATE.
fn class(error: &Error) -> &'static str {
    #[cfg(feature = "pool")]
    if error.is_overloaded() {
        return "overloaded";
    }
    match error {
        it if it.is_timeout() => "timeout",
        it if it.is_connection_lost() => "connection_lost",
        it if it.is_credentials() => "credentials",
        it if it.is_connect() => "connect",
        it if it.is_conversion() => "conversion",
        it if it.is_stale_snapshot() => "stale_snapshot",
        it if it.is_no_rows() => "no_rows",
        it if it.is_too_many_rows() => "too_many_rows",
        it if it.is_too_long() => "too_long",
        it if it.is_rolled_back() => "rolled_back",
        it if it.is_transaction_over() => "transaction_over",
        it if it.is_other_request() => "other_request",
        it if it.is_config() => "config",
        _ => "_OTHER",
    }
}

//! Compares a query under two schemas: the current one and the candidate.
//!
//! Input: queries. Output: the findings, which are queries that no longer compile, queries whose Rust types change, and
//! notes.

use dsql_edge_compiler::diagnostic::render::{Place, render, render_of_many};
use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Diagnostics};
use dsql_edge_compiler::fields::{Entry, Field, Fields, RustType, fields};
use dsql_edge_compiler::schema::Origin;
use dsql_edge_compiler::source::{Lines, Span};
use dsql_edge_compiler::typed::{Cardinality, Idempotency, TypedColumn, TypedParameter};
use dsql_edge_compiler::{Schema, Source, TypedQuery, compile, compile_in_batches};

use super::defaults;
use super::dropped::detail;
use super::invocation::Query;
use super::schemas::Folded;

/// The value of [`Finding::code`] for a query that compiles.
pub(crate) const CHANGED: &str = "changed";

/// A difference that `check` reports for a query.
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// The code of the error, or `changed` if the query compiles.
    pub code: &'static str,
    /// The message, one line.
    pub message: String,
    /// The location of the finding in the sources.
    pub place: Place,
    /// The report for people: the message, the source with the error underlined, and a hint.
    pub rendered: String,
    /// Whether the query already fails to compile under the current schema.
    pub was_wrong: bool,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The query does not compile.
    Broken,
    /// The query compiles, but the Rust types of its row or of a parameter change, or a column that an INSERT leaves
    /// out loses its default.
    Changed,
    /// The types of the query's existing columns and parameters stay the same, but something else changes: for example,
    /// a row that the macro declares gets a field. (A new field of the user's own struct is `Changed`.)
    Note,
}

/// A query that compiles, and the fields of its row.
struct Compiled {
    query: TypedQuery,
    fields: Fields,
}

/// Returns the findings for all queries.
pub(super) fn all(queries: &[Query], now: Option<&Schema>, coming: &Folded) -> Vec<Finding> {
    queries.iter().flat_map(|query| one(query, now, coming)).collect()
}

fn one(query: &Query, now: Option<&Schema>, coming: &Folded) -> Vec<Finding> {
    let (folded, coming) = (coming, &coming.schema);
    let before = now.map(|now| compiled(query, now));
    match (compiled(query, coming), before) {
        // An error in `sql_unchecked!` is reported only if the statement compiles with the current
        // schema.
        (Err(_), Some(Err(_)) | None) if query.unchecked => Vec::new(),
        (Err(errors), before) => {
            let before = before.map(|before| before.is_ok());
            errors.errors().map(|error| broken(query, error, before, folded)).collect()
        }
        (Ok(after), Some(Ok(before))) => {
            let mut out = changes(query, &before, &after);
            let lost = now.map(|now| defaults::lost(&query.text, now, coming)).unwrap_or_default();
            out.extend(lost.into_iter().map(|it| {
                let hint = "give the column a value in the INSERT, or keep the default".to_owned();
                changed(query, Severity::Changed, it.table, &it.message, Some(hint))
            }));
            out
        }
        (Ok(_), _) => Vec::new(),
    }
}

fn compiled(query: &Query, schema: &Schema) -> Result<Compiled, Diagnostics> {
    let source = Source::of_macro(&query.text);
    let typed = match query.batches {
        Some(rows) => compile_in_batches(&source, schema, rows)?.statement,
        None => compile(&source, schema)?,
    };
    // The types of the columns are written in `sql_unchecked!`, so they cannot change.
    let fields = if query.unchecked { Fields::default() } else { fields(&typed, schema)? };
    Ok(Compiled { query: typed, fields })
}

/// `before`: whether the query compiles with the current schema, if there is one.
fn broken(query: &Query, error: &Diagnostic, before: Option<bool>, coming: &Folded) -> Finding {
    let mut error = error.clone();
    let was_wrong = before == Some(false);
    // If the query compiles with the current schema, it would not help to pull the schema or to add a migration. So a
    // hint that advises to pull the schema or to add a migration is replaced below.
    let origin = coming.schema.origin;
    if error.detail.is_none() && !was_wrong {
        error.detail = detail(&error, &query.text, &coming.dropped);
    }
    let is_unknown = matches!(error.code, Code::UnknownTable | Code::UnknownColumn | Code::UnknownFunction);
    let is_next_step = error.hint.as_ref().is_some_and(|hint| origin.is_next_step(hint));
    if before == Some(true) && (is_next_step || is_unknown && origin == Origin::Database) {
        error.hint = error.detail.is_none().then(|| coming.missing.to_owned());
    }
    let place = query.place(error.span.start as usize);
    Finding {
        severity: Severity::Broken,
        code: error.code.name(),
        message: format!("{} [{}]", error.message, error.sqlstate()),
        rendered: render(&error, &query.text, Some(place.clone())),
        place,
        was_wrong,
    }
}

fn changes(query: &Query, before: &Compiled, after: &Compiled) -> Vec<Finding> {
    let mut out = Vec::new();
    let whole = {
        let start = query.text.len() - query.text.trim_start().len();
        let end = query.text.trim_start().lines().next().map_or(start, |line| start + line.trim_end().len());
        Span::new(start, end)
    };
    for (number, (was, is)) in (1..).zip(before.query.parameters.iter().zip(&after.query.parameters)) {
        if let Some(message) = parameter(number, was, is) {
            out.push(changed(
                query,
                Severity::Changed,
                parameter_span(query, number, was).unwrap_or(whole),
                &message,
                None,
            ));
        }
    }
    let (was, is) = (row(&before.fields), row(&after.fields));
    let column_span = |column: usize| after.query.columns.get(column).map_or(whole, |column| column.span);
    for (name, (was_type, _)) in &was {
        match is.iter().find(|(known, _)| known == name) {
            None => {
                let message = format!("the row no longer has a field `{name}`");
                out.push(changed(query, Severity::Changed, whole, &message, None));
            }
            Some((_, (is_type, column))) if is_type != was_type => {
                let message = format!("`{name}` becomes {is_type}; it is {was_type}");
                let hint = hint(was_type, is_type, after.query.columns.get(*column));
                out.push(changed(query, Severity::Changed, column_span(*column), &message, hint));
            }
            Some(_) => {}
        }
    }
    for (name, (is_type, column)) in &is {
        if was.iter().any(|(known, _)| known == name) {
            continue;
        }
        let message = format!("the row gets a field `{name}`: {is_type}");
        // A struct that the user defined does not have the new field, so the struct no longer fits the row.
        let severity = if query.own_row { Severity::Changed } else { Severity::Note };
        out.push(changed(query, severity, column_span(*column), &message, None));
    }
    let at_most_one = |it: Cardinality| matches!(it, Cardinality::One | Cardinality::AtMostOne);
    if at_most_one(before.query.cardinality) && after.query.cardinality == Cardinality::Many {
        let message = "it may return many rows; with the current schema, it returns at most one";
        let hint = "fetch_one and fetch_optional fail if there are more";
        out.push(changed(query, Severity::Note, whole, message, Some(hint.to_owned())));
    }
    if let (Idempotency::Key(_), Idempotency::NotAKey(reason), false) =
        (&before.query.idempotency, &after.query.idempotency, query.unchecked)
    {
        let message = "it can no longer be an idempotency key";
        out.push(changed(query, Severity::Note, whole, message, Some(reason.clone())));
    }
    out
}

fn changed(query: &Query, severity: Severity, span: Span, message: &str, hint: Option<String>) -> Finding {
    let place = query.place(span.start as usize);
    let mut diagnostic = Diagnostic::error(Code::TypeMismatch, span, "");
    diagnostic.hint = hint;
    // `message` replaces the first line of the rendered diagnostic, which is the line of an error; the hint must not be
    // a part of that line.
    let rendered = render_of_many(&diagnostic, &query.text, &Lines::of(&query.text), Some(place.clone()));
    let below = rendered.split_once('\n').map_or("", |(_, below)| below);
    Finding {
        severity,
        code: CHANGED,
        message: message.to_owned(),
        rendered: format!("{message}\n{below}"),
        place,
        was_wrong: false,
    }
}

fn parameter(number: usize, was: &TypedParameter, is: &TypedParameter) -> Option<String> {
    let name = is.name.as_ref().map_or_else(|| format!("${number}"), |name| format!("${name}"));
    if was.sql_type.name != is.sql_type.name {
        return Some(format!("{name} becomes {}; it is {}", is.sql_type.name, was.sql_type.name));
    }
    if was.nullable && !is.nullable {
        return Some(format!("{name} no longer takes an Option: NULL has no meaning there"));
    }
    if was.elements_nullable && !is.elements_nullable {
        return Some(format!("{name} no longer takes elements that are an Option"));
    }
    None
}

/// Returns the span of the first use of a parameter in the query.
fn parameter_span(query: &Query, number: usize, parameter: &TypedParameter) -> Option<Span> {
    let name = parameter.name.as_ref().map_or_else(|| format!("${number}"), |name| format!("${name}"));
    let lexed = dsql_edge_compiler::syntax::lex(&Source::of_macro(&query.text));
    lexed.placeholders.iter().map(|(span, _)| *span).find(|span| span.text(&query.text) == name)
}

/// Returns the fields of a row: name, type in Rust, column. The name of a field in a group includes the group's path.
fn row(fields: &Fields) -> Vec<(String, (String, usize))> {
    let mut out = Vec::new();
    collect("", &fields.entries, &mut out);
    out
}

fn collect(path: &str, entries: &[Entry], out: &mut Vec<(String, (String, usize))>) {
    for entry in entries {
        let name = format!("{path}{}", entry.name().text());
        match entry {
            Entry::Field(field) => out.push((name, (rust_type(field), field.column))),
            Entry::Group(group) => {
                let shape = if group.witness.is_some() { "an Option of a struct" } else { "a struct" };
                out.push((name.clone(), (shape.to_owned(), first_column(&group.entries))));
                collect(&format!("{name}."), &group.entries, out);
            }
        }
    }
}

fn first_column(entries: &[Entry]) -> usize {
    let of = |entry: &Entry| match entry {
        Entry::Field(field) => field.column,
        Entry::Group(group) => first_column(&group.entries),
    };
    entries.iter().map(of).min().unwrap_or(0)
}

/// Returns the Rust type of a field, without the modules of its path.
pub(crate) fn rust_type(field: &Field) -> String {
    let plain = match &field.rust_type {
        RustType::Known(path) => short(path),
        RustType::Vec { element, nullable: true } => format!("Vec<Option<{}>>", short(element)),
        RustType::Vec { element, nullable: false } => format!("Vec<{}>", short(element)),
        RustType::Written(written) => written.clone(),
        RustType::Directive(directive) => directive.rust.clone(),
    };
    if field.nullable { format!("Option<{plain}>") } else { plain }
}

/// Removes the modules from the path of a type: `DateTime<Utc>`.
pub(crate) fn short(path: &str) -> String {
    let mut out = String::new();
    for piece in path.split_inclusive(['<', '>', ',', ' ']) {
        out += piece.rsplit("::").next().unwrap_or(piece);
    }
    out
}

fn hint(was: &str, is: &str, column: Option<&TypedColumn>) -> Option<String> {
    let of = column?.origin.as_ref().map(|origin| format!("{}.{}", origin.table, origin.column));
    if is == format!("Option<{was}>") {
        return Some(match of {
            Some(of) => format!("{of} may be NULL in the new schema"),
            None => "it may be NULL in the new schema".to_owned(),
        });
    }
    if was == format!("Option<{is}>") {
        return Some(match of {
            Some(of) => format!("{of} is never NULL in the new schema"),
            None => "it is never NULL in the new schema".to_owned(),
        });
    }
    None
}

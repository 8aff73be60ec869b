//! The differences between sqlx and dsql-edge that depend on the types of the user's code.
//!
//! Input: a query that compiles with `sql!`. Output: sentences.

use std::collections::BTreeSet;

use dsql_edge_compiler::TypedQuery;
use dsql_edge_compiler::fields::{Field, Fields, RustType, rust_type as usual_type};
use dsql_edge_compiler::sql_type::SqlType;
use dsql_edge_compiler::typed::TypedColumn;

use super::invocation::Rows;
use super::sources::Call;
use crate::check::{rust_type, short};

/// Returns the notes about a query.
pub(super) fn of(call: &Call, query: &TypedQuery, fields: &Fields) -> Vec<String> {
    let mut out = Vec::new();
    let own: Vec<String> = own_types(call, fields).into_iter().map(|name| format!("`{name}`")).collect();
    if !own.is_empty() {
        out.push(format!(
            "{} must implement dsql_edge's traits: `#[derive(dsql_edge::Type)]` in place of `sqlx::Type`",
            own.join(", ")
        ));
    }
    for field in fields.all() {
        let Some(column) = query.columns.get(field.column) else { continue };
        let (name, rust) = (field.name.text(), rust_type(field));
        if let Some(other) = other_type(&column.sql_type, &field.rust_type) {
            out.push(format!("column {name} is {rust}; in sqlx, {other}"));
        } else if is_option_in_sqlx(call, column, field) {
            out.push(format!("column {name} is {rust}; in sqlx, Option<{rust}>"));
        }
    }
    for (number, parameter) in query.parameters.iter().enumerate().map(|(at, it)| (at + 1, it)) {
        let known = RustType::Known("");
        if let Some(other) = other_type(&parameter.sql_type, &known) {
            let name = &parameter.sql_type.display;
            out.push(format!(
                "argument {number} is of type {name}: dsql_edge::types::Interval; in sqlx, {other}"
            ));
        }
    }
    let warnings = query.warnings.iter().chain(&fields.warnings);
    out.extend(warnings.map(|warning| match &warning.hint {
        Some(hint) => format!("{} [{}]: {hint}", warning.message, warning.code.name()),
        None => format!("{} [{}]", warning.message, warning.code.name()),
    }));
    out
}

/// Returns the types of the user's code that occur in overrides and casts.
fn own_types(call: &Call, fields: &Fields) -> BTreeSet<String> {
    let written = fields.all().into_iter().filter_map(|field| match &field.rust_type {
        RustType::Written(written) if written != "_" => Some(written.clone()),
        _ => None,
    });
    let casts = call.invocation.arguments.iter().filter_map(|argument| argument.cast.clone());
    let is_own = |name: &String| {
        let path = name.trim_start_matches('&').split('<').next().unwrap_or_default();
        let last = path.rsplit("::").next().unwrap_or_default();
        let is_type = last.starts_with(char::is_uppercase);
        is_type && !matches!(last, "Option" | "Vec" | "String" | "Uuid" | "DateTime" | "Value" | "Decimal")
    };
    written.chain(casts).filter(is_own).collect()
}

/// Returns the Rust type that sqlx uses for a type, if dsql-edge uses a different Rust type.
fn other_type(sql_type: &SqlType, rust: &RustType) -> Option<&'static str> {
    if !matches!(rust, RustType::Known(_)) {
        return None;
    }
    Some(match sql_type.base().name.as_str() {
        "interval" => "PgInterval or a duration",
        _ => return None,
    })
}

/// Returns the columns whose override contains a standard Rust type that does not fit the column (`AS "at: i64"` for a
/// time); sqlx does not check such an override. Each entry has the position of the column in the SQL.
pub(super) fn misfits(query: &TypedQuery, fields: &Fields) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    for field in fields.all() {
        let Some(column) = query.columns.get(field.column) else { continue };
        if let Some(usual) = misfit(&column.sql_type, &field.rust_type) {
            let (name, rust, sql) = (field.name.text(), rust_type(field), &column.sql_type.display);
            let reason = format!(
                "column {name} is written as {rust}, which does not fit {sql}: write {usual}, or a type that you define"
            );
            out.push((column.span.start as usize, reason));
        }
    }
    out
}

/// Returns the usual Rust type of a column, if the query specifies a standard Rust type that does not fit, as in
/// `"at: i64"`.
fn misfit(sql_type: &SqlType, rust: &RustType) -> Option<String> {
    const PLAIN: [&str; 9] = ["bool", "i16", "i32", "i64", "u32", "f32", "f64", "String", "Vec<u8>"];
    let RustType::Written(written) = rust else { return None };
    let RustType::Known(usual) = usual_type(sql_type, false).1 else { return None };
    let usual = short(usual);
    // JSON may stay text.
    let is_json = matches!(sql_type.base().name.as_str(), "json" | "jsonb") && written == "String";
    (!is_json && PLAIN.contains(&written.as_str()) && *written != usual).then_some(usual)
}

/// Whether sqlx makes the column an `Option` although it is never NULL: for sqlx, only a column of a table is NOT NULL.
fn is_option_in_sqlx(call: &Call, column: &TypedColumn, field: &Field) -> bool {
    let is_overridden = column.is_alias && column.name.contains(['!', '?']);
    call.kind.rows != Rows::Struct && !field.nullable && column.origin.is_none() && !is_overridden
}

//! Generates a module for each SQL type of a project: a function that makes an argument from its text, and a function
//! that sends a decoded value back.
//!
//! Input: SQL types. Output: Rust. The functions are generic over the Rust type, so that they accept the types in
//! overrides.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::emit::marker_tokens;
use dsql_edge_compiler::fields::{Marker, RustType, marker};

use crate::project::{compiled, in_rust};

/// The types of a project, and the numbers of their modules.
#[derive(Default)]
pub(crate) struct Types(BTreeMap<(String, bool), usize>);

impl Types {
    /// The module of a type; `elements_nullable` is whether elements of an array can be NULL.
    pub(crate) fn module(&mut self, sql_type: &str, elements_nullable: bool) -> String {
        let next = self.0.len();
        let number = *self.0.entry((sql_type.to_owned(), elements_nullable)).or_insert(next);
        format!("crate::types::t{number}")
    }

    /// The source of the modules.
    pub(crate) fn source(&self, schema: &Schema) -> Result<String> {
        let mut out = String::from(
            "//! The types of the columns and parameters.\n\
             #![allow(unused)]\n\
             use dsql_edge::types::{DateTime, Decimal, Interval, JsonValue, NaiveDate, NaiveDateTime, NaiveTime};\n\
             use dsql_edge::types::{Param, TimeTz, Utc, Uuid};\n\
             use dsql_edge::{Error, Executor, sql};\n\
             use dsql_edge_tests_corpus::cell::{Cell, Written};\n",
        );
        for ((sql_type, elements_nullable), number) in &self.0 {
            out += &module(sql_type, *elements_nullable, *number, schema)?;
        }
        Ok(out)
    }
}

/// The types whose Rust values can be printed as PostgreSQL reads them.
const WRITTEN: [&str; 14] = [
    "bool",
    "i16",
    "i32",
    "i64",
    "u32",
    "f32",
    "f64",
    "Decimal",
    "Uuid",
    "NaiveTime",
    "JsonValue",
    "NaiveDate",
    "NaiveDateTime",
    "DateTime<::dsql_edge::types::Utc>",
];

/// Whether a Rust type implements `Written`.
pub(crate) fn is_written(rust: &RustType) -> bool {
    let RustType::Known(known) = rust else { return false };
    WRITTEN.contains(&known.strip_prefix("::dsql_edge::types::").unwrap_or(known))
}

/// `format` prints a value with the output function of its type, as for a column; a cast to text prints some types
/// differently.
fn shown(sql_type: &str, value: &str) -> String {
    let as_jsonb = if sql_type == JSON { "::jsonb" } else { "" };
    format!("SELECT format('%s', {value}::{sql_type}{as_jsonb}) AS \"shown!\"")
}

/// The type whose values are compared as `jsonb`.
pub(crate) const JSON: &str = "\"pg_catalog\".\"json\"";

fn module(sql_type: &str, elements_nullable: bool, number: usize, schema: &Schema) -> Result<String> {
    let query = |sql: &str| compiled(sql, schema).map_err(|error| anyhow!("{sql}: {error}"));
    let given = query(&format!("SELECT $1::text::{sql_type} AS \"given!\""))?;
    let rust = &given.fields.all().first().ok_or_else(|| anyhow!("no column"))?.rust_type;
    // The name of the column can contain the Rust type, and PostgreSQL truncates a name to 63 bytes. So the type is
    // written without the paths of its modules.
    let (rust_text, name) = match rust {
        RustType::Vec { element, .. } if !elements_nullable => {
            let rust = short(&format!("Vec<{element}>"));
            (rust.clone(), format!("given!: {rust}"))
        }
        rust => (short(&in_rust(rust)), "given!".to_owned()),
    };
    let shown_sql = shown(sql_type, "$1");
    let shown_query = query(&shown_sql)?;
    let parameter = shown_query.typed.parameters.first().ok_or_else(|| anyhow!("no parameter"))?;
    let marker = path(&marker(&parameter.sql_type), parameter.elements_nullable);
    let nullable = if parameter.nullable { "Nullable" } else { "NotNull" };
    let mut out = format!(
        "/// `{sql_type}`
pub mod t{number} {{
    use super::*;

    pub async fn given(executor: impl Executor, text: &str) -> Result<{rust_text}, Error> {{
        sql!(r#\"SELECT $1::text::{sql_type} AS \"{name}\"\"#, text).fetch_value(executor).await
    }}

    pub async fn shown<T>(executor: impl Executor, value: &T) -> Result<Cell, Error>
    where
        T: Param<{marker}, dsql_edge::types::{nullable}> + Sync,
    {{
        sql!(r#\"{shown_sql}\"#, value).fetch_value(executor).await.map(Cell::of)
    }}
"
    );
    if is_written(rust) {
        let written = shown(sql_type, "$1::text");
        write!(
            out,
            "
    pub async fn both(mut executor: impl Executor, value: &{rust_text}) -> Result<Cell, Error> {{
        let cell = shown(&mut executor, value).await?;
        let Some(text) = value.written() else {{ return Ok(cell) }};
        let written = sql!(r#\"{written}\"#, text).fetch_value(executor).await?;
        Ok(Cell {{ written: Some(written), ..cell }})
    }}
"
        )?;
    }
    out += "}\n";
    Ok(out)
}

/// A Rust type without the paths of its modules.
fn short(rust: &str) -> String {
    ["::dsql_edge::types::", "::std::string::", "::std::vec::"]
        .iter()
        .fold(rust.to_owned(), |rust, path| rust.replace(path, ""))
}

/// Returns the path of the Rust type that is the marker of a parameter. The marker of an array contains `NotNull` if
/// the elements cannot be NULL.
fn path(marker: &Marker, elements_nullable: bool) -> String {
    match marker {
        Marker::Array(element) if !elements_nullable => {
            format!("dsql_edge::types::sql::Array<{}, dsql_edge::types::NotNull>", marker_tokens(element))
        }
        Marker::ArrayOfDomain(element) if !elements_nullable => {
            format!(
                "dsql_edge::types::sql::ArrayOfDomain<{}, dsql_edge::types::NotNull>",
                marker_tokens(element)
            )
        }
        marker => marker_tokens(marker).to_string(),
    }
}

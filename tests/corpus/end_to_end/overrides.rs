//! Defines the Rust types that occur in the overrides of a query.
//!
//! Input: the override of a column, such as `Vec<TabularType>`, and the column's SQL type. Output: definitions as the
//! user of the query would write them: a Rust enum for an enum, a struct for a composite type, otherwise a newtype.

use std::collections::BTreeMap;

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::analyze::composite;
use dsql_edge_compiler::fields::{RustType, rust_type};
use dsql_edge_compiler::sql_type::{SqlType, SqlTypeKind};

use crate::project::in_rust;

/// The types that `PRELUDE` or Rust itself defines.
const KNOWN: [&str; 25] = [
    "Vec",
    "Option",
    "String",
    "bool",
    "i16",
    "i32",
    "i64",
    "f32",
    "f64",
    "u8",
    "HashMap",
    "DateTime",
    "Utc",
    "NaiveDate",
    "NaiveTime",
    "NaiveDateTime",
    "Uuid",
    "JsonValue",
    "Decimal",
    "Json",
    "_",
    "chrono",
    "uuid",
    "serde_json",
    "sqlx",
];

/// The module `overrides` of each generated package.
pub(crate) const PRELUDE: &str = "//! The types that overrides name by the paths of other crates.
#![allow(unused)]
use std::marker::PhantomData;

pub use std::collections::HashMap;
pub use dsql_edge::types::{DateTime, Decimal, JsonValue, NaiveDate, NaiveDateTime, NaiveTime, Utc, Uuid};

/// A type that holds any JSON, so that it fits rows without the user's structs.
#[derive(dsql_edge::Type)]
pub struct Json<T>(pub JsonValue, pub PhantomData<fn() -> T>);

pub mod chrono {
    pub use dsql_edge::types::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
}

pub mod uuid {
    pub use dsql_edge::types::Uuid;
}

pub mod serde_json {
    pub use dsql_edge::types::JsonValue as Value;
}

pub mod sqlx {
    pub mod types {
        pub use super::super::Json;
    }
}
";

/// The definitions of a query, by the names of the types.
#[derive(Default)]
pub(crate) struct Definitions(BTreeMap<String, String>);

impl Definitions {
    /// Adds the types that occur in an override. The first definition of a name is kept.
    pub(crate) fn add(&mut self, written: &str, sql_type: &SqlType, name: &str, schema: &Schema) {
        let in_json = written.contains("Json<");
        let sql_type = match &sql_type.base().kind {
            SqlTypeKind::Array(element) if written.starts_with("Vec<") => element,
            _ => sql_type,
        };
        for path in paths(written) {
            let (module, own) = match path.rsplit_once("::") {
                Some((module, own)) => (Some(module), own),
                None => (None, path),
            };
            if KNOWN.contains(&path.split("::").next().unwrap_or(path)) {
                continue;
            }
            let definition = match in_json {
                true => format!("pub struct {own};\n"),
                false => definition(own, sql_type, name, schema),
            };
            let definition = match module {
                None => definition,
                Some(module) => format!("mod {module} {{\n{definition}}}\n"),
            };
            self.0.entry(path.to_owned()).or_insert(definition);
        }
    }

    /// The source of the definitions.
    pub(crate) fn source(&self) -> String {
        self.0.values().cloned().collect()
    }
}

/// The paths in a Rust type.
fn paths(written: &str) -> impl Iterator<Item = &str> {
    let is_of_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    written.split(move |c| !is_of_path(c)).filter(|path| !path.is_empty())
}

fn definition(own: &str, sql_type: &SqlType, name: &str, schema: &Schema) -> String {
    let derive = "#[derive(dsql_edge::Type)]\n";
    match &sql_type.base().kind {
        SqlTypeKind::Enum(labels) => {
            let variants = labels.iter().enumerate();
            let variants: String = variants
                .map(|(at, label)| format!("    #[dsql(rename = {label:?})]\n    V{at},\n"))
                .collect();
            format!("{derive}pub enum {own} {{\n{variants}}}\n")
        }
        SqlTypeKind::Composite => {
            let found = name.replace('"', "");
            let fields = found.split_once('.').and_then(|(schema_name, name)| {
                composite(schema, Some(schema_name), name).filter(|_| schema_name != "pg_catalog")
            });
            // An anonymous record arrives as text.
            let Some(fields) = fields else { return format!("{derive}pub struct {own}(pub String);\n") };
            let fields: String = fields
                .iter()
                .enumerate()
                .map(|(at, field)| {
                    let rust = in_rust(&rust_type(&field.sql_type, true).1);
                    format!("    #[dsql(rename = {:?})]\n    pub f{at}: Option<{rust}>,\n", field.name)
                })
                .collect();
            format!("{derive}#[dsql(name = {found:?})]\npub struct {own} {{\n{fields}}}\n")
        }
        _ => {
            let inner = match rust_type(sql_type, true).1 {
                RustType::Known(known) => known.to_owned(),
                other => in_rust(&other),
            };
            format!("{derive}pub struct {own}(pub {inner});\n")
        }
    }
}

//! sqlx's offline data (`QueryData` in sqlx-macros-core 0.9). `cargo sqlx prepare` writes this data from a live
//! database. This module writes the data from the answers of our compiler instead, so that both macros have the same
//! types and nullability.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use dsql_edge_compiler::sql_type::SqlType;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::queries::Query;

/// Writes `.sqlx/query-HASH.json` for every query, and removes the previous files.
pub(super) fn write(queries: &[Query], package: &Path) -> Result<()> {
    let folder = package.join(".sqlx");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for query in queries {
        let hash: String =
            Sha256::digest(query.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let columns = query.typed.columns.iter().enumerate().map(|(ordinal, column)| {
            Ok(json!({"ordinal": ordinal, "name": column.name, "type_info": type_info(&column.sql_type)?}))
        });
        let parameters = query.typed.parameters.iter().map(|parameter| type_info(&parameter.sql_type));
        let nullable: Vec<bool> = query.typed.columns.iter().map(|column| column.nullable).collect();
        let data = json!({
            "db_name": "PostgreSQL",
            "query": query.sql,
            "describe": {
                "columns": columns.collect::<Result<Vec<_>>>()?,
                "parameters": {"Left": parameters.collect::<Result<Vec<_>>>()?},
                "nullable": nullable,
            },
            "hash": hash,
        });
        fs::write(folder.join(format!("query-{hash}.json")), serde_json::to_string_pretty(&data)?)?;
    }
    Ok(())
}

/// Returns the name of the variant of sqlx-postgres's `PgType` for a type.
fn type_info(sql_type: &SqlType) -> Result<String> {
    let (name, suffix) = match sql_type.name.strip_prefix('_') {
        Some(element) => (element, "Array"),
        None => (sql_type.name.as_str(), ""),
    };
    let variant = match name {
        "bool" => "Bool",
        "int2" => "Int2",
        "int4" => "Int4",
        "int8" => "Int8",
        "float4" => "Float4",
        "float8" => "Float8",
        "numeric" => "Numeric",
        "text" => "Text",
        "varchar" => "Varchar",
        "bpchar" => "Bpchar",
        "uuid" => "Uuid",
        "date" => "Date",
        "timestamp" => "Timestamp",
        "timestamptz" => "Timestamptz",
        "interval" => "Interval",
        "json" => "Json",
        "jsonb" => "Jsonb",
        "bytea" => "Bytea",
        other => bail!("{other} has no name here for sqlx: add it"),
    };
    Ok(format!("{variant}{suffix}"))
}

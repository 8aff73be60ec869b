//! Generates the package of a project: one file for each query, in which the query is written as users write it.
//!
//! Input: compiled queries, and the names of their SQL types. Output: the files of a package.

use std::collections::BTreeMap;

use anyhow::Result;
use dsql_edge_compiler::fields::RustType;
use dsql_edge_compiler::typed::SessionEffect;

use crate::overrides::{Definitions, PRELUDE};
use crate::project::{Compiled, Place, Project, Query};
use crate::types::{Types, is_written};

/// The names of the SQL types of a query: of its parameters, and of its columns.
pub(crate) type TypeNames = (Vec<String>, Vec<String>);

/// The files of a package, by their paths.
pub(crate) type Files = BTreeMap<String, String>;

/// The files of a project's package. Queries that are not in `names` are left out.
pub(crate) fn package(project: &Project, names: &BTreeMap<usize, TypeNames>) -> Result<Files> {
    let mut files = Files::new();
    let mut types = Types::default();
    let mut numbers = Vec::new();
    for query in &project.queries {
        if let (Ok(compiled), Some(names)) = (&query.compiled, names.get(&query.number)) {
            let source = query_source(project, query, compiled, names, &mut types)?;
            files.insert(format!("src/q{:04}.rs", query.number), source);
            numbers.push((query.number, compiled.typed.session));
        }
    }
    files.insert("src/types.rs".to_owned(), types.source(&project.schema)?);
    files.insert("src/overrides.rs".to_owned(), PRELUDE.to_owned());
    files.insert("src/main.rs".to_owned(), main_source(&numbers));
    files.insert("dsql-schema.sql".to_owned(), project.snapshot.clone());
    Ok(files)
}

fn main_source(numbers: &[(usize, SessionEffect)]) -> String {
    let modules: String = numbers.iter().map(|(number, _)| format!("mod q{number:04};\n")).collect();
    let list: String = numbers
        .iter()
        .map(|(number, session)| {
            let kind = if *session == SessionEffect::Changes { "OnSession" } else { "InTransaction" };
            format!("    Compiled {{ number: {number}, run: Run::{kind}(q{number:04}::run) }},\n")
        })
        .collect();
    format!(
        "//! The queries of a project.
mod overrides;
mod types;
{modules}
use dsql_edge_tests_corpus::{{Compiled, Run}};

static QUERIES: &[Compiled] = &[
{list}];

fn main() -> Result<(), Box<dyn std::error::Error>> {{
    dsql_edge_tests_corpus::main(QUERIES)
}}
"
    )
}

fn query_source(
    project: &Project,
    query: &Query,
    compiled: &Compiled,
    (params, columns): &TypeNames,
    types: &mut Types,
) -> Result<String> {
    let mut definitions = Definitions::default();
    let places = compiled.places()?;
    let mut cells = String::new();
    for place in &places {
        let name = columns.get(place.field.column).map_or("", String::as_str);
        if let (RustType::Written(written), Some(column)) =
            (&place.field.rust_type, compiled.typed.columns.get(place.field.column))
        {
            definitions.add(written, &column.sql_type, name, &project.schema);
        }
        cells += &cell(place, name, types);
    }
    let mut arguments = String::new();
    let mut list = String::new();
    for (at, (parameter, name)) in compiled.typed.parameters.iter().zip(params).enumerate() {
        let module = types.module(name, parameter.elements_nullable);
        let given = format!("{module}::given(&mut *db, text).await?");
        arguments += &match parameter.nullable {
            true => format!(
                "        let p{at} = match given[{at}].as_deref() {{ Some(text) => Some({given}), None => None }};\n"
            ),
            false => {
                format!(
                    "        let text = given[{at}].as_deref().unwrap_or_default();\n        let p{at} = {given};\n"
                )
            }
        };
        list += &format!(", p{at}");
    }
    let (db, opened) = match compiled.typed.session {
        SessionEffect::Changes => ("db: &'a mut Session", ""),
        _ => ("mut db: Transaction<'a>", "        let db = &mut db;\n"),
    };
    let call = format!("sql!({}{list})", literal(&query.sql));
    let answer = match places.as_slice() {
        [] => format!("        Ok(Answer::Count({call}.execute(&mut *db).await?))\n"),
        _ => format!(
            "        let rows = {call}.fetch_all(&mut *db).await?;
        let mut cells = Vec::new();
        for row in rows {{
            cells.push(vec![
{cells}            ]);
        }}
        Ok(Answer::Rows(cells))
"
        ),
    };
    Ok(format!(
        "//! {}, line {}
#![allow(warnings)]

use crate::overrides::*;
use dsql_edge::{{Session, Transaction, sql}};
use dsql_edge_tests_corpus::cell::Cell;
use dsql_edge_tests_corpus::{{Answer, Given, Running}};

{}
pub fn run<'a>({db}, given: &'a Given) -> Running<'a> {{
    Box::pin(async move {{
{opened}{arguments}{answer}    }})
}}
",
        project.name,
        query.number,
        definitions.source()
    ))
}

/// The expression that makes a [`Cell`](dsql_edge_tests_corpus::cell::Cell) from the field of a row.
fn cell(place: &Place<'_>, name: &str, types: &mut Types) -> String {
    let Place { field, path } = place;
    let of_value = match (&field.rust_type, name) {
        (RustType::Known("()"), _) => "Cell::of(\"\")".to_owned(),
        (RustType::Known("::std::string::String"), _) => "Cell::of(value.clone())".to_owned(),
        // PostgreSQL accepts no parameter of this type.
        (RustType::Written(_), "\"pg_catalog\".\"record\"") => "Cell::of(value.0.clone())".to_owned(),
        (rust, _) => {
            // An array of records arrives as an array of strings.
            let name = if name == "\"pg_catalog\".\"_record\"" { "\"pg_catalog\".\"_text\"" } else { name };
            let way = if is_written(rust) { "both" } else { "shown" };
            format!("{}::{way}(&mut *db, value).await?", types.module(name, true))
        }
    };
    match field.nullable {
        true => {
            format!("                match &{path} {{ Some(value) => {of_value}, None => Cell::NULL }},\n")
        }
        false => format!("                {{ let value = &{path}; {of_value} }},\n"),
    }
}

/// A raw string literal.
fn literal(sql: &str) -> String {
    let hashes = (1..).map(|count| "#".repeat(count)).find(|hashes| !sql.contains(&format!("\"{hashes}")));
    let hashes = hashes.unwrap_or_default();
    format!("r{hashes}\"{sql}\"{hashes}")
}

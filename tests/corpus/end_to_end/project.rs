//! A project of a corpus: its schema, and its queries as the compiler understands them.
//!
//! Input: a folder with `schema.sql` and `queries.jsonl`. Output: the compiled queries, or the reason why a query does
//! not compile.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use dsql_edge_compiler::fields::{Entry, Field, Fields, RustType, fields};
use dsql_edge_compiler::typed::TypedQuery;
use dsql_edge_compiler::{Schema, Source, compile};
use serde_json::Value;

/// A project.
pub(crate) struct Project {
    /// The name of its folder.
    pub(crate) name: String,
    /// The snapshot.
    pub(crate) snapshot: String,
    /// The schema that the snapshot describes.
    pub(crate) schema: Schema,
    /// The queries, in the order of the file.
    pub(crate) queries: Vec<Query>,
}

/// A query.
pub(crate) struct Query {
    /// The number of the line in `queries.jsonl`; the first line has the number 1.
    pub(crate) number: usize,
    /// The statement as the user writes it.
    pub(crate) sql: String,
    /// The compiler's answer.
    pub(crate) compiled: Result<Compiled, String>,
}

/// A query that compiles.
pub(crate) struct Compiled {
    pub(crate) typed: TypedQuery,
    pub(crate) fields: Fields,
}

/// A field and the expression that reads it from `row`.
pub(crate) struct Place<'f> {
    pub(crate) field: &'f Field,
    pub(crate) path: String,
}

impl Compiled {
    /// The fields in the order of their columns. A field in a group that can be absent is not supported, because no
    /// corpus has one.
    pub(crate) fn places(&self) -> Result<Vec<Place<'_>>> {
        let mut places = Vec::new();
        collect(&self.fields.entries, "row", &mut places)?;
        places.sort_by_key(|place| place.field.column);
        Ok(places)
    }
}

fn collect<'f>(entries: &'f [Entry], before: &str, out: &mut Vec<Place<'f>>) -> Result<()> {
    for entry in entries {
        let path = format!("{before}.{}", entry.name().in_rust());
        match entry {
            Entry::Field(field) => out.push(Place { field, path }),
            Entry::Group(group) if group.witness.is_some() => {
                return Err(anyhow!("{path} is a group that can be absent"));
            }
            Entry::Group(group) => collect(&group.entries, &path, out)?,
        }
    }
    Ok(())
}

/// Reads the projects of a corpus whose names contain `only`.
pub(crate) fn projects(corpus: &Path, only: &str) -> Result<Vec<Project>> {
    let folder = corpus.join("queries");
    let mut folders: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("queries.jsonl").is_file())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(only)))
        .collect();
    folders.sort();
    folders.iter().map(|folder| read(folder)).collect()
}

fn read(folder: &Path) -> Result<Project> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ddl = fs::read_to_string(folder.join("schema.sql"))?;
    let snapshot = format!("-- dsql-edge: dialect postgres\n{ddl}");
    let schema = Schema::parse(&snapshot).map_err(|errors| anyhow!("{name}: {errors:?}"))?;
    let lines = fs::read_to_string(folder.join("queries.jsonl"))?;
    let queries = (1..)
        .zip(lines.lines())
        .map(|(number, line)| {
            let line: Value = serde_json::from_str(line)?;
            let sql = line["sql"].as_str().context("a line without sql")?.to_owned();
            let compiled = compiled(&sql, &schema);
            Ok(Query { number, sql, compiled })
        })
        .collect::<Result<_>>()?;
    Ok(Project { name, snapshot, schema, queries })
}

/// Compiles a query as `sql!` does.
pub(crate) fn compiled(sql: &str, schema: &Schema) -> Result<Compiled, String> {
    let errors = |errors: dsql_edge_compiler::diagnostic::Diagnostics| {
        let first = errors.iter().find(|it| it.is_error());
        first.map_or_else(String::new, |it| it.message.clone())
    };
    let typed = compile(&Source::of_macro(sql), schema).map_err(errors)?;
    let fields = fields(&typed, schema).map_err(errors)?;
    Ok(Compiled { typed, fields })
}

/// A Rust type that the compiler chose, as Rust code writes it.
pub(crate) fn in_rust(rust: &RustType) -> String {
    match rust {
        RustType::Known(known) => (*known).to_owned(),
        RustType::Vec { element, nullable: true } => format!("Vec<Option<{element}>>"),
        RustType::Vec { element, nullable: false } => format!("Vec<{element}>"),
        RustType::Written(written) => written.clone(),
        RustType::Directive(directive) => directive.rust.clone(),
    }
}

//! `dsql-edge describe`: prints the parameters and columns that `sql!` infers for queries.
//!
//! Input: a schema and queries. Output: parameters, columns or errors, as a table for people or as JSON lines. The
//! command does not connect to a database.

mod answer;
mod table;

use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use dsql_edge_compiler::schema::Origin;
use dsql_edge_compiler::source::Source;
use dsql_edge_macro_input::schema_path::SchemaPath;
use serde::Deserialize;

use crate::format::Format;
use crate::schema_files::{self, SqlFile};
use crate::{package_schema, style};
use answer::Dialect;
pub use answer::{Answer, Column, Describer, Param, Problem};

/// Show the parameters and columns that `sql!` infers for queries
#[derive(Args)]
#[command(
    after_help = "Examples:\n  dsql-edge describe 'SELECT id, title FROM posts WHERE author = $author'\n  dsql-edge \
    describe --schema migrations/ < queries.sql\n  dsql-edge describe --format json 'SELECT 1 AS one'"
)]
pub struct Options {
    /// The schema: a file of DDL, or a folder of migrations; without this option, the schema of the package's build
    /// (DSQL_EDGE_SCHEMA, the folder that build.rs names, dsql-schema.sql)
    #[arg(long)]
    schema: Option<PathBuf>,
    /// Read one `{"sql": …}` per line from stdin, and answer each with one line of JSON, in order
    #[arg(long, conflicts_with = "queries")]
    jsonl: bool,
    /// How the answer is printed; as JSON, one object per line, in the order of the queries
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The database whose rules apply; without this option, the schema's directive decides, or else DSQL's rules apply
    #[arg(long, value_enum)]
    dialect: Option<Dialect>,
    /// The queries, with `$name` or `$1`. If no query is given, or for `-`, the queries are read from stdin, separated
    /// by semicolons
    queries: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Returns an error if the schema cannot be read or has errors, or if the input is malformed. A query with errors is
/// not an error of this function: the answer contains the query's errors.
pub fn run(options: &Options) -> Result<ExitCode> {
    let (files, origin) = files(options.schema.as_deref())?;
    let describer = Describer::new(&files, options.dialect, origin)?;
    if options.jsonl {
        return json_lines(&describer);
    }
    let mut queries = Vec::new();
    for query in &options.queries {
        match query.as_str() {
            "-" => queries.extend(from_stdin()?),
            query => queries.push(query.to_owned()),
        }
    }
    if options.queries.is_empty() {
        queries = from_stdin()?;
    }
    if queries.is_empty() {
        bail!("stdin has no query: write one, or name queries on the command line");
    }
    let mut code = ExitCode::SUCCESS;
    for query in &queries {
        let source = Source::of_macro(query);
        let answer = describer.describe(&source);
        if answer.is_rejected() {
            code = ExitCode::FAILURE;
        }
        match options.format {
            Format::Human => style::print(&table::render(query, &answer))?,
            Format::Json => writeln!(io::stdout().lock(), "{}", serde_json::to_string(&answer)?)?,
        }
    }
    Ok(code)
}

fn files(named: Option<&Path>) -> Result<(Vec<SqlFile>, Origin)> {
    if let Some(path) = named {
        return Ok((schema_files::read(path)?, schema_files::origin_of(path)));
    }
    let package = package_schema::current_package();
    let found = package_schema::of(&package)?;
    if found.is_some() {
        eprintln!("{}", package_schema::described(&package)?);
    }
    match found {
        Some(SchemaPath::File(path)) => Ok((schema_files::read(&path)?, Origin::Snapshot)),
        Some(SchemaPath::Migrations(folder)) => Ok((schema_files::migrations(&folder)?, Origin::Migrations)),
        None => bail!("{}\nOr name a schema with --schema", package_schema::no_schema(&package)),
    }
}

/// Answers each line of stdin with a line of JSON. A query with errors is not an error of this function: the answer
/// contains the query's errors.
fn json_lines(describer: &Describer) -> Result<ExitCode> {
    #[derive(Deserialize)]
    struct Question {
        sql: String,
    }
    let mut stdout = io::stdout().lock();
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let line = line?;
        let question: Question =
            serde_json::from_str(&line).with_context(|| format!("line {number} is not {{\"sql\": …}}"))?;
        let answer = describer.describe(&Source::numbered(question.sql));
        serde_json::to_writer(&mut stdout, &answer)?;
        // stdout is flushed after each line: the caller may wait for an answer before it sends the next question.
        stdout.write_all(b"\n")?;
        stdout.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn from_stdin() -> Result<Vec<String>> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    Ok(answer::statements(&text))
}

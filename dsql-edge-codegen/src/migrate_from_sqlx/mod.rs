//! `dsql-edge migrate-from-sqlx`: reports what becomes of the queries of a crate that uses sqlx.
//!
//! Input: a package, and its migrations. Output: for each query, whether it compiles with `sql!`, the change of the
//! Rust source that makes it compile, or the reason why it cannot. The command connects to nothing and changes nothing.

mod chain;
mod invocation;
mod notes;
mod report;
mod sources;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::lint::{LintedFile, Sent, lint_folder};

use crate::check::{Folded, folded_as, require_package};
use crate::schema_files::{self, SqlFile};
use crate::{format, style};

use report::Finding;
pub use report::Report;

/// The table that sqlx creates before the first migration. Migrations may use it.
const LEDGER: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version bigint PRIMARY KEY,
    description text NOT NULL,
    installed_on timestamptz NOT NULL DEFAULT now(),
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);";

/// Report which queries of a crate with sqlx compile with sql!, and what to change in the others
#[derive(Args)]
#[command(
    after_help = "Reads query!, query_as!, query_scalar!, query_file!, query_file_as!, query_file_scalar! and their \
    _unchecked forms, and\nthe migrations of sqlx. The command connects to nothing and changes no file.\n\nFor each query, the \
    report has one of\n  as it is  only the name of the macro changes: `dsql_edge::sql!`\n  change    the diff of the Rust source\n  \
    error     it cannot be changed: the reason\nand notes about types, which only the compiler of Rust can check. The executors \
    (`&pool`, `&mut *tx`) become `&dsql` and `tx`:\nthat is left to you, as is the code around the queries.\n\nWith --dialect dsql, the report \
    begins with what\n`dsql-edge lint --for-migrate` reports about the migrations.\n\nThe exit status is 1 if \
    a query cannot be changed, or could not be read, or if a migration has an error.\n\nExamples:\n  dsql-edge migrate-from-sqlx                      # \
    the package here, with its folder `migrations`\n  dsql-edge migrate-from-sqlx --dialect dsql       # which queries does \
    DSQL itself reject?\n  dsql-edge migrate-from-sqlx --format diff | git apply\n  dsql-edge migrate-from-sqlx crates/db \
    --schema db/schema.sql --format json"
)]
pub struct Options {
    /// The package: a folder with a Cargo.toml
    #[arg(default_value = ".")]
    package: PathBuf,
    /// The schema: a file of DDL, or a folder of migrations; without this option, the folder `migrations` of the
    /// package or of a folder above
    #[arg(long)]
    schema: Option<PathBuf>,
    /// The database whose rules apply; if it is not given, the schema's directive decides, and without a directive
    /// PostgreSQL's rules apply
    #[arg(long, value_enum)]
    dialect: Option<Named>,
    /// How the report is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Output,
}

/// The database whose rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// Amazon Aurora DSQL
    Dsql,
    /// PostgreSQL 16
    Postgres,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// With the diffs, and with the errors underlined in the source
    Human,
    /// One JSON object
    Json,
    /// One diff of all changes, for `git apply` in the package's folder
    Diff,
}

/// Runs the command.
///
/// # Errors
/// Returns an error if a file cannot be read, or if the schema has errors. A query that cannot be changed is not an
/// error of this function.
pub fn run(options: &Options) -> Result<ExitCode> {
    let report = report(&options.package, options.schema.as_deref(), options.dialect)?;
    match options.format {
        Output::Human => style::print(&report.human())?,
        Output::Json => format::print(&report.json())?,
        Output::Diff => format::print(&report.patch())?,
    }
    if options.format != Output::Json {
        eprintln!("{}", report.summary());
    }
    Ok(if report.fails() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads a package, and judges its queries.
///
/// # Errors
/// Returns an error if a file cannot be read, or if the schema has errors.
pub fn report(package: &Path, schema: Option<&Path>, dialect: Option<Named>) -> Result<Report> {
    require_package(package)?;
    let path = match schema {
        Some(path) => path.to_owned(),
        None => migrations(package)?,
    };
    let mut files: Vec<SqlFile> =
        if path.is_dir() { schema_files::migrations(&path)? } else { schema_files::read(&path)? };
    if files.is_empty() {
        bail!("{}", schema_files::no_migrations(&path, "--schema")?);
    }
    if path.is_dir() {
        files.insert(0, SqlFile { name: "the table of sqlx".to_owned(), text: LEDGER.to_owned() });
    }
    let dialect = match dialect {
        Some(Named::Dsql) => Dialect::Dsql,
        Some(Named::Postgres) => Dialect::Postgres,
        None => schema_files::dialect_of(&path).unwrap_or(Dialect::Postgres),
    };
    let Folded { schema, unfollowed, .. } = folded_as(&files, Some(dialect), schema_files::origin_of(&path))?;
    let is_linted = dialect == Dialect::Dsql && path.is_dir();
    let migrations = if is_linted { linted(files, package) } else { Vec::new() };
    let sources = sources::sources(package);
    let findings = sources.calls.iter().map(|call| finding(call, &sources.files, package, &schema)).collect();
    Ok(Report {
        findings,
        files: sources.files,
        functions: sources.functions,
        unread: sources.unread,
        unfollowed,
        migrations,
        schema: path.strip_prefix(package).unwrap_or(&path).display().to_string(),
        dialect: match dialect {
            Dialect::Dsql => "dsql",
            Dialect::Postgres => "postgres",
        },
    })
}

/// Applies DSQL's rules to the migrations as `dsql-edge migrate` would run them. The first file is the table of sqlx.
fn linted(files: Vec<SqlFile>, package: &Path) -> Vec<LintedFile> {
    let name = |name: String| match Path::new(&name).strip_prefix(package) {
        Ok(within) => within.display().to_string(),
        Err(_) => name,
    };
    let texts = files.into_iter().map(|file| (name(file.name), file.text));
    let mut linted = lint_folder(texts, Sent::Migrate);
    linted.drain(..1);
    linted
}

fn finding(call: &sources::Call, files: &[sources::SourceFile], package: &Path, schema: &Schema) -> Finding {
    let name = files.get(call.file).map_or("", |file| file.name.as_str());
    Finding {
        file: call.file,
        line: call.line,
        column: call.column,
        name: call.kind.name(),
        judged: verdict::judge(call, name, package, schema),
    }
}

/// Returns the folder of migrations of sqlx: `migrations` next to the Cargo.toml of the package, or of its workspace.
fn migrations(package: &Path) -> Result<PathBuf> {
    let here = package.join("migrations");
    let above = || {
        let package = package.canonicalize().ok()?;
        let folders = package.ancestors().skip(1).take_while(|folder| folder.join("Cargo.toml").is_file());
        folders.map(|folder| folder.join("migrations")).find(|folder| folder.is_dir())
    };
    if here.is_dir() {
        return Ok(here);
    }
    match above() {
        Some(folder) => Ok(folder),
        None => bail!(
            "{} has no folder `migrations`: name a folder of migrations, or a file of DDL (`pg_dump --schema-only`), with \
             --schema",
            package.display()
        ),
    }
}

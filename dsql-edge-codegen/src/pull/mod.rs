//! `dsql-edge pull`: writes the snapshot of a database's schema.
//!
//! Input: a database. Output: `dsql-schema.sql`, the same bytes for the same schema.

mod dsql;
mod head;
mod postgres;
mod sql_parts;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use dsql_edge_compiler::schema::Dialect;
use dsql_edge_macro_input::schema_path::SchemaPath;

use crate::format::{self, Format};
use crate::server::{Server, ServerOptions, dialect_of_schema};
use crate::{package_schema, schema_files, write_file};

pub(crate) use dsql::{Row, columns};

/// Write the snapshot of a database's schema
#[derive(Args)]
#[command(
    after_help = "Examples:\n  dsql-edge pull --endpoint <id>.dsql.us-east-1.on.aws\n  dsql-edge pull --check \
    # in CI: fails if the snapshot and the database differ\n  dsql-edge pull \
    # from the dsql-local that runs in this package\n  dsql-edge pull --endpoint localhost:5432 --region us-east-1 \
    --ca .dsql-local/ca.crt\n  PGPASSWORD=… dsql-edge pull --postgres-url postgres://app@db.example.com/shop\n\nCredentials for a cluster come from the same sources as for AWS's own tools: the environment, \
    profiles, instances."
)]
pub struct Options {
    #[command(flatten)]
    server: ServerOptions,
    /// The file to which the snapshot is written, or `-` for stdout. The default is the snapshot that the package's
    /// build reads, or dsql-schema.sql if the build does not read a snapshot
    #[arg(long, default_value_os_t = package_schema::snapshot_to_write())]
    output: PathBuf,
    /// Write nothing; fail if the snapshot differs from the database
    #[arg(long)]
    check: bool,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// Returns an error of the server, of the connection or of the file system, or if the options do not fit together or do
/// not fit the package's schema.
pub fn run(options: &Options) -> Result<ExitCode> {
    let path = options.output.display();
    let is_stdout = options.output == Path::new("-");
    if is_stdout && (options.check || options.format == Format::Json) {
        bail!("--output - prints the snapshot: leave out --check and --format json");
    }
    let unread = unread_snapshot(&options.output);
    if let (Some(why), true) = (&unread, options.check) {
        bail!(
            "{why}: `dsql-edge migrate status` compares the folder with the database, and `dsql-edge check` the queries"
        );
    }
    let old = if is_stdout { String::new() } else { read(&options.output)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let of_schema = schema_files::dialect(&old).or_else(|| dialect_of_schema(Path::new("."), None));
    let new = runtime.block_on(async {
        let server = options.server.server(Path::new("."), "pull", of_schema).await?;
        snapshot(server, &old).await
    })?;
    if is_stdout {
        format::print(&new)?;
        return Ok(ExitCode::SUCCESS);
    }
    let same = schema_files::canonical(&new) == schema_files::canonical(&old);
    if !same && !options.check {
        write_file::write(&options.output, &new)?;
    }
    if options.format == Format::Json {
        let written = !same && !options.check;
        println!(
            "{}",
            json!({ "version": 1, "snapshot": path.to_string(), "same": same, "written": written })
        );
    }
    match (same, options.check) {
        (true, _) => eprintln!("{path} is up to date"),
        (false, false) => {
            eprintln!("{path} written");
            unread.iter().for_each(|why| eprintln!("dsql-edge: {why}"));
        }
        (false, true) if !options.output.exists() => {
            eprintln!("{path} does not exist: run `dsql-edge pull`");
            return Ok(ExitCode::FAILURE);
        }
        (false, true) => {
            eprintln!("{path} differs from the database: run `dsql-edge pull`");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the reason why the build does not read the snapshot at `output`: `output` is the default path, and the
/// package's schema is a folder of migrations. Returns `None` otherwise.
fn unread_snapshot(output: &Path) -> Option<String> {
    match package_schema::of(&package_schema::current_package()) {
        Ok(Some(SchemaPath::Migrations(folder))) if *output == package_schema::snapshot_to_write() => {
            Some(format!("the build reads the folder {}, and not {}", folder.display(), output.display()))
        }
        // A variable may contain the path of a file that does not exist yet.
        _ => None,
    }
}

/// Reads the current snapshot; returns "" if it does not exist.
pub(crate) fn read(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(old) => Ok(old),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Returns the snapshot of a server's schema; `old` is the snapshot that it replaces, or "".
///
/// # Errors
/// Returns an error of the server or of the connection, or if a directive of the old snapshot would be lost.
pub async fn snapshot(server: Server, old: &str) -> Result<String> {
    let head = head::head(old, server.dialect)?;
    Ok(head
        + &match server.dialect {
            Dialect::Dsql => dsql::schema(server.config).await?,
            Dialect::Postgres => postgres::schema(server.config).await?,
        })
}

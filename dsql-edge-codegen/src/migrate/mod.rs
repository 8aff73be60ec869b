//! `dsql-edge migrate`: applies a folder of SQL files in the units that the server accepts. On DSQL, it applies DDL
//! statements one by one and changes of rows in transactions, and waits for each job. On PostgreSQL, it applies each
//! file in one transaction, except for statements that PostgreSQL accepts only outside a transaction.
//!
//! Input: a folder and a server. Output: the folder is applied, and recorded in a ledger in the database. After a
//! failure, the next run continues from the ledger.

mod apply;
mod batches;
mod concurrently;
mod database;
mod explain;
mod folder;
mod interrupt;
mod job;
mod lease;
mod ledger;
mod leftovers;
mod locks;
mod names;
mod progress;
mod resolve;
mod status;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_macro_input::schema_path::SchemaPath;
use dsql_edge_migrations::File;
use serde_json::json;

use crate::format::{self, Format};
use crate::library_words::for_a_shell;
use crate::package_schema;
use crate::pull;
use crate::server::{Server, ServerOptions, dialect_of_schema};
use crate::{schema_files, write_file};

pub use apply::{Applied, migrate};
pub use dsql_edge_migrations::Folder;
pub(crate) use folder::rules;
pub use folder::{folder_of, read_folder};
use interrupt::Signals;
pub use progress::Progress;
pub use resolve::Resolve;
use status::EVERYTHING;
pub use status::Status;

/// Apply a folder of SQL files; a failed run can be continued
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "The files run in the order of their names; those that undo a migration (1.down.sql, 1.undo.sql, U1__a.sql) are left out. Nothing is sent \
    before the whole\nfolder passes `dsql-edge lint`.\n\nOn DSQL, each statement is one transaction; between BEGIN and COMMIT, \
    statements that change rows share one. migrate waits\nfor each job. On PostgreSQL, each file is one transaction, except \
    for statements that PostgreSQL runs only outside a\ntransaction, such as CREATE INDEX CONCURRENTLY; SET LOCAL lock_timeout \
    = '5s' at the head of a file limits its waits.\n\nThe table dsql_edge.migrations in the database records what is applied: if \
    a run is killed, the next run continues\nthere. If two runs start at once, one of them waits. A file that was changed after it was applied \
    is an error.\n\nThe comment -- dsql-edge: in batches of 1000 before an UPDATE or DELETE changes 1000 rows in a transaction, until \
    no row is left:\nDSQL changes at most 3000 rows in one. It is an error if the batches could have another result.\n\nExamples:\n  dsql-edge migrate --dry-run              # what would be sent\n  dsql-edge migrate          \
    \x20             # apply, then write dsql-schema.sql again\n  dsql-edge migrate status --format json   # for \
    machines\n  dsql-edge migrate resolve 0003_tags.sql:2 --applied"
)]
pub struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder of SQL files; without this option, the folder from build.rs or DSQL_EDGE_MIGRATIONS in the package
    #[arg(long, default_value_os_t = package_schema::migrations(), global = true)]
    folder: PathBuf,
    #[command(flatten)]
    server: ServerOptions,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "human", global = true)]
    format: Format,
    /// Only print the statements that a run would send; this reads the ledger, dsql_edge.migrations, of a running
    /// database, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not pull the snapshot afterwards
    #[arg(long)]
    no_pull: bool,
    /// The snapshot to write afterwards; default: the one that the build reads, or would read. If the build reads a
    /// folder of migrations instead, no snapshot is written
    #[arg(long)]
    output: Option<PathBuf>,
    /// Seconds after which another run takes over, if this one no longer renews its lease
    #[arg(long, default_value = "30", value_parser = seconds)]
    lease: Duration,
}

#[derive(Subcommand)]
enum Command {
    /// Show which statements are applied and which are left
    Status,
    Resolve(Resolve),
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.1..=3_600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("from 0.1 to 3600 seconds".to_owned())
    }
}

/// Runs the command.
///
/// # Errors
/// Returns an error if the folder does not pass the rules, or if the cluster or the connection fails.
pub fn run(options: &Options) -> Result<ExitCode> {
    let done = run_command(options);
    if let (Err(error), Format::Json) = (&done, options.format) {
        format::print(&format::json(&json!({ "version": 1, "error": for_a_shell(&format!("{error:#}")) })))?;
    }
    done
}

fn run_command(options: &Options) -> Result<ExitCode> {
    let here = Path::new(".");
    let of_schema =
        schema_files::dialect_of(&options.folder).or_else(|| dialect_of_schema(here, None)).or_else(|| {
            let default = package_schema::snapshot_to_write;
            schema_files::dialect_of(&options.output.clone().unwrap_or_else(default))
        });
    // The errors contain the folder or the file.
    let folder = folder::open_folder(&options.folder, options.server.dialect(of_schema))
        .context("reading the migrations")?;
    if folder.files.is_empty() && !matches!(options.command, Some(Command::Resolve(_))) {
        bail!(schema_files::no_migrations(&options.folder, "--folder")?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Server { config, dialect } = server(options, of_schema, &folder).await?;
        let json = options.format == Format::Json;
        match &options.command {
            Some(Command::Resolve(resolve)) => {
                let done = resolve.run(&folder, config).await?;
                format::print(&if json {
                    format!("{}\n", json!({ "version": 1, "done": done }))
                } else {
                    done + "\n"
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Status) => {
                let status = Status::ask(&folder, config).await?;
                format::print(&if json { format::json(&status.json()) } else { status.lines() })?;
                Ok(if status.is_wrong() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
            }
            None if options.dry_run => {
                apply::check_names(&folder, config.clone()).await?;
                let status = Status::ask(&folder, config).await?;
                format::print(&if json { format::json(&status.json()) } else { status.dry_run() })?;
                match status.is_wrong() {
                    false => Ok(ExitCode::SUCCESS),
                    // The JSON object that was printed already contains the differences.
                    true if json => Ok(ExitCode::FAILURE),
                    true => Err(anyhow!(
                        "the folder differs from the files that were applied\n{}",
                        status.lines().trim_end()
                    )),
                }
            }
            None => apply(options, &folder, Server { config, dialect }).await,
        }
    })
}

/// Returns the server, after a comparison of the files that do not pass the rules with the ledger: only files that are
/// recorded as applied need not pass.
async fn server(options: &Options, of_schema: Option<Dialect>, folder: &Folder) -> Result<Server> {
    let server = options.server.server(Path::new("."), "migrate", of_schema).await;
    let is_rejected = |file: &&File| !file.problems.is_empty();
    // `status` shows the errors with the state of the other files.
    let is_shown = matches!(options.command, Some(Command::Status)) && server.is_ok();
    if is_shown
        || matches!(options.command, Some(Command::Resolve(_)))
        || !folder.files.iter().any(|file| is_rejected(&file))
    {
        return server;
    }
    let applied = match &server {
        Ok(server) => ledger::applied_files(server.config.clone(), folder.dialect).await,
        Err(error) => Err(anyhow!("{error:#}")),
    };
    let is_pending = |file: &&File| !applied.as_ref().is_ok_and(|applied| applied.contains(&file.name));
    let pending: Vec<&File> = folder.files.iter().filter(is_rejected).filter(is_pending).collect();
    match (folder.rejection(&pending), applied) {
        (Some(rejection), Err(error)) => {
            bail!(
                "{rejection}\n\nThe ledger was not read, so it is not known which files are applied: {error:#}"
            )
        }
        (Some(rejection), Ok(_)) => bail!(rejection),
        (None, _) => server,
    }
}

async fn apply(options: &Options, folder: &Folder, server: Server) -> Result<ExitCode> {
    let announced = std::cell::RefCell::new(String::new());
    let report = |progress: Progress<'_>| {
        if let Progress::Sent(file, _) | Progress::Found(file, _) = &progress
            && announced.replace(file.name.clone()) != file.name
        {
            eprintln!("{}", file.name);
        }
        eprintln!("{}", progress.line());
    };
    let json = options.format == Format::Json;
    let done = migrate(folder, server.config.clone(), options.lease, &report).await?;
    let output = snapshot(options)?;
    let written = match &output {
        Some(output) => {
            let mut signals = Signals::new()?;
            Some(tokio::select! {
                written = refresh(server, output) => written?,
                () = signals.next() => {
                    bail!("interrupted: every statement is applied, but the snapshot is not written; run `dsql-edge pull`")
                }
            })
        }
        None => None,
    };
    if json {
        let applied = done
            .iter()
            .map(|it| json!({ "file": it.file, "statement": it.step, "found": it.found }))
            .collect::<Vec<_>>();
        format::print(&format::json(
            &json!({ "version": 1, "applied": applied, "snapshot_written": written }),
        ))?;
    }
    let unit = folder.files.first().map_or("statement", |file| file.unit);
    match done.len() {
        0 => eprintln!("nothing to do: {EVERYTHING}"),
        1 => eprintln!("1 {unit} applied"),
        count => eprintln!("{count} {unit}s applied"),
    }
    if let (Some(output), Some(true)) = (&output, written) {
        eprintln!("{} written", output.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the snapshot to write after the last file.
fn snapshot(options: &Options) -> Result<Option<PathBuf>> {
    if options.no_pull || options.output.is_some() {
        return Ok(options.output.clone().filter(|_| !options.no_pull));
    }
    Ok(match package_schema::of(&package_schema::current_package())? {
        // The folder is the schema, so nothing would read a snapshot.
        Some(SchemaPath::Migrations(_)) => None,
        _ => Some(package_schema::snapshot_to_write()),
    })
}

/// Writes the snapshot again; returns whether it changed.
async fn refresh(server: Server, path: &Path) -> Result<bool> {
    let old = pull::read(path)?;
    let new = pull::snapshot(server, &old)
        .await
        .context("every statement is applied, but the snapshot could not be pulled")?;
    if schema_files::canonical(&new) == schema_files::canonical(&old) {
        return Ok(false);
    }
    write_file::write(path, &new)?;
    Ok(true)
}

//! `dsql-edge init`: adds a dependency, a snapshot, a first query and wrangler's settings to a Worker's crate.
//!
//! Input: the crate's folder. Output: new files and lines, and a report of them with the next step. No file is
//! overwritten.

mod manifest;
mod summary;
mod texts;
mod wrangler;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use dsql_edge_macro_input::schema_path::{MIGRATIONS, SNAPSHOT, SchemaPath, build_line, has_sql};
use serde_json::json;

use manifest::Manifest;
use summary::Summary;

use crate::cluster::Cluster;
use crate::format::{self, Format};
use crate::server::Server;
use crate::settings_file::is_of_d1;
use crate::{package_schema, pull};

/// Add a snapshot, a first query and wrangler's settings to a Worker's crate
#[derive(Args)]
#[command(
    after_help = "init adds the parts that are missing and overwrites nothing: it may run again at any time. A crate that has a schema\nkeeps it; without one, a folder `migrations` with SQL files becomes the schema, unless it is D1's or --endpoint is given.\n\nExamples:\n  \
    dsql-edge init                                            # here, with a snapshot to fill\n  dsql-edge init \
    --endpoint <id>.dsql.us-east-1.on.aws  # with the snapshot of a cluster\n  dsql-edge init --migrations migrations  \
    \x20               # the schema is a folder of SQL files"
)]
pub struct Options {
    /// The crate: a folder with a Cargo.toml
    #[arg(default_value = ".")]
    package: PathBuf,
    /// Use a folder of migrations as the schema, and add a build.rs that makes cargo notice new files
    #[arg(long)]
    migrations: Option<String>,
    #[command(flatten)]
    cluster: Cluster,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// Returns an error if the folder is not a crate, if a file cannot be read or written, or if the cluster returns an
/// error.
pub fn run(options: &Options) -> Result<ExitCode> {
    let package = &options.package;
    let manifest = package.join("Cargo.toml");
    if !manifest.is_file() {
        bail!(
            "{} is not a crate: it has no Cargo.toml. `npm create cloudflare@latest` or `cargo new --lib` creates one",
            package.display()
        );
    }
    if options.migrations.as_deref().is_some_and(|folder| folder.contains(['"', '\\', '\n'])) {
        bail!(
            "the name of the folder of migrations must not contain a quotation mark, a backslash or a line break"
        );
    }
    let mut summary = Summary::default();
    let manifest = Manifest::read(&manifest)?;
    let source = match &options.migrations {
        Some(folder) => {
            migrations(package, folder, &mut summary)?;
            format!("--migrations {folder}")
        }
        None => schema(options, &mut summary)?,
    };
    manifest.depend(&mut summary)?;
    first_query(package, &mut summary)?;
    let region = region(&options.cluster);
    wrangler::settings(package, region.as_deref(), &mut summary)?;
    create(
        package,
        ".dev.vars.example",
        texts::DEV_VARS,
        "has the variables with which the Worker connects",
        &mut summary,
    )?;
    ignore(package, &mut summary)?;
    summary.next(format!(
        "on your machine: cargo install dsql-edge-local, then dsql-local run {source} -- npx wrangler dev"
    ));
    summary.next(
        "on Cloudflare: npx wrangler secret put NAME, for each of DSQL_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    );
    print(&summary, options.format)?;
    Ok(ExitCode::SUCCESS)
}

fn print(summary: &Summary, format: Format) -> Result<()> {
    if format == Format::Json {
        let done = summary.done.iter().map(|(file, what)| json!({ "file": file, "what": what }));
        let answer = json!({ "version": 1, "done": done.collect::<Vec<_>>(), "next": summary.next });
        return Ok(format::print(&format::json(&answer))?);
    }
    let mut out = std::io::stdout().lock();
    if summary.done.is_empty() {
        writeln!(out, "every file is there already")?;
    }
    for (file, what) in &summary.done {
        writeln!(out, "{file}: {what}")?;
    }
    writeln!(out, "\nNext:")?;
    for (number, step) in (1..).zip(&summary.next) {
        writeln!(out, "{number}. {step}")?;
    }
    Ok(())
}

/// If the package has no schema, sets one up: an existing folder of migrations becomes the schema, otherwise a snapshot
/// is written. Returns the option with which dsql-local creates the tables of the schema.
fn schema(options: &Options, summary: &mut Summary) -> Result<String> {
    let package = &options.package;
    match package_schema::of(package)? {
        Some(SchemaPath::Migrations(folder)) => {
            let folder = folder.display().to_string();
            summary
                .next(format!("nothing for the schema: it is the folder {folder}. {}", next_change(&folder)));
            return Ok(format!("--migrations {folder}"));
        }
        Some(SchemaPath::File(path)) => return Ok(format!("--init {}", path.display())),
        None => {}
    }
    let folder = package.join(MIGRATIONS);
    if has_sql(&folder) && !is_of_d1(package, &folder) {
        if !options.cluster.is_named() {
            migrations(package, MIGRATIONS, summary)?;
            return Ok(format!("--migrations {MIGRATIONS}"));
        }
        summary.next(format!(
            "the schema is {SNAPSHOT}. If it is the folder {MIGRATIONS} instead: delete {SNAPSHOT}, and run `dsql-edge init \
             --migrations {MIGRATIONS}`"
        ));
    }
    snapshot(options, summary)?;
    Ok(format!("--init {SNAPSHOT}"))
}

/// Returns a sentence with the commands for the next change of the schema, if the schema is a folder of migrations.
fn next_change(folder: &str) -> String {
    format!(
        "Write a change into a new file of it; `dsql-edge lint --for-migrate {folder}` checks it, and `dsql-edge migrate` applies \
         it"
    )
}

/// Writes a snapshot: the schema of the cluster if an endpoint is set, otherwise an empty snapshot.
fn snapshot(options: &Options, summary: &mut Summary) -> Result<()> {
    if options.cluster.endpoint().is_none() {
        create(
            &options.package,
            SNAPSHOT,
            texts::SNAPSHOT,
            "an empty snapshot, with a comment on how to fill it",
            summary,
        )?;
        summary.next(format!(
            "write your tables into {SNAPSHOT}, or run `dsql-edge pull --endpoint <id>.dsql.<region>.on.aws` to take them from a cluster"
        ));
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let text = runtime
        .block_on(async { pull::snapshot(Server::dsql(options.cluster.config("init").await?), "").await })?;
    create(&options.package, SNAPSHOT, &text, "the cluster's schema; `dsql-edge pull` updates it", summary)
}

/// Creates a folder of migrations, and a build script with the name of this folder.
fn migrations(package: &Path, folder: &str, summary: &mut Summary) -> Result<()> {
    let path = package.join(folder);
    if !path.exists() {
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
    }
    if has_sql(&path) {
        summary.next(format!("the schema is the folder {folder}. {}", next_change(folder)));
    } else {
        let name = format!("{folder}/0001_init.sql");
        create(package, &name, texts::MIGRATION, "a first migration, still empty", summary)?;
        summary
            .next(format!("write your tables into {name}; `dsql-edge migrate --folder {folder}` applies it"));
    }
    let line = build_line(folder);
    let script = package.join("build.rs");
    match fs::read_to_string(&script) {
        Ok(text) if text.contains("DSQL_EDGE_MIGRATIONS") => {}
        Ok(_) => summary.next(format!("add to main() of your build.rs: {line}")),
        Err(_) => {
            let text = format!("{}fn main() {{\n    {line}\n}}\n", texts::BUILD_HEAD);
            create(package, "build.rs", &text, "lets cargo see new files of the folder", summary)?;
        }
    }
    if package.join(SNAPSHOT).exists() {
        summary.next(format!("delete {SNAPSHOT}: the folder is the schema now"));
    }
    Ok(())
}

fn first_query(package: &Path, summary: &mut Summary) -> Result<()> {
    const NAME: &str = "src/first_query.rs";
    let roots: Vec<(&str, String)> = ["src/lib.rs", "src/main.rs"]
        .into_iter()
        .filter_map(|file| Some((file, fs::read_to_string(package.join(file)).ok()?)))
        .collect();
    let has = |text: &str| roots.iter().any(|(_, root)| root.contains(text));
    if has("dsql_edge") && !package.join(NAME).exists() {
        return Ok(());
    }
    create(package, NAME, texts::FIRST_QUERY, "a query that is checked when it is compiled", summary)?;
    if !has("mod first_query") {
        let root = roots.first().map_or("src/lib.rs", |(file, _)| file);
        summary.next(format!(
            "add `mod first_query;` to {root}, without which the query is not compiled, and \
             `first_query::now(&env).await?` to the handler"
        ));
    }
    Ok(())
}

/// Creates a file, unless it exists.
fn create(package: &Path, name: &str, text: &str, what: &str, summary: &mut Summary) -> Result<()> {
    let path = package.join(name);
    if path.exists() {
        return Ok(());
    }
    crate::write_file::create(&path, text)?;
    summary.done(name, what);
    Ok(())
}

/// Adds the files that must not be committed to .gitignore.
fn ignore(package: &Path, summary: &mut Summary) -> Result<()> {
    let path = package.join(".gitignore");
    let text = pull::read(&path)?;
    let has = |name: &str| text.lines().any(|line| line.trim().trim_matches('/') == name);
    let missing: Vec<&str> = [".dev.vars", ".dsql-local"].into_iter().filter(|name| !has(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut new = text;
    if !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    new.extend(missing.iter().map(|name| format!("{name}\n")));
    crate::write_file::write(&path, &new)?;
    summary.done(".gitignore", format!("{} added: they hold keys", missing.join(" and ")));
    Ok(())
}

/// Returns the region in a cluster's name, or the region that was given.
fn region(cluster: &Cluster) -> Option<String> {
    let endpoint = cluster.endpoint();
    if endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("localhost")) {
        return None;
    }
    let of_name = endpoint.and_then(|endpoint| {
        let (_, rest) = endpoint.split_once(".dsql")?;
        let region = rest.split('.').nth(1)?;
        endpoint.ends_with(".on.aws").then(|| region.to_owned())
    });
    of_name.or_else(|| cluster.region())
}

//! `dsql-edge check`: compares the schema of a database, or of a change, with the snapshot and the queries of a crate.
//!
//! Input: a package and a candidate. Output: the differences and the queries that break, for people and for CI.

mod compare;
mod defaults;
mod dropped;
mod examples;
mod expansion;
mod invocation;
mod modules;
mod owner;
mod package;
mod report;
mod schemas;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::format;
use crate::package_schema;
use crate::pull;
use crate::server::{ServerOptions, dialect_of_schema};
use crate::style;

use invocation::Query;

pub(crate) use compare::{CHANGED, rust_type, short};
pub use compare::{Finding, Severity};
pub(crate) use owner::{Names, is_punct};
pub use package::Unread;
pub(crate) use package::{require_package, rust_files, tokens_of};
pub use report::{Expansion, Report};
pub use schemas::{Candidate, OfSchema};
pub(crate) use schemas::{Folded, folded_as};

/// Compare the schema of the build with a database, or a crate's queries with a candidate for the next schema
#[derive(Args)]
#[command(
    after_help = "Without a candidate, check connects to the database. Every sql!, sql_file! and sql_unchecked! of the package is \
    compiled against\nthe schema that the build reads and against the database's; a query that breaks is an error. A snapshot must \
    also be equal to the\ndatabase's schema: a difference is an error, shown as a diff. With a candidate, check connects to nothing, \
    and compiles the queries\nagainst the candidate instead.\n\nQueries are read from the sources, and compared with those that the \
    compiler expands: the package is compiled with `cargo check`.\nWith --no-build, nothing is compiled, which takes no time. \
    Use it for a quick answer, where no Rust is installed (a job of CI), or while\nthe package does not compile. It misses the queries that \
    your own macros generate, and also reads files that are not compiled.\n\nThe exit status is 1 if \
    something differs, no longer compiles, gets another type in Rust, or could not be read, and if the\ncandidate has a \
    statement whose effect is unknown, such as DO, or --apply a statement that DSQL rejects.\n\nExamples:\n  dsql-edge check                                  \
    # does the database fit the queries?\n  dsql-edge check --apply migrations/0007_drop.sql # would this migration \
    break a query?\n  dsql-edge check --migrations migrations          # a whole folder of migrations\n  \
    dsql-edge check --schema candidate.sql --format github"
)]
pub struct Options {
    /// The package: a folder with a Cargo.toml
    #[arg(default_value = ".")]
    package: PathBuf,
    /// The candidate: a file of DDL, or a folder, that contains the whole schema
    #[arg(long, group = "candidate")]
    schema: Option<PathBuf>,
    /// The candidate: a folder of migrations, applied from the first one
    #[arg(long, group = "candidate")]
    migrations: Option<PathBuf>,
    /// The candidate: the current schema with these files of SQL applied to it, in this order
    #[arg(long, group = "candidate", num_args = 1..)]
    apply: Vec<PathBuf>,
    /// The snapshot; without this option, the schema that the crate's build reads
    #[arg(long)]
    snapshot: Option<PathBuf>,
    #[command(flatten)]
    server: ServerOptions,
    /// Do not compile the package: read the queries from its Rust files alone
    #[arg(long)]
    no_build: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// With the place underlined
    Human,
    /// One JSON object
    Json,
    /// Annotations of a GitHub workflow
    Github,
}

impl Options {
    /// Returns the named package. If no package is named, returns the package that contains the working folder, as
    /// other commands do.
    fn package(&self) -> PathBuf {
        let is_here = self.package != Path::new(".") || self.package.join("Cargo.toml").is_file();
        if is_here { self.package.clone() } else { package_schema::current_package() }
    }
}

/// Runs the command.
///
/// # Errors
/// Returns an error if a file cannot be read, if a schema has errors, or if the server returns an error. A finding
/// is not an error of this function.
pub fn run(options: &Options) -> Result<ExitCode> {
    let candidate = match (&options.schema, &options.migrations) {
        (Some(path), _) => Candidate::Schema(path.clone()),
        (None, Some(path)) => Candidate::Migrations(path.clone()),
        (None, None) if !options.apply.is_empty() => Candidate::Apply(options.apply.clone()),
        (None, None) => Candidate::Cluster(live(options)?),
    };
    let sources = if options.no_build { Queries::OfSources } else { Queries::OfCompiler };
    let report = check(&options.package(), options.snapshot.as_deref(), &candidate, sources)?;
    if options.no_build && options.snapshot.is_none() {
        eprintln!("{}", package_schema::described(&options.package())?);
    }
    match options.format {
        Output::Human => style::print(&report.human())?,
        Output::Json => format::print(&report.json())?,
        Output::Github => format::print(&report.github())?,
    }
    if options.format == Output::Human {
        eprintln!("{}", report.summary());
    }
    Ok(if report.fails() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Where `check` reads the queries of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// In its sources only.
    OfSources,
    /// In the package's sources and in the compiler's expansions. The two lists are compared.
    OfCompiler,
}

/// Compares a package with a candidate; `snapshot` replaces the schema that its build reads.
///
/// # Errors
/// Returns an error if a file cannot be read or a schema has errors.
pub fn check(package: &Path, snapshot: Option<&Path>, candidate: &Candidate, of: Queries) -> Result<Report> {
    package::require_package(package)?;
    let now = schemas::as_it_is(package, snapshot, candidate)?;
    let coming = schemas::coming(candidate, now.as_ref())?;
    let drift = match (candidate, &now) {
        (Candidate::Cluster(_), None) => bail!(package_schema::no_schema(package)),
        // A folder of migrations has no single text that can be compared with the database, so the queries are compared
        // under both schemas.
        (Candidate::Cluster(_), Some(now)) if now.is_folder => None,
        (Candidate::Cluster(live), Some(now)) => report::Drift::of(now, live),
        _ => None,
    };
    let mut sources = package::sources(package);
    let (mut unused, mut of_compiler) = (Vec::new(), Vec::new());
    let expansion = match of {
        Queries::OfSources => Expansion::NotAsked,
        Queries::OfCompiler => {
            // The path of a snapshot from the command line is not compared with the path that the macro reads: the two
            // may differ.
            let schema = if snapshot.is_none() { now.as_ref().map(|now| now.path.as_path()) } else { None };
            compared(package, schema, &mut sources, &mut of_compiler, &mut unused)
        }
    };
    let now = now.as_ref().map(|now| &now.folded);
    let seen = std::mem::take(&mut sources.seen);
    let mut queries: Vec<Query> = seen.into_iter().flat_map(|seen| seen.queries).collect();
    queries.extend(of_compiler);
    let findings = compare::all(&queries, now.map(|now| &now.schema), &coming);
    let unfollowed = schemas::unfollowed(now, &coming);
    let rejected = schemas::rejected(candidate, now.map(|now| &now.schema), coming.schema.dialect)?;
    let manifest = package.join("Cargo.toml");
    let manifest = manifest.strip_prefix(".").unwrap_or(&manifest).display().to_string();
    let package::Sources { unread, examples, not_modules, .. } = sources;
    let queries = queries.len();
    let members = package::members_with_queries(package);
    Ok(Report {
        drift,
        rejected,
        unfollowed,
        manifest,
        findings,
        queries,
        unread,
        unused,
        examples,
        not_modules,
        expansion,
        members,
    })
}

/// Compares the queries of the sources with the compiler's expansions. Adds the queries that only the compiler sees to
/// `of_compiler`. Moves to `unused` the files and invocations that cannot be read and are not compiled, and the
/// invocations that the compiler does not expand but that are probably ours. Leaves out macros of other crates that
/// have the same names as our macros.
fn compared(
    package: &Path,
    schema: Option<&Path>,
    sources: &mut package::Sources,
    of_compiler: &mut Vec<Query>,
    unused: &mut Vec<Unread>,
) -> Expansion {
    let expansion::Expansions { all: expanded, tests_fail } = match expansion::expanded(package) {
        Ok(expanded) => expanded,
        Err(why) => return Expansion::Unknown(why),
    };
    let is_expanded = |seen: &package::Seen| {
        expanded.iter().any(|it| {
            it.file == seen.path && it.line == seen.line && it.comparable().as_ref() == Some(&seen.tokens)
        })
    };
    let (kept, others): (Vec<_>, Vec<_>) = std::mem::take(&mut sources.seen)
        .into_iter()
        .partition(|seen| !seen.is_doubtful || is_expanded(seen));
    sources.seen = kept;
    // The compiler does not expand these invocations, but they are probably invocations of our macro, perhaps in code
    // for another target.
    let left_out: Vec<&package::Seen> = others.iter().filter(|seen| seen.is_likely).collect();
    let is_module = |seen: &package::Seen| !sources.not_modules.iter().any(|file| file.path == seen.path);
    let found = sources.seen.iter().filter(|seen| is_module(seen)).count() + left_out.len();
    if expanded.is_empty() && found > 0 {
        return Expansion::Unknown(format!(
            "the compiler expanded none of the {found} invocations in the sources"
        ));
    }
    let is_other =
        |read: &Path| schema.is_some_and(|schema| read != Path::new("") && read != expansion::real(schema));
    if let Some(other) = expanded.iter().find(|it| is_other(&it.schema)) {
        let (read, schema) = (other.schema.display(), schema.unwrap_or(Path::new("")).display());
        return Expansion::OtherSchema(format!(
            "the build reads its schema from {read}, and `check` read {schema}: name the build's schema with --snapshot"
        ));
    }
    let is_compiled = |path: &Path, line: usize| {
        expanded.iter().any(|it| it.file == path && (line == 0 || it.line == line))
    };
    let unread = std::mem::take(&mut sources.unread);
    let (compiled, not) = unread.into_iter().partition(|it: &Unread| is_compiled(&it.path, it.line));
    sources.unread = compiled;
    *unused = not;
    unused.extend(left_out.into_iter().map(|seen| Unread::not_expanded(seen, package)));
    for expanded in &expanded {
        let known = (&expanded.file, expanded.line);
        let tokens = expanded.comparable();
        let is_known = sources
            .seen
            .iter()
            .any(|seen| (&seen.path, seen.line) == known && Some(&seen.tokens) == tokens.as_ref())
            || sources.unread.iter().any(|it| (&it.path, it.line) == known);
        if is_known {
            continue;
        }
        match expanded.queries(package) {
            Ok(queries) => of_compiler.extend(queries),
            Err(why) => sources.unread.push(Unread::of_expansion(expanded, package, why)),
        }
    }
    Expansion::Compared { more: of_compiler.len(), tests_fail }
}

/// Returns the schema of the database in the form in which `pull` would write it over the snapshot.
fn live(options: &Options) -> Result<String> {
    let old = match schemas::path(&options.package(), options.snapshot.as_deref())? {
        Some(path) if path.is_file() => pull::read(&path)?,
        _ => String::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let package = options.package();
        let of_schema = dialect_of_schema(&package, options.snapshot.clone());
        let server = options.server.server(&package, "check", of_schema).await.context(
            "to check without a server, specify a candidate with --apply, --migrations or --schema",
        )?;
        pull::snapshot(server, &old).await
    })
}

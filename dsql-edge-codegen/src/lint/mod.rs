//! `dsql-edge lint`: compares files of SQL with DSQL's rules, or with PostgreSQL's syntax and a schema. The linter
//! itself is `dsql_edge_migrations::lint`.
//!
//! Input: files. Output: findings for people or for machines, or the files with the findings fixed. The command does
//! not connect to a database.

mod github;
mod history;
mod human;
mod json;
mod rules;
mod sarif;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::dsql::Meaning;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::lint::{Sent, empty_schema, fixed_all, lint, lint_folder, lint_postgres};

use crate::{format, schema_files, style, write_file};

pub(crate) use human::report as for_people;
pub(crate) use json::files as as_json;

/// Find SQL that Aurora DSQL rejects, and fix findings that have one safe rewrite
#[derive(Args)]
#[command(
    after_help = "The exit status is 1 if an error is left. A comment `-- dsql-edge: allow RULE` in the line \
    above, or at the end of the line, silences a rule there.\n\n--fix applies only rewrites after which the script has the same effect, even if a statement fails. \
    With --assume-success, it also\napplies rewrites whose first part remains if the second part fails: a constraint is added NOT VALID \
    and then validated, or a\ntransaction of several DDL statements becomes several transactions. A transaction is split only if it \
    changes no rows and\nends with COMMIT.\n\nWith --dialect postgres, no rule of DSQL applies. Each statement is read, and its names and types are \
    compared with the schema\nthat --schema and the statements before it produce: without --schema, the files must create \
    everything that they use. Not found:\nerrors in the bodies of functions; errors that depend on rows, rights \
    or settings; and syntax that PostgreSQL 17 and later added, except clauses of tables, which is reported as an error \
    (-- dsql-edge: allow syntax-error).\n\nExamples:\n  dsql-edge lint --for-migrate migrations/\n  dsql-edge lint --fix \
    dump.sql\n  pg_dump --schema-only mydb | dsql-edge lint --fix - > dsql.sql\n  dsql-edge lint --format github \
    migrations/   # annotations in a workflow"
)]
pub struct Options {
    /// Files, folders of `.sql` files, or `-` for stdin; in the order in which they would run
    #[arg(required_unless_present = "rules")]
    files: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Apply safe rewrites to the files; for stdin, print the fixed text
    #[arg(long)]
    fix: bool,
    /// With --fix, also apply rewrites with which the files have the same effect only if every
    /// statement succeeds
    #[arg(long, requires = "fix")]
    assume_success: bool,
    /// The schema before the files: a file of DDL or a folder. The default for files of the folder of migrations that
    /// the build reads: the migrations before them
    #[arg(long)]
    schema: Option<PathBuf>,
    /// Check each file as one message, or as one transaction, as many migration tools send it
    #[arg(long)]
    one_transaction: bool,
    /// Check files for `dsql-edge migrate`, which waits for each job: an index is built before it is used
    #[arg(long, conflicts_with = "one_transaction")]
    for_migrate: bool,
    /// The database whose rules apply. The default is the dialect in a directive of the files or of the schema, or dsql
    #[arg(long, value_enum)]
    dialect: Option<Target>,
    /// Print every rule: the statement, DSQL's error, its source, and the replacement
    #[arg(long, conflicts_with_all = ["fix", "schema", "one_transaction"])]
    rules: bool,
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Target {
    /// Amazon Aurora DSQL
    Dsql,
    /// PostgreSQL: syntax, names and types
    Postgres,
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Format {
    /// With the place underlined
    Human,
    /// One object, with positions in bytes and in lines and columns
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// Runs the command.
///
/// # Errors
/// Returns an error if a file cannot be read or written, or if the schema has errors. A finding is not an error of
/// this function.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.rules {
        format::print(&if options.format == Format::Json { rules::as_json() } else { rules::as_table() })?;
        return Ok(ExitCode::SUCCESS);
    }
    let own = read(&options.files, options.for_migrate)?;
    let history = history_of(&own, options);
    let (before, is_complete) = (history.as_ref().map_or(0, Vec::len), history.is_some());
    let mut files: Vec<Text> = history.into_iter().flatten().chain(own).collect();
    let target = options.dialect.unwrap_or_else(|| named(&files, options.schema.as_deref()));
    let is_postgres = target == Target::Postgres;
    if is_postgres && (options.fix || options.one_transaction) {
        bail!("--fix and --one-transaction are for DSQL: leave them out, or pass --dialect dsql");
    }
    let dialect = if is_postgres { Dialect::Postgres } else { Dialect::Dsql };
    let schema = match &options.schema {
        Some(path) => Some(schema(path, dialect)?),
        None if is_complete => Some(empty_schema(files.iter().map(|it| it.text.as_str()), dialect)),
        None => None,
    };
    let mut count_fixed = 0;
    if options.fix {
        let texts: Vec<&str> = files.iter().map(|file| file.text.as_str()).collect();
        // Without `--schema`, `schema` only serves to find names that do not exist, so the rewrites do not need it.
        let named = schema.as_ref().filter(|_| options.schema.is_some());
        let all = fixed_all(&texts, named, options.sent(), options.safe());
        for (file, (text, count)) in files.iter_mut().zip(all).skip(before) {
            count_fixed += count;
            match &file.path {
                Some(path) if text != file.text => write_file::write(path, &text)?,
                Some(_) => {}
                None => format::print(&text)?,
            }
            file.text = text;
        }
    }
    let texts = files.into_iter().map(|file| (file.name, file.text));
    let is_folder = options.files.iter().any(|path| path.is_dir());
    let mut linted = match target {
        Target::Dsql if schema.is_none() && is_folder => lint_folder(texts, options.sent()),
        Target::Dsql => lint(texts, schema.as_ref(), options.sent()),
        Target::Postgres => lint_postgres(texts, schema.as_ref(), options.sent()),
    };
    linted.drain(..before);
    let report = match options.format {
        Format::Human => human::report(&linted),
        Format::Json => json::report(&linted, count_fixed),
        Format::Sarif => sarif::report(&linted),
        Format::Github => github::report(&linted),
    };
    // stdout has the fixed text of stdin, so the report goes to stderr.
    if options.fix && linted.iter().any(|file| file.name == STDIN) {
        io::stderr().lock().write_all(report.as_bytes())?;
    } else if options.format == Format::Human {
        style::print(&report)?;
    } else {
        format::print(&report)?;
    }
    if options.format == Format::Human {
        eprintln!("{}", human::summary(&linted, options.fix.then_some(count_fixed)));
    }
    let errors = linted.iter().flat_map(|file| &file.findings).any(|finding| finding.diagnostic.is_error());
    Ok(if errors { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

const STDIN: &str = "stdin";

impl Options {
    fn sent(&self) -> Sent {
        match (self.one_transaction, self.for_migrate) {
            (true, _) => Sent::Whole,
            (false, true) => Sent::Migrate,
            (false, false) => Sent::OneByOne,
        }
    }

    fn safe(&self) -> Meaning {
        if self.assume_success { Meaning::SameIfAllSucceed } else { Meaning::Same }
    }
}

struct Text {
    name: String,
    path: Option<PathBuf>,
    text: String,
}

fn read(paths: &[PathBuf], for_migrate: bool) -> Result<Vec<Text>> {
    let mut out: Vec<Text> = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            if out.iter().any(|file| file.path.is_none()) {
                bail!("`-` can be read only once");
            }
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text).context("stdin")?;
            out.push(Text { name: STDIN.to_owned(), path: None, text });
            continue;
        }
        let files = if for_migrate && path.is_dir() {
            schema_files::report_left_out(path)?;
            schema_files::migrations(path)?
        } else {
            schema_files::read(path)?
        };
        for file in files {
            let path = Some(PathBuf::from(&file.name));
            out.push(Text { name: file.name, path, text: file.text });
        }
    }
    Ok(out)
}

/// Returns the migrations that run before the linted files; `None` if they are not known, or if `--schema` is given.
fn history_of(own: &[Text], options: &Options) -> Option<Vec<Text>> {
    let paths: Vec<PathBuf> = own.iter().map(|file| file.path.clone()).collect::<Option<_>>()?;
    let files = if options.schema.is_none() { history::before(&paths)? } else { return None };
    Some(files.into_iter().map(|file| Text { path: None, name: file.name, text: file.text }).collect())
}

/// Returns the dialect from the directive of the files or, if they have none, from the directive of the schema.
fn named(files: &[Text], schema: Option<&Path>) -> Target {
    let of_files = files.iter().filter_map(|file| schema_files::dialect(&file.text)).next_back();
    match of_files.or_else(|| schema_files::dialect_of(schema?)) {
        Some(Dialect::Postgres) => {
            eprintln!("dsql-edge: --dialect postgres, because a directive specifies it");
            Target::Postgres
        }
        _ => Target::Dsql,
    }
}

fn schema(path: &Path, dialect: Dialect) -> Result<Schema> {
    let files = schema_files::read(path)?;
    let texts = files.iter().map(|file| (file.name.as_str(), file.text.as_str()));
    Schema::parse_files(texts, Some(dialect)).map_err(|errors| {
        let messages = errors.iter().map(|error| format!("{}: {}", error.file, error.diagnostic.message));
        anyhow!("the schema has errors, fix these first:\n{}", messages.collect::<Vec<_>>().join("\n"))
    })
}

//! `cargo xtask corpus`: measures the compiler on the corpora in the folder `DSQL_EDGE_CORPUS`. This command compares
//! the answers of the public command `dsql-edge describe --jsonl` with PostgreSQL's answers, and the rules of DSQL with
//! a cluster's answers.

mod describe;
mod dsql;
mod field;
mod lint;
mod queries;
mod report;
mod syntax;
mod verdicts;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use report::Report;

#[derive(Args)]
pub(crate) struct Options {
    /// The folder with `queries/`, `syntax/` and `dsql-golden.jsonl`.
    #[arg(long, env = "DSQL_EDGE_CORPUS")]
    corpus: Option<PathBuf>,
    /// For the part `field`: the file to read, in the same format as `field/kinds.jsonl`.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Run only these parts; all by default.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Run only this project of `queries/`, this file of `syntax/`, these files of the recording, or this class or case
    /// of `field/`.
    #[arg(long)]
    only: Option<String>,
    /// Print every failure, with the expected answer.
    #[arg(long)]
    failures: bool,
    /// Print one JSON object per figure.
    #[arg(long)]
    json: bool,
    /// The path of AWS's `dsql-lint`; by default the `dsql-lint` in PATH, if there is one.
    #[arg(long, env = "DSQL_LINT")]
    dsql_lint: Option<PathBuf>,
    /// Build `dsql-edge` optimised: slower to build, faster to run.
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Names, types and nullability of real queries.
    Queries,
    /// Statements that PostgreSQL's raw parser accepts, and statements that it rejects.
    Syntax,
    /// A real cluster's recorded answers, compared with the rules of DSQL.
    Dsql,
    /// A real cluster's recorded answers, compared with `dsql-edge lint` and AWS's `dsql-lint`.
    Lint,
    /// Minimal cases of public test suites and trackers with PostgreSQL's answers, and statements with DSQL's verdicts.
    Field,
    /// The SQL that is sent after a rewrite, prepared by a PostgreSQL 16: the test `sent` over the corpora.
    Sent,
    /// Real queries, compiled with `sql!` and run on a PostgreSQL 16 through the runtime: every decoded value is
    /// compared with the text that PostgreSQL prints. This part compiles for minutes, so it runs only if it is named.
    EndToEnd,
    /// Migrations and queries of published applications, compared with a PostgreSQL 16. This part downloads the
    /// packages of these applications, so it runs only if it is named; it does not need a corpus.
    Packages,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.parts.contains(&Part::Packages) {
        xtask::step::run(&mut xtask::project::cargo_test("packages"))?;
    }
    if matches!(options.parts.as_slice(), [Part::Packages]) {
        return Ok(());
    }
    let Some(corpus) = &options.corpus else {
        // A new clone has no corpus, and without a corpus this command succeeds.
        println!("no corpus: name its folder with --corpus or DSQL_EDGE_CORPUS");
        return Ok(());
    };
    if !corpus.is_dir() {
        bail!("{} is not a folder", corpus.display());
    }
    let mut report = Report::new(options.json, options.failures);
    let wants = |part| options.parts.is_empty() || options.parts.contains(&part);
    if wants(Part::Dsql) {
        dsql::measure(&corpus.join("dsql-golden.jsonl"), options.only.as_deref(), &mut report)?;
    }
    if wants(Part::Sent) {
        xtask::step::run(xtask::project::cargo_test("sent").env("DSQL_EDGE_CORPUS", corpus.canonicalize()?))?;
    }
    if options.parts.contains(&Part::EndToEnd) {
        end_to_end(corpus, options)?;
    }
    if !wants(Part::Queries) && !wants(Part::Syntax) && !wants(Part::Lint) && !wants(Part::Field) {
        report.finish();
        return Ok(());
    }
    let describe = describe::build(options.release)?;
    if wants(Part::Lint) {
        let recording = corpus.join("dsql-golden.jsonl");
        let peer = options.dsql_lint.as_deref();
        lint::measure(&describe, peer, &recording, options.only.as_deref(), &mut report)?;
    }
    if wants(Part::Field) {
        let file = options.file.clone().unwrap_or_else(|| corpus.join("field/kinds.jsonl"));
        field::measure(&describe, &file, options.only.as_deref(), &mut report)?;
        if options.file.is_none() {
            let file = corpus.join("field/dsql-statements.jsonl");
            verdicts::measure(&describe, &file, options.only.as_deref(), &mut report)?;
        }
    }
    if wants(Part::Queries) {
        queries::measure(&describe, &corpus.join("queries"), options.only.as_deref(), &mut report)?;
    }
    if wants(Part::Syntax) {
        syntax::measure(&describe, &corpus.join("syntax"), options.only.as_deref(), &mut report)?;
    }
    report.finish();
    Ok(())
}

fn end_to_end(corpus: &Path, options: &Options) -> Result<()> {
    let mut test = xtask::project::cargo_test("corpus_end_to_end");
    test.env("DSQL_EDGE_CORPUS", corpus.canonicalize()?);
    if let Some(only) = &options.only {
        test.env("CORPUS_PROJECT", only);
    }
    if options.failures {
        test.env("CORPUS_FAILURES", "1");
    }
    xtask::step::run(&mut test)
}

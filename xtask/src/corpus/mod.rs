//! `cargo xtask corpus`: measures the compiler against the corpora that `DSQL_EDGE_CORPUS` names. It asks the
//! way anyone can, through `dsql-edge describe --jsonl`, and compares with PostgreSQL's answers; and the rules of
//! DSQL with a cluster's answers.

mod describe;
mod dsql;
mod field;
mod lint;
mod queries;
mod report;
mod syntax;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use report::Report;

#[derive(Args)]
pub(crate) struct Options {
    /// The folder with `queries/`, `syntax/` and `dsql-golden.jsonl`.
    #[arg(long, env = "DSQL_EDGE_CORPUS")]
    corpus: Option<PathBuf>,
    /// For the part `field`: another file of the form of `field/kinds.jsonl`.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Only these parts; all by default.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Only this project of `queries/`, this file of `syntax/`, these files of the recording, or this class or case of
    /// `field/`.
    #[arg(long)]
    only: Option<String>,
    /// Print every failure, with what was expected.
    #[arg(long)]
    failures: bool,
    /// One JSON object a figure.
    #[arg(long)]
    json: bool,
    /// AWS's `dsql-lint`; else the one in PATH, if it is there.
    #[arg(long, env = "DSQL_LINT")]
    dsql_lint: Option<PathBuf>,
    /// Build `dsql-edge` optimised: slower to build, faster to run.
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Real queries: names, types, nullability.
    Queries,
    /// Statements that PostgreSQL's raw parser accepts and refuses.
    Syntax,
    /// A real cluster's recorded answers, against the rules of DSQL.
    Dsql,
    /// The same, against `dsql-edge lint` and AWS's `dsql-lint` side by side.
    Lint,
    /// Minimal cases of public test suites and trackers, with PostgreSQL's answers.
    Field,
    /// The texts that are sent after a rewrite, prepared by a PostgreSQL 16: the test `sent` over the corpora.
    Sent,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let Some(corpus) = &options.corpus else {
        // A fresh clone has no corpus and passes without it.
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
        let mut command = xtask::project::cargo();
        // Of the whole workspace: see `test::parts`.
        command.args(["test", "--locked", "--workspace", "--test", "sent", "--", "--nocapture"]);
        xtask::step::run(command.env("DSQL_EDGE_CORPUS", corpus.canonicalize()?))?;
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

//! The `dsql-edge` command line.
//!
//! Input: arguments. Output: answers on stdout, everything else on stderr. The exit status is 1 on failure.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use dsql_edge_codegen::format::OutputClosed;
use dsql_edge_codegen::library_words::for_a_shell;
use dsql_edge_codegen::{
    check, completions, describe, doctor, explain, init, lint, migrate, migrate_from_sqlx, new, pull,
};

#[derive(Parser)]
#[command(
    name = "dsql-edge",
    version,
    about = "Typed SQL for Amazon Aurora DSQL and PostgreSQL: the command line",
    after_help = "A typical day:\n  dsql-edge new shop                    # once: a Worker that runs (`init`: in an existing crate)\n  dsql-edge lint \
    migrations/           # does DSQL accept it?\n  dsql-edge check --apply migrations/0007.sql   # does it break a \
    query?\n  dsql-edge migrate                     # apply it, and write the snapshot again, if there is one\n  dsql-edge check          \
    \x20            # in CI: does the database fit the queries?\n  dsql-edge doctor                      # why does nothing work?\n\nAnswers go to stdout, everything else to stderr. The exit \
    status is 1 on failure. Output on a terminal has\ncolours, unless NO_COLOR is set."
)]
enum Command {
    New(new::Options),
    Init(init::Options),
    Pull(pull::Options),
    Describe(describe::Options),
    Lint(lint::Options),
    Check(check::Options),
    Migrate(migrate::Options),
    #[command(name = "migrate-from-sqlx")]
    MigrateFromSqlx(migrate_from_sqlx::Options),
    Doctor(doctor::Options),
    Explain(explain::Options),
    Completions(completions::Options),
}

/// The exit status that a shell reports for a program that ends because its output is closed (128 + SIGPIPE).
const OF_CLOSED_PIPE: u8 = 141;

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::New(options) => new::run(&options),
        Command::Init(options) => init::run(&options),
        Command::Pull(options) => pull::run(&options),
        Command::Describe(options) => describe::run(&options),
        Command::Lint(options) => lint::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Migrate(options) => migrate::run(&options),
        Command::MigrateFromSqlx(options) => migrate_from_sqlx::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Completions(options) => completions::run(&options, Command::command()),
    };
    outcome.unwrap_or_else(|error| {
        if OutputClosed::ended(&error) {
            return ExitCode::from(OF_CLOSED_PIPE);
        }
        let error = for_a_shell(&format!("{error:#}"));
        anstream::eprintln!("\u{1b}[1;31merror\u{1b}[0m: {error}");
        ExitCode::FAILURE
    })
}

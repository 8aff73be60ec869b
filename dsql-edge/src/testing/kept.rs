//! Reports how to open the database of a failed test, and opens it.
//!
//! The command that opens the database runs the test program itself, because no other program is certain to be
//! installed. With `DSQL_EDGE_TEST=open`, a test does not run. Instead, the program starts the PostgreSQL if necessary,
//! and opens a shell in the database that the failed test has kept.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use dsql_edge_local::testing;

use super::description::Test;

/// The environment variable that requests to open the kept database.
const VARIABLE: &str = "DSQL_EDGE_TEST";

/// Whether the environment requests to open kept databases instead of running tests.
pub(super) fn is_requested() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "open")
}

/// Prints the cluster's log, and the command that opens the database of a failed test. The test harness shows what this
/// function prints, together with the test's output.
pub(super) fn report(test: &Test, log: &[String]) {
    if !log.is_empty() {
        eprintln!("\nthe log of the cluster:\n    {}", log.join("\n    "));
    }
    let program = std::env::current_exe().map(OsString::from).unwrap_or_default();
    // The test harness shows the path of a test without the name of the crate.
    let module = test.module.split_once("::").map_or(String::new(), |(_, module)| [module, "::"].concat());
    eprintln!(
        "\nthe database of this test is kept until the test runs again, for a week at most; to open it:\n    \
         (cd {} && {VARIABLE}=open {} --exact {} --nocapture)\n",
        quoted(test.package),
        quoted(&program.to_string_lossy()),
        quoted(&[&module, test.name].concat()),
    );
}

/// A word of a shell's command.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    ["'", &word.replace('\'', r"'\''"), "'"].concat()
}

/// Opens the database that a test has kept: runs psql; if psql is not installed, keeps the database open until Enter is
/// pressed.
pub(super) fn open(test: &'static Test) -> Result<(), String> {
    let shown = |error: dsql_edge_local::Error| error.to_string();
    let kept = test.given_to(&[], testing::kept_database).map_err(shown)?;
    let Some(kept) = kept else {
        return Err(format!(
            "no database of {}::{} is kept: a database is kept if its test fails, until the test runs again",
            test.module, test.name
        ));
    };
    println!("psql \"{}\"", kept.connection_string());
    match Command::new("psql").arg(kept.connection_string()).status() {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!(
                "psql is not on PATH, and npm's PostgreSQL does not contain it: install it from a package (Debian and Ubuntu: \
                 postgresql-client; Alpine: postgresql16-client; Homebrew: libpq, and add its bin to PATH), or use another \
                 client while this command waits; Enter ends it, and with it the server"
            );
            io::stdin().read_line(&mut String::new()).map_err(|error| error.to_string())?;
        }
        Err(error) => return Err(format!("psql: {error}")),
    }
    kept.close().map_err(shown)
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_of_a_command_are_quoted_for_a_shell() {
        for (word, expected) in [
            ("/a/b-1", "/a/b-1"),
            ("tests::a", "tests::a"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}

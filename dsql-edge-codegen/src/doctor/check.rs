//! A check of `doctor`: its name, its outcome, what was found, and what to do.

use crate::library_words::for_a_shell;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    /// The checked part works, but probably not as intended.
    Warning,
    /// The checked part does not work.
    Wrong,
    /// The check did not run, for example because an earlier check failed.
    Skipped,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Wrong => "wrong",
            Outcome::Skipped => "skipped",
        }
    }
}

/// A line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    /// The result of the check, in one line.
    pub(super) detail: String,
    /// What to do.
    pub(super) remedy: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Check {
        Check::new(name, Outcome::Ok, detail, None)
    }

    pub(super) fn warning(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check::new(name, Outcome::Warning, detail, Some(remedy.into()))
    }

    pub(super) fn wrong(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check::new(name, Outcome::Wrong, detail, Some(remedy.into()))
    }

    /// Returns a check that is skipped, because a check that it depends on has failed.
    pub(super) fn skipped(name: &'static str, needs: &str) -> Check {
        Check::new(name, Outcome::Skipped, format!("needs `{needs}`, which failed"), None)
    }

    /// Returns a check that does not apply.
    pub(super) fn left_out(name: &'static str, why: impl Into<String>) -> Check {
        Check::new(name, Outcome::Skipped, why, None)
    }

    fn new(name: &'static str, outcome: Outcome, detail: impl Into<String>, remedy: Option<String>) -> Check {
        Check { name, outcome, detail: for_a_shell(&one_line(&detail.into())), remedy }
    }
}

/// Errors of other crates may have several lines. Control characters of a server must not reach a terminal.
fn one_line(text: &str) -> String {
    let shown = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    shown.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

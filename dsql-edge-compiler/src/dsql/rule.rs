//! What a rule is: a thing that DSQL refuses, its answer to it, and what to write instead.
//!
//! Input: the tables of the rooms beside this one. Output: a [`Finding`] where a statement breaks a rule. It looks at
//! no statement.

use crate::diagnostic::{Code, Diagnostic, Reason, Severity, Stage};
use crate::source::Span;

/// A thing that DSQL refuses or limits.
#[derive(Debug, PartialEq)]
pub struct Rule {
    /// Its name, as the linter prints it.
    pub id: &'static str,
    /// What is refused; of a whole statement, its command words.
    pub what: &'static str,
    /// The SQLSTATE of the answer.
    pub sqlstate: &'static str,
    /// The answer; `{}` is replaced by what was written.
    pub message: &'static str,
    /// How it is known.
    pub known: Known,
    /// Since when DSQL has the alternative, where it is a recent one: a day of the year 2026, `MM-DD`.
    pub since: Option<&'static str>,
    /// What to do instead.
    pub instead: &'static str,
}

/// How a rule is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A cluster answered so, in the recording of September 2026 or in a report that quotes it.
    Recorded,
    /// A cluster refused a sibling of it in these words.
    Sibling,
    /// AWS's user guide or AWS's own linter documents that it is rejected; the words follow those of similar rules.
    Documented,
    /// It follows from the rest, without a source: never an error, only a warning.
    Inferred,
}

impl Known {
    /// Its name in the output.
    pub fn name(self) -> &'static str {
        match self {
            Known::Recorded => "recorded",
            Known::Sibling => "sibling",
            Known::Documented => "documented",
            Known::Inferred => "inferred",
        }
    }
}

/// A rule that a statement breaks, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The message.
    pub diagnostic: Diagnostic,
    /// The one safe rewrite, if there is one.
    pub fix: Option<Fix>,
    /// The whole statement is refused: nothing else about it matters.
    pub whole: bool,
}

/// A rewrite by places: pieces of the text and what is there instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What it does, in one line.
    pub title: &'static str,
    /// The pieces, none overlapping another.
    pub edits: Vec<(Span, String)>,
    /// Whether the script does the same with it.
    pub meaning: Meaning,
}

/// Whether a script does the same with a rewrite as without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Always.
    Same,
    /// If every statement succeeds. If one fails, more or less of the script is applied than without the rewrite.
    SameIfAllSucceed,
}

impl Meaning {
    /// Its name in the output.
    pub fn name(self) -> &'static str {
        match self {
            Meaning::Same => "same",
            Meaning::SameIfAllSucceed => "same_if_all_succeed",
        }
    }
}

impl Rule {
    /// DSQL's words, with `…` where they name what is written.
    pub fn general_message(&self) -> String {
        self.message.replace("{}", "…")
    }

    /// The advice for every statement that breaks the rule.
    pub fn general_advice(&self) -> String {
        match self.instead {
            "{}" => "the finding names what to write instead".to_owned(),
            instead => instead.replace("{}", "…"),
        }
    }

    /// The rule, broken at a place, where its message is complete.
    pub(super) fn at(&'static self, span: Span) -> Finding {
        self.naming(span, "")
    }

    /// The rule, broken at a place; `written` replaces the `{}` of its message.
    pub(super) fn naming(&'static self, span: Span, written: &str) -> Finding {
        let severity = if self.known == Known::Inferred { Severity::Warning } else { Severity::Error };
        let mut hint = self.instead.replace("{}", written);
        if let Some(day) = self.since {
            hint += &format!(" (in DSQL since 2026-{day})");
        }
        let diagnostic = Diagnostic {
            severity,
            stage: Stage::Dialect,
            hint: Some(hint).filter(|hint| !hint.is_empty()),
            reason: Some(Reason { rule: self.id, sqlstate: self.sqlstate }),
            ..Diagnostic::error(Code::DsqlUnsupported, span, self.message.replace("{}", written))
        };
        Finding { rule: self, diagnostic, fix: None, whole: false }
    }
}

impl Finding {
    /// With the rewrite that makes it pass. The linter, which reads the whole script, decides whether it does the same.
    #[must_use]
    pub(super) fn fixed(self, title: &'static str, edits: Vec<(Span, String)>) -> Finding {
        Finding { fix: Some(Fix { title, edits, meaning: Meaning::Same }), ..self }
    }

    /// At another place.
    #[must_use]
    pub(super) fn placed(mut self, span: Span) -> Finding {
        self.diagnostic.span = span;
        self
    }

    /// With the limit that is exceeded.
    #[must_use]
    pub(super) fn detailed(mut self, limit: String) -> Finding {
        self.diagnostic.detail = Some(limit);
        self
    }

    /// With another piece of advice than its rule's.
    #[must_use]
    pub(super) fn advising(mut self, hint: impl Into<String>) -> Finding {
        self.diagnostic.hint = Some(hint.into());
        self
    }
}

/// A table of rules, a line a rule: its name, what is refused, SQLSTATE, DSQL's words, how it is known, since
/// when there is the alternative, the alternative. Each is an item of that name; `$all` is all of them.
macro_rules! rules {
    ($(#[$doc:meta])* $all:ident; $($id:ident: $what:literal | $sqlstate:literal | $message:literal | $known:ident $(since $day:literal)? | $instead:literal;)*) => {
        $(
            #[allow(non_upper_case_globals, reason = "the name is the rule's own, as users see it")]
            pub(super) static $id: $crate::dsql::rule::Rule = $crate::dsql::rule::Rule {
                id: stringify!($id),
                what: $what,
                sqlstate: $sqlstate,
                message: $message,
                known: $crate::dsql::rule::Known::$known,
                since: rules!(@since $($day)?),
                instead: $instead,
            };
        )*
        $(#[$doc])*
        pub(super) static $all: &[&$crate::dsql::rule::Rule] = &[$(&$id,)*];
    };
    (@since) => { None };
    (@since $day:literal) => { Some($day) };
}

pub(super) use rules;

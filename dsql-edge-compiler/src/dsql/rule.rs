//! Defines a rule: a construct that DSQL rejects, DSQL's error, and the alternative.
//!
//! Input: the tables of the sibling modules. Output: a [`Finding`] for a rule that a statement breaks. This module does
//! not examine statements.

use crate::diagnostic::{Code, Diagnostic, Reason, Severity, Stage};
use crate::source::Span;

/// A construct that DSQL rejects or limits.
#[derive(Debug, PartialEq)]
pub struct Rule {
    /// Its name, as the linter prints it.
    pub id: &'static str,
    /// The rejected construct; for a whole statement, its command words.
    pub what: &'static str,
    /// The SQLSTATE of DSQL's error.
    pub sqlstate: &'static str,
    /// The message of DSQL's error; `{}` is replaced by the written text.
    pub message: &'static str,
    /// The source of the rule.
    pub known: Known,
    /// For a recent alternative, the date in 2026 since which DSQL has it, `MM-DD`.
    pub since: Option<&'static str>,
    /// The alternative.
    pub instead: &'static str,
}

/// The source of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A cluster returned this error, in the recording of September 2026 or in a report that quotes it.
    Recorded,
    /// A cluster rejected a similar construct with these words.
    Sibling,
    /// AWS's user guide or AWS's own linter documents that the construct is rejected; the words are like those of
    /// similar rules.
    Documented,
    /// The rule was inferred from other rules and has no source, so a statement that breaks it gets a warning, never an
    /// error.
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

/// A rule that a statement breaks, and the place.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The message.
    pub diagnostic: Diagnostic,
    /// The safe rewrite, if there is one.
    pub fix: Option<Fix>,
    /// The whole statement is rejected, so no other rule is checked.
    pub whole: bool,
}

/// A rewrite: places in the text and their replacements.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// Its description, in one line.
    pub title: &'static str,
    /// The replacements, which do not overlap.
    pub edits: Vec<(Span, String)>,
    /// Whether the script has the same effect with the rewrite.
    pub meaning: Meaning,
}

/// Whether a script has the same effect with a rewrite as without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The effect is always the same.
    Same,
    /// The effect is the same if every statement succeeds. If one fails, more or less of the script is applied than
    /// without the rewrite.
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
    /// DSQL's words, with `…` in place of the written text.
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

    /// A finding at a place, for a rule whose message has no `{}`.
    pub(super) fn at(&'static self, span: Span) -> Finding {
        self.naming(span, "")
    }

    /// A finding at a place; `written` replaces the `{}` of the rule's message.
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
    /// Adds the rewrite that DSQL accepts. The linter, which reads the whole script, decides whether the script has the
    /// same effect with the rewrite.
    #[must_use]
    pub(super) fn fixed(self, title: &'static str, edits: Vec<(Span, String)>) -> Finding {
        Finding { fix: Some(Fix { title, edits, meaning: Meaning::Same }), ..self }
    }

    /// Moves the finding to another place.
    #[must_use]
    pub(super) fn placed(mut self, span: Span) -> Finding {
        self.diagnostic.span = span;
        self
    }

    /// Adds the limit that is exceeded.
    #[must_use]
    pub(super) fn detailed(mut self, limit: String) -> Finding {
        self.diagnostic.detail = Some(limit);
        self
    }

    /// Replaces the rule's advice.
    #[must_use]
    pub(super) fn advising(mut self, hint: impl Into<String>) -> Finding {
        self.diagnostic.hint = Some(hint.into());
        self
    }
}

/// Defines a table of rules, one line per rule: its name, the rejected construct, the SQLSTATE, DSQL's words, the
/// source, the date of the alternative, the alternative. Each rule becomes an item of that name; `$all` is the list of
/// all rules.
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

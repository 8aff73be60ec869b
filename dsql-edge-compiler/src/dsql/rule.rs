//! Defines a rule: a construct that DSQL rejects, DSQL's error, and the alternative.
//!
//! Input: a rule from one of the tables in the other modules of `dsql`. Output: a [`Finding`] for a rule that a
//! statement breaks. Other modules examine the statements.

use crate::diagnostic::{Code, Diagnostic, Reason, Severity, Stage};
use crate::source::Span;

/// A construct that DSQL rejects or limits, or that has another effect than in PostgreSQL (SQLSTATE 00000).
#[derive(Debug, PartialEq)]
pub struct Rule {
    /// The name of the rule, as the linter prints it.
    pub id: &'static str,
    /// The construct; for a whole statement, its command words.
    pub what: &'static str,
    /// The SQLSTATE of DSQL's error.
    pub sqlstate: &'static str,
    /// The message of DSQL's error; `{}` is replaced by the part of the statement that breaks the rule.
    pub message: &'static str,
    /// The source of the rule.
    pub known: Known,
    /// The day in 2026 (`MM-DD`) on which DSQL began to support the alternative (`instead`); `None` if the
    /// alternative is older.
    pub since: Option<&'static str>,
    /// The alternative.
    pub instead: &'static str,
}

/// The source of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A cluster returned this error, in the recording of September 2026 or in a report that quotes it.
    Recorded,
    /// Someone else reported that a cluster rejected the construct: the observer and the date.
    Observed(&'static str),
    /// A cluster rejected a similar construct with the words of the rule's message.
    Sibling,
    /// Only AWS's user guide or AWS's own linter documents that the construct is rejected, and no answer of a cluster
    /// is known, so a statement that breaks the rule gets a warning. The message of such a rule is modelled on the
    /// messages of similar rules.
    Documented,
    /// The rule was inferred from other rules and has no source, so a statement that breaks the rule gets a warning,
    /// never an error.
    Inferred,
}

impl Known {
    /// Returns the name of the kind of source, as the output contains it.
    pub fn name(self) -> &'static str {
        match self {
            Known::Recorded => "recorded",
            Known::Observed(_) => "observed",
            Known::Sibling => "sibling",
            Known::Documented => "documented",
            Known::Inferred => "inferred",
        }
    }

    /// Returns the source, and its date.
    pub fn source(self) -> &'static str {
        match self {
            Known::Recorded => "a cluster's answers, recorded until 2026-09",
            Known::Observed(source) => source,
            Known::Sibling => "a cluster's answer to a similar statement, recorded until 2026-09",
            Known::Documented => "Amazon Aurora DSQL user guide and dsql-lint, 2026-09",
            Known::Inferred => "none: inferred from similar rules",
        }
    }

    /// Whether an answer of a cluster supports the rule. Without such an answer, each finding of the rule is a warning.
    pub fn is_certain(self) -> bool {
        matches!(self, Known::Recorded | Known::Observed(_) | Known::Sibling)
    }
}

/// A rule that a statement breaks, with the span in the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The message.
    pub diagnostic: Diagnostic,
    /// The safe rewrite, if there is one.
    pub fix: Option<Fix>,
    /// Whether the rule is about the whole statement. Such a finding is reported alone. But if such a finding is a
    /// warning and another finding is an error, only the other findings are reported.
    pub whole: bool,
}

/// A rewrite: spans of the text, each with its replacement.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// The description of the rewrite, in one line.
    pub title: &'static str,
    /// The spans and the text that replaces each of them; the spans do not overlap.
    pub edits: Vec<(Span, String)>,
    /// Whether the rewrite keeps the effect of the script.
    pub meaning: Meaning,
}

/// Whether a rewrite keeps the effect of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The rewrite always keeps the effect.
    Same,
    /// The rewrite keeps the effect of the script only if every statement succeeds. If a statement fails, the rewritten
    /// script has applied more or fewer changes than the original script.
    SameIfAllSucceed,
}

impl Meaning {
    /// Returns the name, as the output contains it.
    pub fn name(self) -> &'static str {
        match self {
            Meaning::Same => "same",
            Meaning::SameIfAllSucceed => "same_if_all_succeed",
        }
    }
}

impl Rule {
    /// Whether a finding of the rule is an error.
    pub fn is_error(&self) -> bool {
        self.known.is_certain() && self.rejects()
    }

    /// Whether dsql-local rejects the construct, even if the rule's only source is documentation.
    pub fn is_rejected(&self) -> bool {
        self.known != Known::Inferred && self.rejects()
    }

    /// Whether DSQL rejects the construct. If the rule's SQLSTATE is 00000, which means success, DSQL accepts the
    /// construct, but differs from PostgreSQL.
    pub fn rejects(&self) -> bool {
        self.sqlstate != "00000"
    }

    /// Returns DSQL's words, with `…` instead of `{}`.
    pub fn general_message(&self) -> String {
        self.message.replace("{}", "…")
    }

    /// Returns the rule's advice without the details of one statement, with `…` instead of `{}`.
    pub fn general_advice(&self) -> String {
        match self.instead {
            "{}" => "the finding contains the alternative".to_owned(),
            instead => instead.replace("{}", "…"),
        }
    }

    /// Makes a finding with this span, for a rule whose message has no `{}`.
    pub(super) fn at(&'static self, span: Span) -> Finding {
        self.naming(span, "")
    }

    /// Makes a finding with this span; `written` replaces `{}` in the rule's message and in the alternative.
    pub(super) fn naming(&'static self, span: Span, written: &str) -> Finding {
        let severity = if self.is_error() { Severity::Error } else { Severity::Warning };
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
    /// Adds to the finding a rewrite that DSQL accepts. The linter decides whether the script as a whole has the same
    /// effect with the rewrite.
    #[must_use]
    pub(super) fn fixed(self, title: &'static str, edits: Vec<(Span, String)>) -> Finding {
        Finding { fix: Some(Fix { title, edits, meaning: Meaning::Same }), ..self }
    }

    /// Gives the finding another span.
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

/// Defines a table of rules, one line per rule: the name, the rejected construct, the SQLSTATE, DSQL's words, the
/// source, the date since which DSQL has the alternative, and the alternative. For each rule, the macro defines an item
/// with the rule's name; `$all` is the list of all rules.
macro_rules! rules {
    ($(#[$doc:meta])* $all:ident; $($id:ident: $what:literal | $sqlstate:literal | $message:literal | $known:ident $($source:literal)? $(since $day:literal)? | $instead:literal;)*) => {
        $(
            #[allow(non_upper_case_globals, reason = "the name is the rule's own, as users see it")]
            pub(super) static $id: $crate::dsql::rule::Rule = $crate::dsql::rule::Rule {
                id: stringify!($id),
                what: $what,
                sqlstate: $sqlstate,
                message: $message,
                known: $crate::dsql::rule::Known::$known $(($source))?,
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

#[cfg(test)]
mod tests {
    use crate::diagnostic::render::first_part;
    use crate::dsql;

    /// The first line of an error contains the first part of the advice, which must be the alternative.
    #[test]
    fn first_part_of_each_advice_fits_in_one_line() {
        let rules = dsql::tables().into_iter().flat_map(|(_, rules)| rules.iter().copied());
        let of_rules = rules.map(|rule| (rule.id, rule.general_advice()));
        let functions = dsql::refused_functions().iter().map(|(name, advice)| (*name, (*advice).to_owned()));
        for (name, advice) in of_rules.chain(functions) {
            let first = first_part(&advice);
            assert!(first.chars().count() <= 100, "{name}: {first}");
            let rest = advice.strip_prefix(first).unwrap();
            assert!(rest.is_empty() || rest.starts_with("; ") || rest.starts_with(": "), "{name}: {advice}");
        }
    }
}

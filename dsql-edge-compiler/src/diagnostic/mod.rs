//! Defines diagnostics: errors and warnings of a query or a schema.
//!
//! Input: a code, PostgreSQL's message, and a span. Output: [`Diagnostic`], rendered by [`render`] as text and by the
//! CLI as JSON. The module does not detect errors.

mod codes;
pub mod quotation;
pub mod render;
pub mod suggestion;

pub use codes::Code;

use crate::source::Span;

/// The stage of PostgreSQL or DSQL that would reject the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The raw parser (`gram.y`, `scan.l`); its errors can have any SQLSTATE.
    Syntax,
    /// Parse analysis, or this compiler's own checks.
    Analysis,
    /// The statement passes parse analysis, but a rule of DSQL rejects the statement, or the statement fails when it
    /// runs.
    Dialect,
}

impl Stage {
    /// Returns the stage as the CLI prints it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Syntax => "syntax",
            Stage::Analysis => "analysis",
            Stage::Dialect => "dialect",
        }
    }
}

/// Whether the build must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The query cannot run.
    Error,
    /// The query runs, but probably does not do what its author intends; or the query breaks a rule of DSQL that no
    /// cluster has confirmed.
    Warning,
}

/// One error or warning, and its fix.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// The kind of mistake.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// The stage that would reject the statement, such as the parser.
    pub stage: Stage,
    /// PostgreSQL's primary message; the compiler's own message if PostgreSQL does not report this mistake.
    pub message: String,
    /// The span to underline; its start is PostgreSQL's error position.
    pub span: Span,
    /// More about the cause.
    pub detail: Option<String>,
    /// Advice on how to fix the mistake.
    pub hint: Option<String>,
    /// The DSQL rule that the statement breaks; `None` if the diagnostic has another reason.
    pub reason: Option<Reason>,
}

/// The DSQL rule of a diagnostic with [`Code::DsqlUnsupported`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule's name.
    pub rule: &'static str,
    /// The SQLSTATE of DSQL's answer.
    pub sqlstate: &'static str,
}

impl Diagnostic {
    /// Returns an error of parse analysis.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            stage: Stage::Analysis,
            message: message.into(),
            span,
            detail: None,
            hint: None,
            reason: None,
        }
    }

    /// Returns an error of the raw parser.
    pub fn syntax(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { stage: Stage::Syntax, ..Diagnostic::error(code, span, message) }
    }

    /// Returns a warning.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, span, message) }
    }

    /// Returns the error for a PostgreSQL feature that this compiler does not support yet.
    pub fn unsupported(span: Span, what: impl std::fmt::Display) -> Diagnostic {
        Diagnostic::error(Code::NotSupportedYet, span, format!("{what} is not supported by dsql-edge yet"))
            .with_hint(
                "use sql_unchecked!, which sends the statement unchanged; you write the types of its columns",
            )
    }

    /// Adds advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Diagnostic {
        self.detail = Some(detail.into());
        self
    }

    /// Returns the SQLSTATE that the server returns.
    pub fn sqlstate(&self) -> &'static str {
        self.reason.map_or(self.code.sqlstate(), |reason| reason.sqlstate)
    }

    /// Whether the diagnostic stops the build.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// All diagnostics of one query or file, in the order in which PostgreSQL would find them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Creates an empty list.
    pub fn new() -> Diagnostics {
        Diagnostics(Vec::new())
    }

    /// Adds a diagnostic, unless the list already contains an equal diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.0.contains(&diagnostic) {
            self.0.push(diagnostic);
        }
    }

    /// Replaces the hint of the last diagnostic, if this diagnostic has the given span. If `span` is `None`, the
    /// diagnostic's span is not compared.
    pub fn advise(&mut self, span: Option<Span>, hint: impl Into<String>) {
        if let Some(last) = self.0.last_mut().filter(|last| span.is_none_or(|span| last.span == span)) {
            last.hint = Some(hint.into());
        }
    }

    /// Removes and returns the diagnostics after the first `at`.
    pub fn split_off(&mut self, at: usize) -> Diagnostics {
        Diagnostics(self.0.split_off(at.min(self.0.len())))
    }

    /// Iterates over all diagnostics.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Iterates over the errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter().filter(|diagnostic| diagnostic.is_error())
    }

    /// Whether the build must stop.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Returns the number of errors.
    pub fn error_count(&self) -> usize {
        self.errors().count()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Diagnostics {
        let mut out = Diagnostics::new();
        diagnostics.into_iter().for_each(|diagnostic| out.push(diagnostic));
        out
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

//! Asks the compiler: a schema and a query in, the answer out as the value that both forms print.

use anyhow::Result;
use dsql_edge_compiler::diagnostic::{Diagnostic, Diagnostics};
use dsql_edge_compiler::source::Source;
use dsql_edge_compiler::syntax;
use serde::Serialize;

use super::Dialect;
use crate::schema_files::SchemaFile;

/// What is known of a query. Serialised, it is the answer of `--jsonl`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Described {
        params: Vec<Param>,
        columns: Vec<Column>,
        cardinality: &'static str,
    },
    Refused {
        errors: Vec<Problem>,
        #[serde(skip)]
        diagnostics: Vec<Diagnostic>,
    },
}

#[derive(Serialize)]
pub(super) struct Param {
    /// As it is written: `$category`, `$1`.
    #[serde(skip)]
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) type_name: String,
    pub(super) nullable: bool,
}

#[derive(Serialize)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) type_name: String,
    pub(super) nullable: bool,
}

/// An error. `offset` and `end` are bytes, from 0.
#[derive(Serialize)]
pub(super) struct Problem {
    stage: &'static str,
    code: &'static str,
    sqlstate: &'static str,
    message: String,
    offset: u32,
    end: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The compiler with a schema.
pub(super) struct Describer {}

impl Describer {
    pub(super) fn new(_files: &[SchemaFile], _dialect: Option<Dialect>) -> Result<Self> {
        Ok(Self {})
    }

    pub(super) fn describe(&self, source: &Source) -> Answer {
        let lexed = syntax::lex(source);
        let diagnostics = match syntax::parse_statement(&source.text, &lexed) {
            Err(diagnostic) => Diagnostics::from(diagnostic),
            Ok(statement) => Diagnostic::unsupported(statement.span, "the analysis of statements").into(),
        };
        refused(diagnostics)
    }
}

/// The statements of a text, without their semicolons; a text that does not parse is one statement.
pub(super) fn statements(text: &str) -> Vec<String> {
    let lexed = syntax::lex(&Source::named(text));
    match syntax::parse_statements(text, &lexed) {
        Ok(statements) => statements.iter().map(|it| it.span.text(text).to_owned()).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

fn refused(diagnostics: Diagnostics) -> Answer {
    let diagnostics: Vec<Diagnostic> = diagnostics.into_iter().collect();
    let errors = diagnostics
        .iter()
        .filter(|it| it.is_error())
        .map(|it| Problem {
            stage: it.stage.name(),
            code: it.code.name(),
            sqlstate: it.code.sqlstate(),
            message: it.message.clone(),
            offset: it.span.start,
            end: it.span.end,
            hint: it.hint.clone(),
        })
        .collect();
    Answer::Refused { errors, diagnostics }
}

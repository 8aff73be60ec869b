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
pub enum Answer {
    /// It can run.
    Described {
        /// Its parameters, by number.
        params: Vec<Param>,
        /// Its columns, in order.
        columns: Vec<Column>,
        /// How many rows: `none`, `one`, `zero-or-one`, `many`.
        cardinality: &'static str,
    },
    /// It cannot, and why.
    Refused {
        /// The errors as `--jsonl` prints them.
        errors: Vec<Problem>,
        /// Errors and warnings as the compiler has them.
        #[serde(skip)]
        diagnostics: Vec<Diagnostic>,
    },
}

/// A parameter.
#[derive(Serialize)]
pub struct Param {
    /// As it is written: `$category`, `$1`.
    #[serde(skip)]
    pub name: String,
    /// The typname.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it may be NULL, as far as is proved.
    pub nullable: bool,
}

/// A column.
#[derive(Serialize)]
pub struct Column {
    /// As the server reports it.
    pub name: String,
    /// The typname.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it may be NULL, as far as is proved.
    pub nullable: bool,
}

/// An error. `offset` and `end` are bytes, from 0.
#[derive(Serialize)]
pub struct Problem {
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
pub struct Describer {}

impl Describer {
    /// With the schema that this DDL makes.
    ///
    /// # Errors
    /// DDL that cannot be understood.
    pub fn from_sql(ddl: &str) -> Result<Self> {
        Self::new(&[SchemaFile { name: "schema".to_owned(), text: ddl.to_owned() }], None)
    }

    pub(super) fn new(_files: &[SchemaFile], _dialect: Option<Dialect>) -> Result<Self> {
        Ok(Self {})
    }

    /// What is known of a query.
    pub fn describe(&self, source: &Source) -> Answer {
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

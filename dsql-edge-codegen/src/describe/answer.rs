//! Compiles a query for `describe`.
//!
//! Input: a schema and a query. Output: the answer as a value, which is printed as a table or as JSON.

use anyhow::{Result, anyhow};
use clap::ValueEnum;
use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::diagnostic::{Diagnostic, Diagnostics};
use dsql_edge_compiler::emit::{shown_field_type, shown_parameter_type};
use dsql_edge_compiler::fields::{column_name, fields};
use dsql_edge_compiler::schema::{self, Origin, SchemaError};
use dsql_edge_compiler::source::{Source, line_and_column};
use dsql_edge_compiler::sql_type::{SqlType, SqlTypeKind};
use dsql_edge_compiler::syntax::{Parsed, lex};
use dsql_edge_compiler::typed::Idempotency;
use dsql_edge_compiler::{Schema, TypedQuery, compile};
use serde::Serialize;

use crate::schema_files::SqlFile;

/// The version of the JSON.
const VERSION: u32 = 1;

/// The database whose rules apply.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Dialect {
    /// Amazon Aurora DSQL
    Dsql,
    /// PostgreSQL 16
    Postgres,
}

/// The description of a query. Serialised, it is the answer of `--jsonl`.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The query can run.
    Described {
        /// The version of the answer's JSON format. The version is increased when a field changes its meaning; fields
        /// may be added without an increase.
        version: u32,
        /// The SQL that is sent.
        sql: String,
        /// The query's parameters, by number.
        params: Vec<Param>,
        /// The query's columns, in order.
        columns: Vec<Column>,
        /// The number of rows: `none`, `one`, `zero-or-one`, `many`.
        cardinality: &'static str,
        /// For an INSERT: whether it can be the idempotency key of a transaction.
        #[serde(skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<IdempotencyKey>,
        /// The warnings and reasons of `remarks`, in the form for JSON.
        diagnostics: Vec<Problem>,
        /// Warnings, and the reasons why the query's columns cannot be a row in Rust.
        #[serde(skip)]
        remarks: Vec<Diagnostic>,
    },
    /// The query cannot run.
    Refused {
        /// The version of the answer's JSON format.
        version: u32,
        /// The errors.
        errors: Vec<Problem>,
        /// Errors and warnings, in the form that the JSON output has.
        diagnostics: Vec<Problem>,
        /// Errors and warnings, as the compiler returns them.
        #[serde(skip)]
        remarks: Vec<Diagnostic>,
    },
}

/// A parameter.
#[derive(Serialize)]
pub struct Param {
    /// The name as it is written: `$category`, `$1`.
    #[serde(skip)]
    pub name: String,
    /// The type's `typname`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type as people write it: `int4[]` for the `typname` `_int4`.
    #[serde(skip)]
    pub shown_type: String,
    /// Whether the parameter may be NULL, as far as the compiler can prove.
    pub nullable: bool,
    /// For an array: whether an element may be NULL.
    pub elements_nullable: bool,
    /// The type that the parameter has in a query function that does not declare the parameter's type.
    pub rust_type: String,
}

/// A column.
#[derive(Serialize)]
pub struct Column {
    /// The name as the server reports it.
    pub name: String,
    /// The name without an override: `phone` for `AS "phone!"`.
    pub field: String,
    /// The type's `typname`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type as people write it: `int4[]` for the `typname` `_int4`.
    #[serde(skip)]
    pub shown_type: String,
    /// Whether the column may be NULL, as far as the compiler can prove.
    pub nullable: bool,
    /// For an array: whether an element may be NULL, as far as the compiler can prove.
    pub elements_nullable: bool,
    /// The type of the field in Rust; `None` if the columns cannot be a row in Rust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rust_type: Option<String>,
}

/// Whether an INSERT can be the idempotency key of a transaction.
#[derive(Serialize)]
pub struct IdempotencyKey {
    /// Whether it can.
    pub possible: bool,
    /// The reason if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An error or a warning. `offset` and `end` are bytes, from 0.
#[derive(Clone, Serialize)]
pub struct Problem {
    severity: &'static str,
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
pub struct Describer {
    schema: Schema,
}

impl Describer {
    /// Creates a describer with the schema that this DDL creates.
    ///
    /// # Errors
    /// Returns an error if the DDL has errors.
    pub fn from_sql(ddl: &str) -> Result<Self> {
        Self::new(&[SqlFile { name: "schema".to_owned(), text: ddl.to_owned() }], None, Origin::default())
    }

    pub(super) fn new(files: &[SqlFile], dialect: Option<Dialect>, origin: Origin) -> Result<Self> {
        let texts = files.iter().map(|file| (file.name.as_str(), file.text.as_str()));
        let dialect = dialect.map(|dialect| match dialect {
            Dialect::Dsql => schema::Dialect::Dsql,
            Dialect::Postgres => schema::Dialect::Postgres,
        });
        let schema = Schema::parse_files(texts, dialect).map_err(|errors| unreadable(files, &errors))?;
        Ok(Self { schema: schema.with_origin(origin) })
    }

    /// Describes a query.
    pub fn describe(&self, source: &Source) -> Answer {
        match compile(source, &self.schema) {
            Ok(query) => described(query, &self.schema),
            Err(diagnostics) => refused(diagnostics),
        }
    }
}

fn described(query: TypedQuery, schema: &Schema) -> Answer {
    let mut remarks = query.warnings.clone();
    let mut rust_types: Vec<Option<String>> = vec![None; query.columns.len()];
    match fields(&query, schema) {
        Ok(fields) => {
            for field in fields.all() {
                if let Some(rust_type) = rust_types.get_mut(field.column) {
                    *rust_type = Some(shown_field_type(field));
                }
            }
            remarks.extend(fields.warnings);
        }
        Err(diagnostics) => remarks.extend(diagnostics),
    }
    let idempotency_key = match query.idempotency {
        Idempotency::NotAnInsert => None,
        Idempotency::Key(_) => Some(IdempotencyKey { possible: true, reason: None }),
        Idempotency::NotAKey(reason) => Some(IdempotencyKey { possible: false, reason: Some(reason) }),
    };
    let params = query.parameters.into_iter().enumerate().map(|(at, parameter)| Param {
        rust_type: shown_parameter_type(&parameter),
        name: parameter.name.map_or_else(|| format!("${}", at + 1), |name| format!("${name}")),
        shown_type: shown_type(&parameter.sql_type),
        type_name: parameter.sql_type.name,
        nullable: parameter.nullable,
        elements_nullable: parameter.elements_nullable,
    });
    let columns = query.columns.into_iter().zip(rust_types).map(|(column, rust_type)| Column {
        field: column_name(&column).field,
        name: column.name,
        shown_type: shown_type(&column.sql_type),
        type_name: column.sql_type.name,
        nullable: column.nullable,
        elements_nullable: column.elements_nullable,
        rust_type,
    });
    Answer::Described {
        sql: query.sql,
        params: params.collect(),
        columns: columns.collect(),
        cardinality: query.cardinality.name(),
        idempotency_key,
        diagnostics: remarks.iter().map(Problem::of).collect(),
        remarks,
        version: VERSION,
    }
}

fn shown_type(sql_type: &SqlType) -> String {
    match &sql_type.kind {
        SqlTypeKind::Array(element) => format!("{}[]", element.name),
        _ => sql_type.name.clone(),
    }
}

/// Describes the errors of a schema, each with its file and position.
fn unreadable(files: &[SqlFile], errors: &[SchemaError]) -> anyhow::Error {
    let shown: Vec<String> = errors
        .iter()
        .map(|error| {
            let text =
                files.iter().find(|file| file.name == error.file).map_or("", |file| file.text.as_str());
            let (line, column) = line_and_column(text, error.diagnostic.span.start as usize);
            render(&error.diagnostic, text, Some(Place { file: Some(error.file.clone()), line, column }))
        })
        .collect();
    anyhow!("the schema has errors, fix these first:\n{}", shown.join("\n"))
}

/// Returns the statements of a source, without their semicolons; a source that does not parse is one statement.
pub(super) fn statements(text: &str) -> Vec<String> {
    let lexed = lex(&Source::of_macro(text));
    if !lexed.pieces.is_empty() {
        // With optional text, the source counts as one statement: the last token of a statement may
        // be inside `{? … }`.
        return vec![text.to_owned()];
    }
    match Parsed::of_tokens(text, lexed) {
        Ok(parsed) => parsed.iter().map(|it| it.span.text(text).to_owned()).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

fn refused(diagnostics: Diagnostics) -> Answer {
    let remarks: Vec<Diagnostic> = diagnostics.into_iter().collect();
    let errors = remarks.iter().filter(|it| it.is_error()).map(Problem::of).collect();
    let diagnostics = remarks.iter().map(Problem::of).collect();
    Answer::Refused { version: VERSION, errors, diagnostics, remarks }
}

impl Answer {
    /// Whether `sql!` rejects the query: it cannot run, or its columns cannot be a row in Rust.
    pub fn is_rejected(&self) -> bool {
        match self {
            Answer::Described { remarks, .. } => remarks.iter().any(Diagnostic::is_error),
            Answer::Refused { .. } => true,
        }
    }
}

impl Problem {
    fn of(diagnostic: &Diagnostic) -> Problem {
        Problem {
            severity: if diagnostic.is_error() { "error" } else { "warning" },
            stage: diagnostic.stage.name(),
            code: diagnostic.code.name(),
            sqlstate: diagnostic.sqlstate(),
            message: diagnostic.message.clone(),
            offset: diagnostic.span.start,
            end: diagnostic.span.end,
            hint: diagnostic.hint.clone(),
        }
    }
}

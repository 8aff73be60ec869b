//! Defines the syntax tree: the statement as written, with folded names and with spans, before names are resolved.
//!
//! The nodes are those of PostgreSQL's raw parse tree (`parsenodes.h`), as Rust enums. Constructs that the grammar
//! rewrites (`EXTRACT`, `TRIM`, `AT TIME ZONE` …) are also rewritten here.

// The fields of struct-like variants have no comments: their names and the comment of the variant explain the fields.
#![allow(missing_docs)]

mod constraint;
mod ddl;
mod dml;
mod expr;
mod query;

pub use constraint::*;
pub use ddl::*;
pub use dml::*;
pub use expr::*;
pub use query::*;

use crate::source::Span;

/// One identifier, folded or as written in quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// `name`, `schema.name` or `catalog.schema.name`.
#[derive(Clone, Debug, PartialEq)]
pub struct QualifiedName {
    /// At least one name. There may be more than three names where PostgreSQL checks their number after parsing.
    pub parts: Vec<Name>,
}

impl QualifiedName {
    /// Returns the last name.
    pub fn name(&self) -> &str {
        self.parts.last().map_or("", |name| &name.text)
    }

    /// Returns the name before the last name, if there is one.
    pub fn schema(&self) -> Option<&str> {
        self.parts.len().checked_sub(2).and_then(|at| self.parts.get(at)).map(|name| name.text.as_str())
    }

    /// Returns the span from the first name to the last name.
    pub fn span(&self) -> Span {
        match (self.parts.first(), self.parts.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::default(),
        }
    }

    /// Returns the name in PostgreSQL's messages: the unquoted parts, separated by dots.
    pub fn display(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().map(|part| part.text.as_str()).collect();
        parts.join(".")
    }
}

/// A statement and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The kind of statement.
    pub kind: StatementKind,
    /// The span of the statement, from its first token to its last token, without the semicolon.
    pub span: Span,
}

/// The statements that this compiler parses.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `SELECT`, `VALUES`, `TABLE`, with or without `WITH`.
    Query(Box<Query>),
    /// `INSERT`.
    Insert(Box<Insert>),
    /// `UPDATE`.
    Update(Box<Update>),
    /// `DELETE`.
    Delete(Box<Delete>),
    /// `MERGE`.
    Merge(Box<Merge>),
    /// `CREATE TABLE`, `CREATE FOREIGN TABLE`.
    CreateTable(Box<CreateTable>),
    /// `CREATE TABLE … AS`, `CREATE MATERIALIZED VIEW … AS`.
    CreateTableAs(Box<CreateTableAs>),
    /// `CREATE VIEW`.
    CreateView(Box<CreateView>),
    /// `CREATE INDEX`.
    CreateIndex(Box<CreateIndex>),
    /// `CREATE DOMAIN`.
    CreateDomain(Box<CreateDomain>),
    /// `CREATE TYPE`.
    CreateType(Box<CreateType>),
    /// `CREATE SEQUENCE`.
    CreateSequence(Box<CreateSequence>),
    /// `CREATE SCHEMA`.
    CreateSchema(Box<CreateSchema>),
    /// `CREATE FUNCTION`, `CREATE PROCEDURE`, `CREATE AGGREGATE`.
    CreateFunction(Box<CreateFunction>),
    /// `CREATE TRIGGER … ON table`; the field is the table.
    CreateTrigger(QualifiedName),
    /// `CREATE RULE … TO table`; the field is the table.
    CreateRule(QualifiedName),
    /// `CREATE OPERATOR`.
    CreateOperator(Box<CreateOperator>),
    /// `CREATE COLLATION`
    CreateCollation(Box<CreateCollation>),
    /// `CREATE CAST`.
    CreateCast(Box<CreateCast>),
    /// `CREATE EXTENSION`.
    CreateExtension(CreateExtension),
    /// `ALTER EXTENSION … SET SCHEMA`.
    MoveExtension(MoveExtension),
    /// `ALTER TABLE`, and the corresponding statements for views, indexes, sequences, types and domains.
    AlterTable(Box<AlterTable>),
    /// `ALTER FUNCTION`, `ALTER PROCEDURE`, `ALTER ROUTINE`, `ALTER AGGREGATE`.
    AlterFunction(Box<AlterFunction>),
    /// `ALTER SCHEMA … RENAME TO`.
    RenameSchema { from: Name, to: Name },
    /// `DROP` of tables, views, types and other objects.
    Drop(Box<Drop>),
    /// `SET name = …`.
    Set(Box<Set>),
    /// `BEGIN`, `COMMIT`, `SAVEPOINT` and related statements.
    Transaction(TransactionStatement),
    /// Another statement, of which the tree contains only the command words.
    Utility(&'static str),
}

/// A statement that begins, ends or divides a transaction: PostgreSQL's `TransactionStmt`.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionStatement {
    /// `BEGIN`, `START TRANSACTION`
    Begin,
    /// `COMMIT`, `END`
    Commit {
        /// `AND CHAIN`: another transaction begins.
        chain: bool,
    },
    /// `ROLLBACK`, `ABORT`
    Rollback {
        /// `AND CHAIN`: another transaction begins.
        chain: bool,
    },
    /// `SAVEPOINT name`
    Savepoint(Name),
    /// `RELEASE name`
    Release(Name),
    /// `ROLLBACK TO name`
    RollbackTo(Name),
    /// `PREPARE TRANSACTION 'id'`
    PrepareTransaction,
    /// `COMMIT PREPARED 'id'`
    CommitPrepared,
    /// `ROLLBACK PREPARED 'id'`
    RollbackPrepared,
}

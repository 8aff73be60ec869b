//! The static data that `sql!` emits for a query.

/// A query as it was compiled: its text, its parameters and its columns.
///
/// `sql!` generates a static of this type.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The SQL that is sent, with `$1`, `$2` … for the parameters.
    pub sql: &'static str,
    /// The name of the query function; empty for an expression.
    pub name: &'static str,
    /// The file that contains the query.
    pub file: &'static str,
    /// The line of the query in the file, from 1.
    pub line: u32,
    /// The column of the query in its line, from 1.
    pub column: u32,
    /// The OIDs of the parameters' types; 0 if the server determines the type.
    pub params: &'static [u32],
    /// The columns that the query returns.
    pub columns: &'static [ColumnDesc],
    /// The formats that Bind requests: one for each column, or one for all columns.
    pub formats: &'static [i16],
    /// Whether the query writes.
    pub effect: Effect,
    /// Whether the query changes the session in which it runs.
    pub session: SessionEffect,
    /// The tables in the query.
    pub tables: &'static [&'static str],
    /// The search_path with which the query was compiled, in PostgreSQL's syntax; empty for the server's own setting.
    pub search_path: &'static str,
}

/// A reference to the statement of a query, while the query runs. The reference dereferences to the [`Statement`] that
/// the compiler emitted. The methods `sql` and `file` return the text and the file, which are not `'static` if the text
/// is known only at run time.
#[derive(Debug, Clone)]
pub(crate) enum StatementRef {
    /// From `sql!`.
    Compiled(&'static Statement),
    /// From [`dynamic`](crate::dynamic).
    #[cfg(feature = "dynamic")]
    Dynamic(std::sync::Arc<OwnedStatement>),
}

impl StatementRef {
    pub(crate) fn sql(&self) -> &str {
        match self {
            StatementRef::Compiled(statement) => statement.sql,
            #[cfg(feature = "dynamic")]
            StatementRef::Dynamic(owned) => &owned.sql,
        }
    }

    /// Returns the SQL; `None` if the SQL is known only at run time.
    #[cfg(feature = "tracing")]
    pub(crate) fn compiled_sql(&self) -> Option<&'static str> {
        match self {
            StatementRef::Compiled(statement) => Some(statement.sql),
            #[cfg(feature = "dynamic")]
            StatementRef::Dynamic(_) => None,
        }
    }

    pub(crate) fn file(&self) -> &str {
        match self {
            StatementRef::Compiled(statement) => statement.file,
            #[cfg(feature = "dynamic")]
            StatementRef::Dynamic(owned) => &owned.file,
        }
    }
}

impl core::ops::Deref for StatementRef {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        match self {
            StatementRef::Compiled(statement) => statement,
            #[cfg(feature = "dynamic")]
            StatementRef::Dynamic(owned) => &owned.statement,
        }
    }
}

/// A statement that owns its SQL and the path of its file. The SQL and the file are only in `sql` and `file`; in
/// `statement`, both are empty.
#[cfg(feature = "dynamic")]
#[derive(Debug, Clone)]
pub(crate) struct OwnedStatement {
    pub(crate) sql: String,
    pub(crate) file: String,
    pub(crate) statement: Statement,
}

impl From<&'static Statement> for StatementRef {
    fn from(statement: &'static Statement) -> Self {
        StatementRef::Compiled(statement)
    }
}

/// A column as it was compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnDesc {
    /// The name of the column, which the server must send.
    pub name: &'static str,
    /// The OID of the column's type, which the server must send; 0 if the OID is not known (a user-defined type).
    pub type_oid: u32,
    /// The name of the type, for messages.
    pub type_name: &'static str,
}

/// Whether a statement may change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The statement only reads. If the answer to the statement is lost, the statement can run again.
    Read,
    /// The statement may write: it is a SELECT that calls a function whose body is not known, or that locks rows. A
    /// lost answer is handled as for a statement that writes.
    MayWrite,
    /// The statement writes. If the answer to the statement is lost, it is not known whether the statement was
    /// executed.
    Write,
}

/// The changes that a statement leaves in its session: settings, prepared statements, temporary tables, locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEffect {
    /// No change lasts longer than the statement's transaction.
    Keeps,
    /// The statement may change its session. For example, it calls a function of the schema, or it comes from
    /// `sql_unchecked!` and the snapshot does not prove that the statement keeps the session.
    MayChange,
    /// The purpose of the statement is to change its session. `sql!` accepts such a statement only on a
    /// [`Session`](crate::Session).
    Changes,
}

/// The unique constraints that make an INSERT an idempotency key. These constraints are in a separate static, so that
/// other statements do not contain them.
#[derive(Debug)]
pub struct KeyConstraints {
    /// The names of the constraints that are violated if the same values are inserted a second time.
    pub names: &'static [&'static str],
    /// Whether `names` contains all unique and exclusion constraints of the table.
    pub all: bool,
    /// Whether the INSERT has `ON CONFLICT DO NOTHING`. With this clause, if the key is taken, the INSERT inserts no
    /// row.
    pub does_nothing: bool,
}

impl KeyConstraints {
    /// Whether a unique violation means that the key is taken. If the error does not name its constraint, the key must
    /// include all constraints of the table.
    pub(crate) fn include(&self, constraint: Option<&str>) -> bool {
        match constraint {
            Some(name) => self.names.contains(&name),
            None => self.all,
        }
    }
}

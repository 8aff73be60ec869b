//! Decodes a row according to the columns of the compiled query.
//!
//! Input: RowDescription, checked once for each result, and DataRows. Output: Rust values. A column that does not match
//! the compiled query is never misread: an error names the column.

use crate::error::{Error, Kind};
use crate::statement::StatementRef;
use crate::types::sql::{Format, SqlType, name_of};
use crate::types::{
    Column, ConversionError, FIRST_USER_OID, FitsColumn, FitsNullableColumn, Generated, NotNull, Nullability,
    Nullable, TypeOf, UncheckedColumn, received_format,
};
use crate::wire::{Field, Row};

/// A row that is being decoded.
#[derive(Debug)]
pub struct DataRow<'a> {
    statement: &'a StatementRef,
    fields: &'a [Field],
    row: &'a Row,
}

impl<'a> DataRow<'a> {
    pub(crate) fn new(statement: &'a StatementRef, fields: &'a [Field], row: &'a Row) -> Self {
        DataRow { statement, fields, row }
    }

    /// Decodes the column at this index, which was compiled with the SQL type `S` and the nullability `N`.
    ///
    /// # Errors
    /// Returns an error that names the column if the server sends another type, or a value that `T` cannot hold.
    pub fn column<S: SqlType, N: Nullability, T: Column<S, N>>(&self, index: usize) -> Result<T, Error> {
        if const { T::BY_TYPE } {
            return self.column_by_type::<S, N, T>(index);
        }
        // The code that does not depend on the type is outside this function, so that it is compiled only once.
        self.described_as(index, S::OID, const { received_format::<S, N, T>() })
            .and_then(|bytes| bytes.map_or_else(T::null, T::decode))
            .map_err(|reason| self.column_error(index, S::NAME, reason, N::NULLABLE))
    }

    /// Decodes a column like [`column`](DataRow::column); the type `C` has the name of the column, so that rustc's
    /// error names the column.
    ///
    /// # Errors
    /// Returns the errors of [`column`](DataRow::column).
    #[inline(always)]
    pub fn field<C, S: Generated, T: FitsColumn<C, S, S::Rust>>(&self, index: usize) -> Result<T, Error> {
        self.column::<S, NotNull, T>(index)
    }

    /// Decodes a column that may be NULL, like [`field`](DataRow::field).
    ///
    /// # Errors
    /// Returns the errors of [`column`](DataRow::column).
    #[inline(always)]
    pub fn nullable_field<C, S: Generated, T: FitsNullableColumn<C, S, S::Rust>>(
        &self,
        index: usize,
    ) -> Result<T, Error> {
        self.column::<S, Nullable, T>(index)
    }

    /// Decodes a column by the type that the server describes. This is the type with which the query was compiled, or,
    /// if the schema defines the type, a type whose OID is known only at run time.
    fn column_by_type<S: SqlType, N: Nullability, T: Column<S, N>>(&self, index: usize) -> Result<T, Error> {
        let name = self.statement.columns.get(index).map_or("", |column| column.type_name);
        let decode = |(field, bytes): (&Field, Option<&[u8]>)| match bytes {
            _ if field.format != Format::Binary.code() => Err(ConversionError::new(
                "it is received as text: name its Rust type in the column's alias, AS \"name: T\"",
            )),
            Some(bytes) => T::decode_by_type(bytes, TypeOf { oid: field.type_oid, name }),
            None => T::null(),
        };
        self.cell(index)
            .and_then(decode)
            .map_err(|reason| self.column_error(index, name, reason, N::NULLABLE))
    }

    /// Decodes the column at this index with the type that the server describes, if `T` accepts that type.
    ///
    /// # Errors
    /// Returns an error that names the column if `T` does not accept the type, or cannot hold the value.
    pub fn unchecked_column<T: UncheckedColumn>(&self, index: usize) -> Result<T, Error> {
        let (field, bytes) =
            self.cell(index).map_err(|reason| self.decode_error(index, "unknown", reason))?;
        let value = if field.format != Format::Binary.code() {
            Err(ConversionError::new("the server sends it as text"))
        } else if !T::accepts(field.type_oid) {
            Err(ConversionError::new(format!(
                "its type does not fit the Rust type {}",
                core::any::type_name::<T>()
            )))
        } else {
            match bytes {
                Some(bytes) => T::decode_as(field.type_oid, bytes),
                None => T::null(),
            }
        };
        value.map_err(|reason| self.decode_error(index, &name_of(field.type_oid), reason))
    }

    /// Returns all columns, which must be in text format.
    ///
    /// # Errors
    /// Returns an error if a column is in another format, or is not valid UTF-8.
    #[cfg(feature = "dynamic")]
    pub(crate) fn texts(&self) -> Result<Vec<Option<String>>, Error> {
        let text = |index: usize| {
            let (field, bytes) = self.cell(index)?;
            if field.format != Format::Text.code() {
                return Err(ConversionError::new("the server sends it in binary format"));
            }
            let text = bytes.map(|bytes| core::str::from_utf8(bytes).map(str::to_owned)).transpose();
            text.map_err(|_| ConversionError::new("it is not UTF-8"))
        };
        let column = |index| text(index).map_err(|reason| self.decode_error(index, "unknown", reason));
        (0..self.fields.len()).map(column).collect()
    }

    /// Decodes a group of columns. `None` if the column at the index `witness` is NULL: the outer join found no
    /// matching row.
    ///
    /// # Errors
    /// Returns the errors of `make`.
    pub fn group<T>(
        &self,
        witness: usize,
        make: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.cell(witness) {
            Ok((_, None)) => Ok(None),
            Ok((_, Some(_))) => make(self).map(Some),
            Err(reason) => Err(self.decode_error(witness, "unknown", reason)),
        }
    }

    fn cell(&self, index: usize) -> Result<(&'a Field, Option<&'a [u8]>), ConversionError> {
        match (self.fields.get(index), self.row.column(index)) {
            (Some(field), Some(bytes)) => Ok((field, bytes)),
            _ => Err(ConversionError::new("the row does not have it")),
        }
    }

    /// The bytes of a column, which the server must have sent as this type and in this format.
    fn described_as(
        &self,
        index: usize,
        oid: u32,
        format: Format,
    ) -> Result<Option<&'a [u8]>, ConversionError> {
        let (field, bytes) = self.cell(index)?;
        let users = field.type_oid >= FIRST_USER_OID;
        let fits = match format {
            Format::Binary => field.type_oid == oid && field.format == Format::Binary.code(),
            // The SQL type itself, or a user-defined type: an enum, whose labels are received as text.
            Format::Same => field.type_oid == oid || users,
            Format::Text => field.format == Format::Text.code() || users,
        };
        if fits { Ok(bytes) } else { Err(ConversionError::new("its type or format is not the compiled one")) }
    }

    /// If the snapshot proves that a column is not NULL, a NULL means that the snapshot is stale. With `AS "x!"`, only
    /// the query excludes NULL, so a NULL does not mean that the snapshot is stale.
    fn column_error(&self, index: usize, sql_type: &str, reason: ConversionError, nullable: bool) -> Error {
        let name = self.statement.columns.get(index).map_or("", |column| column.name);
        let null = matches!(self.row.column(index), Some(None));
        if nullable || !null || name.bytes().any(|byte| byte == b'!') {
            return self.decode_error(index, sql_type, reason);
        }
        stale(self.statement, index, name, "NULL", "NOT NULL")
    }

    fn decode_error(&self, index: usize, sql_type: &str, reason: ConversionError) -> Error {
        // The name in the compiled query is also the name that the server sent, because the server's description was
        // compared with the compiled columns.
        let column = self.statement.columns.get(index).map_or("", |column| column.name);
        let value = format!("column \"{column}\" of type {sql_type}");
        Error::new(Kind::Decode { column, value, reason }).at(self.statement)
    }
}

/// Compares the names and types of the columns in the server's description with those of the compiled query, in order.
pub(crate) fn check_description(statement: &StatementRef, fields: &[Field]) -> Result<(), Error> {
    for position in 0..statement.columns.len().max(fields.len()) {
        let (compiled, described) = (statement.columns.get(position), fields.get(position));
        let in_snapshot = compiled.map(|column| column.name);
        let in_database = described.map(|field| field.name.as_str());
        let name = in_snapshot.or(in_database).unwrap_or_default();
        let sql_type;
        let (database, snapshot) = match (compiled, described) {
            (Some(compiled), Some(described)) if compiled.name == described.name => {
                if compiled.type_oid == 0 || compiled.type_oid == described.type_oid {
                    continue;
                }
                sql_type = name_of(described.type_oid);
                (sql_type.as_str(), compiled.type_name)
            }
            _ => (in_database.unwrap_or("missing"), in_snapshot.unwrap_or("missing")),
        };
        return Err(stale(statement, position, name, database, snapshot));
    }
    Ok(())
}

/// Returns the error for a column whose description in the database differs from the description in the snapshot.
fn stale(statement: &StatementRef, index: usize, name: &str, database: &str, snapshot: &str) -> Error {
    let position = index.saturating_add(1);
    let difference =
        format!("column {position} (\"{name}\") is {database} in the database and {snapshot} in the build");
    Error::new(Kind::Stale { column: name.to_owned(), difference }).at(statement)
}

//! Plans the Rust struct of a query's row: one field per column, with its type.
//!
//! Input: a [`TypedQuery`]. Output: [`Fields`], from which emission cannot fail; or errors for the columns that cannot
//! be fields (no name, the same name twice, an invalid override), each with the fix.

mod group;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ident::{ColumnName, FieldName, Nullability};
use crate::schema::{self, Schema};
use crate::sql_type::{SqlType, SqlTypeKind};
use crate::typed::{Labels, TypedColumn, TypedQuery};
use group::Branch;

/// The fields of a row, in the order of the columns.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The fields and groups.
    pub entries: Vec<Entry>,
    /// Warnings about overrides without effect.
    pub warnings: Vec<Diagnostic>,
}

/// A field of one column, or of several.
#[derive(Clone, Debug)]
pub enum Entry {
    /// `AS name`
    Field(Field),
    /// `AS "author.name"`
    Group(Group),
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: FieldName,
    /// The index of the field's column; the first column has the index 0.
    pub column: usize,
    /// The type marker of the column, under `::dsql_edge::types::sql`.
    pub marker: Marker,
    /// The Rust type of the column's value, without `Option`.
    pub rust_type: RustType,
    /// Whether the field is an `Option`.
    pub nullable: bool,
    /// The format in which the column is requested.
    pub format: ColumnFormat,
    /// The labels that the column can have, if the user specifies its Rust type.
    pub labels: Option<Labels>,
    /// The documentation of the field in a named row struct: the SQL type.
    pub doc: String,
}

/// A struct in the row.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: FieldName,
    /// The index of a column of the group that is NULL exactly if the group has no row. If the group does not have such
    /// a column, the value is `None`, and the field of the group is not an `Option`.
    pub witness: Option<usize>,
    /// The fields and groups of the struct.
    pub entries: Vec<Entry>,
}

/// The marker of an SQL type in the runtime's module `types::sql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// `sql::Int4`
    Scalar(&'static str),
    /// `sql::Array<sql::Int4>`
    Array(Box<Marker>),
    /// `sql::ArrayOfDomain<sql::Int4>`: the elements are values of a domain over `int4`.
    ArrayOfDomain(Box<Marker>),
}

impl Marker {
    /// A type without a decoder, whose values are received and sent as text.
    const TEXT: Marker = Marker::Scalar("Unknown");

    /// Whether the format of the values depends on a Rust type that the user defines.
    pub fn is_open(&self) -> bool {
        match self {
            Marker::Scalar(name) => matches!(*name, "Unknown" | "Composite"),
            Marker::Array(element) | Marker::ArrayOfDomain(element) => element.is_open(),
        }
    }
}

/// The format in which the values of a column are requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnFormat {
    /// PostgreSQL's text.
    Text,
    /// The output of the type's `typsend`.
    Binary,
    /// The format that the Rust type of the field expects.
    OfRustType,
}

/// A Rust type.
#[derive(Clone, Debug)]
pub enum RustType {
    /// A full path that is known to parse.
    Known(&'static str),
    /// `Vec<T>` or `Vec<Option<T>>`.
    Vec {
        /// The element's type.
        element: &'static str,
        /// Whether elements are `Option`s.
        nullable: bool,
    },
    /// Written by the user: `"x: T"`.
    Written(String),
    /// A directive of the snapshot specifies the type.
    Directive(schema::RustType),
}

/// Plans the row of a query; directives of `schema` may give columns user-defined Rust types.
///
/// # Errors
///
/// Returns an error for every column that cannot be a field.
pub fn fields(query: &TypedQuery, schema: &Schema) -> Result<Fields, Diagnostics> {
    let mut plan = Plan { schema, columns: Vec::new(), warnings: Vec::new(), problems: Diagnostics::new() };
    plan.columns = query.columns.iter().map(|column| (column_name(column), column)).collect();
    let tree = group::tree(&plan.columns, &mut plan.problems);
    let entries = plan.entries(&tree, &[]);
    if plan.problems.has_errors() {
        // The groups changed the order of the problems, so the problems are sorted by column.
        let mut problems: Vec<Diagnostic> = plan.problems.into_iter().collect();
        problems.sort_by_key(|problem| problem.span.start);
        let mut out = Diagnostics::new();
        problems.into_iter().for_each(|problem| out.push(problem));
        return Err(out);
    }
    Ok(Fields { entries, warnings: plan.warnings })
}

/// Parses the name of a column. Overrides are parsed only in aliases: a name from the database must not choose types or
/// declare NOT NULL.
pub fn column_name(column: &TypedColumn) -> ColumnName {
    match column.is_alias {
        true => ColumnName::parse(&column.name),
        false => ColumnName::of_database(&column.name),
    }
}

struct Plan<'p> {
    schema: &'p Schema,
    columns: Vec<(ColumnName, &'p TypedColumn)>,
    warnings: Vec<Diagnostic>,
    problems: Diagnostics,
}

impl Plan<'_> {
    /// Plans the fields and groups for a part of the tree of column names. `matched` contains the joins that certainly
    /// found a row if these entries have values.
    fn entries(&mut self, tree: &[Branch], matched: &[u32]) -> Vec<Entry> {
        let mut out = Vec::new();
        for branch in tree {
            match branch {
                Branch::Column { name, column } => out.extend(self.field(name, *column, matched)),
                Branch::Group { name, branches } => {
                    let witness = group::witness(branches, &self.columns, matched);
                    let mut inside = matched.to_vec();
                    if let Some((_, column)) = witness.and_then(|at| self.columns.get(at)) {
                        inside.extend(&column.nulled_by);
                    }
                    let entries = self.entries(branches, &inside);
                    out.push(Entry::Group(Group { name: name.clone(), witness, entries }));
                }
            }
        }
        out
    }

    fn field(&mut self, name: &FieldName, at: usize, matched: &[u32]) -> Option<Entry> {
        let Plan { schema, columns, warnings, problems } = self;
        let (written, column) = columns.get(at)?;
        if written.rust_type.as_deref() == Some("") {
            let message =
                format!("the alias of column \"{}\" has no Rust type after the colon", written.field);
            let hint =
                format!("write the type: AS \"{0}: T\", or remove the colon: AS \"{0}\"", written.field);
            problems.push(Diagnostic::error(Code::InvalidOverride, column.span, message).with_hint(hint));
        }
        let by_join = column.nulled_by.iter().any(|join| !matched.contains(join));
        // If the join of a group is known to have matched, fewer columns of the group can be NULL.
        let can_be_null =
            column.nullable && (column.nulled_by.is_empty() || column.nullable_within || by_join);
        let nullable = nullability(written, column, can_be_null, warnings, problems);
        let (marker, rust_type) = types(written, column, schema);
        let is_own = matches!(rust_type, RustType::Written(_) | RustType::Directive(_));
        let format = match marker.is_open() {
            false => ColumnFormat::Binary,
            true if is_own => ColumnFormat::OfRustType,
            true => ColumnFormat::Text,
        };
        let labels = column.labels.clone().filter(|_| is_own);
        let doc = doc(column, nullable);
        let name = name.clone();
        Some(Entry::Field(Field { name, column: at, marker, rust_type, nullable, format, labels, doc }))
    }
}

impl Fields {
    /// Returns all fields, including those in groups, in the order of their columns.
    pub fn all(&self) -> Vec<&Field> {
        fn collect<'f>(entries: &'f [Entry], out: &mut Vec<&'f Field>) {
            for entry in entries {
                match entry {
                    Entry::Field(field) => out.push(field),
                    Entry::Group(group) => collect(&group.entries, out),
                }
            }
        }
        let mut out = Vec::new();
        collect(&self.entries, &mut out);
        out.sort_by_key(|field| field.column);
        out
    }
}

impl Entry {
    /// Returns the name of the field.
    pub fn name(&self) -> &FieldName {
        match self {
            Entry::Field(field) => &field.name,
            Entry::Group(group) => &group.name,
        }
    }
}

fn doc(column: &TypedColumn, nullable: bool) -> String {
    let not_null = if nullable { "" } else { " NOT NULL" };
    format!("`{}{not_null}`", column.sql_type.display)
}

fn nullability(
    written: &ColumnName,
    column: &TypedColumn,
    can_be_null: bool,
    warnings: &mut Vec<Diagnostic>,
    problems: &mut Diagnostics,
) -> bool {
    match written.nullability {
        None => can_be_null,
        Some(Nullability::Nullable) => true,
        Some(Nullability::NotNull) if column.always_null => {
            let message =
                format!("column \"{}\" is always NULL, and \"!\" declares that it never is", written.field);
            problems.push(
                Diagnostic::error(Code::InvalidOverride, column.span, message).with_hint("remove the !"),
            );
            true
        }
        Some(Nullability::NotNull) => {
            if !can_be_null {
                let message =
                    format!("column \"{}\" is proved NOT NULL: the \"!\" is not needed", written.field);
                let warning = Diagnostic::warning(Code::NeedlessOverride, column.span, message);
                warnings.push(warning.with_hint("remove the !"));
            }
            false
        }
    }
}

fn types(written: &ColumnName, column: &TypedColumn, schema: &Schema) -> (Marker, RustType) {
    let own = match written.rust_type.as_deref() {
        Some("_") => None,
        Some(rust) => Some(RustType::Written(rust.to_owned())),
        None => directed(column, schema).cloned().map(RustType::Directive),
    };
    match own {
        Some(rust) => (marker(&column.sql_type), rust),
        None => {
            let (marker, rust) = rust_type(&column.sql_type, column.elements_nullable);
            (as_text(marker), rust)
        }
    }
}

/// Returns the Rust type that the snapshot's directives give to a column.
fn directed<'s>(column: &TypedColumn, schema: &'s Schema) -> Option<&'s schema::RustType> {
    if schema.rust_types.is_empty() {
        return None;
    }
    let of_column = column
        .origin
        .as_ref()
        .and_then(|origin| schema.rust_type_of_column(&origin.schema, &origin.table, &origin.column));
    let of_domain = || schema.rust_type_of_type([column.domain.as_deref()?; 2]);
    let of_type = || schema.rust_type_of_type([&column.sql_type.name, &column.sql_type.display]);
    of_column.or_else(of_domain).or_else(of_type)
}

/// Returns the marker of an SQL type.
pub fn marker(sql_type: &SqlType) -> Marker {
    rust_type(sql_type, false).0
}

/// Returns the marker and the Rust type of an SQL type. An SQL type without a corresponding Rust type becomes a
/// `String` with PostgreSQL's text form of the value.
pub fn rust_type(sql_type: &SqlType, elements_nullable: bool) -> (Marker, RustType) {
    let scalar = |marker, rust| (Marker::Scalar(marker), RustType::Known(rust));
    match &sql_type.kind {
        SqlTypeKind::Array(element) => match rust_type(element.base(), false) {
            (marker, RustType::Known(rust)) => {
                let marker = Box::new(marker);
                let marker = match &element.kind {
                    SqlTypeKind::Domain(_) => Marker::ArrayOfDomain(marker),
                    _ => Marker::Array(marker),
                };
                (marker, RustType::Vec { element: rust, nullable: elements_nullable })
            }
            // The elements are values of a domain over an array.
            _ => (Marker::TEXT, RustType::Known(STRING)),
        },
        SqlTypeKind::Domain(base) => rust_type(base, elements_nullable),
        SqlTypeKind::Enum(_) => scalar("Enum", STRING),
        SqlTypeKind::Composite => scalar("Composite", STRING),
        SqlTypeKind::Range => (Marker::TEXT, RustType::Known(STRING)),
        SqlTypeKind::Scalar => match builtin_scalar(&sql_type.name) {
            Some((marker, rust)) if sql_type.oid != 0 => scalar(marker, rust),
            _ => (Marker::TEXT, RustType::Known(STRING)),
        },
    }
}

/// Returns the marker of a column for which the user specifies no Rust type. A composite type then becomes a `String`,
/// which is received as text; the marker `Composite` is only for a Rust type with `derive(Type)`.
fn as_text(marker: Marker) -> Marker {
    match marker {
        Marker::Scalar("Composite") => Marker::TEXT,
        Marker::Array(element) => Marker::Array(Box::new(as_text(*element))),
        Marker::ArrayOfDomain(element) => Marker::ArrayOfDomain(Box::new(as_text(*element))),
        marker => marker,
    }
}

const STRING: &str = "::std::string::String";

/// Maps the name of an SQL type to its marker and its Rust type. For each such pair, `dsql_edge::types` implements
/// `Column`.
fn builtin_scalar(typname: &str) -> Option<(&'static str, &'static str)> {
    Some(match typname {
        "bool" => ("Bool", "bool"),
        "int2" => ("Int2", "i16"),
        "int4" => ("Int4", "i32"),
        "int8" => ("Int8", "i64"),
        "float4" => ("Float4", "f32"),
        "float8" => ("Float8", "f64"),
        "numeric" => ("Numeric", "::dsql_edge::types::Decimal"),
        "text" => ("Text", STRING),
        "varchar" => ("Varchar", STRING),
        "bpchar" => ("Bpchar", STRING),
        "name" => ("Name", STRING),
        "char" => ("Char", STRING),
        "bytea" => ("Bytea", "::std::vec::Vec<u8>"),
        "uuid" => ("Uuid", "::dsql_edge::types::Uuid"),
        "date" => ("Date", "::dsql_edge::types::NaiveDate"),
        "time" => ("Time", "::dsql_edge::types::NaiveTime"),
        "timetz" => ("Timetz", "::dsql_edge::types::TimeTz"),
        "timestamp" => ("Timestamp", "::dsql_edge::types::NaiveDateTime"),
        "timestamptz" => ("Timestamptz", "::dsql_edge::types::DateTime<::dsql_edge::types::Utc>"),
        "interval" => ("Interval", "::dsql_edge::types::Interval"),
        "json" => ("Json", "::dsql_edge::types::JsonValue"),
        "jsonb" => ("Jsonb", "::dsql_edge::types::JsonValue"),
        "oid" => ("Oid", "u32"),
        "void" => ("Void", "()"),
        _ => return None,
    })
}

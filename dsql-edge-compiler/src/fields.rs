//! The row of a query as Rust: one field a column, with its type.
//!
//! In: a [`TypedQuery`]. Out: [`Fields`], from which emission cannot fail; or the columns that can be no
//! field (no name, the same name twice, a type without a Rust type, an override that cannot be), each
//! with what to write instead.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ident::{ColumnName, FieldName, Nullability};
use crate::schema::Schema;
use crate::sql_type::{SqlType, SqlTypeKind};
use crate::typed::{TypedColumn, TypedQuery};

/// The fields of a row, in the order of the columns.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The fields.
    pub fields: Vec<Field>,
    /// Overrides that say nothing new.
    pub warnings: Vec<Diagnostic>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: FieldName,
    /// The type marker of the column, under `::dsql_edge::types::sql`.
    pub marker: Marker,
    /// What the column's value is in Rust, without `Option`.
    pub rust_type: RustType,
    /// Whether the field is an `Option`.
    pub nullable: bool,
    /// What is said of it where the row has a name: its SQL type.
    pub doc: String,
}

/// An SQL type by the runtime's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// `sql::Int4`
    Scalar(&'static str),
    /// `sql::Array<sql::Int4>`
    Array(Box<Marker>),
}

/// A Rust type.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Written by the user: `"x: T"`, or a directive of the snapshot.
    Written(String),
}

/// Plans the row of a query; `schema` may give columns Rust types of the user's.
///
/// # Errors
///
/// Every column that can be no field.
pub fn fields(query: &TypedQuery, schema: &Schema) -> Result<Fields, Diagnostics> {
    let mut out = Fields::default();
    let mut problems = Diagnostics::new();
    let mut seen: Vec<(String, usize)> = Vec::new();
    for (at, column) in query.columns.iter().enumerate() {
        let written = ColumnName::parse(&column.name);
        let Some(name) = field_name(&written.field, at, column, &mut problems) else { continue };
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == written.field) {
            let message =
                format!("column {} has the same name as column {}: \"{}\"", at + 1, first + 1, written.field);
            let hint = format!("name one of them: AS {}_2", written.field);
            problems.push(Diagnostic::error(Code::UnnamedColumn, column.span, message).with_hint(hint));
            continue;
        }
        seen.push((written.field.clone(), at));
        let nullable = nullability(&written, column, &mut out.warnings, &mut problems);
        let Some((marker, rust_type)) = types(&written, column, schema, &mut problems) else { continue };
        let doc = doc(column, nullable);
        out.fields.push(Field { name, marker, rust_type, nullable, doc });
    }
    if problems.has_errors() { Err(problems) } else { Ok(out) }
}

fn doc(column: &TypedColumn, nullable: bool) -> String {
    let not_null = if nullable { "" } else { " NOT NULL" };
    format!("`{}{not_null}`", column.sql_type.display)
}

fn field_name(name: &str, at: usize, column: &TypedColumn, problems: &mut Diagnostics) -> Option<FieldName> {
    let found = FieldName::new(name);
    if found.is_none() {
        let (message, hint) = if name == "?column?" || name.is_empty() {
            (format!("column {} has no name", at + 1), "give it one: AS name".to_owned())
        } else if name.contains('.') {
            let message = format!("column \"{name}\": nested rows are not supported by dsql-edge yet");
            (message, format!("give it a plain name: AS {}", name.replace('.', "_")))
        } else {
            let message = format!("column \"{name}\" cannot be the name of a Rust field");
            (message, "give it another: AS name".to_owned())
        };
        problems.push(Diagnostic::error(Code::UnnamedColumn, column.span, message).with_hint(hint));
    }
    found
}

fn nullability(
    written: &ColumnName,
    column: &TypedColumn,
    warnings: &mut Vec<Diagnostic>,
    problems: &mut Diagnostics,
) -> bool {
    match written.nullability {
        None => column.nullable,
        Some(Nullability::Nullable) => true,
        Some(Nullability::NotNull) if column.always_null => {
            let message =
                format!("column \"{}\" is always NULL, and \"!\" says that it never is", written.field);
            problems.push(
                Diagnostic::error(Code::InvalidOverride, column.span, message).with_hint("remove the !"),
            );
            true
        }
        Some(Nullability::NotNull) => {
            if !column.nullable {
                let message =
                    format!("column \"{}\" is proved NOT NULL: the \"!\" is not needed", written.field);
                let warning = Diagnostic::warning(Code::NeedlessOverride, column.span, message);
                warnings.push(warning.with_hint("remove the !"));
            }
            false
        }
    }
}

fn types(
    written: &ColumnName,
    column: &TypedColumn,
    schema: &Schema,
    problems: &mut Diagnostics,
) -> Option<(Marker, RustType)> {
    let known = rust_type(&column.sql_type, column.elements_nullable);
    let rust = match written.rust_type.as_deref() {
        Some("_") => None,
        Some(rust) => Some(rust),
        None => directed(column, schema),
    };
    if let Some(rust) = rust {
        let marker = known.map_or(Marker::Scalar("Unknown"), |(marker, _)| marker);
        return Some((marker, RustType::Written(rust.to_owned())));
    }
    if known.is_none() {
        let message = format!(
            "the SQL type {} of column \"{}\" has no Rust type",
            column.sql_type.display, written.field
        );
        let hint = format!("cast it: (…)::text AS {}", written.field);
        problems.push(Diagnostic::error(Code::NoRustType, column.span, message).with_hint(hint));
    }
    known
}

/// The Rust type that the snapshot's directives give to a column.
fn directed<'s>(column: &TypedColumn, schema: &'s Schema) -> Option<&'s str> {
    if schema.rust_types.is_empty() {
        return None;
    }
    let of_column = column
        .origin
        .as_ref()
        .and_then(|origin| schema.rust_type_of_column(&origin.schema, &origin.table, &origin.column));
    of_column.or_else(|| schema.rust_type_of_type([&column.sql_type.name, &column.sql_type.display]))
}

/// The marker and the Rust type of a parameter's or column's SQL type.
pub fn rust_type(sql_type: &SqlType, elements_nullable: bool) -> Option<(Marker, RustType)> {
    match &sql_type.kind {
        SqlTypeKind::Array(element) => match rust_type(element.base(), false)? {
            (marker, RustType::Known(element)) => {
                let rust = RustType::Vec { element, nullable: elements_nullable };
                Some((Marker::Array(Box::new(marker)), rust))
            }
            _ => None,
        },
        SqlTypeKind::Domain(base) => rust_type(base, elements_nullable),
        // An enum is its label.
        SqlTypeKind::Enum(_) => Some((Marker::Scalar("Unknown"), RustType::Known(STRING))),
        SqlTypeKind::Composite | SqlTypeKind::Range => None,
        SqlTypeKind::Scalar => {
            let (marker, rust) = scalar(&sql_type.name)?;
            Some((Marker::Scalar(marker), RustType::Known(rust)))
        }
    }
}

const STRING: &str = "::std::string::String";

/// The table of Rust types: `dsql_edge::types` has an implementation of `Column` for each pair.
fn scalar(typname: &str) -> Option<(&'static str, &'static str)> {
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

//! Finds the fields of a composite type by name, for Rust types that are derived from it.

use super::catalog::Catalog;
use super::labels;
use super::output::sql_type;
use crate::schema::{Schema, UserTypeKind};
use crate::sql_type::SqlType;
use crate::typed::Labels;

/// A field of a composite type.
#[derive(Clone, Debug)]
pub struct CompositeField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// The labels that the field's values can have, if the schema lists these labels.
    pub labels: Option<Labels>,
}

/// Returns the fields of a composite type, or of the row type of a table. `None` if the schema does not have a
/// composite type or table of this name, or if the type of a field is not known.
///
/// ```
/// use dsql_edge_compiler::Schema;
/// use dsql_edge_compiler::analyze::composite;
///
/// let schema = "-- dsql-edge: dialect postgres\nCREATE TYPE address AS (street text, zip integer);";
/// let fields = composite(&Schema::parse(schema).unwrap(), None, "address").unwrap();
/// assert_eq!((fields[1].name.as_str(), fields[1].sql_type.oid), ("zip", 23));
/// ```
pub fn composite(schema: &Schema, schema_name: Option<&str>, name: &str) -> Option<Vec<CompositeField>> {
    let catalog = Catalog::now(schema);
    let ty = catalog.type_named(schema_name, name)?;
    let types = catalog.fields(ty)?;
    let names: Vec<&String> = match catalog.user_kind(ty) {
        Some(UserTypeKind::Composite(fields)) => fields.iter().map(|(name, _)| name).collect(),
        _ => {
            let relation = schema.relations.get(Catalog::relation_of(ty)?)?;
            relation.columns.iter().map(|column| &column.name).collect()
        }
    };
    let fields = names.into_iter().zip(types).map(|(name, (ty, _))| CompositeField {
        name: name.clone(),
        sql_type: sql_type(catalog, ty),
        labels: labels::of_type(catalog, ty),
    });
    Some(fields.collect())
}

/// Returns the names of the composite types that the schema creates.
pub fn composites(schema: &Schema) -> impl Iterator<Item = &str> {
    let composites = schema.types.iter().filter(|it| matches!(it.kind, UserTypeKind::Composite(_)));
    composites.map(|it| it.name.as_str())
}

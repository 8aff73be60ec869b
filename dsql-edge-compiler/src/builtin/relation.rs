//! Looks up tables and views of `pg_catalog` and `information_schema`. Input: a name. Output: the table or view, with
//! its columns.

use super::letters::RelationKind;
use super::table::{Key, Table, number};
use super::{Oid, oid};

const RELATIONS: Table = Table::new(include_str!("data/relations.txt"));

/// A table or view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    /// `schema.name`.
    pub qualified_name: &'static str,
    /// `relkind`.
    pub kind: RelationKind,
    /// Its row type.
    pub row_type: Oid,
    columns: &'static str,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// `attname`.
    pub name: &'static str,
    /// `atttypid`.
    pub type_oid: Oid,
    /// `attnotnull`; always false for a column of a view.
    pub not_null: bool,
}

impl Relation {
    /// Returns the columns of the table or view, in order, without the system columns.
    pub fn columns(&self) -> impl Iterator<Item = Column> + Clone + use<> {
        self.columns.split(' ').map(|item| {
            let mut parts = item.split(':');
            Column {
                name: parts.next().unwrap_or_default(),
                type_oid: number(parts.next().unwrap_or_default()),
                not_null: parts.next() == Some("n"),
            }
        })
    }
}

/// Returns the table or view of this name in `pg_catalog` or `information_schema`.
pub fn relation(schema: &str, name: &str) -> Option<Relation> {
    let mut fields = RELATIONS.find(Key::name(&format!("{schema}.{name}"))).next()?.fields();
    let qualified_name = fields.text();
    let [kind] = fields.letters();
    let kind = if kind == b'v' { RelationKind::View } else { RelationKind::Table };
    Some(Relation { qualified_name, kind, row_type: fields.oid(), columns: fields.text() })
}

/// Returns every `schema.name`, sorted.
pub fn relation_names() -> impl Iterator<Item = &'static str> + Clone {
    RELATIONS.names()
}

/// Returns the columns of a relation of DSQL's schema `sys`, all assumed to be nullable.
///
/// A cluster returned the columns of `jobs` and their types (September 2026). Only the names of three columns of
/// `iam_pg_role_mappings` are known; their types are assumed. If an assumed type is wrong, the query fails at run time,
/// but never returns a wrong value.
pub fn dsql_relation(name: &str) -> Option<&'static [(&'static str, Oid)]> {
    match name {
        "jobs" => Some(&[
            ("job_id", oid::TEXT),
            ("status", oid::TEXT),
            ("details", oid::TEXT),
            ("job_type", oid::TEXT),
            ("class_id", oid::OID),
            ("object_id", oid::OID),
            ("object_name", oid::TEXT),
            ("start_time", oid::TIMESTAMPTZ),
            ("update_time", oid::TIMESTAMPTZ),
        ]),
        "iam_pg_role_mappings" => {
            Some(&[("pg_role_name", oid::NAME), ("arn", oid::TEXT), ("iam_oid", oid::OID)])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{oid, type_by_oid};
    use super::*;

    #[test]
    fn a_table() {
        let class = relation("pg_catalog", "pg_class").unwrap();
        assert_eq!(class.kind, RelationKind::Table);
        assert_eq!(type_by_oid(class.row_type).unwrap().relid_name, class.qualified_name);
        let column = class.columns().nth(1).unwrap();
        assert_eq!(column, Column { name: "relname", type_oid: oid::NAME, not_null: true });
        assert!(!class.columns().find(|it| it.name == "relacl").unwrap().not_null);
    }

    #[test]
    fn a_view_has_only_nullable_columns() {
        let view = relation("information_schema", "columns").unwrap();
        assert_eq!(view.kind, RelationKind::View);
        let column = view.columns().find(|it| it.name == "table_name").unwrap();
        assert_eq!(type_by_oid(column.type_oid).unwrap().name, "sql_identifier");
        assert!(view.columns().all(|it| !it.not_null));
        assert_eq!(relation("pg_catalog", "columns"), None);
        assert_eq!(relation("public", "pg_class"), None);
    }

    #[test]
    fn the_type_of_every_column_is_known() {
        for name in relation_names() {
            let (schema, name) = name.split_once('.').unwrap();
            for column in relation(schema, name).unwrap().columns() {
                assert!(type_by_oid(column.type_oid).is_some(), "{schema}.{name}.{}", column.name);
            }
        }
    }
}

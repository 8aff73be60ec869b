//! The analysed query into a [`TypedQuery`].

use super::catalog::{Catalog, ERROR, quote_identifier};
use super::tree::{Command, NodeKind, Query};
use super::{Analyzer, cardinality, nullability};
use crate::builtin::{Oid, oid};
use crate::schema::UserTypeKind;
use crate::sql_type::{SqlType, SqlTypeKind};
use crate::typed::{Effect, Origin, TypedColumn, TypedParameter, TypedQuery};

pub(super) fn typed_query(analyzer: Analyzer<'_>, query: &Query) -> TypedQuery {
    let catalog = analyzer.catalog;
    let nullable = nullability::columns(&analyzer.parameters, query);
    let elements = nullability::element_nullability(&analyzer.parameters, query);
    let mut sources = nullability::sources(&analyzer.parameters, query);
    let columns = query
        .targets
        .iter()
        .enumerate()
        .map(|(at, target)| {
            // RowDescription names the type below a domain.
            let ty = catalog.base_type(target.node.ty).0;
            let source = sources.get_mut(at).map(std::mem::take).unwrap_or_default();
            TypedColumn {
                name: target.name.clone(),
                sql_type: sql_type(catalog, ty),
                nullable: nullable.get(at).copied().unwrap_or(true),
                elements_nullable: elements.get(at).copied().unwrap_or(true),
                always_null: always_null(&target.node.kind),
                origin: source.origin.and_then(|(relation, column)| origin(catalog, relation, column)),
                nulled_by: source.nulled_by,
                nullable_within: source.nullable_within,
                span: target.span,
            }
        })
        .collect();
    let parameters = analyzer
        .parameters
        .iter()
        .map(|parameter| TypedParameter {
            name: None,
            sql_type: sql_type(catalog, parameter.ty.unwrap_or(ERROR)),
            optional: false,
            nullable: parameter.nullable,
            null_expected: parameter.null_expected,
            elements_nullable: parameter.elements_nullable(),
        })
        .collect();
    // NULL for one of them is a length of its own.
    let certain = |number: &usize| analyzer.parameters.get(*number - 1).is_some_and(|it| !it.nullable);
    let equal_lengths =
        analyzer.equal_lengths.iter().filter(|group| group.iter().all(certain)).cloned().collect();
    let reads = query.command == Command::Select && !analyzer.writes;
    TypedQuery {
        sql: String::new(),
        equal_lengths,
        edits: analyzer.edits.into_iter().map(|edit| (edit.span, edit.text)).collect(),
        parameters,
        columns,
        cardinality: cardinality::of(query),
        effect: if reads { Effect::Read } else { Effect::Write },
        tables: analyzer.table_names,
        search_path: search_path(&catalog.schema.search_path),
        warnings: analyzer.diagnostics.into_iter().collect(),
        combinations: Vec::new(),
    }
}

fn origin(catalog: Catalog<'_>, relation: usize, column: usize) -> Option<Origin> {
    let relation = catalog.schema.relations.get(relation)?;
    let column = relation.columns.get(column)?.name.clone();
    Some(Origin { schema: relation.schema.clone(), table: relation.name.clone(), column })
}

/// As the server takes it.
fn search_path(schemas: &[String]) -> String {
    match schemas {
        [only] if only == "public" => String::new(),
        schemas => {
            let names: Vec<String> = schemas.iter().map(|name| quote_identifier(name)).collect();
            names.join(", ")
        }
    }
}

fn always_null(kind: &NodeKind) -> bool {
    match kind {
        NodeKind::Constant(None) => true,
        NodeKind::Cast { arg, .. } | NodeKind::Collate(arg) => always_null(&arg.kind),
        _ => false,
    }
}

/// A type number as a type.
pub(super) fn sql_type(catalog: Catalog<'_>, type_oid: Oid) -> SqlType {
    let info = catalog.type_info(type_oid);
    let kind = match info.kind {
        b'd' => SqlTypeKind::Domain(Box::new(sql_type(catalog, info.base))),
        b'e' => match catalog.user_kind(type_oid) {
            Some(UserTypeKind::Enum(labels)) => SqlTypeKind::Enum(labels.clone()),
            _ => SqlTypeKind::Scalar,
        },
        b'c' => SqlTypeKind::Composite,
        b'r' | b'm' => SqlTypeKind::Range,
        _ if info.is_array => SqlTypeKind::Array(Box::new(sql_type(catalog, info.elem))),
        _ if matches!(type_oid, oid::RECORD | oid::RECORDARRAY) => SqlTypeKind::Composite,
        _ => SqlTypeKind::Scalar,
    };
    SqlType {
        // Numbers that differ from server to server are not given out.
        oid: if type_oid < oid::FIRST_UNPINNED { type_oid } else { 0 },
        name: info.name.into_owned(),
        display: catalog.display(type_oid, -1),
        kind,
    }
}

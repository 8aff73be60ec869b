//! Reads the catalog of a database.
//!
//! Input: the rows of text that `queries` returns. Output: named fields, in the order of the rows.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::connection::{Connection, Row};
use super::queries;

/// The parts of a schema.
#[derive(Default)]
pub(super) struct Catalog {
    pub(super) schemas: Vec<String>,
    pub(super) extensions: Vec<[String; 2]>,
    pub(super) enums: Vec<[String; 2]>,
    pub(super) ranges: Vec<[String; 2]>,
    pub(super) domains: Vec<Domain>,
    pub(super) sequences: Vec<Sequence>,
    pub(super) relations: Vec<Relation>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) indexes: Vec<Index>,
    pub(super) views: Vec<View>,
    pub(super) functions: Vec<Function>,
}

pub(super) struct Domain {
    pub(super) name: String,
    pub(super) base: String,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    pub(super) checks: Option<String>,
    pub(super) over: Option<String>,
}

pub(super) struct Sequence {
    pub(super) name: String,
    pub(super) type_name: String,
    /// The sequence's options, except options with their default value; "" if all options have the default value.
    pub(super) options: String,
    pub(super) cache: String,
}

pub(super) struct Relation {
    pub(super) name: String,
    /// `pg_class.relkind`.
    pub(super) kind: String,
    pub(super) columns: Vec<Column>,
}

pub(super) struct Column {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) not_null: bool,
    /// `pg_attribute.attidentity`: `a`lways, by `d`efault, or empty.
    pub(super) identity: String,
    /// The options of the identity's sequence, except options with their default value; "" if all options have the
    /// default value.
    pub(super) options: String,
    /// The number of values that a session takes at once from the identity's sequence.
    pub(super) cache: Option<String>,
    /// `pg_attribute.attgenerated`: `s`tored, or empty.
    pub(super) generated: String,
    pub(super) default: Option<String>,
}

pub(super) struct Constraint {
    pub(super) table: String,
    pub(super) name: String,
    /// `pg_constraint.contype`.
    pub(super) kind: String,
    pub(super) keys: String,
    pub(super) nulls_not_distinct: bool,
    pub(super) definition: String,
}

pub(super) struct Index {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) unique: bool,
    pub(super) method: String,
    pub(super) keys: String,
    pub(super) include: Option<String>,
    pub(super) nulls_not_distinct: bool,
    pub(super) predicate: Option<String>,
}

pub(super) struct View {
    pub(super) name: String,
    pub(super) definition: String,
    pub(super) reads: BTreeSet<String>,
}

pub(super) struct Function {
    pub(super) definition: String,
    /// Whether the function can be created only after tables.
    pub(super) after_tables: bool,
    /// Whether tables or domains call the function.
    pub(super) needed: bool,
}

/// Reads the whole catalog.
pub(super) async fn read(server: &mut Connection) -> Result<Catalog> {
    server.run(queries::NO_SEARCH_PATH).await?;
    let mut catalog = Catalog::default();
    for [name] in server.ask(queries::SCHEMAS).await? {
        catalog.schemas.push(text(name)?);
    }
    catalog.extensions = pairs(server.ask(queries::EXTENSIONS).await?)?;
    catalog.enums = pairs(server.ask(queries::ENUMS).await?)?;
    catalog.ranges = pairs(server.ask(queries::RANGES).await?)?;
    for [name, base, not_null, default, checks, over] in server.ask(queries::DOMAINS).await? {
        let (name, base, not_null) = (text(name)?, text(base)?, flag(not_null));
        catalog.domains.push(Domain { name, base, not_null, default, checks, over });
    }
    for [name, type_name, options, cache] in server.ask(queries::SEQUENCES).await? {
        let (name, type_name, cache) = (text(name)?, text(type_name)?, text(cache)?);
        catalog.sequences.push(Sequence { name, type_name, options: options.unwrap_or_default(), cache });
    }
    catalog.relations = relations(server.ask(queries::COLUMNS).await?)?;
    for [table, name, kind, keys, nulls_not_distinct, definition] in server.ask(queries::CONSTRAINTS).await? {
        catalog.constraints.push(Constraint {
            table: text(table)?,
            name: text(name)?,
            kind: text(kind)?,
            keys: keys.unwrap_or_default(),
            nulls_not_distinct: flag(nulls_not_distinct),
            definition: text(definition)?,
        });
    }
    for [name, table, unique, method, keys, include, nulls_not_distinct, predicate] in
        server.ask(queries::INDEXES).await?
    {
        catalog.indexes.push(Index {
            name: text(name)?,
            table: text(table)?,
            unique: flag(unique),
            method: text(method)?,
            keys: text(keys)?,
            include,
            nulls_not_distinct: flag(nulls_not_distinct),
            predicate,
        });
    }
    catalog.views = views(server.ask(queries::VIEWS).await?, server.ask(queries::VIEW_DEPENDENCIES).await?)?;
    for [definition, after_tables, needed] in server.ask(queries::FUNCTIONS).await? {
        let (definition, after_tables, needed) = (text(definition)?, flag(after_tables), flag(needed));
        catalog.functions.push(Function { definition, after_tables, needed });
    }
    Ok(catalog)
}

/// Groups the rows by relation. The rows of one relation follow each other, one row per column. For a relation without
/// columns, there is one row with a NULL in place of the column.
fn relations(rows: Vec<Row<10>>) -> Result<Vec<Relation>> {
    let mut relations: Vec<Relation> = Vec::new();
    for [relation, kind, name, type_name, not_null, identity, options, cache, generated, default] in rows {
        let (relation, kind) = (text(relation)?, text(kind)?);
        if relations.last().is_none_or(|last| last.name != relation) {
            relations.push(Relation { name: relation, kind, columns: Vec::new() });
        }
        if let (Some(name), Some(last)) = (name, relations.last_mut()) {
            last.columns.push(Column {
                name,
                type_name: text(type_name)?,
                not_null: flag(not_null),
                identity: identity.unwrap_or_default(),
                options: options.unwrap_or_default(),
                cache,
                generated: generated.unwrap_or_default(),
                default,
            });
        }
    }
    Ok(relations)
}

fn views(definitions: Vec<Row<2>>, dependencies: Vec<Row<2>>) -> Result<Vec<View>> {
    let dependencies = pairs(dependencies)?;
    definitions
        .into_iter()
        .map(|[name, definition]| {
            let name = text(name)?;
            let reads =
                dependencies.iter().filter(|[view, _]| *view == name).map(|[_, read]| read.clone()).collect();
            Ok(View { definition: text(definition)?, reads, name })
        })
        .collect()
}

fn pairs(rows: Vec<Row<2>>) -> Result<Vec<[String; 2]>> {
    rows.into_iter().map(|[first, second]| Ok([text(first)?, second.unwrap_or_default()])).collect()
}

fn text(field: Option<String>) -> Result<String> {
    field.context("the server returned NULL for a column of the catalog that is never NULL")
}

fn flag(field: Option<String>) -> bool {
    field.as_deref() == Some("t")
}

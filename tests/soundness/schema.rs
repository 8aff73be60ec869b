//! Generates schemas.
//!
//! Input: a seed. Output: DDL, and the description of the DDL that the query generator uses.

use fastrand::Rng;

use dsql_edge_compiler::builtin::oid;

use crate::beside;
use crate::catalog::Catalog;
use crate::query::Gen;
use crate::tree::{Node, Sort};
use crate::types::{ARRAYS, BASE, Ty, Types, USER, UserKind, UserType};

/// A schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    /// Its types.
    pub(crate) types: Types,
    /// The tables and views of the schema.
    pub(crate) relations: Vec<Relation>,
    /// Its functions.
    pub(crate) functions: Vec<Function>,
    /// The statements that create the schema.
    pub(crate) ddl: Vec<Node>,
}

/// A table or a view.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    /// Its name.
    pub(crate) name: String,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// The unique keys, each as a list of column numbers. If there is a primary key, it is the first.
    pub(crate) keys: Vec<Vec<usize>>,
    /// Whether the first key is the primary key.
    pub(crate) primary: bool,
    /// Whether the relation is a view.
    pub(crate) view: bool,
    /// Whether the relation can be the target of INSERT, UPDATE and DELETE.
    pub(crate) written: bool,
    /// The bundle of the relation's columns; see [`crate::tree::List::bundle`].
    pub(crate) bundle: u32,
}

/// A column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) ty: Ty,
    /// Whether a constraint of the table makes the column NOT NULL.
    pub(crate) not_null: bool,
    /// Whether the column has a default.
    pub(crate) has_default: bool,
    /// Whether the column is a generated column or an identity column.
    pub(crate) generated: bool,
}

/// A function in SQL.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The types of the function's arguments.
    pub(crate) args: Vec<Ty>,
    /// The result type; `record` for several columns.
    pub(crate) returns: Ty,
    /// The columns of `RETURNS TABLE`.
    pub(crate) columns: Vec<(String, Ty)>,
    /// Whether the function returns a set.
    pub(crate) set: bool,
}

/// Generates a schema.
pub(crate) fn generate(rng: &mut Rng, catalog: &Catalog) -> Schema {
    let mut schema = Schema::default();
    for _ in 0..rng.usize(..5) {
        user_type(rng, &mut schema);
    }
    schema.ddl.extend(beside::BEFORE_TABLES.map(Node::words));
    for number in 0..rng.usize(2..5) {
        table(rng, &mut schema, number);
    }
    beside::add(rng, &mut schema);
    for number in 0..rng.usize(..3) {
        let mut generator = Gen::new(rng.fork(), &schema, catalog);
        let (query, columns) = generator.view();
        let name = format!("v{number}");
        let sql = Node::new(Sort::Other, "").text(format!("CREATE VIEW {name} AS ")).node(query);
        schema.ddl.push(sql);
        let columns = columns
            .into_iter()
            .map(|(name, ty)| Column { name, ty, not_null: false, has_default: false, generated: false })
            .collect();
        schema.relations.push(Relation {
            name,
            columns,
            keys: Vec::new(),
            primary: false,
            view: true,
            written: false,
            bundle: 0,
        });
    }
    for number in 0..rng.usize(..3) {
        function(rng, &mut schema, catalog, number);
    }
    schema
}

fn user_type(rng: &mut Rng, schema: &mut Schema) {
    let number = schema.types.user.len();
    let (name, kind, sql) = match rng.u32(..10) {
        0..3 => {
            let labels: Vec<String> =
                ["red", "green", "Blue one"][..rng.usize(1..4)].iter().map(|it| (*it).to_owned()).collect();
            let name = format!("e{number}");
            let list: Vec<String> = labels.iter().map(|it| format!("'{it}'")).collect();
            let sql = format!("CREATE TYPE {name} AS ENUM ({})", list.join(", "));
            (name, UserKind::Enum(labels), sql)
        }
        3..7 => {
            let base = if rng.u32(..6) == 0 { schema.types.any(rng) } else { BASE[rng.usize(..12)] };
            let name = format!("d{number}");
            let not_null = rng.u32(..3) == 0;
            let constraint = if not_null { " NOT NULL" } else { "" };
            let sql = format!("CREATE DOMAIN {name} AS {}{constraint}", schema.types.sql(base));
            (name, UserKind::Domain { base, not_null }, sql)
        }
        7..9 => {
            let name = format!("k{number}");
            let fields: Vec<(String, Ty)> = (0..rng.usize(1..4))
                .map(|at| {
                    let ty = match schema.types.any(rng) {
                        // Generated composite values have empty fields, which a field of a NOT NULL domain does not
                        // allow.
                        ty if ty >= USER => BASE[rng.usize(..8)],
                        ty => ty,
                    };
                    (format!("f{at}"), ty)
                })
                .collect();
            let list: Vec<String> =
                fields.iter().map(|(name, ty)| format!("{name} {}", schema.types.sql(*ty))).collect();
            let sql = format!("CREATE TYPE {name} AS ({})", list.join(", "));
            (name, UserKind::Composite(fields), sql)
        }
        _ => {
            let subtype =
                *rng.choice([oid::TEXT, oid::UUID, oid::FLOAT8, oid::TIME].iter()).unwrap_or(&oid::TEXT);
            let name = format!("r{number}");
            let sql = format!("CREATE TYPE {name} AS RANGE (subtype = {})", schema.types.sql(subtype));
            (name, UserKind::Range(subtype), sql)
        }
    };
    schema.types.user.push(UserType { name, kind });
    schema.ddl.push(Node::words(sql));
}

fn table(rng: &mut Rng, schema: &mut Schema, number: usize) {
    let types = &schema.types;
    let name = format!("t{number}");
    let primary = rng.u32(..10) > 1;
    let count = rng.usize(2..8);
    let mut columns = Vec::new();
    let mut items = Vec::new();
    for at in 0..count {
        let ty = if at == 0 && primary {
            *rng.choice([oid::INT4, oid::INT8, oid::UUID, oid::TEXT].iter()).unwrap_or(&oid::INT4)
        } else {
            types.any(rng)
        };
        // Tables share column names, so that USING and NATURAL find common columns. A few names need quotes.
        let name = match rng.u32(..12) {
            0 if at > 0 => "\"Odd name\"".to_owned(),
            _ => format!("c{at}"),
        };
        let name = if columns.iter().any(|it: &Column| it.name == name) { format!("c{at}") } else { name };
        let mut column =
            Column { name, ty, not_null: rng.u32(..3) == 0, has_default: false, generated: false };
        let collation = beside::collation(rng, ty);
        let mut sql = Node::words(format!("{} {}{collation}", column.name, types.sql(ty)));
        match rng.u32(..16) {
            0 if ty == oid::INT4 && at > 0 => {
                sql = sql.text(" GENERATED ALWAYS AS IDENTITY");
                column.generated = true;
                column.not_null = true;
            }
            1 | 2
                if ty == oid::TEXT
                    && columns.first().is_some_and(|it: &Column| it.ty != oid::TEXT && !it.generated) =>
            {
                let first = &columns[0].name;
                sql = sql.text(format!(" GENERATED ALWAYS AS (nullif({first}, {first})::text) STORED"));
                column.generated = true;
                column.not_null = false;
            }
            3..5 => {
                let default = types.literal(ty, rng.u32(..3));
                sql = sql.list(" DEFAULT ", "", vec![Node::words(default)]);
                column.has_default = true;
            }
            _ => {}
        }
        if column.not_null {
            sql = sql.list(" ", "", vec![Node::words("NOT NULL")]);
        }
        items.push(sql);
        columns.push(column);
    }
    let mut keys = Vec::new();
    let mut constraints = Vec::new();
    if primary {
        let mut key = vec![0];
        if rng.u32(..4) == 0
            && let Some(second) =
                (1..count).find(|at| types.is_ordered(columns[*at].ty) && !columns[*at].generated)
        {
            key.push(second);
        }
        let names: Vec<&str> = key.iter().map(|at| columns[*at].name.as_str()).collect();
        constraints.push(Node::words(format!("PRIMARY KEY ({})", names.join(", "))));
        keys.push(key);
    }
    for (at, column) in columns.iter().enumerate().skip(1) {
        if rng.u32(..6) == 0 && types.is_ordered(column.ty) && !column.generated {
            let nulls = if rng.u32(..4) == 0 { "NULLS NOT DISTINCT " } else { "" };
            constraints.push(Node::words(format!("UNIQUE {nulls}({})", column.name)));
            keys.push(vec![at]);
        }
    }
    let bundle = 1 + number as u32;
    let mut relation = Relation { name, columns, keys, primary, view: false, written: true, bundle };
    constraints.extend(beside::check(rng, &mut relation));
    let sql = Node::new(Sort::Other, "")
        .text(format!("CREATE TABLE {} (", relation.name))
        .bundle(bundle, "", ", ", items)
        .list(", ", ", ", constraints)
        .text(")");
    if let Some(key) = relation.keys.first().filter(|_| primary) {
        for at in key {
            relation.columns[*at].not_null = true;
        }
    }
    schema.ddl.push(sql);
    schema.relations.push(relation);
}

fn function(rng: &mut Rng, schema: &mut Schema, catalog: &Catalog, number: usize) {
    let name = format!("fn{number}");
    let args: Vec<Ty> = (0..rng.usize(..3)).map(|_| schema.types.any(rng)).collect();
    let set = rng.u32(..3) == 0;
    let mut generator = Gen::new(rng.fork(), schema, catalog);
    let (body, returns, columns, result) = if set && rng.bool() {
        let (query, columns) = generator.view();
        let list: Vec<String> =
            columns.iter().map(|(name, ty)| format!("{name} {}", schema.types.sql(*ty))).collect();
        // Each column is cast to the type that the generator expects, because PostgreSQL does not always give the
        // column this type.
        let casts: Vec<String> =
            columns.iter().map(|(name, ty)| format!("{name}::text::{}", schema.types.sql(*ty))).collect();
        let body = Node::words(format!("SELECT {} FROM (", casts.join(", "))).node(query).text(") AS q");
        (body, oid::RECORD, columns, format!("TABLE ({})", list.join(", ")))
    } else {
        let ty = schema.types.any(rng);
        let value = generator.value_over(ty, &args);
        let sql = schema.types.sql(ty);
        let body = Node::words("SELECT CAST(").node(value).text(format!(" AS {sql})"));
        (body, ty, Vec::new(), if set { format!("SETOF {sql}") } else { sql })
    };
    let list: Vec<String> =
        args.iter().enumerate().map(|(at, ty)| format!("a{at} {}", schema.types.sql(*ty))).collect();
    let strict = if rng.u32(..3) == 0 { " STRICT" } else { "" };
    let volatility = ["", " STABLE", " IMMUTABLE"][rng.usize(..3)];
    let sql = Node::words(format!(
        "CREATE FUNCTION {name}({}) RETURNS {result} LANGUAGE sql{volatility}{strict} AS $body$ ",
        list.join(", ")
    ))
    .node(body)
    .text(" $body$");
    schema.ddl.push(sql);
    schema.functions.push(Function { name, args, returns, columns, set });
}

/// Returns INSERTs for each table. An INSERT may fail. Each table gets a row without NULLs, a row with as many NULLs as
/// possible, and mixed rows.
pub(crate) fn rows(rng: &mut Rng, schema: &Schema) -> Vec<Node> {
    let mut out = Vec::new();
    for relation in schema.relations.iter().filter(|relation| !relation.view) {
        for number in 0..rng.u32(2..7) {
            let mut names = Vec::new();
            let mut values = Vec::new();
            for column in &relation.columns {
                names.push(Node::words(column.name.clone()));
                let empty = match number {
                    0 => false,
                    1 => true,
                    _ => rng.u32(..3) == 0,
                };
                let domain_not_null = schema
                    .types
                    .user(column.ty)
                    .is_some_and(|it| matches!(it.kind, UserKind::Domain { not_null: true, .. }));
                values.push(Node::words(if column.generated {
                    "DEFAULT".to_owned()
                } else if empty && !column.not_null && !domain_not_null {
                    "NULL".to_owned()
                } else {
                    // Tables share values, so that joins find matching rows.
                    let number = if rng.u32(..4) == 0 { rng.u32(..8) } else { number };
                    schema.types.literal(column.ty, number)
                }));
            }
            out.push(
                Node::words(format!("INSERT INTO {} (", relation.name))
                    .bundle(relation.bundle, "", ", ", names)
                    .text(") VALUES (")
                    .bundle(relation.bundle, "", ", ", values)
                    .text(")"),
            );
        }
    }
    out
}

/// Whether the type is a type of the schema, or an array over such a type.
pub(crate) fn is_user(ty: Ty) -> bool {
    (USER..USER + 2 * ARRAYS).contains(&ty)
}

//! Composes the statements that create the objects of a PostgreSQL's schema.
//!
//! Input: the rows of the queries. Output: objects with their parts. A part, such as a default or an index, is printed
//! inside the statement of its object, if everything that the part needs exists by then. If such an object is missing,
//! the part is a separate statement after the objects that it needs.

use std::collections::BTreeMap;

use super::relations::{BEHAVIOURS, COLUMNS, CONSTRAINTS, INDEXES, PARENTS, RELATIONS};
use super::rows::{Rows, by_relation, text};

/// The queries about relations.
pub(super) const QUERIES: [&str; 6] = [RELATIONS, COLUMNS, CONSTRAINTS, INDEXES, BEHAVIOURS, PARENTS];

/// An object, and the statement that creates it.
#[derive(Default)]
pub(super) struct Object {
    /// The catalog and the OID.
    pub(super) key: String,
    /// The position of the object's kind in the snapshot.
    pub(super) rank: u32,
    pub(super) name: String,
    /// The statement, up to its first part.
    pub(super) head: String,
    /// The statement after its last part.
    pub(super) tail: String,
    pub(super) parts: Vec<Part>,
}

/// A part of an object.
pub(super) struct Part {
    pub(super) key: String,
    /// Other parts of the object that must exist first.
    pub(super) after: Vec<String>,
    /// The part as text inside the object's statement; `None` for a part that is always a separate statement.
    pub(super) inside: Option<String>,
    /// The part as a separate statement; "" for a part that is always inside the object's statement.
    pub(super) statement: String,
}

impl Part {
    fn inside(text: String) -> Part {
        Part { key: String::new(), after: Vec::new(), inside: Some(text), statement: String::new() }
    }

    fn statement(key: String, statement: String) -> Part {
        Part { key, after: Vec::new(), inside: None, statement }
    }
}

/// The positions in the snapshot of the kinds that this module composes; `queries` has the positions of the other
/// kinds.
const COMPOSITE: u32 = 5;
const TABLE: u32 = 14;
const FOREIGN_KEY: u32 = 15;
const VIEW: u32 = 16;
const BEHAVIOUR: u32 = 17;

const UNCHECKED: &str =
    "-- PostgreSQL does not check the constraints of a foreign table, so they are left out.\n";

/// Whether the objects at this position include functions.
pub(super) fn is_function(rank: u32) -> bool {
    rank == 10
}

/// Returns all objects.
pub(super) fn all(rows: Rows, of_relations: [Rows; QUERIES.len()]) -> Vec<Object> {
    let mut objects: Vec<Object> = rows.into_iter().map(object).collect();
    let [relations, columns, constraints, indexes, behaviours, parents] = of_relations;
    let mut columns = by_relation(columns, 0);
    let (of_tables, foreign) = constraints.into_iter().partition(|row| text(row, 2) != "f");
    let mut constraints = by_relation(of_tables, 1);
    let mut indexes = by_relation(indexes, 1);
    let mut parents = by_relation(parents, 0);
    let mut names = BTreeMap::new();
    for row in relations {
        let (key, name) = (text(&row, 0), text(&row, 1));
        names.insert(key.clone(), name.clone());
        let of = |all: &mut BTreeMap<String, Rows>| all.remove(&key).unwrap_or_default();
        let (columns, constraints, of_parents) = (of(&mut columns), of(&mut constraints), of(&mut parents));
        let mut object = match text(&row, 2).as_str() {
            "c" => composite(&name, &columns),
            "v" | "m" => view(&row, &name, &columns),
            _ => table(&row, &name, &columns, &constraints),
        };
        if text(&row, 2) == "f" && of_parents.is_empty() {
            object.head.insert_str(0, UNCHECKED);
        }
        let of_table = of(&mut indexes);
        object.parts.extend(of_table.iter().map(|row| Part::statement(text(row, 0), text(row, 2))));
        // PostgreSQL takes over the indexes and constraints that a partition has when it is attached.
        let after: Vec<String> =
            object.parts.iter().map(|part| part.key.clone()).filter(|it| !it.is_empty()).collect();
        object.parts.extend(of_parents.iter().enumerate().map(|(at, row)| Part {
            key: format!("{key}:parent{at}"),
            after: after.clone(),
            inside: None,
            statement: text(row, 1),
        }));
        objects.push(Object { key, name, ..object });
    }
    let mut added = |rows: Rows, rank: u32, sql: &dyn Fn(&[Option<String>], &str) -> String| {
        for row in rows {
            let table = names.get(&text(&row, 1)).cloned().unwrap_or_default();
            objects.push(Object {
                key: text(&row, 0),
                rank,
                head: sql(&row, &table),
                name: table,
                ..Object::default()
            });
        }
    };
    added(foreign, FOREIGN_KEY, &|row, table| add_constraint(row, table));
    added(behaviours, BEHAVIOUR, &|row, _| text(row, 2));
    objects
}

/// Returns the objects that the statements about a relation need: the relation, and for some a sequence.
pub(super) fn needs(of_relations: &[Rows; QUERIES.len()]) -> Rows {
    let [_, _, _, _, behaviours, _] = of_relations;
    let needed = |row: &Vec<Option<String>>| {
        let key = row.first().cloned().flatten();
        let others = [row.get(1).cloned().flatten(), row.get(3).cloned().flatten()];
        others.into_iter().flatten().map(|other| vec![key.clone(), Some(other)]).collect::<Rows>()
    };
    behaviours.iter().flat_map(needed).collect()
}

fn object(row: Vec<Option<String>>) -> Object {
    Object {
        rank: text(&row, 0).parse().unwrap_or_default(),
        key: text(&row, 1),
        name: text(&row, 2),
        head: text(&row, 3),
        ..Object::default()
    }
}

fn composite(name: &str, columns: &Rows) -> Object {
    let columns: Vec<String> =
        columns.iter().map(|row| format!("{} {}", text(row, 2), text(row, 3))).collect();
    let head = format!("CREATE TYPE {name} AS ({});", columns.join(", "));
    Object { rank: COMPOSITE, head, ..Object::default() }
}

fn table(row: &[Option<String>], name: &str, columns: &Rows, constraints: &Rows) -> Object {
    let (kind, unlogged) = (text(row, 2), text(row, 3) == "t");
    let partitioned =
        row.get(4).cloned().flatten().map_or(String::new(), |key| format!(" PARTITION BY {key}"));
    let of_kind = match kind.as_str() {
        "f" => "FOREIGN TABLE",
        _ if unlogged => "UNLOGGED TABLE",
        _ => "TABLE",
    };
    let head = format!("CREATE {of_kind} {name} (");
    let mut parts: Vec<Part> = Vec::new();
    for row in columns {
        let (column, type_name, not_null, generated) =
            (text(row, 2), text(row, 3), text(row, 4), text(row, 5));
        parts.push(Part::inside(format!("\n    {column} {type_name}{not_null}{generated}")));
        parts.extend(default(row, name, kind != "f"));
    }
    parts.extend(constraints.iter().map(|row| {
        let (constraint, definition) = (text(row, 3), text(row, 5));
        let inside = format!("\n    CONSTRAINT {constraint} {definition}");
        let may_be_inside = text(row, 4) == "t";
        // A primary key, unique or exclusion constraint is always printed inside its table, because the dependencies of
        // objects that need the constraint refer to the table.
        let is_always = matches!(text(row, 2).as_str(), "p" | "u" | "x");
        Part {
            key: if is_always { String::new() } else { text(row, 0) },
            after: Vec::new(),
            inside: may_be_inside.then_some(inside),
            statement: if is_always { String::new() } else { add_constraint(row, name) },
        }
    }));
    let tail = format!("){}{partitioned};", text(row, 5));
    Object { rank: TABLE, head, tail, parts, ..Object::default() }
}

/// Returns the default of a column, if it has one.
fn default(row: &[Option<String>], table: &str, may_be_inside: bool) -> Option<Part> {
    let (key, column, default) = (row.get(1).cloned()??, text(row, 2), row.get(6).cloned()??);
    let statement = format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default};");
    Some(Part {
        key,
        after: Vec::new(),
        inside: may_be_inside.then(|| format!(" DEFAULT {default}")),
        statement,
    })
}

fn add_constraint(row: &[Option<String>], table: &str) -> String {
    format!("ALTER TABLE {table} ADD CONSTRAINT {} {};", text(row, 3), text(row, 5))
}

fn view(row: &[Option<String>], name: &str, columns: &Rows) -> Object {
    let of_kind = if text(row, 2) == "m" { "MATERIALIZED VIEW" } else { "VIEW" };
    let names: Vec<String> = columns.iter().map(|row| text(row, 2)).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let head = format!("CREATE {of_kind} {name}{names}{} AS\n{};", text(row, 7), text(row, 6));
    let defaults = columns.iter().filter_map(|row| default(row, name, false));
    Object { rank: VIEW, head, parts: defaults.collect(), ..Object::default() }
}

//! Adds objects to a schema with tables: foreign keys, child tables, views that can be written to, a nondeterministic
//! collation, an operator that returns a set.
//!
//! Input: a schema with its tables. Output: more statements and relations. The caller leaves out the statements that
//! PostgreSQL rejects.

use dsql_edge_compiler::builtin::oid;
use fastrand::Rng;

use crate::schema::{Relation, Schema};
use crate::tree::Node;

/// Objects that the tables or the generated queries use, and that are created before the tables.
pub(crate) const BEFORE_TABLES: [&str; 3] = [
    "CREATE COLLATION blind (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false)",
    "CREATE FUNCTION ups(int4, int4) RETURNS SETOF int4 LANGUAGE sql IMMUTABLE AS 'SELECT generate_series($1, $2)'",
    "CREATE OPERATOR <~> (LEFTARG = int4, RIGHTARG = int4, FUNCTION = ups)",
];

/// A trigger function that sets each column of the row to NULL.
const EMPTY_ROW: &str = "CREATE FUNCTION empty_row() RETURNS trigger LANGUAGE plpgsql AS $body$ DECLARE made record; BEGIN \
     made := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; \
     RETURN jsonb_populate_record(made, (SELECT jsonb_object_agg(key, NULL) FROM jsonb_each(to_jsonb(made)))); END $body$";

/// Adds the objects.
pub(crate) fn add(rng: &mut Rng, schema: &mut Schema) {
    let tables = schema.relations.clone();
    for (at, table) in tables.iter().enumerate() {
        foreign_keys(rng, schema, table, &tables[..at]);
    }
    for (number, table) in tables.iter().enumerate() {
        if rng.u32(..5) == 0 {
            child(rng, schema, table, number);
        }
    }
    if rng.bool() {
        schema.ddl.push(Node::words(EMPTY_ROW));
        written_views(rng, schema, &tables);
    }
}

/// Adds foreign keys to the primary keys of earlier tables.
fn foreign_keys(rng: &mut Rng, schema: &mut Schema, table: &Relation, others: &[Relation]) {
    for column in table.columns.iter().skip(1).filter(|it| !it.generated) {
        let fits =
            |it: &&Relation| it.primary && it.keys[0].len() == 1 && it.columns[it.keys[0][0]].ty == column.ty;
        let Some(other) = others.iter().find(fits).filter(|_| rng.u32(..4) > 0) else { continue };
        let key = &other.columns[other.keys[0][0]].name;
        let how = ["", "", "", " DEFERRABLE", " NOT VALID", " ON DELETE CASCADE"][rng.usize(..6)];
        schema.ddl.push(Node::words(format!(
            "ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({key}){how}",
            table.name, column.name, other.name
        )));
    }
}

/// Adds a table that inherits from `parent`, and drops some of its NOT NULL constraints.
fn child(rng: &mut Rng, schema: &mut Schema, parent: &Relation, number: usize) {
    let name = format!("i{number}");
    schema.ddl.push(Node::words(format!("CREATE TABLE {name} (own int4) INHERITS ({})", parent.name)));
    let mut columns = parent.columns.clone();
    for column in columns.iter_mut().filter(|it| it.not_null && !it.generated) {
        if rng.u32(..3) == 0 {
            let sql = format!("ALTER TABLE {name} ALTER COLUMN {} DROP NOT NULL", column.name);
            schema.ddl.push(Node::words(sql));
            column.not_null = false;
        }
    }
    schema.relations.push(Relation { name, columns, keys: Vec::new(), primary: false, ..parent.clone() });
}

/// Adds views over a table, and views over these views; some have a trigger or a rule.
fn written_views(rng: &mut Rng, schema: &mut Schema, tables: &[Relation]) {
    for (number, table) in tables.iter().enumerate().take(2) {
        let mut below = table.clone();
        for level in 0..2 {
            let name = format!("w{number}{level}");
            let columns = if rng.bool() { "*".to_owned() } else { names(&below) };
            let filter = if rng.u32(..3) == 0 {
                format!(" WHERE {} IS NOT NULL", below.columns[0].name)
            } else {
                String::new()
            };
            schema.ddl.push(Node::words(format!(
                "CREATE VIEW {name} AS SELECT {columns} FROM {}{filter}",
                below.name
            )));
            match rng.u32(..6) {
                0 | 1 => schema.ddl.push(Node::words(format!(
                    "CREATE TRIGGER emptied INSTEAD OF INSERT OR UPDATE OR DELETE ON {name} FOR EACH ROW EXECUTE FUNCTION \
                     empty_row()"
                ))),
                2 => {
                    let empty: Vec<String> =
                        below.columns.iter().map(|it| format!("NULL::{}", schema.types.sql(it.ty))).collect();
                    let (table, first) = (&below.name, &below.columns[0].name);
                    schema.ddl.push(Node::words(format!(
                        "CREATE RULE emptied AS ON UPDATE TO {name} DO INSTEAD UPDATE {table} SET {first} = OLD.{first} \
                         RETURNING {}",
                        empty.join(", ")
                    )));
                }
                _ => {}
            }
            below = Relation { name, view: true, written: true, keys: Vec::new(), primary: false, ..below };
            schema.relations.push(below.clone());
        }
    }
}

fn names(relation: &Relation) -> String {
    relation.columns.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Returns a CHECK on a column, for some tables. If the CHECK proves that the column is NOT NULL, the column is marked
/// as NOT NULL, and the generated rows have no NULL in that column.
pub(crate) fn check(rng: &mut Rng, table: &mut Relation) -> Option<Node> {
    let at = rng.usize(..table.columns.len());
    let column = &mut table.columns[at];
    let name = column.name.clone();
    let (proves, check) = match rng.u32(..12) {
        0 | 1 => (true, format!("CHECK ({name} IS NOT NULL)")),
        2 => (true, format!("CHECK (({name} IS NOT NULL) AND true)")),
        3 => (false, format!("CHECK ({name} IS NOT NULL OR true)")),
        4 => (false, format!("CHECK ({name} = {name})")),
        5 => (true, format!("CHECK (NOT ({name} IS NULL)) NO INHERIT")),
        _ => return None,
    };
    column.not_null |= proves && !column.generated;
    Some(Node::words(check))
}

/// Returns the COLLATE clause of a column of the type text, for some columns.
pub(crate) fn collation(rng: &mut Rng, ty: u32) -> &'static str {
    match ty {
        oid::TEXT | oid::VARCHAR | oid::BPCHAR => {
            ["", "", "", " COLLATE blind", " COLLATE \"C\""][rng.usize(..5)]
        }
        _ => "",
    }
}

//! Tests that a column name from the database is never read as an override, and that an alias in a query can contain an
//! override.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use dsql_edge_compiler::fields::{RustType, fields};
use dsql_edge_compiler::{Schema, Source, compile};

const SCHEMA: &str = r#"-- dsql-edge: dialect postgres
    CREATE TABLE t (id int PRIMARY KEY, "bang!" int, "q?" int NOT NULL, "x: Evil" int NOT NULL, "y!: Evil" int);
    CREATE TABLE other ("bang!" int NOT NULL, "q?" int NOT NULL, "x: Evil" int);
    CREATE VIEW v AS SELECT "bang!", "q?", "x: Evil", "y!: Evil" FROM t;
    CREATE VIEW aliased AS SELECT id + 1 AS "bang!", id AS "q?", id AS "x: Evil", id AS "y!: Evil" FROM t;
    CREATE VIEW listed ("bang!", "q?", "x: Evil", "y!: Evil") AS SELECT id, id, id, id FROM t;
    CREATE TYPE pair AS ("bang!" int, "x: Evil" int);
    CREATE FUNCTION rows_of(int) RETURNS TABLE ("bang!" int, "x: Evil" int) LANGUAGE sql AS 'SELECT 1, 2';
    CREATE FUNCTION "bang!"(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE DOMAIN "x: Evil" AS int;"#;

/// Compiles a query; returns its columns as `name: type`, or the errors.
fn row(sql: &str) -> Result<String, String> {
    let schema = Schema::parse(SCHEMA).unwrap();
    let query = compile(&Source::of_macro(sql), &schema).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let planned = fields(&query, &schema);
    let planned = planned.map_err(|errors| {
        errors.errors().map(|error| error.message.clone()).collect::<Vec<_>>().join("; ")
    })?;
    let shown = planned.all().into_iter().map(|field| {
        let ty = match &field.rust_type {
            RustType::Known(known) => (*known).to_owned(),
            RustType::Written(written) => written.clone(),
            RustType::Directive(directive) => directive.rust.clone(),
            RustType::Vec { element, .. } => format!("Vec<{element}>"),
        };
        let ty = if field.nullable { format!("Option<{ty}>") } else { ty };
        format!("{}: {ty}", field.name.text())
    });
    Ok(shown.collect::<Vec<_>>().join(", "))
}

#[test]
fn a_database_name_is_never_an_override() {
    for sql in [
        r#"SELECT "bang!" FROM t"#,
        r#"SELECT t."q?" FROM t"#,
        r#"SELECT "x: Evil" FROM t"#,
        r#"SELECT "y!: Evil"::bigint FROM t"#,
        r#"SELECT CASE WHEN true THEN 1 ELSE "bang!" END FROM t"#,
        "SELECT * FROM t",
        "SELECT t.* FROM t",
        "SELECT (t).* FROM t",
        r#"SELECT (t)."bang!" FROM t"#,
        "SELECT * FROM v",
        "SELECT * FROM aliased",
        "SELECT * FROM listed",
        r#"SELECT "bang!" FROM aliased"#,
        r#"SELECT a."x: Evil" FROM listed a"#,
        "WITH c AS (SELECT * FROM t) SELECT * FROM c",
        r#"WITH c AS (SELECT "bang!" FROM t) SELECT "bang!" FROM c"#,
        r#"WITH c AS (DELETE FROM t RETURNING "x: Evil") SELECT * FROM c"#,
        r#"WITH RECURSIVE c AS (SELECT "bang!" FROM t UNION ALL SELECT "bang!" + 1 FROM c) SELECT * FROM c"#,
        "SELECT * FROM (SELECT * FROM (SELECT * FROM t) a) b",
        r#"SELECT (SELECT "bang!" FROM t)"#,
        r#"SELECT (SELECT b."bang!" FROM (SELECT * FROM t) b)"#,
        "UPDATE t SET id = 1 WHERE id = 2 RETURNING *",
        r#"INSERT INTO t VALUES (1, 2, 3, 4) RETURNING "bang!""#,
        "DELETE FROM t WHERE true RETURNING t.*",
        r#"SELECT "bang!" FROM t JOIN other USING ("bang!")"#,
        r#"SELECT "x: Evil" FROM t FULL JOIN other USING ("x: Evil")"#,
        "SELECT * FROM t NATURAL JOIN other",
        r#"SELECT "bang!" FROM t JOIN (SELECT 1 AS "bang!") s USING ("bang!")"#,
        r#"SELECT "bang!" FROM (SELECT 1 AS "bang!") s JOIN t USING ("bang!")"#,
        r#"SELECT t.* FROM t JOIN (SELECT 1 AS "bang!", 1 AS "q?", 1 AS "x: Evil", 1 AS "y!: Evil") s ON true"#,
        r#"SELECT j."bang!" FROM (t JOIN (SELECT 1 AS z) o ON true) AS j (id)"#,
        r#"SELECT "bang!" FROM t UNION SELECT id AS "bang!" FROM t"#,
        r#"SELECT "x: Evil" FROM t EXCEPT SELECT 1 AS "x: Evil" ORDER BY 1"#,
        "SELECT * FROM rows_of(1)",
        "SELECT * FROM rows_of(1) AS r",
        r#"SELECT "bang!"(1)"#,
        r#"SELECT * FROM "bang!"(1)"#,
        r#"SELECT id::"x: Evil" + 0 AS fine, 1::"x: Evil" FROM t"#,
        r#"SELECT (p)."bang!" FROM (SELECT ROW(1, 2)::pair AS p) s"#,
        "SELECT (p).* FROM (SELECT ROW(1, 2)::pair AS p) s",
    ] {
        match row(sql) {
            Ok(row) => panic!("{sql}: {row}"),
            Err(errors) => assert!(errors.contains("cannot be the name of a Rust field"), "{sql}: {errors}"),
        }
    }
}

#[test]
fn an_alias_of_the_query_can_be_an_override_everywhere() {
    for (sql, expected) in [
        (r#"SELECT "bang!" AS "bang!" FROM t"#, "bang: i32"),
        (r#"SELECT "q?" AS "q?" FROM t"#, "q: Option<i32>"),
        (r#"SELECT "x: Evil" AS "x: Mine" FROM t"#, "x: Mine"),
        (r#"SELECT * FROM (SELECT "bang!" AS "bang!" FROM t) s"#, "bang: i32"),
        (r#"SELECT s."a!" FROM (SELECT "bang!" AS "a!" FROM t) s"#, "a: i32"),
        (r#"SELECT "a!"::bigint FROM (SELECT "bang!" AS "a!" FROM t) s"#, "a: i64"),
        (r#"SELECT (SELECT "bang!" AS "a!" FROM t)"#, "a: i32"),
        (r#"WITH c ("a!") AS (SELECT "bang!" FROM t) SELECT * FROM c"#, "a: i32"),
        (r#"WITH c AS (SELECT "bang!" AS "a: Mine" FROM t) SELECT * FROM c"#, "a: Option<Mine>"),
        (r#"SELECT "a!" FROM t AS x (id, "a!")"#, "a: i32"),
        (r#"SELECT j."a!" FROM (t JOIN other o ON o."q?" = t.id) AS j (id, "a!")"#, "a: i32"),
        (r#"SELECT * FROM unnest(ARRAY[1, NULL]) AS "a!""#, "a: i32"),
        (r#"SELECT * FROM rows_of(1) AS r ("a!", "b: Mine")"#, "a: i32, b: Option<Mine>"),
        (r#"SELECT "a?" FROM (SELECT 1 AS "a?") x JOIN (SELECT 1 AS "a?") y USING ("a?")"#, "a: Option<i32>"),
        (r#"SELECT "bang!" AS "a!" FROM t UNION SELECT "bang!" FROM t"#, "a: i32"),
        (r#"UPDATE t SET id = 1 WHERE id = 2 RETURNING "bang!" AS "a!""#, "a: i32"),
    ] {
        assert_eq!(row(sql).as_deref(), Ok(expected), "{sql}");
    }
}

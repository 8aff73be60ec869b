//! Tests DSQL's own statements, which cannot be compared with PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dsql_edge_compiler::typed::{Cardinality, Effect};
use dsql_edge_compiler::{Schema, Source, TypedQuery, compile};

fn compiled(sql: &str) -> TypedQuery {
    let schema = Schema::parse("CREATE TABLE posts (id uuid PRIMARY KEY, title text)").unwrap();
    compile(&Source::numbered(sql), &schema).unwrap()
}

#[test]
fn asynchronous_ddl_answers_with_a_job() {
    for sql in [
        "CREATE INDEX ASYNC posts_title ON posts (title)",
        "CREATE UNIQUE INDEX ASYNC IF NOT EXISTS posts_title ON posts (title)",
        "CREATE UNIQUE INDEX ASYNC i ON posts (lower(title), id NULLS FIRST) INCLUDE (id) NULLS NOT DISTINCT WHERE title <> ''",
        "CREATE INDEX ASYNC ON posts (title)",
        "ALTER TABLE ASYNC posts VALIDATE CONSTRAINT title_length",
    ] {
        let query = compiled(sql);
        let columns: Vec<_> =
            query.columns.iter().map(|it| (it.name.as_str(), it.sql_type.name.as_str())).collect();
        assert_eq!(columns, [("job_id", "text")], "{sql}");
        assert_eq!((query.cardinality, query.effect), (Cardinality::AtMostOne, Effect::Write), "{sql}");
    }
}

#[test]
fn grants_to_iam_roles_are_accepted() {
    for sql in [
        "AWS IAM GRANT reader TO 'arn:aws:iam::1:role/r'",
        "AWS IAM REVOKE reader FROM 'arn:aws:iam::1:role/r'",
    ] {
        assert!(compiled(sql).columns.is_empty(), "{sql}");
    }
}

#[test]
fn async_can_be_a_name() {
    for sql in [
        "CREATE INDEX ASYNC \"async\" ON posts (title)",
        "ALTER TABLE posts RENAME TO async",
        "SELECT id AS async FROM posts",
    ] {
        compiled(sql);
    }
    let plain = Schema::parse("-- dsql-edge: dialect postgres\nCREATE TABLE posts (title text)").unwrap();
    let index = compile(&Source::numbered("CREATE INDEX posts_title ON posts (title)"), &plain).unwrap();
    assert!(index.columns.is_empty());
}

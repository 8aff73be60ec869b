//! Some SQL runs without DSQL's rules: the SQL of a start, and the snapshot of a test. Tests the report of objects in
//! this SQL that a cluster cannot have.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use dsql_edge_local::Local;
use dsql_edge_local::testing::{Schema, Test, TestCluster};

/// Statements that DSQL rejects, for objects that a cluster has: as in a dump.
const DUMP: &str = "SET statement_timeout = 0;
CREATE TABLE t (id integer NOT NULL, note character varying(20), at timestamp with time zone DEFAULT now());
ALTER TABLE ONLY t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE INDEX t_note ON t USING btree (note);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE child (id bigint PRIMARY KEY, t integer, amount positive);
ALTER TABLE ONLY child ADD CONSTRAINT child_t FOREIGN KEY (t) REFERENCES t (id);
CREATE VIEW notes AS SELECT note FROM t;
";

const OTHERS: &str = "CREATE TYPE mood AS ENUM ('a', 'b');
CREATE DOMAIN address AS inet;
CREATE TABLE other (id integer PRIMARY KEY, mood mood, tags text[], \"From\" address);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM t;
CREATE TABLE more () INHERITS (t);
";

const OBJECTS: &str = "a cluster cannot have the column public.other.\"From\" of type inet, \
    the column public.other.mood of type mood, the column public.other.tags of type text[], \
    the materialized view public.counted, the table public.more, which inherits from another, the type public.mood";

#[tokio::test]
async fn start_logs_what_a_cluster_cannot_have() {
    for (sql, rules, expected) in [
        (DUMP.to_owned(), true, None),
        (DUMP.to_owned() + OTHERS, true, Some(OBJECTS)),
        (DUMP.to_owned() + OTHERS, false, None),
    ] {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = lines.clone();
        let builder = Local::builder().init_sql(sql).rules(rules);
        let local = builder.log(move |line| log.lock().unwrap().push(line.to_owned())).start().await.unwrap();
        local.stop().await.unwrap();
        let lines = lines.lock().unwrap().clone();
        let expected =
            expected.map(|objects| format!("DSQL's rules do not apply to the initial SQL: {objects}"));
        assert_eq!(lines, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn test_fails_if_a_cluster_cannot_have_its_snapshot() {
    let target = std::env::temp_dir().join(format!("dsql-edge-unlike-cluster-{}", std::process::id()));
    std::fs::create_dir_all(&target).unwrap();
    let all = DUMP.to_owned() + OTHERS;
    let postgres = format!("-- dsql-edge: dialect postgres\n{all}");
    for (text, fails) in [(DUMP, false), (&all, true), (&postgres, false)] {
        let test = Test {
            target: Some(&target),
            package: Path::new(env!("CARGO_MANIFEST_DIR")),
            name: "unlike_cluster",
            schema: Schema { files: &[("dsql-schema.sql", text)], are_migrations: false },
            fixtures: &[],
            faults: &[],
            roles: &[],
            own_server: false,
        };
        match TestCluster::start(&test) {
            Ok(cluster) => {
                assert!(!fails);
                cluster.finish(false).unwrap();
            }
            Err(error) => {
                let text = error.to_string();
                assert!(fails && text.contains(&OBJECTS.replacen('a', "a DSQL", 1)), "{text}");
                assert!(text.contains("dsql-schema.sql: ") && text.contains("dialect postgres"), "{text}");
            }
        }
    }
    let _ = std::fs::remove_dir_all(&target);
}

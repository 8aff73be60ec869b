//! `pull` against a real PostgreSQL 16: everything that a snapshot holds, printed the same each time, and as DDL
//! that makes the same schema again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use dsql_edge_codegen::pull::{Ask, Row, snapshot};
use dsql_edge_tests::golden;
use dsql_edge_tests::oracle::{Database, Oracle};
use tokio_postgres::Client;

/// tokio-postgres in place of dsql-edge's own client.
struct TokioPostgres<'a>(&'a Client);

impl Ask for TokioPostgres<'_> {
    async fn run(&mut self, sql: &'static str) -> Result<()> {
        Ok(self.0.batch_execute(sql).await?)
    }

    async fn ask<const N: usize>(&mut self, sql: &'static str) -> Result<Vec<Row<N>>> {
        let rows = self.0.query(sql, &[]).await.with_context(|| sql.to_owned())?;
        rows.iter()
            .map(|row| {
                let fields: Vec<Option<String>> = (0..row.len()).map(|at| row.get(at)).collect();
                Row::<N>::try_from(fields).map_err(|fields| anyhow!("{} columns: {sql}", fields.len()))
            })
            .collect()
    }
}

fn pull(database: &Database<'_>, old: &str) -> String {
    let (client, runtime) = database.client();
    runtime.block_on(snapshot(&mut TokioPostgres(client), old)).unwrap()
}

/// Pulls from a database with this DDL, and from one with what was pulled: both must say the same.
fn pull_twice(oracle: &Oracle, ddl: &str) -> String {
    let first = pull(&oracle.database(ddl).unwrap(), "");
    let again =
        oracle.database(&first).unwrap_or_else(|error| panic!("PostgreSQL refuses it: {error:?}\n{first}"));
    assert_eq!(pull(&again, &first), first);
    first
}

#[test]
fn everything_a_snapshot_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pull");
    let ddl = std::fs::read_to_string(folder.join("everything.sql")).unwrap();
    let pulled = pull_twice(&Oracle::start().unwrap(), &ddl);
    golden::compare(&folder.join("everything.pulled.sql"), &pulled).unwrap();
}

#[test]
fn schemas_of_real_projects() {
    let Some(corpus) = std::env::var_os("DSQL_EDGE_CORPUS") else { return };
    let oracle = Oracle::start().unwrap();
    for project in std::fs::read_dir(Path::new(&corpus).join("queries")).unwrap() {
        let path = project.unwrap().path().join("schema.sql");
        // psql's own lines, which only psql reads.
        let ddl: String = std::fs::read_to_string(&path)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('\\'))
            .map(|line| format!("{line}\n"))
            .collect();
        match oracle.database(&ddl) {
            Ok(_) => drop(pull_twice(&oracle, &ddl)),
            // Extensions that this PostgreSQL was built without.
            Err(error) => println!("{}: {error:?}", path.display()),
        }
    }
}

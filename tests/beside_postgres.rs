//! The command line `dsql-edge` with a PostgreSQL 16: which server a command uses, and `pull`, `check` and `describe`
//! with its snapshot. `migrate/postgres.rs` has the tests of `migrate`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};
use dsql_edge_tests::postgres_server::PostgresServer;
use dsql_edge_tests::scratch_package::write_files;
use xtask::setup;

const HBA: &str = "hostssl all app 127.0.0.1/32 scram-sha-256\n";
const SQL: &str = "CREATE ROLE app LOGIN PASSWORD 'canary-app';
    CREATE EXTENSION hstore;
    CREATE TYPE mood AS ENUM ('glad');
    CREATE TABLE people (id int PRIMARY KEY, mood mood NOT NULL, more hstore);";

/// A source file with a query that DSQL rejects, because the query locks rows with `FOR SHARE`.
const SOURCE: &str = "fn f() { sql!(\"SELECT mood FROM people WHERE id = $id FOR SHARE\"); }";

async fn server() -> PostgresServer {
    let bin = tokio::task::spawn_blocking(|| {
        setup::runtime().unwrap();
        setup::postgres().unwrap()
    });
    PostgresServer::start(&bin.await.unwrap(), HBA, SQL).await
}

/// Runs the command in a folder; returns the output of both streams, and whether it succeeded. No output contains the
/// password.
fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> (String, bool) {
    let mut command = Command::new(dsql_edge());
    let output = without_shell_variables(&mut command)
        .args(arguments)
        .current_dir(folder)
        .envs(variables.iter().copied())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!text.contains("canary"), "{arguments:?}: {text}");
    (text, output.status.success())
}

fn package() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"people\"\nversion = \"0.0.0\"\n";
    write_files(home.path(), &[("Cargo.toml", manifest), ("src/lib.rs", SOURCE)]);
    home
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_is_that_of_an_option_or_of_the_schema() {
    let server = server().await;
    let home = package();
    let run = |variables: &[(&str, &str)], arguments: &[&str]| run(home.path(), variables, arguments);
    let url = format!("postgres://app@localhost:{}/postgres", server.port());
    let secret = url.replace("app@", "app:canary-app@");
    let ca = server.folder().join("ca.crt").display().to_string();
    let encoded = format!("{secret}?sslrootcert={}", ca.replace('/', "%2F"));
    let password = ("PGPASSWORD", "canary-app");

    // Without the directive, the variables of a PostgreSQL are not read.
    let (text, well) = run(&[("DATABASE_URL", &encoded)], &["pull"]);
    assert!(!well && text.contains("no cluster is named"), "{text}");
    // TLS is required, and the client verifies the server's certificate.
    let (text, well) = run(&[password], &["pull", "--postgres-url", &url]);
    assert!(!well && text.contains("TLS") && text.contains("sslrootcert"), "{text}");
    let (text, well) = run(&[("PGPASSWORD", "canary-wrong")], &["pull", "--postgres-url", &url, "--ca", &ca]);
    assert!(!well && text.contains("28P01"), "{text}");
    let (text, well) = run(&[password], &["pull", "--postgres-url", &url, "--ca", &ca]);
    assert!(well && text.contains("dsql-schema.sql written"), "{text}");
    let snapshot = fs::read_to_string(home.path().join("dsql-schema.sql")).unwrap();
    assert!(snapshot.contains("-- dsql-edge: dialect postgres\n"), "{snapshot}");

    // With the directive, the variables of a PostgreSQL are read, and the variables of a cluster are not.
    let variables = [("DATABASE_URL", encoded.as_str()), ("DSQL_ENDPOINT", "localhost:1")];
    let (text, well) = run(&variables, &["pull", "--check"]);
    assert!(well && text.contains("in DATABASE_URL, because the schema's dialect is postgres"), "{text}");
    let port = server.port().to_string();
    let parts =
        [("PGHOST", "localhost"), ("PGPORT", &port), ("PGUSER", "app"), password, ("PGDATABASE", "postgres")];
    let parts = [parts.as_slice(), &[("PGSSLROOTCERT", ca.as_str())]].concat();
    let (text, well) = run(&parts, &["pull", "--check"]);
    assert!(well && text.contains("the PostgreSQL in PGHOST"), "{text}");
    let (text, well) = run(&variables[1..], &["pull", "--check"]);
    assert!(!well && text.contains("set DATABASE_URL, or pass --postgres-url"), "{text}");
    // An option takes precedence.
    let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key"), variables[0]];
    let (text, well) = run(&keys, &["pull", "--endpoint", "localhost:1", "--region", "us-east-1"]);
    assert!(!well && text.contains("localhost:1"), "{text}");
    let (text, well) = run(&[("DATABASE_URL", "postgres://app:canary@h:port/d")], &["pull"]);
    assert!(!well && text.contains("the variables for PostgreSQL"), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshot_of_a_postgresql_is_checked_and_described() {
    let server = server().await;
    let home = package();
    let url = format!("postgres://postgres@localhost:{}/postgres?sslmode=disable", server.port());
    let run = |arguments: &[&str]| run(home.path(), &[("DATABASE_URL", &url)], arguments);
    assert!(run(&["pull", "--postgres-url", &url]).1);
    let (text, well) =
        run(&["describe", "SELECT mood, more -> 'a' AS a FROM people WHERE id = ANY ($ids) FOR SHARE"]);
    assert!(well && text.contains("mood") && text.contains("int4[]"), "{text}");
    assert!(run(&["check", "--no-build"]).1);
    server.superuser().await.batch_execute("ALTER TABLE people DROP COLUMN mood").await.unwrap();
    let (text, well) = run(&["check", "--no-build"]);
    assert!(
        !well
            && text.contains("-    mood public.mood NOT NULL")
            && text.contains("column \"mood\" does not exist"),
        "{text}"
    );
    // The candidates have no directive, so they have the snapshot's dialect, postgres. In the dialect of DSQL, the
    // query in `SOURCE` would cause 0A000.
    let candidate = "CREATE TABLE people (id int PRIMARY KEY, mood int NOT NULL);";
    write_files(
        home.path(),
        &[("candidate.sql", candidate), ("migrations/1.sql", candidate), ("drop.sql", "DROP TABLE people;")],
    );
    for arguments in [["--schema", "candidate.sql"], ["--migrations", "migrations"]] {
        let (text, _) = run(&[&["check", "--no-build"], arguments.as_slice()].concat());
        assert!(!text.contains("0A000") && text.contains("changed: `mood`"), "{text}");
    }
    let (text, well) = run(&["check", "--no-build", "--apply", "drop.sql"]);
    assert!(!well && text.contains("relation \"people\" does not exist"), "{text}");
    server.stop().await;
}

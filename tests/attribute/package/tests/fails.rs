//! Tests that fail, and tests that do what a variable requests.

use dsql_edge::{Dsql, Error, sql, sql_unchecked};

/// Fails, unless the variable `PASSES` is set.
fn fail() {
    assert!(std::env::var_os("PASSES").is_some(), "as requested");
}

#[dsql_edge::test]
async fn assertion_fails(dsql: Dsql) {
    sql!("INSERT INTO authors (id, name) VALUES (1, 'Left by a failed test')").execute(&dsql).await.unwrap();
    let _ = sql_unchecked!("CREATE TEMPORARY TABLE t (id integer)").execute(&dsql).await;
    fail();
}

#[dsql_edge::test(own_server)]
async fn own_server_fails(dsql: Dsql) -> Result<(), String> {
    sql!("INSERT INTO authors (id, name) VALUES (1, 'Left by a failed test')").execute(&dsql).await.unwrap();
    sql_unchecked!("CREATE ROLE app").execute(&dsql).await.unwrap();
    match std::env::var_os("PASSES") {
        Some(_) => Ok(()),
        None => Err("as requested".to_owned()),
    }
}

#[dsql_edge::test(fixtures("wrong"))]
async fn fixture_is_wrong(_dsql: Dsql) {}

#[dsql_edge::test(fixtures("authors", "rejected"))]
async fn fixture_is_rejected(_dsql: Dsql) {}

#[dsql_edge::test(migrations = "rejected")]
async fn migration_is_rejected(_dsql: Dsql) {}

#[dsql_edge::test(migrations = "wrong")]
async fn migration_is_wrong(_dsql: Dsql) {}

#[dsql_edge::test(migrations = "postgres", faults("conflict=1"))]
async fn fault_needs_dsql(_dsql: Dsql) {}

/// Passes, but makes one commit.
#[dsql_edge::test(faults("conflict=2, latency=1, waking-up=1"))]
async fn fault_never_happens(dsql: Dsql) -> Result<(), Error> {
    sql!("INSERT INTO authors (id, name) VALUES (1, 'Ada')").execute(&dsql).await.map(drop)
}

#[dsql_edge::test(faults("conflict=2"))]
#[should_panic(expected = "as requested")]
async fn fault_never_happens_before_an_expected_panic(_dsql: Dsql) {
    panic!("as requested");
}

#[dsql_edge::test(migrations = "changing")]
async fn folder_has_changed(_dsql: Dsql) {}

/// Writes a file once it runs, and runs until it is killed.
#[dsql_edge::test]
async fn runs_until_it_is_killed(dsql: Dsql) -> Result<(), Error> {
    sql!("INSERT INTO authors (id, name) VALUES (1, 'Left by a killed test')").execute(&dsql).await?;
    if let Some(path) = std::env::var_os("RUNS") {
        std::fs::write(path, "").unwrap();
        std::future::pending::<()>().await;
    }
    Ok(())
}

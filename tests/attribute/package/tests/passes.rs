//! These tests pass. They check what a test finds at its start, and what a test may do.

use std::sync::atomic::{AtomicU32, Ordering};

use dsql_edge::{Dsql, Error, sql, sql_unchecked};

#[derive(Debug)]
struct Count {
    n: i64,
}

async fn rows_after_insert(dsql: &Dsql) -> Result<i64, Error> {
    sql!("INSERT INTO posts (author, title) VALUES (1, 'Only')").execute(dsql).await?;
    user_package::count(dsql).await
}

#[dsql_edge::test]
async fn one_test_sees_its_rows(dsql: Dsql) -> Result<(), Error> {
    assert_eq!(rows_after_insert(&dsql).await?, 1);
    Ok(())
}

#[dsql_edge::test]
async fn another_test_sees_its_rows(dsql: Dsql) {
    assert_eq!(rows_after_insert(&dsql).await.unwrap(), 1);
}

#[dsql_edge::test(fixtures("authors", "posts"))]
async fn fixtures_run_in_order(dsql: Dsql) -> Result<(), Error> {
    let posts = sql!("SELECT title, likes FROM posts ORDER BY title").fetch_all(&dsql).await?;
    let posts: Vec<(&str, i32)> = posts.iter().map(|post| (post.title.as_str(), post.likes)).collect();
    assert_eq!(posts, [("Post of Ada", 7), ("Post of Gödel; Kurt", 7)]);
    Ok(())
}

#[dsql_edge::test(fixtures("authors"), faults("conflict=1"))]
async fn conflict_is_retried(dsql: Dsql) -> Result<(), Error> {
    let runs = AtomicU32::new(0);
    dsql.transaction(async |mut tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        sql!("UPDATE authors SET name = 'Grace' WHERE id = 1").execute(&mut tx).await?;
        Ok::<(), Error>(())
    })
    .await?;
    assert_eq!(runs.into_inner(), 2);
    Ok(())
}

#[dsql_edge::test]
async fn rules_and_limits_are_those_of_dsql(dsql: Dsql) {
    let denied = sql_unchecked!("CREATE TEMPORARY TABLE t (id integer)").execute(&dsql).await.unwrap_err();
    assert_eq!(denied.sqlstate().unwrap().as_str(), "0A000", "{denied}");
    let rows = 3001;
    let many = sql!("INSERT INTO authors (id, name) SELECT n, 'x' FROM generate_series(1, $rows) n");
    let limit = many.execute(&dsql).await.unwrap_err();
    assert_eq!(limit.sqlstate().unwrap().as_str(), "54000", "{limit}");
    let jobs = sql_unchecked!(
        Count { n: i64 },
        "SELECT count(*) AS n FROM pg_indexes WHERE indexname = 'posts_author'"
    );
    assert_eq!(jobs.fetch_one(&dsql).await.unwrap().n, 1);
}

#[dsql_edge::test]
async fn role_of_the_shared_server_cannot_change(dsql: Dsql) {
    let denied = sql_unchecked!("CREATE ROLE app WITH LOGIN").execute(&dsql).await.unwrap_err();
    assert!(denied.message().unwrap().contains("#[dsql_edge::test(own_server)]"), "{denied}");
    // The rules do not see the statement inside a function. But `admin` has no right to create roles in this test.
    sql_unchecked!("CREATE FUNCTION hidden() RETURNS void LANGUAGE sql AS 'CREATE ROLE hidden'")
        .execute(&dsql)
        .await
        .unwrap();
    let denied = sql_unchecked!("SELECT hidden()").execute(&dsql).await.unwrap_err();
    assert_eq!(denied.sqlstate().unwrap().as_str(), "42501", "{denied}");
}

async fn create_role(dsql: &Dsql) -> Result<(), Error> {
    sql_unchecked!("CREATE ROLE app WITH LOGIN").execute(dsql).await?;
    Ok(())
}

#[dsql_edge::test(own_server)]
async fn own_server_has_own_roles(dsql: Dsql) -> Result<(), Error> {
    create_role(&dsql).await
}

#[dsql_edge::test(own_server)]
async fn another_own_server_has_own_roles(dsql: Dsql) -> Result<(), Error> {
    create_role(&dsql).await
}

#[dsql_edge::test(migrations = "with_roles", roles("app"))]
async fn role_reads_what_the_schema_grants(dsql: Dsql, app: Dsql) -> Result<(), Error> {
    sql_unchecked!("INSERT INTO accounts VALUES (1, 'secret')").execute(&dsql).await?;
    let count = sql_unchecked!(Count { n: i64 }, "SELECT count(id) AS n FROM accounts");
    assert_eq!(count.fetch_one(&app).await?.n, 1);
    let denied = sql_unchecked!("SELECT secret FROM accounts").execute(&app).await.unwrap_err();
    assert_eq!(denied.sqlstate().unwrap().as_str(), "42501", "{denied}");
    Ok(())
}

#[dsql_edge::test(migrations = "migrations")]
async fn other_migrations_are_applied(dsql: Dsql) -> Result<(), Error> {
    let count = sql_unchecked!(Count { n: i64 }, "SELECT count(*) AS n FROM links");
    assert_eq!(count.fetch_one(&dsql).await?.n, 1);
    assert_eq!(applied_files(&dsql).await?, ["0001_tables.sql", "0002_index.sql"]);
    Ok(())
}

#[derive(Debug)]
struct File {
    name: String,
}

/// The files that are applied according to the ledger of `dsql-edge migrate`.
async fn applied_files(dsql: &Dsql) -> Result<Vec<String>, Error> {
    let sql = sql_unchecked!(
        File { name: String },
        "SELECT file AS name FROM dsql_edge.migrations WHERE step = 0 AND state = 'applied' ORDER BY file"
    );
    Ok(sql.fetch_all(dsql).await?.into_iter().map(|file| file.name).collect())
}

#[dsql_edge::test(migrations = "postgres", fixtures("data/people.sql"))]
async fn postgresql_has_no_rules_of_dsql(dsql: Dsql) -> Result<(), Error> {
    assert_eq!(applied_files(&dsql).await?, ["0001.sql", "0002_index.sql"]);
    let count = sql_unchecked!(Count { n: i64 }, "SELECT count(*) AS n FROM people WHERE mood = 'sad'");
    assert_eq!(count.fetch_one(&dsql).await?.n, 1);
    sql_unchecked!("CREATE TEMPORARY TABLE t (id integer)").execute(&dsql).await?;
    Ok(())
}

#[dsql_edge::test]
#[should_panic(expected = "as expected")]
async fn panic_can_be_expected(dsql: Dsql) {
    sql!("DELETE FROM posts WHERE likes > 0").execute(&dsql).await.unwrap();
    panic!("as expected");
}

/// The runtime has timers and I/O, and a test may block its thread.
#[dsql_edge::test]
async fn test_may_sleep_and_block(dsql: Dsql) -> Result<(), Error> {
    let waited = tokio::time::timeout(std::time::Duration::from_millis(5), std::future::pending::<()>());
    assert!(waited.await.is_err());
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(user_package::count(&dsql).await?, 0);
    Ok(())
}

//! The queries of `task`, on a local DSQL. Each test has its own cluster, with the tables of `migrations/`.

use dsql_edge::{Dsql, Error@sql@};

use @crate@::task;

#[dsql_edge::test]
async fn added_task_is_the_newest(dsql: Dsql) -> Result<(), Error> {
    task::add("water the plants").fetch_one(&dsql).await?;
    let added = task::add("write a test").fetch_one(&dsql).await?;
    let newest = task::newest(1).fetch_all(&dsql).await?;
    assert_eq!(newest[0].id, added.id);
    assert_eq!(task::count_open(&dsql).await?, 2);
    Ok(())
}

/// The second commit of a transaction that conflicts succeeds: `dsql.transaction` runs the closure again.
#[dsql_edge::test(faults("conflict=1"))]
async fn conflict_is_retried(dsql: Dsql) -> Result<(), Error> {
    dsql.transaction(async move |tx| {
        task::add("only once").fetch_one(tx).await?;
        Ok::<(), Error>(())
    })
    .await?;
    assert_eq!(task::count_open(&dsql).await?, 1);
    Ok(())
}

#[dsql_edge::test]
async fn task_without_a_title_is_rejected(dsql: Dsql) {
    let error = task::add("").fetch_one(&dsql).await.unwrap_err();
    assert!(error.is_check_violation(), "{error}");
}

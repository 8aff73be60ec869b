//! A closure of a transaction that could not run again after a conflict.

use dsql_edge::{Dsql, Error, Session, sql};

struct Receipt;

async fn counts(dsql: &Dsql) -> Result<(), Error> {
    let mut runs = 0;
    dsql.transaction(async |tx| {
        runs += 1;
        sql!("DELETE FROM posts WHERE views = 0").execute(tx).await
    })
    .await?;
    Ok(())
}

async fn counts_in_a_block(dsql: &Dsql) -> Result<(), Error> {
    let mut runs = 0;
    dsql.transaction(|tx| {
        runs += 1;
        async move { sql!("DELETE FROM posts WHERE views = 0").execute(tx).await }
    })
    .await?;
    Ok(())
}

async fn owns(session: &mut Session, receipt: Receipt) -> Result<(), Error> {
    session
        .transaction(async move |tx| {
            sql!("DELETE FROM posts WHERE views = 0").execute(tx).await?;
            let _sent = &receipt;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(())
}

fn main() {
    let _ = (counts, counts_in_a_block, owns);
}

//! An aggregate: the ten products of each category with the highest revenue.
//!
//! Input: a lease, DSQL. Output: a new version of the ranking in D1, which readers see as a whole.
//!
//! An aggregate is not copied row by row, because one sale can change the rank of every product. Each run computes the
//! whole ranking, in one statement, so in one state of DSQL, and writes it as a new version next to the version that
//! readers see. The last batch also moves the pointer, `ranking_pointer`. Readers join the pointer and the rows in one
//! statement:
//!
//! ```sql
//! SELECT … FROM ranking_pointer LEFT JOIN ranking ON ranking.version = ranking_pointer.version
//! ```
//!
//! A statement reads one state of D1. In each state, the version of the pointer is whole: its rows were written before
//! the pointer moved, and are deleted only after the pointer has moved on.
//!
//! The number of a version is the epoch of the run. No other run has the same epoch, so a version that a crashed run
//! left unfinished is never continued and never shown. The next run deletes the unfinished version, together with the
//! version that was shown before the current version. So a reader that requests a version by its number can still read
//! this version for the time between two runs after a newer version has replaced it.
//!
//! The whole ranking must fit into the Worker's memory, and DSQL must compute it within the query timeout (30 seconds,
//! `Config::query_timeout`). For an aggregate that DSQL cannot compute every minute, use a second cron expression.

use dsql_edge::{Dsql, sql};
use worker::D1Type;

use crate::failure::Failure;
use crate::json_rows;
use crate::lease::Lease;

sql! {
    pub fn ranking() -> pub Place = r#"
        SELECT category, place, product_id, product, sold, revenue_cents, category_cents
        FROM (
            SELECT c.name AS category, p.id AS product_id, p.name AS product,
                   sum(s.quantity)::bigint AS sold,
                   sum(s.quantity * s.price_cents)::bigint AS revenue_cents,
                   (sum(sum(s.quantity * s.price_cents)) OVER (PARTITION BY c.id))::bigint AS category_cents,
                   row_number() OVER (PARTITION BY c.id
                                      ORDER BY sum(s.quantity * s.price_cents) DESC, p.id) AS place
            FROM sale s
            JOIN product p ON p.id = s.product_id
            JOIN category c ON c.id = p.category_id
            WHERE p.deleted_at IS NULL
            GROUP BY c.id, c.name, p.id, p.name
        ) AS ranked
        WHERE place <= 10
        ORDER BY category, place"#;
}

const INSERT: &str = "
    INSERT INTO ranking (version, category, place, product_id, product, sold, revenue_cents, category_cents)
    SELECT ?1, value ->> 'category', value ->> 'place', value ->> 'product_id', value ->> 'product',
           value ->> 'sold', value ->> 'revenue_cents', value ->> 'category_cents'
    FROM json_each(?2)";

const MOVE_POINTER: &str = "UPDATE ranking_pointer SET version = ?1, as_of = ?2";

const DELETE_OTHERS: &str = "
    DELETE FROM ranking WHERE rowid IN
        (SELECT rowid FROM ranking WHERE version <> (SELECT version FROM ranking_pointer) LIMIT ?1)";

/// Writes a new version and shows it.
pub async fn run(dsql: &Dsql, lease: &Lease<'_>, batch_rows: usize) -> Result<(), Failure> {
    delete_other_versions(lease, batch_rows).await?;
    // Both statements are in one transaction, because the time and the ranking belong together.
    let (as_of, places) = dsql.pipeline((sql!("SELECT now()").value(), ranking())).await?;
    let as_of = as_of.to_rfc3339();
    let d1 = lease.d1();
    let version = lease.epoch();
    let mut batches = places.chunks(batch_rows).map(json_rows::parts).collect::<Result<Vec<_>, _>>()?;
    // An empty ranking is a version, too.
    if batches.is_empty() {
        batches.push(json_rows::parts(&places)?);
    }
    let mut parts = batches.into_iter().flatten().peekable();
    while let Some(part) = parts.next() {
        if !d1.has_room() {
            return Err(Failure::Setting(
                "the ranking is too long for D1_STATEMENTS: set it higher".to_owned(),
            ));
        }
        let insert = d1.statement(INSERT, &[D1Type::Integer(version), D1Type::Text(&part.json)])?;
        let mut batch = vec![insert];
        if parts.peek().is_none() {
            batch.push(d1.statement(MOVE_POINTER, &[D1Type::Integer(version), D1Type::Text(&as_of)])?);
        }
        lease.write(batch).await?;
    }
    Ok(())
}

/// Deletes the versions that readers do not see, in bounded batches.
async fn delete_other_versions(lease: &Lease<'_>, batch_rows: usize) -> Result<(), Failure> {
    let limit = i32::try_from(batch_rows).unwrap_or(i32::MAX);
    while lease.d1().has_room() {
        let delete = lease.d1().statement(DELETE_OTHERS, &[D1Type::Integer(limit)])?;
        let results = lease.write(vec![delete]).await?;
        let meta = results.first().map(worker::D1Result::meta).transpose()?.flatten();
        let deleted = meta.and_then(|meta| meta.changes).unwrap_or(0);
        if deleted < batch_rows {
            break;
        }
    }
    Ok(())
}

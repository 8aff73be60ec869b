//! Compares all rows of DSQL and D1, one range of keys at a time, so that no difference remains.
//!
//! Input: a lease, and DSQL. Output: D1 with exactly the rows of DSQL, and the progress of the comparison in the table
//! `full_pass`.
//!
//! `copy` follows the rules of `product`. The full pass does not depend on these rules: it finds rows that were removed
//! with DELETE, rows that were written without a new `updated_at`, and rows that somebody changed in D1.
//!
//! A page is the next rows of DSQL in the order of their keys. The page covers the range of keys after the last key of
//! the previous page, up to its own last key. The range of the last page has no end. In one transaction, D1 writes the
//! rows that differ, deletes the rows of the range that are not in the page, and stores the last key. A long page
//! is divided (`json_rows`), and each part of the page has its own range and its own transaction. A run continues after
//! the stored key, so a pass may take many runs. If a row before this key is removed with DELETE, the next pass finds
//! it.
//!
//! A row that is inserted into DSQL after its page was read is not deleted from D1 by mistake: only the holder of the
//! lease writes to D1, and between reading the page and writing it, this run writes nothing else.

use dsql_edge::types::Uuid;
use dsql_edge::{Dsql, sql};
use serde::Deserialize;
use worker::D1Type;

use crate::copy::{key, time};
use crate::failure::Failure;
use crate::json_rows;
use crate::lease::Lease;
use crate::product::{self, AFTER_EVERY_KEY, existing, remove_tombstones};

/// The progress of the comparison, as a row of the table `full_pass`.
#[derive(Deserialize)]
struct Stored {
    begun_at: Option<String>,
    after_id: Option<String>,
    is_due: i32,
}

const STORED: &str = "SELECT begun_at, after_id,
    begun_at IS NOT NULL OR as_of IS NULL OR unixepoch() - unixepoch(as_of) >= ?1 * 3600 AS is_due
    FROM full_pass";

/// Continues the current pass, or begins the next if it is due. Returns true if no pass remains unfinished.
pub async fn run(dsql: &Dsql, lease: &Lease<'_>, batch_rows: usize, hours: i32) -> Result<bool, Failure> {
    let stored: Vec<Stored> = lease.d1().rows(STORED, &[D1Type::Integer(hours)]).await?;
    let stored = stored.first().ok_or_else(|| Failure::D1("full_pass has no row".to_owned()))?;
    if stored.is_due == 0 {
        return Ok(true);
    }
    let mut begun_at = stored.begun_at.as_deref().map(time).transpose()?;
    // No row has the nil UUID as its key.
    let mut after = stored.after_id.as_deref().map_or(Ok(Uuid::nil()), key)?;
    let limit = i64::try_from(batch_rows).unwrap_or(i64::MAX);
    loop {
        let page = (sql!("SELECT now()").value(), existing(after, limit));
        let (now, rows) = dsql.pipeline(page).await?;
        let begun_at = begun_at.get_or_insert(now).to_rfc3339();
        let page_is_last = rows.len() < batch_rows;
        let mut parts = json_rows::parts(&rows)?.into_iter().peekable();
        while let Some(part) = parts.next() {
            if !lease.d1().has_room() {
                return Ok(false);
            }
            let pass_ends = page_is_last && parts.peek().is_none();
            let last = part.rows.last().map_or(after, |row| row.id);
            write(lease, &part.json, &begun_at, after, (!pass_ends).then_some(last)).await?;
            if pass_ends {
                // If this call fails, the next pass removes the tombstones.
                remove_tombstones().execute(dsql).await?;
                return Ok(true);
            }
            after = last;
        }
    }
}

/// Writes a range of keys and the position behind it as one transaction. Without a last key, the pass ends.
async fn write(
    lease: &Lease<'_>,
    rows: &str,
    begun_at: &str,
    after: Uuid,
    last: Option<Uuid>,
) -> Result<(), Failure> {
    const AT: &str = "UPDATE full_pass SET begun_at = ?1, after_id = ?2";
    const ENDED: &str = "UPDATE full_pass SET as_of = ?1, begun_at = NULL, after_id = NULL";
    let d1 = lease.d1();
    let (after, last) = (after.to_string(), last.map(|last| last.to_string()));
    let progress = match &last {
        Some(last) => d1.statement(AT, &[D1Type::Text(begun_at), D1Type::Text(last)])?,
        None => d1.statement(ENDED, &[D1Type::Text(begun_at)])?,
    };
    let last = last.as_deref().unwrap_or(AFTER_EVERY_KEY);
    let others = product::delete_others(d1, rows, &after, last)?;
    lease.write(vec![product::upsert_different(d1, rows)?, others, progress]).await?;
    Ok(())
}

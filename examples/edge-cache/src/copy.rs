//! Copies the rows that changed: a pass reads these rows in the order of `(updated_at, id)`, in pages.
//!
//! Input: a lease, DSQL. Output: rows in D1, and the progress of the pass in the table `copy_pass`.
//!
//! # Why a pass begins six minutes before the last one began
//!
//! `updated_at` is `now()`, and in PostgreSQL and DSQL this is the time at which the transaction began. The row becomes
//! visible when the transaction commits, up to five minutes later: DSQL ends a transaction after five minutes. Example:
//!
//! | time | |
//! |---|---|
//! | 12:00:00 | a writer begins a transaction and updates a row: `updated_at` is 12:00:00 |
//! | 12:03:00 | a pass begins; it does not see the row |
//! | 12:04:50 | the writer commits |
//! | 12:05:00 | the next pass begins. If it read rows after 12:03:00, it would miss the row for ever |
//!
//! So if a pass began at T, the next pass reads the rows with `updated_at > T - OVERLAP`. [`OVERLAP`] is five minutes
//! and a reserve for clocks that differ within DSQL. No row is missed: if a row was visible at T, the earlier pass has
//! read this state of the row, or a newer state. If the row became visible after T, its transaction began later than
//! five minutes before T, and `updated_at` is the time of this beginning, up to the difference of the clocks.
//!
//! T is the value of `now()` in the transaction that reads the first page of the pass. The time of the Worker's clock
//! cannot be used as T: if this clock were ahead of DSQL's clock by more than the reserve, the pass would miss rows. T
//! must be the time of the first page, not of the last page: while the pass reads later pages, a row can become visible
//! in a part that the pass has already read.
//!
//! # Why a pass has a position of its own
//!
//! The obvious design keeps one timestamp, moves it to the last row of each page, and begins each run at the timestamp
//! minus the overlap. This design never makes progress again after a bulk load that writes more rows within six minutes
//! than one run copies: each run would copy the same first rows again. Therefore D1 keeps both: `as_of`, the time at
//! which the last complete pass began, and the position within the current pass, from which the next run continues.
//!
//! Each batch writes its rows and the position in one transaction, so after a crash the next run continues after the
//! last batch that D1 has. The last batch of a pass sets `as_of`.
//!
//! A pass ends with a page that is not full. So a pass ends if copying is faster than writing. If copying is slower
//! than writing, `as_of` does not move, and the age that readers see grows, as it should.

use std::time::Duration;

use dsql_edge::types::{DateTime, Utc, Uuid};
use dsql_edge::{Dsql, sql};
use serde::Deserialize;
use worker::D1Type;

use crate::failure::Failure;
use crate::json_rows;
use crate::lease::Lease;
use crate::product::{self, changed};

/// DSQL's maximum age of a transaction, and a minute for clocks that differ.
const OVERLAP: Duration = Duration::from_secs((5 + 1) * 60);

/// The progress of the pass, as a row of the table `copy_pass`.
#[derive(Deserialize)]
struct Stored {
    as_of: Option<String>,
    begun_at: Option<String>,
    after_updated_at: Option<String>,
    after_id: Option<String>,
}

/// Continues the current pass, or begins the next. Returns whether the pass has ended.
pub async fn run(dsql: &Dsql, lease: &Lease<'_>, batch_rows: usize) -> Result<bool, Failure> {
    let stored: Vec<Stored> = lease.d1().rows("SELECT * FROM copy_pass", &[]).await?;
    let stored = stored.first().ok_or_else(|| Failure::D1("copy_pass has no row".to_owned()))?;
    let as_of = stored.as_of.as_deref().map(time).transpose()?;
    let mut begun_at = stored.begun_at.as_deref().map(time).transpose()?;
    let mut position = match (&stored.after_updated_at, &stored.after_id) {
        (Some(updated_at), Some(id)) => (time(updated_at)?, key(id)?),
        // The first pass reads all rows.
        _ => (as_of.map_or(DateTime::UNIX_EPOCH, |as_of| as_of - OVERLAP), Uuid::nil()),
    };
    let limit = i64::try_from(batch_rows).unwrap_or(i64::MAX);
    loop {
        // `now()` and the rows are read in one transaction, so the rows contain everything that was committed before
        // `now()`.
        let page = (sql!("SELECT now()").value(), changed(position.0, position.1, limit));
        let (now, rows) = dsql.pipeline(page).await?;
        let begun_at = *begun_at.get_or_insert(now);
        let page_is_last = rows.len() < batch_rows;
        let mut parts = json_rows::parts(&rows)?.into_iter().peekable();
        while let Some(part) = parts.next() {
            if !lease.d1().has_room() {
                return Ok(false);
            }
            if let Some(last) = part.rows.last() {
                position = (last.updated_at, last.id);
            }
            let pass_ends = page_is_last && parts.peek().is_none();
            let progress = if pass_ends { Progress::Ended } else { Progress::At(position) };
            write(lease, &part.json, as_of, begun_at, progress).await?;
            if pass_ends {
                return Ok(true);
            }
        }
    }
}

enum Progress {
    At((DateTime<Utc>, Uuid)),
    Ended,
}

/// Writes rows and the position behind them as one transaction.
async fn write(
    lease: &Lease<'_>,
    rows: &str,
    as_of: Option<DateTime<Utc>>,
    begun_at: DateTime<Utc>,
    progress: Progress,
) -> Result<(), Failure> {
    const AT: &str = "UPDATE copy_pass SET as_of = ?1, begun_at = ?2, after_updated_at = ?3, after_id = ?4";
    const ENDED: &str =
        "UPDATE copy_pass SET as_of = ?1, begun_at = NULL, after_updated_at = NULL, after_id = NULL";
    let d1 = lease.d1();
    let begun_at = begun_at.to_rfc3339();
    let progress = match progress {
        Progress::Ended => d1.statement(ENDED, &[D1Type::Text(&begun_at)])?,
        Progress::At((updated_at, id)) => {
            let (as_of, updated_at, id) =
                (as_of.map(|as_of| as_of.to_rfc3339()), updated_at.to_rfc3339(), id.to_string());
            let as_of = as_of.as_deref().map_or(D1Type::Null, D1Type::Text);
            let [begun_at, updated_at, id] = [&begun_at, &updated_at, &id].map(|text| D1Type::Text(text));
            d1.statement(AT, &[as_of, begun_at, updated_at, id])?
        }
    };
    lease.write(vec![product::upsert_newer(d1, rows)?, product::delete(d1, rows)?, progress]).await?;
    Ok(())
}

pub fn time(text: &str) -> Result<DateTime<Utc>, Failure> {
    text.parse().map_err(|_| Failure::Position(text.to_owned()))
}

pub fn key(text: &str) -> Result<Uuid, Failure> {
    text.parse().map_err(|_| Failure::Position(text.to_owned()))
}

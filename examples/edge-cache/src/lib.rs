//! Keeps a copy of data from Aurora DSQL in Cloudflare D1, and answers requests from D1 with the age of the data.
//!
//! Input: a cron trigger, and HTTP requests. Output: rows and rankings in D1, and JSON.
//!
//! Data is written only to DSQL, and one run of the cron trigger at a time copies it to D1:
//!
//! | module | job |
//! |---|---|
//! | `sync` | one run: takes the lease, does a bounded amount of work, releases the lease |
//! | `lease` | makes every write to D1 fail if another run has taken over |
//! | `ranking` | an aggregate (joins, window functions, sums): computed as a whole, shown as a whole |
//! | `copy` | copies of rows: the rows that changed since the last pass |
//! | `full_pass` | copies of rows: all rows, compared by key, so that a difference cannot stay |
//! | `product` | the row that is copied: for another table, change this file, the queries in `read` and the migration of D1 |
//! | `read` | what requests read |
//! | `d1`, `json_rows`, `settings`, `failure` | D1 with a count of statements, parameters that carry many rows, bindings, errors |
//!
//! # Invariants
//!
//! 1. **D1 changes only in batches, and a batch is one transaction.** A crash leaves the state before a batch or the
//!    state after it.
//! 2. **A batch that copies rows also stores the progress.** The same transaction writes the rows of a pass and the
//!    position after these rows, so the position is never ahead of the rows. If an answer of D1 is lost, the next run
//!    reads from D1 how far the run before it came.
//! 3. **Every batch can run twice.** Rows are written by key, and versions of an aggregate have numbers that are never
//!    used again. So repeating work after a crash doubles nothing.
//! 4. **Only the holder of the lease writes**, and D1 itself checks this, in the batch.
//! 5. **A reader sends one statement.** A statement reads one state of D1, between two batches.
//! 6. **Times are read from DSQL's clock, in the transaction that reads the rows.** The Worker's clock is not used.
//!
//! One guarantee is missing: rows are copied one batch at a time, so two rows that DSQL changed in one transaction can
//! be in D1 at different times. Data that must be consistent over several rows belongs in an aggregate.

mod copy;
mod d1;
mod failure;
mod full_pass;
mod json_rows;
mod lease;
mod product;
mod ranking;
mod read;
mod settings;
mod sync;

use worker::{Context, Env, Request, Response, Result, ScheduleContext, ScheduledEvent, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    read::answer(&request, &env).await
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    match sync::run(&env).await {
        Ok(outcome) => worker::console_log!("edge-cache: {outcome}"),
        Err(failure) => worker::console_error!("edge-cache: {failure}"),
    }
}

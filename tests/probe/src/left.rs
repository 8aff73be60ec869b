//! Futures that one request starts and another request awaits. The platform does not allow a request to await a future
//! of another request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use dsql_edge::{Dsql, Error, sql};
use serde_json::json;
use worker::{Delay, Env};

use crate::Answered;

type Left = Pin<Box<dyn Future<Output = Answered> + Send>>;

static LEFT: Mutex<Option<Left>> = Mutex::new(None);

/// Starts a future of this kind, polls it for a short time, and keeps it for another request.
pub(crate) async fn leave(env: &Env, kind: &str) -> Answered {
    let dsql: &'static Dsql = Box::leak(Box::new(Dsql::from_env(env)?));
    let Some(mut left) = of_kind(dsql, kind) else { return Ok(json!("unknown kind")) };
    // A future of the kind `unpolled` is never polled. A `dialing` future is polled once, so that it begins to connect.
    // All other futures are polled long enough to send a statement.
    let polled_for = match kind {
        "unpolled" => None,
        "dialing" => Some(Duration::ZERO),
        _ => Some(Duration::from_millis(400)),
    };
    if polled_for.is_some_and(|time| !time.is_zero()) {
        // The connection is opened first, so that connecting on a slow machine does not use up the time.
        sql!("SELECT 1 AS n").fetch_one(dsql).await?;
    }
    let mut is_done = false;
    if let Some(time) = polled_for {
        let mut pause = pin!(Delay::from(time));
        let mut polls = 0;
        poll_fn(|context| {
            polls += 1;
            is_done = is_done || left.as_mut().poll(context).is_ready();
            if is_done || (time.is_zero() && polls > 0) {
                return Poll::Ready(());
            }
            pause.as_mut().poll(context)
        })
        .await;
    }
    *LEFT.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
    Ok(json!({ "done": is_done }))
}

/// Awaits the future that another request started.
pub(crate) async fn take() -> Answered {
    let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner).take();
    match left {
        Some(left) => left.await,
        None => Ok(json!("nothing was left")),
    }
}

fn of_kind(dsql: &'static Dsql, kind: &str) -> Option<Left> {
    Some(match kind {
        "unpolled" | "dialing" => {
            Box::pin(async move { Ok(json!(sql!("SELECT 1 AS n").fetch_one(dsql).await?.n)) })
        }
        "read" => Box::pin(async move {
            Ok(json!(sql!("SELECT count(*) FROM generate_series(1, 30000000)").fetch_value(dsql).await?))
        }),
        "write" => Box::pin(async move {
            let slow = sql!(
                "INSERT INTO number (n)
                 SELECT 1000000 + count(*)::int4 FROM generate_series(1, 30000000)"
            );
            Ok(json!(slow.execute(dsql).await?))
        }),
        "rows" => Box::pin(async move {
            let rows = sql!("INSERT INTO number (n) VALUES ($n)", for n in 2_000_000..2_400_000);
            Ok(json!(rows.execute(dsql).await?))
        }),
        "rows-fused" => Box::pin(async move {
            let rows = sql!("INSERT INTO number (n) VALUES ($n)", for n in 4_000_000..4_400_000);
            Ok(json!(rows.fused().execute(dsql).await?))
        }),
        "session" => Box::pin(async move {
            let mut session = dsql.session();
            let slow = sql!("SELECT count(*) FROM generate_series(1, 30000000)").fetch_value(&mut session);
            Ok(json!(slow.await?))
        }),
        "transaction" => Box::pin(async move {
            let slow = dsql.transaction(async |tx| {
                sql!("SELECT count(*) FROM generate_series(1, 30000000)").fetch_value(tx).await
            });
            Ok(json!(slow.await?))
        }),
        "closure" => Box::pin(async move {
            let waits = dsql.transaction(async |tx| {
                sql!("INSERT INTO number (n) VALUES (3000000)").execute(tx).await?;
                std::future::pending::<()>().await;
                Ok::<_, Error>(())
            });
            Ok(json!(waits.await?))
        }),
        "stream" => Box::pin(async move {
            let mut rows = sql!("SELECT n FROM generate_series(1, 30000000) AS n").fetch(dsql);
            let mut sum = 0;
            while let Some(row) = rows.next().await {
                sum += i64::from(row?.n);
            }
            Ok(json!(sum))
        }),
        _ => return None,
    })
}

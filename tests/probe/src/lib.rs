//! A Worker for the end-to-end tests, with operations that an example should not contain.

mod first_query;
mod left;
mod postgres;

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use dsql_edge::{Config, Dsql, Error, sql};
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Delay, DurableObject, Env, Request, Response, Result, State, durable_object, event};

#[wasm_bindgen]
extern "C" {
    /// Collects garbage. This function exists only with V8's flag `--expose-gc`.
    fn gc();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let path = request.path();
    let answered = match path.as_str() {
        "/one" => numbers(&env, 1).await,
        "/three" => numbers(&env, 3).await,
        "/pipeline" => pipeline(&env).await,
        "/rows" => rows(&env, false).await,
        "/rows-fused" => rows(&env, true).await,
        "/transaction" => transaction(&env).await,
        "/transaction-warm" => transaction_warm(&env).await,
        "/fused" => fused(&env).await,
        "/stream" => stream(&env).await,
        path if path.starts_with("/stream-paused/") => {
            stream_paused(&env, path.trim_start_matches("/stream-paused/")).await
        }
        "/stream-dropped" => stream_dropped(&env).await,
        path if path.starts_with("/body/") => return body(&env, path.trim_start_matches("/body/")),
        "/kept" => kept(&env).await,
        "/many" => many(&env).await,
        "/left" => left::take().await,
        path if path.starts_with("/cold/") => {
            first_query::after_pause(&env, path.trim_start_matches("/cold/"), false).await
        }
        path if path.starts_with("/warm/") => {
            first_query::after_pause(&env, path.trim_start_matches("/warm/"), true).await
        }
        path if path.starts_with("/unused/") => {
            first_query::unused(&env, path.trim_start_matches("/unused/")).await
        }
        path if path.starts_with("/write-and-read/") => {
            first_query::write_and_read(&env, path.trim_start_matches("/write-and-read/")).await
        }
        path if path.starts_with("/leave/") => left::leave(&env, path.trim_start_matches("/leave/")).await,
        "/postgres/one" => postgres::one(&env).await,
        path if path.starts_with("/hyperdrive/") => {
            postgres::hyperdrive(&env, path.trim_start_matches("/hyperdrive/")).await
        }
        "/object" => {
            return env
                .durable_object("Counter")?
                .get_by_name("one")?
                .fetch_with_str("http://counter/")
                .await;
        }
        "/collect-garbage" => {
            gc();
            return Response::empty();
        }
        "/panic" => panic!("asked for"),
        _ => return Response::error("there is nothing here", 404),
    };
    match answered {
        Ok(value) => Response::from_json(&value),
        Err(error) => Ok(Response::from_json(&json!({
            "error": error.to_string(),
            "other_request": error.is_other_request(),
            "too_long": error.is_too_long(),
            "outcome_unknown": error.is_outcome_unknown(),
        }))?
        .with_status(500)),
    }
}

/// Sequential queries on one `Dsql`.
async fn numbers(env: &Env, count: i32) -> std::result::Result<serde_json::Value, Error> {
    let dsql = Dsql::from_env(env)?;
    let mut numbers = Vec::new();
    for n in 0..count {
        numbers.push(sql!("SELECT $n::int4 + 1 AS n").fetch_one(&dsql).await?.n);
    }
    Ok(json!(numbers))
}

type Answered = std::result::Result<serde_json::Value, Error>;

/// A query, then ten queries in one flight.
async fn pipeline(env: &Env) -> Answered {
    let dsql = Dsql::from_env(env)?;
    let first = sql!("SELECT 0 AS n").fetch_one(&dsql).await?.n;
    let queries = (1..=10).map(|n| sql!("SELECT $n::int4 AS n").one()).collect::<Vec<_>>();
    let rows = dsql.pipeline(queries).await?;
    Ok(json!([first, rows.iter().map(|row| row.n).sum::<i32>()]))
}

/// A query, then a hundred rows.
async fn rows(env: &Env, fused: bool) -> Answered {
    let dsql = Dsql::from_env(env)?;
    let before = sql!("SELECT coalesce(max(n), 0) AS n FROM number").fetch_one(&dsql).await?.n;
    let rows = sql!("INSERT INTO number (n) VALUES ($n)", for n in before + 1..=before + 100);
    let rows = if fused { rows.fused() } else { rows };
    Ok(json!(rows.execute(&dsql).await?))
}

/// Two statements in a transaction, the first of which connects. The future is `Send`, as axum requires.
async fn transaction(env: &Env) -> Answered {
    fn send<T: Send>(it: T) -> T {
        it
    }
    let dsql = Dsql::from_env(env)?;
    let step = String::from("1");
    let running = send(async {
        dsql.transaction(async move |tx| {
            let n = sql!("SELECT coalesce(max(n), 0) AS n FROM number").fetch_one(tx).await?.n;
            let step = step.parse::<i32>().unwrap_or(1);
            sql!("INSERT INTO number (n) VALUES ($1)", n + step).execute(tx).await
        })
        .await
    });
    Ok(json!(running.await?))
}

async fn transaction_warm(env: &Env) -> Answered {
    let dsql = Dsql::from_env(env)?;
    let n = sql!("SELECT coalesce(max(n), 0) AS n FROM number").fetch_one(&dsql).await?.n;
    let added =
        dsql.transaction(async |tx| sql!("INSERT INTO number (n) VALUES ($1)", n + 1).execute(tx).await);
    Ok(json!(added.await?))
}

async fn fused(env: &Env) -> Answered {
    let dsql = Dsql::from_env(env)?;
    let delete = sql!("DELETE FROM number WHERE n = -1");
    let (deleted, count) = dsql.pipeline((delete, sql!("SELECT count(*) FROM number").value())).await?;
    Ok(json!([deleted, count]))
}

async fn stream(env: &Env) -> Answered {
    let dsql = Dsql::from_env(env)?;
    let mut rows =
        sql!("SELECT n, repeat('あ', 100) AS words FROM generate_series(1, 5000) AS n").fetch(&dsql);
    let mut sum = 0;
    while let Some(row) = rows.next().await {
        sum += row?.n;
    }
    Ok(json!(sum))
}

/// Reads the first row of an answer of 20 MB, waits for a second, and reads the other rows. At most `most` bytes may
/// wait in memory.
async fn stream_paused(env: &Env, most: &str) -> Answered {
    let dsql = Dsql::new(Config::from_env(env)?.max_result(most.parse().unwrap_or(0)).max_attempts(1));
    let mut rows =
        sql!("SELECT n, repeat('x', 10000) AS words FROM generate_series(1, 2000) AS n").fetch(&dsql);
    let mut sum = 0;
    while let Some(row) = rows.next().await {
        let n = row?.n;
        if n == 1 {
            Delay::from(Duration::from_secs(1)).await;
        }
        sum += n;
    }
    Ok(json!(sum))
}

sql! {
    struct Line = "SELECT n, '' AS words FROM number";
}

impl From<Line> for Vec<u8> {
    fn from(line: Line) -> Vec<u8> {
        format!("{} {}\n", line.n, line.words).into_bytes()
    }
}

/// The rows of a query are the body of the response. The last row contains a division by `divisor`, so this row fails
/// if `divisor` is 0.
fn body(env: &Env, divisor: &str) -> Result<Response> {
    let dsql = Dsql::from_env(env)?;
    let divisor = divisor.parse::<i32>().unwrap_or(1);
    let lines = sql!(
        Line,
        "SELECT CASE WHEN n < 5000 THEN n ELSE n / $divisor END AS n, repeat('あ', 100) AS words
           FROM generate_series(1, 5000) AS n"
    );
    Response::from_stream(lines.fetch(dsql.session()))
}

/// The remaining rows of a million are not read; the next query has another connection.
async fn stream_dropped(env: &Env) -> Answered {
    let dsql = Dsql::from_env(env)?;
    let mut rows =
        sql!("SELECT n, repeat('あ', 100) AS words FROM generate_series(1, 1000000) AS n").fetch(&dsql);
    let first = rows.next().await.transpose()?.map(|row| row.n);
    drop(rows);
    Ok(json!([first, sql!("SELECT 2 AS n").fetch_one(&dsql).await?.n]))
}

/// Uses a `Dsql` after the end of the request that created it. This is an error.
async fn kept(env: &Env) -> std::result::Result<serde_json::Value, Error> {
    static KEPT: OnceLock<Dsql> = OnceLock::new();
    if KEPT.get().is_none() {
        let _ = KEPT.set(Dsql::from_env(env)?);
    }
    let Some(dsql) = KEPT.get() else { return Ok(json!(null)) };
    Ok(json!(sql!("SELECT 1 AS n").fetch_one(dsql).await?.n))
}

/// Reads more rows than one read of the socket returns.
async fn many(env: &Env) -> std::result::Result<serde_json::Value, Error> {
    let dsql = Dsql::from_env(env)?;
    let rows = sql!("SELECT n, repeat('あ', 100) AS words FROM generate_series(1, 5000) AS n")
        .fetch_all(&dsql)
        .await?;
    let whole = rows.iter().all(|row| row.words.chars().count() == 100);
    Ok(json!({ "rows": rows.len(), "whole": whole, "last": rows.last().map(|row| row.n) }))
}

/// A Durable Object that counts its requests, only in memory.
#[durable_object]
pub struct Counter {
    count: Cell<u32>,
}

impl DurableObject for Counter {
    fn new(_state: State, _env: Env) -> Self {
        Counter { count: Cell::new(0) }
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        self.count.set(self.count.get() + 1);
        Response::ok(self.count.get().to_string())
    }
}

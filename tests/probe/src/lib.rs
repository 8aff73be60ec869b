//! A Worker that the end-to-end tests ask for what no example should do.

use std::cell::Cell;
use std::sync::OnceLock;

use dsql_edge::{Dsql, Error, sql};
use serde_json::json;
use worker::{Context, DurableObject, Env, Request, Response, Result, State, durable_object, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let path = request.path();
    let answered = match path.as_str() {
        "/one" => numbers(&env, 1).await,
        "/three" => numbers(&env, 3).await,
        "/kept" => kept(&env).await,
        "/many" => many(&env).await,
        "/object" => {
            return env.durable_object("Counter")?.get_by_name("one")?.fetch_with_str("http://counter/").await;
        }
        "/panic" => panic!("asked for"),
        _ => return Response::error("there is nothing here", 404),
    };
    match answered {
        Ok(value) => Response::from_json(&value),
        Err(error) => Ok(Response::from_json(&json!({
            "error": error.to_string(),
            "other_request": error.is_other_request(),
        }))?
        .with_status(500)),
    }
}

/// Queries one after the other, on one `Dsql`.
async fn numbers(env: &Env, count: i32) -> std::result::Result<serde_json::Value, Error> {
    let dsql = Dsql::from_env(env)?;
    let mut numbers = Vec::new();
    for n in 0..count {
        numbers.push(sql!("SELECT $n::int4 + 1 AS n").fetch_one(&dsql).await?.n);
    }
    Ok(json!(numbers))
}

/// A `Dsql` that outlives its request, which it must not.
async fn kept(env: &Env) -> std::result::Result<serde_json::Value, Error> {
    static KEPT: OnceLock<Dsql> = OnceLock::new();
    if KEPT.get().is_none() {
        let _ = KEPT.set(Dsql::from_env(env)?);
    }
    let Some(dsql) = KEPT.get() else { return Ok(json!(null)) };
    Ok(json!(sql!("SELECT 1 AS n").fetch_one(dsql).await?.n))
}

/// More rows than one read takes.
async fn many(env: &Env) -> std::result::Result<serde_json::Value, Error> {
    let dsql = Dsql::from_env(env)?;
    let rows = sql!("SELECT n, repeat('あ', 100) AS words FROM generate_series(1, 5000) AS n")
        .fetch_all(&dsql)
        .await?;
    let whole = rows.iter().all(|row| row.words.as_ref().is_some_and(|words| words.chars().count() == 100));
    Ok(json!({ "rows": rows.len(), "whole": whole, "last": rows.last().map(|row| row.n) }))
}

/// A Durable Object that counts its requests, in memory alone.
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

//! The cases with dsql-edge. Without the feature `pool`, each request has its own connection; with the feature, the
//! connections belong to a Durable Object.
//!
//! The rows are structs of this crate, so that the same code compiles with and without the feature `serde` of
//! dsql-edge.

use chrono::{DateTime, Utc};
use dsql_edge::{Dsql, Error, sql};
use serde::Serialize;
use serde_json::{Value, json};
use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let path = request.path();
    let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if words == ["nothing"] {
        return Response::from_json(&"nothing");
    }
    #[cfg(not(feature = "pool"))]
    let dsql = Dsql::from_env(&env)?;
    #[cfg(feature = "pool")]
    let dsql = Dsql::from_pool(&env)?;
    // The rows are turned into JSON directly, as in the other Workers.
    let answered = match words.as_slice() {
        ["rows", category] => match rows(&dsql, category).await {
            Ok(rows) => return Response::from_json(&rows),
            Err(error) => Err(error),
        },
        words => answer(&dsql, words).await,
    };
    match answered {
        Ok(value) => Response::from_json(&value),
        Err(error) => {
            let code = error.sqlstate().map(|code| code.as_str().to_owned());
            let body = json!({ "error": error.to_string(), "code": code });
            Ok(Response::from_json(&body)?.with_status(500))
        }
    }
}

async fn answer(dsql: &Dsql, words: &[&str]) -> std::result::Result<Value, Error> {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i32>().ok()).unwrap_or(0);
    match words {
        ["one"] => {
            let now = sql!("SELECT current_timestamp AS now").fetch_value(dsql).await?;
            Ok(json!({ "now": now }))
        }
        ["three", category, _] => three(dsql, category, number(2)).await,
        ["transaction", ..] => transaction(dsql, number(1), number(2), number(3)).await,
        ["megabytes", _] => megabytes(dsql, number(1)).await,
        ["insert-loop", run] => insert_loop(dsql, run).await,
        ["insert-best", run] => insert_rows(dsql, run, 100).await,
        ["insert-many", run, _] => insert_rows(dsql, run, number(2)).await,
        ["conflict", run, ..] => conflict(dsql, run, number(2), number(3)).await,
        _ => Ok(json!("there is nothing here")),
    }
}

#[derive(Serialize)]
struct Item {
    id: i32,
    title: String,
    views: i32,
    published_at: DateTime<Utc>,
}

async fn rows(dsql: &Dsql, category: &str) -> std::result::Result<Vec<Item>, Error> {
    sql!(Item, "SELECT id, title, views, published_at FROM item WHERE category = $category ORDER BY id")
        .fetch_all(dsql)
        .await
}

#[derive(Serialize)]
struct Top {
    id: i32,
    title: String,
}

/// Queries that do not depend on each other: a pipeline.
async fn three(dsql: &Dsql, category: &str, account: i32) -> std::result::Result<Value, Error> {
    let queries = (
        sql!("SELECT balance FROM account WHERE id = $account").one(),
        sql!("SELECT count(*)::int4 AS items FROM item WHERE category = $category").one(),
        sql!(Top, "SELECT id, title FROM item WHERE category = $category ORDER BY views DESC, id LIMIT 5"),
    );
    let (balance, items, top) = dsql.pipeline(queries).await?;
    Ok(json!({ "balance": balance.balance, "items": items.items, "top": top }))
}

/// Five statements, each of which waits for the previous one.
async fn transaction(dsql: &Dsql, from: i32, to: i32, amount: i32) -> std::result::Result<Value, Error> {
    dsql.transaction(async move |tx| {
        let before = sql!("SELECT balance FROM account WHERE id = $from").fetch_value(tx).await?;
        sql!("UPDATE account SET balance = balance - $amount WHERE id = $from").execute(tx).await?;
        sql!("UPDATE account SET balance = balance + $amount WHERE id = $to").execute(tx).await?;
        sql!("INSERT INTO transfer (from_id, to_id, amount) VALUES ($from, $to, $amount)")
            .execute(tx)
            .await?;
        let after = sql!("SELECT balance FROM account WHERE id = $from").fetch_value(tx).await?;
        Ok(json!({ "before": before, "after": after }))
    })
    .await
}

/// Answers the cases `megabytes-1` and `megabytes-10`: fetches all rows, then reads every value of every row.
async fn megabytes(dsql: &Dsql, rows: i32) -> std::result::Result<Value, Error> {
    let rows =
        sql!("SELECT id, title, body, views, published_at FROM document WHERE id <= $rows ORDER BY id")
            .fetch_all(dsql)
            .await?;
    let (mut ids, mut characters, mut views, mut published_at) = (0, 0, 0, 0);
    for row in &rows {
        ids += i64::from(row.id);
        characters += row.title.chars().count() + row.body.chars().count();
        views += i64::from(row.views);
        published_at += row.published_at.timestamp();
    }
    Ok(json!({
        "rows": rows.len(), "ids": ids, "characters": characters, "views": views, "published_at": published_at,
    }))
}

async fn insert_loop(dsql: &Dsql, run: &str) -> std::result::Result<Value, Error> {
    let mut inserted = 0;
    for n in 0..100 {
        let note = format!("note {n}");
        inserted += sql!("INSERT INTO entry (run, n, note) VALUES ($run, $n, $note)").execute(dsql).await?;
    }
    Ok(json!(inserted))
}

/// Inserts many rows, in chunks that DSQL accepts. With `fused`, COMMIT is sent together with the rows. So the outcome
/// is unknown if the connection breaks, as for an INSERT outside a transaction.
async fn insert_rows(dsql: &Dsql, run: &str, count: i32) -> std::result::Result<Value, Error> {
    let inserted = sql!(
        "INSERT INTO entry (run, n, note) VALUES ($run, $n, $note)",
        for n in 0..count,
        n = n,
        note = format!("note {n}")
    )
    .fused()
    .execute(dsql)
    .await?;
    Ok(json!(inserted))
}

async fn conflict(dsql: &Dsql, run: &str, n: i32, account: i32) -> std::result::Result<Value, Error> {
    dsql.transaction(async move |tx| {
        sql!("INSERT INTO entry (run, n, note) VALUES ($run, $n, 'conflict')").execute(tx).await?;
        let balance = sql!("UPDATE account SET balance = balance - 1 WHERE id = $account RETURNING balance")
            .fetch_value(tx)
            .await?;
        Ok(json!(balance))
    })
    .await
}

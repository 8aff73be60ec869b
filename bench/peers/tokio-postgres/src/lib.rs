//! The cases with tokio-postgres on workers-rs. As the documentation of `worker::postgres_tls` shows, this Worker
//! passes a socket of the platform to `connect_raw`. Queries use `query_typed`, which the documentation of
//! tokio-postgres recommends for Workers: it saves the round trip that prepares the statement. Statements that do not
//! depend on each other are polled together ("Pipelining" in its documentation).

mod token;

use chrono::{DateTime, Utc};
use futures_util::future::{try_join_all, try_join3};
use serde::Serialize;
use serde_json::{Value, json};
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error};
use worker::postgres_tls::PassthroughTls;
use worker::{Context, Env, Request, Response, Result, SecureTransport, Socket, event};

/// DSQL's limit for the rows that a transaction changes.
const ROWS_PER_TRANSACTION: usize = 3000;

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let path = request.path();
    let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if words == ["nothing"] {
        return Response::from_json(&"nothing");
    }
    let answered = match connect(&env).await? {
        // The rows are turned into JSON directly, as in the other Workers.
        Ok(client) => match words.as_slice() {
            ["rows", category] => match rows(&client, category).await {
                Ok(rows) => return Response::from_json(&rows),
                Err(error) => Err(error),
            },
            words => answer(client, words).await,
        },
        Err(error) => Err(error),
    };
    match answered {
        Ok(value) => Response::from_json(&value),
        Err(error) => {
            let code = error.code().map(|code| code.code().to_owned());
            let text = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            Ok(Response::from_json(&json!({ "error": text, "code": code }))?.with_status(500))
        }
    }
}

async fn connect(env: &Env) -> Result<std::result::Result<Client, Error>> {
    let endpoint = env.var("DSQL_ENDPOINT")?.to_string();
    let (host, port) = endpoint.split_once(':').unwrap_or((&endpoint, "5432"));
    let port = port.parse().map_err(|_| "the port of DSQL_ENDPOINT is not a number")?;
    let mut config = Config::new();
    config.user("admin").dbname("postgres").ssl_mode(SslMode::Require).password(token::token(env, host)?);
    let socket = Socket::builder().secure_transport(SecureTransport::StartTls).connect(host, port)?;
    Ok(config.connect_raw(socket, PassthroughTls).await.map(|(client, connection)| {
        wasm_bindgen_futures::spawn_local(async move {
            if let Err(error) = connection.await {
                worker::console_error!("{error}");
            }
        });
        client
    }))
}

async fn answer(mut client: Client, words: &[&str]) -> std::result::Result<Value, Error> {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i32>().ok()).unwrap_or(0);
    match words {
        ["one"] => {
            let row = client.query_typed_one("SELECT current_timestamp AS now", &[]).await?;
            Ok(json!({ "now": row.try_get::<_, DateTime<Utc>>(0)? }))
        }
        ["three", category, _] => three(&client, category, number(2)).await,
        ["transaction", ..] => transaction(&mut client, number(1), number(2), number(3)).await,
        ["megabytes", _] => megabytes(&client, number(1)).await,
        ["insert-loop", run] => insert_loop(&client, run).await,
        ["insert-best", run] => insert_rows(&client, run, 100).await,
        ["insert-many", run, _] => insert_rows(&client, run, number(2)).await,
        ["conflict", run, ..] => conflict(&mut client, run, number(2), number(3)).await,
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

async fn rows(client: &Client, category: &str) -> std::result::Result<Vec<Item>, Error> {
    let text = "SELECT id, title, views, published_at FROM item WHERE category = $1 ORDER BY id";
    let rows = client.query_typed(text, &[(&category, Type::TEXT)]).await?;
    let items = rows.iter().map(|row| {
        Ok(Item {
            id: row.try_get(0)?,
            title: row.try_get(1)?,
            views: row.try_get(2)?,
            published_at: row.try_get(3)?,
        })
    });
    items.collect()
}

async fn three(client: &Client, category: &str, account: i32) -> std::result::Result<Value, Error> {
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&account, Type::INT4)];
    let of_category: [(&(dyn ToSql + Sync), Type); 1] = [(&category, Type::TEXT)];
    let (balance, items, top) = try_join3(
        client.query_typed_one("SELECT balance FROM account WHERE id = $1", &parameters),
        client.query_typed_one("SELECT count(*)::int4 AS items FROM item WHERE category = $1", &of_category),
        client.query_typed(
            "SELECT id, title FROM item WHERE category = $1 ORDER BY views DESC, id LIMIT 5",
            &of_category,
        ),
    )
    .await?;
    let mut best = Vec::new();
    for row in top {
        best.push(json!({ "id": row.try_get::<_, i32>(0)?, "title": row.try_get::<_, &str>(1)? }));
    }
    Ok(json!({ "balance": balance.try_get::<_, i32>(0)?, "items": items.try_get::<_, i32>(0)?, "top": best }))
}

/// Five statements, each of which waits for the one before it.
async fn transaction(
    client: &mut Client,
    from: i32,
    to: i32,
    amount: i32,
) -> std::result::Result<Value, Error> {
    const BALANCE: &str = "SELECT balance FROM account WHERE id = $1";
    let (of_from, of_to, by) = ((&from as _, Type::INT4), (&to as _, Type::INT4), (&amount as _, Type::INT4));
    let tx = client.transaction().await?;
    let before: i32 = tx
        .query_typed(BALANCE, core::slice::from_ref(&of_from))
        .await?
        .first()
        .map_or(Ok(0), |row| row.try_get(0))?;
    let less = "UPDATE account SET balance = balance - $1 WHERE id = $2";
    tx.execute_typed(less, &[by.clone(), of_from.clone()]).await?;
    let more = "UPDATE account SET balance = balance + $1 WHERE id = $2";
    tx.execute_typed(more, &[by.clone(), of_to.clone()]).await?;
    let transfer = "INSERT INTO transfer (from_id, to_id, amount) VALUES ($1, $2, $3)";
    tx.execute_typed(transfer, &[of_from.clone(), of_to, by]).await?;
    let after: i32 =
        tx.query_typed(BALANCE, &[of_from]).await?.first().map_or(Ok(0), |row| row.try_get(0))?;
    tx.commit().await?;
    Ok(json!({ "before": before, "after": after }))
}

/// Answers the cases `megabytes-1` and `megabytes-10`: fetches all rows, then reads every value of every row.
async fn megabytes(client: &Client, rows: i32) -> std::result::Result<Value, Error> {
    let text = "SELECT id, title, body, views, published_at FROM document WHERE id <= $1 ORDER BY id";
    let rows = client.query_typed(text, &[(&rows, Type::INT4)]).await?;
    let (mut ids, mut characters, mut views, mut published_at) = (0, 0, 0, 0);
    for row in &rows {
        let (title, body): (String, String) = (row.try_get(1)?, row.try_get(2)?);
        ids += i64::from(row.try_get::<_, i32>(0)?);
        characters += title.chars().count() + body.chars().count();
        views += i64::from(row.try_get::<_, i32>(3)?);
        published_at += row.try_get::<_, DateTime<Utc>>(4)?.timestamp();
    }
    Ok(json!({
        "rows": rows.len(), "ids": ids, "characters": characters, "views": views, "published_at": published_at,
    }))
}

async fn insert_loop(client: &Client, run: &str) -> std::result::Result<Value, Error> {
    let mut inserted = 0;
    for n in 0..100_i32 {
        let note = format!("note {n}");
        let text = "INSERT INTO entry (run, n, note) VALUES ($1, $2, $3)";
        let values: [(&(dyn ToSql + Sync), Type); 3] =
            [(&run, Type::TEXT), (&n, Type::INT4), (&note, Type::TEXT)];
        inserted += client.execute_typed(text, &values).await?;
    }
    Ok(json!(inserted))
}

/// Inserts many rows, in chunks that DSQL accepts: one statement with arrays inserts one chunk.
async fn insert_rows(client: &Client, run: &str, count: i32) -> std::result::Result<Value, Error> {
    let numbers: Vec<i32> = (0..count).collect();
    let chunks = numbers.chunks(ROWS_PER_TRANSACTION).map(async |numbers| {
        let notes: Vec<String> = numbers.iter().map(|n| format!("note {n}")).collect();
        let text = "INSERT INTO entry (run, n, note) SELECT $1, n, note FROM unnest($2, $3) AS t (n, note)";
        let values: [(&(dyn ToSql + Sync), Type); 3] =
            [(&run, Type::TEXT), (&numbers, Type::INT4_ARRAY), (&notes, Type::TEXT_ARRAY)];
        client.execute_typed(text, &values).await
    });
    let inserted: u64 = try_join_all(chunks).await?.iter().sum();
    Ok(json!(inserted))
}

/// The documentation of tokio-postgres leaves the retry of a transaction to the user; this Worker does not retry.
async fn conflict(client: &mut Client, run: &str, n: i32, account: i32) -> std::result::Result<Value, Error> {
    let tx = client.transaction().await?;
    let text = "INSERT INTO entry (run, n, note) VALUES ($1, $2, 'conflict')";
    tx.execute_typed(text, &[(&run, Type::TEXT), (&n, Type::INT4)]).await?;
    let text = "UPDATE account SET balance = balance - 1 WHERE id = $1 RETURNING balance";
    let rows = tx.query_typed(text, &[(&account, Type::INT4)]).await?;
    let balance: i32 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
    tx.commit().await?;
    Ok(json!(balance))
}

//! Counts views of pages in Aurora DSQL, over connections that a Durable Object keeps.
//!
//! Except for `from_pool`, this is a Worker like any other: every query is checked against `dsql-schema.sql` when this
//! crate is compiled.

use dsql_edge::{Dsql, Error, sql};
use serde_json::{Value, json};
use worker::{Context, Env, Method, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let dsql = Dsql::from_pool(&env)?;
    let path = request.path();
    let answered = match request.method() {
        Method::Get if path == "/" => most_viewed(&dsql).await,
        Method::Post => view(&dsql, &path).await,
        _ => return Response::error("there is nothing here", 404),
    };
    match answered {
        Ok(value) => Response::from_json(&value),
        // Too many requests are waiting in the pool: nothing was executed.
        Err(error) if error.is_overloaded() => Response::error("try again in a moment", 503),
        Err(error) => {
            worker::console_error!("{error}");
            Response::error("the database did not answer", 500)
        }
    }
}

async fn most_viewed(dsql: &Dsql) -> std::result::Result<Value, Error> {
    let pages =
        sql!("SELECT path, views FROM page ORDER BY views DESC, path LIMIT 10").fetch_all(dsql).await?;
    Ok(json!(pages))
}

/// A transaction holds its connection from its first statement to COMMIT.
async fn view(dsql: &Dsql, path: &str) -> std::result::Result<Value, Error> {
    let views = dsql
        .transaction(async move |tx| {
            sql!("INSERT INTO page (path) VALUES ($path) ON CONFLICT DO NOTHING").execute(tx).await?;
            sql!("UPDATE page SET views = views + 1 WHERE path = $path RETURNING views").fetch_value(tx).await
        })
        .await?;
    Ok(json!({ "views": views }))
}

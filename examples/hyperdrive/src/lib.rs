//! Notes in a PostgreSQL behind Hyperdrive.
//!
//! Every query is checked against `dsql-schema.sql` when this crate is compiled.

use dsql_edge::{Config, Dsql, Error, sql};
use serde_json::{Value, json};
use worker::{Context, Env, Method, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
    let answered = match request.method() {
        Method::Get => newest(&Dsql::new(Config::from_hyperdrive(&env, "DB")?)).await,
        Method::Post => {
            let body = request.text().await?;
            // The answer must contain the new note, so it does not come from Hyperdrive's cache.
            let dsql = Dsql::new(Config::from_hyperdrive(&env, "DB_UNCACHED")?);
            add(&dsql, &body).await
        }
        _ => return Response::error("there is nothing here", 404),
    };
    match answered {
        Ok(value) => Response::from_json(&value),
        Err(error) => {
            worker::console_error!("{error}");
            Response::error("the database did not answer", 500)
        }
    }
}

async fn newest(dsql: &Dsql) -> std::result::Result<Value, Error> {
    let notes =
        sql!("SELECT id, body, written_at FROM note ORDER BY id DESC LIMIT 10").fetch_all(dsql).await?;
    Ok(json!(notes))
}

async fn add(dsql: &Dsql, body: &str) -> std::result::Result<Value, Error> {
    sql!("INSERT INTO note (body) VALUES ($body)").execute(dsql).await?;
    newest(dsql).await
}

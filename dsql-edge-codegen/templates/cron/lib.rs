//! A cron Worker that cleans up a task list in Aurora DSQL, and shows what is left.
//!
//! This file has the events. The queries are in `task`, so that the tests can run them without a Worker.

pub mod task;

use dsql_edge::{Dsql, Error, sql};
use serde_json::{Value, json};
use worker::{
    Context, Env, Method, Request, Response, Result, ScheduleContext, ScheduledEvent, event,
};

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    match clean_up(&env).await {
        Ok(removed) => worker::console_log!("removed {removed} old tasks"),
        // The next run tries again.
        Err(error) => worker::console_error!("{error}"),
    }
}

async fn clean_up(env: &Env) -> std::result::Result<u64, Error> {
    let dsql = Dsql::from_env(env)?;
    task::remove_old(&dsql).await
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    // `path` and not `url`: parsing a whole URL would add 70 kB to the compressed Worker.
    let path = request.path();
    let answered = match (request.method(), path.as_str()) {
        (Method::Get, "/") => now(&env).await,
        (Method::Get, "/tasks") => tasks(&env).await,
        _ => return refuse(404, "there is nothing here"),
    };
    match answered {
        Ok(value) => Response::from_json(&value),
        Err(error) => {
            // The error is for the log, not for the visitor.
            worker::console_error!("{error}");
            refuse(500, "the database did not answer")
        }
    }
}

async fn now(env: &Env) -> std::result::Result<Value, Error> {
    let dsql = Dsql::from_env(env)?;
    let now = sql!("SELECT current_timestamp AS now");
    let timestamp = now.fetch_value(&dsql).await?;
    Ok(json!({ "ok": true, "timestamp": timestamp }))
}

async fn tasks(env: &Env) -> std::result::Result<Value, Error> {
    let dsql = Dsql::from_env(env)?;
    let tasks = task::newest(20).fetch_all(&dsql).await?;
    let open = task::count_open(&dsql).await?;
    Ok(json!({ "open": open, "tasks": tasks }))
}

fn refuse(status: u16, why: &str) -> Result<Response> {
    Ok(Response::from_json(&json!({ "ok": false, "error": why }))?.with_status(status))
}

//! A task list on Cloudflare Workers that keeps its tasks in Aurora DSQL@kept@.
//!
//! This file answers requests. The queries are in `task`, so that the tests can run them without a Worker.

pub mod task;

use dsql_edge::{Dsql, Error, sql};
use serde::Deserialize;
use serde_json::json;
use worker::{Context, Env, Method, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
    // `path` and not `url`: parsing a whole URL would add 70 kB to the compressed Worker.
    let path = request.path();
    let answered = match (request.method(), path.as_str()) {
        (Method::Get, "/") => now(&env).await,
        (Method::Get, "/tasks") => tasks(&env).await,
        (Method::Post, "/tasks") => add(&env, &mut request).await,
        _ => return refuse(404, "there is nothing here"),
    };
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::BadRequest(why)) => refuse(400, &why),
        Err(Failure::Worker(error)) => Err(error),
@overloaded@        Err(Failure::Database(error)) => {
            // The error is for the log, not for the visitor.
            worker::console_error!("{error}");
            refuse(500, "the database did not answer")
        }
    }
}

async fn now(env: &Env) -> Answer {
    let dsql = Dsql::@from@(env)?;
    let now = sql!("SELECT current_timestamp AS now");
    let timestamp = now.fetch_value(&dsql).await?;
    let answer = json!({ "ok": true, "timestamp": timestamp });
    Ok(Response::from_json(&answer)?)
}

async fn tasks(env: &Env) -> Answer {
    let dsql = Dsql::@from@(env)?;
    let tasks = task::newest(20).fetch_all(&dsql).await?;
    let open = task::count_open(&dsql).await?;
    let answer = json!({ "open": open, "tasks": tasks });
    Ok(Response::from_json(&answer)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTask {
    title: String,
}

async fn add(env: &Env, request: &mut Request) -> Answer {
    let body = request.text().await?;
    let NewTask { title } = serde_json::from_str(&body).map_err(|error| {
        Failure::BadRequest(format!("the body is not a new task in JSON: {error}"))
    })?;
    let dsql = Dsql::@from@(env)?;
    match task::add(&title).fetch_one(&dsql).await {
        Ok(added) => Ok(Response::from_json(&added)?.with_status(201)),
        Err(error) if error.is_check_violation() => {
            Err(Failure::BadRequest("a task has a title".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

fn refuse(status: u16, why: &str) -> Result<Response> {
    Ok(Response::from_json(&json!({ "ok": false, "error": why }))?.with_status(status))
}

type Answer = std::result::Result<Response, Failure>;

enum Failure {
    BadRequest(String),
    Database(Error),
    Worker(worker::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Database(error)
    }
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Failure {
        Failure::Worker(error)
    }
}

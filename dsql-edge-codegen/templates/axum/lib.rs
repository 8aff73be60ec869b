//! A task list on Cloudflare Workers, with axum, that keeps its tasks in Aurora DSQL.
//!
//! This file answers requests. The queries are in `task`, so that the tests can run them without a Worker.

pub mod task;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dsql_edge::{Dsql, Error, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_service::Service;
use worker::{Context, Env, HttpRequest, event};

#[event(fetch)]
async fn fetch(
    request: HttpRequest,
    env: Env,
    _context: Context,
) -> worker::Result<axum::http::Response<axum::body::Body>> {
    let mut router = axum::Router::new()
        .route("/", get(now))
        .route("/tasks", get(tasks).post(add))
        .fallback(async || Failure::NotFound)
        // A `Dsql` belongs to one request, so the state of the router is `Env`, and each handler makes its own `Dsql`.
        .with_state(env);
    Ok(router.call(request).await?)
}

async fn now(State(env): State<Env>) -> Result<Json<Value>, Failure> {
    let dsql = Dsql::from_env(&env)?;
    let now = sql!("SELECT current_timestamp AS now");
    let timestamp = now.fetch_value(&dsql).await?;
    Ok(Json(json!({ "ok": true, "timestamp": timestamp })))
}

async fn tasks(State(env): State<Env>) -> Result<Json<Value>, Failure> {
    let dsql = Dsql::from_env(&env)?;
    let tasks = task::newest(20).fetch_all(&dsql).await?;
    let open = task::count_open(&dsql).await?;
    Ok(Json(json!({ "open": open, "tasks": tasks })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTask {
    title: String,
}

async fn add(State(env): State<Env>, body: String) -> Result<Response, Failure> {
    let NewTask { title } = serde_json::from_str(&body).map_err(|error| {
        Failure::BadRequest(format!("the body is not a new task in JSON: {error}"))
    })?;
    let dsql = Dsql::from_env(&env)?;
    match task::add(&title).fetch_one(&dsql).await {
        Ok(added) => Ok((StatusCode::CREATED, Json(added)).into_response()),
        Err(error) if error.is_check_violation() => {
            Err(Failure::BadRequest("a task has a title".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

enum Failure {
    BadRequest(String),
    NotFound,
    Database(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Database(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Failure::BadRequest(why) => (StatusCode::BAD_REQUEST, why),
            Failure::NotFound => (StatusCode::NOT_FOUND, "there is nothing here".to_owned()),
            Failure::Database(error) => {
                // The error is for the log, not for the visitor.
                worker::console_error!("{error}");
                let why = "the database did not answer".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, why)
            }
        };
        (status, Json(json!({ "ok": false, "error": why }))).into_response()
    }
}

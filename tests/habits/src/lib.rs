//! A Worker as users write it: axum handlers, a cron trigger, a queue, two clusters, secrets of the Secrets Store. No
//! type here is declared `Send`, and no handler needs the attribute `#[worker::send]`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use dsql_edge::{Config, Dsql, Executor, sql};
use serde::{Deserialize, Serialize};
use tower_service::Service;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_web::MakeWebConsoleWriter;
use worker::{Context, Env, HttpRequest, MessageBatch, MessageExt, ScheduleContext, ScheduledEvent, event};

/// Writes each span to the console when it ends. An instance calls this function once.
#[event(start)]
fn start() {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time() // Workers have no `std::time`; the log of Workers has the time of each line.
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(MakeWebConsoleWriter::new())
        .init();
}

#[event(fetch)]
async fn fetch(
    request: HttpRequest,
    env: Env,
    _context: Context,
) -> worker::Result<axum::http::Response<axum::body::Body>> {
    let mut router = axum::Router::new()
        .route("/events", get(events))
        .route("/events/{source}", post(add))
        .route("/reports", get(reports))
        .route("/store", get(from_store))
        .route("/impatient", get(impatient))
        .with_state(env);
    Ok(router.call(request).await?)
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let added = async { insert(&Dsql::from_env(&env)?, "cron", &event.cron()).await };
    if let Err(error) = added.await {
        worker::console_error!("{error}");
    }
}

/// The content of a message of the queue.
#[derive(Serialize, Deserialize)]
pub struct Message {
    detail: String,
}

#[event(queue)]
async fn queue(batch: MessageBatch<Message>, env: Env, _context: Context) -> worker::Result<()> {
    let dsql = Dsql::from_env(&env)?;
    for message in batch.messages()? {
        insert(&dsql, "queue", &message.body().detail).await?;
        message.ack();
    }
    Ok(())
}

async fn events(State(env): State<Env>) -> Result<Response, Failure> {
    let dsql = Dsql::from_env(&env)?;
    let events = sql!("SELECT source, detail FROM event ORDER BY source").fetch_all(&dsql).await?;
    Ok(Json(events).into_response())
}

async fn add(
    State(env): State<Env>,
    Path(source): Path<String>,
    detail: String,
) -> Result<StatusCode, Failure> {
    insert(&Dsql::from_env(&env)?, &source, &detail).await?;
    Ok(StatusCode::CREATED)
}

/// Queries another cluster, whose bindings have a prefix.
async fn reports(State(env): State<Env>) -> Result<String, Failure> {
    let reports = Dsql::new(Config::from_env_with_prefix(&env, "REPORTS_")?);
    Ok(sql!("SELECT current_user AS name").fetch_value(&reports).await?)
}

async fn from_store(State(env): State<Env>) -> Result<String, Failure> {
    let dsql = Dsql::new(Config::from_secrets_store(&env, "").await?);
    Ok(sql!("SELECT current_user AS name").fetch_value(&dsql).await?)
}

/// Connects with a short time limit.
async fn impatient(State(env): State<Env>) -> Result<String, Failure> {
    let config = Config::from_env(&env)?.connect_timeout(Duration::from_millis(300)).max_attempts(1);
    Ok(sql!("SELECT current_user AS name").fetch_value(&Dsql::new(config)).await?)
}

async fn insert(db: impl Executor, source: &str, detail: &str) -> Result<(), dsql_edge::Error> {
    sql!("INSERT INTO event (source, detail) VALUES ($source, $detail)").execute(db).await?;
    Ok(())
}

/// The error of a handler.
struct Failure(dsql_edge::Error);

impl From<dsql_edge::Error> for Failure {
    fn from(error: dsql_edge::Error) -> Self {
        Failure(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = if self.0.is_unique_violation() {
            StatusCode::CONFLICT
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        // A Worker in production would not show this error to its visitors.
        (status, self.0.to_string()).into_response()
    }
}

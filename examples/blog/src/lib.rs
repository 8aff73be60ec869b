//! A blog on Cloudflare Workers that keeps its posts in Aurora DSQL.
//!
//! Every query is checked against `dsql-schema.sql` when this crate is compiled.

use dsql_edge::{Dsql, Error, sql};
use serde::Deserialize;
use serde_json::json;
use worker::{Context, Env, Method, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
    // `path` and not `url`: parsing a whole URL would add 70 kB to the compressed Worker.
    let path = request.path();
    let route: Vec<&str> = path.trim_matches('/').split('/').collect();
    let answered = match (request.method(), route.as_slice()) {
        (Method::Get, [""]) => now(&env).await,
        (Method::Get, ["posts"]) => posts(&env).await,
        (Method::Get, ["tags", category]) => tags(&env, category).await,
        (Method::Post, ["tags"]) => add_tag(&env, &mut request).await,
        _ => return refuse(404, "there is nothing here"),
    };
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::BadRequest(why)) => refuse(400, &why),
        Err(Failure::Conflict(why)) => refuse(409, &why),
        Err(Failure::Worker(error)) => Err(error),
        Err(Failure::Database(error)) => {
            // The error is for the log, not for the visitor.
            worker::console_error!("{error}");
            refuse(500, "the database did not answer")
        }
    }
}

async fn now(env: &Env) -> Answer {
    let dsql = Dsql::from_env(env)?;
    let timestamp = sql!("SELECT current_timestamp AS now").fetch_value(&dsql).await?;
    Ok(Response::from_json(&json!({ "ok": true, "timestamp": timestamp }))?)
}

async fn posts(env: &Env) -> Answer {
    let dsql = Dsql::from_env(env)?;
    let posts = sql!(
        "SELECT id, slug, title, author, reading_minutes, view_count, published_at
         FROM blogpost_meta
         WHERE published_at IS NOT NULL
         ORDER BY published_at DESC
         LIMIT 20"
    )
    .fetch_all(&dsql)
    .await?;
    Ok(Response::from_json(&posts)?)
}

async fn tags(env: &Env, category: &str) -> Answer {
    let dsql = Dsql::from_env(env)?;
    let tags = sql!(
        "SELECT tag_name, usage_count FROM tag_master
         WHERE tag_category = $category
         ORDER BY usage_count DESC, tag_name"
    )
    .fetch_all(&dsql)
    .await?;
    Ok(Response::from_json(&tags)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTag {
    tag_name: String,
    tag_category: String,
}

async fn add_tag(env: &Env, request: &mut Request) -> Answer {
    let body = request.text().await?;
    let NewTag { tag_name, tag_category } = serde_json::from_str(&body)
        .map_err(|error| Failure::BadRequest(format!("the body is not a new tag in JSON: {error}")))?;
    let dsql = Dsql::from_env(env)?;
    let added = sql!(
        "INSERT INTO tag_master (tag_name, tag_category) VALUES ($tag_name, $tag_category)
         RETURNING tag_name, tag_category, usage_count"
    )
    .fetch_one(&dsql)
    .await;
    match added {
        Ok(tag) => Ok(Response::from_json(&tag)?.with_status(201)),
        Err(error) if error.is_unique_violation() => {
            Err(Failure::Conflict(format!("the tag {tag_name:?} exists already")))
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
    Conflict(String),
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

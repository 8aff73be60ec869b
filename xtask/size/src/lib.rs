//! A Worker that answers with a row of a text, an int4 and a timestamptz: from a query, or as constants. The difference
//! between the sizes of the two variants is dsql-edge's share of a Worker.

use chrono::{DateTime, Utc};
use serde::Serialize;
use worker::{Context, Env, Request, Response, Result, event};

/// The row.
#[cfg_attr(feature = "serde", allow(dead_code))]
#[derive(Serialize)]
struct Post {
    title: String,
    view_count: i32,
    published_at: DateTime<Utc>,
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    if request.path() != "/" {
        return Response::error("there is nothing here", 404);
    }
    posts(&env).await
}

#[cfg(feature = "query")]
async fn posts(env: &Env) -> Result<Response> {
    #[cfg(not(any(feature = "pool", feature = "postgres")))]
    let dsql = dsql_edge::Dsql::from_env(env)?;
    #[cfg(feature = "postgres")]
    let dsql = dsql_edge::Dsql::new(dsql_edge::Config::from_postgres_env(env)?);
    #[cfg(feature = "pool")]
    let dsql = dsql_edge::Dsql::from_pool(env)?;
    #[cfg(feature = "warm-up")]
    dsql.warm_up();
    // With the feature `serde`, the generated row implements `Serialize`. Without this feature, the query fills `Post`,
    // which implements `Serialize` above.
    #[cfg(feature = "serde")]
    let query = dsql_edge::sql!("SELECT title, view_count, published_at FROM post");
    #[cfg(not(feature = "serde"))]
    let query = dsql_edge::sql!(Post, "SELECT title, view_count, published_at FROM post");
    let posts = query.fetch_all(&dsql).await;
    match posts {
        Ok(posts) => Response::from_json(&posts),
        Err(error) if error.is_throttled() => Response::error("too many at once", 503),
        Err(error) => {
            worker::console_error!("{error}");
            Response::error("the database did not answer", 500)
        }
    }
}

#[cfg(not(feature = "query"))]
async fn posts(_env: &Env) -> Result<Response> {
    let published_at = DateTime::from_timestamp(1_773_014_400, 0).unwrap_or_default();
    Response::from_json(&[Post {
        title: "往復回数を数えよう".to_owned(), view_count: 42, published_at
    }])
}

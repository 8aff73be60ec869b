//! Answers requests from D1, with the age of the data, and from DSQL, for comparison.
//!
//! Input: a request. Output: JSON.
//!
//! Each answer from D1 is the result of one statement, which reads the data and its `as_of` in one state of D1. `as_of`
//! is a time of DSQL's clock: the answer contains everything that was committed before it. The age of the data is the
//! difference between `as_of` and D1's clock.

use dsql_edge::types::Uuid;
use dsql_edge::{Dsql, sql};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worker::{D1Type, Env, Method, Request, Response};

use crate::d1::D1;
use crate::failure::Failure;
use crate::ranking::ranking;

pub async fn answer(request: &Request, env: &Env) -> worker::Result<Response> {
    // `path` and not `url`: parsing a whole URL would add 70 kB to the compressed Worker.
    let path = request.path();
    let route: Vec<&str> = path.trim_matches('/').split('/').collect();
    let answered = match (request.method(), route.as_slice()) {
        (Method::Get, ["ranking"]) => ranking_from_d1(env).await,
        (Method::Get, ["products", id]) => product_from_d1(env, id).await,
        (Method::Get, ["direct", "ranking"]) => ranking_from_dsql(env).await,
        (Method::Get, ["direct", "products", id]) => product_from_dsql(env, id).await,
        _ => Ok(None),
    };
    match answered {
        Ok(Some(value)) => Response::from_json(&value),
        Ok(None) => Ok(Response::from_json(&json!({ "error": "there is nothing here" }))?.with_status(404)),
        Err(failure) => {
            // The failure is for the log, not for the visitor.
            worker::console_error!("edge-cache: {failure}");
            Ok(Response::from_json(&json!({ "error": "the data cannot be read now" }))?.with_status(503))
        }
    }
}

type Answer = Result<Option<Value>, Failure>;

/// A row of the statement: the time of the data, and the data, which is NULL if there is none.
#[derive(Deserialize)]
struct Aged<T> {
    as_of: Option<String>,
    age_seconds: Option<f64>,
    #[serde(flatten)]
    data: T,
}

#[derive(Deserialize, Serialize)]
struct Place {
    category: Option<String>,
    place: Option<i64>,
    product_id: Option<String>,
    product: Option<String>,
    sold: Option<i64>,
    revenue_cents: Option<i64>,
    category_cents: Option<i64>,
}

async fn ranking_from_d1(env: &Env) -> Answer {
    const SQL: &str = "
        SELECT as_of, unixepoch('now', 'subsec') - unixepoch(as_of, 'subsec') AS age_seconds,
               category, place, product_id, product, sold, revenue_cents, category_cents
        FROM ranking_pointer LEFT JOIN ranking ON ranking.version = ranking_pointer.version
        ORDER BY category, place";
    let rows: Vec<Aged<Place>> = D1::from_env(env, 1)?.rows(SQL, &[]).await?;
    let Some((as_of, age_seconds)) = rows.first().and_then(|row| Some((row.as_of.clone()?, row.age_seconds)))
    else {
        return Ok(None);
    };
    let places: Vec<Place> = rows.into_iter().map(|row| row.data).filter(|it| it.place.is_some()).collect();
    Ok(Some(json!({ "as_of": as_of, "age_seconds": age_seconds, "ranking": places })))
}

#[derive(Deserialize, Serialize)]
struct Product {
    id: Option<String>,
    category_id: Option<String>,
    name: Option<String>,
    price_cents: Option<i64>,
    version: Option<i64>,
}

async fn product_from_d1(env: &Env, id: &str) -> Answer {
    const SQL: &str = "
        SELECT as_of, unixepoch('now', 'subsec') - unixepoch(as_of, 'subsec') AS age_seconds,
               product.id, category_id, name, price_cents, version
        FROM copy_pass LEFT JOIN product ON product.id = ?1";
    let rows: Vec<Aged<Product>> = D1::from_env(env, 1)?.rows(SQL, &[D1Type::Text(id)]).await?;
    let Some(Aged { as_of, age_seconds, data }) = rows.into_iter().next() else { return Ok(None) };
    if data.id.is_none() {
        return Ok(None);
    }
    Ok(Some(json!({ "as_of": as_of, "age_seconds": age_seconds, "product": data })))
}

async fn ranking_from_dsql(env: &Env) -> Answer {
    let dsql = Dsql::from_env(env)?;
    Ok(Some(json!({ "ranking": ranking().fetch_all(&dsql).await? })))
}

async fn product_from_dsql(env: &Env, id: &str) -> Answer {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    let dsql = Dsql::from_env(env)?;
    let product = sql!(
        "SELECT id, category_id, name, price_cents, version FROM product
         WHERE id = $id AND deleted_at IS NULL"
    )
    .fetch_optional(&dsql)
    .await?;
    Ok(product.map(|product| json!({ "product": product })))
}

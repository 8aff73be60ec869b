//! Queries of a PostgreSQL that is not a DSQL cluster.

use std::sync::{Arc, Mutex};

use dsql_edge::{Config, Dsql, Error, sql};
use serde_json::json;
use worker::Env;

use crate::Answered;

/// Runs two queries on the PostgreSQL in the bindings. Returns the value of the last query, and the round trips of each
/// query.
pub(crate) async fn one(env: &Env) -> Answered {
    two(Config::from_postgres_env(env)?).await
}

/// Runs an operation on a binding of Hyperdrive.
pub(crate) async fn hyperdrive(env: &Env, operation: &str) -> Answered {
    match operation {
        "one" => two(Config::from_hyperdrive(env, "DB")?).await,
        "session" => {
            let mut session = Dsql::new(Config::from_hyperdrive(env, "DB")?).session();
            Ok(json!(sql!("SET timezone = 'UTC'").execute(&mut session).await?))
        }
        _ => two(Config::from_hyperdrive(env, "ANOTHER")?).await,
    }
}

async fn two(config: Config) -> Result<serde_json::Value, Error> {
    let trips = Arc::<Mutex<Vec<u32>>>::default();
    let noted = trips.clone();
    let config = config.max_attempts(1).on_event(move |event| {
        if let Ok(mut trips) = noted.lock() {
            trips.push(event.round_trips());
        }
    });
    let dsql = Dsql::new(config);
    let n = sql!("SELECT 6 + 1 AS n").fetch_one(&dsql).await?.n;
    let n = sql!("SELECT $n::int4 + 1 AS n").fetch_one(&dsql).await?.n;
    drop(dsql);
    Ok(json!([n, trips.lock().map(|trips| trips.clone()).unwrap_or_default()]))
}

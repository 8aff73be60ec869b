//! The first query of a request, and how its connection was opened.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsql_edge::{Config, Dsql, Error, sql};
use serde_json::{Value, json};
use worker::{Delay, Env};

use crate::Answered;

/// For each query: the round trips, the retries, and whether direct TLS was rejected.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Value>>>);

impl Events {
    /// A `Dsql` whose events are recorded.
    fn dsql(&self, env: &Env) -> Result<Dsql, Error> {
        let noted = self.0.clone();
        let config = Config::from_env(env)?.on_event(move |event| {
            let line = json!([event.round_trips(), event.retries(), event.direct_tls_rejected()]);
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        Ok(Dsql::new(config))
    }

    fn list(&self) -> Value {
        json!(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Waits this number of milliseconds, as if for something else, and then sends a query.
pub(crate) async fn after_pause(env: &Env, milliseconds: &str, warms_up: bool) -> Answered {
    let events = Events::default();
    let dsql = events.dsql(env)?;
    if warms_up {
        dsql.warm_up();
    }
    Delay::from(Duration::from_millis(milliseconds.parse().unwrap_or_default())).await;
    sql!("SELECT 1 AS n").fetch_one(&dsql).await?;
    Ok(events.list())
}

/// Begins to open a connection, and ends without a query.
pub(crate) async fn unused(env: &Env, milliseconds: &str) -> Answered {
    let dsql = Dsql::from_env(env)?;
    dsql.warm_up();
    Delay::from(Duration::from_millis(milliseconds.parse().unwrap_or_default())).await;
    Ok(json!("unused"))
}

/// Writes a number on a new connection, and reads on another one.
pub(crate) async fn write_and_read(env: &Env, number: &str) -> Answered {
    let events = Events::default();
    let number: i32 = number.parse().unwrap_or_default();
    sql!("INSERT INTO number (n) VALUES ($number)").execute(&events.dsql(env)?).await?;
    sql!("SELECT n FROM number WHERE n = $number").fetch_one(&events.dsql(env)?).await?;
    Ok(events.list())
}

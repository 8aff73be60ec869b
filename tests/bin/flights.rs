//! Counts round trips for `cargo xtask bench flights`, natively and from a Worker. Output: one JSON object per line.

#![allow(clippy::unwrap_used, reason = "the counting code is shared with the tests")]

#[allow(unreachable_pub, dead_code, reason = "other targets include this module too, and use more of it")]
#[path = "../flights.rs"]
mod flights;

use dsql_edge_local::Local;
use dsql_edge_tests::workerd;
use flights::{Flight, TABLES};

const ROLE: &str = "arn:aws:iam::123456789012:role/app";

const NUMBERS: &str = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let local = Local::builder().named_init_sql("tables", TABLES).named_init_sql("numbers", NUMBERS);
    let local = local.role(ROLE, None).start().await?;
    show("native", &flights::native(&local).await?);
    show("native, with AssumeRole", &flights::assumed_role(&local, ROLE).await?);
    show("native, with Dsql::warm_up", &flights::warmed_up(&local).await?);
    show("native, with direct TLS", &flights::direct_tls(&local).await?);
    show("native, through the WebSocket", &flights::websocket(&local).await?);
    show("Worker", &flights::worker(&local, workerd::probe().await).await);
    local.run_sql("numbers", "DELETE FROM number").await?;
    show("Worker, through the WebSocket", &flights::worker_websocket(&local, workerd::probe().await).await);
    local.run_sql("numbers", "DELETE FROM number").await?;
    show("Worker, through a pool", &flights::pooled(&local, workerd::pooled().await).await);
    local.stop().await?;
    Ok(())
}

fn show(from: &str, flights: &[Flight]) {
    for Flight { case, expected, counted } in flights {
        println!(r#"{{"from":"{from}","case":"{case}","expected":{expected},"counted":{counted}}}"#);
    }
}

//! The round trips of each operation of a Worker on its database, counted outside the Worker.
//!
//! Input: a cluster and, for Workers, a bundle of `tests/probe` or `tests/pool`. Output: a [`Flight`] for each case,
//! with the expected and the counted number. `transactions.rs`, `end_to_end.rs`, `pool.rs` and `websocket/` assert
//! these numbers, and `cargo xtask bench flights` prints them. These tests, the command and some other tests contain
//! this file as a module.

use std::time::Duration;

use dsql_edge::types::Uuid;
use dsql_edge::{AssumeRole, Config, Dsql, Error, sql};
use dsql_edge_local::Local;
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::workerd::{Extras, Workerd};

/// The table that the cases use; it is in the schema of these tests.
pub const TABLES: &str =
    "CREATE TABLE posts (id uuid PRIMARY KEY, author_id uuid, title text NOT NULL, body text,
                                              views integer DEFAULT 0 NOT NULL)";

/// The case of a stream whose connection is closed before its end.
const DROPPED_STREAM: &str = "stream dropped after 1 row, then a query";

/// A case and its round trips, including TCP's if the case opens a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flight {
    /// The operation.
    pub case: &'static str,
    /// The expected number of round trips.
    pub expected: usize,
    /// The counted number of round trips.
    pub counted: usize,
}

/// The configuration that connects to a cluster, directly or through a network.
pub fn config(local: &Local, network: Option<&Network>) -> Config {
    let bindings = local.bindings();
    let lookup = |name: &str| match (name, network) {
        ("DSQL_ENDPOINT", Some(network)) => Some(network.endpoint()),
        _ => bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
    };
    Config::from_bindings("", lookup).unwrap().extra_ca(local.ca_pem())
}

/// A local DSQL with these tables.
pub async fn local() -> Local {
    Local::builder().named_init_sql("tables", TABLES).start().await.unwrap()
}

/// Returns the primary key that corresponds to this number.
pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

sql! {
    fn add(id) = "INSERT INTO posts (id, title) VALUES ($id, 'x')";

    fn set(id, views) = "UPDATE posts SET views = $views WHERE id = $id";

    /// The number of rows.
    pub fn count() -> pub Count = "SELECT count(*) FROM posts";
}

/// A network, and the round trips that were counted on it.
struct Counter {
    network: Network,
    seen: usize,
    flights: Vec<Flight>,
}

impl Counter {
    async fn on(local: &Local) -> Counter {
        let network = Network::to(local.port(), DELAY, Fault::None).await;
        Counter { network, seen: 0, flights: Vec::new() }
    }

    /// Records the round trips since the last call; a new connection adds one for TCP.
    fn note(&mut self, case: &'static str, expected: usize) {
        let all: usize = self.network.connections().iter().map(|seen| seen.round_trips() + 1).sum();
        let counted = all - self.seen;
        self.seen = all;
        self.flights.push(Flight { case, expected, counted });
    }
}

/// Counts the round trips of a program that is not a Worker.
///
/// # Errors
/// Returns the error of a query.
pub async fn native(local: &Local) -> Result<Vec<Flight>, Error> {
    let mut counter = Counter::on(local).await;
    let config = config(local, Some(&counter.network));

    let dsql = Dsql::new(config.clone());
    count().fetch_value(&dsql).await?;
    counter.note("cold query", 4);
    add(id(1)).execute(&dsql).await?;
    counter.note("warm query", 1);
    dsql.pipeline((0..10).map(|n| set(id(n), 5)).collect::<Vec<_>>()).await?;
    counter.note("pipeline of 10, warm", 1);
    sql!("INSERT INTO posts (id, title) VALUES ($1, 'x')", for n in 100..200, id(n)).execute(&dsql).await?;
    counter.note("100 rows, warm", 2);
    sql!("INSERT INTO posts (id, title) VALUES ($1, 'x')", for n in 200..300, id(n))
        .fused()
        .execute(&dsql)
        .await?;
    counter.note("100 rows, warm, fused", 1);
    dsql.transaction(async |tx| {
        set(id(1), 1).execute(tx).await?;
        set(id(1), 2).execute(tx).await
    })
    .await?;
    counter.note("transaction of 2 statements, warm", 3);
    dsql.transaction(async |tx| count().fetch_value(tx).await).read_only().await?;
    counter.note("transaction of 1 statement that reads, warm", 1);
    dsql.transaction(async |_| Ok::<_, Error>(())).await?;
    counter.note("transaction without a statement", 0);
    let mut stream = sql!("SELECT id FROM posts ORDER BY id").fetch(&dsql);
    while stream.next().await.transpose()?.is_some() {}
    drop(stream);
    counter.note("stream of 201 rows, warm", 1);

    let dsql = Dsql::new(config.clone());
    for _ in 0..3 {
        count().fetch_value(&dsql).await?;
    }
    counter.note("three queries on one Dsql, cold", 6);
    let dsql = Dsql::new(config.clone());
    dsql.transaction(async |tx| set(id(1), 3).execute(tx).await).await?;
    counter.note("transaction of 1 statement, cold", 5);
    let dsql = Dsql::new(config.clone());
    dsql.pipeline((set(id(1), 4), set(id(2), 4))).await?;
    counter.note("pipeline of 2 (a fused transaction), cold", 4);

    let dsql = Dsql::new(config);
    // Three chunks.
    sql!("INSERT INTO posts (id, title) VALUES ($1, 'x')", for n in 10_000..17_000, id(n))
        .execute(&dsql)
        .await?;
    counter.note("7,000 rows, cold", 7);
    sql!("INSERT INTO posts (id, title) VALUES ($1, 'x')", for n in 20_000..27_000, id(n))
        .fused()
        .execute(&dsql)
        .await?;
    counter.note("7,000 rows, warm, fused", 1);
    let from = id(20_000);
    sql!("UPDATE posts SET views = 7 WHERE id >= $from", in batches of 3000).execute(&dsql).await?;
    counter.note("UPDATE of 7,000 rows in 3 batches, warm", 4);
    Ok(counter.flights)
}

/// Counts the round trips that a query waits for, one after the other, in a program that is not a Worker and has
/// credentials of a role. The first query also takes three round trips to STS: TCP, TLS, and the request. Of these,
/// only those are counted that have ended before the client begins to open the connection to the cluster. The other
/// round trips to STS take place while the connection to the cluster is being opened.
///
/// # Errors
/// Returns the error of a query.
pub async fn assumed_role(local: &Local, role: &str) -> Result<Vec<Flight>, Error> {
    let sts_port =
        local.sts_url().rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse().ok());
    let sts = Network::to(sts_port.unwrap_or_default(), DELAY, Fault::None).await;
    let mut counter = Counter::on(local).await;
    let config = config(local, Some(&counter.network));
    let config =
        config.local_sts(&format!("https://{}", sts.endpoint()))?.assume_role(AssumeRole::new(role))?;
    for (case, expected, requests) in
        [("cold query, role not yet assumed", 4, 1), ("cold query, role known", 4, 0)]
    {
        let asked = sts.connections().len();
        count().fetch_value(&Dsql::new(config.clone())).await?;
        counter.note(case, expected);
        let asked = sts.connections().split_off(asked);
        assert_eq!(asked.len(), requests, "{case}");
        let opened = counter.network.connections().last().and_then(|seen| seen.opened());
        let waited = asked.iter().zip(opened).map(|(seen, opened)| seen.round_trips_before(opened));
        let waited: usize = waited.sum();
        counter
            .flights
            .iter_mut()
            .filter(|flight| flight.case == case)
            .for_each(|flight| flight.counted += waited);
    }
    Ok(counter.flights)
}

/// Counts the round trips that the first query after [`Dsql::warm_up`] waits for, in a program that is not a Worker, if
/// the connection is open when the query begins.
///
/// # Errors
/// Returns the error of a query.
pub async fn warmed_up(local: &Local) -> Result<Vec<Flight>, Error> {
    let mut counter = Counter::on(local).await;
    let config = config(local, Some(&counter.network));
    let dsql = Dsql::new(config.clone());
    dsql.warm_up();
    // The three round trips of the warm-up take 40 ms each, and more on a slow machine. If the connection were not
    // complete after this pause, its round trips would be added to the next count.
    tokio::time::sleep(Duration::from_secs(2)).await;
    counter.note("warm-up", 3);
    count().fetch_value(&dsql).await?;
    counter.note("cold query after a warm-up", 1);
    drop(dsql);
    let dsql = Dsql::new(config);
    dsql.warm_up();
    add(id(99)).execute(&dsql).await?;
    counter.note("write at once after a warm-up", 4);
    Ok(counter.flights)
}

/// Counts the round trips of a program that is not a Worker, with direct TLS.
///
/// # Errors
/// Returns the error of a query.
pub async fn direct_tls(local: &Local) -> Result<Vec<Flight>, Error> {
    let mut counter = Counter::on(local).await;
    let config = config(local, Some(&counter.network)).direct_tls(true);
    add(id(90)).execute(&Dsql::new(config.clone())).await?;
    counter.note("cold write, direct TLS not yet accepted", 4);
    count().fetch_value(&Dsql::new(config.clone())).await?;
    counter.note("cold query, direct TLS", 3);
    add(id(91)).execute(&Dsql::new(config.clone())).await?;
    counter.note("cold write, direct TLS", 3);
    Ok(counter.flights)
}

/// Counts the round trips of a program that is not a Worker, through the WebSocket of the cluster.
///
/// # Errors
/// Returns the error of a query.
pub async fn websocket(local: &Local) -> Result<Vec<Flight>, Error> {
    let mut counter = Counter::on(local).await;
    let config = config(local, Some(&counter.network)).websocket(true);
    let dsql = Dsql::new(config.clone());
    count().fetch_value(&dsql).await?;
    counter.note("cold query, WebSocket", 4);
    add(id(80)).execute(&dsql).await?;
    counter.note("warm query, WebSocket", 1);
    Ok(counter.flights)
}

/// Counts the round trips of the Worker `tests/probe` through the WebSocket of the cluster.
pub async fn worker_websocket(local: &Local, bundle: &std::path::Path) -> Vec<Flight> {
    let mut flights = worker_through(local, bundle, &[("DSQL_TRANSPORT", "websocket".to_owned())]).await;
    // A server answers the end of a WebSocket, and the counter takes this answer for a round trip.
    flights.retain(|flight| flight.case != DROPPED_STREAM);
    flights
}

/// Counts the round trips of the Worker `tests/probe`. Each request connects again, so each case includes the four
/// round trips of its first query.
pub async fn worker(local: &Local, bundle: &std::path::Path) -> Vec<Flight> {
    worker_through(local, bundle, &[]).await
}

async fn worker_through(
    local: &Local,
    bundle: &std::path::Path,
    more: &[(&'static str, String)],
) -> Vec<Flight> {
    let mut counter = Counter::on(local).await;
    let mut bindings = local.bindings();
    for (name, value) in &mut bindings {
        if *name == "DSQL_ENDPOINT" {
            *value = counter.network.endpoint();
        }
    }
    bindings.extend_from_slice(more);
    let probe = Workerd::start(bundle, local.ca_pem(), &bindings).await;
    for (path, case, expected) in [
        ("/one", "cold query", 4),
        ("/three", "three queries on one Dsql, cold", 6),
        ("/pipeline", "query and pipeline of 10", 5),
        ("/rows", "query and 100 rows", 6),
        ("/rows-fused", "query and 100 rows, fused", 5),
        ("/transaction", "transaction of 2 statements, cold", 6),
        ("/transaction-warm", "query and transaction of 1 statement", 6),
        ("/fused", "pipeline of 2 (a fused transaction), cold", 4),
        ("/stream", "stream of 5,000 rows, cold", 4),
        ("/stream-dropped", DROPPED_STREAM, 8),
    ] {
        let answer = probe.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        // A Terminate may still be in transit. A Terminate does not count as a round trip.
        tokio::time::sleep(Duration::from_millis(100)).await;
        counter.note(case, expected);
    }
    probe.stop().await;
    counter.flights
}

/// Counts the round trips between the pool's Durable Object in `tests/pool` and the cluster. The object keeps its
/// connection, so only the first case includes connecting.
pub async fn pooled(local: &Local, bundle: &std::path::Path) -> Vec<Flight> {
    let mut counter = Counter::on(local).await;
    let mut bindings = local.bindings();
    for (name, value) in &mut bindings {
        if *name == "DSQL_ENDPOINT" {
            *value = counter.network.endpoint();
        }
    }
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool", "Own"], ..Extras::default() };
    let worker = Workerd::start_with(bundle, local.ca_pem(), &bindings, &extras).await;
    for (path, case, expected) in [
        ("one/1", "query, the pool's first", 4),
        ("one/1", "query", 1),
        ("three", "three queries on one Dsql", 3),
        ("pipeline", "pipeline of 10", 1),
        ("rows/100", "100 rows", 2),
        ("rows-fused/200", "100 rows, fused", 1),
        ("transaction/1000", "transaction of 3 statements", 4),
        ("pipeline-add/2000", "pipeline of 2 (a fused transaction)", 1),
        ("stream", "stream of 5,000 rows", 1),
    ] {
        let answer = worker.get(&format!("/pool/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(100)).await;
        counter.note(case, expected);
    }
    worker.stop().await;
    counter.flights
}

//! Tests a pool in a Durable Object, in the real workerd, with a real PostgreSQL 16 behind dsql-local: the operations
//! that go through the pool, their round trips, and failures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;
#[path = "pool_platform.rs"]
mod platform;
#[path = "pool_restarted.rs"]
mod restarted;
#[path = "pool_sizes.rs"]
mod sizes;
#[path = "pool_sockets.rs"]
mod sockets;

use std::time::Duration;

use dsql_edge_local::Local;
use dsql_edge_tests::network::{Fault, Network};
use dsql_edge_tests::workerd::{self, Answer, Extras, Workerd};

const NUMBERS: &str = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";

/// A cluster, the network in front of the cluster, and a Worker that connects to the cluster directly and through
/// pools.
struct Stage {
    local: Local,
    network: Network,
    worker: Workerd,
}

impl Stage {
    async fn with(vars: &[(&'static str, &str)]) -> Stage {
        let durable_objects = &["DSQL_POOL=DsqlPool", "Own"];
        Stage::of(vars, &Extras { durable_objects, ..Extras::default() }).await
    }

    async fn of(vars: &[(&'static str, &str)], extras: &Extras<'_>) -> Stage {
        let local = Local::builder().named_init_sql("numbers", NUMBERS).rules(false).start().await.unwrap();
        let network = Network::to(local.port(), Duration::ZERO, Fault::None).await;
        let mut bindings = local.bindings();
        bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = network.endpoint();
        bindings.extend(vars.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let worker = Workerd::start_with(workerd::pooled().await, local.ca_pem(), &bindings, extras).await;
        Stage { local, network, worker }
    }

    async fn get(&self, path: &str) -> String {
        let Answer { status, body } = self.worker.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn refused(&self, path: &str) -> String {
        let Answer { status, body } = self.worker.get(path).await;
        assert_eq!(status, 500, "{path}: {body}");
        body
    }

    /// The number of connections that have been opened.
    fn connections(&self) -> usize {
        self.network.connections().len()
    }

    async fn stop(self) {
        self.worker.stop().await;
        self.local.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_works_through_a_pool() {
    let stage = Stage::with(&[]).await;
    for way in ["direct", "pool", "own"] {
        let go = async |what: &str| stage.get(&format!("/{way}/{what}")).await;
        assert_eq!(go("one/41").await, "42");
        assert_eq!(go("three").await, "[1,2,3]");
        assert_eq!(go("many").await, "[5000,true]");
        assert_eq!(go("stream").await, "12502500");
        assert_eq!(go("stream-dropped").await, "[1,2]");
        assert_eq!(go("pipeline").await, "55");
        assert_eq!(go("together/20").await, "190");
        assert_eq!(go("add/1").await, "1");
        let twice = stage.refused(&format!("/{way}/add/1")).await;
        assert!(twice.contains(r#""unique":true"#), "{twice}");
        assert_eq!(go("pipeline-add/2").await, "2");
        let twice = stage.refused(&format!("/{way}/pipeline-add/0")).await;
        assert!(twice.contains(r#""unique":true"#), "{twice}");
        assert_eq!(go("holds/0").await, "0", "{way}: a pipeline that failed leaves no row");
        assert_eq!(go("rows/100").await, "100");
        assert_eq!(go("rows-fused/200").await, "100");
        assert_eq!(go("transaction/1000").await, "2");
        let twice = stage.refused(&format!("/{way}/transaction/999")).await;
        assert!(twice.contains(r#""unique":true"#), "{twice}");
        assert_eq!(go("holds/999").await, "0", "{way}: a transaction that failed leaves no row");
        assert_eq!(go("fails/2000").await, r#""failed""#);
        assert_eq!(go("holds/2000").await, "0");
        assert_eq!(go("rows-back/10000").await, "20000");
        assert_eq!(go("remove/0").await, (3 + 200 + 2 + 20_000).to_string());
    }
    stage.stop().await;
}

/// Sends `requests` requests, `at_once` at a time, and returns their answers.
async fn crowd(
    stage: &Stage,
    requests: usize,
    at_once: usize,
    path: impl Fn(usize) -> String,
) -> Vec<String> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let clients = (0..at_once).map(async |_| {
        let mut answers = Vec::new();
        loop {
            let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if number >= requests {
                return answers;
            }
            answers.push(stage.get(&path(number)).await);
        }
    });
    futures_util::future::join_all(clients).await.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_requests_share_a_handful_of_connections() {
    let stage = Stage::with(&[]).await;
    let mut answers = crowd(&stage, 300, 30, |number| format!("/pool/one/{number}")).await;
    answers.sort_by_key(|answer| answer.parse::<usize>().unwrap());
    let expected: Vec<String> = (1..=300).map(|number: usize| number.to_string()).collect();
    assert_eq!(answers, expected, "each gets its own answer");
    assert!((1..=4).contains(&stage.connections()), "{} connections", stage.connections());

    // A transaction holds its connection from BEGIN to COMMIT, so transactions wait for each other.
    let before = stage.connections();
    crowd(&stage, 60, 20, |number| format!("/pool/transaction/{}", 10 * number)).await;
    assert_eq!(stage.get("/direct/holds/590").await, "1");
    assert_eq!(stage.get("/direct/remove/-1").await, "120");
    assert!(stage.connections() <= before.max(4) + 2, "{} connections", stage.connections());
    stage.stop().await;
}

/// A setting of one request must not affect the next request, which may belong to another tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_setting_ends_with_its_lease() {
    let stage = Stage::with(&[("DSQL_POOL_CONNECTIONS", "1")]).await;
    for way in ["pool", "own"] {
        for how in ["set", "set-pipelined", "set-in-transaction"] {
            stage.get(&format!("/{way}/one/1")).await;
            let before = stage.connections();
            assert_eq!(stage.get(&format!("/{way}/{how}/7")).await, r#""7""#, "{way}, {how}");
            assert_eq!(stage.get(&format!("/{way}/setting")).await, "null", "{way}, {how}");
            assert_eq!(stage.connections(), before + 1, "{way}, {how}");
        }
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_pool_a_query_costs_the_server_one_round_trip() {
    let local = Local::builder().named_init_sql("numbers", NUMBERS).start().await.unwrap();
    for flight in flights::pooled(&local, workerd::pooled().await).await {
        assert_eq!(flight.counted, flight.expected, "{}", flight.case);
    }
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_answers() {
    let schema = include_str!("../examples/pool/dsql-schema.sql");
    let local = Local::builder().named_init_sql("schema", schema).start().await.unwrap();
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool"], ..Extras::default() };
    let worker =
        Workerd::start_with(workerd::pool_example().await, local.ca_pem(), &local.bindings(), &extras).await;
    for (path, views) in [("/a", 1), ("/b", 1), ("/a", 2)] {
        let viewed = worker.post(path, "").await;
        assert_eq!(viewed, Answer { status: 200, body: format!(r#"{{"views":{views}}}"#) });
    }
    let most = r#"[{"path":"/a","views":2},{"path":"/b","views":1}]"#;
    assert_eq!(worker.get("/").await, Answer { status: 200, body: most.to_owned() });
    worker.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connection_or_object_of_a_pool_is_replaced() {
    let stage = Stage::with(&[]).await;
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    stage.get("/pool/together/3").await;
    for round in 0..3 {
        stage.local.run_sql("test", terminate).await.unwrap();
        // Wait until the pool has received the end of the connection.
        tokio::time::sleep(Duration::from_millis(300)).await;
        // The pool sends a write only on a connection that is still open, so the write succeeds.
        assert_eq!(stage.get(&format!("/pool/add/{round}")).await, "1");
    }
    // The connection is killed before the answer is complete: a query that only reads runs again.
    let (slept, killed) = tokio::join!(stage.get("/pool/sleep/1000"), async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        stage.local.run_sql("test", terminate).await.unwrap();
    });
    assert_eq!((slept.as_str(), killed), ("1", ()));
    // The connection is killed during a transaction: the transaction runs again as a whole.
    let (added, ()) = tokio::join!(stage.get("/pool/pause/1000"), async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        stage.local.run_sql("test", terminate).await.unwrap();
    });
    assert_eq!(added, "1");
    assert_eq!(stage.get("/direct/remove/-1").await, "5", "no row is lost or duplicated");

    // A panic ends the whole instance, including the object and its connections.
    assert_eq!(stage.worker.get("/panic").await.status, 500);
    assert_eq!(stage.get("/pool/one/1").await, "2");
    assert_eq!(stage.get("/pool/transaction/1").await, "2");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transaction_of_a_gone_or_silent_client_is_rolled_back() {
    let stage = Stage::with(&[("DSQL_POOL_CONNECTIONS", "1"), ("DSQL_POOL_WAITING", "2")]).await;
    assert_eq!(stage.get("/pool/leave/1").await, r#""left""#);
    // The pool's only connection is free again, and the INSERT of the row was rolled back.
    assert_eq!(stage.get("/pool/holds/1").await, "0");
    assert_eq!(stage.get("/pool/add/1").await, "1");

    // A request that waits too long gets an error, and so does a request that arrives while too many requests are
    // waiting.
    let holding = stage.get("/pool/pause/3000");
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let impatient = stage.refused("/hurry/one/1").await;
        assert!(impatient.contains(r#""timeout":true"#) && impatient.contains("the pool"), "{impatient}");
        let crowd = (0..8).map(|_| stage.worker.get("/pool/one/1"));
        let answers = futures_util::future::join_all(crowd).await;
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 500).collect();
        assert!((1..8).contains(&refused.len()), "{answers:?}");
        assert!(refused.iter().all(|answer| answer.body.contains(r#""overloaded":true"#)), "{answers:?}");
    };
    tokio::join!(holding, others);
    assert_eq!(stage.connections(), 1);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frequent_client_does_not_delay_another_client() {
    let stage = Stage::with(&[("DSQL_POOL_CONNECTIONS", "1")]).await;
    stage.get("/pool/one/1").await;
    // One request sends thirty queries of 100 ms, of which at most three are in the queue.
    let greedy = async {
        stage.get("/pool/sleeps/30").await;
        std::time::Instant::now()
    };
    let modest = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..3 {
            stage.get("/pool/one/1").await;
        }
        std::time::Instant::now()
    };
    let (greedy, modest) = tokio::join!(greedy, modest);
    assert!(modest < greedy, "three queries of another request are served between the thirty");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejection_of_the_pool_is_reported_to_the_client() {
    let stage = Stage::with(&[("AWS_SESSION_TOKEN", "of-another-session")]).await;
    let refused = stage.refused("/pool/one/1").await;
    assert!(
        refused.contains(r#""access_denied":true"#) && refused.contains("AWS_SECRET_ACCESS_KEY"),
        "{refused}"
    );
    stage.stop().await;

    let local = Local::builder().start().await.unwrap();
    let bindings: Vec<_> =
        local.bindings().into_iter().filter(|(name, _)| *name != "DSQL_ENDPOINT").collect();
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool", "Own"], ..Extras::default() };
    let worker = Workerd::start_with(workerd::pooled().await, local.ca_pem(), &bindings, &extras).await;
    let Answer { status, body } = worker.get("/pool/one/1").await;
    assert!(status == 500 && body.contains("DSQL_ENDPOINT"), "{body}");
    worker.stop().await;
    let worker = Workerd::start(workerd::pooled().await, local.ca_pem(), &bindings).await;
    let Answer { status, body } = worker.get("/pool/one/1").await;
    assert!(status == 500 && body.contains("DSQL_POOL") && body.contains("class_name"), "{body}");
    worker.stop().await;
    local.stop().await.unwrap();
}

//! A pool in a Durable Object, in the real workerd, against a real PostgreSQL 16 behind dsql-local: what goes through it,
//! what it costs, and what it survives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use dsql_edge_local::Local;
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::workerd::{self, Answer, Extras, Workerd};

const NUMBERS: &str = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";

/// A cluster, the network before it, and a Worker that reaches it directly and through pools.
struct Stage {
    local: Local,
    network: Network,
    worker: Workerd,
}

impl Stage {
    async fn with(delay: Duration, vars: &[(&'static str, &str)]) -> Stage {
        let local = Local::builder().named_init_sql("numbers", NUMBERS).rules(false).start().await.unwrap();
        let network = Network::to(local.port(), delay, Fault::None).await;
        let mut bindings = local.bindings();
        bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = network.endpoint();
        bindings.extend(vars.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool", "Own"], ..Extras::default() };
        let worker = Workerd::start_with(workerd::pooled().await, local.ca_pem(), &bindings, &extras).await;
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

    /// How many connections have been opened so far.
    fn connections(&self) -> usize {
        self.network.connections().len()
    }

    fn round_trips(&self) -> usize {
        self.network.connections().iter().map(|seen| seen.round_trips()).sum()
    }

    async fn stop(self) {
        self.worker.stop().await;
        self.local.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_goes_without_a_pool_goes_through_it() {
    let stage = Stage::with(Duration::ZERO, &[]).await;
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
        assert_eq!(go("holds/0").await, "0", "{way}: nothing of a pipeline that failed stays");
        assert_eq!(go("rows/100").await, "100");
        assert_eq!(go("rows-fused/200").await, "100");
        assert_eq!(go("transaction/1000").await, "2");
        let twice = stage.refused(&format!("/{way}/transaction/999")).await;
        assert!(twice.contains(r#""unique":true"#), "{twice}");
        assert_eq!(go("holds/999").await, "0", "{way}: nothing of a transaction that failed stays");
        assert_eq!(go("give-up/2000").await, r#""given up""#);
        assert_eq!(go("holds/2000").await, "0");
        assert_eq!(go("rows-back/10000").await, "20000");
        assert_eq!(go("remove/0").await, (3 + 200 + 2 + 20_000).to_string());
    }
    stage.stop().await;
}

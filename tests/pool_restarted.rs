//! Restarts a pool's Durable Object during an operation. The object has a separate isolate, so the Worker's isolate
//! continues to run. The tests compare the client's report with the rows in the cluster.
//!
//! The network holds back bytes, so that the restart happens at an exact point: the answer was sent and has not
//! arrived, or the request was sent and has not arrived.

use std::time::{Duration, Instant};

use dsql_edge_tests::network::Held;
use dsql_edge_tests::workerd::{Answer, Extras};

use super::Stage;

/// The client's report of an operation.
#[derive(Debug, Clone, Copy)]
enum ClientReport {
    Value(&'static str),
    /// The error reports an unknown outcome.
    Unknown,
    /// The error reports that nothing was applied.
    RolledBack,
    /// The error reports a timeout, and that nothing was applied.
    Late,
}
use ClientReport::{Late, RolledBack, Unknown, Value};

/// An operation that runs while the object is restarted: its path in the Worker, the direction in which the network
/// holds back bytes, the client's report, and the rows at the end.
type UnderWay = (&'static str, Option<Held>, ClientReport, &'static str);

const ANSWERED: Option<Held> = Some(Held::Answers);
const UNSENT: Option<Held> = Some(Held::Requests);

/// An operation whose path begins with `gate` waits at a gate. If the network holds back bytes, the gate opens before
/// the restart of the object, otherwise after the restart.
const CASES: [UnderWay; 13] = [
    ("one/1", ANSWERED, Value("2"), "[]"),
    ("one/1", UNSENT, Value("2"), "[]"),
    ("pipeline", ANSWERED, Value("55"), "[]"),
    // One statement that writes, and a pipeline of several such statements.
    ("add/1", ANSWERED, Unknown, "[1]"),
    ("add/1", UNSENT, Unknown, "[]"),
    ("pipeline-add/1", ANSWERED, Unknown, "[1,2]"),
    ("pipeline-add/1", UNSENT, Unknown, "[]"),
    // The restart happens between two statements: the closure runs again, unless the transaction has only one attempt.
    ("gate-between/1", None, Value(r#"["now",2]"#), "[1,2]"),
    ("gate-between-once/1", None, RolledBack, "[]"),
    // The restart happens during COMMIT.
    ("gate-commit/1", ANSWERED, Unknown, "[1,2]"),
    ("gate-commit/1", UNSENT, Unknown, "[]"),
    // With an idempotency key, the client can determine the outcome.
    ("gate-commit-keyed/1", ANSWERED, Value(r#"["before",2]"#), "[1,2,3]"),
    ("gate-commit-keyed/1", UNSENT, Value(r#"["now",2]"#), "[1,2,3]"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_object_loses_and_doubles_no_write() {
    restarted_alone("update").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aborted_object_loses_and_doubles_no_write() {
    restarted_alone("abort").await;
}

/// Starts a pool whose object has its own isolate and one connection.
async fn stage() -> Stage {
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool"], apart: true, ..Extras::default() };
    Stage::of(&[("DSQL_POOL_CONNECTIONS", "1")], &extras).await
}

async fn restarted_alone(how: &str) {
    let stage = stage().await;
    for case in CASES {
        stage.get("/pool/one/1").await;
        let before = Census::of(&stage).await;
        let restart = async || assert_eq!(stage.get(&format!("/objects/{how}")).await, r#""done""#);
        stage.disturbed("pool", case, restart).await;
        stage.is_as_new(&before).await;
    }
    stage.stop().await;
}

/// One request holds the only connection, and the other requests wait for this connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_waiting_in_a_restarted_object_get_the_outcome() {
    let stage = stage().await;
    stage.get("/pool/one/1").await;
    let before = Census::of(&stage).await;
    let came = stage.number("/objects/came").await;
    stage.network.hold(Held::Answers);
    let numbers = 1..=5;
    let ask = async |what: &str, number| stage.worker.get(&format!("/pool/{what}/{number}")).await;
    let reads = futures_util::future::join_all(numbers.clone().map(|number| ask("one", number)));
    let writes = futures_util::future::join_all(numbers.clone().map(|number| ask("add", number)));
    let restarting = async {
        stage.network.holds().await;
        stage.until("/objects/came", came + 10).await;
        assert_eq!(stage.get("/objects/update").await, r#""done""#);
    };
    let (reads, writes, ()) = tokio::join!(reads, writes, restarting);
    for (number, answer) in numbers.clone().zip(reads) {
        assert_eq!(answer, Answer { status: 200, body: (number + 1).to_string() });
    }
    let there: Vec<i32> = serde_json::from_str(&stage.get("/direct/all").await).unwrap();
    assert!(there.iter().all(|number| numbers.contains(number)), "{there:?}");
    for (number, answer) in numbers.zip(writes) {
        let done = Value("1").is(&answer) && there.contains(&number);
        assert!(done || Unknown.is(&answer), "{number} of {there:?}: {answer:?}");
    }
    stage.is_as_new(&before).await;
    stage.stop().await;
}

/// A panic ends the wasm instance of an object, but not the object's JavaScript part. So a running operation in that
/// object ends only at the client's time limit. The next request gets a new Rust part, with new connections. The
/// object's connections from before the panic stay open until the object ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panic_in_the_objects_isolate_is_not_a_false_success() {
    const CASES: [UnderWay; 6] = [
        ("one/1", ANSWERED, Late, "[]"),
        ("add/1", ANSWERED, Unknown, "[1]"),
        ("add/1", UNSENT, Unknown, "[]"),
        ("gate-between/1", None, Late, "[]"),
        ("gate-commit/1", ANSWERED, Unknown, "[1,2]"),
        ("gate-commit-keyed/1", ANSWERED, Value(r#"["before",2]"#), "[1,2,3]"),
    ];
    let stage = stage().await;
    for case in CASES {
        stage.get("/pool/one/1").await;
        let before = Census::of(&stage).await;
        stage
            .disturbed("brief", case, async || {
                assert_eq!(stage.worker.get("/objects/panic").await.status, 500);
            })
            .await;
        assert_eq!(stage.get("/pool/one/1").await, "2");
        assert!(stage.connections() > before.connections);
        assert_eq!(stage.get("/objects/asked").await, "1", "the isolate's memory is not new");
        assert_eq!(stage.get("/objects/update").await, r#""done""#);
        stage.is_as_new(&before).await;
    }
    stage.stop().await;
}

impl ClientReport {
    fn is(self, answer: &Answer) -> bool {
        let Answer { status, body } = answer;
        match self {
            Value(value) => *status == 200 && body == value,
            Unknown => *status == 500 && body.contains(r#""unknown":true"#),
            RolledBack => *status == 500 && body.contains(r#""unknown":false"#),
            Late => RolledBack.is(answer) && body.contains(r#""timeout":true"#),
        }
    }
}

/// Counters that show whether an isolate, an object and connections are new.
struct Census {
    asked: u32,
    made: u32,
    connections: usize,
}

impl Census {
    async fn of(stage: &Stage) -> Census {
        Census {
            asked: stage.number("/asked").await,
            made: stage.number("/objects/made").await,
            connections: stage.connections(),
        }
    }
}

impl Stage {
    /// Runs the case, disturbs the object during it, and checks the client's report and the rows.
    async fn disturbed(&self, way: &str, case: UnderWay, disturb: impl AsyncFn()) {
        let (path, held, reported, there) = case;
        let gated = path.starts_with("gate");
        let hold = |held| self.network.hold(held);
        self.get("/gate/shut").await;
        let at_the_gate = self.number("/gate").await;
        if !gated {
            held.map(hold);
        }
        let disturbing = async {
            if gated {
                self.until("/gate", at_the_gate + 1).await;
                if held.is_some() {
                    held.map(hold);
                    self.get("/gate/open").await;
                }
            }
            if held.is_some() {
                self.network.holds().await;
            }
            disturb().await;
            self.get("/gate/open").await;
        };
        let path = format!("/{way}/{path}");
        let (answer, ()) = tokio::join!(self.worker.get(&path), disturbing);
        assert!(reported.is(&answer), "{case:?}: {answer:?}");
        assert_eq!(self.get("/direct/all").await, there, "{case:?}: {answer:?}");
    }

    pub(super) async fn number(&self, path: &str) -> u32 {
        self.get(path).await.parse().unwrap()
    }

    /// Waits until the number at a path has reached `number`.
    pub(super) async fn until(&self, path: &str, number: u32) {
        eventually(path, async || self.number(path).await >= number).await;
    }

    /// Checks that one new object serves the requests with one new connection. Checks that the old object holds no
    /// connection and no lock. Checks that the Worker still runs in the same isolate.
    async fn is_as_new(&self, before: &Census) {
        // The pool's only connection is not lent to another request, so this query gets it.
        assert_eq!(self.get("/pool/add/-1").await, "1");
        self.get("/pool/remove/-2").await;
        let after = Census::of(self).await;
        assert_eq!(after.asked, before.asked + 1, "the Worker's isolate is new");
        assert_eq!(after.made, before.made + 1, "objects");
        eventually("the old connections end, and one new connection stays open", async || {
            let connections = self.network.connections();
            let alive = connections.iter().enumerate().filter(|(_, seen)| !seen.has_ended());
            matches!(alive.map(|(at, _)| at).collect::<Vec<_>>()[..], [at] if at >= before.connections)
        })
        .await;
        // The statement fails if another session holds a lock.
        let lock = "DO $$ BEGIN LOCK TABLE number IN ACCESS EXCLUSIVE MODE NOWAIT; END $$";
        eventually("nothing is locked", async || self.local.run_sql("locks", lock).await.is_ok()).await;
    }
}

/// Waits until a condition is true; the test fails if this takes longer than a minute.
pub(super) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! The object of a pool is restarted alone, in an isolate of its own, while something is under way in it. The Worker's
//! isolate goes on. The client's report is compared with what the cluster has.
//!
//! The network holds back what is sent, so that the moment of the restart is sure: the answer has been given and not
//! received, or what was sent has not arrived.

use std::time::{Duration, Instant};

use dsql_edge_tests::network::Held;
use dsql_edge_tests::workerd::{Answer, Extras};

use super::Stage;

/// What a client may report.
#[derive(Debug, Clone, Copy)]
enum ClientReport {
    Value(&'static str),
    /// Whether it was executed is not known.
    Unknown,
    /// It is over, and nothing of it stays.
    RolledBack,
    /// The same, and it was waited for in vain.
    Late,
}
use ClientReport::{Late, RolledBack, Unknown, Value};

/// What is under way when the object is restarted: a path of the Worker's, the network's part in it, what the client
/// reports, and what there is in the end.
type UnderWay = (&'static str, Option<Held>, ClientReport, &'static str);

const ANSWERED: Option<Held> = Some(Held::Answers);
const UNSENT: Option<Held> = Some(Held::Requests);

/// The paths with a gate go through it when the object is restarted; with a network that holds back, before.
const CASES: [UnderWay; 13] = [
    ("one/1", ANSWERED, Value("2"), "[]"),
    ("one/1", UNSENT, Value("2"), "[]"),
    ("pipeline", ANSWERED, Value("55"), "[]"),
    // A statement that writes, and several in one.
    ("add/1", ANSWERED, Unknown, "[1]"),
    ("add/1", UNSENT, Unknown, "[]"),
    ("pipeline-add/1", ANSWERED, Unknown, "[1,2]"),
    ("pipeline-add/1", UNSENT, Unknown, "[]"),
    // Between two statements: the closure runs again, or may not.
    ("gate-between/1", None, Value(r#"["now",2]"#), "[1,2]"),
    ("gate-between-once/1", None, RolledBack, "[]"),
    // COMMIT.
    ("gate-commit/1", ANSWERED, Unknown, "[1,2]"),
    ("gate-commit/1", UNSENT, Unknown, "[]"),
    // With a key it is found out.
    ("gate-commit-keyed/1", ANSWERED, Value(r#"["before",2]"#), "[1,2,3]"),
    ("gate-commit-keyed/1", UNSENT, Value(r#"["now",2]"#), "[1,2,3]"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_object_loses_and_doubles_no_write() {
    restarted_alone("update").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_aborts_itself_loses_and_doubles_nothing() {
    restarted_alone("abort").await;
}

/// An object in its own isolate, with one connection.
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

/// One holds the only connection, and the others wait for it.
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

/// A panic takes the wasm away from below its objects, which live on without noticing: what was under way in them ends
/// with the client's patience. The next request has a new half in Rust, with new connections. Those of the dead one end
/// with the object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_isolate_of_the_objects_is_no_false_success() {
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

/// What goes on, and what begins again.
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
    /// Does it to the object while this is under way.
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

    /// Waits until a number has come to this.
    pub(super) async fn until(&self, path: &str, number: u32) {
        eventually(path, async || self.number(path).await >= number).await;
    }

    /// One new object serves, by one new connection; nothing of the old one is left. The Worker's isolate is the same.
    async fn is_as_new(&self, before: &Census) {
        // The one connection is lent to nobody.
        assert_eq!(self.get("/pool/add/-1").await, "1");
        self.get("/pool/remove/-2").await;
        let after = Census::of(self).await;
        assert_eq!(after.asked, before.asked + 1, "the Worker's memory is lost");
        assert_eq!(after.made, before.made + 1, "objects");
        eventually("the old connections end, and one new one lives", async || {
            let connections = self.network.connections();
            let alive = connections.iter().enumerate().filter(|(_, seen)| !seen.has_ended());
            matches!(alive.map(|(at, _)| at).collect::<Vec<_>>()[..], [at] if at >= before.connections)
        })
        .await;
        // Fails where anybody holds a lock.
        let lock = "DO $$ BEGIN LOCK TABLE number IN ACCESS EXCLUSIVE MODE NOWAIT; END $$";
        eventually("nothing is locked", async || self.local.run_sql("locks", lock).await.is_ok()).await;
    }
}

/// Waits for something that must come, however long it takes: a hang fails the test.
pub(super) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! Futures that one request began and another one awaits, in a real workerd: a named error at once, and never a hang.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use dsql_edge_local::Local;
use dsql_edge_tests::workerd::{self, Answer, Workerd};

/// Each thing that can be left, and whether it may have been executed.
const KINDS: [(&str, bool); 9] = [
    ("unpolled", false),
    ("dialing", false),
    ("read", false),
    ("write", true),
    ("rows", false),
    ("session", false),
    ("transaction", false),
    ("closure", false),
    ("stream", false),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn future_of_another_request_is_a_named_error() {
    let numbers = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";
    let local = Local::builder().named_init_sql("numbers", numbers).start().await.unwrap();
    let probe = Workerd::start(workerd::probe().await, local.ca_pem(), &local.bindings()).await;
    for (kind, unknown) in KINDS {
        let left = probe.get(&format!("/leave/{kind}")).await;
        assert_eq!(left, Answer { status: 200, body: r#"{"done":false}"#.to_owned() }, "{kind}");
        let taken = probe.get("/left").await;
        assert_eq!(taken.status, 500, "{kind}: {}", taken.body);
        for part in [r#""other_request":true"#.to_owned(), format!(r#""outcome_unknown":{unknown}"#)] {
            assert!(taken.body.contains(&part), "{kind}: {}", taken.body);
        }
    }
    let one = probe.get("/one").await;
    assert_eq!((one.status, one.body.as_str()), (200, "[1]"), "the instance serves on");
    probe.stop().await;
    local.stop().await.unwrap();
}

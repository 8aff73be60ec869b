//! In a real workerd, one request starts a future and another awaits it: the result is a named error at once, not a
//! hang.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;

use dsql_edge::{Dsql, sql_unchecked};
use dsql_edge_local::Local;
use dsql_edge_tests::workerd::{self, Answer, Workerd};

/// Each kind of future, and whether its statement may have been executed. `None` means that the result depends on
/// timing, because a chunk of rows and its COMMIT are two flights.
const KINDS: [(&str, Option<bool>); 10] = [
    ("unpolled", Some(false)),
    ("dialing", Some(false)),
    ("read", Some(false)),
    ("write", Some(true)),
    ("rows", None),
    ("rows-fused", Some(true)),
    ("session", Some(false)),
    ("transaction", Some(false)),
    ("closure", Some(false)),
    ("stream", Some(false)),
];

/// The number of rows in the database, after a future of the kind `rows` was awaited or dropped.
struct Stored {
    count: i64,
}

/// The number of rows of one chunk.
const CHUNK: i64 = 3000;

/// The number of rows that the error reports as committed.
fn committed(error: &str) -> i64 {
    let before = error.split(" rows had been committed").next().unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

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
        assert!(taken.body.contains(r#""other_request":true"#), "{kind}: {}", taken.body);
        let is_unknown = taken.body.contains(r#""outcome_unknown":true"#);
        if let Some(unknown) = unknown {
            assert_eq!(is_unknown, unknown, "{kind}: {}", taken.body);
        }
        if kind == "rows" {
            let stored = sql_unchecked!(
                Stored { count: i64 },
                "SELECT count(*) FROM number WHERE n BETWEEN 2000000 AND 2399999"
            );
            let stored = stored.fetch_one(&Dsql::new(flights::config(&local, None))).await.unwrap();
            let more = stored.count - committed(&taken.body);
            assert!(more == 0 || (is_unknown && more == CHUNK), "{more} more rows; {}", taken.body);
        }
    }
    let one = probe.get("/one").await;
    assert_eq!((one.status, one.body.as_str()), (200, "[1]"), "the instance serves later requests");
    probe.stop().await;
    local.stop().await.unwrap();
}

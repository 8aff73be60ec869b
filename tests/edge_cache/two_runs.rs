//! Two runs at once: one works, and a run whose lease has passed to another changes nothing.

use serde_json::{Value, json};

use crate::shop::{BEFORE, EMPTY, LATER, NOW, REMOVED};
use crate::site::{Difference, Site};

const VARS: [(&str, &str); 1] = [("BATCH_ROWS", "4")];

/// A site whose D1 has the state `BEFORE`, and whose DSQL has the state `NOW`.
async fn site() -> (Site, Vec<(&'static str, Vec<Value>)>) {
    let site = Site::start(&VARS).await;
    site.dsql(BEFORE).await;
    site.run_to_the_end().await;
    site.d1("UPDATE full_pass SET as_of = NULL").await;
    let d1 = site.dump().await;
    site.dsql(NOW).await;
    site.dsql(REMOVED).await;
    (site, d1)
}

async fn epoch(site: &Site) -> i64 {
    site.d1("SELECT epoch FROM lease").await[0]["epoch"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_run_ends_while_the_first_holds_the_lease() {
    let (site, d1) = site().await;
    for at in [1, 5, 9] {
        site.restore(&d1).await;
        let before = epoch(&site).await;
        site.plan(json!({ "at": at, "how": "holds" })).await;
        let first = site.begin();
        assert!(site.is_held(&first).await);
        assert_eq!(site.run().await, "another run holds the lease");
        let rest = site.d1("SELECT expires_at - unixepoch() AS seconds FROM lease").await;
        assert!((1..=120).contains(&rest[0]["seconds"].as_i64().unwrap()), "{rest:?}");
        site.workerd().post("/go", "").await;
        first.await.unwrap();
        assert_eq!(site.compare().await, Difference::NONE);
        assert_eq!(epoch(&site).await, before + 1);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_that_lost_its_lease_changes_nothing() {
    let (site, d1) = site().await;
    let mut points = 0;
    for how in ["holds", "held after"] {
        for at in 0.. {
            for sql in [EMPTY, BEFORE, NOW, REMOVED] {
                site.dsql(sql).await;
            }
            site.restore(&d1).await;
            site.plan(json!({ "at": at, "how": how })).await;
            let first = site.begin();
            if !site.is_held(&first).await {
                assert!(at > 10, "a run has only {at} batches");
                break;
            }
            // The lease expires while D1 or the network delays the batch. While the batch is delayed, DSQL changes, and
            // a second run copies the changes.
            site.expire_lease().await;
            site.dsql(LATER).await;
            assert_eq!(site.run().await, "D1 is up to date");
            // If the second run continued a full pass of the first, only the next pass finds the row that was removed
            // before the position.
            site.d1("UPDATE full_pass SET as_of = NULL").await;
            assert_eq!(site.run().await, "D1 is up to date");
            assert_eq!(site.compare().await, Difference::NONE, "{how} {at}");
            let (copied, log) = (site.dump().await, site.workerd().log().len());
            site.workerd().post("/go", "").await;
            first.await.unwrap();
            // If the first run was held before it took the lease, it takes the lease only now, and may change D1.
            if at > 0 || how == "held after" {
                assert_eq!(site.dump().await, copied, "{how} {at}: the first run has changed D1");
            }
            assert_eq!(site.compare().await, Difference::NONE, "{how} {at}");
            let log = loop {
                let log = site.workerd().log()[log..].to_owned();
                if log.contains("edge-cache: ") {
                    break log;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            };
            let is_rejected = log.contains("the lease has passed to another run");
            let is_last = log.contains("D1 is up to date");
            assert!(is_rejected || is_last, "{how} {at}: {log}");
            points += 1;
        }
    }
    println!("D1 sync, two runs at once: {points} points tried, changes by the run without a lease 0");
    site.stop().await;
}

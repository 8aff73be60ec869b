//! A crash at every statement of a run, on both sides, and the run after it.
//!
//! At first, D1 has the state `BEFORE`, and DSQL has the state `NOW`. Each attempt restores D1 and disturbs one run at
//! a different point. Then the lease expires, and an undisturbed run must make D1 equal to DSQL.

use dsql_edge_tests::cutter::{Afterwards, Break};
use serde_json::{Value, json};

use crate::shop::{BEFORE, NOW, REMOVED};
use crate::site::{Difference, Report, Site};

/// The batches are small, so that a run consists of many batches.
const VARS: [(&str, &str); 1] = [("BATCH_ROWS", "4")];

/// A limit that is larger than the number of batches in a run.
const MOST: usize = 200;

/// A site, its D1 in the state `BEFORE`, and what readers may see.
struct Scene {
    site: Site,
    d1: Vec<(&'static str, Vec<Value>)>,
    rankings: [Value; 2],
    products: Vec<Value>,
    found: Found,
}

/// The result of all attempts.
#[derive(Debug, Default)]
struct Found {
    points: usize,
    reads: usize,
    half_visible: usize,
    difference: Difference,
}

/// The passes of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passes {
    /// Only the pass that copies changed rows: a full pass would repair the mistakes of this pass.
    Changed,
    /// Both this pass and the full pass.
    All,
}

impl Scene {
    async fn new(passes: Passes) -> Scene {
        let site = Site::start(&VARS).await;
        site.dsql(BEFORE).await;
        assert!(site.run_to_the_end().await > 0);
        if passes == Passes::All {
            site.d1("UPDATE full_pass SET as_of = NULL").await;
        }
        let d1 = site.dump().await;
        let (mut products, before) = (site.products().await, site.ranking().await);
        site.dsql(NOW).await;
        if passes == Passes::All {
            site.dsql(REMOVED).await;
        }
        products.extend(site.products().await);
        let rankings = [before, site.ranking().await];
        assert_ne!(rankings[0], rankings[1]);
        let difference = site.compare().await;
        assert!(difference.lost > 0 && difference.wrong > 0, "{difference:?}");
        Scene { site, d1, rankings, products, found: Found::default() }
    }

    /// Restores D1, sets the plan, and runs the Worker's cron trigger. Returns the run's line in the log, and the
    /// report.
    async fn attempt(&self, plan: Value) -> (String, Report) {
        self.site.restore(&self.d1).await;
        self.site.plan(plan).await;
        (self.site.run().await, self.site.report().await)
    }

    /// Checks that readers saw only whole states, and that D1 equals DSQL after the next run.
    async fn recovers(&mut self, report: &Report) {
        self.found.points += 1;
        for seen in &report.observed {
            self.found.reads += 1;
            let is_whole = self.rankings.contains(&seen["ranking"])
                && seen["products"].as_array().unwrap().iter().all(|row| self.products.contains(row));
            self.found.half_visible += usize::from(!is_whole);
        }
        self.site.expire_lease().await;
        self.site.run_to_the_end().await;
        self.found.difference.add(&self.site.compare().await);
        // Only two versions of the ranking remain: the version that is shown now, and the version that was shown
        // before. An unfinished version is deleted.
        let versions = self.site.d1("SELECT DISTINCT version FROM ranking").await.len();
        assert!(versions <= 2, "{versions} versions");
    }

    async fn end(self, what: &str) {
        let Found { points, reads, half_visible, difference } = &self.found;
        println!(
            "D1 sync, {what}: {points} crash points tried, rows lost {}, doubled {}, wrong {}, half-visible reads \
             {half_visible} of {reads}",
            difference.lost, difference.doubled, difference.wrong
        );
        assert_eq!((*difference, *half_visible), (Difference::NONE, 0));
        self.site.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_at_any_batch_is_repaired_by_the_next_run() {
    for passes in [Passes::Changed, Passes::All] {
        let mut scene = Scene::new(passes).await;
        for (how, dies) in [("before", true), ("before", false), ("after", true), ("after", false)] {
            for at in 0..MOST {
                let plan = json!({ "at": at, "how": how, "dies": dies, "observes": true });
                let (line, report) = scene.attempt(plan).await;
                if !report.broke {
                    assert_eq!(line, "D1 is up to date");
                    assert!(at > 10, "a run has only {at} batches");
                    break;
                }
                let is_clear =
                    "D1: Error: Network connection lost.; the next run continues from the last whole batch";
                assert_eq!(line, is_clear);
                scene.recovers(&report).await;
            }
        }
        scene.end("at a batch of D1").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statement_that_fails_in_d1_leaves_no_trace() {
    let mut scene = Scene::new(Passes::All).await;
    let (_, undisturbed) = scene.attempt(json!({})).await;
    for (at, statements) in undisturbed.batches.into_iter().enumerate() {
        for statement in 0..statements {
            let plan = json!({ "at": at, "how": "fails", "statement": statement, "observes": true });
            let (line, report) = scene.attempt(plan).await;
            assert!(report.broke && line.starts_with("D1: malformed JSON"), "{line}");
            scene.recovers(&report).await;
        }
    }
    scene.end("in a statement of D1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connection_to_dsql_is_repaired() {
    let mut scene = Scene::new(Passes::All).await;
    for how in [Break::Before, Break::After] {
        for afterwards in [Afterwards::Works, Afterwards::StaysBroken] {
            for at in 0..MOST {
                scene.site.network.break_at(at, how, afterwards);
                let (line, report) = scene.attempt(json!({ "observes": true })).await;
                let broke = scene.site.network.has_broken();
                scene.site.network.repair();
                if !broke {
                    assert!(at > 5, "a run sends only {at} chunks");
                    break;
                }
                // dsql-edge repeats a read that was lost. dsql-edge does not repeat a batch that removes tombstones,
                // because it is not known whether the batch was committed: the next run removes the rest. The last
                // bytes of a run only close the connection, so a run that loses them still succeeds.
                let fails = line.starts_with("DSQL: ") && line.ends_with("; the next run continues");
                let may_fail = afterwards == Afterwards::StaysBroken || line.contains("(remove_tombstones, ");
                assert!(line == "D1 is up to date" || (fails && may_fail), "{line}");
                scene.recovers(&report).await;
            }
        }
    }
    scene.end("at a chunk sent to DSQL").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_worker_is_repaired_by_the_next_run() {
    let mut scene = Scene::new(Passes::All).await;
    for how in ["holds", "held after"] {
        for at in 0..MOST {
            scene.site.restore(&scene.d1).await;
            scene.site.plan(json!({ "at": at, "how": how, "observes": true })).await;
            let running = scene.site.begin();
            if !scene.site.is_held(&running).await {
                assert!(at > 10, "a run has only {at} batches");
                break;
            }
            let report = scene.site.report().await;
            scene.site.kill().await;
            scene.recovers(&report).await;
        }
    }
    scene.end("by SIGKILL at a batch").await;
}

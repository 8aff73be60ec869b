//! Tests the passes with rows that become visible late, with more rows than one run copies, and with 100,000 rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::shop::BEFORE;
use crate::site::{Difference, Site};

/// Changes a product as a transaction does that began a while ago and commits now.
async fn commit_late(site: &Site, name: &str, age: &str) {
    let sql = format!(
        "UPDATE product SET price_cents = price_cents + 1, version = version + 1,
         updated_at = now() - interval '{age}' WHERE name = '{name}'"
    );
    site.dsql(&sql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_that_becomes_visible_late_is_copied() {
    let site = Site::start(&[]).await;
    site.dsql(BEFORE).await;
    site.run_to_the_end().await;
    commit_late(&site, "product 1", "4 minutes 59 seconds").await;
    assert_eq!(site.compare().await.lost, 1);
    site.run_to_the_end().await;
    assert_eq!(site.compare().await, Difference::NONE);

    // No transaction can be that old, so this statement breaks the rule for `updated_at`. Only a full pass finds the
    // row that this statement writes.
    commit_late(&site, "product 2", "7 minutes").await;
    site.run_to_the_end().await;
    assert_eq!(site.compare().await.lost, 1);
    site.d1("UPDATE full_pass SET as_of = '2026-01-01T00:00:00Z'").await;
    site.run_to_the_end().await;
    assert_eq!(site.compare().await, Difference::NONE);
    site.stop().await;
}

/// A pass has been running for ten minutes. Then a row becomes visible in a part that the pass has already read, with
/// an `updated_at` before the beginning of the pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_behind_the_position_is_copied_by_the_next_pass() {
    let site = Site::start(&[]).await;
    site.dsql(BEFORE).await;
    site.run_to_the_end().await;
    let time = |modifier: &str| format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{modifier}')");
    site.d1(&format!(
        "UPDATE copy_pass SET begun_at = {}, after_updated_at = {}, after_id = '{}'",
        time("-10 minutes"),
        time("-1 minutes"),
        "00000000-0000-0000-0000-000000000000"
    ))
    .await;
    commit_late(&site, "product 1", "12 minutes").await;
    site.run_to_the_end().await;
    assert_eq!(site.compare().await.lost, 1, "the position is behind the row");
    site.run_to_the_end().await;
    assert_eq!(site.compare().await, Difference::NONE);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_pass_repairs_any_difference() {
    let site = Site::start(&[("BATCH_ROWS", "5")]).await;
    site.dsql(BEFORE).await;
    site.run_to_the_end().await;
    site.d1("UPDATE product SET name = 'wrong' WHERE name = 'product 3'").await;
    site.d1("DELETE FROM product WHERE name = 'product 18'").await;
    site.d1("UPDATE product SET id = 'zzz' WHERE name = 'product 9'").await;
    site.dsql("DELETE FROM product WHERE name IN ('product 1', 'product 5', 'product 17')").await;
    // The row with this key now has other values and a lower version, as if the key were used for another row.
    site.dsql(
        "INSERT INTO product (id, category_id, name, price_cents, updated_at)
         SELECT id, category_id, 'another', 1, now() - interval '1 hour' FROM product WHERE name = 'product 4'
         ON CONFLICT (id) DO UPDATE SET name = 'another', version = 0",
    )
    .await;
    site.run_to_the_end().await;
    assert_ne!(site.compare().await, Difference::NONE);
    site.d1("UPDATE full_pass SET as_of = NULL").await;
    site.run_to_the_end().await;
    assert_eq!(site.compare().await, Difference::NONE);
    site.stop().await;
}

/// More rows are written at once than one run copies. If each run began again at `as_of` minus the overlap, every run
/// would copy the same first rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_rows_than_one_run_copies_take_several_runs() {
    let site = Site::start(&[("BATCH_ROWS", "5"), ("D1_STATEMENTS", "40")]).await;
    site.dsql(BEFORE).await;
    site.dsql(
        "INSERT INTO product (category_id, name, price_cents)
         SELECT '00000000-0000-4000-8000-000000000000', 'more ' || n, n FROM generate_series(1, 200) AS n",
    )
    .await;
    let (mut runs, mut copied) = (0, 0);
    loop {
        runs += 1;
        site.plan(serde_json::json!({})).await;
        let line = site.run().await;
        let statements: usize = site.report().await.batches.iter().sum();
        assert!(statements <= 40, "a run sent {statements} statements");
        let now = site.rows_of_d1().await.len();
        if line == "D1 is up to date" {
            break;
        }
        assert!(line == "the next run continues" && (now > copied || now == 218), "{line}: {now} rows");
        copied = now;
    }
    assert!(runs > 8, "{runs} runs");
    assert_eq!(site.compare().await, Difference::NONE);
    site.stop().await;
}

/// A page of 1,000 rows with about 850 bytes each is longer than a parameter may be, so the page takes two batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_page_is_written_in_several_batches() {
    let site = Site::start(&[]).await;
    site.dsql(
        "INSERT INTO product (category_id, name, price_cents)
         SELECT gen_random_uuid(), repeat('漢', 200), n FROM generate_series(1, 1500) AS n",
    )
    .await;
    site.plan(serde_json::json!({})).await;
    assert_eq!(site.run().await, "D1 is up to date");
    // The batches: one takes the lease, two belong to the ranking (one deletes old versions, one writes), four belong
    // to each of the two passes (one reads the position, three write rows), and one releases the lease.
    assert_eq!(site.report().await.batches.len(), 1 + 2 + 2 * (1 + 3) + 1);
    assert_eq!(site.compare().await, Difference::NONE);
    site.stop().await;
}

const ROWS: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_thousand_rows_are_copied_while_readers_read() {
    let site = Arc::new(Site::start(&[]).await);
    site.dsql(&format!(
        "INSERT INTO category (id, name)
         SELECT ('00000000-0000-4000-8000-0000000000' || lpad(n::text, 2, '0'))::uuid, 'category ' || n
         FROM generate_series(0, 99) AS n;
         INSERT INTO product (category_id, name, price_cents)
         SELECT ('00000000-0000-4000-8000-0000000000' || lpad((n % 100)::text, 2, '0'))::uuid,
                'product ' || n, n FROM generate_series(1, {ROWS}) AS n;
         INSERT INTO sale (product_id, quantity, price_cents) SELECT id, 1, price_cents FROM product;
         ANALYZE"
    ))
    .await;
    let ended = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (site, ended) = (site.clone(), ended.clone());
        async move {
            let (mut reads, mut half) = (0, 0);
            while !ended.load(Ordering::SeqCst) {
                let answer = site.workerd().get("/ranking").await;
                let value: Value = serde_json::from_str(&answer.body).unwrap();
                let places = value["ranking"].as_array().map(Vec::len);
                // Before the first version is complete, the answer is 404; after that, the answer has the whole
                // ranking.
                half += usize::from(!(answer.status == 404 || places == Some(1000)));
                reads += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (reads, half)
        }
    });
    let timed = async || {
        let started = Instant::now();
        let runs = site.run_to_the_end().await;
        (started.elapsed().as_secs_f64(), runs)
    };
    site.d1("UPDATE full_pass SET as_of = '2100-01-01T00:00:00Z'").await;
    let (copying, runs) = timed().await;
    let (again, _) = timed().await;
    site.d1("UPDATE full_pass SET as_of = NULL").await;
    let (comparing, _) = timed().await;
    ended.store(true, Ordering::SeqCst);
    let (reads, half) = reader.await.unwrap();
    let difference = site.compare().await;
    println!(
        "D1 sync of {ROWS} rows: {copying:.1} s in {runs} run(s); {again:.1} s to read them again; {comparing:.1} s \
         to read them again and to compare all; rows lost {}, doubled {}, half-visible reads {half} of {reads}",
        difference.lost, difference.doubled
    );
    assert_eq!((difference, half), (Difference::NONE, 0));
    let Ok(site) = Arc::try_unwrap(site) else { panic!("the reader has ended") };
    site.stop().await;
}

/// There are more tombstones than one transaction of DSQL can delete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_pass_removes_old_tombstones_in_batches() {
    let site = Site::start(&[]).await;
    site.dsql(BEFORE).await;
    site.dsql(
        "INSERT INTO product (category_id, name, price_cents, updated_at, deleted_at)
         SELECT p.category_id, 'deleted ' || n, 1, now() - n * interval '2 minutes', now() - n * interval '2 minutes'
           FROM generate_series(1, 9000) n, (SELECT category_id FROM product LIMIT 1) p",
    )
    .await;
    site.run_to_the_end().await;
    // 5040 times 2 minutes are seven days.
    let tombstones =
        "SELECT json_build_array(count(*) < 5060, count(*) >= 5039, coalesce(min(deleted_at) > now() - interval '7 days 5 minutes', true))::text
           FROM product WHERE deleted_at IS NOT NULL";
    assert_eq!(site.dsql_json(tombstones).await, [true, true, true]);
    assert_eq!(site.compare().await, Difference::NONE);
    site.stop().await;
}

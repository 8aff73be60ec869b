//! Tests what a visitor sees: the data with its age, and an error instead of wrong data.

use serde_json::json;

use crate::shop::{BEFORE, NOW};
use crate::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_have_the_age_of_the_data() {
    let site = Site::start(&[]).await;
    let product = "/products/00000000-0000-4000-9000-000000000001";
    assert_eq!(site.workerd().get("/ranking").await.status, 404, "nothing was copied yet");
    site.run_to_the_end().await;
    assert_eq!(site.json("/ranking").await["ranking"], json!([]), "an empty ranking is a ranking");
    assert_eq!(site.workerd().get(product).await.status, 404);
    site.dsql(BEFORE).await;
    // The rows of `BEFORE` are an hour old: only a full pass finds them now.
    site.d1("UPDATE full_pass SET as_of = NULL").await;
    site.run_to_the_end().await;
    assert_eq!(site.json(product).await["product"]["price_cents"], 100);
    // DSQL's clock and D1's clock are the clock of this machine.
    for path in ["/ranking", product] {
        let age = site.json(path).await["age_seconds"].as_f64().unwrap();
        assert!((0.0..60.0).contains(&age), "{path}: {age}");
    }
    site.dsql(NOW).await;
    site.d1("UPDATE copy_pass SET as_of = '2026-01-01T00:00:00Z'").await;
    assert_eq!(site.json(product).await["product"]["price_cents"], 100);
    assert!(site.json(product).await["age_seconds"].as_f64().unwrap() > 1e6);
    assert_eq!(site.json(&format!("/direct{product}")).await["product"]["price_cents"], 101);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_d1_causes_an_error_and_no_data() {
    let site = Site::start(&[]).await;
    site.dsql(BEFORE).await;
    site.run_to_the_end().await;
    site.d1("ALTER TABLE ranking_pointer RENAME TO elsewhere").await;
    let answer = site.workerd().get("/ranking").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"error":"the data cannot be read now"}"#));
    site.workerd().logged("edge-cache: D1: no such table: ranking_pointer").await;
    site.plan(json!({})).await;
    assert!(site.run().await.starts_with("D1: no such table: ranking_pointer"));
    site.d1("ALTER TABLE elsewhere RENAME TO ranking_pointer").await;
    site.d1("UPDATE copy_pass SET begun_at = 'yesterday', after_updated_at = 'x', after_id = 'y'").await;
    let line = site.run().await;
    assert!(line.starts_with("D1 holds the position \"yesterday\""), "{line}");
    site.stop().await;
}

/// workerd has D1's limit: a statement with a parameter for each value would fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_accepts_at_most_100_parameters() {
    let site = Site::start(&[]).await;
    for (count, accepted) in [(100, true), (101, false)] {
        let places: Vec<String> = (1..=count).map(|n| format!("?{n}")).collect();
        let sql = format!("SELECT 1 WHERE 1 IN ({})", places.join(", "));
        let batch = json!([{ "sql": sql, "params": vec![1; count] }]);
        let answer = site.workerd().post("/d1", &batch.to_string()).await;
        assert_eq!(
            !answer.body.contains("variable number must be between ?1 and ?100"),
            accepted,
            "{}",
            answer.body
        );
    }
    site.stop().await;
}

/// The row of the lease cannot be deleted by mistake: without this row, every batch would pass the fence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lease_keeps_its_row() {
    let site = Site::start(&[]).await;
    let batch = json!([{ "sql": "DELETE FROM lease" }]).to_string();
    let answer = site.workerd().post("/d1", &batch).await;
    assert!(answer.body.contains("to end a lease, set its expires_at to 0"), "{}", answer.body);
    site.stop().await;
}

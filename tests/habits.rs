//! Workers as users write them, in a real workerd: axum, cron, queues, two clusters, and each source of credentials.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use dsql_edge_local::Local;
use dsql_edge_tests::workerd::{self, Answer, Extras, Workerd};

const SCHEMA: &str = include_str!("habits/dsql-schema.sql");
const ROLE: &str = "arn:aws:iam::123456789012:role/worker";

const OWN_KEYS: [&str; 2] = ["REPORTS_AWS_ACCESS_KEY_ID", "REPORTS_AWS_SECRET_ACCESS_KEY"];

type Bindings = Vec<(&'static str, String)>;

async fn local() -> Local {
    Local::builder().named_init_sql("schema", SCHEMA).role(ROLE, Some("partner")).start().await.unwrap()
}

async fn habits(local: &Local, bindings: &Bindings, stored: &[&str]) -> Workerd {
    let extras = Extras { stored, triggers: true, ..Extras::default() };
    Workerd::start_with(workerd::habits().await, local.ca_pem(), bindings, &extras).await
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: body.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axum_cron_and_queues_run_queries() {
    let local = local().await;
    let habits = habits(&local, &local.bindings(), &[]).await;
    assert_eq!(habits.get("/events").await, answer(200, "[]"));
    assert_eq!(habits.post("/events/visitor", "hello").await, answer(201, ""));
    assert_eq!(habits.post("/events/visitor", "again").await.status, 409);
    assert_eq!(habits.post("/trigger/scheduled", "*/5 * * * *").await.status, 200);
    assert_eq!(habits.post("/trigger/queue", r#"{"detail":"a message"}"#).await.status, 200);
    let events = r#"[{"source":"cron","detail":"*/5 * * * *"},{"source":"queue","detail":"a message"},{"source":"visitor","detail":"hello"}]"#;
    assert_eq!(habits.get("/events").await, answer(200, events), "{}", habits.log());
    // The Worker's subscriber writes the spans of its queries to the console.
    for words in [
        "query{",
        "db.query.summary=\"INSERT event\"",
        "db.response.status_code=\"23505\"",
        "dsql_edge.round_trips=4",
    ] {
        habits.logged(words).await;
    }
    assert!(!habits.log().contains("a message"), "a parameter is in the log: {}", habits.log());
    habits.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefix_distinguishes_two_clusters() {
    let local = local().await;
    let schema = "CREATE ROLE reporter WITH LOGIN;
        AWS IAM GRANT reporter TO 'arn:aws:iam::000000000000:user/dsql-local'";
    let other =
        Local::builder().init_sql(schema).credentials(local.credentials().clone()).start().await.unwrap();
    let mut bindings = local.bindings();
    bindings.push(("REPORTS_DSQL_ENDPOINT", other.endpoint()));
    bindings.push(("REPORTS_DSQL_REGION", other.region().to_owned()));
    bindings.push(("REPORTS_DSQL_USER", "reporter".to_owned()));
    let both = [local.ca_pem(), other.ca_pem()].concat();
    let bundle = workerd::habits().await;
    let habits = Workerd::start(bundle, &both, &bindings).await;
    assert_eq!(habits.get("/events").await, answer(200, "[]"));
    assert_eq!(habits.get("/reports").await, answer(200, "reporter"));
    habits.stop().await;

    // If the second cluster has its own keys and `from_env` cannot read them, `from_env` does not use the first
    // cluster's keys instead.
    bindings.extend(OWN_KEYS.map(|name| (name, "unread".to_owned())));
    let extras = Extras { stored: &OWN_KEYS, ..Extras::default() };
    let habits = Workerd::start_with(bundle, &both, &bindings, &extras).await;
    let missing = habits.get("/reports").await;
    assert!(missing.status == 500 && missing.body.contains(OWN_KEYS[0]), "{missing:?}");
    habits.stop().await;
    other.stop().await.unwrap();
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_read_from_the_secrets_store() {
    let local = local().await;
    let habits = habits(&local, &local.bindings(), &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]).await;
    assert_eq!(habits.get("/store").await, answer(200, "admin"));
    // `from_env` does not read the Secrets Store: the error contains the call that reads the Secrets Store.
    let missing = habits.get("/events").await;
    assert_eq!(missing.status, 500);
    assert!(
        missing.body.contains("AWS_ACCESS_KEY_ID") && missing.body.contains("from_secrets_store"),
        "{missing:?}"
    );
    habits.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_server_causes_a_timeout() {
    let local = local().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut bindings = local.bindings();
    bindings[0].1 = format!("localhost:{}", silent.local_addr().unwrap().port());
    let habits = habits(&local, &bindings, &[]).await;
    let answer = habits.get("/impatient").await;
    assert!(
        answer.status == 500 && answer.body.starts_with("timeout connecting to localhost:"),
        "{answer:?}"
    );
    habits.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_assumed_through_fetch() {
    let local = local().await;
    let mut bindings = local.bindings();
    bindings.push(("AWS_ROLE_ARN", ROLE.to_owned()));
    bindings.push(("AWS_ROLE_EXTERNAL_ID", "partner".to_owned()));
    let trusted = habits(&local, &bindings, &[]).await;
    // Many requests start without credentials. Most of these requests wait for a request that already calls STS, and do
    // not call STS themselves.
    for answered in futures_util::future::join_all((0..50).map(|_| trusted.get("/events"))).await {
        assert_eq!(answered, answer(200, "[]"), "{}", trusted.log());
    }
    assert!((1..=20).contains(&local.sessions_issued()), "{}", local.sessions_issued());
    let issued = local.sessions_issued();
    assert_eq!(trusted.get("/events").await, answer(200, "[]"), "{}", trusted.log());
    assert_eq!(local.sessions_issued(), issued);
    // By the cluster's clock, the session has expired; by the Worker's clock, it has not. The cluster rejects the
    // token, the Worker drops the credentials, and the next request assumes the role again.
    local.advance_clock(std::time::Duration::from_secs(3601));
    let refused = trusted.get("/events").await;
    assert!(refused.body.contains("access denied"), "{refused:?}");
    trusted.stop().await;

    let secret = local.credentials().secret_access_key();
    bindings.retain(|(name, _)| *name != "AWS_ROLE_EXTERNAL_ID");
    let stranger = habits(&local, &bindings, &[]).await;
    let refused = stranger.get("/events").await;
    assert_eq!(refused.status, 500);
    for words in ["Signature expired", ROLE] {
        assert!(refused.body.contains(words), "{refused:?}");
    }
    assert!(!refused.body.contains(secret) && !stranger.log().contains(secret));
    stranger.stop().await;
    local.stop().await.unwrap();
}

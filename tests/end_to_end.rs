//! The example blog in a real workerd, against a real PostgreSQL 16 behind dsql-local.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;

use std::time::Duration;

use dsql_edge_local::{Credentials, Local};
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::workerd::{self, Answer, Extras, Workerd};

const SCHEMA: &str = include_str!("../examples/blog/dsql-schema.sql");
const SEED: &str = include_str!("../examples/blog/seed.sql");

async fn local() -> Local {
    Local::builder().named_init_sql("schema", SCHEMA).named_init_sql("seed", SEED).start().await.unwrap()
}

type Bindings = Vec<(&'static str, String)>;

/// Starts the blog with a change to its bindings. The blog trusts `local`'s certificate authority.
async fn blog(local: &Local, change: impl FnOnce(&mut Bindings)) -> Workerd {
    let mut bindings = local.bindings();
    change(&mut bindings);
    Workerd::start(workerd::blog().await, local.ca_pem(), &bindings).await
}

fn set(bindings: &mut Bindings, name: &str, value: impl Into<String>) {
    bindings.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value.into();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_blog_answers() {
    let local = local().await;
    let blog = blog(&local, |_| {}).await;

    let now = blog.get("/").await;
    assert_eq!(now.status, 200);
    assert!(now.body.starts_with(r#"{"ok":true,"timestamp":"20"#), "{}", now.body);

    let posts = blog.get("/posts").await;
    assert_eq!(posts.status, 200);
    let titles: Vec<&str> =
        posts.body.split(r#""title":""#).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(
        titles,
        [
            "往復回数を数えよう",
            "楽観的ロックと仲良くなる",
            "接続プールなしで考えるデータベース接続",
            "エッジで動かす分散SQL入門"
        ]
    );
    assert!(
        posts.body.contains(r#""reading_minutes":null"#) && posts.body.contains(r#""reading_minutes":12"#)
    );
    assert!(posts.body.contains(r#""published_at":"2026-03-09T00:00:00Z""#), "{}", posts.body);

    let methodology = r#"[{"tag_name":"アジャイル","usage_count":42},{"tag_name":"ドメイン駆動設計","usage_count":35},{"tag_name":"テスト駆動開発","usage_count":27}]"#;
    let answer = |status, body: &str| Answer { status, body: body.to_owned() };
    assert_eq!(blog.get("/tags/Methodology").await, answer(200, methodology));
    // A visitor's input becomes a value, never SQL.
    assert_eq!(blog.get("/tags/x'%20OR%20'1'='1").await, answer(200, "[]"));

    let tag = r#"{"tag_name":"設計","tag_category":"Methodology"}"#;
    let added = r#"{"tag_name":"設計","tag_category":"Methodology","usage_count":0}"#;
    assert_eq!(blog.post("/tags", tag).await, answer(201, added));
    let twice = blog.post("/tags", tag).await;
    assert_eq!((twice.status, twice.body.contains("設計")), (409, true), "{}", twice.body);
    for bad in ["", "{", "[]", r#"{"tag_name":"x"}"#, r#"{"tag_name":1,"tag_category":"x"}"#] {
        let refused = blog.post("/tags", bad).await;
        assert_eq!((refused.status, refused.body.contains("not a new tag in JSON")), (400, true), "{bad}");
    }
    assert_eq!(blog.get("/nowhere").await.status, 404);
    blog.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_query_costs_tcp_and_three_round_trips() {
    let local = local().await;
    let network = Network::to(local.port(), DELAY, Fault::None).await;
    let blog = blog(&local, |bindings| set(bindings, "DSQL_ENDPOINT", network.endpoint())).await;
    for path in ["/", "/tags/Methodology", "/posts"] {
        assert_eq!(blog.get(path).await.status, 200);
    }
    let counted: Vec<usize> = network.connections().iter().map(|seen| seen.round_trips()).collect();
    assert_eq!(counted, [3, 3, 3], "{:?}", network.connections());
    blog.stop().await;
    local.stop().await.unwrap();
}

/// Each case is a failure of the configuration or of the network, and the words that the log must contain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_is_named_without_a_secret() {
    let local = local().await;
    let late = Local::builder().clock_ahead(Duration::from_secs(7200)).start().await.unwrap();
    let nowhere = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let stranger = Credentials::made_up().unwrap();
    let remove =
        |name: &'static str| move |bindings: &mut Bindings| bindings.retain(|(known, _)| *known != name);
    let endpoint = |value: String| move |bindings: &mut Bindings| set(bindings, "DSQL_ENDPOINT", value);
    let secret = |value: String| move |bindings: &mut Bindings| set(bindings, "AWS_SECRET_ACCESS_KEY", value);
    type Change = Box<dyn FnOnce(&mut Bindings)>;
    let cases: Vec<(&str, &Local, Change, &[&str])> = vec![
        ("no endpoint", &local, Box::new(remove("DSQL_ENDPOINT")), &["DSQL_ENDPOINT"]),
        ("no secret", &local, Box::new(remove("AWS_SECRET_ACCESS_KEY")), &["AWS_SECRET_ACCESS_KEY"]),
        ("no region", &local, Box::new(remove("DSQL_REGION")), &["DSQL_REGION"]),
        ("a port too far", &local, Box::new(endpoint("localhost:99999".into())), &["DSQL_ENDPOINT", "port"]),
        (
            "a host that is not DSQL's",
            &local,
            Box::new(endpoint("db.example.com".into())),
            &["DSQL_ENDPOINT", ".dsql."],
        ),
        ("a URL", &local, Box::new(endpoint("https://localhost".into())), &["DSQL_ENDPOINT"]),
        (
            "another secret",
            &local,
            Box::new(secret(stranger.secret_access_key().into())),
            &["access denied", "AWS_SECRET_ACCESS_KEY"],
        ),
        ("an expired token", &late, Box::new(|_| {}), &["access denied", "the token was too old"]),
        ("nothing listening", &local, Box::new(endpoint(format!("localhost:{nowhere}"))), &["connect"]),
        // The keys are right, but the Worker trusts another server's authority.
        ("another authority", &late, Box::new(endpoint(local.endpoint())), &["certificate"]),
    ];
    for (name, server, change, words) in cases {
        let blog = blog(server, change).await;
        let answer = blog.get("/").await;
        assert_eq!(answer.status, 500, "{name}: {}", answer.body);
        assert!(answer.body.contains("the database did not answer"), "{name}: {}", answer.body);
        let mut log = String::new();
        for word in words {
            log = blog.logged(word).await;
        }
        for secret in
            [server.credentials().secret_access_key(), stranger.secret_access_key(), "X-Amz-Signature"]
        {
            assert!(!log.contains(secret), "{name}: a secret is in the log");
        }
        blog.stop().await;
    }
    late.stop().await.unwrap();
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_has_changed_since_is_named() {
    let local = local().await;
    let blog = blog(&local, |_| {}).await;
    assert_eq!(blog.get("/tags/Methodology").await.status, 200);
    local.run_sql("test", "ALTER TABLE tag_master ALTER COLUMN usage_count TYPE bigint").await.unwrap();
    assert_eq!(blog.get("/tags/Methodology").await.status, 500);
    for word in ["usage_count", "int4", "int8", "dsql-edge migrate"] {
        blog.logged(word).await;
    }
    local.run_sql("test", "DROP TABLE tag_master").await.unwrap();
    assert_eq!(blog.get("/tags/Methodology").await.status, 500);
    for word in ["42P01", "relation \"tag_master\" does not exist", "dsql-edge migrate"] {
        blog.logged(word).await;
    }
    assert_eq!(blog.get("/posts").await.status, 200, "the Worker continues");
    blog.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_mid_answer_is_an_error_at_every_stage() {
    let local = local().await;
    let whole = {
        let network = Network::to(local.port(), Duration::ZERO, Fault::None).await;
        let blog = blog(&local, |bindings| set(bindings, "DSQL_ENDPOINT", network.endpoint())).await;
        assert_eq!(blog.get("/posts").await.status, 200);
        blog.stop().await;
        network.connections()[0].received()
    };
    let (handshake, rows) = ("TLS", "broke");
    // The cuts: before the first byte, after 'S', in the handshake, in the startup's answer, in the rows, near the end.
    for (cut, stage) in [
        (0, handshake),
        (1, handshake),
        (100, handshake),
        (whole / 2, rows),
        (whole - whole / 4, rows),
        (whole - 100, rows),
    ] {
        let network = Network::to(local.port(), Duration::ZERO, Fault::CutAfter(cut)).await;
        let blog = blog(&local, |bindings| set(bindings, "DSQL_ENDPOINT", network.endpoint())).await;
        let answer = blog.get("/posts").await;
        assert_eq!(answer.status, 500, "cut after {cut} of {whole}: {}", answer.body);
        assert!(answer.body.contains("the database did not answer"), "cut after {cut}: {}", answer.body);
        // The log contains the stage at which the connection broke, and the location of the query.
        for word in [stage, "src/lib.rs:"] {
            blog.logged(word).await;
        }
        blog.stop().await;
    }
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_dsql_is_an_error_and_a_panic_ends_one_instance_only() {
    let local = Local::builder().start().await.unwrap();
    let (bundle, bindings) = (workerd::probe().await, local.bindings());
    let extras = Extras { durable_objects: &["Counter"], ..Extras::default() };
    let probe = Workerd::start_with(bundle, local.ca_pem(), &bindings, &extras).await;
    let answer = |status, body: &str| Answer { status, body: body.to_owned() };
    assert_eq!(probe.get("/three").await, answer(200, "[1,2,3]"));
    assert_eq!(probe.get("/many").await, answer(200, r#"{"last":5000,"rows":5000,"whole":true}"#));

    let body = probe.get("/body/1").await;
    assert_eq!((body.status, body.body.lines().count()), (200, 5000), "{}", probe.log());
    assert!(body.body.starts_with("1 あ") && body.body.lines().all(|line| line.ends_with('あ')));
    // The last row is an error, after the status was sent.
    let url = format!("http://127.0.0.1:{}/body/0", probe.port());
    let read = tokio::task::spawn_blocking(move || {
        let mut response = ureq::get(url).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().is_ok())
    });
    assert_eq!(read.await.unwrap(), (200, false), "{}", probe.log());

    assert_eq!(probe.get("/kept").await, answer(200, "1"));
    for _ in 0..2 {
        let refused = probe.get("/kept").await;
        assert_eq!(refused.status, 500);
        assert!(refused.body.contains(r#""other_request":true"#), "{}", refused.body);
    }
    assert_eq!(probe.get("/one").await, answer(200, "[1]"));

    assert_eq!(probe.get("/object").await, answer(200, "1"));
    assert_eq!(probe.get("/object").await, answer(200, "2"));
    let panicked = probe.get("/panic").await;
    assert_eq!(panicked.status, 500, "{}", panicked.body);
    assert_eq!(probe.get("/one").await, answer(200, "[1]"));
    probe.logged("Reinitializing Wasm application").await;
    // A new instance serves the request, so the values that the old instance kept are lost.
    assert_eq!(probe.get("/kept").await, answer(200, "1"));
    assert_eq!(
        probe.get("/object").await,
        answer(200, "1"),
        "the Rust part of a Durable Object is created again"
    );
    probe.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn round_trips_of_a_worker() {
    let numbers = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";
    let local = Local::builder().named_init_sql("numbers", numbers).start().await.unwrap();
    for flight in flights::worker(&local, workerd::probe().await).await {
        assert_eq!(flight.counted, flight.expected, "{}", flight.case);
    }
    local.stop().await.unwrap();
}

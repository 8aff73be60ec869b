//! Tests connections through WebSockets: with a dsql-local, and with servers that answer wrongly; natively and in a
//! real workerd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "../flights.rs"]
mod flights;
mod server;

use dsql_edge::{Config, Credentials, Dsql, Tunnel, sql};
use dsql_edge_local::{DirectTls, Local};
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::workerd::{self, Extras, Workerd};
use flights::{TABLES, config, count, id};
use server::{Answer, Server};

const NUMBERS: &str = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";

async fn local() -> Local {
    let local = Local::builder().named_init_sql("tables", TABLES).named_init_sql("numbers", NUMBERS);
    local.start().await.unwrap()
}

/// The bindings of a Worker that uses the WebSocket of the cluster.
fn bindings(local: &Local) -> Vec<(&'static str, String)> {
    let mut bindings = local.bindings();
    bindings.push(("DSQL_TRANSPORT", "websocket".to_owned()));
    bindings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_needs_the_same_round_trips_as_over_tcp() {
    let local = local().await;
    for flight in flights::worker_websocket(&local, workerd::probe().await).await {
        assert_eq!(flight.counted, flight.expected, "{flight:?}");
    }
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_client_runs_queries_transactions_and_streams() {
    let local = local().await;
    let dsql = Dsql::new(config(&local, None).websocket(true));
    let added = sql!(
        "INSERT INTO posts (id, title, views) VALUES ($1, repeat('往', 300), $2)",
        for n in 1..=7000_i32,
        id(n as u128),
        n
    );
    assert_eq!(added.execute(&dsql).await.unwrap(), 7000);
    let removed = dsql.transaction(async |tx| {
        sql!("DELETE FROM posts WHERE views > 6990").execute(tx).await?;
        count().fetch_value(tx).await
    });
    assert_eq!(removed.await.unwrap(), 6990);
    let mut rows = sql!("SELECT id, title, views FROM posts ORDER BY views").fetch(&dsql);
    let mut read = 0;
    while let Some(row) = rows.next().await.transpose().unwrap() {
        read += 1;
        assert_eq!((row.views, row.title.chars().count()), (read, 300));
    }
    assert_eq!(read, 6990);
    drop(rows);
    // One value is longer than a frame in both directions.
    let long = "x".repeat(1_000_000);
    let back = sql!("SELECT $long::text AS long").fetch_value(&dsql).await.unwrap();
    assert_eq!(back, long);
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_login_is_explained_as_over_tcp() {
    let local = local().await;
    let wrong =
        Config::local(&format!("localhost:{}", local.port()), "us-east-1", Credentials::new("id", "canary"));
    let wrong = wrong.unwrap().extra_ca(local.ca_pem());
    let [over_tcp, through_websocket] = [wrong.clone(), wrong.websocket(true)]
        .map(|config| async move { count().fetch_value(&Dsql::new(config)).await.unwrap_err().to_string() });
    let over_tcp = over_tcp.await;
    assert_eq!(through_websocket.await, over_tcp);
    assert!(over_tcp.contains("access denied") && !over_tcp.contains("canary"), "{over_tcp}");
    local.stop().await.unwrap();
}

/// A pool's Durable Object keeps the WebSocket for the next request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_lends_websockets() {
    let local = local().await;
    let network = Network::to(local.port(), DELAY, Fault::None).await;
    let mut bindings = bindings(&local);
    bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = network.endpoint();
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool", "Own"], ..Extras::default() };
    let worker = Workerd::start_with(workerd::pooled().await, local.ca_pem(), &bindings, &extras).await;
    for path in ["one/1", "one/1", "pipeline", "transaction/1000", "stream"] {
        let answer = worker.get(&format!("/pool/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}\n{}", answer.body, worker.log());
    }
    assert_eq!(network.connections().len(), 1);
    worker.stop().await;
    local.stop().await.unwrap();
}

/// A `dsql-local` accepts a WebSocket whether or not it accepts direct TLS, if the client sends the protocol name
/// `http/1.1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websocket_does_not_depend_on_direct_tls() {
    for direct_tls in [DirectTls::Alpn, DirectTls::Any, DirectTls::Never] {
        let local = Local::builder().named_init_sql("tables", TABLES).direct_tls(direct_tls);
        let local = local.start().await.unwrap();
        let dsql = Dsql::new(config(&local, None).direct_tls(true).websocket(true));
        assert_eq!(count().fetch_value(&dsql).await.unwrap(), 0, "{direct_tls}");
        local.stop().await.unwrap();
    }
}

/// A WebSocket on Workers has no back-pressure, so the answer of 20 MB waits in the memory of the Worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_wait_in_a_worker_are_limited() {
    let local = local().await;
    let probe = Workerd::start(workerd::probe().await, local.ca_pem(), &bindings(&local)).await;
    let whole = probe.get("/stream-paused/67108864").await;
    assert_eq!((whole.status, whole.body.as_str()), (200, "2001000"), "{}", probe.log());
    let cut = probe.get("/stream-paused/1000000").await;
    assert!(
        cut.body.contains(r#""too_long":true"#) && cut.body.contains("Config::max_result"),
        "{}",
        cut.body
    );
    probe.stop().await;
    // Over TCP the server waits.
    let probe = Workerd::start(workerd::probe().await, local.ca_pem(), &local.bindings()).await;
    let waited = probe.get("/stream-paused/1000000").await;
    assert_eq!((waited.status, waited.body.as_str()), (200, "2001000"));
    probe.stop().await;
    local.stop().await.unwrap();
}

/// Each answer of the server, the number of connections that a client opens because of the answer, and a part of the
/// client's error.
const ANSWERS: [(Answer, usize, &str); 9] = [
    (Answer::Http("302 Found\r\nLocation: https://team.cloudflareaccess.com/canary"), 1, "service token"),
    (Answer::Http("403 Forbidden"), 1, "service token"),
    (Answer::Http("200 OK"), 1, "HTTP status 200"),
    (Answer::Http("404 Not Found"), 1, "HTTP status 404"),
    (Answer::Http("502 Bad Gateway"), 3, "reaches the database"),
    (Answer::Http("530 Origin"), 3, "the tunnel runs"),
    (Answer::End, 3, "did not open"),
    (Answer::Text, 3, "text frame"),
    (Answer::Close, 3, "1011"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_client_explains_a_server_that_opens_no_websocket() {
    for (answer, connections, reason) in ANSWERS {
        let server = Server::start(answer).await;
        let config =
            Config::local(&server.endpoint(), "us-east-1", Credentials::new("id", "canary")).unwrap();
        let dsql = Dsql::new(config.extra_ca(server.ca_pem()).websocket(true));
        let error = count().fetch_value(&dsql).await.unwrap_err();
        let shown = error.to_string();
        assert!(error.is_connect() && !error.is_outcome_unknown(), "{answer:?}: {shown}");
        assert!(shown.contains(reason) && !shown.contains("canary"), "{answer:?}: {shown}");
        assert_eq!(server.heads().len(), connections, "{answer:?}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_explains_a_server_that_opens_no_websocket() {
    for (answer, connections, reason) in ANSWERS {
        let server = Server::start(answer).await;
        let bindings = [
            ("DSQL_ENDPOINT", server.endpoint()),
            ("DSQL_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "id".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "canary".to_owned()),
            ("DSQL_TRANSPORT", "websocket".to_owned()),
        ];
        let probe = Workerd::start(workerd::probe().await, server.ca_pem(), &bindings).await;
        let answered = probe.get("/one").await;
        assert_eq!(answered.status, 500, "{answer:?}");
        assert!(
            answered.body.contains(reason) && !answered.body.contains("canary"),
            "{answer:?}: {}\n{}",
            answered.body,
            probe.log()
        );
        assert_eq!(server.heads().len(), connections, "{answer:?}: {}", answered.body);
        probe.stop().await;
    }
}

/// The headers of the request, and the error if Cloudflare Access rejects the service token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_token_is_sent_in_headers_and_never_shown() {
    let server = Server::start(Answer::Http("403 Forbidden")).await;
    let url = "postgres://app:canary@localhost/db";
    let tunnel = Tunnel::new(&format!("wss://{}/pg?x=1", server.endpoint())).unwrap();
    let tunnel = tunnel.access_service_token("canary-id.access", "canary-secret").unwrap();
    let config = Config::from_postgres(url).unwrap().tunnel(tunnel).unwrap().extra_ca(server.ca_pem());
    let error = count().fetch_value(&Dsql::new(config)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(error.is_connect() && shown.contains("Service Auth") && !shown.contains("canary"), "{shown}");
    let bindings = [
        ("DATABASE_URL", url.to_owned()),
        ("TUNNEL_SERVICE_HOSTNAME", format!("wss://{}/pg?x=1", server.endpoint())),
        ("TUNNEL_SERVICE_TOKEN_ID", "canary-id.access".to_owned()),
        ("TUNNEL_SERVICE_TOKEN_SECRET", "canary-secret".to_owned()),
    ];
    let probe = Workerd::start(workerd::probe().await, server.ca_pem(), &bindings).await;
    let answered = probe.get("/postgres/one").await;
    assert!(answered.body.contains("Service Auth") && !answered.body.contains("canary"), "{}", answered.body);
    assert!(!probe.log().contains("canary"), "{}", probe.log());
    probe.stop().await;
    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    for head in heads {
        let lower = head.to_ascii_lowercase();
        assert!(head.starts_with("GET /pg?x=1 HTTP/1.1\r\n"), "{head}");
        for line in [
            "cf-access-client-id: canary-id.access\r\n",
            "cf-access-client-secret: canary-secret\r\n",
            "upgrade: websocket\r\n",
        ] {
            assert_eq!(lower.matches(line).count(), 1, "{head}");
        }
    }
}

//! Tests direct TLS with a real PostgreSQL 17. PostgreSQL accepts direct TLS only from clients that send the name of
//! the protocol in the handshake (ALPN). The native client sends the name of the protocol; the client in a real workerd
//! cannot send it.
//!
//! PostgreSQL does not accept a token as a password. So PostgreSQL's error for the login shows that PostgreSQL has read
//! the login inside TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use dsql_edge::{Config, Credentials, Dsql, Error, sql};
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::postgres_server::PostgresServer;
use dsql_edge_tests::workerd::{self, Workerd};
use xtask::setup;

const WITHOUT_ALPN: &str = "without ALPN protocol negotiation extension";
const REJECTED: &str = "password authentication failed";

async fn query(config: &Config) -> Error {
    sql!("SELECT 1 AS n").fetch_one(&Dsql::new(config.clone())).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_17_accepts_direct_tls_only_with_alpn() {
    let bin = tokio::task::spawn_blocking(|| setup::postgres17().unwrap()).await.unwrap();
    let postgres = PostgresServer::start(&bin, "hostssl all all 127.0.0.1/32 password\n", "").await;
    let network = Network::to(postgres.port(), DELAY, Fault::None).await;
    let events = Arc::<Mutex<Vec<(u32, bool)>>>::default();
    let noted = events.clone();
    let config = Config::local(&network.endpoint(), "us-east-1", Credentials::new("id", "key")).unwrap();
    let config = config.direct_tls(true).extra_ca(postgres.ca_pem()).on_event(move |event| {
        noted.lock().unwrap().push((event.round_trips(), event.direct_tls_rejected()));
    });
    let error = query(&config).await;
    assert!(error.to_string().contains(REJECTED), "{error}\n{}", postgres.log());
    assert_eq!(events.lock().unwrap()[..], [(3, false)]);
    assert!(!postgres.log().contains(WITHOUT_ALPN), "{}", postgres.log());

    // Workers do not send the name of the protocol: PostgreSQL closes the connection, and the query begins again with
    // SSLRequest.
    let network = Network::to(postgres.port(), DELAY, Fault::None).await;
    let bindings = [
        ("DSQL_ENDPOINT", network.endpoint()),
        ("DSQL_REGION", "us-east-1".to_owned()),
        ("DSQL_TLS", "direct".to_owned()),
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ];
    let probe = Workerd::start(workerd::probe().await, postgres.ca_pem(), &bindings).await;
    for connections in [2, 3] {
        let answer = probe.get("/one").await;
        assert!(answer.body.contains(REJECTED), "{}\n{}", answer.body, postgres.log());
        assert_eq!(network.connections().len(), connections, "{}", postgres.log());
    }
    assert_eq!(postgres.log().matches(WITHOUT_ALPN).count(), 1, "{}", postgres.log());
    probe.stop().await;
    postgres.stop().await;
}

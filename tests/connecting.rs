//! Tests connections that are opened before a query needs them, and connections that begin with TLS, both in a real
//! workerd and natively.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dsql_edge::Dsql;
use dsql_edge_local::{DirectTls, Local};
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::workerd::{self, Extras, Workerd};
use flights::{TABLES, config, count};

const NUMBERS: &str = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";

async fn local(direct_tls: DirectTls) -> Local {
    let local = Local::builder().named_init_sql("tables", TABLES).named_init_sql("numbers", NUMBERS);
    local.direct_tls(direct_tls).start().await.unwrap()
}

/// The bindings of a Worker that reaches the cluster through this network.
fn bindings(local: &Local, network: &Network) -> Vec<(&'static str, String)> {
    let mut bindings = local.bindings();
    bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = network.endpoint();
    bindings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_opens_a_connection_while_it_waits() {
    let local = local(DirectTls::Alpn).await;
    let network = Network::to(local.port(), DELAY, Fault::None).await;
    let probe = Workerd::start(workerd::probe().await, local.ca_pem(), &bindings(&local, &network)).await;
    // The pause is longer than three round trips take on a slow machine.
    let warm = probe.get("/warm/3000").await;
    assert_eq!((warm.status, warm.body.as_str()), (200, "[[1,0,false]]"));
    let cold = probe.get("/cold/10").await;
    assert_eq!((cold.status, cold.body.as_str()), (200, "[[4,0,false]]"));
    // The query takes the connection that is still being opened.
    let at_once = probe.get("/warm/0").await;
    assert_eq!((at_once.status, at_once.body.as_str()), (200, "[[4,0,false]]"));
    let trips: Vec<usize> = network.connections().iter().map(|seen| seen.round_trips() + 1).collect();
    assert_eq!(trips, [4, 4, 4]);

    // A connection that no query uses ends with its request, whether or not its login is complete.
    for milliseconds in [3000, 20, 0] {
        let unused = probe.get(&format!("/unused/{milliseconds}")).await;
        assert_eq!(unused.status, 200, "{}", unused.body);
    }
    let ended = async {
        while network.connections().iter().any(|seen| !seen.has_ended()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("a connection is left open");
    let log = probe.log();
    assert!(!log.contains("rror"), "{log}");
    probe.stop().await;
    local.stop().await.unwrap();
}

/// Workers do not send the name of a protocol in the TLS handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_begins_with_tls_where_it_is_accepted() {
    for (direct_tls, first, later) in [
        // The first write waits for the end of the login; the read takes three round trips.
        (DirectTls::Any, "[[4,0,false],[3,0,false]]", "[[3,0,false],[3,0,false]]"),
        // The first attempt takes TCP, TLS and the login; the second attempt takes four round trips.
        (DirectTls::Alpn, "[[7,1,true],[4,0,false]]", "[[4,0,false],[4,0,false]]"),
        // TCP and TLS, then four round trips, in one attempt.
        (DirectTls::Never, "[[6,0,true],[4,0,false]]", "[[4,0,false],[4,0,false]]"),
    ] {
        let local = local(direct_tls).await;
        let network = Network::to(local.port(), DELAY, Fault::None).await;
        let mut bindings = bindings(&local, &network);
        bindings.push(("DSQL_TLS", "direct".to_owned()));
        let probe = Workerd::start(workerd::probe().await, local.ca_pem(), &bindings).await;
        for (number, expected) in [(1, first), (2, later)] {
            let answer = probe.get(&format!("/write-and-read/{number}")).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, expected),
                "{direct_tls}: {}",
                probe.log()
            );
        }
        let warm = probe.get("/warm/3000").await;
        assert_eq!((warm.status, warm.body.as_str()), (200, "[[1,0,false]]"), "{direct_tls}");
        probe.stop().await;
        local.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_begins_with_tls_where_it_is_accepted() {
    for direct_tls in [DirectTls::Any, DirectTls::Alpn, DirectTls::Never] {
        let local = local(direct_tls).await;
        let mut bindings = local.bindings();
        bindings.push(("DSQL_TLS", "direct".to_owned()));
        let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool", "Own"], ..Extras::default() };
        let worker = Workerd::start_with(workerd::pooled().await, local.ca_pem(), &bindings, &extras).await;
        for path in ["pipeline-add/2000", "one/1", "transaction/1000"] {
            let answer = worker.get(&format!("/pool/{path}")).await;
            assert_eq!(answer.status, 200, "{direct_tls}, {path}: {}", answer.body);
        }
        worker.stop().await;
        local.stop().await.unwrap();
    }
}

/// Programs that are not Workers send the name of the protocol in the TLS handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_client_begins_with_tls_where_it_is_accepted() {
    for (direct_tls, trips) in [
        (DirectTls::Any, [(3, false), (3, false)]),
        (DirectTls::Alpn, [(3, false), (3, false)]),
        (DirectTls::Never, [(6, true), (4, false)]),
    ] {
        let local = local(direct_tls).await;
        let events = Arc::<Mutex<Vec<(u32, bool)>>>::default();
        let noted = events.clone();
        let config = config(&local, None).direct_tls(true).max_attempts(1).on_event(move |event| {
            noted.lock().unwrap().push((event.round_trips(), event.direct_tls_rejected()));
        });
        for _ in 0..2 {
            count().fetch_value(&Dsql::new(config.clone())).await.unwrap();
        }
        assert_eq!(events.lock().unwrap()[..], trips, "{direct_tls}");
        local.stop().await.unwrap();
    }
}

#[test]
fn warm_up_outside_a_runtime_does_nothing() {
    let credentials = dsql_edge::Credentials::new("id", "key");
    let config = dsql_edge::Config::local("localhost:1", "us-east-1", credentials).unwrap();
    let dsql = Dsql::new(config);
    dsql.warm_up();
    drop(dsql);
}

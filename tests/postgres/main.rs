//! Tests the client with a plain PostgreSQL 16: logins, TLS, transactions, a pool; natively and in a real workerd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod logins;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dsql_edge::types::Uuid;
use dsql_edge::{Config, Dsql, Error, Pool, sql};
use dsql_edge_tests::postgres_server::PostgresServer;
use logins::{HBA, SQL, config};
use xtask::setup;

async fn server() -> PostgresServer {
    let bin = tokio::task::spawn_blocking(|| {
        setup::runtime().unwrap();
        setup::postgres().unwrap()
    });
    PostgresServer::start(&bin.await.unwrap(), HBA, SQL).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_of_postgresql_16() {
    let server = server().await;
    logins::each_method_is_accepted(&server, true).await;
    logins::other_logins_are_explained(&server).await;
    logins::search_path_is_in_force(&server, 8).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_and_name_are_always_verified() {
    let server = server().await;
    let port = server.port();
    let from = |host: &str, parameters: &str| {
        Config::from_postgres(&format!("postgres://app:canary-app@{host}:{port}/postgres?{parameters}"))
            .unwrap()
            .max_attempts(1)
    };
    for sslmode in ["prefer", "require", "verify-full"] {
        let parameters = format!("sslmode={sslmode}");
        let unknown_ca = logins::error(from("localhost", &parameters)).await;
        assert!(unknown_ca.contains("TLS") && unknown_ca.contains("sslrootcert"), "{unknown_ca}");
        let other_name = logins::error(from("127.0.0.1", &parameters).extra_ca(server.ca_pem())).await;
        assert!(other_name.contains("TLS"), "{other_name}");
    }
    assert!(!server.log().contains("user=app"), "{}", server.log());
    let root = server.folder().join("ca.crt");
    let parameters = format!("sslrootcert={}", root.display().to_string().replace('/', "%2F"));
    let value = sql!("SELECT 1 AS n").fetch_value(&Dsql::new(from("localhost", &parameters))).await;
    assert_eq!(value.unwrap(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_transactions_and_sessions_run() {
    let server = server().await;
    let dsql = Dsql::new(config(&server, "app", server.port(), ""));
    let added = sql!(
        "INSERT INTO posts (id, title, views) VALUES ($id, 'x', $n)",
        for n in 1..=5000,
        id = Uuid::from_u128(n as u128)
    );
    assert_eq!(added.execute(&dsql).await.unwrap(), 5000);
    let (count, removed) = dsql
        .pipeline((sql!("SELECT count(*) FROM posts").value(), sql!("DELETE FROM posts WHERE views > 10")))
        .await
        .unwrap();
    assert_eq!((count, removed), (5000, 4990));
    let rolled_back = dsql.transaction(async |tx| {
        sql!("DELETE FROM posts WHERE views > 5").execute(tx).await?;
        sql!("UPDATE posts SET views = 1 / (views - views) WHERE true").execute(tx).await
    });
    assert!(rolled_back.await.unwrap_err().is_database());
    assert_eq!(sql!("SELECT count(*) FROM posts").fetch_value(&dsql).await.unwrap(), 10);
    let mut session = dsql.session();
    sql!("SET timezone = 'Asia/Tokyo'").execute(&mut session).await.unwrap();
    let zone = sql!("SELECT current_setting('timezone') AS z").fetch_value(&mut session).await.unwrap();
    assert_eq!(zone, "Asia/Tokyo");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transaction_that_ends_a_deadlock_runs_again() {
    let server = server().await;
    let [one, two] = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let dsql = || Dsql::new(config(&server, "app", server.port(), "").max_attempts(5));
    let (first, second) = (dsql(), dsql());
    sql!("INSERT INTO posts (id, title) VALUES ($one, 'x'), ($two, 'x')").execute(&first).await.unwrap();
    // Each transaction locks one row, waits until the other transaction has locked the other row, and then needs it.
    let both_have_one = Arc::new(tokio::sync::Barrier::new(2));
    let runs = Arc::<AtomicU32>::default();
    let swap = async |dsql: &Dsql, mine: Uuid, other: Uuid| {
        let (barrier, runs) = (both_have_one.clone(), runs.clone());
        let is_first = Arc::<AtomicU32>::default();
        dsql.transaction(async move |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            sql!("UPDATE posts SET views = views + 1 WHERE id = $mine").execute(tx).await?;
            if is_first.fetch_add(1, Ordering::Relaxed) == 0 {
                barrier.wait().await;
            }
            sql!("UPDATE posts SET views = views + 1 WHERE id = $other").execute(tx).await
        })
        .await
    };
    let (a, b) = tokio::join!(swap(&first, one, two), swap(&second, two, one));
    assert_eq!((a.unwrap(), b.unwrap()), (1, 1));
    assert_eq!(runs.load(Ordering::Relaxed), 3, "one of the transactions ran again");
    let views = sql!("SELECT sum(views) AS \"views!\" FROM posts").fetch_value(&first).await.unwrap();
    assert_eq!(views, 4);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_session_is_rejected_behind_a_pooler() {
    let server = server().await;
    let pooled = config(&server, "app", server.port(), "").transaction_pooler(true);
    let mut session = Dsql::new(pooled).session();
    let error = sql!("SET timezone = 'UTC'").execute(&mut session).await.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("SET LOCAL"), "{error}");
    assert_eq!(sql!("SELECT 1 AS n").fetch_value(&mut session).await.unwrap(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn query_after_warm_up_takes_one_round_trip() {
    let server = server().await;
    let trips = std::sync::Arc::<std::sync::Mutex<Vec<u32>>>::default();
    let noted = trips.clone();
    let config = config(&server, "app", server.port(), "")
        .on_event(move |event| noted.lock().unwrap().push(event.round_trips()));
    let dsql = Dsql::new(config);
    dsql.warm_up();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(sql!("SELECT 1 AS n").fetch_value(&dsql).await.unwrap(), 1);
    assert_eq!(trips.lock().unwrap()[..], [1]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_lends_connections_of_a_postgresql() {
    let server = server().await;
    let pool = Pool::new(config(&server, "app", server.port(), "").max_connections(2));
    let dsql = pool.dsql();
    for n in 0..20 {
        assert_eq!(sql!("SELECT $n::int4 + 1 AS n").fetch_value(&dsql).await.unwrap(), n + 1);
    }
    let added = dsql.transaction(async |tx| {
        sql!("INSERT INTO posts (id, title) VALUES ($1, 'x')", Uuid::nil()).execute(tx).await?;
        sql!("UPDATE posts SET views = 1 WHERE true").execute(tx).await
    });
    assert_eq!(added.await.unwrap(), 1);
    let wrong = Pool::new(config(&server, "nobody", server.port(), "").max_attempts(2));
    let error: Error = sql!("SELECT 1 AS n").fetch_value(&wrong.dsql()).await.unwrap_err();
    assert!(error.is_access_denied() && !error.to_string().contains("canary"), "{error}");
    let opened = server.log().matches("connection authorized: user=app").count();
    assert_eq!(opened, 1, "{}", server.log());
    server.stop().await;
}

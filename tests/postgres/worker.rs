//! Workers in a real workerd with a plain PostgreSQL 16, and with a binding of Hyperdrive.

use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::workerd::{self, Extras, Workerd};

use super::logins::{UNICODE, port_of};
use super::server;
use xtask::workerd::Hyperdrive;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_logs_in_with_each_method() {
    let server = server().await;
    let bundle = workerd::probe().await;
    for (user, password, parameters, expected, is_tls) in [
        ("app", "canary-app", "", 7, true),
        ("secure", "canary-app", "sslmode=verify-full", 7, true),
        ("app", "canary-app", "sslmode=prefer", 7, true),
        ("app", "canary-app", "sslmode=disable", 5, false),
        ("unicode", UNICODE, "sslmode=disable", 5, false),
        ("old", "canary-app", "require_auth=md5&sslmode=disable", 4, false),
        ("clear", "canary-app", "", 6, true),
        ("trusted", "", "", 5, true),
    ] {
        let network = Network::to(server.port(), DELAY, Fault::None).await;
        let url =
            format!("postgres://{user}:{password}@localhost:{}/postgres?{parameters}", port_of(&network));
        let bindings = [("DATABASE_URL", url)];
        let probe = Workerd::start(bundle, server.ca_pem(), &bindings).await;
        let answer = probe.get("/postgres/one").await;
        let body = format!("[8,[{expected},1]]");
        assert_eq!((answer.status, &answer.body), (200, &body), "{user} {parameters}: {}", probe.log());
        // The second query takes one round trip. With the oldest workerd, PostgreSQL's default curve causes a
        // HelloRetryRequest, which costs one more round trip.
        let counted = network.connections()[0].round_trips() + 1;
        let least = expected + 1;
        assert!((least..=least + usize::from(is_tls)).contains(&counted), "{user} {parameters}: {counted}");
        probe.stop().await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_explains_a_login_that_fails() {
    let server = server().await;
    let bundle = workerd::probe().await;
    let port = server.port();
    for (url, is_trusted, reason) in [
        (format!("postgres://app:canary@localhost:{port}/postgres"), true, "28P01"),
        (format!("postgres://app:canary@localhost:{port}/postgres"), false, "Hyperdrive"),
        (format!("postgres://old:canary@localhost:{port}/postgres"), true, "require_auth=md5"),
        (format!("postgres://clear:canary@localhost:{port}/postgres?sslmode=disable"), true, "clear text"),
        (format!("postgres://app:canary@localhost:{port}/db?channel_binding=require"), true, "certificate"),
        (format!("postgres://app:canary@localhost:{port}/db?sslrootcert=%2Fca"), true, "Google Cloud SQL"),
        ("postgres://app:canary@localhost:1/db?sslmode=disable".to_owned(), true, "nothing answers at"),
        (String::new(), true, "DATABASE_URL"),
    ] {
        let ca = if is_trusted { server.ca_pem() } else { "" };
        let probe = Workerd::start(bundle, ca, &[("DATABASE_URL", url.clone())]).await;
        let answer = probe.get("/postgres/one").await;
        assert_eq!(answer.status, 500, "{url}");
        assert!(answer.body.contains(reason) && !answer.body.contains("canary"), "{url}: {}", answer.body);
        probe.stop().await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_uses_a_binding_of_hyperdrive() {
    let server = server().await;
    let bundle = workerd::probe().await;
    for (user, expected) in [("clear", 4), ("old", 4), ("app", 5)] {
        let network = Network::to(server.port(), DELAY, Fault::None).await;
        let endpoint = network.endpoint();
        let bound = [Hyperdrive { name: "DB", address: &endpoint, user, password: "canary-app" }];
        let extras = Extras { hyperdrive: &bound, ..Extras::default() };
        let probe = Workerd::start_with(bundle, "", &[], &extras).await;
        let answer = probe.get("/hyperdrive/one").await;
        let body = format!("[8,[{expected},1]]");
        assert_eq!((answer.status, &answer.body), (200, &body), "{user}: {}", probe.log());
        let missing = probe.get("/hyperdrive/missing").await;
        assert!(missing.body.contains("[[hyperdrive]]") && missing.status == 500, "{}", missing.body);
        let session = probe.get("/hyperdrive/session").await;
        assert!(session.body.contains("SET LOCAL"), "{}", session.body);
        probe.stop().await;
    }
    server.stop().await;
}

/// Two bindings, as in the example's wrangler.toml. The PostgreSQL behind both bindings requests the password in clear
/// text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn example_reads_what_it_writes_through_hyperdrive() {
    let server = server().await;
    let client = server.superuser().await;
    client.batch_execute(include_str!("../../examples/hyperdrive/dsql-schema.sql")).await.unwrap();
    client.batch_execute("GRANT ALL ON note TO clear").await.unwrap();
    let address = format!("127.0.0.1:{}", server.port());
    let bound = ["DB", "DB_UNCACHED"].map(|name| Hyperdrive {
        name,
        address: &address,
        user: "clear",
        password: "canary-app",
    });
    let extras = Extras { hyperdrive: &bound, ..Extras::default() };
    let example = Workerd::start_with(workerd::hyperdrive_example().await, "", &[], &extras).await;
    let empty = example.get("/").await;
    assert_eq!((empty.status, empty.body.as_str()), (200, "[]"), "{}", example.log());
    for count in 1..=2 {
        let written = example.post("/", "往復").await;
        assert_eq!(written.status, 200, "{}", written.body);
        assert_eq!(written.body.matches("往復").count(), count, "{}", written.body);
    }
    example.stop().await;
    server.stop().await;
}

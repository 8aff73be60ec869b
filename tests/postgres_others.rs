//! Tests the client and the command line with other versions of PostgreSQL, 15 (Debian's), 17 and 18 (npm's), with
//! Debian's PgBouncer in transaction mode, and through Debian's websockify. `cargo xtask test --full postgres` installs
//! them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "only tests/postgres uses all of these functions")]
#[path = "postgres/logins.rs"]
mod logins;
#[path = "pull/twice.rs"]
mod twice;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dsql_edge::dynamic::Sql;
use dsql_edge::{Dsql, Error, Tunnel, sql};
use dsql_edge_codegen::migrate::{folder_of, migrate};
use dsql_edge_codegen::pull::snapshot;
use dsql_edge_codegen::server::Server;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_local::Guarded;
use dsql_edge_tests::golden;
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::postgres_server::{PostgresServer, as_nobody, free_port, own, server_folder, wait_for};
use dsql_edge_tests::workerd::{self, Workerd};
use logins::{HBA, SQL, config, port_of};
use xtask::setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_of_postgresql_15() {
    let server = PostgresServer::start(Path::new(setup::DEBIAN_POSTGRES_15), HBA, SQL).await;
    logins::each_method_is_accepted(&server, true).await;
    logins::other_logins_are_explained(&server).await;
    logins::search_path_is_in_force(&server, 8).await;
    server.stop().await;
}

/// The default curve of PostgreSQL 18 needs no HelloRetryRequest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_of_postgresql_18() {
    let bin = tokio::task::spawn_blocking(|| setup::postgres18().unwrap()).await.unwrap();
    let server = PostgresServer::start(&bin, HBA, SQL).await;
    logins::each_method_is_accepted(&server, false).await;
    logins::other_logins_are_explained(&server).await;
    logins::search_path_is_in_force(&server, 8).await;
    server.stop().await;
}

/// Tests that each of these schemas of tests/pull gives a snapshot that creates the same schema.
async fn snapshots_of(bin: &Path, names: &[&str]) {
    let server = PostgresServer::start(bin, "", "").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pull");
    for name in names {
        let ddl = std::fs::read_to_string(folder.join(format!("{name}.sql"))).unwrap();
        let pulled = twice::pull_twice(&server, &ddl).await.unwrap();
        if *name == "postgres18" {
            golden::compare(&folder.join("postgres18.pulled.sql"), &pulled).unwrap();
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn snapshots_of_postgresql_15() {
    snapshots_of(Path::new(setup::DEBIAN_POSTGRES_15), &["everything", "postgres"]).await;
}

#[tokio::test]
async fn snapshots_of_postgresql_17() {
    let bin = tokio::task::spawn_blocking(|| setup::postgres17().unwrap()).await.unwrap();
    snapshots_of(&bin, &["everything", "postgres"]).await;
}

#[tokio::test]
async fn snapshots_of_postgresql_18() {
    let bin = tokio::task::spawn_blocking(|| setup::postgres18().unwrap()).await.unwrap();
    snapshots_of(&bin, &["everything", "postgres", "postgres18"]).await;
}

/// A PgBouncer in transaction mode, with two connections to a PostgreSQL for each user.
struct PgBouncer {
    guard: Guarded,
    port: u16,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    async fn before(server: &PostgresServer, settings: &str) -> PgBouncer {
        let folder = server_folder("pgbouncer-");
        let (port, path) = (free_port(), folder.path().display());
        let users = folder.path().join("users.txt");
        std::fs::write(&users, "\"app\" \"canary-app\"\n").unwrap();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {path}/users.txt\npool_mode = transaction\n\
             default_pool_size = 2\nlogfile = {path}/log\nclient_tls_sslmode = allow\n\
             client_tls_key_file = {tls}/server.key\nclient_tls_cert_file = {tls}/server.crt\n{settings}\n",
            server.port(),
            tls = server.folder().display(),
        );
        let ini = folder.path().join("pgbouncer.ini");
        std::fs::write(&ini, text).unwrap();
        for file in [&users, &ini] {
            own(file);
        }
        let log = folder.path().join("log");
        let program = Path::new(setup::DEBIAN_PGBOUNCER).as_os_str();
        let guard = Guarded::spawn(program, [ini.into_os_string()], "INT", None, |command| {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            as_nobody(command);
        })
        .unwrap();
        wait_for(port, || std::fs::read_to_string(&log).unwrap_or_default()).await;
        PgBouncer { guard, port, _folder: folder }
    }

    async fn stop(self) {
        self.guard.stop().await.unwrap();
    }
}

async fn postgresql_15() -> PostgresServer {
    PostgresServer::start(Path::new(setup::DEBIAN_POSTGRES_15), HBA, SQL).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbouncer_runs_the_transactions_of_many_clients() {
    let server = postgresql_15().await;
    let bouncer = PgBouncer::before(&server, "").await;
    for (parameters, expected) in [("", 7), ("sslmode=disable", 5)] {
        let network = Network::to(bouncer.port, DELAY, Fault::None).await;
        let trips = Arc::<Mutex<Vec<u32>>>::default();
        let noted = trips.clone();
        let config = config(&server, "app", port_of(&network), parameters)
            .on_event(move |event| noted.lock().unwrap().push(event.round_trips()));
        let dsql = Dsql::new(config);
        for n in 0..2 {
            assert_eq!(sql!("SELECT $n::int4 + 1 AS n").fetch_value(&dsql).await.unwrap(), n + 1);
        }
        assert_eq!(trips.lock().unwrap()[..], [expected, 1], "{parameters}");
    }
    // Twenty clients share two connections; each transaction stays on one of them.
    let config = config(&server, "app", bouncer.port, "pgbouncer=true");
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let config = config.clone();
            tokio::spawn(async move {
                let dsql = Dsql::new(config);
                let mut processes = BTreeSet::new();
                for _ in 0..5 {
                    let [first, second] = dsql
                        .transaction(async |tx| {
                            // `sql!` does not accept `pg_backend_pid()`, because DSQL has no server processes.
                            let process = Sql::reading("SELECT pg_backend_pid()");
                            let first = process.query(&[]).fetch_one(tx).await?;
                            let second = process.query(&[]).fetch_one(tx).await?;
                            Ok::<_, Error>([first, second].map(|row| row.value(0).unwrap().to_owned()))
                        })
                        .await
                        .unwrap();
                    assert_eq!(first, second);
                    let rows = sql!("SELECT n FROM generate_series(1, 100) AS n").fetch_all(&dsql);
                    assert_eq!(rows.await.unwrap().len(), 100);
                    processes.insert(first);
                }
                processes
            })
        })
        .collect();
    let mut processes = BTreeSet::new();
    for client in clients {
        processes.extend(client.await.unwrap());
    }
    assert!(processes.len() <= 2, "{processes:?}");
    bouncer.stop().await;
    server.stop().await;
}

/// Neither the lease nor the snapshot needs the state of a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_behind_pgbouncer_are_applied_once() {
    const FILES: [(&str, &str); 3] = [
        // After the transaction, PgBouncer may give the session to another client, and this setting must not remain in
        // it.
        ("0.sql", "DO $$ BEGIN SET search_path = pg_catalog; END $$;"),
        ("1.sql", "CREATE TABLE own (id int PRIMARY KEY, name text); INSERT INTO own VALUES (1, 'a');"),
        (
            "2.sql",
            "SET LOCAL lock_timeout = '5s'; UPDATE own SET id = id + 1; CREATE INDEX CONCURRENTLY own_name ON own (name); \
             ALTER TABLE own ADD COLUMN more int;",
        ),
    ];
    let server = postgresql_15().await;
    let rights = "GRANT CREATE ON DATABASE postgres TO app; GRANT CREATE ON SCHEMA public TO app";
    server.superuser().await.batch_execute(rights).await.unwrap();
    let bouncer = PgBouncer::before(&server, "").await;
    let config = config(&server, "app", bouncer.port, "pgbouncer=true");
    let files = FILES.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    let folder = folder_of(files, Dialect::Postgres).unwrap();
    let run = || migrate(&folder, config.clone(), Duration::from_secs(30), &|_| {});
    let (one, other) = tokio::join!(run(), run());
    assert_eq!(one.unwrap().len() + other.unwrap().len(), 5);
    let rows = server.superuser().await.query("SELECT id FROM own", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>(), [2]);
    let pulled = snapshot(Server::postgres(config), "").await.unwrap();
    assert!(pulled.contains("CREATE INDEX own_name ON public.own"), "{pulled}");
    assert_eq!(pulled, twice::pull(&server, "postgres", "").await);
    bouncer.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_path_behind_pgbouncer_is_that_of_the_role() {
    let server = postgresql_15().await;
    let strict = PgBouncer::before(&server, "").await;
    let lax = PgBouncer::before(&server, "ignore_startup_parameters = search_path").await;
    let shown = logins::error(config(&server, "app", strict.port, "search_path=shop")).await;
    assert!(shown.contains("Config::transaction_pooler") && shown.contains("ALTER ROLE"), "{shown}");
    for config in [
        config(&server, "app", strict.port, "search_path=shop&pgbouncer=true"),
        config(&server, "app", lax.port, "search_path=shop"),
        config(&server, "app", lax.port, "search_path=shop&pgbouncer=true"),
    ] {
        let dsql = Dsql::new(config);
        let error =
            sql!("INSERT INTO posts (id, title) VALUES (gen_random_uuid(), 'x')").execute(&dsql).await;
        let error = error.unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains("ALTER ROLE app SET search_path = shop"), "{shown}");
        assert!(error.is_config() && !error.is_outcome_unknown(), "{shown}");
    }
    let rows = server.superuser().await.query("SELECT 1 FROM public.posts", &[]).await.unwrap();
    assert!(rows.is_empty(), "a row was written to the wrong schema");
    server.superuser().await.batch_execute("ALTER ROLE app SET search_path = shop").await.unwrap();
    for bouncer in [strict, lax] {
        bouncer.stop().await;
    }
    // The connections of another PgBouncer begin with the new setting.
    let lax = PgBouncer::before(&server, "ignore_startup_parameters = search_path").await;
    for parameters in ["search_path=shop", "search_path=shop&pgbouncer=true"] {
        let dsql = Dsql::new(config(&server, "app", lax.port, parameters));
        let title = sql!("SELECT title FROM posts").fetch_value(&dsql).await;
        assert_eq!(title.unwrap(), "in the schema shop");
    }
    lax.stop().await;
    server.stop().await;
}

/// A websockify, which forwards the frames of WebSockets to a PostgreSQL.
struct Websockify {
    guard: Guarded,
    port: u16,
}

impl Websockify {
    async fn before(server: &PostgresServer) -> Websockify {
        let port = free_port();
        let file = |name: &str| server.folder().join(name).into_os_string();
        let arguments = [
            "--ssl-only".into(),
            "--cert".into(),
            file("server.crt"),
            "--key".into(),
            file("server.key"),
            format!("127.0.0.1:{port}").into(),
            format!("127.0.0.1:{}", server.port()).into(),
        ];
        let program = Path::new(setup::DEBIAN_WEBSOCKIFY).as_os_str();
        let guard = Guarded::spawn(program, arguments, "TERM", None, |command| {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            as_nobody(command);
        })
        .unwrap();
        wait_for(port, || "websockify does not listen".to_owned()).await;
        Websockify { guard, port }
    }
}

/// SCRAM takes three round trips, and the query one; before that, TCP, TLS and the HTTP request take three.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockify_is_a_tunnel_to_a_postgresql() {
    let server = postgresql_15().await;
    let websockify = Websockify::before(&server).await;
    let network = Network::to(websockify.port, DELAY, Fault::None).await;
    let trips = Arc::<Mutex<Vec<u32>>>::default();
    let noted = trips.clone();
    let config = through_tunnel(&server, "app", &network);
    let dsql = Dsql::new(config.on_event(move |event| noted.lock().unwrap().push(event.round_trips())));
    assert_eq!(sql!("SELECT 1 AS n").fetch_value(&dsql).await.unwrap(), 1);
    let added = sql!("INSERT INTO posts (id, title) VALUES (gen_random_uuid(), $1)", for _n in 0..5000, "往");
    assert_eq!(added.execute(&dsql).await.unwrap(), 5000);
    let rows = sql!("SELECT title, repeat('x', 1000) AS long FROM posts").fetch_all(&dsql).await.unwrap();
    assert!(rows.len() == 5000 && rows.iter().all(|row| row.title == "往"));
    assert_eq!(trips.lock().unwrap()[0], 7);
    let counted = network.connections()[0].round_trips() + 1;
    assert!(counted >= 7, "{counted}");
    let shown = logins::error(through_tunnel(&server, "nobody", &network)).await;
    assert!(shown.contains("28000") && shown.contains("from the end of the tunnel"), "{shown}");

    let bindings = [
        ("DATABASE_URL", "postgres://app@localhost:1/postgres".to_owned()),
        ("PGPASSWORD", "canary-app".to_owned()),
        ("TUNNEL_SERVICE_HOSTNAME", network.endpoint()),
    ];
    let bundle = workerd::probe().await;
    let probe = Workerd::start(bundle, server.ca_pem(), &bindings).await;
    let answer = probe.get("/postgres/one").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[8,[7,1]]"), "{}", probe.log());
    probe.stop().await;
    websockify.guard.stop().await.unwrap();
    server.stop().await;
}

/// The tunnel chooses the database, so the port of the connection string is not used.
fn through_tunnel(server: &PostgresServer, user: &str, network: &Network) -> dsql_edge::Config {
    let tunnel = Tunnel::new(&format!("wss://{}", network.endpoint())).unwrap();
    config(server, user, 1, "").tunnel(tunnel).unwrap()
}

//! Logins, TLS and the search_path on a real PostgreSQL. Two test programs call these functions, with servers of
//! several versions.

use std::sync::{Arc, Mutex};

use dsql_edge::{Config, Dsql, Error, sql};
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::postgres_server::PostgresServer;

/// The lines of pg_hba.conf, one for each user.
pub(crate) const HBA: &str = "hostssl all secure 127.0.0.1/32 scram-sha-256\n\
                       host all app 127.0.0.1/32 scram-sha-256\n\
                       host all unicode 127.0.0.1/32 scram-sha-256\n\
                       host all old 127.0.0.1/32 md5\n\
                       host all clear 127.0.0.1/32 password\n\
                       host all trusted 127.0.0.1/32 trust\n";

/// The users, and the tables that the checks use.
pub(crate) const SQL: &str = "SET password_encryption = 'scram-sha-256';
    CREATE ROLE app LOGIN PASSWORD 'canary-app';
    CREATE ROLE secure LOGIN PASSWORD 'canary-app';
    CREATE ROLE clear LOGIN PASSWORD 'canary-app';
    CREATE ROLE trusted LOGIN;
    CREATE ROLE unicode LOGIN PASSWORD U&'p\\00e4ss\\00adw\\00f6rd\\00a0\\fb01';
    SET password_encryption = 'md5';
    CREATE ROLE old LOGIN PASSWORD 'canary-app';
    CREATE TABLE posts (id uuid PRIMARY KEY, author_id uuid, title text NOT NULL, body text,
                        views integer DEFAULT 0 NOT NULL);
    CREATE SCHEMA shop; CREATE TABLE shop.posts (LIKE public.posts INCLUDING ALL);
    INSERT INTO shop.posts (id, title) VALUES (gen_random_uuid(), 'in the schema shop');
    GRANT USAGE ON SCHEMA shop TO app; GRANT ALL ON ALL TABLES IN SCHEMA public, shop TO app, old, clear, unicode";

/// The password of `unicode` in a connection string. SASLprep changes three characters of this password.
pub(crate) const UNICODE: &str = "p%C3%A4ss%C2%ADw%C3%B6rd%C2%A0%EF%AC%81";

/// The configuration of a user who connects to this port.
pub(crate) fn config(server: &PostgresServer, user: &str, port: u16, parameters: &str) -> Config {
    let password = match user {
        "trusted" => "",
        "unicode" => UNICODE,
        _ => "canary-app",
    };
    let url = format!("postgres://{user}:{password}@localhost:{port}/postgres?{parameters}");
    Config::from_postgres(&url).unwrap().extra_ca(server.ca_pem()).max_attempts(1)
}

async fn one(config: Config) -> Result<i32, Error> {
    let n = 6;
    sql!("SELECT $n::int4 + 1 AS n").fetch_value(&Dsql::new(config)).await
}

/// The error of a query.
pub(crate) async fn error(config: Config) -> String {
    let error = one(config).await.unwrap_err();
    assert!(!error.is_outcome_unknown());
    let shown = error.to_string();
    assert!(!shown.contains("canary"), "{shown}");
    shown
}

/// Logs in with each method, and counts the round trips in the client and outside. `hello_retry`: whether the server
/// answers the first message of a TLS handshake with a HelloRetryRequest, which costs one more round trip that the
/// client cannot count.
pub(crate) async fn each_method_is_accepted(server: &PostgresServer, hello_retry: bool) {
    for (user, parameters, expected, is_tls) in [
        ("app", "", 7, true),
        ("secure", "channel_binding=require", 7, true),
        ("app", "channel_binding=disable&sslmode=prefer", 7, true),
        ("app", "sslmode=disable", 5, false),
        ("unicode", "sslmode=disable", 5, false),
        ("old", "require_auth=md5", 6, true),
        ("old", "require_auth=md5&sslmode=disable", 4, false),
        ("clear", "", 6, true),
        ("trusted", "", 5, true),
        ("trusted", "sslmode=disable", 3, false),
    ] {
        let network = Network::to(server.port(), DELAY, Fault::None).await;
        let trips = Arc::<Mutex<Vec<u32>>>::default();
        let noted = trips.clone();
        let config = config(server, user, port_of(&network), parameters)
            .on_event(move |event| noted.lock().unwrap().push(event.round_trips()));
        assert_eq!(one(config).await.unwrap(), 7, "{user} {parameters}");
        assert_eq!(trips.lock().unwrap()[..], [expected], "{user} {parameters}");
        let counted = network.connections()[0].round_trips() + 1;
        let retried = usize::from(is_tls && hello_retry);
        assert_eq!(counted, expected as usize + retried, "{user} {parameters}");
    }
}

/// The port of a network.
pub(crate) fn port_of(network: &Network) -> u16 {
    network.endpoint().rsplit(':').next().unwrap().parse().unwrap()
}

/// Checks the error of each login that must not succeed.
pub(crate) async fn other_logins_are_explained(server: &PostgresServer) {
    let port = server.port();
    for (user, parameters, reason) in [
        ("old", "", "require_auth=md5"),
        ("clear", "sslmode=disable", "clear text"),
        ("secure", "sslmode=disable", "sslmode=require"),
        ("clear", "channel_binding=require", "channel binding"),
        ("app", "require_auth=md5", "require_auth does not list"),
        ("nobody", "", "check user, password and database"),
        ("app", "options=-c%20nothing%3D1", "SQLSTATE"),
    ] {
        let shown = error(config(server, user, port, parameters)).await;
        assert!(shown.contains(reason), "{user} {parameters}: {shown}");
    }
    let wrong = Config::from_postgres(&format!("postgres://app:canary@localhost:{port}/postgres"));
    let shown = error(wrong.unwrap().extra_ca(server.ca_pem())).await;
    assert!(shown.contains("28P01") && shown.contains("PGPASSWORD") && !shown.contains("AWS"), "{shown}");
    let database = Config::from_postgres(&format!("postgres://app:canary-app@localhost:{port}/nothing"));
    let shown = error(database.unwrap().extra_ca(server.ca_pem())).await;
    assert!(shown.contains("3D000"), "{shown}");
}

/// Checks that a search_path that is sent with the login is in force.
pub(crate) async fn search_path_is_in_force(server: &PostgresServer, cold: u32) {
    let trips = Arc::<Mutex<Vec<u32>>>::default();
    let noted = trips.clone();
    let config = config(server, "app", server.port(), "search_path=shop")
        .on_event(move |event| noted.lock().unwrap().push(event.round_trips()));
    let dsql = Dsql::new(config);
    for _ in 0..2 {
        let title = sql!("SELECT title FROM posts").fetch_value(&dsql).await;
        assert_eq!(title.unwrap(), "in the schema shop");
    }
    assert_eq!(trips.lock().unwrap()[..], [cold, 1]);
}

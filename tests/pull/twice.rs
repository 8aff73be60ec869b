//! Pulls the schema of a PostgreSQL, applies the snapshot to an empty database, and pulls again.

use dsql_edge::Config;
use dsql_edge_codegen::describe::Describer;
use dsql_edge_codegen::pull::snapshot;
use dsql_edge_codegen::server::Server;
use dsql_edge_tests::postgres_server::PostgresServer;

/// Pulls from a database of the server; `old` is the snapshot that is replaced.
pub(crate) async fn pull(server: &PostgresServer, database: &str, old: &str) -> String {
    let url = format!("postgres://postgres@localhost:{}/{database}", server.port());
    let config = Config::from_postgres(&url).unwrap().extra_ca(server.ca_pem());
    snapshot(Server::postgres(config), old).await.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Pulls from a database with this DDL, then from a database with the pulled snapshot: both must give the same text,
/// and the compiler must accept it.
pub(crate) async fn pull_twice(server: &PostgresServer, ddl: &str) -> Result<String, tokio_postgres::Error> {
    server.make_database("first", ddl).await?;
    let first = pull(server, "first", "").await;
    let made = server.make_database("second", &first).await;
    made.unwrap_or_else(|error| panic!("PostgreSQL rejects the snapshot: {error:?}\n{first}"));
    assert_eq!(pull(server, "second", &first).await, first);
    let read = Describer::from_sql(&first);
    read.map(drop).unwrap_or_else(|error| panic!("the compiler rejects the snapshot: {error}\n{first}"));
    Ok(first)
}

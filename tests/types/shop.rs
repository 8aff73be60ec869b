//! A real PostgreSQL 16 with the schema of the snapshot, for the tests of this package.

use dsql_edge::{Config, Dsql};
use dsql_edge_local::Local;

/// PostgreSQL with the schema of the snapshot.
pub(crate) async fn shop() -> (Local, Dsql) {
    let local = Local::builder().rules(false).start().await.unwrap();
    local.run_sql("snapshot", include_str!("dsql-schema.sql")).await.unwrap();
    let bindings = local.bindings();
    let lookup =
        |name: &str| bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let dsql = Dsql::new(Config::from_bindings("", lookup).unwrap().extra_ca(local.ca_pem()));
    (local, dsql)
}

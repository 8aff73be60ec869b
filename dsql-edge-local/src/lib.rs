//! A local Amazon Aurora DSQL for development and tests.
//!
//! [`Local`] is a proxy in front of a real PostgreSQL 16. The proxy has TLS with its own certificate authority,
//! requires the server name (SNI), verifies the IAM token that is sent as a cleartext password, and accepts only the
//! startup parameters that DSQL accepts.
//!
//! ```no_run
//! # async fn example() -> Result<(), dsql_edge_local::Error> {
//! let tables = "CREATE TABLE t (id int PRIMARY KEY)";
//! let local = dsql_edge_local::Local::builder().init_sql(tables).start().await?;
//! println!("{} is signed for with {}", local.endpoint(), local.credentials().access_key_id());
//! local.stop().await
//! # }
//! ```
//!
//! A local STS answers AssumeRole ([`Local::sts_url`]): it verifies the request's signature, and returns the
//! credentials of a session. These credentials sign tokens until they expire.
//!
//! dsql-local applies the rules of `sql!` and `dsql-edge lint`: it rejects a statement that DSQL rejects, with DSQL's
//! message, in the simple and in the extended query protocol. `CREATE INDEX ASYNC` and `ALTER TABLE ASYNC` run at once
//! and return the id of a job. `sys.jobs` then lists this job.
//!
//! [`Local::migrate`] applies a folder of migrations, as `dsql-edge migrate` does. [`Local::reset`] makes the database
//! new again. [`find_or_install`] finds a PostgreSQL 16, or installs one with npm.
//!
//! Sessions do not wait for each other: a conflict causes 40001 (OC000). A session that has used a table gets OC001 if
//! another session changes this table ([`Builder::oc001`]). DSQL's limits apply, and [`Builder::limit`] makes them
//! smaller; [`Local::set_faults`] makes commits and connections fail. `AWS IAM GRANT` maps an identity to a role, and
//! [`Builder::user`] creates keys for a role. The README of this crate lists the differences from a cluster.
// docs.rs sets `docsrs`, and marks each item with the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!("dsql-edge-local needs Unix sockets and processes; on Windows it runs under WSL");

mod catalog_version;
mod clock;
mod cluster;
mod connection_rejected;
mod direct_tls;
mod error;
mod faults;
mod front_door;
mod guard;
pub mod iam;
mod keys;
mod limits;
mod local;
mod log;
mod migrate;
mod oc001;
mod postgres;
mod proxy;
mod role_statements;
mod rules;
mod seal;
mod sql_script;
mod sts;
pub mod testing;
mod tls;

pub use connection_rejected::ConnectionRejected;
pub use direct_tls::{DirectTls, UnknownDirectTls};
pub use error::Error;
pub use faults::{Fault, InvalidFault};
pub use guard::Guarded;
pub use keys::Credentials;
pub use limits::{InvalidLimit, Limit};
pub use local::{Builder, Local};
pub use migrate::AppliedFile;
pub use oc001::{Oc001, UnknownOc001};
pub use postgres::find::{find_or_install, installation};
pub use postgres::installation::Installation;
pub use postgres::remove_kept_data;
pub use role_statements::created_roles;

//! A local Amazon Aurora DSQL to develop and test against.
//!
//! [`Local`] puts DSQL's front door before a real PostgreSQL 16: TLS with a certificate authority of its own,
//! the server name (SNI) required, IAM tokens asked for as a cleartext password and really verified, and only
//! the startup parameters that DSQL allows. What passes the door is a PostgreSQL session.
//!
//! ```no_run
//! # async fn example() -> Result<(), dsql_edge_local::Error> {
//! let local = dsql_edge_local::Local::builder().init_sql("CREATE TABLE t (id int PRIMARY KEY)").start().await?;
//! println!("{} is signed for with {}", local.endpoint(), local.credentials().access_key_id());
//! local.stop().await
//! # }
//! ```
//!
//! Beside it an STS of its own answers AssumeRole ([`Local::sts_url`]): it verifies the request's signature and gives
//! the credentials of a session, which sign tokens until they expire.
//!
//! Behind the door, a statement that DSQL refuses is refused in its words, on both protocols: the rules are those of
//! `sql!` and `dsql-edge lint`. `CREATE INDEX ASYNC` and `ALTER TABLE ASYNC` run at once and answer with a job's id,
//! which `sys.jobs` then has.
//!
//! No session waits for another: a conflict is 40001 (OC000), and a session gets OC001 when a table that it
//! has used was changed by another ([`Builder::oc001`]). DSQL's limits hold, and [`Builder::limit`] makes them smaller;
//! [`Local::set_faults`] makes commits and connections fail. `AWS IAM GRANT` lets roles in, [`Builder::user`] gives
//! them keys. The README of this crate says what is imitated, and what is not.

#[cfg(not(unix))]
compile_error!("dsql-edge-local needs Unix sockets and processes; on Windows it runs under WSL");

mod catalog_version;
mod clock;
mod cluster;
mod error;
mod faults;
mod guard;
pub mod iam;
mod keys;
mod limits;
mod local;
mod log;
mod oc001;
mod postgres;
mod proxy;
mod refusal;
mod rules;
mod seal;
mod sts;
mod tls;

pub use error::Error;
pub use faults::{Fault, NoFault};
pub use guard::Guarded;
pub use keys::Credentials;
pub use limits::{Limit, NoLimit};
pub use local::{Builder, Local};
pub use oc001::{Oc001, UnknownOc001};
pub use postgres::find::{Installation, installation};
pub use refusal::Refusal;

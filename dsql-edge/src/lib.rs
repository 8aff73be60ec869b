//! Typed SQL for Amazon Aurora DSQL on Cloudflare Workers.
//!
//! `sql!` checks a query at build time, against a snapshot of the schema next to `Cargo.toml`, and generates a row type
//! for the query. This crate runs the query over a Worker's TCP socket, and signs the IAM token itself. The first query
//! of a request takes 4 round trips, and each later query takes 1; without direct TLS (feature `direct-tls`), the
//! platform does not allow fewer.
//!
//! ```no_run
//! use dsql_edge::{Dsql, sql};
//! use worker::{Context, Env, Request, Response, event};
//!
//! #[event(fetch)]
//! async fn fetch(_request: Request, env: Env, _context: Context) -> worker::Result<Response> {
//!     let dsql = Dsql::from_env(&env)?;
//!     let category = "Methodology";
//!     let query = sql!(
//!         "SELECT tag_name, usage_count FROM tag_master
//!          WHERE tag_category = $category"
//!     );
//!     let tags = query.fetch_all(&dsql).await?;
//!     Response::from_json(&tags)
//! }
//! # fn main() {}
//! ```
//!
//! - [`sql!`]: the forms of a query (an expression, functions, nested rows, optional text), and the snapshot.
//! - [`Dsql`]: the connections of one request to a cluster: queries, [pipelines](Dsql::pipeline) and
//!   [transactions](Dsql::transaction); [`Config`]: the endpoint, the user, the limits.
//! - [`Query::fetch`]: rows as a stream; [`BulkCommand`]: many rows at once.
//! - [`auth`]: credentials, their sources, and the token.
//! - [`types`]: which Rust types fit which SQL types, and how to use a type that you define.
//! - [`Error`]: all errors, with methods that classify them.
//!
//! # Features
//!
//! A feature only adds items. A feature does not change the code that `sql!` generates.
//!
//! | feature | default | |
//! |---|---|---|
//! | `serde` | yes | rows are `Serialize`; [`types::Json`](types) |
//! | `aws-sigv4` | yes | AWS's own crate signs tokens; without this feature, Workers' own cryptography computes the same signature, and a compressed Worker is 51 kB smaller |
//! | `assume-role` | no | `AssumeRole`: credentials of a role of IAM, from AWS STS |
//! | `direct-tls` | no | `Config::direct_tls`: TLS without SSLRequest, where the endpoint accepts it |
//! | `multi-region` | no | `Config::fallback`: several endpoints of one multi-Region cluster |
//! | `websocket` | no | `Config::websocket`: the cluster's WebSocket; with `postgres`, `Config::tunnel`: a database behind a tunnel |
//! | `pool` | no | `DsqlPool`: connections that a Durable Object keeps; `Dsql::from_pool` |
//! | `tokio` | no | connecting from programs that are not Workers, through tokio and rustls; `diagnosis` finds out why a connection fails |
//! | `postgres-types` | no | [`types::Pg`](types): types that implement `FromSql` and `ToSql` of the package `postgres-types` |
//! | `dynamic` | no | SQL that is known at run time only, for tools |
//! | `test` | no | [`test`](macro@test): tests that each have their own cluster; for `[dev-dependencies]`, not on wasm |
//! | `postgres` | no | any PostgreSQL: `Config::from_postgres` takes a connection string, `Config::from_hyperdrive` a binding of Hyperdrive |
//! | `tracing` | no | a span of the crate `tracing` for each query, pipeline and transaction: see [Spans](#spans) |
//!
//! # Spans
//!
//! With the feature `tracing`, each operation is a span with the target `dsql_edge`, whose fields have the names of
//! OpenTelemetry's semantic conventions for databases. A span covers all attempts, and its parent is the span that is
//! current where the future is awaited.
//!
//! | span | of | children |
//! |---|---|---|
//! | `query` | a query or a command; each batch of [`Batches`]; in a transaction, or if the statement only reads, a chunk of many rows | |
//! | `pipeline` | the statements of a pipeline | |
//! | `chunk` | outside a transaction, a chunk of a [`BulkCommand`] or [`BulkQuery`] that writes; with `fused`, a group of up to eight chunks | |
//! | `transaction` | a transaction with all its attempts | the statements of the closure |
//!
//! | field | |
//! |---|---|
//! | `db.system.name` | `postgresql` |
//! | `db.namespace` | the name of the database |
//! | `db.query.text` | the SQL as it was compiled, with `$1` for parameters; not for SQL that is known only at run time (`dynamic`) |
//! | `db.query.summary`, `otel.name` | the name of the query function; for an expression, the command and the tables |
//! | `db.operation.name` | the command: the first word of the SQL; for several statements `BATCH`, followed by the command if all have the same |
//! | `db.operation.batch.size` | the number of executions, if there are several: one for each statement, or for each row of many rows |
//! | `db.response.returned_rows` | the number of rows that the server sent |
//! | `db.response.status_code` | the SQLSTATE of an error |
//! | `error.type` | the SQLSTATE, or the class of an error of this crate: `timeout`, `connect`, `connection_lost` … |
//! | `server.address`, `server.port` | the endpoint; with a pool, only the pool has it |
//! | `code.file.path`, `code.line.number` | the file and the line of the query in the source |
//! | `otel.kind`, `otel.status_code`, `otel.status_description` | for `tracing-opentelemetry`; the description is the line of the [`Error`] |
//! | `dsql_edge.round_trips` | the number of round trips; for a transaction, only the round trips of its COMMIT |
//! | `dsql_edge.attempts` | the number of attempts |
//! | `dsql_edge.connection.reused` | whether the last attempt was sent on an open connection |
//! | `dsql_edge.outcome` | after an error: `unknown` or `executed`, if the statement may have changed something |
//!
//! An attempt that fails and is followed by another one is an event in the span, with `error.type`, `error.message`,
//! `dsql_edge.attempt` (the number of the next attempt) and `dsql_edge.pause_ms`. A span without `dsql_edge.attempts`
//! belongs to a future that was dropped. No field contains a parameter, a row or a credential.
//!
//! In a Worker, a subscriber is set once for each instance. The crates `tracing-subscriber` and `tracing-web` write the
//! spans to the console:
//!
//! ```toml
//! [dependencies]
//! dsql-edge = { version = "0.1", features = ["tracing"] }
//! tracing-subscriber = { version = "0.3", default-features = false, features = ["fmt"] }
//! tracing-web = "0.1"
//! ```
//!
//! ```
//! use tracing_subscriber::fmt::format::FmtSpan;
//! use tracing_web::MakeWebConsoleWriter;
//! use worker::event;
//!
//! #[event(start)]
//! fn start() {
//!     tracing_subscriber::fmt()
//!         .with_ansi(false)
//!         .without_time() // Workers have no `std::time`.
//!         .with_span_events(FmtSpan::CLOSE) // a line for each span when it ends
//!         .with_writer(MakeWebConsoleWriter::new())
//!         .init();
//! }
//! # fn main() {}
//! ```
//!
//! # Guarantees
//!
//! - A value never becomes SQL text.
//! - A token leaves this process only inside TLS, and only to a host that [`Config`] accepts. The password of a
//!   PostgreSQL (feature `postgres`) is not sent with SCRAM, which only proves that the client has the password. In
//!   clear text, the password is sent only inside TLS or to Hyperdrive. The MD5 of the password is sent only if the
//!   configuration lists MD5, or to Hyperdrive.
//! - Errors, `Debug` output and logs never show a credential, a token or a parameter. [`Error`] shows a message of the
//!   server only if the message does not quote a value.
//! - Bytes from the server never make this crate panic.
//! - A write whose outcome is unknown is sent again only if an [idempotency key](TransactionBuilder::idempotency_key)
//!   shows whether the write was committed.
// docs.rs sets `docsrs`, and marks each item with the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::string_slice,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

#[macro_use]
mod seeded;

mod argument;
mod arguments;
pub mod auth;
mod batches;
mod client;
mod config;
mod connector;
mod credentials;
#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
pub mod diagnosis;
mod direct_tls;
#[cfg(feature = "dynamic")]
pub mod dynamic;
mod error;
mod event;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod harness;
#[cfg(feature = "pool")]
mod lease;
mod login;
mod login_rejection;
mod macros;
mod many_rows;
mod millis;
mod optional;
#[cfg(feature = "pool")]
mod pool;
#[doc(hidden)]
pub mod private;
mod query;
mod retry;
mod row;
#[cfg(feature = "serde")]
mod serialize;
mod session;
mod settings;
mod sqlstate;
mod statement;
#[cfg(all(feature = "test", not(target_arch = "wasm32")))]
#[doc(hidden)]
pub mod testing;
mod transport;
pub mod types;
mod wire;

#[cfg(feature = "assume-role")]
pub use auth::AssumeRole;
pub use batches::Batches;
pub use client::{
    BatchExecutor, Dsql, Executor, IdempotencyKey, IdempotentOutcome, IdempotentTransactionBuilder,
    PipelineMember, Pipelined, QueryFuture, RowStream, RunsAgain, Session, SessionExecutor, Transaction,
    TransactionBuilder, TransactionFuture,
};
pub use config::Config;
#[cfg(all(feature = "websocket", feature = "postgres"))]
pub use config::Tunnel;
pub use credentials::Credentials;
pub use error::Error;
pub use event::Event;
#[cfg(all(feature = "test", not(target_arch = "wasm32")))]
#[doc(inline)]
pub use macros::test;
#[doc(inline)]
pub use macros::{Type, sql, sql_file, sql_unchecked};
#[cfg(feature = "pool")]
pub use pool::{DsqlPool, Pool};
pub use query::{BulkCommand, BulkQuery, Command, KeyInsert, Query, SessionCommand, SessionQuery};
pub use sqlstate::SqlState;

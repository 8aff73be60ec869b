//! The oracle: a real PostgreSQL 16 with a new database for each schema.
//!
//! Input: SQL. Output: PostgreSQL's answer.

mod describe;
mod seed;
mod values;

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use dsql_edge_local::Local;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};
use xtask::setup;

pub use describe::Verdict;
pub use seed::{Nulls, Observed, Parameters};
pub use values::Values;

/// The number of databases that the oracles of this process have created.
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// A PostgreSQL 16 that runs until this value is dropped.
pub struct Oracle {
    config: Config,
    /// Dropping this field stops the server.
    _local: Option<Local>,
    runtime: Runtime,
}

/// A database that the oracle has created. Dropping this value drops the database too.
pub struct Database<'a> {
    oracle: &'a Oracle,
    name: String,
    client: Client,
}

impl Oracle {
    /// Starts a PostgreSQL, or uses the server whose URL is in `DSQL_EDGE_POSTGRES_URL`.
    ///
    /// # Errors
    /// Returns an error if PostgreSQL 16 is not found or does not start.
    pub fn start() -> Result<Oracle> {
        let runtime = Runtime::new()?;
        if let Ok(url) = std::env::var("DSQL_EDGE_POSTGRES_URL") {
            return Ok(Oracle { config: url.parse()?, _local: None, runtime });
        }
        setup::runtime()?;
        let local = runtime.block_on(Local::builder().postgres_bin(setup::postgres()?).start())?;
        let oracle = Oracle { config: local.postgres_url().parse()?, _local: Some(local), runtime };
        // A database exists only for seconds, and no answer depends on its statistics.
        let admin = oracle.connect(&oracle.config)?;
        for sql in ["ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"] {
            oracle.runtime.block_on(admin.batch_execute(sql))?;
        }
        Ok(oracle)
    }

    /// A server that runs already.
    ///
    /// # Errors
    /// Returns an error if the text is not a connection string of `tokio_postgres`.
    pub fn of_server(connection_string: &str) -> Result<Oracle> {
        Ok(Oracle { config: connection_string.parse()?, _local: None, runtime: Runtime::new()? })
    }

    /// Creates a database and runs this DDL in it.
    ///
    /// # Errors
    /// Returns an error if PostgreSQL rejects the DDL.
    pub fn database(&self, ddl: &str) -> Result<Database<'_>> {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("oracle_{}_{number}", std::process::id());
        let admin = self.connect(&self.config)?;
        // PostgreSQL's default strategy writes all pages of the new database to its log. The default strategy takes six
        // times as long as FILE_COPY, which copies the files of the database.
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY");
        self.runtime.block_on(admin.batch_execute(&create))?;
        let client = self.connect(self.config.clone().dbname(&name))?;
        let database = Database { oracle: self, name, client };
        database.run(ddl)?;
        Ok(database)
    }

    fn connect(&self, config: &Config) -> Result<Client> {
        let (client, connection) =
            self.runtime.block_on(config.connect(NoTls)).context("connecting to PostgreSQL")?;
        self.runtime.spawn(connection);
        Ok(client)
    }
}

impl Database<'_> {
    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements.
    ///
    /// # Errors
    /// Returns an error if PostgreSQL rejects a statement.
    pub fn run(&self, sql: &str) -> Result<()> {
        Ok(self.oracle.runtime.block_on(self.client.batch_execute(sql))?)
    }

    /// The connection, and the runtime that drives it.
    pub fn client(&self) -> (&Client, &Runtime) {
        (&self.client, &self.oracle.runtime)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // A server that this process started ends with the process. If this process did not start the server, the
        // database must be dropped.
        if let Ok(admin) = self.oracle.connect(&self.oracle.config) {
            let _ = self
                .oracle
                .runtime
                .block_on(admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)));
        }
    }
}

//! The oracle: a real PostgreSQL 16, a fresh database for each schema. SQL in, what PostgreSQL says out.

mod describe;
mod seed;

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use dsql_edge_local::Local;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

pub use describe::Verdict;
pub use seed::Observed;

/// Databases made so far, by all oracles of this process.
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// A PostgreSQL 16 that runs as long as this lives.
pub struct Oracle {
    runtime: Runtime,
    local: Option<Local>,
    config: Config,
}

/// One database.
pub struct Database<'a> {
    oracle: &'a Oracle,
    client: Client,
}

impl Oracle {
    /// Starts it.
    ///
    /// # Errors
    /// Where no PostgreSQL 16 is found or it does not start.
    pub fn start() -> Result<Oracle> {
        xtask::setup::runtime()?;
        let runtime = Runtime::new()?;
        let local = runtime.block_on(Local::builder().start())?;
        let config = local.postgres_url().parse()?;
        Ok(Oracle { runtime, local: Some(local), config })
    }

    /// A new database with this DDL in it.
    ///
    /// # Errors
    /// What PostgreSQL refuses in the DDL.
    pub fn database(&self, ddl: &str) -> Result<Database<'_>> {
        let name = format!("oracle_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let admin = self.connect(&self.config)?;
        self.runtime.block_on(admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")))?;
        let client = self.connect(self.config.clone().dbname(&name))?;
        let database = Database { oracle: self, client };
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
    /// Runs statements.
    ///
    /// # Errors
    /// What PostgreSQL refuses.
    pub fn run(&self, sql: &str) -> Result<()> {
        Ok(self.oracle.runtime.block_on(self.client.batch_execute(sql))?)
    }

    /// The connection, and the runtime that drives it.
    pub fn client(&self) -> (&Client, &Runtime) {
        (&self.client, &self.oracle.runtime)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        if let Some(local) = self.local.take() {
            let _ = self.runtime.block_on(local.stop());
        }
    }
}

//! The PostgreSQL 16 behind the proxy: started on a private Unix socket, and stopped with dsql-local.
//!
//! Input: an installation, and the location of the data. Output: a server with DSQL's settings and its role `admin`,
//! and its socket. The server does not listen on a port, and other users cannot enter the folder of the socket.

mod account;
pub(crate) mod data_in_use;
mod database;
pub(crate) mod denied_functions;
pub(crate) mod find;
mod home;
pub(crate) mod initdb;
mod install;
pub(crate) mod installation;
mod roles;
pub(crate) mod unlike_cluster;
#[cfg(test)]
mod written_program;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dsql_edge_compiler::dsql;
use tokio_postgres::Client;

use crate::guard::Removed;
use crate::seal::SealKey;
use crate::{Error, Installation};
pub(crate) use account::Account;
pub(crate) use database::{Database, POSTGRES};
pub(crate) use home::Home;
pub(crate) use roles::{ADMIN, SUPERUSER};

/// The time limit for the start of a server.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The file that is written into the data folder once all initial SQL has run.
const READY: &str = "dsql-local.ready";

/// The SQL that creates the roles and permissions of a DSQL cluster, because a new PostgreSQL does not have them.
const ROLES: &str = "DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin') THEN
            CREATE ROLE admin LOGIN CREATEROLE;
        END IF;
    END $$;
    GRANT ALL ON DATABASE postgres TO admin;
    ALTER SCHEMA public OWNER TO admin";

/// Selects the roles that a new PostgreSQL does not have, as a list for DROP ROLE.
const OTHER_ROLES: &str = "SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles
    WHERE rolname <> 'postgres' AND rolname !~ '^pg_'";

/// The schema of a cluster's own views and procedures.
const SYS: &str = include_str!("sys.sql");
/// The triggers that count the rows of a transaction, and the checks of schema changes.
const LIMITS: &str = include_str!("limits.sql");
/// The procedure that makes FOR UPDATE a write.
const LOCKED_ROWS: &str = include_str!("locked_rows.sql");

/// DSQL's fixed settings, and settings for a small server.
pub(crate) const SETTINGS: [&str; 9] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "timezone=UTC",
    "log_timezone=UTC",
    "default_transaction_isolation=repeatable read",
    "max_connections=200",
    "shared_buffers=32MB",
    "jit=off",
    "logging_collector=off",
];

/// The place of the data.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// The data is in a folder that is removed when the server ends.
    Fresh,
    /// The data is in a folder that is kept.
    Kept(PathBuf),
}

/// A running server. Dropping this value ends the server, and waits for its end.
pub(crate) struct Postgres {
    home: Home,
    data: PathBuf,
    new: bool,
    seal_key: Arc<SealKey>,
}

impl Postgres {
    /// Starts a server and waits until it answers.
    pub(crate) async fn start(installation: &Installation, data: &Data) -> Result<Postgres, Error> {
        let account = Account::choose();
        let mut home = Home::make(account)?;
        let bin = account.reachable(&installation.bin, home.path()).await?;
        let (folder, durable) = match data {
            Data::Fresh => (home.path().join("data"), false),
            Data::Kept(folder) => (kept_folder(account, folder)?, true),
        };
        if durable {
            data_in_use::wait(&folder).await?;
        }
        let new = !folder.join(READY).exists();
        if new {
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
            }
            initdb::create(account, &installation.version, &bin, &folder, &mut home).await?;
        }
        let mut arguments: Vec<OsString> =
            vec!["-D".into(), folder.clone().into(), "-k".into(), home.path().into()];
        // A fresh folder is removed at the end, so its data does not have to survive a crash.
        let fast: &[&str] =
            if durable { &["synchronous_commit=off"] } else { &["fsync=off", "full_page_writes=off"] };
        for setting in SETTINGS.iter().chain(fast) {
            arguments.extend(["-c".into(), (*setting).into()]);
        }
        let log = home.path().join("server.log");
        let output = fs::File::create(&log).map_err(Error::file(&log))?;
        // The guard removes the folder with the log when PostgreSQL ends, so the log is opened now.
        let mut reader = fs::File::open(&log).map_err(Error::file(&log))?;
        let errors = output.try_clone().map_err(Error::file(&log))?;
        // INT is PostgreSQL's fast shutdown, with a checkpoint; QUIT ends PostgreSQL at once, without a checkpoint.
        let signal = if durable { "INT" } else { "QUIT" };
        let program = bin.join("postgres");
        let removed = Removed::AtTheEnd;
        home.spawn(program.as_os_str(), arguments, signal, removed, |command, folder| {
            account.apply(command, folder);
            command.stdout(output).stderr(errors);
        })
        .map_err(|error| Error::Postgres(error.to_string()))?;
        let mut server = Postgres { home, data: folder, new, seal_key: Arc::new(SealKey::random()?) };
        server.wait_until_ready(&mut reader).await?;
        // The objects are installed at each start, because a kept folder may be from an earlier version.
        server.install().await?;
        Ok(server)
    }

    /// Creates the role `admin`, DSQL's schema `sys` and its limits in the database, and stores the key of the seals.
    async fn install(&self) -> Result<(), Error> {
        let client = self.connect(SUPERUSER).await?;
        let installed = async {
            client.batch_execute(ROLES).await?;
            install(&client).await?;
            client.batch_execute(&self.seal_key.to_sql()).await
        };
        installed.await.map_err(|error: tokio_postgres::Error| Error::Postgres(error.to_string()))
    }

    /// Replaces the database with a new one, and drops all roles that a new server does not have. Every session of the
    /// database ends.
    pub(crate) async fn renew(&self) -> Result<(), Error> {
        let ready = self.data.join(READY);
        if ready.exists() {
            // If this process is killed before the initial SQL has run, the next start makes new data.
            fs::remove_file(&ready).map_err(Error::file(&ready))?;
        }
        let failed = |error: tokio_postgres::Error| Error::Postgres(error.to_string());
        let client = Database::of(self.home.path(), "template1").session(SUPERUSER).await.map_err(failed)?;
        let drop = format!("DROP DATABASE IF EXISTS {POSTGRES} WITH (FORCE)");
        client.batch_execute(&drop).await.map_err(failed)?;
        let roles = client.query_one(OTHER_ROLES, &[]).await.map_err(failed)?;
        if let Some(roles) = roles.get::<_, Option<String>>(0) {
            client.batch_execute(&format!("DROP ROLE {roles}")).await.map_err(failed)?;
        }
        let create = format!("CREATE DATABASE {POSTGRES} TEMPLATE template0");
        client.batch_execute(&create).await.map_err(failed)?;
        self.install().await
    }

    async fn wait_until_ready(&mut self, log: &mut fs::File) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let Err(error) = self.database().session(SUPERUSER).await else { return Ok(()) };
            let ended = self.home.ended().map_err(|error| Error::Postgres(error.to_string()))?;
            if ended.is_some() || start.elapsed() > START_TIMEOUT {
                let mut lines = String::new();
                let _ = log.read_to_string(&mut lines);
                let why = if lines.trim().is_empty() { error.to_string() } else { lines.trim().to_owned() };
                return Err(Error::Postgres(why));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The key of the seals on dsql-local's statements.
    pub(crate) fn seal_key(&self) -> &Arc<SealKey> {
        &self.seal_key
    }

    /// The folder of the data, if the data is kept.
    pub(crate) fn kept_data(&self) -> Option<&Path> {
        (!self.data.starts_with(self.home.path())).then_some(&self.data)
    }

    /// Whether this start created the data folder, so that the initial SQL must run.
    pub(crate) fn is_new(&self) -> bool {
        self.new
    }

    /// Records in the folder that the initial SQL has run.
    pub(crate) fn mark_ready(&self) -> Result<(), Error> {
        let path = self.data.join(READY);
        fs::write(&path, "").map_err(Error::file(&path))
    }

    /// Denies sessions the functions that DSQL does not have, or allows them again.
    pub(crate) async fn deny_functions(&self, denied: bool) -> Result<(), Error> {
        let client = self.connect(SUPERUSER).await?;
        let done = client.batch_execute(&denied_functions::permissions(denied)).await;
        done.map_err(|error| Error::Postgres(error.to_string()))
    }

    /// Opens a session without the proxy, as `role`.
    pub(crate) async fn connect(&self, role: &str) -> Result<Client, Error> {
        self.database().session(role).await.map_err(|error| Error::Postgres(error.to_string()))
    }

    /// The database that the proxy connects to.
    pub(crate) fn database(&self) -> Database {
        Database::of(self.home.path(), POSTGRES)
    }

    /// The folder of the socket, which libpq and tokio-postgres accept as a host.
    pub(crate) fn socket_folder(&self) -> &Path {
        self.home.path()
    }

    /// Ends the server and waits for its end.
    pub(crate) async fn stop(self) -> Result<(), Error> {
        self.home.stop().await.map_err(|error| Error::Postgres(error.to_string()))
    }
}

/// Creates DSQL's schema `sys` and its limits in a database. `client` is a session of the superuser in this database.
pub(crate) async fn install(client: &Client) -> Result<(), tokio_postgres::Error> {
    for sql in [SYS, &column_types(), LIMITS, LOCKED_ROWS] {
        client.batch_execute(sql).await?;
    }
    Ok(())
}

/// Returns all SQL from which this version makes a database.
pub(crate) fn sources() -> [Cow<'static, str>; 5] {
    let types = column_types().into();
    [SYS.into(), LIMITS.into(), LOCKED_ROWS.into(), types, denied_functions::permissions(true).into()]
}

/// Returns the SQL that creates a function. The function lists the types that a column may have, with the names that
/// `format_type` returns.
fn column_types() -> String {
    let names: Vec<String> = dsql::column_types().map(|(name, _)| format!("'{name}'")).collect();
    format!(
        "CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_column_types() RETURNS text[] LANGUAGE sql IMMUTABLE
         AS $$ SELECT ARRAY[{}] $$",
        names.join(", ")
    )
}

/// Removes the data that a dsql-local kept with this folder; returns the path of the data, or `None` if there is none.
/// While this function runs, no dsql-local of the folder may start.
///
/// # Errors
/// Returns an error if a PostgreSQL uses the data, or if the data cannot be removed.
pub fn remove_kept_data(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let data = kept_data(Account::choose(), folder)?;
    if !data.join("PG_VERSION").is_file() {
        return Ok(None);
    }
    if let Some(pid) = data_in_use::server(&data) {
        let data = data.display();
        return Err(Error::Postgres(format!("the data in {data} is in use by process {pid}")));
    }
    fs::remove_dir_all(&data).map_err(Error::file(&data))?;
    Ok(Some(data))
}

/// Returns the folder of the data of `--keep`. If root runs dsql-local, PostgreSQL runs as the account `nobody`, so the
/// folder must be one that this account can reach.
fn kept_data(account: Account, folder: &Path) -> Result<PathBuf, Error> {
    // PostgreSQL has a different working folder, so the path must be absolute.
    let folder = fs::canonicalize(folder).map_err(Error::file(folder))?;
    let parent = match account {
        Account::Ours => folder,
        Account::Nobody => {
            let name: String =
                folder.to_string_lossy().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
            PathBuf::from(format!("/var/tmp/dsql-local{name}"))
        }
    };
    Ok(parent.join("data"))
}

/// Returns the folder of [`kept_data`], and creates its parent if the parent is missing.
fn kept_folder(account: Account, folder: &Path) -> Result<PathBuf, Error> {
    let data = kept_data(account, folder)?;
    if let Some(parent) = data.parent().filter(|parent| !parent.exists()) {
        account.make_folder(parent)?;
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::{column_types, denied_functions, sources};

    /// The name of a test server's folder has a digest of these sources: SQL that is missing here would leave old
    /// templates in use.
    #[test]
    fn sources_contain_the_generated_sql() {
        let all = sources().concat();
        assert!(all.contains(&column_types()) && all.contains(&denied_functions::permissions(true)), "{all}");
    }
}

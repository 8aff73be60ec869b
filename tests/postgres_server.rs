//! A PostgreSQL with TLS, passwords and a `pg_hba.conf` of the test.
//!
//! Input: the folder with PostgreSQL's programs, the rules for logins, and SQL to run first. Output: a port of this
//! machine, and the certificate authority to trust. The server ends with the test, even if the test panics.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dsql_edge_local::Guarded;
use tokio::process::Command;

use crate::certificate::Certificate;

/// A running PostgreSQL.
pub struct PostgresServer {
    guard: Guarded,
    folder: tempfile::TempDir,
    port: u16,
    ca_pem: String,
}

/// A time limit that only a hang exceeds.
const HANG: Duration = Duration::from_secs(60);

impl PostgresServer {
    /// Starts the server. The user `postgres` needs no password; `hba` has the rules for other users.
    pub async fn start(bin: &Path, hba: &str, sql: &str) -> PostgresServer {
        let folder = server_folder("postgres-");
        let data = folder.path().join("data");
        make_data(bin, &data).await;
        let ca_pem = certify(folder.path());
        let port = free_port();
        let rules = format!("host all postgres 127.0.0.1/32 trust\n{hba}");
        fs::write(data.join("pg_hba.conf"), rules).unwrap();
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\nssl = on\n\
             ssl_cert_file = '{0}/server.crt'\nssl_key_file = '{0}/server.key'\nlog_connections = on\n",
            folder.path().display()
        );
        fs::write(data.join("postgresql.conf"), settings).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let arguments = ["-D".into(), data.into_os_string()];
        let guard = Guarded::spawn(bin.join("postgres").as_os_str(), arguments, "INT", None, |command| {
            command.stdout(Stdio::null()).stderr(log);
            as_nobody(command);
        })
        .unwrap();
        let server = PostgresServer { guard, folder, port, ca_pem };
        wait_for(port, || server.log()).await;
        if !sql.is_empty() {
            server.superuser().await.batch_execute(sql).await.unwrap();
        }
        server
    }

    /// Opens a session as `postgres`, without TLS and a password.
    pub async fn superuser(&self) -> tokio_postgres::Client {
        self.superuser_of("postgres").await
    }

    /// Drops a database if it exists, and creates it with this SQL.
    ///
    /// # Errors
    /// Returns an error if PostgreSQL rejects the SQL.
    pub async fn make_database(&self, name: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
        let superuser = self.superuser().await;
        superuser.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        // FILE_COPY is faster for an empty database.
        superuser
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY"))
            .await?;
        self.superuser_of(name).await.batch_execute(sql).await
    }

    /// Opens a session in a database as `postgres`, without TLS and a password.
    pub async fn superuser_of(&self, database: &str) -> tokio_postgres::Client {
        let began = Instant::now();
        loop {
            let mut config = tokio_postgres::Config::new();
            config.host("127.0.0.1").port(self.port).user("postgres").dbname(database);
            match config.connect(tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client;
                }
                // While the server starts, it accepts connections and rejects logins, so the login is repeated.
                Err(error) => assert!(began.elapsed() < HANG, "{error}\n{}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The folder of the server, which contains `ca.crt`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Stops the server and waits for its end.
    pub async fn stop(self) {
        self.guard.stop().await.unwrap();
    }
}

/// Creates a temporary folder for a server, which may run as another account.
pub fn server_folder(prefix: &str) -> tempfile::TempDir {
    let temporary = env::temp_dir();
    // A folder such as `/root/tmp` is closed to other accounts.
    let is_open = temporary.ancestors().all(|part| fs::metadata(part).is_ok_and(|it| it.mode() & 0o001 != 0));
    let parent = if is_open || !is_root() { &temporary } else { Path::new("/tmp") };
    let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent).unwrap();
    own(folder.path());
    folder
}

/// Creates the data folder of a new PostgreSQL as `dsql-local` does: with initdb, or by copying a folder that initdb
/// created earlier.
async fn make_data(bin: &Path, data: &Path) {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let kept = match env::var_os("DSQL_LOCAL_INITDB_CACHE") {
        Some(cache) => {
            let version = as_user(&bin.join("postgres")).arg("--version").output().await.unwrap().stdout;
            let version = String::from_utf8(version).unwrap();
            let name = version.trim().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            Some(Path::new(&cache).join(format!("server-{name}")))
        }
        None => None,
    };
    if let Some(kept) = kept.as_ref().filter(|kept| kept.exists()) {
        return copy(kept, data).await;
    }
    let initialized = as_user(&bin.join("initdb"))
        .args(["-U", "postgres", "--locale=C", "-E", "UTF8", "--no-sync", "-A", "trust", "-D"])
        .arg(data)
        .output()
        .await
        .unwrap();
    assert!(initialized.status.success(), "{}", String::from_utf8_lossy(&initialized.stderr));
    if let Some(kept) = kept {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let new = kept.with_extension(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        copy(data, &new).await;
        // If another process has kept a copy meanwhile, that copy remains.
        if fs::rename(&new, &kept).is_err() {
            fs::remove_dir_all(&new).unwrap();
        }
    }
}

/// Copies a folder with the owners of its files.
async fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-R", "-p"]).args([from, to]).status().await.unwrap();
    assert!(copied.success(), "cp: {copied}");
}

/// A port of this machine on which no program listens.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Waits until a program listens on the port; `log` explains why it does not.
pub async fn wait_for(port: u16, log: impl Fn() -> String) {
    let began = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(began.elapsed() < HANG, "{}", log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Writes a certificate for `localhost` and its key. Returns the certificate of the authority.
fn certify(folder: &Path) -> String {
    let Certificate { ca_pem, pem, key } = Certificate::issue();
    for (name, text) in [("server.crt", &pem), ("server.key", &key.serialize_pem()), ("ca.crt", &ca_pem)] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        own(&path);
    }
    ca_pem
}

/// PostgreSQL and PgBouncer do not start as root.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

const NOBODY: u32 = 65534;

/// Gives a file to the account that the servers run as.
pub fn own(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// Lets a program run as the account of the servers.
pub fn as_nobody(command: &mut Command) {
    command.env("LC_ALL", "C").current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

fn as_user(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    as_nobody(&mut command);
    command
}

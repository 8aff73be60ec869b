//! Tests direct TLS with a real PostgreSQL 17. PostgreSQL accepts direct TLS only from clients that name the protocol
//! in the handshake (ALPN). The native client names the protocol; the client in a real workerd cannot.
//!
//! PostgreSQL does not accept a token as a password. So PostgreSQL's error for the login shows that PostgreSQL has read
//! the login inside TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dsql_edge::{Config, Credentials, Dsql, Error, sql};
use dsql_edge_local::Guarded;
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::workerd::{self, Workerd};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::process::Command;
use xtask::setup;

const WITHOUT_ALPN: &str = "without ALPN protocol negotiation extension";
const REJECTED: &str = "password authentication failed";

/// A PostgreSQL with TLS and passwords.
struct Postgres {
    guard: Guarded,
    folder: tempfile::TempDir,
    port: u16,
    ca_pem: String,
}

impl Postgres {
    async fn start() -> Postgres {
        let bin = tokio::task::spawn_blocking(|| setup::postgres17().unwrap()).await.unwrap();
        let folder = tempfile::Builder::new().prefix("postgres17-").tempdir_in("/tmp").unwrap();
        let data = folder.path().join("data");
        own(folder.path());
        let initialized = as_user(&bin.join("initdb"))
            .args(["-U", "postgres", "--locale=C", "-E", "UTF8", "--no-sync", "-A", "trust", "-D"])
            .arg(&data)
            .output()
            .await
            .unwrap();
        assert!(initialized.status.success(), "{}", String::from_utf8_lossy(&initialized.stderr));
        let ca_pem = certify(folder.path());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 password\n").unwrap();
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
        let postgres = Postgres { guard, folder, port, ca_pem };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "{}", postgres.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        postgres
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// Writes a certificate for `localhost` and its key. Returns the certificate of the authority.
fn certify(folder: &Path) -> String {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    for (name, text) in [("server.crt", leaf.pem()), ("server.key", key.serialize_pem())] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        own(&path);
    }
    authority.pem()
}

/// PostgreSQL does not start as root.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

const NOBODY: u32 = 65534;

fn own(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn as_nobody(command: &mut Command) {
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

async fn query(config: &Config) -> Error {
    sql!("SELECT 1 AS n").fetch_one(&Dsql::new(config.clone())).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_17_accepts_direct_tls_only_with_alpn() {
    let postgres = Postgres::start().await;
    let network = Network::to(postgres.port, DELAY, Fault::None).await;
    let events = Arc::<Mutex<Vec<(u32, bool)>>>::default();
    let noted = events.clone();
    let config = Config::local(&network.endpoint(), "us-east-1", Credentials::new("id", "key")).unwrap();
    let config = config.direct_tls(true).extra_ca(postgres.ca_pem.as_str()).on_event(move |event| {
        noted.lock().unwrap().push((event.round_trips(), event.direct_tls_rejected()));
    });
    let error = query(&config).await;
    assert!(error.to_string().contains(REJECTED), "{error}\n{}", postgres.log());
    assert_eq!(events.lock().unwrap()[..], [(3, false)]);
    assert!(!postgres.log().contains(WITHOUT_ALPN), "{}", postgres.log());

    // Workers do not name the protocol: PostgreSQL closes the connection, and the query begins again with SSLRequest.
    let network = Network::to(postgres.port, DELAY, Fault::None).await;
    let bindings = [
        ("DSQL_ENDPOINT", network.endpoint()),
        ("DSQL_REGION", "us-east-1".to_owned()),
        ("DSQL_TLS", "direct".to_owned()),
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ];
    let probe = Workerd::start(workerd::probe().await, &postgres.ca_pem, &bindings).await;
    for connections in [2, 3] {
        let answer = probe.get("/one").await;
        assert!(answer.body.contains(REJECTED), "{}\n{}", answer.body, postgres.log());
        assert_eq!(network.connections().len(), connections, "{}", postgres.log());
    }
    assert_eq!(postgres.log().matches(WITHOUT_ALPN).count(), 1, "{}", postgres.log());
    probe.stop().await;
    postgres.guard.stop().await.unwrap();
}

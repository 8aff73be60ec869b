//! A client of dsql-local's own endpoint: TLS, a token, DSQL's rules.
//!
//! Input: the port, the authority's certificate, and the password. Output: a session as `admin`, whose statements get
//! the same answers as those of any other client.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::{Client, Config, NoTls};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::postgres::ADMIN;

/// The message SSLRequest.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// The host that tokens are signed for.
pub(crate) const HOST: &str = "localhost";

/// The name of the client in `pg_stat_activity`.
const APPLICATION: &str = "dsql-local migrations";

/// Opens a session as `admin`. The session ends when the client is dropped. The error is a message for people.
pub(crate) async fn connect(port: u16, ca_pem: &str, token: &str) -> Result<Client, String> {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.map_err(text)?;
    // A statement and its Sync are written one after the other.
    tcp.set_nodelay(true).map_err(text)?;
    tcp.write_all(&SSL_REQUEST).await.map_err(text)?;
    if tcp.read_u8().await.map_err(text)? != b'S' {
        return Err("the endpoint declined TLS".to_owned());
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(text)?).map_err(text)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(text)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(HOST).map_err(text)?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(text)?;
    let mut config = Config::new();
    config.user(ADMIN).dbname("postgres").password(token).application_name(APPLICATION);
    // The stream is encrypted already.
    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
    let (client, connection) = config.connect_raw(tls, NoTls).await.map_err(text)?;
    tokio::spawn(connection);
    Ok(client)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

//! A client of PostgreSQL's protocol that can also violate the protocol: its connection, its token, its messages.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use dsql_edge_local::{Credentials, Local};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How a client connects; by default, as a correct client does.
pub(crate) struct Dial<'a> {
    pub(crate) name: &'a str,
    pub(crate) sni: bool,
    pub(crate) direct: bool,
    pub(crate) alpn: bool,
    pub(crate) ca: String,
}

pub(crate) fn dial(local: &Local) -> Dial<'static> {
    Dial { name: "localhost", sni: true, direct: false, alpn: false, ca: local.ca_pem().to_owned() }
}

impl Dial<'_> {
    pub(crate) async fn to(&self, local: &Local) -> std::io::Result<TlsStream<TcpStream>> {
        self.to_port(local.port()).await
    }

    pub(crate) async fn to_port(&self, port: u16) -> std::io::Result<TlsStream<TcpStream>> {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).await?;
        if !self.direct {
            tcp.write_all(&SSL_REQUEST).await?;
            assert_eq!(tcp.read_u8().await?, b'S');
        }
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.enable_sni = self.sni;
        if self.alpn {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        let name = ServerName::try_from(self.name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }
}

/// A token from AWS's own signer.
pub(crate) fn token(local: &Local, edit: impl FnOnce(&mut TokenOf)) -> String {
    let mut of = TokenOf {
        host: "localhost".to_owned(),
        region: local.region().to_owned(),
        action: "DbConnectAdmin",
        keys: local.credentials().clone(),
        at: SystemTime::now(),
        expires: Duration::from_secs(900),
    };
    edit(&mut of);
    let identity = AwsCredentials::new(
        of.keys.access_key_id(),
        of.keys.secret_access_key(),
        of.keys.session_token().map(str::to_owned),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(of.expires);
    settings.signature_location = SignatureLocation::QueryParams;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&of.region)
        .name("dsql")
        .time(of.at)
        .settings(settings)
        .build()
        .unwrap();
    let mut url = format!("https://{}/?Action={}", of.host, of.action);
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[])).unwrap();
    let (instructions, _) = sign(request, &params.into()).unwrap().into_parts();
    for (name, value) in instructions.params() {
        let value: String = value
            .bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        url.push_str(&format!("&{name}={value}"));
    }
    url.strip_prefix("https://").unwrap().to_owned()
}

pub(crate) struct TokenOf {
    pub(crate) host: String,
    pub(crate) region: String,
    pub(crate) action: &'static str,
    pub(crate) keys: Credentials,
    pub(crate) at: SystemTime,
    pub(crate) expires: Duration,
}

/// A startup packet with additional settings.
pub(crate) fn startup(user: &str, settings: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608u32.to_be_bytes().to_vec();
    for (name, value) in [("user", user), ("database", "postgres")].iter().chain(settings) {
        body.extend(format!("{name}\0{value}\0").bytes());
    }
    body.push(0);
    [&u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body.as_slice()].concat()
}

pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag], u32::try_from(body.len() + 4).unwrap().to_be_bytes().as_slice(), body].concat()
}

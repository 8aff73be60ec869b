//! Opens a connection step by step, for tools that find out why a connection fails.
//!
//! Input: settings. Output: the result of each step up to the first one that fails, and the certificates of the server,
//! even if they are not trusted. The steps are the same as for any other connection. In addition, these steps record
//! the certificates.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, RootCertStore, SignatureScheme, crypto,
};

use super::super::contract::TransportError;
use super::{ALPN, HTTP, Opening, client_config, handshake, of_tls, roots, unreachable};
use crate::settings::Settings;

/// A step of opening a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The host name is resolved.
    Name,
    /// A TCP connection is opened.
    Tcp,
    /// The server is asked for TLS (SSLRequest).
    SslRequest,
    /// The TLS handshake, in which the certificate of the server is verified.
    Tls,
}

/// The steps by which a connection was opened, up to the first one that failed. The login to the server is not one of
/// these steps.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnectionSteps {
    /// The host name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The addresses of the host name.
    pub addresses: Vec<SocketAddr>,
    /// The address that accepted the TCP connection.
    pub peer: Option<SocketAddr>,
    /// Whether the server accepted TLS after SSLRequest; `None` if TLS begins without SSLRequest, or if the connection
    /// failed before a valid answer. With `sslmode=disable`, `Some(false)`, and no SSLRequest is sent.
    pub accepts_tls: Option<bool>,
    /// The certificates of the server in DER: first the server's own certificate, then the other certificates that the
    /// server sent. This list also contains certificates that are not trusted.
    pub certificates: Vec<Vec<u8>>,
    /// The version of TLS, if the handshake succeeded.
    pub tls_version: Option<String>,
    /// The group of the key exchange, if the handshake succeeded.
    pub key_exchange: Option<String>,
    /// Whether the handshake took another round trip (HelloRetryRequest), if it succeeded.
    pub hello_retry: bool,
    /// The step that failed, and why.
    pub failed: Option<(Step, String)>,
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negotiation {
    /// After SSLRequest.
    SslRequest,
    /// Without SSLRequest. The client sends a protocol name (ALPN).
    DirectWithAlpn,
    /// Without SSLRequest. The client does not send a protocol name, like the sockets of Workers.
    DirectWithoutAlpn,
}

/// A stream of bytes inside TLS.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Opens a connection, and closes it after TLS.
pub(crate) async fn steps(settings: &Settings, negotiation: Negotiation) -> ConnectionSteps {
    let opening = opening(settings, negotiation);
    let mut steps =
        ConnectionSteps { host: opening.host.clone(), port: opening.port, ..ConnectionSteps::default() };
    if let Err((step, error)) = run(&opening, settings, negotiation, &mut steps).await {
        steps.failed = Some((step, error.text.into_owned()));
    }
    steps
}

async fn run(
    opening: &Opening,
    settings: &Settings,
    negotiation: Negotiation,
    steps: &mut ConnectionSteps,
) -> Result<(), (Step, TransportError)> {
    let name_failed = |error| (Step::Name, unreachable(error));
    let looked_up = tokio::net::lookup_host((opening.host.as_str(), opening.port));
    steps.addresses = within(settings, looked_up).await.map_err(name_failed)?.collect();
    let tcp_failed = |error| (Step::Tcp, unreachable(error));
    let mut plain =
        within(settings, TcpStream::connect(steps.addresses.as_slice())).await.map_err(tcp_failed)?;
    steps.peer = plain.peer_addr().ok();
    let asked = |error| (Step::SslRequest, error);
    let accepts = in_time(settings, opening.negotiate(&mut plain)).await.map_err(asked)?;
    steps.accepts_tls = (negotiation == Negotiation::SslRequest).then_some(accepts);
    if !accepts {
        return Ok(());
    }
    let failed = |error| (Step::Tls, error);
    let name = opening.server_name().map_err(failed)?;
    let trusted = roots(opening.extra_ca.as_deref()).map_err(failed)?;
    let (config, seen) = recording(trusted, protocols(negotiation)).map_err(failed)?;
    let shaken = in_time(settings, handshake(config, name, plain)).await;
    steps.certificates = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let stream = shaken.map_err(failed)?;
    let session = stream.get_ref().1;
    steps.tls_version = session.protocol_version().and_then(|it| it.as_str().map(shown_version));
    steps.key_exchange = session.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
    steps.hello_retry = session.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest);
    Ok(())
}

/// Writes `TLSv1_3` as `TLS 1.3`.
fn shown_version(name: &str) -> String {
    name.replace("TLSv", "TLS ").replace('_', ".")
}

/// Opens a connection with TLS, for a tool that sends its own messages.
pub(crate) async fn open_stream(
    settings: &Settings,
    negotiation: Negotiation,
) -> Result<impl ByteStream + use<>, TransportError> {
    let opening = opening(settings, negotiation);
    let config = client_config(roots(opening.extra_ca.as_deref())?, protocols(negotiation))?;
    in_time(settings, tls_stream(&opening, config)).await
}

/// Sends a request to an HTTPS server, and returns the status line and the value of the header `Date` of its answer.
pub(crate) async fn https_head(
    settings: &Settings,
    host: &str,
    port: u16,
) -> Result<(String, Option<String>), TransportError> {
    let mut opening = Opening::of(settings, Some(HTTP));
    (opening.host, opening.port) = (host.to_owned(), port);
    let config = client_config(roots(opening.extra_ca.as_deref())?, &[HTTP])?;
    in_time(settings, async {
        let mut stream = tls_stream(&opening, config).await?;
        let request =
            format!("GET / HTTP/1.1\r\nhost: {host}\r\nuser-agent: dsql-edge\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
        stream.flush().await.map_err(unreachable)?;
        let mut answer = Vec::new();
        match stream.take(MAX_HEAD).read_to_end(&mut answer).await {
            Ok(_) => {}
            // Some servers close the connection without TLS's close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(unreachable(error)),
        }
        head(&answer).ok_or_else(|| unreachable(io::Error::other("the answer is not HTTP")))
    })
    .await
}

/// The maximum length of the head of an HTTPS answer.
const MAX_HEAD: u64 = 16_384;

/// The status line and the header `Date` of an HTTP answer.
fn head(answer: &[u8]) -> Option<(String, Option<String>)> {
    let text = String::from_utf8_lossy(answer);
    let mut lines = text.split("\r\n");
    let status = lines.next().filter(|line| line.starts_with("HTTP/1."))?.to_owned();
    let mut headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    let date = headers.find(|(name, _)| name.eq_ignore_ascii_case("date"));
    Some((status, date.map(|(_, value)| value.trim().to_owned())))
}

async fn tls_stream(opening: &Opening, config: ClientConfig) -> Result<TlsStream<TcpStream>, TransportError> {
    let name = opening.server_name()?;
    let mut plain = TcpStream::connect((opening.host.as_str(), opening.port)).await.map_err(unreachable)?;
    plain.set_nodelay(true).map_err(unreachable)?;
    if !opening.negotiate(&mut plain).await? {
        return Err(of_tls("the server does not offer TLS".to_owned()));
    }
    handshake(config, name, plain).await
}

fn opening(settings: &Settings, negotiation: Negotiation) -> Opening {
    Opening::of(settings, (negotiation != Negotiation::SslRequest).then_some(ALPN))
}

/// Returns the protocol names that the client sends in the handshake.
fn protocols(negotiation: Negotiation) -> &'static [&'static [u8]] {
    match negotiation {
        Negotiation::DirectWithAlpn => &[ALPN],
        Negotiation::SslRequest | Negotiation::DirectWithoutAlpn => &[],
    }
}

/// The certificates that a server has sent.
type Seen = Arc<Mutex<Vec<Vec<u8>>>>;

/// The configuration of every connection, with a verifier that records the certificates before it verifies them.
fn recording(trusted: RootCertStore, protocols: &[&[u8]]) -> Result<(ClientConfig, Seen), TransportError> {
    let mut config = client_config(trusted.clone(), protocols)?;
    let provider = Arc::new(crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), provider)
        .build()
        .map_err(|error| of_tls(error.to_string()))?;
    let seen = Seen::default();
    config.dangerous().set_certificate_verifier(Arc::new(Recording { inner, seen: seen.clone() }));
    Ok((config, seen))
}

/// Verifies as `inner` does. The certificates are recorded before they are verified, because rustls does not keep the
/// certificates of a failed handshake.
#[derive(Debug)]
struct Recording {
    inner: Arc<WebPkiServerVerifier>,
    seen: Seen,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, tokio_rustls::rustls::Error> {
        let all = [own].into_iter().chain(others).map(|certificate| certificate.to_vec());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = all.collect();
        self.inner.verify_server_cert(own, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Limits a step to the time that a whole connection may take.
async fn within<T>(settings: &Settings, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let limit = core::time::Duration::from_millis(settings.connect_timeout);
    let late = || Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {limit:?}")));
    tokio::time::timeout(limit, step).await.unwrap_or_else(|_| late())
}

async fn in_time<T>(
    settings: &Settings,
    step: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    within(settings, async { Ok(step.await) }).await.map_err(unreachable)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_read_from_the_head_of_an_answer() {
        let date = Some("Mon, 30 Nov 2026 06:07:05 GMT".to_owned());
        for (answer, expected) in [
            ("HTTP/1.1 302 Found\r\nx: y\r\nDATE:Mon, 30 Nov 2026 06:07:05 GMT\r\n\r\nbody", Some(date)),
            ("HTTP/1.1 400 Error\r\n\r\ndate: x\r\n", Some(None)),
            ("SSH-2.0\r\ndate: x\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(head(answer.as_bytes()).map(|head| head.1), expected, "{answer}");
        }
    }
}

//! TCP through tokio and TLS through rustls, for programs that are not Workers.
//!
//! Input: a host name and a port. Output: a [`Transport`] whose server certificate is verified against the system's
//! root certificates and the certificates in [`Settings::extra_ca`]. Verification cannot be turned off. A connection
//! without TLS is opened only to a PostgreSQL whose `sslmode` allows plain text.

#[cfg(feature = "postgres")]
mod end_point;
mod steps;
mod stream;
#[cfg(feature = "websocket")]
mod websocket;

use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

pub use steps::{ByteStream, ConnectionSteps, Negotiation, Step};
pub(crate) use steps::{https_head, open_stream, steps};
use stream::Stream;

#[cfg(feature = "postgres")]
use super::contract::Protection;
use super::contract::{BoxFuture, Dialed, Transport, TransportError, TransportErrorKind};
#[cfg(feature = "assume-role")]
use super::post::{Post, Reply};
#[cfg(not(feature = "postgres"))]
use super::ssl_answer::check_ssl_answer;
#[cfg(feature = "postgres")]
use super::ssl_answer::uses_tls;
use crate::millis::Millis;
use crate::settings::Settings;
#[cfg(feature = "postgres")]
use crate::settings::SslMode;
use crate::wire::frontend::SSL_REQUEST;

const READ_SIZE: usize = 65_536;

pub(super) fn dial(settings: &Settings, direct: bool) -> BoxFuture<Dialed> {
    let opening = Opening::of(settings, direct.then_some(ALPN));
    #[cfg(feature = "websocket")]
    if let Some(request) = settings.websocket_request() {
        let (host, port, direct) = (request.host.clone(), request.port, Some(HTTP));
        #[cfg(feature = "postgres")]
        let sslmode = SslMode::Require;
        let opening = Opening {
            host,
            port,
            direct,
            #[cfg(feature = "postgres")]
            sslmode,
            ..opening
        };
        return Box::pin(async move { websocket::upgrade(opening.open().await?, &request).await });
    }
    Box::pin(async move {
        let stream = opening.open().await?;
        Ok(Box::new(Socket { stream, outgoing: Bytes::new(), dead: None }) as Box<dyn Transport>)
    })
}

#[cfg(feature = "assume-role")]
pub(super) fn post(settings: &Settings, post: Post) -> BoxFuture<Result<Reply, TransportError>> {
    let extra_ca = settings.extra_ca.clone();
    Box::pin(async move {
        let config = client_config(roots(extra_ca.as_deref())?, &[])?;
        super::https::post(&post, TlsConnector::from(Arc::new(config))).await
    })
}

pub(super) fn sleep(time: Millis) -> BoxFuture<()> {
    Box::pin(tokio::time::sleep(Duration::from_millis(time)))
}

pub(super) fn spawn(future: BoxFuture<()>) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(future);
    }
}

pub(crate) use super::anywhere::*;

struct Socket {
    stream: Stream,
    outgoing: Bytes,
    /// The error after which the transport does not read any more.
    dead: Option<TransportError>,
}

/// The name of the protocol (ALPN) that a client with direct TLS sends, as libpq 17 does. PostgreSQL 17 closes a
/// connection with direct TLS that does not send this name.
const ALPN: &[u8] = b"postgresql";

/// The protocol name that the client of a WebSocket or of an HTTPS server sends in the TLS handshake (ALPN).
const HTTP: &[u8] = b"http/1.1";

/// A connection that is about to be opened.
struct Opening {
    host: String,
    port: u16,
    /// If the connection begins with TLS, the protocol name to send in the handshake.
    direct: Option<&'static [u8]>,
    extra_ca: Option<Vec<u8>>,
    #[cfg(feature = "postgres")]
    sslmode: SslMode,
}

impl Opening {
    fn of(settings: &Settings, direct: Option<&'static [u8]>) -> Opening {
        Opening {
            host: settings.endpoint.host.clone(),
            port: settings.endpoint.port,
            direct,
            extra_ca: settings.extra_ca.clone(),
            #[cfg(feature = "postgres")]
            sslmode: settings.postgres.as_ref().map_or(SslMode::Require, |postgres| postgres.sslmode),
        }
    }

    async fn open(&self) -> Result<Stream, TransportError> {
        let config = client_config(roots(self.extra_ca.as_deref())?, self.direct.as_slice())?;
        let name = self.server_name()?;
        let mut plain = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unreachable)?;
        plain.set_nodelay(true).map_err(unreachable)?;
        let uses_tls = self.negotiate(&mut plain).await?;
        #[cfg(feature = "postgres")]
        if !uses_tls {
            return Ok(Stream::Plain(plain));
        }
        #[cfg(not(feature = "postgres"))]
        let _ = uses_tls;
        Ok(Stream::Tls(Box::new(handshake(config, name, plain).await?)))
    }

    /// The name that the server's certificate must have.
    fn server_name(&self) -> Result<ServerName<'static>, TransportError> {
        ServerName::try_from(self.host.clone()).map_err(|error| of_tls(error.to_string()))
    }

    /// Whether the connection uses TLS: sends SSLRequest and reads the answer, unless the connection begins with TLS or
    /// stays without it. Without the feature `postgres`, the result is always `true`.
    async fn negotiate(&self, plain: &mut TcpStream) -> Result<bool, TransportError> {
        #[cfg(feature = "postgres")]
        if self.sslmode == SslMode::Disable {
            return Ok(false);
        }
        if self.direct.is_some() {
            return Ok(true);
        }
        plain.write_all(&SSL_REQUEST).await.map_err(unreachable)?;
        // The buffer is longer than the one byte that is allowed, to detect more bytes.
        let mut answer = [0; 64];
        let length = plain.read(&mut answer).await.map_err(unreachable)?;
        let answer = answer.get(..length).unwrap_or_default();
        #[cfg(not(feature = "postgres"))]
        return check_ssl_answer(answer).map(|()| true);
        #[cfg(feature = "postgres")]
        uses_tls(answer, self.sslmode == SslMode::Prefer)
    }
}

fn unreachable(error: io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Unreachable, error.to_string())
}

fn of_tls(text: String) -> TransportError {
    TransportError::new(TransportErrorKind::Tls, text)
}

async fn handshake(
    config: ClientConfig,
    name: ServerName<'static>,
    plain: TcpStream,
) -> Result<TlsStream<TcpStream>, TransportError> {
    // An error of rustls itself has the kind `InvalidData`. Other errors come from the network, and may be transient.
    TlsConnector::from(Arc::new(config)).connect(name, plain).await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => of_tls(error.to_string()),
        _ => TransportError::new(TransportErrorKind::Lost, error.to_string()),
    })
}

/// The trusted certificate authorities: the system's authorities, and the extra authorities of the configuration.
fn roots(extra_ca: Option<&[u8]>) -> Result<RootCertStore, TransportError> {
    // The system's root certificates are read once per process, because reading them takes longer than connecting.
    static SYSTEM: OnceLock<RootCertStore> = OnceLock::new();
    let system = SYSTEM.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    let mut roots = system.clone();
    let before = roots.len();
    for certificate in extra_ca.map(CertificateDer::pem_slice_iter).into_iter().flatten() {
        let certificate =
            certificate.map_err(|error| of_tls(format!("the extra CA is not a PEM certificate: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| of_tls(format!("the extra CA is not a certificate: {error}")))?;
    }
    if extra_ca.is_some() && roots.len() == before {
        return Err(of_tls(
            "the extra CA has no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned(),
        ));
    }
    Ok(roots)
}

fn client_config(roots: RootCertStore, protocols: &[&[u8]]) -> Result<ClientConfig, TransportError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| of_tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

impl Transport for Socket {
    fn start_write(&mut self, bytes: Vec<u8>) {
        self.outgoing = bytes.into();
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let lost = |error: io::Error| TransportError::new(TransportErrorKind::Lost, error.to_string());
        while !self.outgoing.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.outgoing)) {
                Ok(0) => return Poll::Ready(Err(lost(io::ErrorKind::WriteZero.into()))),
                Ok(written) => self.outgoing.advance(written),
                Err(error) => return Poll::Ready(Err(lost(error))),
            }
        }
        Pin::new(&mut self.stream).poll_flush(context).map_err(lost)
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>> {
        if let Some(error) = &self.dead {
            return Poll::Ready(Err(error.clone()));
        }
        into.resize(READ_SIZE, 0);
        let mut buffer = ReadBuf::new(into);
        let result = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
        let length = buffer.filled().len();
        into.truncate(length);
        match ready!(result) {
            Ok(()) => Poll::Ready(Ok(())),
            // A server may close the connection without TLS's close_notify; the messages before that are valid.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => {
                let error = TransportError::new(TransportErrorKind::Lost, error.to_string());
                self.dead = Some(error.clone());
                Poll::Ready(Err(error))
            }
        }
    }

    #[cfg(feature = "postgres")]
    fn protection(&self) -> Protection {
        match &self.stream {
            Stream::Plain(_) => Protection::PlainText,
            Stream::Tls(stream) => {
                let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let server_end_point = certificates.first().and_then(|own| end_point::digest(own));
                Protection::Tls { server_end_point }
            }
        }
    }

    fn close(&mut self, last: &'static [u8]) {
        // One attempt without waiting: the bytes are sent if the socket's buffer can take them now.
        if self.dead.is_none() && self.outgoing.is_empty() {
            let mut context = Context::from_waker(std::task::Waker::noop());
            let _ = Pin::new(&mut self.stream).poll_write(&mut context, last);
            let _ = Pin::new(&mut self.stream).poll_flush(&mut context);
        }
        self.dead = Some(TransportError::new(TransportErrorKind::Lost, "the connection was closed"));
    }
}

//! AWS's Security Token Service, as far as a local DSQL needs it: AssumeRole, over HTTPS, on its own port.
//!
//! Input: TCP connections. Output: credentials of sessions, or AWS's errors. The proxy accepts these credentials until
//! they expire. A request is answered only if it is signed with keys of the endpoint.

pub(crate) mod answer;
mod assume_role;
pub(crate) mod http;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::clock::Clock;
use crate::iam;
use crate::iam::key_ring::KeyRing;
use crate::log::Log;
use crate::proxy::Serve;
use answer::StsError;
pub(crate) use assume_role::Role;
use http::Request;

/// The time limit of a request, from the TCP connection on.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The state that all requests share.
pub(crate) struct Sts {
    tls: Arc<ServerConfig>,
    region: String,
    keys: Arc<KeyRing>,
    roles: Vec<Role>,
    clock: Arc<Clock>,
    log: Log,
}

impl Sts {
    /// `tls` is the configuration of the proxy, whose certificate is also used here.
    pub(crate) fn new(
        tls: &ServerConfig,
        region: String,
        keys: Arc<KeyRing>,
        roles: Vec<Role>,
        clock: Arc<Clock>,
        log: Log,
    ) -> Sts {
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Sts { tls: Arc::new(tls), region, keys, roles, clock, log }
    }

    async fn answer(&self, tcp: TcpStream) -> std::io::Result<()> {
        let mut stream = TlsAcceptor::from(self.tls.clone()).accept(tcp).await?;
        match Request::read(&mut stream).await? {
            Err(status) => http::answer(&mut stream, status, "", self.clock.now()).await,
            Ok(request) => match self.assume_role(&request) {
                Ok(xml) => http::answer(&mut stream, 200, &xml, self.clock.now()).await,
                Err(error) => {
                    (self.log)(&format!("request to STS rejected: {}: {}", error.code, error.message));
                    http::answer(&mut stream, error.status, &error.to_xml(), self.clock.now()).await
                }
            },
        }
    }

    fn assume_role(&self, request: &Request) -> Result<String, StsError> {
        let now = self.clock.now();
        iam::request::verify(request, &self.region, &self.keys, now)?;
        let assumed = assume_role::assume(&request.body, &self.roles)?;
        let session = self.keys.issue(&assumed.role_arn, assumed.life, now).map_err(|error| StsError {
            status: 500,
            code: "InternalFailure",
            message: error.to_string(),
        })?;
        Ok(answer::assumed(&assumed.role_arn, &assumed.session_name, &session))
    }
}

impl Serve for Sts {
    async fn serve(&self, tcp: TcpStream) {
        // If a client closes its connection early, only the answer to this client is lost.
        let _ = tokio::time::timeout(TIMEOUT, self.answer(tcp)).await;
    }

    fn log(&self, line: &str) {
        (self.log)(line);
    }
}

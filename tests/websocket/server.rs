//! A server that answers the request for a WebSocket wrongly.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use dsql_edge_tests::certificate::Certificate;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The answer to the request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// An HTTP response with this status and these headers, and with a page as its body.
    Http(&'static str),
    /// The server closes the connection.
    End,
    /// The server opens the WebSocket, and answers the first frame with text.
    Text,
    /// The server opens the WebSocket, and answers the first frame by closing it, with a status that is an error.
    Close,
}

/// A server with TLS on `localhost`.
pub(crate) struct Server {
    port: u16,
    ca_pem: String,
    /// The head of each request; empty for a request whose WebSocket was opened.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(answer: Answer) -> Server {
        let Certificate { ca_pem, pem, key } = Certificate::issue();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let noted = heads.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, noted) = (tls.clone(), noted.clone());
                // A client that leaves early is not an error of the test.
                tokio::spawn(async move {
                    let client = tls.accept(stream).await?;
                    respond(client, answer, &noted).await
                });
            }
        });
        Server { port, ca_pem, heads }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The heads of the requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn respond(
    mut client: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    answer: Answer,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let last = match answer {
        Answer::Http(status) => {
            let page = "<html>canary</html>";
            let head =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", page.len());
            let request = head_of(&mut client).await?;
            heads.lock().unwrap().push(request);
            client.write_all(format!("{head}{page}").as_bytes()).await?;
            return client.shutdown().await;
        }
        Answer::End => {
            let head = head_of(&mut client).await?;
            heads.lock().unwrap().push(head);
            return client.shutdown().await;
        }
        Answer::Text => Message::text("canary"),
        Answer::Close => {
            Message::Close(Some(CloseFrame { code: 1011.into(), reason: "the server fails".into() }))
        }
    };
    heads.lock().unwrap().push(String::new());
    let mut socket = tokio_tungstenite::accept_async(client).await.map_err(std::io::Error::other)?;
    let _ = socket.next().await;
    socket.send(last).await.map_err(std::io::Error::other)?;
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

async fn head_of(
    client: &mut tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
) -> std::io::Result<String> {
    let mut request = [0; 4096];
    let length = client.read(&mut request).await?;
    Ok(String::from_utf8_lossy(&request[..length]).into_owned())
}

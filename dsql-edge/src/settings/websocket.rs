//! The HTTP request that opens the WebSocket of a connection.
//!
//! Input: an endpoint, or the URL of a tunnel. Output: a host, a port, a path and headers, all of them checked, so that
//! no part can end the request line or a header.

// Outside Workers, a build without the feature `tokio` cannot connect, so it does not use this code.
#![cfg_attr(all(not(feature = "tokio"), not(target_arch = "wasm32")), allow(dead_code))]

use super::Endpoint;
use crate::credentials::Secret;
#[cfg(feature = "postgres")]
use crate::error::Error;

/// The port on which DSQL accepts WebSockets.
const PORT: u16 = 443;

/// The server of the WebSockets.
#[derive(Clone)]
pub(crate) enum WebSocketServer {
    /// The endpoint itself.
    Endpoint,
    /// A tunnel to the endpoint.
    #[cfg(feature = "postgres")]
    Tunnel(WebSocketRequest),
}

/// The request that opens a WebSocket over TLS.
#[derive(Clone)]
pub(crate) struct WebSocketRequest {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Begins with `/`.
    pub(crate) path: String,
    /// The headers of the request, besides the headers that open any WebSocket.
    pub(crate) headers: Vec<(&'static str, Secret)>,
}

impl WebSocketRequest {
    /// The request to a cluster, or to a `dsql-local`, which accepts WebSockets on the port of PostgreSQL's protocol.
    pub(crate) fn to(endpoint: &Endpoint) -> Self {
        let port = if endpoint.is_cluster() { PORT } else { endpoint.port };
        let (host, path) = (endpoint.host.clone(), "/".to_owned());
        WebSocketRequest { host, port, path, headers: Vec::new() }
    }

    /// Parses `wss://<host>[:<port>][/<path>]`.
    #[cfg(feature = "postgres")]
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let rest = url.strip_prefix("wss://").ok_or_else(|| malformed("does not begin with wss://"))?;
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (host, port) = authority.rsplit_once([':']).unwrap_or((authority, "443"));
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(malformed("has no host name, or one with characters that are not allowed"));
        }
        let port = super::port_number(port)
            .ok_or_else(|| malformed("has a port that is not a number from 1 to 65535"))?;
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(malformed("has a path with characters that are not allowed"));
        }
        let path = if path.starts_with(['/']) { path.to_owned() } else { ["/", path].concat() };
        Ok(WebSocketRequest { host: host.to_owned(), port, path, headers: Vec::new() })
    }

    /// The URL with this scheme.
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

/// The error for a URL; it does not repeat the URL, which may contain a secret.
#[cfg(feature = "postgres")]
fn malformed(why: &str) -> Error {
    Error::config(["the URL of the tunnel, wss://<host>[:<port>][/<path>], ", why].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_has_its_own_port_for_websockets() {
        let url = |endpoint: Result<Endpoint, crate::error::Error>| {
            WebSocketRequest::to(&endpoint.unwrap()).url("wss")
        };
        let cluster = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";
        assert_eq!(url(Endpoint::parse(cluster, None)), format!("wss://{cluster}:443/"));
        assert_eq!(url(Endpoint::local("localhost:6543", "us-east-1")), "wss://localhost:6543/");
        assert_eq!(url(Endpoint::dangerous("proxy", 8443, cluster, "us-east-1")), "wss://proxy:8443/");
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn url_of_a_tunnel_is_checked() {
        for (text, url) in [
            ("wss://db.example.com", "wss://db.example.com:443/"),
            ("wss://db.example.com/", "wss://db.example.com:443/"),
            ("wss://localhost:6080/websockify?token=a%20b", "wss://localhost:6080/websockify?token=a%20b"),
            ("wss://db.example.com?token=x", "wss://db.example.com:443/?token=x"),
        ] {
            assert_eq!(WebSocketRequest::parse(text).unwrap().url("wss"), url);
        }
        for text in [
            "",
            "canary",
            "ws://canary",
            "https://canary",
            "wss://",
            "wss:///canary",
            "wss://canary:0",
            "wss://canary:",
            "wss://canary:99999",
            "wss://user:canary@host",
            "wss://ho st/canary",
            "wss://h/canary\r\nHost: x",
            "wss://h/canary#x",
            "wss://h/caf\u{e9}canary",
            "wss://[::1]:1/canary",
        ] {
            let error = WebSocketRequest::parse(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(error.is_config() && !error.to_string().contains("canary"), "{error}");
        }
    }
}

//! The plain values of a configuration: the endpoint, the user, and the limits.
//!
//! Input: an [`Endpoint`] that was checked. Output: values that every layer above reads. A setting has the same name as
//! its method of [`Config`](crate::Config). The only secrets in settings are the path and the headers of a tunnel;
//! settings have no `Debug` implementation.

mod endpoint;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "websocket")]
mod websocket;

use crate::direct_tls::DirectTls;
use crate::millis::Millis;
pub(crate) use endpoint::Endpoint;
#[cfg(feature = "assume-role")]
pub(crate) use endpoint::StsEndpoint;
#[cfg(feature = "postgres")]
pub(crate) use endpoint::port_number;
#[cfg(feature = "postgres")]
pub(crate) use postgres::{ChannelBinding, LoginMethods, PostgresSettings, SslMode};
#[cfg(feature = "websocket")]
pub(crate) use websocket::{WebSocketRequest, WebSocketServer};

/// The settings of a user, apart from credentials and callbacks.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    /// The endpoints of the same cluster that are tried after `endpoint`, in this order.
    #[cfg(feature = "multi-region")]
    pub(crate) fallbacks: Vec<Endpoint>,
    #[cfg(feature = "assume-role")]
    pub(crate) sts: StsEndpoint,
    pub(crate) user: String,
    pub(crate) application_name: String,
    pub(crate) search_path: Option<String>,
    pub(crate) direct_tls: Option<DirectTls>,
    pub(crate) connect_timeout: Millis,
    pub(crate) query_timeout: Millis,
    pub(crate) transaction_timeout: Millis,
    pub(crate) max_connections: usize,
    pub(crate) max_attempts: u32,
    pub(crate) max_message: usize,
    pub(crate) max_row: usize,
    pub(crate) max_result: usize,
    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "only that transport has its own root certificates")
    )]
    pub(crate) extra_ca: Option<Vec<u8>>,
    /// Set if the server is a PostgreSQL, not a DSQL cluster.
    #[cfg(feature = "postgres")]
    pub(crate) postgres: Option<Box<PostgresSettings>>,
    /// Set if the bytes of a connection are sent in the frames of a WebSocket.
    #[cfg(feature = "websocket")]
    pub(crate) websocket: Option<WebSocketServer>,
}

impl Settings {
    /// The request that opens the WebSocket of a connection.
    #[cfg(feature = "websocket")]
    pub(crate) fn websocket_request(&self) -> Option<WebSocketRequest> {
        Some(match self.websocket.as_ref()? {
            WebSocketServer::Endpoint => WebSocketRequest::to(&self.endpoint),
            #[cfg(feature = "postgres")]
            WebSocketServer::Tunnel(request) => request.clone(),
        })
    }

    /// Whether the bytes of a connection are sent in the frames of a WebSocket.
    pub(crate) fn uses_websocket(&self) -> bool {
        #[cfg(feature = "websocket")]
        return self.websocket.is_some();
        #[cfg(not(feature = "websocket"))]
        false
    }

    /// The defaults, which the methods of [`Config`](crate::Config) document.
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Settings {
            endpoint,
            #[cfg(feature = "multi-region")]
            fallbacks: Vec::new(),
            #[cfg(feature = "assume-role")]
            sts: StsEndpoint::Regional,
            user: "admin".to_owned(),
            application_name: concat!("dsql-edge/", env!("CARGO_PKG_VERSION")).to_owned(),
            search_path: None,
            direct_tls: None,
            connect_timeout: 10_000,
            query_timeout: 30_000,
            transaction_timeout: 60_000,
            max_connections: 3,
            max_attempts: 5,
            max_message: 10 << 20,
            max_row: 10 << 20,
            max_result: 64 << 20,
            extra_ca: None,
            #[cfg(feature = "postgres")]
            postgres: None,
            #[cfg(feature = "websocket")]
            websocket: None,
        }
    }
}

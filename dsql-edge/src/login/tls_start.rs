//! How TLS begins on a connection: after SSLRequest, or at once (direct TLS).
//!
//! Input: the configuration, and the endpoint's earlier answers to direct TLS. Output: the start of the next
//! connection's TLS, and a record of the endpoint's answer.

use crate::connector::Connector;
use crate::direct_tls::DirectTls;
use crate::settings::Settings;
#[cfg(feature = "postgres")]
use crate::settings::SslMode;

/// How TLS begins on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsStart {
    /// After SSLRequest.
    Requested,
    /// At once. Until the endpoint has accepted direct TLS, it is not known whether the server reads the client's
    /// messages. A server that requires ALPN closes the connection after the handshake without a message. To the
    /// client, a flight that was sent with the login then looks lost.
    Direct(DirectTls),
}

impl TlsStart {
    /// How TLS begins on the next connection.
    pub(super) fn next(connector: &Connector) -> Self {
        let Connector { config, environment, .. } = connector;
        // A WebSocket is already inside TLS.
        if config.settings.uses_websocket() {
            return TlsStart::Requested;
        }
        let Some(mut direct) = config.settings.direct_tls else { return TlsStart::Requested };
        match environment.accepts_direct_tls(&config.settings.endpoint) {
            Some(false) => return TlsStart::Requested,
            Some(true) => direct.prove(),
            None => {}
        }
        TlsStart::Direct(direct)
    }

    /// Records whether the endpoint accepts direct TLS; `None` deletes the record.
    pub(super) fn note(connector: &Connector, accepted: Option<bool>) {
        connector.environment.note_direct_tls(&connector.settings().endpoint, accepted);
    }

    pub(crate) fn is_unproven(self) -> bool {
        matches!(self, TlsStart::Direct(direct) if !direct.is_proven())
    }

    /// Called when a login has ended. If `self` is direct TLS, records that the endpoint accepts direct TLS.
    pub(crate) fn accepted(&mut self, connector: &Connector) {
        if let TlsStart::Direct(direct) = self
            && !direct.is_proven()
        {
            TlsStart::note(connector, Some(true));
            direct.prove();
        }
    }

    /// The round trips of dialing: TCP, SSLRequest, TLS; or TCP, TLS, and the HTTP request for a WebSocket.
    pub(super) fn round_trips(self, settings: &Settings) -> u32 {
        if settings.uses_websocket() {
            return 3;
        }
        #[cfg(feature = "postgres")]
        if settings.postgres.as_ref().is_some_and(|postgres| postgres.sslmode == SslMode::Disable) {
            return 1;
        }
        let _ = settings;
        match self {
            TlsStart::Requested => 3,
            TlsStart::Direct(_) => 2,
        }
    }
}

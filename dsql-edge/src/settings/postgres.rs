//! The settings of a PostgreSQL that is not a DSQL cluster.
//!
//! Input: values that `config::postgres` has checked. Output: plain values for the login and the transports. The
//! password is not one of these values: it is the `Source` of the configuration.

/// How a connection to a PostgreSQL begins, and what the login accepts.
#[derive(Clone)]
pub(crate) struct PostgresSettings {
    pub(crate) database: String,
    /// The `options` of StartupMessage, such as `-c statement_timeout=5s`.
    pub(crate) options: Option<String>,
    pub(crate) sslmode: SslMode,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) methods: LoginMethods,
    /// Whether the socket is private although it has no TLS, as inside Cloudflare between a Worker and Hyperdrive.
    pub(crate) private_socket: bool,
    /// Whether the endpoint is a pooler in transaction mode: consecutive transactions may run on different servers.
    pub(crate) transaction_pooler: bool,
}

/// Whether the connection uses TLS. With TLS, the certificate and the host name are always verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SslMode {
    Disable,
    /// TLS if the server offers it, otherwise plain text.
    Prefer,
    Require,
}

/// Whether SCRAM is bound to the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelBinding {
    Disable,
    /// SCRAM is bound if the platform shows the certificate and the server offers SCRAM-SHA-256-PLUS.
    Prefer,
    Require,
}

/// The kinds of authentication that the login accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoginMethods {
    /// The server requests no password (`trust`).
    pub(crate) none: bool,
    pub(crate) cleartext: bool,
    pub(crate) md5: bool,
    pub(crate) scram: bool,
}

impl LoginMethods {
    /// The methods without `require_auth`. MD5 is not among these methods, because a reader of the MD5 hash can log
    /// in with it, and a server can request MD5 even if it supports SCRAM.
    pub(crate) const DEFAULT: Self = LoginMethods { none: true, cleartext: true, md5: false, scram: true };

    pub(crate) const NOTHING: Self = LoginMethods { none: false, cleartext: false, md5: false, scram: false };
}

impl PostgresSettings {
    /// The defaults, which `Config::from_postgres` documents.
    pub(crate) fn new(database: String) -> Self {
        PostgresSettings {
            database,
            options: None,
            sslmode: SslMode::Require,
            channel_binding: ChannelBinding::Prefer,
            methods: LoginMethods::DEFAULT,
            private_socket: false,
            transaction_pooler: false,
        }
    }
}

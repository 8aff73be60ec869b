//! The mark of everything that concerns direct TLS: a TLS handshake without an SSLRequest before it.
//!
//! Without the feature `direct-tls` the type has no values. So the compiler removes the code of each case that contains
//! one (a start of TLS, a signal, a rule), and a Worker without the feature does not grow.

/// Direct TLS, and whether the endpoint has accepted it before.
#[cfg(feature = "direct-tls")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DirectTls {
    proven: bool,
}

#[cfg(feature = "direct-tls")]
impl DirectTls {
    /// Direct TLS with an endpoint of which nothing is known.
    pub(crate) const UNPROVEN: Self = DirectTls { proven: false };

    /// Records that the endpoint has accepted it.
    pub(crate) fn prove(&mut self) {
        self.proven = true;
    }

    /// Whether the endpoint has accepted direct TLS before.
    pub(crate) fn is_proven(self) -> bool {
        self.proven
    }
}

/// A type without values.
#[cfg(not(feature = "direct-tls"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirectTls {}

#[cfg(not(feature = "direct-tls"))]
impl DirectTls {
    pub(crate) fn prove(&mut self) {}

    pub(crate) fn is_proven(self) -> bool {
        match self {}
    }
}

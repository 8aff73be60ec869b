//! A marker type for all values that concern direct TLS: a TLS handshake without an SSLRequest before it.
//!
//! Without the feature `direct-tls` the type has no values. So the compiler removes the code for each enum variant that
//! contains a `DirectTls` (a start of TLS, a signal, a rule), and a Worker without the feature does not grow.

/// Direct TLS, and whether the endpoint has accepted it before.
#[cfg(feature = "direct-tls")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DirectTls {
    proven: bool,
}

#[cfg(feature = "direct-tls")]
impl DirectTls {
    /// Direct TLS with an endpoint that is not known to accept it.
    pub(crate) const UNPROVEN: Self = DirectTls { proven: false };

    /// Records that the endpoint has accepted direct TLS.
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

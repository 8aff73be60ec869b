//! AWS credentials, and the wrapper of every secret.

mod cache;
mod future;

use core::fmt;

pub(crate) use cache::{Cache, Found};
pub(crate) use future::{AuthFuture, Unavailable};

/// A string that `Debug` and errors never show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a string.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// Returns the string itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The keys of an IAM user or of a session.
///
/// ```
/// use dsql_edge::Credentials;
///
/// let session = Credentials::new("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
///     .with_session_token("FwoGZXIvYXdzEXAMPLE")
///     .with_expiry(1_893_456_000);
/// assert_eq!(session.expires_at(), Some(1_893_456_000));
/// assert_eq!(format!("{session:?}"), "Credentials(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    expires_at: Option<u64>,
}

impl Credentials {
    /// The keys of an IAM user.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Credentials {
            access_key_id: access_key_id.into(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: None,
            expires_at: None,
        }
    }

    /// The same keys, with the token of their session (from STS).
    pub fn with_session_token(self, session_token: impl Into<String>) -> Self {
        Credentials { session_token: Some(Secret::new(session_token)), ..self }
    }

    /// Returns the same keys with the time at which they expire, in seconds since 1970-01-01 UTC.
    pub fn with_expiry(self, expires_at: u64) -> Self {
        Credentials { expires_at: Some(expires_at), ..self }
    }

    /// The time at which the keys expire, in seconds since 1970-01-01 UTC; `None` if the keys do not expire.
    pub fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    pub(crate) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(crate) fn secret_access_key(&self) -> &str {
        self.secret_access_key.expose()
    }

    pub(crate) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(Secret::expose)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

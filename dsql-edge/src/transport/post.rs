//! One request over HTTPS to a service of AWS, and its answer, as plain data.

use super::contract::{TransportError, TransportErrorKind};

/// A request over HTTPS to a service of AWS, to `/`.
pub(crate) struct Post {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The headers of this request, in addition to the headers that all requests have. Some of them are secret.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// The answer to a [`Post`].
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The maximum length of the body of an answer.
pub(super) const MAX_REPLY: u32 = 65_536;

impl Post {
    /// Returns an error if HTTP does not allow a header: a line break would begin another header, and the platform's
    /// own error could repeat the value.
    pub(crate) fn check(&self) -> Result<(), TransportError> {
        let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
        if self.headers.iter().all(|(_, value)| value.bytes().all(is_printable)) {
            return Ok(());
        }
        let text = "the keys or the session token have characters other than printable ASCII";
        Err(TransportError::new(TransportErrorKind::Tls, text))
    }
}

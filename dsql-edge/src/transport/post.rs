//! One request over HTTPS to a service of AWS, and its answer, as plain data.

use super::contract::{TransportError, TransportErrorKind};

/// A request over HTTPS to a service of AWS, to `/`.
pub(crate) struct Post {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// In addition to the headers that every request has. Secret.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// The answer to it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The longest body of an answer that is read.
pub(super) const MAX_REPLY: u32 = 65_536;

impl Post {
    /// Rejects a request whose headers HTTP does not allow: a line break would begin another header, and a platform's
    /// own error may repeat the value.
    pub(crate) fn check(&self) -> Result<(), TransportError> {
        let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
        if self.headers.iter().all(|(_, value)| value.bytes().all(is_printable)) {
            return Ok(());
        }
        let text = "the keys or the session token have characters other than printable ASCII";
        Err(TransportError::new(TransportErrorKind::Tls, text))
    }
}

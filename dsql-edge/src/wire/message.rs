//! Distinguishes the messages of a server, and reads the parts of their bodies.
//!
//! Input: one whole frame. Output: a [`Message`], and through a [`Reader`] its parts. A missing part and an extra byte
//! are errors. The counts in a message are not used to index or to allocate.

use super::Malformed;

/// A message of a server in the extended protocol. If a session does not use the content of a message, the content is
/// not kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Message<'a> {
    AuthenticationOk,
    AuthenticationCleartextPassword,
    /// Any other kind of authentication.
    OtherAuthentication,
    BackendKeyData,
    BindComplete,
    CloseComplete,
    CommandComplete(Body<'a>),
    Copy,
    DataRow(Body<'a>),
    EmptyQueryResponse,
    ErrorResponse(Body<'a>),
    NoData,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    PortalSuspended,
    /// The status: `I` outside a transaction block, `T` inside a block, `E` inside a block that has failed.
    ReadyForQuery(u8),
    RowDescription(Body<'a>),
    /// Only a pool sends this message and `LeaseFailed`.
    #[cfg(feature = "pool")]
    LeaseGranted,
    #[cfg(feature = "pool")]
    LeaseFailed(Body<'a>),
}

/// A pool's message: the server has accepted the pool's login, and the pool forwards the client's flights to this
/// server.
#[cfg(feature = "pool")]
pub(crate) const LEASE_GRANTED: u8 = b'l';
/// A pool's message: the lease was not granted, or has ended.
#[cfg(feature = "pool")]
pub(crate) const LEASE_FAILED: u8 = b'f';

/// The number of bytes of the tag and the length, which precede the body.
pub(crate) const HEADER: usize = 5;

/// A body that was not decoded yet, in the buffer that received it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a>(pub(super) &'a [u8]);

impl<'a> Body<'a> {
    pub(super) fn reader(self) -> Reader<'a> {
        Reader(self.0)
    }

    /// The bytes of the whole body.
    #[cfg(feature = "pool")]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The tag of CommandComplete, such as `INSERT 0 5`.
    pub(crate) fn tag(self) -> Result<&'a str, Malformed> {
        let mut reader = self.reader();
        let tag = reader.string();
        let text = tag.filter(|_| reader.is_empty()).and_then(|tag| core::str::from_utf8(tag).ok());
        text.ok_or(Malformed("CommandComplete is malformed"))
    }
}

impl<'a> Message<'a> {
    /// Returns the message that has this type and this body.
    pub(super) fn of(tag: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let body = Body(bytes);
        Ok(match (tag, bytes) {
            (b'1', []) => Message::ParseComplete,
            (b'2', []) => Message::BindComplete,
            (b'3', []) => Message::CloseComplete,
            (b'A', _) => Message::NotificationResponse,
            (b'C', _) => Message::CommandComplete(body),
            (b'D', _) => Message::DataRow(body),
            (b'E', _) => Message::ErrorResponse(body),
            (b'G' | b'H' | b'W' | b'c' | b'd', _) => Message::Copy,
            (b'I', []) => Message::EmptyQueryResponse,
            (b'K', _) => Message::BackendKeyData,
            (b'N', _) => Message::NoticeResponse,
            (b'R', [0, 0, 0, 0]) => Message::AuthenticationOk,
            (b'R', [0, 0, 0, 3]) => Message::AuthenticationCleartextPassword,
            (b'R', [0, 0, 0, _, ..]) => Message::OtherAuthentication,
            (b'S', _) => Message::ParameterStatus,
            (b'T', _) => Message::RowDescription(body),
            (b'Z', [status]) => Message::ReadyForQuery(*status),
            (b'n', []) => Message::NoData,
            (b's', []) => Message::PortalSuspended,
            (b't', _) => Message::ParameterDescription,
            #[cfg(feature = "pool")]
            (LEASE_GRANTED, []) => Message::LeaseGranted,
            #[cfg(feature = "pool")]
            (LEASE_FAILED, _) => Message::LeaseFailed(body),
            _ => return Err(Malformed("a message does not have the form of its type")),
        })
    }
}

/// Reads the parts of a body from its front. Each method returns `None` if the body is too short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[cfg(feature = "pool")]
    pub(super) fn new(body: &'a [u8]) -> Self {
        Reader(body)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.chunk().map(|[byte]| *byte)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Takes the bytes up to the next NUL, and skips the NUL.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.bytes(end)?;
        self.u8()?;
        Some(text)
    }

    fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
    }
}

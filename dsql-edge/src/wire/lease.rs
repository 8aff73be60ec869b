//! The four frames that a stub and a pool exchange in addition to the frames of PostgreSQL's protocol.
//!
//! Input: a request for a lease, or a frame. Output: a frame, or the request that a frame contains. A stub requests a
//! lease and sends its first flight directly after the request. The pool answers that the lease is granted, or sends
//! the reason why it is not granted or has ended. PostgreSQL does not use these frame types.
//!
//! A connection whose session settings may have changed must not serve another client, and DSQL has no statement that
//! resets a session (it rejects `DISCARD`). So the pool closes the connection when the lease ends. Before the client
//! sends the statement, the client requests the closing of the connection, in [`Ask::spent`] or with [`SPENT_FRAME`].
//! So the connection is closed even if the client is lost directly after the statement.

use super::Malformed;
use super::frame::Frame;
use super::message::{HEADER, Reader};
pub(crate) use super::message::{LEASE_FAILED, LEASE_GRANTED};
use crate::millis::Millis;

/// The request of a stub for a lease.
pub(crate) const ASK: u8 = b'L';

/// The connection of this lease must not be lent again. The client sends this message between the frames of flights.
pub(crate) const SPENT: u8 = b'x';

/// The maximum length of a request.
pub(crate) const MAX_ASK: usize = 4096;

const VERSION: u8 = 1;
const OPEN: u8 = 1;
const SERIALLY: u8 = 2;
const SPENDS: u8 = 4;

/// A request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Whether more than one flight may follow. The stub's stream then stays open during the lease, and its end means
    /// that the client has left.
    pub(crate) open: bool,
    /// Whether the password is sent only after the server has requested it.
    pub(crate) serially: bool,
    /// Whether the first flight may change the session's settings, so that the connection must not be lent again.
    pub(crate) spent: bool,
    /// The time limit for getting a connection, including its login.
    pub(crate) wait: Millis,
    /// The time limit until the server sends its next bytes.
    pub(crate) limit: Millis,
    /// The prefix of the cluster's bindings.
    pub(crate) prefix: String,
    /// The search_path of the session: `Config::search_path`, or the search_path that the first query was compiled for;
    /// empty for the role's own setting.
    pub(crate) search_path: String,
}

impl Ask {
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut frame = Frame::new(ASK, out);
        let millis = |time: Millis| u32::try_from(time).unwrap_or(u32::MAX);
        let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let flags = flag(self.open, OPEN) | flag(self.serially, SERIALLY) | flag(self.spent, SPENDS);
        frame.bytes(&[VERSION, flags]);
        frame.u32(millis(self.wait));
        frame.u32(millis(self.limit));
        frame.string(&self.prefix);
        frame.string(&self.search_path);
        frame.end(Malformed("search_path or the prefix of the bindings has a NUL character"))
    }

    /// Takes the request at the front out of the buffer, once all of it has arrived.
    pub(crate) fn take(buffer: &mut Vec<u8>) -> Result<Option<Self>, Malformed> {
        let Some([tag, a, b, c, d]) = buffer.first_chunk::<HEADER>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        if *tag != ASK || !(HEADER - 1..MAX_ASK).contains(&length) {
            return Err(Malformed("the request for a lease is missing"));
        }
        if buffer.len() <= length {
            return Ok(None);
        }
        let frame: Vec<u8> = buffer.drain(..=length).collect();
        Ask::read(frame.get(HEADER..).unwrap_or_default()).map(Some).ok_or(Malformed(
            "the pool's object does not accept this request for a lease: deploy the Worker and the object with the same version",
        ))
    }

    fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        if reader.u8()? != VERSION {
            return None;
        }
        // An unknown flag makes the message invalid, because the flag may be one that must not be ignored.
        let flags = reader.u8().filter(|flags| flags & !(OPEN | SERIALLY | SPENDS) == 0)?;
        let (wait, limit) = (reader.u32()?.into(), reader.u32()?.into());
        let mut text = || String::from_utf8(reader.string()?.to_vec()).ok();
        let (prefix, search_path) = (text()?, text()?);
        let is_set = |bit: u8| flags & bit != 0;
        let (open, serially, spent) = (is_set(OPEN), is_set(SERIALLY), is_set(SPENDS));
        reader.is_empty().then_some(Ask { open, serially, spent, wait, limit, prefix, search_path })
    }
}

/// The complete frame of [`LEASE_GRANTED`].
pub(crate) const GRANTED_FRAME: [u8; 5] = [LEASE_GRANTED, 0, 0, 0, 4];

/// The complete frame of [`SPENT`].
pub(crate) const SPENT_FRAME: [u8; 5] = [SPENT, 0, 0, 0, 4];

/// Writes [`LEASE_FAILED`], with a report for the client.
pub(crate) fn failed(body: &[u8], out: &mut Vec<u8>) {
    let mut frame = Frame::new(LEASE_FAILED, out);
    // The limit is longer than any report of this crate.
    frame.bytes(body.get(..1 << 20).unwrap_or(body));
    // A frame has room for any report, so this error does not occur.
    let _ = frame.end(Malformed("malformed report"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_asked_is_what_is_read(
            (open, serially, spent) in any::<(bool, bool, bool)>(), wait in any::<u32>(), limit in any::<u32>(),
            prefix in "[A-Z_]{0,9}", search_path in "[a-z, ü]{0,40}", cut in 0..60_usize,
        ) {
            let ask = Ask { open, serially, spent, wait: wait.into(), limit: limit.into(), prefix, search_path };
            let mut bytes = Vec::new();
            ask.write(&mut bytes).unwrap();
            let mut part = bytes[..cut.min(bytes.len() - 1)].to_vec();
            prop_assert_eq!(Ask::take(&mut part), Ok(None));
            bytes.extend_from_slice(b"P");
            prop_assert_eq!(Ask::take(&mut bytes), Ok(Some(ask)));
            prop_assert_eq!(&bytes[..], b"P");
        }

        #[test]
        fn any_bytes_ask_or_do_not(mut bytes in proptest::collection::vec(any::<u8>(), 0..60), tagged in any::<bool>()) {
            if tagged && bytes.len() > 5 {
                let length = u32::try_from(bytes.len() - 1).unwrap();
                bytes[0] = ASK;
                bytes[1..5].copy_from_slice(&length.to_be_bytes());
            }
            let _ = Ask::take(&mut bytes.to_vec());
        }
    }

    #[test]
    fn unknown_flag_is_an_error() {
        let ask = Ask {
            open: true,
            serially: false,
            spent: true,
            wait: 0,
            limit: 0,
            prefix: String::new(),
            search_path: String::new(),
        };
        let mut bytes = Vec::new();
        ask.write(&mut bytes).unwrap();
        assert_eq!(Ask::take(&mut bytes.clone()), Ok(Some(ask)));
        bytes[HEADER + 1] |= 8;
        assert!(Ask::take(&mut bytes).is_err());
    }

    #[test]
    fn nul_in_a_field_is_rejected() {
        let ask = Ask {
            open: false,
            serially: false,
            spent: false,
            wait: 0,
            limit: 0,
            prefix: String::new(),
            search_path: "a\0b".to_owned(),
        };
        assert!(ask.write(&mut Vec::new()).is_err());
    }
}

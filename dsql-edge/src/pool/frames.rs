//! Finds where frames begin and end in bytes that are forwarded unchanged.
//!
//! Input: bytes, in any pieces, and the types of frames that are allowed. Output: once the last byte of a frame has
//! been forwarded, the frame's type and the first byte of its body. The bytes are not kept, so that a frame may have
//! any length.

use crate::wire::Malformed;

/// The position in the current frame.
#[derive(Debug, Default)]
pub(super) struct Frames {
    tag: u8,
    /// The number of bytes of the frame's header (type and length) that have arrived.
    header: u8,
    length: u32,
    /// The number of bytes of the body that have not arrived yet.
    left: usize,
    first: Option<u8>,
}

/// A complete frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) tag: u8,
    /// The first byte of the frame's body.
    pub(super) first: Option<u8>,
}

impl Frames {
    /// The type of the frame to which the last byte belonged.
    pub(super) fn tag(&self) -> u8 {
        self.tag
    }

    /// Whether the frame whose type is [`tag`](Frames::tag) has a body.
    pub(super) fn has_body(&self) -> bool {
        self.first.is_some() || self.left > 0
    }

    /// Whether the next byte begins a frame.
    pub(super) fn are_whole(&self) -> bool {
        self.header == 0
    }

    /// Advances to the end of the frame or of the bytes. Returns the number of bytes that belong to the frame, and the
    /// frame if it is complete.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        may_come: fn(u8) -> bool,
    ) -> Result<(usize, Option<Passed>), Malformed> {
        let mut rest = bytes;
        while self.header < HEADER {
            let Some((byte, behind)) = rest.split_first() else { return Ok((bytes.len(), None)) };
            rest = behind;
            match self.header {
                0 if !may_come(*byte) => return Err(Malformed("a message is out of place")),
                0 => (self.tag, self.length, self.first) = (*byte, 0, None),
                _ => self.length = self.length << 8 | u32::from(*byte),
            }
            self.header += 1;
            if self.header == HEADER {
                let left = self.length.checked_sub(4).and_then(|left| usize::try_from(left).ok());
                self.left = left.ok_or(Malformed("a message is shorter than its own length"))?;
            }
        }
        self.first = self.first.or_else(|| rest.first().copied().filter(|_| self.left > 0));
        let passing = self.left.min(rest.len());
        self.left -= passing;
        let passed = bytes.len() - rest.len() + passing;
        if self.left > 0 {
            return Ok((passed, None));
        }
        self.header = 0;
        Ok((passed, Some(Passed { tag: self.tag, first: self.first })))
    }
}

/// The length of a frame's header in bytes: one byte for the type, and four bytes for the length.
const HEADER: u8 = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> Result<Vec<Passed>, Malformed> {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let (passed, frame) = frames.pass(rest, |tag| tag != b'!')?;
                assert!(passed > 0 && passed <= rest.len());
                rest = &rest[passed..];
                out.extend(frame);
            }
        }
        Ok(out)
    }

    #[test]
    fn frames_end_where_their_lengths_say() {
        let bytes = b"Z\0\0\0\x05IC\0\0\0\x04D\0\0\0\x08abcd";
        let passed = |tag, first| Passed { tag, first };
        let expected = [passed(b'Z', Some(b'I')), passed(b'C', None), passed(b'D', Some(b'a'))];
        for cut in 0..bytes.len() {
            assert_eq!(all(&[&bytes[..cut], &bytes[cut..]]).unwrap(), expected, "{cut}");
        }
        assert_eq!(all(&[&bytes[..16]]).unwrap(), expected[..2]);
        assert!(all(&[b"Z\0\0\0\x03"]).is_err());
        assert!(all(&[b"!"]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_pass_or_do_not(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = all(&[&bytes]);
        }
    }
}

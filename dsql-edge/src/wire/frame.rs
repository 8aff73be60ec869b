//! Writes the frames of a client in the format of PostgreSQL's protocol 3.0.
//!
//! Input: text, numbers, encoded values. Output: a frame with its length, appended to a buffer. The callers decide
//! which frames form a query. A value that does not fit a frame is an error, after which the buffer ends in an
//! incomplete frame.

use super::Malformed;

/// A frame that is being written; [`end`](Frame::end) fills in its length.
pub(super) struct Frame<'a> {
    out: &'a mut Vec<u8>,
    /// The position of the frame's length.
    start: usize,
    /// Whether a string contained a NUL, or a length does not fit its field.
    unfit: bool,
}

impl<'a> Frame<'a> {
    /// Begins a frame of this type.
    pub(super) fn new(tag: u8, out: &'a mut Vec<u8>) -> Self {
        out.push(tag);
        Frame::untyped(out)
    }

    /// Begins StartupMessage, the only frame without a type.
    pub(super) fn untyped(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        let mut frame = Frame { out, start, unfit: false };
        frame.u32(0);
        frame
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn u16(&mut self, number: u16) {
        self.bytes(&number.to_be_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_be_bytes());
    }

    /// Writes text, and the NUL that ends it.
    pub(super) fn string(&mut self, text: &str) {
        // `contains` is faster for long texts, but would add a longer function to the Worker.
        self.unfit |= text.bytes().any(|byte| byte == 0);
        self.bytes(text.as_bytes());
        self.bytes(&[0]);
    }

    /// Writes the number of items that follow.
    pub(super) fn count(&mut self, count: usize) {
        let fits = u16::try_from(count);
        self.unfit |= fits.is_err();
        self.u16(fits.unwrap_or_default());
    }

    /// Writes a value with its length; `None` is NULL.
    pub(super) fn value(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => {
                let length = self.fitting(value.len());
                self.bytes(&length);
                self.bytes(value);
            }
            None => self.u32(NULL),
        }
    }

    fn fitting(&mut self, length: usize) -> [u8; 4] {
        let fits = i32::try_from(length);
        self.unfit |= fits.is_err();
        fits.unwrap_or_default().to_be_bytes()
    }

    /// Ends the frame. Returns the error `unfit` if a value did not fit.
    pub(super) fn end(mut self, unfit: Malformed) -> Result<(), Malformed> {
        let length = self.fitting(self.out.len() - self.start);
        match self.out.get_mut(self.start..).and_then(<[u8]>::first_chunk_mut) {
            Some(field) if !self.unfit => {
                *field = length;
                Ok(())
            }
            _ => Err(unfit),
        }
    }
}

/// The length that means NULL.
const NULL: u32 = u32::MAX;

//! The frames of a client, as PostgreSQL's protocol 3.0 lays them out.
//!
//! Goes in: text, numbers, encoded values. Comes out: a frame with its length, appended to a buffer. It says nothing of
//! which frames make a query; what does not fit a frame is an error, and the buffer then ends in half of one.

/// Text with a NUL in it, or a length that its field cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfit;

/// A frame that is being written; [`end`](Frame::end) fills in its length.
pub(super) struct Frame<'a> {
    out: &'a mut Vec<u8>,
    /// Where its length stands.
    start: usize,
}

impl<'a> Frame<'a> {
    /// A frame of this type.
    pub(super) fn new(tag: u8, out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(&[tag]);
        Frame::untyped(out)
    }

    /// StartupMessage, the only frame without a type.
    pub(super) fn untyped(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        Frame { out, start }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_be_bytes());
    }

    /// Text with the NUL that ends it.
    pub(super) fn string(&mut self, text: &[u8]) -> Result<(), Unfit> {
        // `contains` brings a search by words.
        if text.iter().copied().any(|byte| byte == 0) {
            return Err(Unfit);
        }
        self.bytes(text);
        self.bytes(&[0]);
        Ok(())
    }

    /// How many of something follow.
    pub(super) fn count(&mut self, count: usize) -> Result<(), Unfit> {
        let count = u16::try_from(count).map_err(|_| Unfit)?;
        self.bytes(&count.to_be_bytes());
        Ok(())
    }

    /// A number and these formats.
    pub(super) fn formats(&mut self, formats: impl ExactSizeIterator<Item = i16>) -> Result<(), Unfit> {
        self.count(formats.len())?;
        formats.for_each(|format| self.bytes(&format.to_be_bytes()));
        Ok(())
    }

    /// A value with its length; `None` is NULL.
    pub(super) fn value(&mut self, value: Option<&[u8]>) -> Result<(), Unfit> {
        let length = value.map_or(Ok(-1), |value| i32::try_from(value.len())).map_err(|_| Unfit)?;
        self.bytes(&length.to_be_bytes());
        self.bytes(value.unwrap_or_default());
        Ok(())
    }

    pub(super) fn end(self) -> Result<(), Unfit> {
        let length = self.out.len() - self.start;
        let length = i32::try_from(length).map_err(|_| Unfit)?;
        let field = self.out.get_mut(self.start..).and_then(<[u8]>::first_chunk_mut);
        *field.ok_or(Unfit)? = length.to_be_bytes();
        Ok(())
    }
}

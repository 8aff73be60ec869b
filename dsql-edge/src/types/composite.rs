//! Composite values ⇄ the fields of a struct that derives [`Type`](macro@crate::Type).
//!
//! Input and output: PostgreSQL's binary rows (`record_send`, `record_recv`): the number of fields, and for each field
//! the OID of its type, its length and its bytes. A row with another number of fields, or a field of another type, is an
//! error.

use super::sql::{Format, SqlType};
use super::{
    Column, ConversionError, FIRST_UNPINNED_OID, IsNull, Param, received_format, sent_format, split,
};

/// The fields of a composite value that is being decoded.
#[derive(Debug)]
pub struct CompositeFields<'a> {
    rest: &'a [u8],
    left: i32,
}

impl<'a> CompositeFields<'a> {
    /// The fields of a value, of which there must be `count`.
    ///
    /// # Errors
    /// Returns an error if the value has another number of fields.
    pub fn new(bytes: &'a [u8], count: i32) -> Result<Self, ConversionError> {
        let (found, rest) = split(bytes)?;
        match i32::from_be_bytes(found) == count {
            true => Ok(CompositeFields { rest, left: count }),
            false => Err(ConversionError::new("its number of fields is not that of the compiled type")),
        }
    }

    /// Decodes the next field, whose type has this OID; 0 for a type of the schema, whose OID is not known.
    ///
    /// # Errors
    /// Returns an error if the field has another type, or a value that `T` cannot hold.
    pub fn next<S, N, T: Column<S, N>>(&mut self, oid: u32) -> Result<T, ConversionError> {
        self.bytes(oid)?.map_or_else(T::null, T::decode)
    }

    fn bytes(&mut self, oid: u32) -> Result<Option<&'a [u8]>, ConversionError> {
        let (found, rest) = split(self.rest)?;
        let (length, rest) = split(rest)?;
        let found = u32::from_be_bytes(found);
        if if oid == 0 { found < FIRST_UNPINNED_OID } else { found != oid } {
            return Err(ConversionError::new("one of its fields does not have the compiled type"));
        }
        self.left -= 1;
        let (bytes, rest) = match i32::from_be_bytes(length) {
            -1 => (None, rest),
            length => {
                let length = usize::try_from(length).map_err(|_| ConversionError::truncated())?;
                let (bytes, rest) = rest.split_at_checked(length).ok_or(ConversionError::truncated())?;
                (Some(bytes), rest)
            }
        };
        self.rest = rest;
        // Nothing may follow the last field.
        if self.left == 0 && !rest.is_empty() { Err(ConversionError::truncated()) } else { Ok(bytes) }
    }
}

/// Appends a composite value with `count` fields to `out`: the caller then appends each field with [`put_field`].
pub fn put_composite(count: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&count.to_be_bytes());
}

/// Appends a field, whose type has this OID; 0 for a type of the schema. PostgreSQL 14 and later accept 0 for these
/// types, because their OIDs differ between databases (`record_recv`).
///
/// # Errors
/// Returns an error if the value cannot be sent.
pub fn put_field<S, N, T: Param<S, N> + ?Sized>(
    oid: u32,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), ConversionError> {
    out.extend_from_slice(&oid.to_be_bytes());
    let length_at = out.len();
    out.extend_from_slice(&(-1_i32).to_be_bytes());
    let start = out.len();
    match value.encode(out)? {
        IsNull::Yes => out.truncate(start),
        IsNull::No => {
            let length = i32::try_from(out.len() - start)
                .map_err(|_| ConversionError::new("one of its fields is too long"))?;
            if let Some(place) = out.get_mut(length_at..).and_then(<[u8]>::first_chunk_mut) {
                *place = length.to_be_bytes();
            }
        }
    }
    Ok(())
}

/// Checks at build time that a field has the binary format, which each field of a binary row has.
///
/// # Panics
/// Panics if the Rust type reads and writes text: the derive calls this function in a constant, so the panic is an error
/// of the build.
#[allow(clippy::panic, reason = "a panic in a constant is an error of the build")]
pub const fn binary_field<S: SqlType, N, T: Column<S, N> + Param<S, N>>() {
    if let (Format::Text, _) | (_, Format::Text) = (received_format::<S, N, T>(), sent_format::<S, N, T>()) {
        panic!("this Rust type reads and writes text, and the fields of a composite type are binary");
    }
}

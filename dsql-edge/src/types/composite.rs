//! Composite values ⇄ the fields of a struct that derives [`Type`](macro@crate::Type).
//!
//! Input and output: PostgreSQL's binary rows (`record_send`, `record_recv`): the number of fields, and for each field
//! the OID of its type, its length and its bytes. A row with another number of fields, or a field of another type, is
//! an error.

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
    /// Returns an error if the number of fields in the value is not `count`.
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

/// Begins a composite value: appends the number of its fields to `out`. The caller then appends each field with
/// [`put_field`].
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
/// Panics if the Rust type reads and writes text: the derive calls this function in a constant, so the panic is an
/// error of the build.
#[allow(clippy::panic, reason = "a panic in a constant is an error of the build")]
pub const fn binary_field<S: SqlType, N, T: Column<S, N> + Param<S, N>>() {
    if let (Format::Text, _) | (_, Format::Text) = (received_format::<S, N, T>(), sent_format::<S, N, T>()) {
        panic!("this Rust type reads and writes text, and the fields of a composite type are binary");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{NotNull, Nullable, sql};
    use super::*;

    type Fields = (i32, Option<String>);

    fn encoded((number, text): &Fields) -> Vec<u8> {
        let mut out = Vec::new();
        put_composite(2, &mut out);
        put_field::<sql::Int4, NotNull, i32>(23, number, &mut out).unwrap();
        put_field::<sql::Enum, Nullable, Option<String>>(0, text, &mut out).unwrap();
        out
    }

    /// Replaces the type of the second field, for which the client sends 0, by the OID that the server sends.
    fn with_oid(mut bytes: Vec<u8>, oid: u32) -> Vec<u8> {
        bytes[16..20].copy_from_slice(&oid.to_be_bytes());
        bytes
    }

    fn decoded(bytes: &[u8]) -> Result<Fields, ConversionError> {
        let mut fields = CompositeFields::new(bytes, 2)?;
        let number = fields.next::<sql::Int4, NotNull, i32>(23)?;
        Ok((number, fields.next::<sql::Enum, Nullable, Option<String>>(0)?))
    }

    #[test]
    fn bytes_as_postgresql_16_sends_them() {
        let value = (7, Some("ab".to_owned()));
        let sent = [0, 0, 0, 2, 0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 64, 0, 0, 0, 0, 2, b'a', b'b'];
        assert_eq!(with_oid(encoded(&value), 16_384), sent);
        assert_eq!(decoded(&sent), Ok(value));
    }

    #[test]
    fn another_composite_type_is_rejected() {
        let bytes = with_oid(encoded(&(7, None)), 16_384);
        assert_eq!(decoded(&bytes), Ok((7, None)));
        assert!(
            decoded(&with_oid(bytes.clone(), 25)).is_err(),
            "a built-in type in place of a type of the schema"
        );
        assert!(CompositeFields::new(&bytes, 3).is_err());
        let mut other = bytes.clone();
        other[7] = 20;
        assert!(decoded(&other).is_err());
        assert!(decoded(&[&bytes[..], &[0]].concat()).is_err(), "bytes after the last field");
        assert!(decoded(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn null_for_a_field_that_is_never_null_is_an_error() {
        let mut out = Vec::new();
        put_composite(1, &mut out);
        put_field::<sql::Int4, Nullable, Option<i32>>(23, &None, &mut out).unwrap();
        let mut fields = CompositeFields::new(&out, 1).unwrap();
        assert!(fields.next::<sql::Int4, NotNull, i32>(23).is_err());
    }

    proptest! {
        #[test]
        fn fields_survive(number: i32, text in proptest::option::of("[^\0]{0,9}")) {
            let value = (number, text);
            prop_assert_eq!(decoded(&with_oid(encoded(&value), 20_000)), Ok(value));
        }

        #[test]
        fn any_bytes_give_a_value_or_an_error(bytes: Vec<u8>) {
            let _ = decoded(&bytes);
            let _ = decoded(&[&[0, 0, 0, 2, 0, 0, 0, 23][..], &bytes].concat());
        }
    }
}

//! The text family (`text`, `varchar`, `bpchar`, `name`), and every type that is sent as text.
//!
//! Input: strings. Output: the same bytes; PostgreSQL sends UTF-8 because the session requests it. A NUL character,
//! which PostgreSQL's text cannot contain, is an error before it is sent.

use std::borrow::Cow;

use super::{Column, ConversionError, IsNull, NotNull, Param, sql};

/// The bytes as a string.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, ConversionError> {
    core::str::from_utf8(bytes).map_err(|_| ConversionError::new("it is not UTF-8"))
}

/// Appends a string.
pub(super) fn put_str(text: &str, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
    if text.as_bytes().contains(&0) {
        return Err(ConversionError::new("it has a NUL character, which PostgreSQL's text cannot contain"));
    }
    out.extend_from_slice(text.as_bytes());
    Ok(IsNull::No)
}

/// Whether a column of this type can have the labels of a Rust enum: a type of the text family, or a type of the
/// schema.
#[must_use]
pub fn is_label(oid: u32) -> bool {
    matches!(oid, 19 | 25 | BPCHAR | 1043 | super::FIRST_USER_OID..)
}

/// Whether a type belongs to the schema.
#[must_use]
pub fn is_of_schema(oid: u32) -> bool {
    oid >= super::FIRST_USER_OID
}

/// The OID of `character`.
pub const BPCHAR: u32 = 1042;

/// The bytes of a label, without the padding of `character`.
pub fn decode_label<S: sql::LabelType>(mut bytes: &[u8]) -> &[u8] {
    if S::IS_PADDED {
        while let Some(shorter) = bytes.strip_suffix(b" ") {
            bytes = shorter;
        }
    }
    bytes
}

macro_rules! text {
    ($($sql:ident),*) => {$(
        impl Column<sql::$sql, NotNull> for String {
            fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
                utf8(bytes).map(str::to_owned)
            }
        }

        impl Column<sql::$sql, NotNull> for Box<str> {
            fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
                utf8(bytes).map(Box::from)
            }
        }

        impl Column<sql::$sql, NotNull> for Cow<'static, str> {
            fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
                utf8(bytes).map(|text| Cow::Owned(text.to_owned()))
            }
        }

        impl<N> Param<sql::$sql, N> for str {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                put_str(self, out)
            }
        }

        impl<N> Param<sql::$sql, N> for String {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                put_str(self, out)
            }
        }

        impl<N> Param<sql::$sql, N> for Cow<'_, str> {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                put_str(self, out)
            }
        }

        impl<N> Param<sql::$sql, N> for char {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                put_str(self.encode_utf8(&mut [0; 4]), out)
            }
        }
    )*};
}

text!(Text, Varchar, Bpchar, Name, Enum, Composite, Unknown);

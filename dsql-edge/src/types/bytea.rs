//! `bytea` ⇄ bytes, unchanged.

use std::borrow::Cow;

use super::{Column, ConversionError, IsNull, NotNull, Param, sql};

impl Column<sql::Bytea, NotNull> for Vec<u8> {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        Ok(bytes.to_vec())
    }
}

impl Column<sql::Bytea, NotNull> for Box<[u8]> {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        Ok(Box::from(bytes))
    }
}

impl Column<sql::Bytea, NotNull> for bytes::Bytes {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        Ok(bytes::Bytes::copy_from_slice(bytes))
    }
}

macro_rules! bytea {
    ($([$($generic:tt)*] $rust:ty),*) => {$(
        impl<N, $($generic)*> Param<sql::Bytea, N> for $rust {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                out.extend_from_slice(self);
                Ok(IsNull::No)
            }
        }
    )*};
}

bytea!([] [u8], [] Vec<u8>, [] Cow<'_, [u8]>, [] bytes::Bytes, [const LENGTH: usize] [u8; LENGTH]);

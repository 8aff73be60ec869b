//! Booleans, integers, floating-point numbers, `oid`, `"char"`, `uuid` and `void`: values of a fixed width.
//!
//! Input and output: the big-endian bytes of PostgreSQL's `*send` functions. Integers are widened for parameters, never
//! for columns.

use super::{Column, ConversionError, IsNull, NotNull, Param, Uuid, exactly, sql};

macro_rules! number {
    ($sql:ident, $rust:ty $(, $narrower:ty)*) => {
        impl Column<sql::$sql, NotNull> for $rust {
            fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
                exactly(bytes).map(<$rust>::from_be_bytes)
            }
        }

        impl<N> Param<sql::$sql, N> for $rust {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                out.extend_from_slice(&self.to_be_bytes());
                Ok(IsNull::No)
            }
        }

        $(
            impl<N> Param<sql::$sql, N> for $narrower {
                fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                    <$rust as Param<sql::$sql, NotNull>>::encode(&<$rust>::from(*self), out)
                }
            }
        )*
    };
}

number!(Int2, i16, i8, u8);
number!(Int4, i32, i16, i8, u16, u8);
number!(Int8, i64, i32, i16, i8, u32, u16, u8);
number!(Float4, f32, i16, i8, u16, u8);
number!(Float8, f64, f32, i32, i16, i8, u32, u16, u8);
number!(Oid, u32, u16, u8);
number!(Char, i8);

impl Column<sql::Bool, NotNull> for bool {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            [_] => Err(ConversionError::new("it is neither true nor false")),
            _ => Err(ConversionError::truncated()),
        }
    }
}

impl<N> Param<sql::Bool, N> for bool {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.push(u8::from(*self));
        Ok(IsNull::No)
    }
}

impl Column<sql::Uuid, NotNull> for Uuid {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        exactly(bytes).map(Uuid::from_bytes)
    }
}

impl<N> Param<sql::Uuid, N> for Uuid {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.extend_from_slice(self.as_bytes());
        Ok(IsNull::No)
    }
}

impl Column<sql::Void, NotNull> for () {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        exactly::<0>(bytes).map(|_| ())
    }

    // Some functions of type `void` return an empty value, others NULL: both are `()`.
    fn null() -> Result<Self, ConversionError> {
        Ok(())
    }
}

impl Column<sql::Char, NotNull> for String {
    /// Decodes to PostgreSQL's own text (`charout`): an empty string for 0, `\ooo` for a byte that is not ASCII.
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        let [byte] = exactly(bytes)?;
        Ok(match byte {
            0 => String::new(),
            1..=127 => String::from(char::from(byte)),
            _ => format!("\\{byte:03o}"),
        })
    }
}

/// A string is a valid `"char"` if it is empty or one ASCII character.
impl<N> Param<sql::Char, N> for str {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        match self.as_bytes() {
            [] => out.push(0),
            [byte] => out.push(*byte),
            _ => return Err(ConversionError::new("the type \"char\" holds one ASCII character")),
        }
        Ok(IsNull::No)
    }
}

impl<N> Param<sql::Char, N> for String {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        <str as Param<sql::Char, NotNull>>::encode(self, out)
    }
}

//! `json` and `jsonb` ⇄ [`JsonValue`], strings of JSON, and (feature `serde`) any type through [`Json`].
//!
//! `jsonb` is sent as a version byte, 1, followed by its text. serde_json limits nesting to 128 levels.

use super::text::{put_str, utf8};
use super::{Column, ConversionError, IsNull, JsonValue, NotNull, Param, sql};

const JSONB_VERSION: u8 = 1;

/// A value of any type that serde supports, kept in a `json` or `jsonb` column: `"settings: Json<Settings>"`.
#[cfg(feature = "serde")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

fn jsonb_text(bytes: &[u8]) -> Result<&[u8], ConversionError> {
    match bytes.split_first() {
        Some((&JSONB_VERSION, text)) => Ok(text),
        _ => Err(ConversionError::new("its version of jsonb's format is unknown")),
    }
}

// The text of serde_json's error is not used, because it could contain a part of the value.
fn invalid(_: serde_json::Error) -> ConversionError {
    ConversionError::new("its JSON does not fit the Rust type")
}

impl Column<sql::Json, NotNull> for JsonValue {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        serde_json::from_slice(bytes).map_err(invalid)
    }
}

impl Column<sql::Jsonb, NotNull> for JsonValue {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        serde_json::from_slice(jsonb_text(bytes)?).map_err(invalid)
    }
}

impl Column<sql::Json, NotNull> for String {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        utf8(bytes).map(str::to_owned)
    }
}

impl Column<sql::Jsonb, NotNull> for String {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        utf8(jsonb_text(bytes)?).map(str::to_owned)
    }
}

impl<N> Param<sql::Json, N> for JsonValue {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        put_json(self, out)
    }
}

impl<N> Param<sql::Jsonb, N> for JsonValue {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.push(JSONB_VERSION);
        put_json(self, out)
    }
}

impl<N> Param<sql::Unknown, N> for JsonValue {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        put_json(self, out)
    }
}

fn put_json(value: &JsonValue, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
    serde_json::to_writer(out, value).map_err(invalid)?;
    Ok(IsNull::No)
}

macro_rules! text_of_json {
    ($($rust:ty),*) => {$(
        impl<N> Param<sql::Json, N> for $rust {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                put_str(self, out)
            }
        }

        impl<N> Param<sql::Jsonb, N> for $rust {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                out.push(JSONB_VERSION);
                put_str(self, out)
            }
        }
    )*};
}

text_of_json!(str, String);

#[cfg(feature = "serde")]
mod any_type {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;

    impl<T: DeserializeOwned> Column<sql::Json, NotNull> for Json<T> {
        fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
            serde_json::from_slice(bytes).map(Json).map_err(invalid)
        }
    }

    impl<T: DeserializeOwned> Column<sql::Jsonb, NotNull> for Json<T> {
        fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
            serde_json::from_slice(jsonb_text(bytes)?).map(Json).map_err(invalid)
        }
    }

    impl<N, T: Serialize> Param<sql::Json, N> for Json<T> {
        fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
            serde_json::to_writer(out, &self.0).map_err(invalid)?;
            Ok(IsNull::No)
        }
    }

    impl<N, T: Serialize> Param<sql::Jsonb, N> for Json<T> {
        fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
            out.push(JSONB_VERSION);
            <Self as Param<sql::Json, NotNull>>::encode(self, out)
        }
    }

    impl<T: Serialize> Serialize for Json<T> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(serializer)
        }
    }
}

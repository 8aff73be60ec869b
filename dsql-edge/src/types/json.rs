//! `json` and `jsonb` ⇄ [`JsonValue`], strings of JSON, and (feature `serde`) any type through [`Json`].
//!
//! `jsonb` is sent as a version byte, 1, followed by its text. serde_json limits nesting to 128 levels, and reads a
//! number that is not a 64-bit integer as the nearest double, as `JSON.parse` does. A `numeric` in a `jsonb` value can
//! have more digits; a `String` keeps them. A number that no double holds (1e400) is an error.

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
        _ => Err(ConversionError::new("it has an unknown version of jsonb's format")),
    }
}

// The text of serde_json's error is not used, because it could contain a part of the value.
fn invalid(_: serde_json::Error) -> ConversionError {
    ConversionError::new("its JSON does not fit the Rust type")
}

/// PostgreSQL has already validated the JSON, so the reason can only be a number that is too large, the depth of the
/// nesting, or (in `json`, whose escapes PostgreSQL does not check) the escape of an unpaired surrogate.
fn beyond_value(_: serde_json::Error) -> ConversionError {
    ConversionError::new(
        "it has a number that no double holds, an unpaired surrogate, or more than 128 levels: use String",
    )
}

impl Column<sql::Json, NotNull> for JsonValue {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        serde_json::from_slice(bytes).map_err(beyond_value)
    }
}

impl Column<sql::Jsonb, NotNull> for JsonValue {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        serde_json::from_slice(jsonb_text(bytes)?).map_err(beyond_value)
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

    /// serde_json's error about a missing field contains only the name of a field of the Rust type. Every other error
    /// of serde_json may contain a part of the value.
    fn does_not_fit(error: serde_json::Error) -> ConversionError {
        let text = error.to_string();
        let field = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match field {
            Some(field) => ConversionError::new(format!("its JSON has no field `{field}`")),
            None => invalid(error),
        }
    }

    impl<T: DeserializeOwned> Column<sql::Json, NotNull> for Json<T> {
        fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
            serde_json::from_slice(bytes).map(Json).map_err(does_not_fit)
        }
    }

    impl<T: DeserializeOwned> Column<sql::Jsonb, NotNull> for Json<T> {
        fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
            serde_json::from_slice(jsonb_text(bytes)?).map(Json).map_err(does_not_fit)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded<T: Column<sql::Jsonb, NotNull>>(text: &str) -> Result<T, ConversionError> {
        T::decode(&[&[JSONB_VERSION], text.as_bytes()].concat())
    }

    #[test]
    fn number_is_read_as_a_double_and_string_keeps_it() {
        let text = "{\"n\": 12345678901234567890.123}";
        let value: JsonValue = decoded(text).unwrap();
        assert_eq!(value["n"].as_f64(), Some(12_345_678_901_234_567_000.0));
        assert_eq!(decoded::<String>(text).unwrap(), text);
        let exact: JsonValue = decoded("[18446744073709551615, -9223372036854775808, 0.1]").unwrap();
        assert_eq!(exact.to_string(), "[18446744073709551615,-9223372036854775808,0.1]");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn json_that_does_not_fit_names_a_missing_field_and_no_data() {
        let general = "its JSON does not fit the Rust type";
        for (text, expected) in [
            ("{}", "its JSON has no field `secs`"),
            (r#"{"secs": 1}"#, "its JSON has no field `nanos`"),
            (r#"{"secs": "missing field `canary`"}"#, general),
            (r#"{"canary": 1}"#, general),
            (r#"{"missing field `canary`": 1}"#, general),
            ("\"missing field `canary`\"", general),
            ("[-1, 0]", general),
        ] {
            let error = decoded::<Json<core::time::Duration>>(text).unwrap_err();
            assert_eq!(error.text(), expected, "{text}");
        }
    }

    #[test]
    fn value_that_json_value_cannot_hold_is_a_named_error() {
        for text in ["[1e400]".to_owned(), "[".repeat(200) + &"]".repeat(200)] {
            let error = decoded::<JsonValue>(&text).unwrap_err();
            assert!(error.text().ends_with("use String"), "{error}");
            assert_eq!(decoded::<String>(&text).unwrap(), text);
        }
    }
}

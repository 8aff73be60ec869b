//! PostgreSQL's text of an array, `{draft,"in review",NULL}`, for element types without a binary decoder.
//!
//! Input and output: the text of `array_out` and `array_in`, of one dimension, with commas between the elements. A
//! decoder allocates the elements that it finds, and no memory in advance.

use super::{ConversionError, IsNull};

/// Decodes an array; `decode` gets the text of each element, and `None` for NULL.
pub(super) fn decode<T>(
    text: &[u8],
    mut decode: impl FnMut(Option<&[u8]>) -> Result<T, ConversionError>,
) -> Result<Vec<T>, ConversionError> {
    let mut elements = Vec::new();
    each(text, &mut |element| {
        elements.push(decode(element)?);
        Ok(())
    })?;
    Ok(elements)
}

/// The number of elements of an array.
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    let mut length = 0;
    let counted = each(text, &mut |_| {
        length += 1;
        Ok(())
    });
    counted.ok().map(|()| length)
}

/// Takes the text of an element, or `None` for NULL.
type Take<'f> = &'f mut dyn FnMut(Option<&[u8]>) -> Result<(), ConversionError>;

fn each(text: &[u8], take: Take<'_>) -> Result<(), ConversionError> {
    let invalid = || ConversionError::new("it is not the text of an array");
    // An array whose first subscript is not 1 has its bounds before the braces: `[0:1]={a,b}`.
    let mut rest = match text.first() {
        Some(b'[') => {
            let equals = text.iter().position(|byte| *byte == b'=').ok_or_else(invalid)?;
            text.get(equals.saturating_add(1)..).unwrap_or_default()
        }
        _ => text,
    };
    rest = rest.strip_prefix(b"{").ok_or_else(invalid)?;
    if rest == b"}" {
        return Ok(());
    }
    let mut element = Vec::new();
    loop {
        element.clear();
        let is_quoted = rest.first() == Some(&b'"');
        rest = match rest.split_first() {
            Some((b'"', after)) => quoted(after, &mut element).ok_or_else(invalid)?,
            Some((b'{', _)) => {
                return Err(ConversionError::new("it has more than one dimension, which is not supported"));
            }
            _ => bare(rest, &mut element),
        };
        match is_quoted {
            false if element.is_empty() => return Err(invalid()),
            false if element == b"NULL" => take(None)?,
            _ => take(Some(&element))?,
        }
        rest = match rest {
            [b',', after @ ..] => after,
            b"}" => return Ok(()),
            _ => return Err(invalid()),
        };
    }
}

/// Appends a quoted element to `out`, and returns the text after its closing quotation mark.
fn quoted<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    loop {
        let (byte, after) = text.split_first()?;
        text = match byte {
            b'"' => return Some(after),
            b'\\' => {
                let (escaped, after) = after.split_first()?;
                out.push(*escaped);
                after
            }
            byte => {
                out.push(*byte);
                after
            }
        };
    }
}

/// Appends an element without quotation marks to `out`, and returns the text after the element.
fn bare<'t>(mut text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    while let Some((byte, after)) = text.split_first() {
        if matches!(byte, b',' | b'}' | b'{' | b'"' | b'\\') {
            break;
        }
        out.push(*byte);
        text = after;
    }
    text
}

/// Encodes an array; `encode` appends the text of an element.
pub(super) fn encode<T>(
    elements: &[T],
    out: &mut Vec<u8>,
    encode: impl Fn(&T, &mut Vec<u8>) -> Result<IsNull, ConversionError>,
) -> Result<IsNull, ConversionError> {
    out.push(b'{');
    let mut text = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text.clear();
        match encode(element, &mut text)? {
            IsNull::Yes => out.extend_from_slice(b"NULL"),
            IsNull::No => {
                out.push(b'"');
                for byte in &text {
                    if matches!(byte, b'"' | b'\\') {
                        out.push(b'\\');
                    }
                    out.push(*byte);
                }
                out.push(b'"');
            }
        }
    }
    out.push(b'}');
    Ok(IsNull::No)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sql::{Array, Unknown};
    use super::super::{Column, NotNull, Nullable, Param};
    use super::*;

    type Elements = Vec<Option<String>>;

    fn decoded(text: &str) -> Result<Elements, ConversionError> {
        <Elements as Column<Array<Unknown>, NotNull>>::decode(text.as_bytes())
    }

    fn some(elements: &[&str]) -> Elements {
        elements.iter().map(|element| Some((*element).to_owned())).collect()
    }

    #[test]
    fn text_as_postgresql_16_writes_it() {
        assert_eq!(decoded("{}"), Ok(Vec::new()));
        assert_eq!(decoded("{10.0.0.1,\"a b\",\"\"}"), Ok(some(&["10.0.0.1", "a b", ""])));
        assert_eq!(decoded(r#"{"a\"b","c\\d","{,}"}"#), Ok(some(&["a\"b", "c\\d", "{,}"])));
        assert_eq!(decoded("{NULL,\"NULL\"}"), Ok(vec![None, Some("NULL".to_owned())]));
        assert_eq!(decoded("[0:1]={a,b}"), Ok(some(&["a", "b"])));
        assert!(decoded("{{a},{b}}").unwrap_err().to_string().contains("dimension"));
    }

    #[test]
    fn text_that_is_not_an_array_is_rejected() {
        for text in
            ["", "{", "a", "{a", "{a}b", "{,}", "{a,}", "{\"a}", "{\"a\\", "{\"a\"b}", "[0:1]", "{a\"}"]
        {
            assert!(decoded(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn elements_survive(elements: Vec<Option<String>>) {
            let mut text = Vec::new();
            let sent = <Elements as Param<Array<Unknown, Nullable>, NotNull>>::encode(&elements, &mut text);
            if elements.iter().flatten().any(|element| element.contains('\0')) {
                prop_assert!(sent.is_err());
                return Ok(());
            }
            prop_assert_eq!(length(&text), Some(elements.len()));
            prop_assert_eq!(<Elements as Column<Array<Unknown>, NotNull>>::decode(&text), Ok(elements));
        }

        #[test]
        fn any_bytes_give_a_value_or_an_error(text: Vec<u8>) {
            let _: Result<Elements, _> = Column::<Array<Unknown>, NotNull>::decode(&text);
        }
    }
}

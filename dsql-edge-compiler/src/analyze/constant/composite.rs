//! Checks constants of composite types: `record_in`.
//!
//! Input: the types of the fields, and the text of a constant. Output: nothing, or the error that PostgreSQL reports.
//! PostgreSQL reads each field before it looks at the text after that field, so the first error from the left is the
//! reported one. Unlike other constants, each field is read with its type modifier: `'(abcd)'` is not a row with a
//! `varchar(3)`.

use super::super::catalog::Catalog;
use super::blank::is_blank;
use super::rejection::{Rejection, Value};
use super::value;
use crate::builtin::{Oid, oid};
use crate::diagnostic::Code;

/// The maximum depth of rows in rows that is read. A deeper row is accepted: PostgreSQL decides when the statement
/// runs.
const MAX_DEPTH: usize = 32;

pub(super) fn check(
    catalog: Catalog<'_>,
    fields: &[(Oid, i32)],
    text: &str,
    depth: usize,
) -> Result<(), Rejection> {
    if depth >= MAX_DEPTH {
        return Ok(());
    }
    let malformed = || Rejection::new(Code::InvalidLiteral, format!("malformed record literal: \"{text}\""));
    let mut rest = text.trim_start_matches(is_blank).strip_prefix('(').ok_or_else(malformed)?;
    for (at, (ty, typmod)) in fields.iter().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix(',').ok_or_else(malformed)?;
        }
        let (field, after) = next_field(rest).ok_or_else(malformed)?;
        if let Some(field) = field {
            check_field(catalog, *ty, *typmod, &field, depth)?;
        }
        rest = after;
    }
    let rest = rest.strip_prefix(')').ok_or_else(malformed)?;
    if rest.chars().all(is_blank) { Ok(()) } else { Err(malformed()) }
}

/// A field, without its quotes and backslashes, and the text after it. The field is `None` for NULL: no characters at
/// all. The result is `None` if the text ends inside the field.
fn next_field(text: &str) -> Option<(Option<String>, &str)> {
    if text.starts_with([',', ')']) {
        return Some((None, text));
    }
    let (mut field, mut quoted) = (String::new(), false);
    let mut rest = text.char_indices().peekable();
    loop {
        match rest.next()? {
            (at, ',' | ')') if !quoted => return Some((Some(field), text.get(at..)?)),
            (_, '\\') => field.push(rest.next()?.1),
            (_, '"') if quoted && rest.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
            (_, '"') => quoted = !quoted,
            (_, other) => field.push(other),
        }
    }
}

/// Reads a field with the input function of its type. The CHECK constraints of a domain are not evaluated here.
fn check_field(
    catalog: Catalog<'_>,
    ty: Oid,
    typmod: i32,
    text: &str,
    depth: usize,
) -> Result<(), Rejection> {
    let (base, domain_typmod) = catalog.base_type(ty);
    let typmod = if base == ty { typmod } else { domain_typmod };
    let read = value(catalog, base, typmod, text, depth + 1)?;
    if typmod < 0 { Ok(()) } else { fits(base, typmod, text, &read) }
}

/// Whether a value fits the type modifier of a string or a number.
fn fits(ty: Oid, typmod: i32, text: &str, read: &Value) -> Result<(), Rejection> {
    let too_long = |name: &str, length: usize| {
        let message = format!("value too long for type {name}({length})");
        Err(Rejection::new(Code::ValueTooLong, message))
    };
    let length = |typmod: i32| usize::try_from(typmod).unwrap_or(usize::MAX);
    match (ty, read) {
        // Blanks beyond the length are cut off.
        (oid::VARCHAR | oid::BPCHAR, _) => {
            let length = length(typmod - 4);
            let name = if ty == oid::VARCHAR { "character varying" } else { "character" };
            let fits = text.chars().skip(length).all(|character| character == ' ');
            if fits { Ok(()) } else { too_long(name, length) }
        }
        (oid::BIT, _) if bit_length(text) != length(typmod) => {
            let found = bit_length(text);
            let message = format!("bit string length {found} does not match type bit({typmod})");
            Err(Rejection::new(Code::LengthMismatch, message))
        }
        (oid::VARBIT, _) if bit_length(text) > length(typmod) => {
            let message = format!("bit string too long for type bit varying({typmod})");
            Err(Rejection::new(Code::ValueTooLong, message))
        }
        (oid::NUMERIC, Value::Decimal(decimal)) => {
            let (precision, scale) = ((typmod - 4) >> 16, (((typmod - 4) & 0x7ff) ^ 1024) - 1024);
            let overflow = || Rejection::new(Code::OutOfRange, "numeric field overflow".to_owned());
            if decimal.fits(precision, scale) { Ok(()) } else { Err(overflow()) }
        }
        _ => Ok(()),
    }
}

/// The number of bits in a constant that `bit_in` accepts.
fn bit_length(text: &str) -> usize {
    match text.strip_prefix(['x', 'X']) {
        Some(digits) => digits.len() * 4,
        None => text.strip_prefix(['b', 'B']).unwrap_or(text).len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn rows_are_read_as_record_in_reads_them() {
        let schema = Schema::default();
        let catalog = Catalog::now(&schema);
        let fields = [(oid::INT4, -1), (oid::VARCHAR, 3 + 4), (oid::NUMERIC, ((3 << 16) | 1) + 4)];
        let message = |text: &str| check(catalog, &fields, text, 0).err().map(|it| it.message);
        for text in [
            "(1,abc,1)",
            " ( 1 ,,) \n",
            "(,\"a,\"\"\",99.94)",
            "(1,abc   ,-99.949)",
            "(1,\"\",0)",
            "(\"1\",\\,\\),0)",
            "(1,a\"b\"c,nan)",
        ] {
            assert_eq!(message(text), None, "{text}");
        }
        for (text, expected) in [
            ("", "malformed record literal: \"\""),
            ("1,abc,1", "malformed record literal: \"1,abc,1\""),
            ("(1,abc)", "malformed record literal: \"(1,abc)\""),
            ("(1,abc,1,2)", "malformed record literal: \"(1,abc,1,2)\""),
            ("(1,abc,1)x", "malformed record literal: \"(1,abc,1)x\""),
            ("(1,\"abc", "malformed record literal: \"(1,\"abc\""),
            ("(1,a\\", "malformed record literal: \"(1,a\\\""),
            // The first field is read before the text after it.
            ("(a,\"", "invalid input syntax for type integer: \"a\""),
            ("(1,abcd,1)", "value too long for type character varying(3)"),
            ("(1,abc,99.95)", "numeric field overflow"),
        ] {
            assert_eq!(message(text).as_deref(), Some(expected), "{text}");
        }
        let bits = [(oid::BIT, 3), (oid::VARBIT, 5)];
        let code = |text: &str| check(catalog, &bits, text, 0).err().map(|it| it.code);
        assert_eq!(code("(101,x1)"), None);
        assert_eq!(code("(10,)"), Some(Code::LengthMismatch));
        assert_eq!(code("(b101,x11)"), Some(Code::ValueTooLong));
    }
}

//! Checks constants of composite types: `record_in`.
//!
//! Input: the types of the fields, and the text of a constant. Output: nothing, or the error that PostgreSQL reports.
//! PostgreSQL reads each field before it looks at the text after that field, so PostgreSQL reports the leftmost error.
//! PostgreSQL reads a field with the type modifier of the field, although it reads other constants without a modifier:
//! `'(abcd)'` is not a row with a `varchar(3)`.

use super::super::catalog::Catalog;
use super::blank::is_blank;
use super::rejection::{Rejection, Value};
use crate::builtin::{Oid, oid};
use crate::diagnostic::Code;

/// The maximum nesting depth of rows that are checked. A row that nests deeper is accepted, and PostgreSQL checks it
/// when the statement runs.
const MAX_DEPTH: usize = 32;

/// Reads a field with the input function of its type, given the type, its modifier, the text, and the number of rows in
/// which the text is nested.
pub(super) type Read<'r> = &'r dyn Fn(Oid, i32, &str, usize) -> Result<Value, Rejection>;

pub(super) fn check(
    catalog: Catalog<'_>,
    read: Read<'_>,
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
            with_modifier(catalog, read, (*ty, *typmod), &field, depth + 1)?;
        }
        rest = after;
    }
    let rest = rest.strip_prefix(')').ok_or_else(malformed)?;
    if rest.chars().all(is_blank) { Ok(()) } else { Err(malformed()) }
}

/// Returns the next field without its quotes and backslashes, and the rest of the text. The field is `None` for NULL:
/// no characters at all. The result is `None` if the text ends inside the field.
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

/// Reads a field or an element of an array with the input function of its type, which also applies the type modifier.
/// This function does not evaluate the CHECK constraints of a domain.
pub(super) fn with_modifier(
    catalog: Catalog<'_>,
    read: Read<'_>,
    (ty, typmod): (Oid, i32),
    text: &str,
    depth: usize,
) -> Result<(), Rejection> {
    let (base, domain_typmod) = catalog.base_type(ty);
    let typmod = if base == ty { typmod } else { domain_typmod };
    let value = read(base, typmod, text, depth)?;
    if typmod < 0 { Ok(()) } else { fits(base, typmod, text, &value) }
}

/// Returns an error if a value is too long or too large for the type modifier of a string, bit string or number type.
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

/// Returns the number of bits in a constant that `bit_in` accepts.
fn bit_length(text: &str) -> usize {
    match text.strip_prefix(['x', 'X']) {
        Some(digits) => digits.len() * 4,
        None => text.strip_prefix(['b', 'B']).unwrap_or(text).len(),
    }
}

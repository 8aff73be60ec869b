//! Encodes the arguments of a query when they are bound.
//!
//! Input: Rust values and the SQL types they must fit. Output: the parameters of a Bind frame. Binding never fails: the
//! error of the first value that cannot be encoded is kept and returned when the query runs.

use crate::error::{Error, Kind};
use crate::types::sql::{Format, SqlType};
use crate::types::{
    ConversionError, IsNull, Nullable, Param, TypeOf, UncheckedParam, sent_format, text_array,
};
use crate::wire::Parameters;

/// The arguments of one run of a query.
#[derive(Default)]
pub struct Arguments {
    parameters: Parameters,
    /// The type OIDs of the arguments that `bind_unchecked` has bound.
    types: Vec<u32>,
    error: Option<Error>,
}

impl Arguments {
    /// Makes an empty list, with capacity for `count` arguments.
    pub fn with_capacity(count: usize) -> Self {
        Arguments {
            parameters: Parameters { bytes: Vec::new(), each: Vec::with_capacity(count) },
            types: Vec::new(),
            error: None,
        }
    }

    /// Binds the next argument, for a parameter of the SQL type `S` and the nullability `N`. The text of an error
    /// contains only the parameter's type, because no name is given here.
    pub fn bind<S: SqlType, N, T: Param<S, N> + ?Sized>(&mut self, value: &T) {
        self.bind_described::<S, N, T>(value, S::NAME);
    }

    /// Binds the next argument. `described` is the parameter's description in errors: `parameter $limit of type int8`.
    pub(crate) fn bind_described<S: SqlType, N, T: Param<S, N> + ?Sized>(
        &mut self,
        value: &T,
        described: &'static str,
    ) {
        self.bind_with::<S, N, T>(described, |out| value.encode(out));
    }

    /// Binds the next argument. The marker `S` does not determine the SQL type of the parameter; the argument `of`
    /// does.
    pub(crate) fn bind_by_type<S: SqlType, N, T: Param<S, N> + ?Sized>(
        &mut self,
        value: &T,
        of: TypeOf,
        described: &'static str,
    ) {
        self.bind_with::<S, N, T>(described, |out| value.encode_by_type(of, out));
    }

    #[inline(always)]
    fn bind_with<S: SqlType, N, T: Param<S, N> + ?Sized>(
        &mut self,
        described: &'static str,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<IsNull, ConversionError>,
    ) {
        let before = self.parameters.bytes.len();
        let format = const { sent_format::<S, N, T>().code() };
        match encode(&mut self.parameters.bytes) {
            Ok(IsNull::No) => {
                self.parameters.each.push((Some(self.parameters.bytes.len()), format));
            }
            Ok(IsNull::Yes) => {
                self.parameters.bytes.truncate(before);
                self.parameters.each.push((None, format));
            }
            Err(reason) => {
                self.parameters.bytes.truncate(before);
                self.parameters.each.push((None, format));
                self.error.get_or_insert_with(|| Error::encode(described, reason));
            }
        }
    }

    /// Checks that the arrays of one `UNNEST` have the same length; `group` contains the numbers of their parameters,
    /// each with its description. Different lengths are an error, because PostgreSQL would pad the shorter arrays with
    /// NULLs.
    pub fn equally_long(&mut self, group: &[(usize, &'static str)]) {
        let lengths = group.iter().map(|(number, described)| (*described, self.array_length(*number)));
        let Some((_, first)) = lengths.clone().next() else { return };
        if let Some((described, _)) = lengths.into_iter().find(|(_, length)| *length != first) {
            let reason = ConversionError::new("the arrays of one UNNEST must have the same length");
            self.error.get_or_insert_with(|| Error::encode(described, reason));
        }
    }

    /// Records an error if a given value would be ignored. A part of optional text is sent only if all its parameters
    /// have a value. So a value is ignored if no part that contains its parameter is sent. `given` states for each
    /// parameter of optional text whether the parameter has a value. Each of the `texts` has its error message and the
    /// indexes of its parameters. The recorded error has the message of the first text with an ignored value.
    pub fn not_together(&mut self, given: &[bool], texts: &[(&'static str, &[usize])]) {
        let is_given = |at: &usize| given.get(*at).copied().unwrap_or(false);
        let is_sent =
            |at: &usize| texts.iter().any(|(_, text)| text.contains(at) && text.iter().all(is_given));
        let is_ignored = |at: &usize| is_given(at) && !is_sent(at);
        if let Some((message, _)) = texts.iter().find(|(_, text)| text.iter().any(is_ignored)) {
            self.error.get_or_insert_with(|| Error::new(Kind::Unsendable(message)));
        }
    }

    /// The number of elements of an encoded array; `None` for NULL.
    fn array_length(&self, number: usize) -> Option<i32> {
        let (end, format) = *self.parameters.each.get(number.checked_sub(1)?)?;
        let before = self.parameters.each.get(..number.checked_sub(1)?)?;
        let start = before.iter().rev().find_map(|(end, _)| *end).unwrap_or(0);
        let bytes = self.parameters.bytes.get(start..end?)?;
        if format == Format::Text.code() {
            return text_array::length(bytes).and_then(|length| i32::try_from(length).ok());
        }
        // The header contains the number of dimensions, a flag for NULLs, and the element's type. If the array is not
        // empty, the length follows.
        match bytes.first_chunk() {
            Some([0, 0, 0, 0]) => Some(0),
            _ => bytes.get(12..)?.first_chunk().map(|length| i32::from_be_bytes(*length)),
        }
    }

    /// Binds the next argument, with the SQL type that its Rust type implies.
    pub fn bind_unchecked<T: UncheckedParam + ?Sized>(&mut self, value: &T, described: &'static str) {
        // The server determines the type, both for 705 (`unknown`) and for 0.
        self.types.push(if T::Sql::OID == 705 { 0 } else { T::Sql::OID });
        self.bind_described::<T::Sql, Nullable, T>(value, described);
    }

    /// The number of bytes of the encoded values.
    pub(crate) fn len(&self) -> usize {
        self.parameters.bytes.len()
    }

    /// Binds the next argument, which `write` encodes.
    pub(crate) fn push_encoded(&mut self, format: Format, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.parameters.bytes);
        self.parameters.each.push((Some(self.parameters.bytes.len()), format.code()));
    }

    /// Binds the next argument, in text format and with the type that the server determines.
    #[cfg(feature = "dynamic")]
    pub(crate) fn push_text(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.push_encoded(Format::Text, |bytes| bytes.extend_from_slice(value.as_bytes())),
            None => self.parameters.each.push((None, Format::Text.code())),
        }
    }

    pub(crate) fn or_error(mut self, error: Option<Error>) -> Self {
        self.error = self.error.or(error);
        self
    }

    /// Copies the arguments, for a statement that has these arguments and one more.
    pub(crate) fn copy(&self) -> Result<Arguments, Error> {
        match &self.error {
            Some(error) => Err(error.again()),
            None => {
                Ok(Arguments { parameters: self.parameters.clone(), types: self.types.clone(), error: None })
            }
        }
    }

    /// The error of the first argument that could not be encoded.
    pub(crate) fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    #[cfg(test)]
    pub(crate) fn into_parts(self) -> Result<(Parameters, Vec<u32>), Error> {
        self.error.map_or(Ok((self.parameters, self.types)), Err)
    }

    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The types of the arguments that were bound unchecked.
    pub(crate) fn types(&self) -> &[u32] {
        &self.types
    }
}

/// Shows only the number of arguments, never a value.
impl core::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Arguments({})", self.parameters.each.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NotNull, sql};

    fn bound(ids: &[i32], between: Option<i64>, titles: &[&str]) -> Result<(), Error> {
        let mut arguments = Arguments::with_capacity(3);
        arguments.bind::<sql::Array<sql::Int4, NotNull>, NotNull, _>(ids);
        arguments.bind::<sql::Int8, Nullable, _>(&between);
        arguments.bind::<sql::Array<sql::Text, NotNull>, NotNull, _>(titles);
        arguments.equally_long(&[(1, "$ids of type int4[]"), (3, "$titles of type text[]")]);
        arguments.into_parts().map(drop)
    }

    #[test]
    fn arrays_that_are_zipped_are_equally_long() {
        assert!(bound(&[1, 2], None, &["a", ""]).is_ok());
        assert!(bound(&[], Some(7), &[]).is_ok());
        for (ids, titles) in [(&[1, 2][..], &["a"][..]), (&[], &["a"]), (&[1], &[])] {
            let error = bound(ids, None, titles).unwrap_err().to_string();
            assert!(error.contains("$titles of type text[]") && error.contains("UNNEST"), "{error}");
        }
    }
}

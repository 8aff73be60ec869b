//! Many rows for one statement, as an array for each parameter.
//!
//! Goes in: the values of row after row. Comes out: the [`Arguments`] of `… FROM UNNEST($1, $2)`. The first value that
//! cannot be encoded is kept as an error for when the query runs.

use crate::arguments::Arguments;
use crate::error::{Error, Kind};
use crate::types::sql::{Format, SqlType};
use crate::types::{ConversionError, IsNull, Param};

/// An array for each parameter, which grow by one element with each row.
#[derive(Default)]
pub struct ManyRows {
    arrays: Vec<Array>,
    error: Option<Error>,
}

#[derive(Default)]
struct Array {
    element_oid: u32,
    length: i32,
    has_nulls: bool,
    elements: Vec<u8>,
}

impl ManyRows {
    /// Empty arrays, by the OIDs of their elements.
    pub fn new(element_oids: &[u32]) -> Self {
        let array = |oid: &u32| Array { element_oid: *oid, ..Array::default() };
        ManyRows { arrays: element_oids.iter().map(array).collect(), error: None }
    }

    /// The next row's value for the parameter at this index, from 0.
    pub fn bind<S: SqlType, N, T: Param<S, N> + ?Sized>(&mut self, index: usize, value: &T) {
        let Some(array) = self.arrays.get_mut(index) else { return };
        if let Err(reason) = array.push::<S, N, T>(value) {
            let parameter = index + 1;
            self.error
                .get_or_insert_with(|| Error::new(Kind::Encode { parameter, sql_type: S::NAME, reason }));
        }
    }

    /// All rows.
    pub fn into_arguments(self) -> Arguments {
        let mut out = Arguments::with_capacity(self.arrays.len());
        for array in self.arrays {
            out.push_encoded(Format::Binary, |bytes| {
                // As PostgreSQL's array_send writes it: an empty one has no dimension.
                let dimensions = i32::from(array.length > 0);
                bytes.extend_from_slice(&dimensions.to_be_bytes());
                bytes.extend_from_slice(&i32::from(array.has_nulls).to_be_bytes());
                bytes.extend_from_slice(&array.element_oid.to_be_bytes());
                if dimensions > 0 {
                    bytes.extend_from_slice(&array.length.to_be_bytes());
                    bytes.extend_from_slice(&1_i32.to_be_bytes());
                    bytes.extend_from_slice(&array.elements);
                }
            });
        }
        out.or_error(self.error)
    }
}

impl Array {
    fn push<S: SqlType, N, T: Param<S, N> + ?Sized>(&mut self, value: &T) -> Result<(), ConversionError> {
        let too_long = || ConversionError::new("it is longer than PostgreSQL's arrays can be");
        self.length = self.length.checked_add(1).ok_or_else(too_long)?;
        let length_at = self.elements.len();
        self.elements.extend_from_slice(&(-1_i32).to_be_bytes());
        let start = self.elements.len();
        match value.encode(&mut self.elements)? {
            IsNull::Yes => {
                self.elements.truncate(start);
                self.has_nulls = true;
            }
            IsNull::No => {
                let length = i32::try_from(self.elements.len() - start).map_err(|_| too_long())?;
                if let Some(place) = self.elements.get_mut(length_at..).and_then(<[u8]>::first_chunk_mut) {
                    *place = length.to_be_bytes();
                }
            }
        }
        Ok(())
    }
}

/// Values never show.
impl core::fmt::Debug for ManyRows {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ManyRows({})", self.arrays.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NotNull, Nullable, sql};

    #[test]
    fn rows_are_the_arrays_that_slices_would_be() {
        for rows in [&[(1, Some("a")), (2, None)][..], &[]] {
            let mut many = ManyRows::new(&[23, 25]);
            for (number, text) in rows {
                many.bind::<sql::Int4, NotNull, _>(0, number);
                many.bind::<sql::Text, Nullable, _>(1, text);
            }
            let mut slices = Arguments::with_capacity(2);
            let (numbers, texts): (Vec<i32>, Vec<Option<&str>>) = rows.iter().copied().unzip();
            slices.bind::<sql::Array<sql::Int4>, NotNull, _>(&numbers);
            slices.bind::<sql::Array<sql::Text>, NotNull, _>(&texts);
            let (ours, theirs) = (many.into_arguments().into_parts(), slices.into_parts());
            let (ours, theirs) = (ours.unwrap().0, theirs.unwrap().0);
            assert_eq!((ours.bytes, ours.each), (theirs.bytes, theirs.each));
        }
    }

    #[test]
    fn a_value_that_cannot_be_sent_is_an_error_of_the_query() {
        let mut many = ManyRows::new(&[25]);
        many.bind::<sql::Text, NotNull, _>(0, "a\0b");
        let error = many.into_arguments().into_parts().unwrap_err().to_string();
        assert!(error.contains("$1") && error.contains("NUL"), "{error}");
    }
}

//! Many rows for one statement, which are bound while they are sent.
//!
//! Input: an iterator of rows and a function that binds one row. Output: [`Chunk`]s within their limits, either as
//! [`Arguments`] for each row, or as the arguments of `… FROM UNNEST($1, $2)`: an array for each parameter. Rows that
//! do not fit wait for the next chunk. The error of the first value that cannot be encoded is kept and returned when
//! the chunk is sent.

use crate::arguments::Arguments;
use crate::error::Error;
use crate::types::sql::{Format, SqlType};
use crate::types::{ConversionError, IsNull, Param};

/// Rows that are not yet bound. The iterator is read only as far as is necessary for the next chunk.
pub struct Rows<'a> {
    form: Form<'a>,
    ended: bool,
}

enum Form<'a> {
    /// The statement is executed once for each row.
    Each { next: Box<dyn FnMut(&mut Arguments) -> bool + Send + 'a>, waiting: Option<Arguments> },
    /// The statement is executed once, with arrays of all rows.
    Arrays {
        next: Box<dyn FnMut(&mut ManyRows) -> bool + Send + 'a>,
        oids: &'static [u32],
        waiting: Option<ManyRows>,
    },
}

/// Rows that are sent in one flight.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The arguments of each execution.
    pub(crate) arguments: Vec<Arguments>,
    pub(crate) rows: usize,
}

/// The limits of a chunk. DSQL limits a transaction to 3,000 rows and 10 MiB, and the bytes of indexes count too.
pub(crate) const MAX_ROWS: usize = 3_000;
pub(crate) const MAX_BYTES: usize = 8 << 20;
/// The maximum number of chunks in one flight. More would save little: eight chunks already send up to 24,000 rows in
/// one round trip.
pub(crate) const MAX_FUSED: usize = 8;

/// Rows for a statement that is executed once for each row.
pub fn rows<'a, I, F>(rows: I, mut bind: F) -> Rows<'a>
where
    I: IntoIterator<IntoIter: Send + 'a>,
    F: FnMut(I::Item, &mut Arguments) + Send + 'a,
{
    let mut rows = rows.into_iter();
    let next =
        Box::new(move |arguments: &mut Arguments| rows.next().map(|row| bind(row, arguments)).is_some());
    Rows { form: Form::Each { next, waiting: None }, ended: false }
}

/// Rows for a statement that takes an array for each parameter. `oids` are the OIDs of the arrays' elements.
pub fn arrays<'a, I, F>(oids: &'static [u32], rows: I, mut bind: F) -> Rows<'a>
where
    I: IntoIterator<IntoIter: Send + 'a>,
    F: FnMut(I::Item, &mut ManyRows) + Send + 'a,
{
    let mut rows = rows.into_iter();
    let next = Box::new(move |arrays: &mut ManyRows| rows.next().map(|row| bind(row, arrays)).is_some());
    Rows { form: Form::Arrays { next, oids, waiting: None }, ended: false }
}

impl Rows<'_> {
    /// Returns the next rows, as many as the limits allow. A row that alone exceeds the limits is returned by itself.
    /// Returns `None` if there are no more rows.
    pub(crate) fn chunk(&mut self, max_rows: usize, max_bytes: usize) -> Option<Chunk> {
        if self.ended {
            return None;
        }
        let (mut rows, mut bytes) = (0, 0);
        let arguments = match &mut self.form {
            Form::Each { next, waiting } => {
                let mut all = Vec::new();
                while rows < max_rows {
                    let one = waiting.take().or_else(|| {
                        let mut one = Arguments::default();
                        next(&mut one).then_some(one)
                    });
                    let Some(one) = one else {
                        self.ended = true;
                        break;
                    };
                    bytes += one.len();
                    if bytes > max_bytes && rows > 0 {
                        *waiting = Some(one);
                        break;
                    }
                    rows += 1;
                    all.push(one);
                }
                all
            }
            Form::Arrays { next, oids, waiting } => {
                let mut all = waiting.take().inspect(|_| rows = 1).unwrap_or_else(|| ManyRows::new(oids));
                while rows < max_rows {
                    let before = all.mark();
                    if !next(&mut all) {
                        self.ended = true;
                        break;
                    }
                    if all.len() > max_bytes && rows > 0 {
                        *waiting = Some(all.split_off(&before));
                        break;
                    }
                    rows += 1;
                }
                vec![all.into_arguments()]
            }
        };
        (rows > 0).then_some(Chunk { arguments, rows })
    }
}

impl core::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Rows(…)")
    }
}

/// An array for each parameter. Each row appends an element to each array.
#[derive(Default)]
pub struct ManyRows {
    arrays: Vec<Array>,
    error: Option<Error>,
}

/// The state of the arrays after a row.
struct Mark {
    /// For each array, the number of its bytes, the number of its elements, and whether any element is NULL.
    arrays: Vec<(usize, i32, bool)>,
    has_error: bool,
}

#[derive(Default)]
struct Array {
    element_oid: u32,
    length: i32,
    has_nulls: bool,
    elements: Vec<u8>,
}

impl ManyRows {
    /// Empty arrays of elements with these OIDs.
    pub fn new(element_oids: &[u32]) -> Self {
        let array = |oid: &u32| Array { element_oid: *oid, ..Array::default() };
        ManyRows { arrays: element_oids.iter().map(array).collect(), error: None }
    }

    /// Appends the next row's value for the parameter at this index, from 0. An error describes the parameter:
    /// `parameter $limit of type int8`.
    pub fn bind<S: SqlType, N, T: Param<S, N> + ?Sized>(
        &mut self,
        index: usize,
        value: &T,
        described: &'static str,
    ) {
        let Some(array) = self.arrays.get_mut(index) else { return };
        if let Err(reason) = array.push::<S, N, T>(value) {
            self.error.get_or_insert_with(|| Error::encode(described, reason));
        }
    }

    /// Returns the current length of each array, to which [`split_off`](Self::split_off) can go back.
    fn mark(&self) -> Mark {
        let mark = |array: &Array| (array.elements.len(), array.length, array.has_nulls);
        Mark { arrays: self.arrays.iter().map(mark).collect(), has_error: self.error.is_some() }
    }

    /// Splits off the one row that was added after `mark`.
    fn split_off(&mut self, mark: &Mark) -> ManyRows {
        let arrays = self.arrays.iter_mut().zip(&mark.arrays).map(|(array, (bytes, length, has_nulls))| {
            let elements = array.elements.split_off((*bytes).min(array.elements.len()));
            let since = array.length - length;
            array.length = *length;
            // Exactly one row is split off, so each new array has one value, and its flag for NULLs is set if this
            // value is NULL. The arrays of the earlier rows get the flag that they had before this row.
            let null = elements.first_chunk() == Some(&(-1_i32).to_be_bytes());
            array.has_nulls = *has_nulls;
            Array { element_oid: array.element_oid, length: since, has_nulls: null, elements }
        });
        let error = if mark.has_error { None } else { self.error.take() };
        ManyRows { arrays: arrays.collect(), error }
    }

    /// The number of bytes of all arrays.
    fn len(&self) -> usize {
        self.arrays.iter().map(|array| array.elements.len()).sum()
    }

    /// The arguments: an array for each parameter.
    pub fn into_arguments(self) -> Arguments {
        let mut out = Arguments::with_capacity(self.arrays.len());
        for array in self.arrays {
            out.push_encoded(Format::Binary, |bytes| {
                // The format of PostgreSQL's array_send: an empty array has no dimension.
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
        let too_long = || ConversionError::new("it is longer than a PostgreSQL array can be");
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

/// Never shows a value.
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
                many.bind::<sql::Int4, NotNull, _>(0, number, "");
                many.bind::<sql::Text, Nullable, _>(1, text, "");
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

    /// The rows, the executions and the bytes of each chunk.
    fn chunks(mut rows: Rows<'_>, max_rows: usize, max_bytes: usize) -> Vec<(usize, usize, Vec<u8>)> {
        let chunk = || {
            let chunk = rows.chunk(max_rows, max_bytes)?;
            let bytes = |arguments: Arguments| arguments.into_parts().unwrap().0.bytes;
            let executions = chunk.arguments.len();
            Some((chunk.rows, executions, chunk.arguments.into_iter().flat_map(bytes).collect()))
        };
        core::iter::from_fn(chunk).collect()
    }

    #[test]
    fn chunks_stay_within_limits_and_lose_no_row() {
        let values = ["a", "bb", "", "cccc", "d"];
        let each = |max_rows, max_bytes| {
            let bind = |text: &str, arguments: &mut Arguments| arguments.bind::<sql::Text, NotNull, _>(text);
            let chunks = chunks(rows(values, bind), max_rows, max_bytes);
            chunks.into_iter().map(|(rows, times, bytes)| (rows, times, String::from_utf8(bytes).unwrap()))
        };
        let text = |rows: usize, text: &str| (rows, rows, text.to_owned());
        assert_eq!(each(2, 99).collect::<Vec<_>>(), [text(2, "abb"), text(2, "cccc"), text(1, "d")]);
        assert_eq!(each(9, 3).collect::<Vec<_>>(), [text(3, "abb"), text(1, "cccc"), text(1, "d")]);
        assert_eq!(each(9, 0).count(), 5);
        assert_eq!(each(5, 99).collect::<Vec<_>>(), [text(5, "abbccccd")]);

        let values = [Some("a"), None, Some("bb"), None, Some("c")];
        let arrays = |max_rows, max_bytes| {
            let bind =
                |text: Option<&str>, rows: &mut ManyRows| rows.bind::<sql::Text, Nullable, _>(0, &text, "");
            chunks(super::arrays(&[25], values, bind), max_rows, max_bytes)
        };
        let array = |values: &[Option<&str>]| {
            let mut arguments = Arguments::default();
            arguments.bind::<sql::Array<sql::Text>, NotNull, _>(values);
            (values.len(), 1, arguments.into_parts().unwrap().0.bytes)
        };
        assert_eq!(arrays(9, 99), [array(&values)]);
        assert_eq!(arrays(2, 99), [array(&values[..2]), array(&values[2..4]), array(&values[4..])]);
        // Each element begins with its length, which has four bytes.
        assert_eq!(arrays(9, 9), [array(&values[..2]), array(&values[2..3]), array(&values[3..])]);
        assert_eq!(arrays(9, 1).len(), 5);
        assert!(chunks(rows(0..0, |_: i32, _: &mut Arguments| ()), 9, 9).is_empty());
        let none = super::arrays(&[23], 0..0, |_: i32, _: &mut ManyRows| ());
        assert!(chunks(none, 9, 9).is_empty());
    }

    #[test]
    fn a_value_that_cannot_be_sent_is_an_error_of_the_query() {
        let mut many = ManyRows::new(&[25]);
        many.bind::<sql::Text, NotNull, _>(0, "a\0b", "parameter $title of type text");
        let error = many.into_arguments().into_parts().unwrap_err().to_string();
        assert!(error.contains("$title") && error.contains("NUL"), "{error}");
    }

    #[test]
    fn error_of_a_row_is_that_of_its_own_chunk() {
        let bind = |text: &str, rows: &mut ManyRows| {
            rows.bind::<sql::Text, NotNull, _>(0, "long", "");
            rows.bind::<sql::Text, NotNull, _>(1, text, "");
        };
        let mut rows = super::arrays(&[25, 25], ["a", "b\0", "c"], bind);
        let mut is_ok = || Some(rows.chunk(9, 15)?.arguments.into_iter().all(|it| it.into_parts().is_ok()));
        let chunks: Vec<bool> = core::iter::from_fn(&mut is_ok).collect();
        assert_eq!(chunks, [true, false, true]);
    }
}

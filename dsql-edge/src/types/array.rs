//! Arrays ⇄ `Vec<T>` and `Vec<Option<T>>`, of one dimension.
//!
//! Input and output: PostgreSQL's binary arrays, or, for elements in the text format, the text of an array. The counts
//! in the header do not decide how much memory is allocated: memory grows with the elements that are decoded.

use super::sql::{Array, ArrayOfDomain, Format, SqlType};
use super::{
    Column, ConversionError, FIRST_UNPINNED_OID, IsNull, NotNull, Param, received_format, sent_format, split,
    text_array,
};

impl<S: SqlType, T: Column<S, NotNull>> Column<Array<S>, NotNull> for Vec<T> {
    const FORMAT: Option<Format> = T::FORMAT;

    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        elements::<S, T>(bytes, S::OID)
    }
}

impl<S: SqlType, T: Column<S, NotNull>> Column<ArrayOfDomain<S>, NotNull> for Vec<T> {
    const FORMAT: Option<Format> = T::FORMAT;

    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        elements::<S, T>(bytes, 0)
    }
}

/// Decodes an array. `oid` is the OID of the elements' type; 0 for a type of the schema, whose OID is not known.
#[inline]
fn elements<S: SqlType, T: Column<S, NotNull>>(bytes: &[u8], oid: u32) -> Result<Vec<T>, ConversionError> {
    let null =
        || T::null().map_err(|_| ConversionError::new("one of its elements is NULL: use a Vec of Option"));
    if const { matches!(received_format::<S, NotNull, T>(), Format::Text) } {
        return text_array::decode(bytes, |element| element.map_or_else(null, T::decode));
    }
    let (dimensions, rest) = split(bytes)?;
    let (_has_nulls, rest) = split::<4>(rest)?;
    let (element, rest) = split(rest)?;
    let element = u32::from_be_bytes(element);
    if if oid == 0 { element < FIRST_UNPINNED_OID } else { element != oid } {
        return Err(ConversionError::new("its elements do not have the compiled type"));
    }
    let (count, mut rest) = match i32::from_be_bytes(dimensions) {
        0 => (0, rest),
        1 => {
            let (count, rest) = split(rest)?;
            let (_lower_bound, rest) = split::<4>(rest)?;
            (i32::from_be_bytes(count), rest)
        }
        2..=6 => {
            return Err(ConversionError::new("it has more than one dimension, which is not supported"));
        }
        _ => return Err(ConversionError::truncated()),
    };
    // Each element has at least four bytes, which contain its length.
    let Some(count) = usize::try_from(count).ok().filter(|count| *count <= rest.len() / 4) else {
        return Err(ConversionError::truncated());
    };
    let mut elements = Vec::new();
    for _ in 0..count {
        let (length, after) = split(rest)?;
        let element = match i32::from_be_bytes(length) {
            -1 => {
                rest = after;
                null()?
            }
            length => {
                let length = usize::try_from(length).map_err(|_| ConversionError::truncated())?;
                let (element, after) = after.split_at_checked(length).ok_or(ConversionError::truncated())?;
                rest = after;
                T::decode(element)?
            }
        };
        elements.push(element);
    }
    if rest.is_empty() { Ok(elements) } else { Err(ConversionError::truncated()) }
}

impl<S: SqlType, E, N, T: Param<S, E>> Param<Array<S, E>, N> for [T] {
    const FORMAT: Option<Format> = T::FORMAT;

    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        put_elements::<S, E, T>(self, S::OID, out)
    }
}

impl<S: SqlType, E, N, T: Param<S, E>> Param<ArrayOfDomain<S, E>, N> for [T] {
    const FORMAT: Option<Format> = T::FORMAT;

    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        put_elements::<S, E, T>(self, 0, out)
    }
}

/// Encodes an array. `oid` is the OID of the elements' type; 0 for a type of the schema. PostgreSQL 14 and later accept
/// 0 for these types, because their OIDs differ between databases (`array_recv`).
#[inline]
fn put_elements<S: SqlType, E, T: Param<S, E>>(
    elements: &[T],
    oid: u32,
    out: &mut Vec<u8>,
) -> Result<IsNull, ConversionError> {
    if const { matches!(sent_format::<S, E, T>(), Format::Text) } {
        return text_array::encode(elements, out, T::encode);
    }
    let too_long = |_| ConversionError::new("it is longer than a PostgreSQL array can be");
    let dimensions: i32 = if elements.is_empty() { 0 } else { 1 };
    out.extend_from_slice(&dimensions.to_be_bytes());
    let has_nulls_at = out.len();
    out.extend_from_slice(&0_i32.to_be_bytes());
    out.extend_from_slice(&oid.to_be_bytes());
    if elements.is_empty() {
        return Ok(IsNull::No);
    }
    out.extend_from_slice(&i32::try_from(elements.len()).map_err(too_long)?.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    for element in elements {
        let length_at = out.len();
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        let start = out.len();
        let (at, word) = match element.encode(out)? {
            IsNull::No => (length_at, i32::try_from(out.len() - start).map_err(too_long)?),
            IsNull::Yes => {
                out.truncate(start);
                (has_nulls_at, 1)
            }
        };
        if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = word.to_be_bytes();
        }
    }
    Ok(IsNull::No)
}

macro_rules! through_slice {
    ($array:ident: $([$($generic:tt)*] $rust:ty),*) => {$(
        impl<S: SqlType, E, N, T: Param<S, E>, $($generic)*> Param<$array<S, E>, N> for $rust {
            const FORMAT: Option<Format> = T::FORMAT;

            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                <[T] as Param<$array<S, E>, NotNull>>::encode(self, out)
            }
        }
    )*};
}

through_slice!(Array: [] Vec<T>, [const LENGTH: usize] [T; LENGTH]);
through_slice!(ArrayOfDomain: [] Vec<T>, [const LENGTH: usize] [T; LENGTH]);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Nullable, sql};
    use super::*;

    fn encoded<T: Param<sql::Int4, Nullable>>(elements: &[T]) -> Vec<u8> {
        let mut out = vec![0xEE];
        assert_eq!(<[T] as Param<Array<sql::Int4>, NotNull>>::encode(elements, &mut out), Ok(IsNull::No));
        assert_eq!(out.remove(0), 0xEE);
        out
    }

    #[test]
    fn bytes_as_postgresql_16_sends_them() {
        let words = |words: &[i32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        assert_eq!(encoded::<i32>(&[]), words(&[0, 0, 23]));
        assert_eq!(encoded(&[7]), words(&[1, 0, 23, 1, 1, 4, 7]));
        assert_eq!(encoded(&[Some(7), None]), words(&[1, 1, 23, 2, 1, 4, 7, -1]));
    }

    #[test]
    fn a_null_element_needs_an_option() {
        let bytes = encoded(&[Some(7), None]);
        let strict: Result<Vec<i32>, _> = Column::<Array<sql::Int4>, NotNull>::decode(&bytes);
        assert!(strict.unwrap_err().to_string().contains("NULL"));
        let open: Result<Vec<Option<i32>>, _> = Column::<Array<sql::Int4>, NotNull>::decode(&bytes);
        assert_eq!(open, Ok(vec![Some(7), None]));
    }

    #[test]
    fn a_header_that_claims_much_takes_no_memory() {
        let bytes: Vec<u8> =
            [1, 0, 23, i32::MAX, 1].iter().flat_map(|word: &i32| word.to_be_bytes()).collect();
        let result: Result<Vec<i32>, _> = Column::<Array<sql::Int4>, NotNull>::decode(&bytes);
        assert!(result.is_err());
    }

    #[test]
    fn elements_of_a_type_of_the_schema_have_an_unknown_oid() {
        let words = |words: &[i32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let decoded = |oid| -> Result<Vec<i32>, _> {
            Column::<ArrayOfDomain<sql::Int4>, NotNull>::decode(&words(&[1, 0, oid, 1, 1, 4, 7]))
        };
        assert_eq!(decoded(16_384), Ok(vec![7]));
        assert!(decoded(23).is_err());
        let labels = |oid| -> Result<Vec<String>, _> {
            Column::<Array<sql::Enum>, NotNull>::decode(
                &[words(&[1, 0, oid, 1, 1, 2]), b"ab".to_vec()].concat(),
            )
        };
        assert_eq!(labels(16_384), Ok(vec!["ab".to_owned()]));
        assert!(labels(25).is_err());

        let mut sent = Vec::new();
        let encoded = <[i32] as Param<ArrayOfDomain<sql::Int4, NotNull>, NotNull>>::encode(&[7], &mut sent);
        assert_eq!((encoded, sent), (Ok(IsNull::No), words(&[1, 0, 0, 1, 1, 4, 7])));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(
            dimensions in 0_i32..3,
            count in prop_oneof![0_i32..5, any::<i32>()],
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut hostile: Vec<u8> =
                [dimensions, 0, 25, count, 1].iter().flat_map(|word: &i32| word.to_be_bytes()).collect();
            hostile.extend(&bytes);
            let _: Result<Vec<String>, _> = Column::<Array<sql::Text>, NotNull>::decode(&hostile);
            let _: Result<Vec<Option<String>>, _> = Column::<Array<sql::Text>, NotNull>::decode(&bytes);
        }

        #[test]
        fn elements_survive(elements: Vec<Option<i32>>) {
            let back: Vec<Option<i32>> = Column::<Array<sql::Int4>, NotNull>::decode(&encoded(&elements)).unwrap();
            prop_assert_eq!(back, elements);
        }
    }
}

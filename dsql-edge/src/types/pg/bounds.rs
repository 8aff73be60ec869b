//! Checks the structure of a value before a decoder of another package reads it.
//!
//! Input: a type, and the bytes of a value. Output: an error if the counts and lengths in the bytes do not agree with
//! the number of bytes. Some decoders allocate memory for as many elements as the header claims. This check ensures
//! that the header claims no more elements than the bytes can contain. A type whose structure is not known here is an
//! error.

use postgres_types::{Kind, Type};

use super::super::{ConversionError, split};

/// The maximum depth of nested types. For example, an array of a domain is a nested type.
const MAX_DEPTH: u8 = 8;

/// PostgreSQL's `MAXDIM`.
const MAX_DIMENSIONS: i32 = 6;

/// Checks a value.
pub(super) fn check(ty: &Type, bytes: &[u8]) -> Result<(), ConversionError> {
    within(ty, bytes, MAX_DEPTH)
}

fn within(ty: &Type, bytes: &[u8], depth: u8) -> Result<(), ConversionError> {
    let Some(depth) = depth.checked_sub(1) else { return Err(unknown(ty)) };
    match ty.kind() {
        Kind::Array(element) => array(element, bytes, depth),
        Kind::Range(subtype) => range(subtype, bytes, depth),
        Kind::Multirange(range) => multirange(range, bytes, depth),
        Kind::Domain(base) => within(base, bytes, depth),
        Kind::Enum(_) => text(bytes),
        _ => simple(ty, bytes),
    }
}

fn simple(ty: &Type, bytes: &[u8]) -> Result<(), ConversionError> {
    let width = match *ty {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::OID | Type::FLOAT4 | Type::DATE | Type::XID | Type::CID => 4,
        Type::INT8
        | Type::FLOAT8
        | Type::TIME
        | Type::TIMESTAMP
        | Type::TIMESTAMPTZ
        | Type::MONEY
        | Type::PG_LSN
        | Type::MACADDR8 => 8,
        Type::MACADDR | Type::TID => 6,
        Type::TIMETZ => 12,
        Type::INTERVAL | Type::UUID | Type::POINT => 16,
        Type::LINE | Type::CIRCLE => 24,
        Type::LSEG | Type::BOX => 32,
        Type::BYTEA => return Ok(()),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::XML => {
            return text(bytes);
        }
        Type::JSONB | Type::JSONPATH => return text(split::<1>(bytes)?.1),
        Type::NUMERIC => return numeric(bytes),
        Type::INET | Type::CIDR => return network(bytes),
        Type::BIT | Type::VARBIT => return bits(bytes),
        Type::PATH => return points(split::<1>(bytes)?.1),
        Type::POLYGON => return points(bytes),
        _ => return of_extension(ty, bytes),
    };
    exactly(bytes.len(), width)
}

/// The types of extensions, which only their names identify.
fn of_extension(ty: &Type, bytes: &[u8]) -> Result<(), ConversionError> {
    match ty.name() {
        "citext" => text(bytes),
        "ltree" | "lquery" | "ltxtquery" => text(split::<1>(bytes)?.1),
        "hstore" => hstore(bytes),
        // `vector_send`, `halfvec_send`: the dimension and an unused number, of two bytes each.
        "vector" => exactly(bytes.len(), elements(bytes, 4)?),
        "halfvec" => exactly(bytes.len(), elements(bytes, 2)?),
        "sparsevec" => sparse_vector(bytes),
        _ => Err(unknown(ty)),
    }
}

fn unknown(ty: &Type) -> ConversionError {
    let name = ty.name();
    ConversionError::new(format!(
        "the structure of its type {name} is not known, so its length cannot be checked before it is decoded: read it \
         as text, or implement Column"
    ))
}

fn exactly(length: usize, expected: usize) -> Result<(), ConversionError> {
    if length == expected { Ok(()) } else { Err(ConversionError::truncated()) }
}

fn text(bytes: &[u8]) -> Result<(), ConversionError> {
    super::super::text::utf8(bytes).map(drop)
}

/// Splits off a count of four bytes, which must not be negative. Also returns the bytes after the count.
fn count(bytes: &[u8]) -> Result<(usize, &[u8]), ConversionError> {
    let (number, rest) = split(bytes)?;
    let number = usize::try_from(i32::from_be_bytes(number)).map_err(|_| ConversionError::truncated())?;
    Ok((number, rest))
}

/// Splits off a value: four bytes with its length, then that many bytes. The value is `None` for NULL. Also returns the
/// bytes after the value.
fn value(bytes: &[u8]) -> Result<(Option<&[u8]>, &[u8]), ConversionError> {
    let (length, rest) = split(bytes)?;
    match i32::from_be_bytes(length) {
        -1 => Ok((None, rest)),
        length => {
            let length = usize::try_from(length).map_err(|_| ConversionError::truncated())?;
            let (value, rest) = rest.split_at_checked(length).ok_or(ConversionError::truncated())?;
            Ok((Some(value), rest))
        }
    }
}

fn array(element: &Type, bytes: &[u8], depth: u8) -> Result<(), ConversionError> {
    let (dimensions, rest) = split(bytes)?;
    let (_has_nulls, rest) = split::<4>(rest)?;
    let (_element_type, mut rest) = split::<4>(rest)?;
    let dimensions = i32::from_be_bytes(dimensions);
    if !(0..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(ConversionError::truncated());
    }
    let mut elements = usize::from(dimensions > 0);
    for _ in 0..dimensions {
        let (length, after) = count(rest)?;
        (_, rest) = split::<4>(after)?;
        elements = elements.checked_mul(length).ok_or(ConversionError::truncated())?;
    }
    // Each element has at least four bytes, which contain its length.
    if elements > rest.len() / 4 {
        return Err(ConversionError::truncated());
    }
    for _ in 0..elements {
        let (found, after) = value(rest)?;
        if let Some(found) = found {
            within(element, found, depth)?;
        }
        rest = after;
    }
    exactly(rest.len(), 0)
}

/// `range_send`: flags, and a value for each bound that the flags do not exclude.
fn range(subtype: &Type, bytes: &[u8], depth: u8) -> Result<(), ConversionError> {
    const EMPTY: u8 = 0x01;
    const LOWER_INFINITE: u8 = 0x08;
    const UPPER_INFINITE: u8 = 0x10;
    let ([flags], mut rest) = split(bytes)?;
    for infinite in [LOWER_INFINITE, UPPER_INFINITE] {
        if flags & (EMPTY | infinite) == 0 {
            let (bound, after) = value(rest)?;
            within(subtype, bound.ok_or(ConversionError::truncated())?, depth)?;
            rest = after;
        }
    }
    exactly(rest.len(), 0)
}

fn multirange(range: &Type, bytes: &[u8], depth: u8) -> Result<(), ConversionError> {
    let (ranges, mut rest) = count(bytes)?;
    if ranges > rest.len() / 4 {
        return Err(ConversionError::truncated());
    }
    for _ in 0..ranges {
        let (found, after) = value(rest)?;
        within(range, found.ok_or(ConversionError::truncated())?, depth)?;
        rest = after;
    }
    exactly(rest.len(), 0)
}

/// `numeric_send`: the number of digits, three more numbers of two bytes, and the digits, of two bytes each.
fn numeric(bytes: &[u8]) -> Result<(), ConversionError> {
    let (digits, rest) = split(bytes)?;
    exactly(rest.len(), usize::from(u16::from_be_bytes(digits)) * 2 + 6)
}

/// `network_send`: the family, the bits of the netmask, a flag, the number of bytes of the address, and the address.
fn network(bytes: &[u8]) -> Result<(), ConversionError> {
    let ([family, bits, _, length], address) = split(bytes)?;
    let (expected, most) = match family {
        2 => (4, 32),
        3 => (16, 128),
        _ => return Err(ConversionError::new("its family of addresses is neither IPv4 nor IPv6")),
    };
    exactly(usize::from(length), expected)?;
    exactly(address.len(), expected)?;
    if bits > most { Err(ConversionError::truncated()) } else { Ok(()) }
}

fn bits(bytes: &[u8]) -> Result<(), ConversionError> {
    let (bits, rest) = count(bytes)?;
    exactly(rest.len(), bits.div_ceil(8))
}

fn points(bytes: &[u8]) -> Result<(), ConversionError> {
    let (points, rest) = count(bytes)?;
    exactly(rest.len(), points.checked_mul(16).ok_or(ConversionError::truncated())?)
}

fn hstore(bytes: &[u8]) -> Result<(), ConversionError> {
    let (pairs, mut rest) = count(bytes)?;
    if pairs > rest.len() / 8 {
        return Err(ConversionError::truncated());
    }
    for _ in 0..pairs {
        let (key, after) = value(rest)?;
        let (found, after) = value(after)?;
        text(key.ok_or(ConversionError::truncated())?)?;
        text(found.unwrap_or_default())?;
        rest = after;
    }
    exactly(rest.len(), 0)
}

/// The length of a vector with elements of this width.
fn elements(bytes: &[u8], width: usize) -> Result<usize, ConversionError> {
    let (dimension, _) = split(bytes)?;
    Ok(usize::from(u16::from_be_bytes(dimension)) * width + 4)
}

/// `sparsevec_send`: the dimension, the number of elements, an unused number, the indexes and the values.
fn sparse_vector(bytes: &[u8]) -> Result<(), ConversionError> {
    let (dimension, rest) = count(bytes)?;
    let (found, rest) = count(rest)?;
    let (_unused, rest) = split::<4>(rest)?;
    if found > dimension {
        return Err(ConversionError::truncated());
    }
    exactly(rest.len(), found.checked_mul(8).ok_or(ConversionError::truncated())?)
}

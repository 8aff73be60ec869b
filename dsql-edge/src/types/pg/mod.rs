//! Types of the package `postgres-types` (feature `postgres-types`).
//!
//! Decodes a column's bytes, with the type that the server describes, into any type that implements `FromSql`; encodes
//! a value of any type that implements `ToSql`. `FromSql::accepts` and `ToSql::accepts` are called before a value is
//! decoded or encoded. The decoders of other packages may panic, or allocate as much memory as a header claims, so
//! [`bounds`] checks the structure of the bytes first.

mod bounds;

use bytes::BytesMut;
use postgres_types::{FromSql, Kind, ToSql, Type};

use super::sql::{self, Format, SqlType};
use super::{Column, ConversionError, IsNull, NotNull, Param, TypeOf, UncheckedColumn};

/// A value of a type that implements `FromSql` and `ToSql` of the package `postgres-types`: of `cidr`, `eui48`,
/// `geo-types`, `bit-vec`, `time`, `jiff`, `pgvector`, or a type that you define.
///
/// To use `Pg`, name it in an override or a directive: `AS "address: Pg<cidr::IpInet>"`. An array is `Pg<Vec<T>>`.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// use std::time::SystemTime;
///
/// use dsql_edge::types::Pg;
///
/// # async fn published(dsql: &Dsql) -> Result<(), Error> {
/// let after = Pg(SystemTime::UNIX_EPOCH);
/// let posts = sql!(
///     r#"SELECT id, published_at AS "published_at: Pg<SystemTime>"
///        FROM posts WHERE published_at > $after"#
/// )
/// .fetch_all(dsql)
/// .await?;
/// # let _: Option<Pg<SystemTime>> = posts.first().map(|post| post.published_at);
/// # Ok(())
/// # }
/// ```
///
/// The lengths in a value are checked before `FromSql` reads it. If this check does not support the SQL type, the value
/// is an error. For types of extensions, the check supports only `hstore`, `citext`, `ltree`, `lquery`, `ltxtquery`,
/// `vector`, `halfvec` and `sparsevec`. The labels of an enum of the schema are not known at run time, so a Rust enum
/// that derives `FromSql` needs `#[postgres(allow_mismatch)]`. A Rust enum that derives [`Type`](macro@crate::Type) is
/// checked at build time instead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Pg<T>(pub T);

impl<S: SqlType, T: for<'a> FromSql<'a>> Column<S, NotNull> for Pg<T> {
    const FORMAT: Option<Format> = Some(Format::Same);
    const BY_TYPE: bool = true;

    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        <Self as Column<S, NotNull>>::decode_by_type(bytes, TypeOf { oid: S::OID, name: "" })
    }

    fn decode_by_type(bytes: &[u8], of: TypeOf) -> Result<Self, ConversionError> {
        decode(&postgres_type::<S>(of)?, bytes).map(Pg)
    }
}

impl<S: SqlType, N, T: ToSql> Param<S, N> for Pg<T> {
    const FORMAT: Option<Format> = Some(Format::Same);

    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        <Self as Param<S, N>>::encode_by_type(self, TypeOf { oid: S::OID, name: "" }, out)
    }

    fn encode_by_type(&self, of: TypeOf, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        let ty = postgres_type::<S>(of)?;
        if !T::accepts(&ty) {
            return Err(not_accepted::<T>(&ty));
        }
        let mut bytes = BytesMut::new();
        // The text of the error is not used, because it could contain the value.
        let sent = self.0.to_sql(&ty, &mut bytes);
        match sent.map_err(|_| ConversionError::new("its Rust type cannot send it as this SQL type"))? {
            postgres_types::IsNull::Yes => Ok(IsNull::Yes),
            postgres_types::IsNull::No => {
                out.extend_from_slice(&bytes);
                Ok(IsNull::No)
            }
        }
    }
}

impl<T: for<'a> FromSql<'a>> UncheckedColumn for Pg<T> {
    fn accepts(oid: u32) -> bool {
        Type::from_oid(oid).is_some_and(|ty| T::accepts(&ty))
    }

    fn decode_as(oid: u32, bytes: &[u8]) -> Result<Self, ConversionError> {
        decode(&postgres_type::<sql::Unknown>(TypeOf { oid, name: "" })?, bytes).map(Pg)
    }
}

fn decode<T: for<'a> FromSql<'a>>(ty: &Type, bytes: &[u8]) -> Result<T, ConversionError> {
    if !T::accepts(ty) {
        return Err(not_accepted::<T>(ty));
    }
    bounds::check(ty, bytes)?;
    // The text of the error is not used, because it could contain the value.
    T::from_sql(ty, bytes).map_err(|_| ConversionError::new("its Rust type cannot hold it"))
}

fn not_accepted<T>(ty: &Type) -> ConversionError {
    let rust = core::any::type_name::<T>();
    ConversionError::new(format!("its SQL type {} does not fit the Rust type {rust}", ty.name()))
}

/// The type as `postgres-types` describes it. For a type of the schema, only the name is known, and whether the type is
/// an enum.
fn postgres_type<S: SqlType>(of: TypeOf) -> Result<Type, ConversionError> {
    if let Some(ty) = Type::from_oid(of.oid).filter(|ty| *ty != Type::UNKNOWN) {
        return Ok(ty);
    }
    let is_enum = matches!(S::NAME, <sql::Enum as SqlType>::NAME | <sql::Enum as SqlType>::ARRAY_NAME);
    let kind = || if is_enum { Kind::Enum(Vec::new()) } else { Kind::Simple };
    let plain = |name: &str, oid| Type::new(name.to_owned(), oid, kind(), String::new());
    match (of.name, of.name.strip_prefix('_')) {
        ("", _) => Err(ConversionError::new("its SQL type is not known here: write Pg<Vec<T>> for an array")),
        (name, Some(element)) => {
            Ok(Type::new(name.to_owned(), of.oid, Kind::Array(plain(element, 0)), String::new()))
        }
        (name, None) => Ok(plain(name, of.oid)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::super::{DateTime, Utc};
    use super::*;

    fn of_type<T: for<'a> FromSql<'a>>(
        oid: u32,
        name: &'static str,
        bytes: &[u8],
    ) -> Result<T, ConversionError> {
        <Pg<T> as Column<sql::Unknown, NotNull>>::decode_by_type(bytes, TypeOf { oid, name }).map(|pg| pg.0)
    }

    #[test]
    fn a_type_that_accepts_the_column_decodes_it() {
        let bytes = 0_i64.to_be_bytes();
        let time = <Pg<DateTime<Utc>> as Column<sql::Timestamptz, NotNull>>::decode(&bytes).unwrap();
        assert_eq!(time.0.to_string(), "2000-01-01 00:00:00 UTC");
        let wrong = <Pg<DateTime<Utc>> as Column<sql::Timestamp, NotNull>>::decode(&bytes).unwrap_err();
        assert!(wrong.to_string().contains("timestamp does not fit the Rust type chrono::"), "{wrong}");
    }

    #[test]
    fn a_value_is_sent_only_as_a_type_that_it_accepts() {
        let mut out = vec![7];
        let address: Pg<IpAddr> = Pg("10.0.0.1".parse().unwrap());
        let inet = TypeOf { oid: 869, name: "inet" };
        let encoded = <Pg<IpAddr> as Param<sql::Unknown, NotNull>>::encode_by_type(&address, inet, &mut out);
        assert_eq!((encoded, out.as_slice()), (Ok(IsNull::No), &[7, 2, 32, 0, 4, 10, 0, 0, 1][..]));
        let money = TypeOf { oid: 790, name: "money" };
        let encoded = <Pg<f64> as Param<sql::Unknown, NotNull>>::encode_by_type(&Pg(1.0), money, &mut out);
        assert!(encoded.unwrap_err().to_string().contains("money does not fit"));
    }

    #[test]
    fn a_type_of_an_extension_is_known_by_its_name() {
        let mut bytes = 1_i32.to_be_bytes().to_vec();
        for text in ["key", "value"] {
            bytes.extend(i32::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        type Pairs = HashMap<String, Option<String>>;
        let pairs: Pairs = of_type(20_000, "hstore", &bytes).unwrap();
        assert_eq!(pairs["key"].as_deref(), Some("value"));
        assert!(of_type::<Pairs>(20_000, "other", &bytes).is_err());
    }

    #[test]
    fn a_count_that_the_bytes_do_not_have_is_rejected() {
        let words = |words: &[i32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        for (name, oid, bytes) in [
            ("_int4", 1007, words(&[1, 0, 23, i32::MAX, 1])),
            ("_int4", 1007, words(&[2, 0, 23, 1 << 15, 1, 1 << 15, 1])),
            ("_int4", 1007, words(&[1 << 20, 0, 23])),
            ("hstore", 20_000, words(&[i32::MAX])),
            ("_hstore", 20_001, words(&[1, 0, 20_000, 1, 1, 4, i32::MAX])),
            ("path", 602, [&[1][..], &words(&[-1])].concat()),
            ("vector", 20_000, vec![0]),
            ("vector", 20_000, vec![0xFF, 0xFF, 0, 0]),
            ("halfvec", 20_000, vec![0, 2, 0, 0, 1, 1]),
            ("sparsevec", 20_000, words(&[8, i32::MAX, 0])),
        ] {
            let ty = postgres_type::<sql::Unknown>(TypeOf { oid, name }).unwrap();
            assert!(bounds::check(&ty, &bytes).is_err(), "{name}");
        }
        let geometry = bounds::check(
            &postgres_type::<sql::Unknown>(TypeOf { oid: 20_000, name: "geometry" }).unwrap(),
            &[],
        );
        assert!(geometry.unwrap_err().to_string().contains("cannot be checked"));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(bytes: Vec<u8>, count in prop_oneof![0_i32..4, any::<i32>()]) {
            // Bytes after a header that is nearly correct.
            let array: Vec<u8> = [1, 0, 25, count, 1].iter().flat_map(|word: &i32| word.to_be_bytes()).collect();
            let pairs = count.to_be_bytes().to_vec();
            for header in [Vec::new(), array, pairs] {
                let bytes = [header, bytes.clone()].concat();
                let _: Result<Vec<Option<String>>, _> = of_type(1009, "", &bytes);
                let _: Result<Vec<i64>, _> = of_type(1016, "", &bytes);
                let _: Result<HashMap<String, Option<String>>, _> = of_type(20_000, "hstore", &bytes);
                let _: Result<IpAddr, _> = of_type(869, "", &bytes);
                let _: Result<DateTime<Utc>, _> = of_type(1184, "", &bytes);
            }
        }
    }
}

//! Compares this crate's encoding with that of `postgres-types`, for the same values and bytes.

use postgres_types::private::BytesMut;
use postgres_types::{FromSql, IsNull as Null, ToSql, Type};
use proptest::prelude::*;

use super::sql::{Array, SqlType};
use super::*;

/// Checks that both implementations write the same bytes, and that each reads the other's bytes, also for arrays.
fn agrees<S: SqlType, T>(value: T)
where
    T: Param<S, NotNull> + Param<S, Nullable> + Column<S, NotNull> + PartialEq + core::fmt::Debug + Clone,
    T: ToSql + for<'a> FromSql<'a>,
{
    let of_type = |oid| Type::from_oid(oid).expect("a type of PostgreSQL's own");
    let (ty, array_type) = (of_type(S::OID), of_type(S::ARRAY_OID));
    assert_eq!((ty.name(), array_type.name()), (S::NAME, format!("_{}", S::NAME).as_str()));

    let (mut ours, mut theirs) = (Vec::new(), BytesMut::new());
    assert_eq!(Param::<S, NotNull>::encode(&value, &mut ours), Ok(IsNull::No));
    assert!(matches!(value.to_sql(&ty, &mut theirs), Ok(Null::No)));
    assert_eq!(ours, theirs);
    assert_eq!(T::from_sql(&ty, &ours).unwrap(), value);
    assert_eq!(<T as Column<S, NotNull>>::decode(&theirs), Ok(value.clone()));

    let values = vec![Some(value), None];
    let (mut ours, mut theirs) = (Vec::new(), BytesMut::new());
    assert_eq!(Param::<Array<S>, NotNull>::encode(&values, &mut ours), Ok(IsNull::No));
    assert!(matches!(values.to_sql(&array_type, &mut theirs), Ok(Null::No)));
    assert_eq!(ours, theirs);
    assert_eq!(Vec::<Option<T>>::from_sql(&array_type, &ours).unwrap(), values);
}

macro_rules! agree {
    ($($name:ident: $sql:ty, $strategy:expr;)*) => {
        proptest! {
            $(
                #[test]
                fn $name(value in $strategy) {
                    agrees::<$sql, _>(value);
                }
            )*
        }
    };
}

/// Times in the years that both implementations can hold.
fn datetimes() -> impl Strategy<Value = DateTime<Utc>> {
    (-60_000_000_000_000_000_i64..8_000_000_000_000_000_000)
        .prop_filter_map("past chrono's years", DateTime::from_timestamp_micros)
}

agree! {
    booleans: sql::Bool, any::<bool>();
    smallints: sql::Int2, any::<i16>();
    integers: sql::Int4, any::<i32>();
    bigints: sql::Int8, any::<i64>();
    reals: sql::Float4, -1e30_f32..1e30;
    doubles: sql::Float8, -1e300_f64..1e300;
    oids: sql::Oid, any::<u32>();
    texts: sql::Text, "[^\0]{0,20}";
    varchars: sql::Varchar, "[^\0]{0,20}";
    byteas: sql::Bytea, any::<Vec<u8>>();
    uuids: sql::Uuid, any::<u128>().prop_map(Uuid::from_u128);
    dates: sql::Date, datetimes().prop_map(|time| time.date_naive());
    times: sql::Time, datetimes().prop_map(|time| time.time());
    timestamps: sql::Timestamp, datetimes().prop_map(|time| time.naive_utc());
    timestamps_with_zone: sql::Timestamptz, datetimes();
    jsonbs: sql::Jsonb, any::<i64>().prop_map(JsonValue::from);
}

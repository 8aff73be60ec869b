//! Every type of the table: an encoded value decodes to the same value, and no bytes make a decoder panic.

use proptest::prelude::*;

use super::sql::{Array, SqlType};
use super::*;

fn encoded<S, T: Param<S, NotNull> + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(value.encode(&mut out), Ok(IsNull::No));
    out
}

fn survives<S: SqlType, T>(value: T)
where
    T: Param<S, NotNull> + Param<S, Nullable> + Column<S, NotNull> + PartialEq + core::fmt::Debug + Clone,
{
    assert_eq!(<T as Column<S, NotNull>>::decode(&encoded::<S, T>(&value)).as_ref(), Ok(&value));
    let option = <Option<T> as Column<S, Nullable>>::decode(&encoded::<S, T>(&value));
    assert_eq!(option, Ok(Some(value.clone())));
    if S::ARRAY_OID != 0 && S::OID != S::ARRAY_OID {
        let array = vec![value.clone(), value];
        assert_eq!(
            <Vec<T> as Column<Array<S>, NotNull>>::decode(&encoded::<Array<S>, Vec<T>>(&array)),
            Ok(array)
        );
    }
}

fn datetimes() -> impl Strategy<Value = DateTime<Utc>> {
    (-200_000_000_000_000_000_i64..8_000_000_000_000_000_000)
        .prop_filter_map("past chrono's years", DateTime::from_timestamp_micros)
}

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,20}"
}

macro_rules! round_trips {
    ($($name:ident: $sql:ty, $strategy:expr;)*) => {
        proptest! {
            $(
                #[test]
                fn $name(value in $strategy) {
                    survives::<$sql, _>(value);
                }
            )*
        }
    };
}

round_trips! {
    booleans: sql::Bool, any::<bool>();
    smallints: sql::Int2, any::<i16>();
    integers: sql::Int4, any::<i32>();
    bigints: sql::Int8, any::<i64>();
    reals: sql::Float4, proptest::num::f32::ANY.prop_filter("NaN equals nothing", |value| !value.is_nan());
    doubles: sql::Float8, proptest::num::f64::ANY.prop_filter("NaN equals nothing", |value| !value.is_nan());
    texts: sql::Text, text();
    varchars: sql::Varchar, text();
    bpchars: sql::Bpchar, text();
    names: sql::Name, text();
    jsons: sql::Json, text().prop_map(JsonValue::from);
    jsonbs: sql::Jsonb, any::<i64>().prop_map(JsonValue::from);
    byteas: sql::Bytea, any::<Vec<u8>>();
    uuids: sql::Uuid, any::<u128>().prop_map(Uuid::from_u128);
    oids: sql::Oid, any::<u32>();
    exact_dates: sql::Date, any::<i32>().prop_map(|days| PgDate { days });
    dates: sql::Date, datetimes().prop_map(|time| time.date_naive());
    exact_times: sql::Time, (0_i64..=86_400_000_000).prop_map(|microseconds| PgTime { microseconds });
    times: sql::Time, datetimes().prop_map(|time| time.time());
    times_with_zone: sql::Timetz, (0_i64..=86_400_000_000, -57_599_i32..57_600)
        .prop_map(|(microseconds, utc_offset)| TimeTz { time: PgTime { microseconds }, utc_offset });
    exact_timestamps: sql::Timestamp, any::<i64>().prop_map(|microseconds| PgTimestamp { microseconds });
    timestamps: sql::Timestamp, datetimes().prop_map(|time| time.naive_utc());
    timestamps_with_zone: sql::Timestamptz, datetimes();
    intervals: sql::Interval, any::<(i32, i32, i64)>()
        .prop_map(|(months, days, microseconds)| Interval { months, days, microseconds });
}

macro_rules! total {
    ($($sql:ty => $($rust:ty),+;)*) => {
        proptest! {
            #[test]
            fn any_bytes_give_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
                $($(
                    if let Ok(value) = <$rust as Column<$sql, NotNull>>::decode(&bytes) {
                        // Formatting must not panic either.
                        let _ = format!("{value:?}");
                    }
                )+)*
            }

            #[test]
            fn bytes_of_the_right_length_give_a_value_or_an_error(bytes in any::<[u8; 16]>()) {
                for length in [1, 2, 4, 8, 12, 16] {
                    $($(
                        if let Ok(value) = <$rust as Column<$sql, NotNull>>::decode(&bytes[..length]) {
                            let _ = format!("{value:?}");
                        }
                    )+)*
                }
            }
        }
    };
}

total! {
    sql::Bool => bool;
    sql::Int2 => i16;
    sql::Int4 => i32;
    sql::Int8 => i64;
    sql::Float4 => f32;
    sql::Float8 => f64;
    sql::Numeric => Numeric, Decimal;
    sql::Text => String;
    sql::Bytea => Vec<u8>;
    sql::Uuid => Uuid;
    sql::Date => PgDate, NaiveDate;
    sql::Time => PgTime, NaiveTime;
    sql::Timetz => TimeTz;
    sql::Timestamp => PgTimestamp, NaiveDateTime;
    sql::Timestamptz => PgTimestamp, DateTime<Utc>;
    sql::Interval => Interval;
    sql::Json => JsonValue, String;
    sql::Jsonb => JsonValue, String;
    sql::Oid => u32;
    sql::Char => String, i8;
    sql::Void => ();
    sql::Unknown => String;
    Array<sql::Int4> => Vec<i32>, Vec<Option<i32>>;
    Array<sql::Numeric> => Vec<Option<Numeric>>;
}

proptest! {
    #[test]
    fn any_date_time_or_interval_displays_without_overflow(a: i64, b: i32, c: i32) {
        let time = PgTime { microseconds: a };
        let shown = [
            PgDate { days: b }.to_string(),
            time.to_string(),
            TimeTz { time, utc_offset: b }.to_string(),
            PgTimestamp { microseconds: a }.to_string(),
            Interval { months: b, days: c, microseconds: a }.to_string(),
        ];
        prop_assert!(shown.iter().all(|text| !text.is_empty()));
        prop_assert_eq!(time.to_chrono().is_some(), (0..86_400_000_000).contains(&a));
    }
}

#[test]
fn integers_widen_and_keep_their_value() {
    assert_eq!(encoded::<sql::Int8, u32>(&u32::MAX), encoded::<sql::Int8, i64>(&i64::from(u32::MAX)));
    assert_eq!(encoded::<sql::Int4, i8>(&-1), encoded::<sql::Int4, i32>(&-1));
    assert_eq!(encoded::<sql::Float8, i32>(&7), encoded::<sql::Float8, f64>(&7.0));
    assert_eq!(
        encoded::<sql::Numeric, u64>(&u64::MAX),
        encoded::<sql::Numeric, Numeric>(&"18446744073709551615".parse().unwrap())
    );
}

#[test]
fn every_kind_of_string_fits_text() {
    let expected = b"a".to_vec();
    assert_eq!(encoded::<sql::Text, str>("a"), expected);
    assert_eq!(encoded::<sql::Text, &&str>(&&"a"), expected);
    assert_eq!(encoded::<sql::Text, String>(&"a".to_owned()), expected);
    assert_eq!(encoded::<sql::Text, &String>(&&"a".to_owned()), expected);
    assert_eq!(encoded::<sql::Text, Cow<'_, str>>(&Cow::Borrowed("a")), expected);
    assert_eq!(encoded::<sql::Text, Box<str>>(&"a".into()), expected);
    assert_eq!(encoded::<sql::Text, std::sync::Arc<str>>(&"a".into()), expected);
    assert_eq!(encoded::<sql::Text, char>(&'a'), expected);
}

#[test]
fn nul_text_is_rejected_and_none_is_null() {
    let mut out = Vec::new();
    assert!(<str as Param<sql::Text, NotNull>>::encode("a\0b", &mut out).is_err());
    assert!(<str as Param<sql::Jsonb, NotNull>>::encode("\"\0\"", &mut out).is_err());
    out.clear();
    assert_eq!(<Option<&str> as Param<sql::Text, Nullable>>::encode(&None, &mut out), Ok(IsNull::Yes));
    assert!(out.is_empty());
    assert!(<String as Column<sql::Text, NotNull>>::null().is_err());
    assert_eq!(<Option<String> as Column<sql::Text, NotNull>>::null(), Ok(None));
}

#[test]
fn json_that_nests_too_deep_is_an_error() {
    let deep = "[".repeat(100_000);
    assert!(<JsonValue as Column<sql::Json, NotNull>>::decode(deep.as_bytes()).is_err());
}

#[test]
fn a_leap_second_is_the_second_after_it() {
    let leap = NaiveTime::from_hms_micro_opt(23, 59, 59, 1_500_000).unwrap();
    assert_eq!(PgTime::from(leap).to_string(), "24:00:00.5");
}

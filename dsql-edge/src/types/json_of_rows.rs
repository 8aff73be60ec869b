//! Tests that a row has the documented JSON of each SQL type.
//!
//! Input: the table in the documentation of `types`. Each example in the table is compared with the JSON of a value
//! that is decoded like a column of its type. The table must list every type, and nothing else.

use super::sql::Array;
use super::*;

/// The JSON of a value after it was sent and received.
fn received<S, T>(value: T) -> String
where
    T: Param<S, NotNull> + Column<S, NotNull> + serde::Serialize,
{
    let mut bytes = Vec::new();
    assert_eq!(value.encode(&mut bytes), Ok(IsNull::No));
    serde_json::to_string(&<T as Column<S, NotNull>>::decode(&bytes).unwrap()).unwrap()
}

/// The JSON of an example of each type, by the name of the type.
fn examples() -> Vec<(&'static str, String)> {
    let date = NaiveDate::from_ymd_opt(2026, 7, 31).unwrap();
    let time = NaiveTime::from_hms_milli_opt(13, 5, 0, 250).unwrap();
    let whole = PgTime { microseconds: 47_100_000_000 };
    vec![
        ("bool", received::<sql::Bool, _>(true)),
        ("int2", received::<sql::Int2, _>(7_i16)),
        ("int4", received::<sql::Int4, _>(7_i32)),
        ("oid", received::<sql::Oid, _>(7_u32)),
        ("int8", received::<sql::Int8, _>(9_007_199_254_740_993_i64)),
        ("float4", received::<sql::Float4, _>(1.5_f32)),
        ("float8", received::<sql::Float8, _>(1.5_f64)),
        ("numeric", received::<sql::Numeric, _>(Decimal::new(1250, 2))),
        ("text", received::<sql::Text, _>("A".to_owned())),
        ("varchar", received::<sql::Text, _>("A".to_owned())),
        ("bpchar", received::<sql::Text, _>("A".to_owned())),
        ("name", received::<sql::Text, _>("A".to_owned())),
        ("\"char\"", received::<sql::Char, _>("A".to_owned())),
        ("bytea", received::<sql::Bytea, _>(vec![0_u8, 255])),
        ("uuid", received::<sql::Uuid, _>(Uuid::from_u128(7))),
        ("date", received::<sql::Date, _>(date)),
        ("time", received::<sql::Time, _>(time)),
        ("timetz", received::<sql::Timetz, _>(TimeTz { time: whole, utc_offset: 7200 })),
        ("timestamp", received::<sql::Timestamp, _>(date.and_time(time))),
        ("timestamptz", received::<sql::Timestamptz, _>(date.and_time(time).and_utc())),
        (
            "interval",
            received::<sql::Interval, _>(Interval { months: 14, days: -3, microseconds: 14_706_500_000 }),
        ),
        ("json", received::<sql::Json, _>(serde_json::json!({ "a": [1, null] }))),
        ("jsonb", received::<sql::Jsonb, _>(serde_json::json!({ "a": [1, null] }))),
        ("arrays", received::<Array<sql::Int4>, _>(vec![Some(1_i32), None])),
        ("every other type", received::<sql::Unknown, _>("10.0.0.1".to_owned())),
    ]
}

/// Reads the documented table: for each name of a type, the example in its line.
fn documented() -> Vec<(String, String)> {
    let text = include_str!("mod.rs");
    let (_, section) = text.split_once("//! # The JSON of a row").unwrap();
    let (section, _) = section.split_once("//! # ").unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1);
    let mut out = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.trim_end_matches('|').split(" | ").map(str::trim).collect();
        let [types, _, example] = cells[..] else { panic!("{line}") };
        let example = example.trim_matches('`').to_owned();
        let names: Vec<&str> = if types.contains('`') {
            types.split(['`', ' ']).filter(|it| !it.is_empty()).collect()
        } else {
            vec![types]
        };
        out.extend(names.into_iter().map(|name| (name.to_owned(), example.clone())));
    }
    out
}

#[test]
fn documented_json_is_the_json_of_each_type() {
    let examples: Vec<(String, String)> =
        examples().into_iter().map(|(name, json)| (name.to_owned(), json)).collect();
    assert_eq!(documented(), examples);
}

#[test]
fn numbers_without_json_are_null_and_exact_types_are_text() {
    assert_eq!(received::<sql::Float8, _>(f64::INFINITY), "null");
    assert_eq!(
        serde_json::to_string(&PgTimestamp { microseconds: 250_000 }).unwrap(),
        "\"2000-01-01 00:00:00.25\""
    );
    assert_eq!(received::<sql::Numeric, _>("12.50".parse::<Numeric>().unwrap()), "\"12.50\"");
}

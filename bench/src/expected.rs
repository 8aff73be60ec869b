//! The answers that a correct client gives, computed from the formulas of `bench/peers/rows.sql`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, macros::datetime};

/// The account whose balance never changes.
pub const QUIET_ACCOUNT: u32 = 100;
/// The balance of every account at the beginning.
pub const BALANCE: i64 = 1_000_000;

fn views(n: i64) -> i64 {
    n * 7919 % 100_000
}

fn published_at(n: i64) -> OffsetDateTime {
    datetime!(2026-01-01 00:00 UTC) + Duration::minutes(n)
}

/// Whether an answer is the current time, `{"now": …}`.
///
/// # Errors
/// Returns a description of the answer if it is not the current time.
pub fn now(answer: &Value) -> Result<(), String> {
    let time =
        answer.get("now").and_then(Value::as_str).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    match time {
        Some(time) if (OffsetDateTime::now_utc() - time).abs() < Duration::minutes(1) => Ok(()),
        _ => Err(format!("{answer} is not the current time")),
    }
}

/// Whether an answer is the hundred items of a category.
///
/// # Errors
/// Describes the first row that is wrong.
pub fn rows(answer: &Value, category: i64) -> Result<(), String> {
    let rows = answer.as_array().ok_or_else(|| format!("{answer} is not a list of rows"))?;
    let ids: Vec<i64> = (1..=1000).filter(|n| n % 10 == category).collect();
    if rows.len() != ids.len() {
        return Err(format!("{} rows instead of {}", rows.len(), ids.len()));
    }
    for (row, n) in rows.iter().zip(ids) {
        let time = row.get("published_at").and_then(Value::as_str);
        let time = time.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let mut rest = row.clone();
        rest.as_object_mut().map(|row| row.remove("published_at"));
        let expected = json!({ "id": n, "title": format!("Item {n}"), "views": views(n) });
        if time != Some(published_at(n)) || rest != expected {
            return Err(format!("{row} is not item {n}"));
        }
    }
    Ok(())
}

/// The answer of three queries about a category.
pub fn three(category: i64) -> Value {
    let mut ids: Vec<i64> = (1..=1000).filter(|n| n % 10 == category).collect();
    ids.sort_by_key(|n| (-views(*n), *n));
    let top: Vec<Value> =
        ids.iter().take(5).map(|n| json!({ "id": n, "title": format!("Item {n}") })).collect();
    json!({ "balance": BALANCE, "items": 100, "top": top })
}

/// Returns the sums over the first `rows` documents.
pub fn megabytes(rows: i64) -> Value {
    let title = |n: i64| i64::try_from(format!("Document {n}").len()).unwrap();
    json!({
        "rows": rows,
        "ids": (1..=rows).sum::<i64>(),
        "characters": (1..=rows).map(|n| title(n) + 29 * 32).sum::<i64>(),
        "views": (1..=rows).map(views).sum::<i64>(),
        "published_at": (1..=rows).map(|n| published_at(n).unix_timestamp()).sum::<i64>(),
    })
}

//! Rows as parameters of D1: one JSON array carries many rows.
//!
//! Input: rows of DSQL. Output: parts, each a JSON array for SQLite's `json_each`. The rows of a part have at most
//! [`LIMIT`] bytes; a single row that is larger is a part of its own.
//!
//! D1 accepts 100 parameters per query, so an `INSERT` with a parameter for each value would write about 15 rows.
//! `INSERT … SELECT value ->> 'id', … FROM json_each(?1)` has one parameter for all rows. JSON loses no digit of an
//! integer, because SQLite reads integers of JSON with 64 bits. (JavaScript, and so a Worker that reads D1, has 53
//! bits: a larger number must be copied as text.)

use serde::Serialize;

/// The bytes of a part. D1 accepts 2,000,000 bytes in a string.
pub const LIMIT: usize = 500_000;

/// Some of the rows, in their order.
pub struct Part<'r, T> {
    pub rows: &'r [T],
    pub json: String,
}

/// Cuts rows into parts. There is always at least one part, which may be empty, because the position is written
/// together with the last part.
pub fn parts<T: Serialize>(rows: &[T]) -> serde_json::Result<Vec<Part<'_, T>>> {
    let mut parts = Vec::new();
    let (mut begin, mut json) = (0, String::from("["));
    for (at, row) in rows.iter().enumerate() {
        let row = serde_json::to_string(row)?;
        if at > begin && json.len() + row.len() > LIMIT {
            parts.push(Part { rows: &rows[begin..at], json: json + "]" });
            (begin, json) = (at, String::from("["));
        }
        if at > begin {
            json.push(',');
        }
        json.push_str(&row);
    }
    parts.push(Part { rows: &rows[begin..], json: json + "]" });
    Ok(parts)
}

//! Checks constants of the types that describe positions and states inside a database: `tidin`, `pg_lsn_in`,
//! `pg_snapshot_in`.
//!
//! Input: the text of a constant. Output: whether the constant is a value of the type.

use super::blank::is_blank;

/// Whether the constant is a `tid`: `(block,offset)`. PostgreSQL also accepts a comma instead of the opening
/// parenthesis, and ignores the text before the parenthesis or comma.
pub(super) fn is_tid(text: &str) -> bool {
    let parts = || {
        let text = text.get(..text.find(')')? + 1)?;
        let (_, coordinates) = text.split_once(['(', ','])?;
        let (block, offset) = coordinates.split_once(',')?;
        Some((block, offset.strip_suffix(')')?))
    };
    let Some((block, offset)) = parts() else { return false };
    let block = long(block).is_some_and(|block| u32::try_from(block).is_ok() || i32::try_from(block).is_ok());
    block && long(offset).is_some_and(|offset| u16::try_from(offset).is_ok())
}

/// Reads a number as `strtol` does, to the end of the text.
fn long(text: &str) -> Option<i64> {
    if text.is_empty() { Some(0) } else { text.trim_start_matches(is_blank).parse().ok() }
}

/// Whether the constant is a `pg_lsn`: two hexadecimal numbers of up to eight digits.
pub(super) fn is_pg_lsn(text: &str) -> bool {
    let half =
        |digits: &str| (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split_once('/').is_some_and(|(high, low)| half(high) && half(low))
}

/// Whether the constant is a `pg_snapshot`: `xmin:xmax:xip,…`, in ascending order.
pub(super) fn is_pg_snapshot(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let mut next = || parts.next();
    let (Some(xmin), Some(xmax), Some(running)) = (next(), next(), next()) else { return false };
    let (Some(xmin), Some(xmax)) = (number(xmin), number(xmax)) else { return false };
    if xmin == 0 || xmax < xmin {
        return false;
    }
    let mut last = 0;
    let mut rest = running;
    while !rest.is_empty() {
        let (first, after) = rest.split_once(',').unwrap_or((rest, ""));
        let Some(value) = number(first) else { return false };
        if value < xmin || value >= xmax || value < last {
            return false;
        }
        (last, rest) = (value, after);
    }
    true
}

/// Reads a number as `strtoull` does, to the end of the text. The number may have a sign; a number that is too large
/// becomes the largest 64-bit number.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_start_matches(is_blank);
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match unsigned.parse::<u64>() {
        Ok(number) if text.starts_with('-') => Some(number.wrapping_neg()),
        Ok(number) => Some(number),
        Err(_) => Some(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert!(is_tid("(0,1)") && is_tid("(4294967295,65535)"));
        assert!(!is_tid("(4294967296,1)") && !is_tid("(1,65536)") && !is_tid("1,1") && !is_tid("(a,1)"));
        assert!(
            is_pg_lsn("16/B374D848") && !is_pg_lsn("G/0") && !is_pg_lsn("1") && !is_pg_lsn("1/123456789")
        );
        assert!(is_pg_snapshot("12:16:14,14,15") && is_pg_snapshot("12:12:"));
        assert!(!is_pg_snapshot("31:12:") && !is_pg_snapshot("12:16:20") && !is_pg_snapshot("12:16:15,14"));
    }
}

//! Checks the ranges of the parts of dates and times in the form of ISO 8601: `ValidateDate`, `DecodeTime`.
//!
//! Input: the text of a constant. Output: whether a part of it is out of range. Other date formats are not checked.

/// `2026-13-01`, `2026-12-31 24:01`: a month, day, hour, minute or second that does not exist.
pub(super) fn is_out_of_range(text: &str) -> bool {
    let text = text.trim_ascii();
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let Some(fine) = date_is_fine(date) else { return false };
    !fine || time.is_some_and(is_time_out_of_range)
}

/// `25:00`, `12:60:00`.
pub(super) fn is_time_out_of_range(text: &str) -> bool {
    let mut parts = text.trim_ascii().split(':');
    let (Some(hour), Some(minute)) = (number(parts.next(), 2), number(parts.next(), 2)) else { return false };
    let second = match parts.next() {
        None => Some(0),
        // A fraction or a zone may follow.
        Some(second) => {
            number(second.get(..2), 2).filter(|_| !second.get(2..).is_some_and(starts_with_digit))
        }
    };
    let Some(second) = second.filter(|_| parts.next().is_none()) else { return false };
    hour > 24 || minute > 59 || second > 60 || hour == 24 && minute + second > 0
}

/// Whether the day exists; `None` if it is not written `year-month-day`.
fn date_is_fine(text: &str) -> Option<bool> {
    let mut parts = text.split('-');
    let year = number(parts.next().filter(|it| it.len() >= 4), 6)?;
    let (month, day) = (number(parts.next(), 2)?, number(parts.next(), 2)?);
    if parts.next().is_some() {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    Some(year > 0 && (1..=12).contains(&month) && (1..=last).contains(&day))
}

fn number(text: Option<&str>, digits: usize) -> Option<u32> {
    text.filter(|it| it.len() <= digits && it.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_their_ranges() {
        for (text, out_of_range) in [
            ("2026-12-31", false),
            ("2026-13-01", true),
            ("2025-02-29", true),
            ("2024-02-29", false),
            ("2026-00-10", true),
            ("0000-01-01", true),
            ("2026-12-31 24:00:00", false),
            ("2026-12-31T23:59:59.5+01:00", false),
            ("2026-12-31 24:00:01", true),
            ("2026-12-31 12:60", true),
            ("31-12-2026", false),
            ("2026-365", false),
            ("12/31/2026", false),
        ] {
            assert_eq!(is_out_of_range(text), out_of_range, "{text}");
        }
        assert!(is_time_out_of_range("25:00") && !is_time_out_of_range("23:00:00.25"));
        assert!(!is_time_out_of_range("noon"));
    }
}

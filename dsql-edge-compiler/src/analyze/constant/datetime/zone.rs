//! Time zones of dates and times: offsets, abbreviations, names.
//!
//! Input: a field. Output: those properties of the zone that affect whether a constant is valid. The names and
//! abbreviations are those of PostgreSQL's own time zone data (`builtin::time_zone`).

use super::super::strtod::digits;
use super::numbers::integer;
use super::problem::Problem;
use super::words::compared;
use crate::builtin::{self, Abbreviation, AbbreviationSet, TimeZone};

/// `MAX_TZDISP_HOUR`: the hours of an offset are below 16.
const MAX_HOURS: i32 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// Seconds east of Greenwich.
    Offset(i32),
    /// An abbreviation of standard time, such as `PST`.
    Standard,
    /// An abbreviation of daylight saving time, such as `PDT`.
    Daylight,
    /// An abbreviation whose offset depends on the date, such as `MSK`.
    DatedAbbreviation,
    /// A name that always has the same offset, such as `Etc/UTC`.
    Fixed,
    /// A name whose offset depends on the date, such as `Europe/Moscow`.
    Dated,
}

/// Reads an offset such as `+02`, `-0330` or `+05:30:15`: `DecodeTimezone`. Output: seconds east of Greenwich.
pub(super) fn offset(text: &str) -> Result<i32, Problem> {
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).ok_or(Problem::Malformed)?;
    let number = |text| integer(text).map_err(|_| Problem::ZoneOutOfRange);
    let (mut hours, mut rest) = number(unsigned)?;
    let (mut minutes, mut seconds) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minutes, rest) = number(after)?;
        if let Some(after) = rest.strip_prefix(':') {
            (seconds, rest) = number(after)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        (hours, minutes) = (hours / 100, hours % 100);
    }
    let in_range =
        (0..=MAX_HOURS).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    if !in_range {
        return Err(Problem::ZoneOutOfRange);
    }
    if !rest.is_empty() {
        return Err(Problem::Malformed);
    }
    let seconds = (hours * 60 + minutes) * 60 + seconds;
    Ok(if negative { -seconds } else { seconds })
}

/// Returns the zone of an abbreviation: `DecodeTimezoneAbbrev`.
pub(super) fn abbreviation(word: &str, set: AbbreviationSet) -> Option<Zone> {
    builtin::time_zone_abbreviation(compared(word), set).map(|abbreviation| match abbreviation {
        Abbreviation::Standard => Zone::Standard,
        Abbreviation::Daylight => Zone::Daylight,
        Abbreviation::Dated => Zone::DatedAbbreviation,
    })
}

/// Returns the zone with a full name, or the zone that a description such as `EST5EDT` defines: `pg_tzset`.
pub(super) fn name(name: &str) -> Option<Zone> {
    match builtin::time_zone(name) {
        Some(TimeZone::Fixed) => Some(Zone::Fixed),
        Some(TimeZone::Dated) => Some(Zone::Dated),
        None => described(name),
    }
}

/// Reads a time zone in POSIX's form, as `tzparse` does: a name and an offset, then optionally a name of daylight
/// saving time with an offset. Rules for the change to daylight saving time are not read: a comma would precede such
/// rules, and a field cannot contain a comma.
///
/// A zone whose two offsets are equal always has the same offset (`pg_get_timezone_offset`).
fn described(text: &str) -> Option<Zone> {
    let (standard, rest) = described_offset(described_name(text)?)?;
    if rest.is_empty() {
        return Some(Zone::Fixed);
    }
    let rest = described_name(rest)?;
    if rest.is_empty() {
        return Some(Zone::Dated);
    }
    let (daylight, rest) = described_offset(rest)?;
    rest.is_empty().then_some(if daylight == standard { Zone::Fixed } else { Zone::Dated })
}

/// Reads a name that has at least one character; returns the text after the name.
fn described_name(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|next: char| !next.is_ascii_digit() && !matches!(next, '-' | '+'));
    (rest.len() < text.len()).then_some(rest)
}

/// Reads up to 167 hours, minutes and seconds; returns the seconds west of Greenwich, and the rest.
fn described_offset(text: &str) -> Option<(i32, &str)> {
    let (hours, mut rest) = described_number(text.strip_prefix(['-', '+']).unwrap_or(text), 167)?;
    let mut seconds = hours * 3600;
    for (most, unit) in [(59, 60), (60, 1)] {
        let Some(after) = rest.strip_prefix(':') else { break };
        let (number, after) = described_number(after, most)?;
        (seconds, rest) = (seconds + number * unit, after);
    }
    Some((if text.starts_with('-') { -seconds } else { seconds }, rest))
}

fn described_number(text: &str, most: i32) -> Option<(i32, &str)> {
    let (number, rest) = text.split_at(digits(text));
    Some((number.parse().ok().filter(|number: &i32| *number <= most)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        for (text, expected) in [
            ("+02", Ok(7_200)),
            ("-0330", Ok(-12_600)),
            ("+05:30:15", Ok(19_815)),
            ("+1559", Ok(57_540)),
            ("-0097", Err(Problem::ZoneOutOfRange)),
            ("+16", Err(Problem::ZoneOutOfRange)),
            ("+02.5", Err(Problem::Malformed)),
        ] {
            assert_eq!(offset(text), expected, "{text}");
        }
    }

    #[test]
    fn names_and_descriptions() {
        assert_eq!(name("america/new_york"), Some(Zone::Dated));
        assert_eq!(name("etc/utc"), Some(Zone::Fixed));
        assert_eq!(name("foo3"), Some(Zone::Fixed));
        assert_eq!(name("foo3:30bar"), Some(Zone::Dated));
        assert_eq!((name("foo3bar3"), name("foo-3:30bar-3:30")), (Some(Zone::Fixed), Some(Zone::Fixed)));
        assert_eq!((name("foo3bar-3"), name("foo3bar2")), (Some(Zone::Dated), Some(Zone::Dated)));
        assert_eq!((name("foo168"), name("foo3bar+"), name("foo3:60")), (None, None, None));
        assert_eq!(name("america/does_not_exist"), None);
        assert_eq!(abbreviation("utc", AbbreviationSet::Default), Some(Zone::Standard));
        assert_eq!(abbreviation("lunch", AbbreviationSet::All), None);
    }
}

//! Checks constants of date and time types as `date_in`, `timestamp_in`, `time_in` and `interval_in` do.
//!
//! Input: the type and the text of a constant. Output: the error that PostgreSQL reports, or nothing.
//!
//! Two settings of the session decide how PostgreSQL reads such a constant: `DateStyle` (the order of year, month and
//! day) and `timezone_abbreviations`. `IntervalStyle` and `TimeZone` do not decide whether a constant is valid. A
//! session of DSQL has the default settings. The settings of other servers are not known: initdb sets `DateStyle` by
//! the locale. For these servers, a constant is rejected only if PostgreSQL rejects the constant with all possible
//! settings. If all settings reject the constant, the error is the one that PostgreSQL reports with the default
//! settings.
//!
//! The modules follow PostgreSQL's `datetime.c`: `fields` splits the text. `date_time` and `interval` interpret the
//! fields. `reading` decides, from the parts that are already known, whether a number is a year, a month or a day.
//! `zone` contains the names of time zones, and `words` contains the other words.

mod calendar;
mod date_time;
mod fields;
mod interval;
mod iso_8601;
mod numbers;
mod problem;
mod reading;
mod settings;
mod sums;
mod unit_of_time;
mod words;
mod zone;

use crate::builtin::AbbreviationSet;
use date_time::Decoded;
use fields::Field;
use interval::Range;
pub(super) use problem::Problem;
pub(super) use settings::SessionSettings;
use settings::{Order, Settings};
pub(in super::super) use unit_of_time::UnitOfTime;

const DEFAULT: Settings = Settings { order: Order::MonthDayYear, abbreviations: AbbreviationSet::Default };

/// The size of the buffers of `date_in` and `time_in`: `MAXDATELEN + 1`.
const DATE_ROOM: usize = 129;
/// The size of the buffer of `timestamp_in`: `MAXDATELEN + MAXDATEFIELDS`.
const TIMESTAMP_ROOM: usize = 153;
const INTERVAL_ROOM: usize = 256;

/// Checks a `date`. Output: days from 2000-01-01; `None` for a word such as `infinity`, or if the value depends on
/// settings that are not known.
pub(super) fn date(text: &str, session: SessionSettings) -> Result<Option<i64>, Problem> {
    with_settings(session, text, DATE_ROOM, |fields, settings| {
        match date_time::date_time(fields, settings)? {
            Decoded::Moment(moment, _) => moment.as_date().map(Some),
            Decoded::Special => Ok(None),
        }
    })
}

/// Checks a `timestamp`. Output: microseconds from 2000-01-01; `None` in the same cases as for [`date`].
pub(super) fn timestamp(text: &str, session: SessionSettings) -> Result<Option<i64>, Problem> {
    with_settings(session, text, TIMESTAMP_ROOM, |fields, settings| {
        match date_time::date_time(fields, settings)? {
            Decoded::Moment(moment, _) => moment.as_timestamp(0).map(Some),
            Decoded::Special => Ok(None),
        }
    })
}

/// Checks a `timestamptz`. Output: microseconds from 2000-01-01; `None` in the same cases as for [`date`], or if the
/// constant contains no offset from UTC.
pub(super) fn timestamptz(text: &str, session: SessionSettings) -> Result<Option<i64>, Problem> {
    const HALF_DAY: i32 = 12 * 60 * 60;
    with_settings(session, text, TIMESTAMP_ROOM, |fields, settings| {
        match date_time::date_time(fields, settings)? {
            Decoded::Moment(moment, Some(east)) => moment.as_timestamp(east).map(Some),
            // The offset is not known. The value is accepted if at least one of these three offsets gives a value in
            // the type's range.
            Decoded::Moment(moment, None) => [0, HALF_DAY, -HALF_DAY]
                .iter()
                .find_map(|east| moment.as_timestamp(*east).ok())
                .map(|_| None)
                .ok_or(Problem::ValueOutOfRange),
            Decoded::Special => Ok(None),
        }
    })
}

/// Whether `AT TIME ZONE` accepts this name. Offsets and descriptions with rules are not checked.
pub(in super::super) fn is_time_zone(text: &str) -> bool {
    let name = text.to_ascii_lowercase();
    !name.starts_with(|first: char| first.is_ascii_alphabetic())
        || name.contains(',')
        || zone::abbreviation(&name, AbbreviationSet::All).is_some()
        || zone::name(&name).is_some()
}

/// Checks a `time` or `timetz`.
pub(super) fn time(text: &str, session: SessionSettings) -> Result<(), Problem> {
    let checked = |fields: &[Field], settings| date_time::time_only(fields, settings).map(|()| None::<()>);
    with_settings(session, text, DATE_ROOM, checked).map(drop)
}

/// Checks an `interval`. `typmod` is the type modifier, or -1 without one.
pub(super) fn interval(text: &str, typmod: i32) -> Result<(), Problem> {
    let of_fields = fields::split(text, INTERVAL_ROOM)
        .and_then(|fields| interval::check_fields(&fields, Range::of_typmod(typmod)));
    match of_fields {
        Err(Problem::Malformed) => iso_8601::check(text),
        checked => checked,
    }
}

/// Computes the value of the constant with the settings of the session. If the settings of the session are not known,
/// this function tries all settings. If the constant has the same value with all settings that accept it, and the
/// default settings are among them, the result is this value. If the constant is not valid with any settings, the
/// result is the error of the default settings. In all other cases, the result is `None`.
fn with_settings<V: PartialEq>(
    session: SessionSettings,
    text: &str,
    room: usize,
    decode: impl Fn(&[Field], Settings) -> Result<Option<V>, Problem>,
) -> Result<Option<V>, Problem> {
    let fields = fields::split(text, room)?;
    let default = decode(&fields, DEFAULT);
    if session == SessionSettings::Default {
        return default;
    }
    let mut others = Vec::new();
    for order in [Order::MonthDayYear, Order::YearMonthDay, Order::DayMonthYear] {
        for abbreviations in [AbbreviationSet::Default, AbbreviationSet::All] {
            others.extend(decode(&fields, Settings { order, abbreviations }).ok());
        }
    }
    match default {
        Ok(value) if others.iter().all(|other| *other == value) => Ok(value),
        Err(problem) if others.is_empty() => Err(problem),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Describes whether a constant is valid; an error is abbreviated as in the tables below.
    fn verdict<V>(result: Result<V, Problem>) -> &'static str {
        match result {
            Ok(_) => "ok",
            Err(Problem::Malformed) => "form",
            Err(Problem::FieldOutOfRange) => "field",
            Err(Problem::MonthOrDayOutOfRange) => "month",
            Err(Problem::ZoneOutOfRange) => "offset",
            Err(Problem::UnknownZone(_)) => "zone",
            Err(Problem::ValueOutOfRange) => "value",
        }
    }

    #[test]
    fn timestamps() {
        for (text, expected) in [
            ("2026-11-28 10:00:00.25+02", "ok"),
            ("20261128T100000Z", "ok"),
            ("Nov 28 2026 10:00 PM America/New_York", "ok"),
            ("Nov 28 2026 10:00 PM Asia/Tokyo", "ok"),
            ("28-Nov-2026", "ok"),
            ("28 Nov 2026 PST", "ok"),
            ("J2451187", "ok"),
            ("2026.332", "ok"),
            ("44-03-15 BC", "ok"),
            ("infinity", "ok"),
            ("now", "ok"),
            ("13/01/2026", "ok"),
            ("2026-13-01", "month"),
            ("97-13-01", "month"),
            ("2026-02-29", "field"),
            ("2026-11-28 25:00", "field"),
            ("0000-01-01", "field"),
            ("10:00", "form"),
            ("soon", "form"),
            ("", "form"),
            ("2026-11-28 America/Atlantis", "zone"),
            ("2026-11-28 10:00 -0097", "offset"),
            ("300000-01-01", "value"),
        ] {
            assert_eq!(verdict(timestamptz(text, SessionSettings::Unknown)), expected, "{text}");
        }
    }

    #[test]
    fn order_of_dates_decides_if_the_settings_are_known() {
        assert_eq!(verdict(date("31/12/2026", SessionSettings::Unknown)), "ok");
        assert_eq!(verdict(date("31/12/2026", SessionSettings::Default)), "month");
        // With another order of day and month, the same constant is another date.
        assert_eq!(date("01/02/2000", SessionSettings::Unknown), Ok(None));
        assert_eq!(date("01/02/2000", SessionSettings::Default), Ok(Some(1)));
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("10:00", "ok"),
            ("100000.5", "ok"),
            ("T10:00:00", "ok"),
            ("10:00 AM PST", "ok"),
            ("24:00", "ok"),
            ("allballs", "ok"),
            ("2026-11-28 10:00 America/New_York", "ok"),
            ("10:00 America/New_York", "form"),
            ("10:00 Etc/UTC", "ok"),
            ("99/99/99 10:00", "month"),
            ("99/99/99 now Etc/UTC", "ok"),
            ("2026-02-31 now Etc/UTC", "ok"),
            ("24:00:01", "field"),
            ("13:00 PM", "field"),
            ("today", "form"),
        ] {
            assert_eq!(verdict(time(text, SessionSettings::Unknown)), expected, "{text}");
        }
    }

    #[test]
    fn intervals() {
        for (text, expected) in [
            ("1 day 02:03:04", "ok"),
            ("@ 1 minute ago", "ok"),
            ("1-2", "ok"),
            ("-1.5 years", "ok"),
            ("5", "ok"),
            ("P1Y2M3DT4H5M6.5S", "ok"),
            ("P0001-02-03T04:05:06", "ok"),
            ("P00010203T040506", "ok"),
            ("1 day 2 days", "form"),
            ("30 eons", "form"),
            ("", "form"),
            ("P1X", "form"),
            ("1-13", "field"),
            ("2147483648 days", "field"),
            ("178956971 years", "value"),
        ] {
            assert_eq!(verdict(interval(text, -1)), expected, "{text}");
        }
    }
}

//! Interprets fields as the parts of a date and time: `DecodeDate`, `DecodeNumber`, `DecodeNumberField` and
//! `ValidateDate` in PostgreSQL's `datetime.c`.
//!
//! Input: a field, and the parts that earlier fields have set. Output: the parts that this field sets.
//!
//! The meaning of a number depends on the other parts: in `2026-11-28`, the first number is the year because the number
//! has more than two digits; in `11-28-26`, the session's setting for the order of dates ([`Order`]) decides. So a
//! [`Reading`] records which parts (year, month, day …) are already known. A constant that sets the same part twice is
//! an error.

use super::super::strtod::digits;
use super::calendar::Moment;
use super::numbers::{clock, integer, microseconds};
use super::problem::Problem;
use super::settings::Order;
use super::words::{Half, Word, in_date};

/// A set of parts: `fmask` and `tmask`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts(u16);

impl Parts {
    pub(super) const NONE: Parts = Parts(0);
    pub(super) const YEAR: Parts = Parts(1);
    pub(super) const MONTH: Parts = Parts(2);
    pub(super) const DAY: Parts = Parts(4);
    pub(super) const DATE: Parts = Parts(7);
    pub(super) const TIME: Parts = Parts(8);
    pub(super) const ZONE: Parts = Parts(16);
    pub(super) const DAY_OF_YEAR: Parts = Parts(32);
    pub(super) const WEEKDAY: Parts = Parts(64);
    pub(super) const HALF: Parts = Parts(128);
    pub(super) const ERA: Parts = Parts(256);
    /// An abbreviation of daylight saving time, or the word `dst`.
    pub(super) const DAYLIGHT: Parts = Parts(512);
    /// The word `dst`.
    pub(super) const DST_WORD: Parts = Parts(1024);
    /// An abbreviation whose offset depends on the date.
    pub(super) const DATED_ABBREVIATION: Parts = Parts(2048);

    pub(super) const fn and(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }

    pub(super) const fn of(self, others: Parts) -> Parts {
        Parts(self.0 & others.0)
    }

    pub(super) const fn has(self, others: Parts) -> bool {
        self.0 & others.0 == others.0
    }

    pub(super) const fn any(self, others: Parts) -> bool {
        self.0 & others.0 != 0
    }

    const fn without(self, others: Parts) -> Parts {
        Parts(self.0 & !others.0)
    }
}

/// The parts of a date and time that were already read, with their values.
pub(super) struct Reading {
    pub(super) order: Order,
    pub(super) set: Parts,
    pub(super) moment: Moment,
    /// Whether the year has at most two digits, so that a century is added.
    pub(super) short_year: bool,
    /// Whether the month was written as a word, such as `Nov`.
    pub(super) month_is_word: bool,
    pub(super) julian: bool,
    pub(super) before_christ: bool,
    pub(super) half: Option<Half>,
}

impl Reading {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            set: Parts::NONE,
            moment: Moment::default(),
            short_year: false,
            month_is_word: false,
            julian: false,
            before_christ: false,
            half: None,
        }
    }

    /// Adds the parts that a field contains; returns an error if one of these parts is already known.
    pub(super) fn add(&mut self, parts: Parts) -> Result<(), Problem> {
        if self.set.any(parts) {
            return Err(Problem::Malformed);
        }
        self.set = self.set.and(parts);
        Ok(())
    }

    /// Reads a date with delimiters: `DecodeDate`.
    pub(super) fn date(&mut self, text: &str) -> Result<Parts, Problem> {
        let pieces = pieces(text)?;
        let mut set = self.set;
        let mut month_is_word = false;
        for word in pieces.iter().filter(|piece| piece.starts_with(|first: char| first.is_ascii_alphabetic()))
        {
            match in_date(word) {
                Some(Word::Month(month)) if !set.has(Parts::MONTH) => {
                    self.moment.month = month;
                    month_is_word = true;
                    set = set.and(Parts::MONTH);
                }
                _ => return Err(Problem::Malformed),
            }
        }
        for number in
            pieces.iter().filter(|piece| !piece.starts_with(|first: char| first.is_ascii_alphabetic()))
        {
            let parts = self.number(number, month_is_word, set)?;
            if set.any(parts) {
                return Err(Problem::Malformed);
            }
            set = set.and(parts);
        }
        if set.without(Parts::DAY_OF_YEAR.and(Parts::ZONE)) != Parts::DATE {
            return Err(Problem::Malformed);
        }
        Ok(set.without(self.set))
    }

    /// Interprets a number in a date. The parts that are already known determine whether the number is the year, the
    /// month or the day: `DecodeNumber`.
    pub(super) fn number(&mut self, text: &str, month_is_word: bool, set: Parts) -> Result<Parts, Problem> {
        let (value, rest) = integer(text)?;
        let length = text.len();
        if length == rest.len() {
            return Err(Problem::Malformed);
        }
        if rest.starts_with('.') {
            if length - rest.len() > 2 {
                return self.run_together(text, set.and(Parts::DATE));
            }
            self.moment.microsecond = microseconds(rest)?;
        } else if !rest.is_empty() {
            return Err(Problem::Malformed);
        }
        let known = set.of(Parts::DATE);
        if length == 3 && known == Parts::YEAR && (1..=366).contains(&value) {
            self.moment.day_of_year = value;
            return Ok(Parts::DAY_OF_YEAR.and(Parts::MONTH).and(Parts::DAY));
        }
        if known == Parts::DATE {
            return self.run_together(text, set);
        }
        let part = self.part(known, length, month_is_word)?;
        match part {
            Parts::YEAR => {
                self.moment.year = value;
                self.short_year = length <= 2;
            }
            Parts::MONTH => self.moment.month = value,
            _ if known == Parts::YEAR.and(Parts::MONTH)
                && month_is_word
                && length >= 3
                && self.short_year =>
            {
                // In `28-Nov-2026`, the number 28 was first read as the year.
                self.moment.day = self.moment.year;
                self.moment.year = value;
                self.short_year = false;
            }
            _ => self.moment.day = value,
        }
        Ok(part)
    }

    /// Returns whether the next number is the year, the month or the day, given the parts that are known.
    fn part(&self, known: Parts, length: usize, month_is_word: bool) -> Result<Parts, Problem> {
        const YEAR_MONTH: Parts = Parts::YEAR.and(Parts::MONTH);
        const MONTH_DAY: Parts = Parts::MONTH.and(Parts::DAY);
        let year_first = length >= 3 || self.order == Order::YearMonthDay;
        Ok(match known {
            Parts::NONE if year_first => Parts::YEAR,
            Parts::NONE if self.order == Order::DayMonthYear => Parts::DAY,
            Parts::NONE | Parts::YEAR | Parts::DAY => Parts::MONTH,
            Parts::MONTH if month_is_word && year_first => Parts::YEAR,
            Parts::MONTH | YEAR_MONTH => Parts::DAY,
            MONTH_DAY => Parts::YEAR,
            _ => return Err(Problem::Malformed),
        })
    }

    /// Reads a date or time without delimiters, such as `20261128` or `100059.5`: `DecodeNumberField`.
    pub(super) fn run_together(&mut self, text: &str, set: Parts) -> Result<Parts, Problem> {
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(Problem::Malformed);
        }
        let whole = match text.split_once('.') {
            Some((whole, _)) => {
                self.moment.microsecond = microseconds(&text[whole.len()..])?;
                whole
            }
            None if !set.has(Parts::DATE) && text.len() >= 6 => {
                let (year, month_and_day) = text.split_at(text.len() - 4);
                let (month, day) = month_and_day.split_at(2);
                self.moment.year = two_or_more(year);
                self.moment.month = two_or_more(month);
                self.moment.day = two_or_more(day);
                self.short_year |= year.len() == 2;
                return Ok(Parts::DATE);
            }
            None => text,
        };
        if set.has(Parts::TIME) || !matches!(whole.len(), 4 | 6) {
            return Err(Problem::Malformed);
        }
        let (hour, rest) = whole.split_at(2);
        let (minute, second) = rest.split_at(2);
        self.moment.hour = two_or_more(hour);
        self.moment.minute = two_or_more(minute);
        self.moment.second = two_or_more(second);
        Ok(Parts::TIME)
    }

    /// Reads a time with colons.
    pub(super) fn time(&mut self, text: &str) -> Result<Parts, Problem> {
        let clock = clock(text, false)?;
        self.moment.hour = i32::try_from(clock.hour).map_err(|_| Problem::FieldOutOfRange)?;
        self.moment.minute = clock.minute;
        self.moment.second = clock.second;
        self.moment.microsecond = clock.microsecond;
        Ok(Parts::TIME)
    }

    /// Completes the date, and checks its parts: `ValidateDate`.
    pub(super) fn validate_date(&mut self) -> Result<(), Problem> {
        if self.set.has(Parts::YEAR) && !self.julian {
            let year = &mut self.moment.year;
            if self.before_christ {
                if *year <= 0 {
                    return Err(Problem::FieldOutOfRange);
                }
                *year = 1 - *year;
            } else if self.short_year {
                *year += match *year {
                    0..70 => 2000,
                    70..100 => 1900,
                    _ => 0,
                };
            } else if *year <= 0 {
                return Err(Problem::FieldOutOfRange);
            }
        }
        if self.set.has(Parts::DAY_OF_YEAR) {
            (self.moment.month, self.moment.day) = (1, 1);
            let day = self.moment.julian_day().wrapping_add(self.moment.day_of_year - 1);
            self.moment.set_julian_day(day);
        }
        let month = self.set.has(Parts::MONTH) && !(1..=12).contains(&self.moment.month);
        let day = self.set.has(Parts::DAY) && !(1..=31).contains(&self.moment.day);
        if month || day {
            return Err(Problem::MonthOrDayOutOfRange);
        }
        if self.set.has(Parts::DATE) && self.moment.day > self.moment.last_day() {
            return Err(Problem::FieldOutOfRange);
        }
        Ok(())
    }

    /// Applies `AM` or `PM` to the hour; returns an error if the hour is greater than 12.
    pub(super) fn apply_half(&mut self) -> Result<(), Problem> {
        let Some(half) = self.half else { return Ok(()) };
        match (half, self.moment.hour) {
            (_, 13..) => Err(Problem::FieldOutOfRange),
            (Half::Am, 12) => {
                self.moment.hour = 0;
                Ok(())
            }
            (Half::Pm, 12) | (Half::Am, _) => Ok(()),
            (Half::Pm, hour) => {
                self.moment.hour = hour + 12;
                Ok(())
            }
        }
    }
}

/// Splits a date at its delimiters. Each piece has only digits or only letters.
fn pieces(text: &str) -> Result<Vec<&str>, Problem> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches(|byte: char| !byte.is_ascii_alphanumeric());
        let length = match rest.bytes().next() {
            None => return Err(Problem::Malformed),
            Some(b'0'..=b'9') => digits(rest),
            Some(_) => rest.bytes().take_while(u8::is_ascii_alphabetic).count(),
        };
        let (piece, after) = rest.split_at(length);
        pieces.push(piece);
        // The next character is the delimiter; it is skipped, whatever it is.
        rest = after.get(1..).unwrap_or_default();
    }
    Ok(pieces)
}

/// Reads digits as `atoi` reads them: as 64 bits, of which the lower 32 bits are the number.
#[expect(clippy::cast_possible_truncation, reason = "as in PostgreSQL, an overflow is not an error")]
fn two_or_more(digits: &str) -> i32 {
    if digits.is_empty() { 0 } else { digits.parse().unwrap_or(i64::MAX) as i32 }
}

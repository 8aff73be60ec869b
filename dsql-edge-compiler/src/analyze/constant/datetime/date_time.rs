//! Interprets the fields of a date, a timestamp or a time of day: `DecodeDateTime` and `DecodeTimeOnly` in
//! PostgreSQL's `datetime.c`.
//!
//! Input: the fields of a constant. Output: the value, or the reason why the fields are not a value.

use super::calendar::Moment;
use super::fields::{Field, Kind};
use super::numbers::{fraction, integer};
use super::problem::Problem;
use super::reading::{Parts, Reading};
use super::settings::Settings;
use super::words::{Unit, Word, in_date};
use super::zone::{self, Zone};
use crate::builtin::AbbreviationSet;

/// The value of a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A date with or without a time of day, and its offset from UTC in seconds. The offset is `None` if it depends on
    /// a time zone or on the session.
    Moment(Moment, Option<i32>),
    /// `epoch`, `infinity`, `-infinity`, or a value that depends on the current date: `today`, `now`.
    Special,
}

/// Whether the fields form a date, or only a time of day. The constant of a time of day may contain a date, but the
/// date only determines the offset of the time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    DateTime,
    TimeOnly,
}

struct Decoder<'f> {
    mode: Mode,
    fields: &'f [Field],
    reading: Reading,
    abbreviations: AbbreviationSet,
    zone: Option<Zone>,
    /// A word that determines the meaning of the field after the word.
    prefix: Option<Prefix>,
    special: bool,
    /// Whether the value depends on the current date.
    is_relative: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// `T`
    Time,
    /// `J`
    Julian,
    /// Any other unit: in a date, no number can follow such a unit.
    Other,
}

pub(super) fn date_time(fields: &[Field], settings: Settings) -> Result<Decoded, Problem> {
    let mut decoder = Decoder::new(Mode::DateTime, fields, settings);
    decoder.read()?;
    if decoder.special {
        return Ok(Decoded::Special);
    }
    decoder.reading.validate_date()?;
    decoder.reading.apply_half()?;
    if !decoder.reading.set.has(Parts::DATE) {
        return Err(Problem::Malformed);
    }
    decoder.check_zone()?;
    if decoder.is_relative {
        return Ok(Decoded::Special);
    }
    let offset = match decoder.zone {
        Some(Zone::Offset(seconds)) => Some(seconds),
        _ => None,
    };
    Ok(Decoded::Moment(decoder.reading.moment, offset))
}

pub(super) fn time_only(fields: &[Field], settings: Settings) -> Result<(), Problem> {
    let mut decoder = Decoder::new(Mode::TimeOnly, fields, settings);
    decoder.read()?;
    decoder.reading.validate_date()?;
    decoder.reading.apply_half()?;
    decoder.reading.moment.check_time()?;
    if !decoder.reading.set.has(Parts::TIME) {
        return Err(Problem::Malformed);
    }
    decoder.check_zone()?;
    // The name of a zone requires a whole date if the offset of the zone changes. If the zone is the session's zone or
    // an abbreviation, the constant may lack the date.
    let date = decoder.reading.set.of(Parts::DATE);
    let complete = date == Parts::DATE || date == Parts::NONE && decoder.zone != Some(Zone::Dated);
    let needs_date = matches!(decoder.zone, None | Some(Zone::Dated | Zone::DatedAbbreviation));
    if needs_date && !complete { Err(Problem::Malformed) } else { Ok(()) }
}

impl<'f> Decoder<'f> {
    fn new(mode: Mode, fields: &'f [Field], settings: Settings) -> Self {
        let reading = Reading::new(settings.order);
        let abbreviations = settings.abbreviations;
        Self {
            mode,
            fields,
            reading,
            abbreviations,
            zone: None,
            prefix: None,
            special: false,
            is_relative: false,
        }
    }

    fn read(&mut self) -> Result<(), Problem> {
        for (at, field) in self.fields.iter().enumerate() {
            let text = field.text.as_str();
            let parts = match field.kind {
                Kind::Date => self.date(at, text)?,
                Kind::Time => self.time(text)?,
                Kind::Zone => {
                    let seconds = zone::offset(text)?;
                    self.set_zone(Zone::Offset(seconds))
                }
                Kind::Number => self.number(at, text)?,
                Kind::Word | Kind::SignedWord => self.word(text)?,
            };
            self.reading.add(parts)?;
        }
        if self.prefix.is_some() { Err(Problem::Malformed) } else { Ok(()) }
    }

    fn set_zone(&mut self, zone: Zone) -> Parts {
        self.zone = Some(zone);
        Parts::ZONE
    }

    /// Interprets a field with delimiters: a date, the name of a zone, or a time that runs together with an offset.
    fn date(&mut self, at: usize, text: &str) -> Result<Parts, Problem> {
        let starts_with_digit = text.starts_with(|first: char| first.is_ascii_digit());
        match self.mode {
            Mode::DateTime if self.prefix == Some(Prefix::Julian) => return self.julian_day_with_zone(text),
            Mode::DateTime => {
                let month_and_day = Parts::MONTH.and(Parts::DAY);
                if self.prefix.is_none() && !self.reading.set.has(month_and_day) {
                    return self.reading.date(text);
                }
            }
            Mode::TimeOnly => {
                let last = self.fields.last().map(|field| field.kind);
                let next = self.fields.get(1).map(|field| field.kind);
                let date_allowed = last == Some(Kind::Date) || next == Some(Kind::Time);
                if at == 0 && self.fields.len() >= 2 && date_allowed {
                    return self.reading.date(text);
                }
            }
        }
        let prefixed = self.mode == Mode::DateTime && self.prefix.is_some();
        if starts_with_digit || prefixed {
            if prefixed && self.prefix.take() != Some(Prefix::Time) {
                return Err(Problem::Malformed);
            }
            return self.time_with_zone(text);
        }
        let zone = zone::name(text).ok_or_else(|| Problem::UnknownZone(text.to_owned()))?;
        Ok(self.set_zone(zone))
    }

    /// `100000-08`
    fn time_with_zone(&mut self, text: &str) -> Result<Parts, Problem> {
        if self.reading.set.has(Parts::TIME) {
            return Err(Problem::Malformed);
        }
        let (time, _) = text.split_once('-').ok_or(Problem::Malformed)?;
        let seconds = zone::offset(&text[time.len()..])?;
        let set = match self.mode {
            Mode::DateTime => self.reading.set,
            Mode::TimeOnly => self.reading.set.and(Parts::DATE),
        };
        let parts = self.reading.run_together(time, set)?;
        Ok(parts.and(self.set_zone(Zone::Offset(seconds))))
    }

    /// `J2451545-08`
    fn julian_day_with_zone(&mut self, text: &str) -> Result<Parts, Problem> {
        self.prefix = None;
        let (day, rest) = integer(text)?;
        self.set_julian_day(day)?;
        let seconds = zone::offset(rest)?;
        Ok(Parts::DATE.and(Parts::TIME).and(self.set_zone(Zone::Offset(seconds))))
    }

    fn set_julian_day(&mut self, day: i32) -> Result<(), Problem> {
        if day < 0 {
            return Err(Problem::FieldOutOfRange);
        }
        self.reading.moment.set_julian_day(day);
        self.reading.julian = true;
        Ok(())
    }

    fn time(&mut self, text: &str) -> Result<Parts, Problem> {
        if self.prefix.take().is_some_and(|prefix| prefix != Prefix::Time) {
            return Err(Problem::Malformed);
        }
        let parts = self.reading.time(text)?;
        if self.mode == Mode::DateTime {
            self.reading.moment.check_time()?;
        }
        Ok(parts)
    }

    fn number(&mut self, at: usize, text: &str) -> Result<Parts, Problem> {
        if let Some(prefix) = self.prefix.take() {
            return self.labeled_number(prefix, text);
        }
        match self.mode {
            Mode::DateTime => self.number_of_date_time(text),
            Mode::TimeOnly => self.number_of_time(at, text),
        }
    }

    /// Reads a number after `T` (a time) or `J` (a Julian day).
    fn labeled_number(&mut self, prefix: Prefix, text: &str) -> Result<Parts, Problem> {
        let (value, rest) = integer(text)?;
        if !rest.is_empty() && !rest.starts_with('.') {
            return Err(Problem::Malformed);
        }
        match prefix {
            Prefix::Julian => {
                self.set_julian_day(value)?;
                if rest.is_empty() {
                    return Ok(Parts::DATE);
                }
                // The fraction of a day is always a valid time of day, so the time is not computed.
                fraction(rest)?;
                Ok(Parts::DATE.and(Parts::TIME))
            }
            Prefix::Time => {
                let parts = self.reading.run_together(text, self.reading.set.and(Parts::DATE))?;
                if parts == Parts::TIME { Ok(parts) } else { Err(Problem::Malformed) }
            }
            Prefix::Other => Err(Problem::Malformed),
        }
    }

    fn number_of_date_time(&mut self, text: &str) -> Result<Parts, Problem> {
        let set = self.reading.set;
        let point = text.find('.');
        if point.is_some() && !set.any(Parts::DATE) {
            return self.reading.date(text);
        }
        let date_or_time_missing = !set.any(Parts::DATE) || !set.any(Parts::TIME);
        let long = text.len() >= 6 && date_or_time_missing;
        if long || point.is_some_and(|point| point > 2) {
            self.reading.run_together(text, set)
        } else {
            self.reading.number(text, self.reading.month_is_word, set)
        }
    }

    fn number_of_time(&mut self, at: usize, text: &str) -> Result<Parts, Problem> {
        let set = self.reading.set.and(Parts::DATE);
        match text.find('.') {
            Some(_) if at == 0 && self.fields.len() >= 2 && self.ends_with_date() => self.reading.date(text),
            Some(point) if point > 2 => self.reading.run_together(text, set),
            Some(_) => Err(Problem::Malformed),
            None if text.len() > 4 => self.reading.run_together(text, set),
            None => self.reading.number(text, false, set),
        }
    }

    fn ends_with_date(&self) -> bool {
        self.fields.last().is_some_and(|field| field.kind == Kind::Date)
    }

    fn word(&mut self, text: &str) -> Result<Parts, Problem> {
        if let Some(zone) = zone::abbreviation(text, self.abbreviations) {
            return Ok(self.abbreviation(zone));
        }
        let Some(word) = in_date(text) else {
            let zone = zone::name(text).ok_or(Problem::Malformed)?;
            return Ok(self.set_zone(zone));
        };
        match word {
            Word::Ignored => Ok(Parts::NONE),
            Word::Half(half) => {
                self.reading.half = Some(half);
                Ok(Parts::HALF)
            }
            Word::Era { bc } => {
                self.reading.before_christ = bc;
                Ok(Parts::ERA)
            }
            Word::DaylightSaving => Ok(Parts::DST_WORD.and(Parts::DAYLIGHT)),
            Word::Unit(unit) => {
                self.expect(if unit == Unit::Julian { Prefix::Julian } else { Prefix::Other })
            }
            Word::TimeFollows => {
                if self.mode == Mode::DateTime && !self.reading.set.has(Parts::DATE) {
                    return Err(Problem::Malformed);
                }
                self.expect(Prefix::Time)
            }
            Word::Midnight => {
                self.zone = Some(Zone::Offset(0));
                Ok(Parts::TIME.and(Parts::ZONE))
            }
            Word::Now if self.mode == Mode::TimeOnly => {
                // Like PostgreSQL's `GetCurrentTimeUsec`, this replaces a date from earlier fields, even if that date
                // does not exist.
                self.set_any_date();
                Ok(Parts::TIME)
            }
            _ if self.mode == Mode::TimeOnly => Err(Problem::Malformed),
            _ => self.word_of_date(word),
        }
    }

    /// Interprets a word that a date may contain, but not a time of day.
    fn word_of_date(&mut self, word: Word) -> Result<Parts, Problem> {
        let moment = &mut self.reading.moment;
        match word {
            Word::Now | Word::Day => {
                self.set_any_date();
                let time_and_zone = Parts::TIME.and(Parts::ZONE);
                Ok(if word == Word::Now { Parts::DATE.and(time_and_zone) } else { Parts::DATE })
            }
            Word::Epoch | Word::Infinity => {
                self.special = true;
                Ok(Parts::DATE.and(Parts::TIME).and(Parts::ZONE))
            }
            Word::Month(month) => {
                // In `28 Nov 2026`, the number 28 was first read as the month, but is the day.
                let set = self.reading.set;
                let swap = set.has(Parts::MONTH)
                    && !self.reading.month_is_word
                    && !set.has(Parts::DAY)
                    && (1..=31).contains(&moment.month);
                if swap {
                    moment.day = moment.month;
                }
                moment.month = month;
                self.reading.month_is_word = true;
                Ok(if swap { Parts::DAY } else { Parts::MONTH })
            }
            Word::Weekday => Ok(Parts::WEEKDAY),
            _ => Err(Problem::Malformed),
        }
    }

    /// Sets any existing date, because the current date is not known here. The date that is set does not affect whether
    /// the constant is valid, as long as the date exists.
    fn set_any_date(&mut self) {
        self.is_relative = true;
        let moment = &mut self.reading.moment;
        (moment.year, moment.month, moment.day) = (2000, 1, 1);
    }

    fn abbreviation(&mut self, zone: Zone) -> Parts {
        let zone_set = self.set_zone(zone);
        match zone {
            Zone::Daylight => zone_set.and(Parts::DAYLIGHT),
            Zone::DatedAbbreviation => zone_set.and(Parts::DATED_ABBREVIATION),
            _ => zone_set,
        }
    }

    /// Records that `prefix` determines the meaning of the next field.
    fn expect(&mut self, prefix: Prefix) -> Result<Parts, Problem> {
        match self.prefix.replace(prefix) {
            Some(_) => Err(Problem::Malformed),
            None => Ok(Parts::NONE),
        }
    }

    /// Checks that the word `dst` is used with a zone whose name does not already determine daylight saving time.
    fn check_zone(&self) -> Result<(), Problem> {
        let named = matches!(self.zone, Some(Zone::Fixed | Zone::Dated | Zone::DatedAbbreviation));
        let fits = self.reading.set.has(Parts::ZONE) && !named;
        if self.reading.set.has(Parts::DST_WORD) && !fits { Err(Problem::Malformed) } else { Ok(()) }
    }
}

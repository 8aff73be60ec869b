//! `date`, `time`, `timetz`, `timestamp` and `timestamptz` ⇄ the types of chrono, and exact types of this crate.
//!
//! Input and output: days or microseconds since 2000-01-01, as PostgreSQL sends them. If chrono cannot hold a value
//! (infinity, 24:00, years after 262,142), the result is an error. The error contains the name of a type of this module
//! that can hold the value. A parameter is truncated to microseconds, PostgreSQL's precision.

use core::fmt;

use chrono::{Datelike, TimeZone, Timelike};

use super::interval::write_clock;
use super::{
    Column, ConversionError, DateTime, IsNull, NaiveDate, NaiveDateTime, NaiveTime, NotNull, Param, Utc,
    exactly, int8, split, sql,
};

/// The days from 0000-12-31, chrono's day 0, to 2000-01-01, PostgreSQL's day 0.
const EPOCH_IN_DAYS_OF_CE: i32 = 730_120;
/// The microseconds from 1970-01-01 to 2000-01-01.
const EPOCH_IN_UNIX_MICROSECONDS: i64 = 946_684_800_000_000;
const DAY_IN_MICROSECONDS: i64 = 86_400_000_000;

/// A `date`, exactly: days since 2000-01-01, or an infinity.
///
/// ```
/// use dsql_edge::types::{NaiveDate, PgDate};
///
/// let date = PgDate { days: 31 };
/// assert_eq!(date.to_chrono(), NaiveDate::from_ymd_opt(2000, 2, 1));
/// assert!(date < PgDate::INFINITY && PgDate::INFINITY.to_chrono().is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgDate {
    /// Days since 2000-01-01; negative before that date.
    pub days: i32,
}

impl PgDate {
    /// `infinity`, later than every other date.
    pub const INFINITY: PgDate = PgDate { days: i32::MAX };
    /// `-infinity`, earlier than every other date.
    pub const NEG_INFINITY: PgDate = PgDate { days: i32::MIN };

    /// The date; `None` if it is infinite or beyond chrono's years.
    pub fn to_chrono(self) -> Option<NaiveDate> {
        NaiveDate::from_num_days_from_ce_opt(self.days.checked_add(EPOCH_IN_DAYS_OF_CE)?)
    }
}

impl From<NaiveDate> for PgDate {
    fn from(date: NaiveDate) -> Self {
        PgDate { days: date.num_days_from_ce() - EPOCH_IN_DAYS_OF_CE }
    }
}

/// A `time`, exactly: microseconds since midnight, 24:00 included.
///
/// ```
/// use dsql_edge::types::{NaiveTime, PgTime};
///
/// assert_eq!(PgTime { microseconds: 3_600_000_000 }.to_chrono(), NaiveTime::from_hms_opt(1, 0, 0));
/// let midnight = PgTime { microseconds: 86_400_000_000 };
/// assert_eq!(midnight.to_chrono(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgTime {
    /// Microseconds since midnight: 0 to 86,400,000,000.
    pub microseconds: i64,
}

impl PgTime {
    /// The time; `None` if it is 24:00.
    pub fn to_chrono(self) -> Option<NaiveTime> {
        let microseconds = u64::try_from(self.microseconds).ok()?;
        let seconds = u32::try_from(microseconds / 1_000_000).ok()?;
        let nanoseconds = u32::try_from(microseconds % 1_000_000).ok()?.checked_mul(1000)?;
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanoseconds)
    }
}

impl From<NaiveTime> for PgTime {
    /// A leap second becomes the second after it, as in PostgreSQL.
    fn from(time: NaiveTime) -> Self {
        let seconds = i64::from(time.num_seconds_from_midnight());
        PgTime { microseconds: seconds * 1_000_000 + i64::from(time.nanosecond() / 1000) }
    }
}

/// A `timetz`, exactly. PostgreSQL's documentation advises against the type.
///
/// ```
/// use dsql_edge::types::{NaiveTime, PgTime, TimeTz};
///
/// let time = TimeTz { time: PgTime { microseconds: 3_600_000_000 }, utc_offset: 7200 };
/// assert_eq!(time.time.to_chrono(), NaiveTime::from_hms_opt(1, 0, 0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeTz {
    /// The local time, 24:00 included.
    pub time: PgTime,
    /// Seconds east of Greenwich.
    pub utc_offset: i32,
}

/// A `timestamp` or `timestamptz`, exactly: microseconds since 2000-01-01 (in UTC for `timestamptz`), or an infinity.
///
/// ```
/// use dsql_edge::types::{DateTime, PgTimestamp};
///
/// let time = PgTimestamp { microseconds: 1_000_000 };
/// assert_eq!(time.to_chrono(), DateTime::from_timestamp(946_684_801, 0));
/// assert!(time < PgTimestamp::INFINITY && PgTimestamp::INFINITY.to_chrono().is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgTimestamp {
    /// Microseconds since 2000-01-01 00:00:00; negative before that time.
    pub microseconds: i64,
}

impl PgTimestamp {
    /// `infinity`, later than every other timestamp.
    pub const INFINITY: PgTimestamp = PgTimestamp { microseconds: i64::MAX };
    /// `-infinity`, earlier than every other timestamp.
    pub const NEG_INFINITY: PgTimestamp = PgTimestamp { microseconds: i64::MIN };

    /// The point in time; `None` if it is infinite or beyond chrono's years.
    pub fn to_chrono(self) -> Option<DateTime<Utc>> {
        if self == Self::INFINITY || self == Self::NEG_INFINITY {
            return None;
        }
        DateTime::from_timestamp_micros(self.microseconds.checked_add(EPOCH_IN_UNIX_MICROSECONDS)?)
    }
}

impl<Zone: TimeZone> From<DateTime<Zone>> for PgTimestamp {
    fn from(time: DateTime<Zone>) -> Self {
        // The subtraction does not overflow: the range of chrono's years, at 3.2e13 microseconds a year, is below 2^63.
        PgTimestamp { microseconds: time.timestamp_micros() - EPOCH_IN_UNIX_MICROSECONDS }
    }
}

impl From<NaiveDateTime> for PgTimestamp {
    fn from(time: NaiveDateTime) -> Self {
        time.and_utc().into()
    }
}

impl Column<sql::Date, NotNull> for PgDate {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        exactly(bytes).map(|days| PgDate { days: i32::from_be_bytes(days) })
    }
}

impl Column<sql::Date, NotNull> for NaiveDate {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        PgDate::decode(bytes)?
            .to_chrono()
            .ok_or(ConversionError::new("it is infinite or beyond chrono's years: use PgDate"))
    }
}

impl Column<sql::Time, NotNull> for PgTime {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        let microseconds = int8(bytes)?;
        if !(0..=DAY_IN_MICROSECONDS).contains(&microseconds) {
            return Err(ConversionError::new("it is not a time of a day"));
        }
        Ok(PgTime { microseconds })
    }
}

impl Column<sql::Time, NotNull> for NaiveTime {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        PgTime::decode(bytes)?
            .to_chrono()
            .ok_or(ConversionError::new("it is 24:00, which NaiveTime cannot hold: use PgTime"))
    }
}

impl Column<sql::Timetz, NotNull> for TimeTz {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        let (time, west) = split::<8>(bytes)?;
        let time = PgTime::decode(&time)?;
        // All offsets of PostgreSQL are accepted: they are less than 16 hours.
        match i32::from_be_bytes(exactly(west)?) {
            west @ -86_400..=86_400 => Ok(TimeTz { time, utc_offset: -west }),
            _ => Err(ConversionError::new("its offset is longer than a day")),
        }
    }
}

impl Column<sql::Timestamp, NotNull> for PgTimestamp {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        int8(bytes).map(|microseconds| PgTimestamp { microseconds })
    }
}

impl Column<sql::Timestamptz, NotNull> for PgTimestamp {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        <Self as Column<sql::Timestamp, NotNull>>::decode(bytes)
    }
}

impl Column<sql::Timestamp, NotNull> for NaiveDateTime {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        <DateTime<Utc> as Column<sql::Timestamptz, NotNull>>::decode(bytes).map(|time| time.naive_utc())
    }
}

impl Column<sql::Timestamptz, NotNull> for DateTime<Utc> {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        <PgTimestamp as Column<sql::Timestamptz, NotNull>>::decode(bytes)?
            .to_chrono()
            .ok_or(ConversionError::new("it is infinite or beyond chrono's years: use PgTimestamp"))
    }
}

impl<N> Param<sql::Date, N> for PgDate {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.extend_from_slice(&self.days.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl<N> Param<sql::Time, N> for PgTime {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.extend_from_slice(&self.microseconds.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl<N> Param<sql::Timetz, N> for TimeTz {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.extend_from_slice(&self.time.microseconds.to_be_bytes());
        out.extend_from_slice(&self.utc_offset.wrapping_neg().to_be_bytes());
        Ok(IsNull::No)
    }
}

impl<N> Param<sql::Timestamp, N> for PgTimestamp {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.extend_from_slice(&self.microseconds.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl<N> Param<sql::Timestamptz, N> for PgTimestamp {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        <Self as Param<sql::Timestamp, NotNull>>::encode(self, out)
    }
}

macro_rules! through {
    ($($sql:ident, [$($zone:ident)?] $rust:ty, $exact:ty;)*) => {$(
        impl<N $(, $zone: TimeZone)?> Param<sql::$sql, N> for $rust {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                <$exact as Param<sql::$sql, NotNull>>::encode(&<$exact>::from(self.clone()), out)
            }
        }
    )*};
}

through! {
    Date, [] NaiveDate, PgDate;
    Time, [] NaiveTime, PgTime;
    Timestamp, [] NaiveDateTime, PgTimestamp;
    Timestamptz, [Zone] DateTime<Zone>, PgTimestamp;
}

impl fmt::Display for PgDate {
    /// Formats like PostgreSQL (`DateStyle` ISO).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PgDate::INFINITY => f.write_str("infinity"),
            PgDate::NEG_INFINITY => f.write_str("-infinity"),
            PgDate { days } => write_date(f, i64::from(days), |_| Ok(())),
        }
    }
}

impl fmt::Display for PgTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_clock(f, self.microseconds.unsigned_abs())
    }
}

impl fmt::Display for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.utc_offset.unsigned_abs();
        let sign = if self.utc_offset < 0 { '-' } else { '+' };
        write!(f, "{}{sign}{:02}", self.time, offset / 3600)?;
        match (offset / 60 % 60, offset % 60) {
            (0, 0) => Ok(()),
            (minutes, 0) => write!(f, ":{minutes:02}"),
            (minutes, seconds) => write!(f, ":{minutes:02}:{seconds:02}"),
        }
    }
}

impl fmt::Display for PgTimestamp {
    /// Formats like PostgreSQL's `timestamp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PgTimestamp::INFINITY => f.write_str("infinity"),
            PgTimestamp::NEG_INFINITY => f.write_str("-infinity"),
            PgTimestamp { microseconds } => {
                write_date(f, microseconds.div_euclid(DAY_IN_MICROSECONDS), |f| {
                    f.write_str(" ")?;
                    write_clock(f, microseconds.rem_euclid(DAY_IN_MICROSECONDS).unsigned_abs())
                })
            }
        }
    }
}

/// Writes `YYYY-MM-DD`, the output of `rest`, and ` BC` for a year before 1. `days` is the number of days since
/// 2000-01-01, in the proleptic Gregorian calendar.
fn write_date(
    f: &mut fmt::Formatter<'_>,
    days: i64,
    rest: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    const FROM_0000_03_01: i64 = 730_425;
    let days = days + FROM_0000_03_01;
    let day_of_era = u32::try_from(days.rem_euclid(146_097)).unwrap_or_default();
    let (year_of_era, month, day) = civil(day_of_era);
    let year = days.div_euclid(146_097) * 400 + i64::from(year_of_era);
    let (year, suffix) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    write!(f, "{year:04}-{month:02}-{day:02}")?;
    rest(f)?;
    f.write_str(suffix)
}

/// The year, month and day of a day in an era. An era is 400 years, 146,097 days, and begins on a 1 March. The
/// algorithm is Howard Hinnant's `civil_from_days`.
#[inline]
pub(crate) fn civil(day_of_era: u32) -> (u32, u32, u32) {
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + u32::from(month <= 2), month, day)
}

#[cfg(feature = "serde")]
mod serialize {
    use super::*;

    macro_rules! as_text {
        ($($exact:ty),*) => {$(
            impl serde::Serialize for $exact {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }
        )*};
    }

    as_text!(PgDate, PgTime, TimeTz, PgTimestamp);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_postgresql_does() {
        let date = |days| PgDate { days }.to_string();
        assert_eq!(date(0), "2000-01-01");
        assert_eq!(date(59), "2000-02-29");
        assert_eq!(date(-730_120), "0001-12-31 BC");
        assert_eq!(date(-2_451_545), "4714-11-24 BC");
        assert_eq!(date(2_145_031_948), "5874897-12-31");
        assert_eq!(date(i32::MAX), "infinity");
        let timestamp = |microseconds| PgTimestamp { microseconds }.to_string();
        assert_eq!(timestamp(-1), "1999-12-31 23:59:59.999999");
        assert_eq!(timestamp(i64::MIN), "-infinity");
        let time = PgTime { microseconds: DAY_IN_MICROSECONDS };
        assert_eq!(TimeTz { time, utc_offset: -12_600 }.to_string(), "24:00:00-03:30");
    }

    #[test]
    fn value_beyond_chrono_is_an_error_that_names_the_exact_type() {
        let refused = |result: Result<(), ConversionError>, name: &str| {
            assert!(result.expect_err("must not pass").to_string().contains(name));
        };
        for infinity in [i32::MAX, i32::MIN] {
            refused(NaiveDate::decode(&infinity.to_be_bytes()).map(drop), "PgDate");
        }
        for infinity in [i64::MAX, i64::MIN] {
            refused(NaiveDateTime::decode(&infinity.to_be_bytes()).map(drop), "PgTimestamp");
            refused(DateTime::<Utc>::decode(&infinity.to_be_bytes()).map(drop), "PgTimestamp");
        }
        refused(NaiveTime::decode(&DAY_IN_MICROSECONDS.to_be_bytes()).map(drop), "PgTime");
        assert!(PgTime::decode(&(DAY_IN_MICROSECONDS + 1).to_be_bytes()).is_err());
    }

    #[test]
    fn the_epochs_are_where_postgresql_has_them() {
        assert_eq!(NaiveDate::decode(&[0; 4]), Ok(NaiveDate::from_ymd_opt(2000, 1, 1).unwrap()));
        let time = "2024-08-27T12:34:56.789012Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(PgTimestamp::from(time).microseconds, 778_077_296_789_012);
        assert_eq!(PgTimestamp::from(time).to_chrono(), Some(time));
    }
}

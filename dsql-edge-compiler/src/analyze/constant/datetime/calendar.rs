//! Converts dates to days and back, and checks the ranges of dates and times: PostgreSQL's `datetime.c` and
//! `timestamp.h`.
//!
//! Input: a year, month and day. Output: the Julian day, or whether the value is in range.

use super::problem::Problem;

/// A point in time as it is written, before its parts are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// 0 is the year 1 BC.
    pub(super) year: i32,
    pub(super) month: i32,
    pub(super) day: i32,
    pub(super) day_of_year: i32,
    pub(super) hour: i32,
    pub(super) minute: i32,
    pub(super) second: i32,
    pub(super) microsecond: i32,
}

const DAY: i64 = 86_400_000_000;
/// 2000-01-01, the zero of PostgreSQL's dates, as a Julian day.
const EPOCH: i32 = 2_451_545;
/// `DATE_END_JULIAN`: the first Julian day that a `date` cannot represent, 5874898-01-01.
const DATE_END: i32 = 2_147_483_494;
/// `MIN_TIMESTAMP` and `END_TIMESTAMP`, in microseconds from 2000-01-01.
const TIMESTAMPS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

impl Moment {
    /// Returns the Julian day, which may be negative: `date2j`. The computation overflows for a year beyond all valid
    /// dates, as in PostgreSQL, so the result for such a year can be the day of a valid date.
    pub(super) fn julian_day(&self) -> i32 {
        let (year, month) = match self.month {
            month @ 3.. => (self.year.wrapping_add(4800), month.wrapping_add(1)),
            month => (self.year.wrapping_add(4799), month.wrapping_add(13)),
        };
        let century = year / 100;
        let years = year.wrapping_mul(365).wrapping_sub(32167);
        let leap_days = year / 4 - century + century / 4;
        let months = 7834_i32.wrapping_mul(month) / 256;
        years.wrapping_add(leap_days).wrapping_add(months).wrapping_add(self.day)
    }

    /// Sets year, month and day from a Julian day. The numbers are unsigned and overflow as in PostgreSQL's `j2date`.
    pub(super) fn set_julian_day(&mut self, day: i32) {
        let mut julian = day.cast_unsigned().wrapping_add(32044);
        let cycles = julian / 146_097;
        let extra = (julian - cycles * 146_097) * 4 + 3;
        julian = julian.wrapping_add(60 + cycles * 3 + extra / 146_097);
        let cycles = julian / 1461;
        julian -= cycles * 1461;
        let year = julian * 4 / 1461;
        julian = if year == 0 { (julian + 306) % 366 } else { (julian + 305) % 365 } + 123;
        let month = julian * 2141 / 65536;
        self.year = (year + cycles * 4).cast_signed().wrapping_sub(4800);
        self.month = ((month + 10) % 12 + 1).cast_signed();
        self.day = (julian - 7834 * month / 256).cast_signed();
    }

    /// Returns the last day of the month.
    pub(super) fn last_day(&self) -> i32 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Returns the time of day in microseconds.
    fn time(&self) -> i64 {
        let minutes = i64::from(self.hour) * 60 + i64::from(self.minute);
        (minutes * 60 + i64::from(self.second)) * 1_000_000 + i64::from(self.microsecond)
    }

    /// `time_overflows`: returns an error if the parts of the time are not a time of day up to 24:00.
    pub(super) fn check_time(&self) -> Result<(), Problem> {
        let parts = (0..=24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..=60).contains(&self.second)
            && (0..=1_000_000).contains(&self.microsecond);
        if parts && self.time() <= DAY { Ok(()) } else { Err(Problem::FieldOutOfRange) }
    }

    /// Returns the days from 2000-01-01, if a `date` can represent them.
    pub(super) fn as_date(&self) -> Result<i64, Problem> {
        let day = self.valid_julian_day()?;
        if (0..DATE_END).contains(&day) { Ok(i64::from(day - EPOCH)) } else { Err(Problem::ValueOutOfRange) }
    }

    /// Returns the microseconds from 2000-01-01 in a zone, if a `timestamp` can represent them.
    pub(super) fn as_timestamp(&self, seconds_east: i32) -> Result<i64, Problem> {
        let days = i64::from(self.valid_julian_day()? - EPOCH);
        let local = days.checked_mul(DAY).and_then(|start| start.checked_add(self.time()));
        let instant = local.and_then(|local| local.checked_sub(i64::from(seconds_east) * 1_000_000));
        instant.filter(|instant| TIMESTAMPS.contains(instant)).ok_or(Problem::ValueOutOfRange)
    }

    /// `IS_VALID_JULIAN`: the valid months are November of 4714 BC to May of 5874898.
    fn valid_julian_day(&self) -> Result<i32, Problem> {
        let month = (self.year, self.month);
        if ((-4713, 11)..(5_874_898, 6)).contains(&month) {
            Ok(self.julian_day())
        } else {
            Err(Problem::ValueOutOfRange)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn julian_days_round_trip() {
        for day in [0, 1, 1_721_119, 1_721_120, 2_451_545, 2_460_000, 2_460_676, DATE_END] {
            let mut moment = Moment::default();
            moment.set_julian_day(day);
            assert_eq!(moment.julian_day(), day, "{moment:?}");
        }
        let mut epoch = Moment::default();
        epoch.set_julian_day(EPOCH);
        assert_eq!((epoch.year, epoch.month, epoch.day), (2000, 1, 1));
    }

    #[test]
    fn limits_of_dates_and_timestamps() {
        let day = |year, month, day| Moment { year, month, day, ..Moment::default() };
        assert_eq!(day(2000, 1, 2).as_date(), Ok(1));
        assert!(day(-4713, 11, 24).as_date().is_ok() && day(-4713, 11, 23).as_date().is_err());
        assert!(day(5_874_897, 12, 31).as_date().is_ok() && day(5_874_898, 1, 1).as_date().is_err());
        assert!(day(294_276, 12, 31).as_timestamp(0).is_ok() && day(294_277, 1, 1).as_timestamp(0).is_err());
    }
}

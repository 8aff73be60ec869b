//! Adds the parts of an interval: `AdjustMicroseconds` and related functions in PostgreSQL's `datetime.c`.
//!
//! Input: numbers with units. Output: whether the sum of the parts fits an `interval`, which consists of months, days
//! and microseconds.

use super::numbers::Clock;
use super::problem::Problem;
use super::words::Unit;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The sums of an interval's parts.
#[derive(Default)]
pub(super) struct Sums {
    years: i32,
    months: i32,
    days: i32,
    microseconds: i64,
}

impl Sums {
    /// Sets the hours, minutes and seconds.
    pub(super) fn set_time(&mut self, clock: &Clock) -> Result<(), Problem> {
        let small = i64::from(clock.minute) * MINUTE
            + i64::from(clock.second) * SECOND
            + i64::from(clock.microsecond);
        let all = clock.hour.checked_mul(HOUR).and_then(|hours| hours.checked_add(small));
        self.microseconds = all.ok_or(Problem::FieldOutOfRange)?;
        Ok(())
    }

    /// Adds a number with its unit. The number is given as its integral part and its fraction.
    pub(super) fn add(&mut self, unit: Unit, (whole, fraction): (i64, f64)) -> Result<(), Problem> {
        match unit {
            Unit::Microsecond => self.add_microseconds(whole, fraction, 1),
            Unit::Millisecond => self.add_microseconds(whole, fraction, 1000),
            Unit::Second => self.add_microseconds(whole, fraction, SECOND),
            Unit::Minute => self.add_microseconds(whole, fraction, MINUTE),
            Unit::Hour => self.add_microseconds(whole, fraction, HOUR),
            Unit::Day => {
                add_small(&mut self.days, whole, 1)?;
                self.add_microseconds(0, fraction, DAY)
            }
            Unit::Week => {
                add_small(&mut self.days, whole, 7)?;
                self.add_days(fraction, 7)
            }
            Unit::Month => {
                add_small(&mut self.months, whole, 1)?;
                self.add_days(fraction, 30)
            }
            Unit::Year => self.add_years(whole, fraction, 1),
            Unit::Decade => self.add_years(whole, fraction, 10),
            Unit::Century => self.add_years(whole, fraction, 100),
            Unit::Millennium => self.add_years(whole, fraction, 1000),
            Unit::Julian | Unit::Other => Err(Problem::Malformed),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a fraction is below 1")]
    fn add_microseconds(&mut self, whole: i64, fraction: f64, scale: i64) -> Result<(), Problem> {
        // Like `AdjustFractMicroseconds`, drops exactly half a microsecond.
        let fraction = fraction * scale as f64;
        let rest = fraction.fract();
        let rounded = fraction.trunc() as i64 + i64::from(rest > 0.5) - i64::from(rest < -0.5);
        let sum = whole.checked_mul(scale).and_then(|product| self.microseconds.checked_add(product));
        self.microseconds = sum.and_then(|sum| sum.checked_add(rounded)).ok_or(Problem::FieldOutOfRange)?;
        Ok(())
    }

    /// Adds `fraction` times `scale` days.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction is below 1")]
    fn add_days(&mut self, fraction: f64, scale: i32) -> Result<(), Problem> {
        let days = fraction * f64::from(scale);
        add_small(&mut self.days, days.trunc() as i64, 1)?;
        self.add_microseconds(0, days.fract(), DAY)
    }

    /// Adds `whole + fraction` times `scale` years. The fraction becomes months.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction is below 1")]
    fn add_years(&mut self, whole: i64, fraction: f64, scale: i32) -> Result<(), Problem> {
        add_small(&mut self.years, whole, scale)?;
        let months = (fraction * f64::from(scale) * 12.0).round_ties_even();
        add_small(&mut self.months, months as i64, 1)
    }

    /// Whether an `interval` can represent the sums: `itmin2interval`.
    pub(super) fn check(&self, negate: bool) -> Result<(), Problem> {
        let lowest =
            [self.years, self.months, self.days].contains(&i32::MIN) || self.microseconds == i64::MIN;
        if negate && lowest {
            return Err(Problem::FieldOutOfRange);
        }
        let months = i64::from(self.years) * 12 + i64::from(self.months);
        i32::try_from(months).map(drop).map_err(|_| Problem::ValueOutOfRange)
    }
}

/// Adds a product to a number of 32 bits.
fn add_small(sum: &mut i32, whole: i64, scale: i32) -> Result<(), Problem> {
    let product = i32::try_from(whole).ok().and_then(|whole| whole.checked_mul(scale));
    *sum = product.and_then(|product| sum.checked_add(product)).ok_or(Problem::FieldOutOfRange)?;
    Ok(())
}

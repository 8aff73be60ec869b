//! `interval`: months, days and microseconds, which are separate as in PostgreSQL.

use core::fmt;

use super::{Column, ConversionError, IsNull, NotNull, Param, exactly, split, sql};

/// A PostgreSQL `interval`. The three parts are not converted into each other: a month is not 30 days, and a day is not
/// 24 hours when a clock changes.
///
/// `Display` writes the same text as PostgreSQL (`IntervalStyle` postgres).
///
/// ```
/// use dsql_edge::types::Interval;
///
/// let interval = Interval { months: 14, days: -3, microseconds: 14_706_500_000 };
/// assert_eq!(interval.to_string(), "1 year 2 mons -3 days +04:05:06.5");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Months; a year is twelve.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

impl Column<sql::Interval, NotNull> for Interval {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        let (microseconds, rest) = split(bytes)?;
        let (days, rest) = split(rest)?;
        Ok(Interval {
            months: i32::from_be_bytes(exactly(rest)?),
            days: i32::from_be_bytes(days),
            microseconds: i64::from_be_bytes(microseconds),
        })
    }
}

impl<N> Param<sql::Interval, N> for Interval {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        out.extend_from_slice(&self.microseconds.to_be_bytes());
        out.extend_from_slice(&self.days.to_be_bytes());
        out.extend_from_slice(&self.months.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut wrote = false;
        let mut before_negative = false;
        for (count, unit) in [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")] {
            if count == 0 {
                continue;
            }
            let space = if wrote { " " } else { "" };
            let sign = if before_negative && count > 0 { "+" } else { "" };
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{space}{sign}{count} {unit}{plural}")?;
            wrote = true;
            before_negative = count < 0;
        }
        if self.microseconds != 0 || !wrote {
            let space = if wrote { " " } else { "" };
            let sign = match self.microseconds {
                ..0 => "-",
                _ if before_negative => "+",
                _ => "",
            };
            write!(f, "{space}{sign}")?;
            write_clock(f, self.microseconds.unsigned_abs())?;
        }
        Ok(())
    }
}

/// Writes `hh:mm:ss[.ffffff]`, the fraction without trailing zeros; hours may exceed 24.
pub(super) fn write_clock(f: &mut fmt::Formatter<'_>, microseconds: u64) -> fmt::Result {
    let seconds = microseconds / 1_000_000;
    write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    let mut fraction = microseconds % 1_000_000;
    if fraction == 0 {
        return Ok(());
    }
    let mut width = 6;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    write!(f, ".{fraction:0width$}")
}

#[cfg(feature = "serde")]
impl serde::Serialize for Interval {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_postgresql_does() {
        let interval = |months, days, microseconds| Interval { months, days, microseconds }.to_string();
        assert_eq!(interval(0, 0, 0), "00:00:00");
        assert_eq!(interval(14, -3, 14_706_500_000), "1 year 2 mons -3 days +04:05:06.5");
        assert_eq!(interval(-13, 1, -1), "-1 years -1 mons +1 day -00:00:00.000001");
        assert_eq!(interval(0, 0, i64::MIN), "-2562047788:00:54.775808");
        assert_eq!(interval(0, 2, 360_000_000_000_000), "2 days 100000:00:00");
    }
}

//! Defines the reasons why a constant is not a date, time or interval.

/// The reason why a constant is not a value of a date or time type: `DTERR_…` in PostgreSQL's `datetime.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::analyze::constant) enum Problem {
    /// The constant does not have the form that the type requires: `DTERR_BAD_FORMAT`.
    Malformed,
    /// A part does not exist, such as the hour 25: `DTERR_FIELD_OVERFLOW`.
    FieldOutOfRange,
    /// A month or day does not exist, perhaps because the constant contains day and month in another order:
    /// `DTERR_MD_FIELD_OVERFLOW`.
    MonthOrDayOutOfRange,
    /// `DTERR_TZDISP_OVERFLOW`
    ZoneOutOfRange,
    /// `DTERR_BAD_TIMEZONE`
    UnknownZone(String),
    /// Each part of the date exists, but the type cannot represent the value.
    ValueOutOfRange,
}

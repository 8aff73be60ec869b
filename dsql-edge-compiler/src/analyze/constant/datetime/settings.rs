//! Defines the settings of a session that decide how a date is read, and whether these settings are known.

use crate::builtin::AbbreviationSet;

/// The order of the numbers in a date, from the setting `DateStyle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
}

/// Settings of a session.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) order: Order,
    pub(super) abbreviations: AbbreviationSet,
}

/// Whether the settings of the session that will run the statement are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::analyze::constant) enum SessionSettings {
    /// The session has PostgreSQL's default settings.
    Default,
    Unknown,
}

//! Defines the settings of a session that decide how a date is read, and what is known about them.

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

/// What is known about the settings of the session that will run the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::analyze::constant) enum SessionSettings {
    /// It has PostgreSQL's default settings.
    Default,
    Unknown,
}

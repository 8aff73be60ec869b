//! Defines [`Settings`], the settings of a session that affect how PostgreSQL reads a date, and [`SessionSettings`],
//! which states whether the settings of a session are known.

use crate::builtin::AbbreviationSet;

/// The order of the numbers in a date, from the setting `DateStyle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
}

/// The settings of a session that affect how PostgreSQL reads a date.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) order: Order,
    pub(super) abbreviations: AbbreviationSet,
}

/// The settings of the session that will run the statement, if they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::analyze::constant) enum SessionSettings {
    /// The session has PostgreSQL's default settings.
    Default,
    Unknown,
}

//! Defines what the checks of constants return: the value, or the error that PostgreSQL reports.

use super::decimal::Decimal;
use crate::diagnostic::Code;

/// Why PostgreSQL rejects a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::analyze) struct Rejection {
    pub(in crate::analyze) code: Code,
    /// PostgreSQL's message.
    pub(in crate::analyze) message: String,
}

impl Rejection {
    pub(super) fn new(code: Code, message: String) -> Self {
        Self { code, message }
    }

    pub(super) fn syntax(name: &str, text: &str) -> Self {
        Self::new(Code::InvalidLiteral, format!("invalid input syntax for type {name}: \"{text}\""))
    }

    pub(super) fn out_of_range(text: &str, name: &str) -> Self {
        Self::new(Code::OutOfRange, format!("value \"{text}\" is out of range for type {name}"))
    }
}

/// The value of a constant, as far as it is needed to compare the bounds of a range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Integer(i128),
    Decimal(Decimal),
    /// The constant may be valid; its value is not computed here.
    Unknown,
}

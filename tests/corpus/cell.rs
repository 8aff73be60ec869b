//! A decoded value, as PostgreSQL prints it after the value was sent back.
//!
//! Input: a Rust value. Output: the strings that are compared with PostgreSQL's own text for the column.

use dsql_edge::types::{DateTime, Decimal, JsonValue, NaiveDate, NaiveDateTime, NaiveTime, Utc, Uuid};

/// A decoded value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The text that PostgreSQL prints for the value, which was sent as a parameter of its type; `None` for NULL. For a
    /// type that arrives as text, the decoded text itself.
    pub shown: Option<String>,
    /// The text that PostgreSQL prints for the value, which was sent as the string that the Rust type prints
    /// ([`Written`]). If decoding and encoding have the same fault, only this text shows the fault. `None` for NULL,
    /// for a Rust type that does not implement [`Written`], and for a text that PostgreSQL does not read.
    pub written: Option<String>,
}

impl Cell {
    /// NULL.
    pub const NULL: Cell = Cell { shown: None, written: None };

    /// Returns the cell of a value whose field `written` is `None`.
    pub fn of(shown: impl Into<String>) -> Cell {
        Cell { shown: Some(shown.into()), written: None }
    }
}

/// A Rust value whose crate can print the value as PostgreSQL reads it.
pub trait Written {
    /// Returns the value's own text, or `None` if PostgreSQL does not read this text.
    fn written(&self) -> Option<String>;
}

macro_rules! written {
    ($($rust:ty),*) => {$(
        impl Written for $rust {
            fn written(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}

written!(bool, i16, i32, i64, u32, f32, f64, Decimal, Uuid, NaiveTime, JsonValue);

/// In chrono's text, year 0 is `0000`, earlier years begin with `-`, and years after 9999 begin with `+`. PostgreSQL
/// does not read these texts. The years 1 to 999 begin with `0`, too, and are left out with year 0.
macro_rules! written_in_common_years {
    ($($rust:ty),*) => {$(
        impl Written for $rust {
            fn written(&self) -> Option<String> {
                let text = self.to_string();
                (!text.starts_with(['-', '+', '0'])).then_some(text)
            }
        }
    )*};
}

written_in_common_years!(NaiveDate, NaiveDateTime, DateTime<Utc>);

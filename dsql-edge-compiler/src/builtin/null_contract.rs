//! What is known of NULL in the result of a function: a letter of `data/never_null.txt` as a [`NullContract`].

/// When the result of a function is certainly not NULL. Each was reviewed; `proisstrict` proves nothing about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullContract {
    /// Never certainly.
    #[default]
    Unknown,
    /// If no argument is NULL; of a set, each row. Of an aggregate: also over no rows.
    OfValues,
    /// Whatever the arguments are: `concat`, `jsonb_build_object`, `count`.
    Always,
    /// Of an aggregate: over at least one row whose arguments are not NULL.
    OverValues,
    /// Of an aggregate: over at least one row, whatever its arguments are: `array_agg`.
    OverRows,
}

impl NullContract {
    pub(super) fn of_letter(letter: u8) -> NullContract {
        match letter {
            b'y' => NullContract::OfValues,
            b'a' => NullContract::Always,
            b'n' => NullContract::OverValues,
            b'r' => NullContract::OverRows,
            _ => NullContract::Unknown,
        }
    }

    /// Of a function that gives NULL for no value, or of which nothing is known.
    pub fn of_values_if(known: bool) -> NullContract {
        if known { NullContract::OfValues } else { NullContract::Unknown }
    }

    /// Whether the result is not NULL if no argument is.
    pub fn holds_of_values(self) -> bool {
        matches!(self, NullContract::OfValues | NullContract::Always)
    }

    /// Whether the result is not NULL whatever the arguments are.
    pub fn holds_always(self) -> bool {
        self == NullContract::Always
    }

    /// Whether the result of an aggregate is not NULL over at least one row whose arguments are not NULL.
    pub fn holds_over_values(self) -> bool {
        matches!(self, NullContract::OverValues | NullContract::OverRows | NullContract::Always)
    }

    /// Whether the result of an aggregate is not NULL over at least one row.
    pub fn holds_over_rows(self) -> bool {
        matches!(self, NullContract::OverRows | NullContract::Always)
    }

    /// The contract of a call with an array after `VARIADIC`: for an array that is NULL, `concat` and related functions
    /// give NULL, although for NULL in one of several arguments they do not.
    pub fn of_variadic_array(self) -> NullContract {
        if self == NullContract::Always { NullContract::OfValues } else { self }
    }
}

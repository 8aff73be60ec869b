//! Defines [`NullContract`], which states when the result of a function is not NULL. In `data/functions.txt` and
//! `data/operators.txt`, each contract is a letter; in `data/never_null.txt`, a class such as `[yes]`.

/// The condition under which the result of a function is certainly not NULL. Each contract was reviewed by hand;
/// `proisstrict` does not prove a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullContract {
    /// Nothing is known: the result may be NULL, whatever the arguments are.
    #[default]
    Unknown,
    /// The result (for a set, each row) is not NULL if no argument is NULL. The result of an aggregate is then not NULL
    /// even if there are no rows.
    OfValues,
    /// The result is never NULL, whatever the arguments are: `concat`, `jsonb_build_object`, `count`.
    Always,
    /// The result of an aggregate is not NULL if there is at least one row whose arguments are not NULL.
    OverValues,
    /// The result of an aggregate is not NULL if there is at least one row, whatever the arguments of this row are:
    /// `array_agg`.
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

    /// Returns the contract "not NULL if no argument is NULL" if `known` is true; otherwise, nothing is known.
    pub fn of_values_if(known: bool) -> NullContract {
        if known { NullContract::OfValues } else { NullContract::Unknown }
    }

    /// Whether the result is not NULL if no argument is NULL.
    pub fn holds_of_values(self) -> bool {
        matches!(self, NullContract::OfValues | NullContract::Always)
    }

    /// Whether the result is never NULL, whatever the arguments are.
    pub fn holds_always(self) -> bool {
        self == NullContract::Always
    }

    /// Whether the result of an aggregate is not NULL if there is at least one row whose arguments are not NULL.
    pub fn holds_over_values(self) -> bool {
        matches!(self, NullContract::OverValues | NullContract::OverRows | NullContract::Always)
    }

    /// Whether the result of an aggregate is not NULL if there is at least one row.
    pub fn holds_over_rows(self) -> bool {
        matches!(self, NullContract::OverRows | NullContract::Always)
    }

    /// Returns the contract of a call with an array after `VARIADIC`: for example, `concat(VARIADIC NULL)` is NULL, but
    /// `concat('a', NULL)` is not.
    pub fn of_variadic_array(self) -> NullContract {
        if self == NullContract::Always { NullContract::OfValues } else { self }
    }
}

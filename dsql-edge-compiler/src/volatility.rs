//! How a function's result depends on more than its arguments: `provolatile`.

/// The volatility that a function declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Volatility {
    /// `IMMUTABLE`: the result depends on the arguments alone.
    Immutable,
    /// `STABLE`: the result is the same within one statement, and the function changes nothing.
    Stable,
    /// `VOLATILE`: anything.
    #[default]
    Volatile,
}

impl Volatility {
    pub(crate) fn of_letter(letter: u8) -> Volatility {
        match letter {
            b'i' => Volatility::Immutable,
            b's' => Volatility::Stable,
            _ => Volatility::Volatile,
        }
    }

    /// Whether each call may give another result, or change something.
    pub fn is_volatile(self) -> bool {
        self == Volatility::Volatile
    }
}

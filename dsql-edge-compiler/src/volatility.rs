//! Defines the volatility of a function: `provolatile`.

/// The volatility that a function declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Volatility {
    /// `IMMUTABLE`: the result depends only on the arguments.
    Immutable,
    /// `STABLE`: the result is the same within one statement, and the function does not write.
    Stable,
    /// `VOLATILE`: the function may do anything.
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

    /// Whether the result depends only on the arguments.
    pub fn is_immutable(self) -> bool {
        self == Volatility::Immutable
    }

    /// Whether two calls with the same arguments in one statement may return different results, or a call may write.
    pub fn is_volatile(self) -> bool {
        self == Volatility::Volatile
    }
}

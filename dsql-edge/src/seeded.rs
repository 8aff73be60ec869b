//! Bugs that tests switch on, to check that the harness finds them.
//!
//! `seeded!(Bug)` marks code where an implementation of this protocol is likely to have a bug. Outside tests the macro
//! is `false`, and no code is compiled for it.

/// Whether this bug is switched on.
#[cfg(test)]
macro_rules! seeded {
    ($bug:ident) => {
        $crate::harness::is_seeded($crate::harness::Bug::$bug)
    };
}

/// `false`: outside tests no bug is switched on.
#[cfg(not(test))]
macro_rules! seeded {
    ($bug:ident) => {
        false
    };
}

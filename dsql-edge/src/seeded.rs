//! Bugs that tests switch on, to check that the harness finds them.
//!
//! `seeded!(Bug)` is true in a test that switches `Bug` on: the code at this place then has a bug that is easy to make.
//! Outside tests the macro is `false`, and no code is compiled for it.

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

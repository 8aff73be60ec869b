//! Mistakes that tests switch on, to see that they are caught.
//!
//! `seeded!(Bug)` marks a place where a client of this protocol may well go wrong. Outside of tests it is `false`, and
//! nothing of it is compiled.

/// Whether this bug is switched on.
#[cfg(test)]
macro_rules! seeded {
    ($bug:ident) => {
        $crate::harness::is_seeded($crate::harness::Bug::$bug)
    };
}

/// There is none.
#[cfg(not(test))]
macro_rules! seeded {
    ($bug:ident) => {
        false
    };
}

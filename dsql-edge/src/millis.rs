//! Time in milliseconds, the unit of Workers' clocks and timers.
//!
//! Input: a [`Duration`] from the user. Output: a number of milliseconds, the form in which all other code has times.

use core::time::Duration;

/// A point in time or a duration, in milliseconds.
pub(crate) type Millis = u64;

/// Rounds up to whole milliseconds, so that a limit that is not 0 does not become 0.
pub(crate) fn millis(duration: Duration) -> Millis {
    let part = duration.subsec_nanos().div_ceil(1_000_000);
    duration.as_secs().saturating_mul(1000).saturating_add(part.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_up_and_do_not_overflow() {
        let nanos = [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2), (3_000_000_000, 3000)];
        assert!(nanos.iter().all(|(nanos, expected)| millis(Duration::from_nanos(*nanos)) == *expected));
        assert_eq!(millis(Duration::MAX), Millis::MAX);
    }
}

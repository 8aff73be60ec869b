//! DSQL's limits of transactions and connections, as numbers, and the admission of new connections.
//!
//! Input: smaller limits. Output: the effective limits. A limit cannot be larger than DSQL's, and cannot be removed.
//! The module does no I/O and reads no clock: the time is an argument.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

/// A limit that replaces DSQL's larger limit ("Cluster quotas", "Database limits", DSQL user guide). As text:
/// `rows=3000`, `bytes=10485760`, `age=300` (seconds), `connections=10000`, `connection-rate=100` (per second),
/// `connection-burst=1000`, `connection-life=3600` (seconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Rows that a transaction changes.
    Rows(u64),
    /// Bytes that a transaction writes.
    Bytes(u64),
    /// Seconds from BEGIN.
    Age(u64),
    /// Connections that are open at the same time.
    Connections(u64),
    /// New connections per second, on average.
    ConnectionRate(u64),
    /// The number of new connections that may be opened at once after a time without new connections.
    ConnectionBurst(u64),
    /// Seconds until a connection is closed.
    ConnectionLife(u64),
}

/// Makes a [`Limit`] from the number in an option such as `rows=100`.
type LimitOf = fn(u64) -> Limit;

/// For each limit: its name, DSQL's own value, and the function that makes a [`Limit`] from a number.
const NAMES: [(&str, u64, LimitOf); 7] = [
    ("rows", 3_000, Limit::Rows),
    ("bytes", 10 << 20, Limit::Bytes),
    ("age", 300, Limit::Age),
    ("connections", 10_000, Limit::Connections),
    ("connection-rate", 100, Limit::ConnectionRate),
    ("connection-burst", 1_000, Limit::ConnectionBurst),
    ("connection-life", 3_600, Limit::ConnectionLife),
];

/// The error for a string that is not a limit, such as `rows` without a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLimit(String);

impl FromStr for Limit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Limit, InvalidLimit> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| InvalidLimit("write NAME=NUMBER".to_owned()))?;
        let Some((_, most, limit)) = NAMES.iter().find(|(known, _, _)| *known == name) else {
            let known: Vec<&str> = NAMES.iter().map(|(known, _, _)| *known).collect();
            return Err(InvalidLimit(format!(
                "{name:?} is not a limit; the limits are {}",
                known.join(", ")
            )));
        };
        match value.parse() {
            Ok(value) if (1..=*most).contains(&value) => Ok(limit(value)),
            _ => Err(InvalidLimit(format!("{name} is at least 1, and at most DSQL's {most}"))),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value();
        let name = NAMES.iter().find(|(_, _, limit)| limit(value) == *self).map_or("", |(name, _, _)| name);
        write!(out, "{name}={value}")
    }
}

impl Limit {
    fn value(self) -> u64 {
        match self {
            Limit::Rows(value)
            | Limit::Bytes(value)
            | Limit::Age(value)
            | Limit::Connections(value)
            | Limit::ConnectionRate(value)
            | Limit::ConnectionBurst(value)
            | Limit::ConnectionLife(value) => value,
        }
    }
}

/// The effective limits.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) age: Duration,
    pub(crate) connections: u64,
    pub(crate) rate: u64,
    pub(crate) burst: u64,
    pub(crate) life: Duration,
}

impl Limits {
    /// DSQL's limits, except where `wanted` has a smaller limit.
    pub(crate) fn of(wanted: &[Limit]) -> Limits {
        let [rows, bytes, age, connections, rate, burst, life] = NAMES.map(|(_, most, limit)| {
            let same = |it: &&Limit| limit(it.value()) == **it;
            wanted.iter().rfind(same).map_or(most, |it| it.value().clamp(1, most))
        });
        let (age, life) = (Duration::from_secs(age), Duration::from_secs(life));
        Limits { rows, bytes, age, connections, rate, burst, life }
    }
}

/// The admission of new connections: a token bucket of size `burst` that fills at `rate` per second.
pub(crate) struct Admission {
    rate: u64,
    burst: u64,
    /// The number of tokens, in thousandths of a connection, and the time at which the tokens were counted.
    bucket: Mutex<(u64, Option<OffsetDateTime>)>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Admission {
        let full = limits.burst.saturating_mul(1_000);
        Admission { rate: limits.rate, burst: full, bucket: Mutex::new((full, None)) }
    }

    /// Whether another connection may be opened now. If so, takes a token from the bucket.
    pub(crate) fn admits(&self, now: OffsetDateTime) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, counted) = *bucket;
        let passed = counted.map_or(0, |counted| (now - counted).whole_milliseconds());
        // `rate` per second equals `rate` thousandths per millisecond.
        let gained = u64::try_from(passed).unwrap_or(0).saturating_mul(self.rate);
        let left = left.saturating_add(gained).min(self.burst);
        let admits = left >= 1_000;
        *bucket = (if admits { left - 1_000 } else { left }, Some(now));
        admits
    }
}

/// The number of open connections.
#[derive(Default)]
pub(crate) struct Connections(Arc<AtomicU64>);

/// An open connection, which is counted until this value is dropped.
pub(crate) struct Connected(Arc<AtomicU64>);

impl Connections {
    /// Counts one more connection; returns `None` if `most` connections are already open.
    pub(crate) fn connect(&self, most: u64) -> Option<Connected> {
        let one_more = |open: u64| (open < most).then_some(open + 1);
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Connected(self.0.clone()))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn limit_can_only_be_made_smaller() {
        for (name, most, _) in NAMES {
            for value in [1, most] {
                let text = format!("{name}={value}");
                assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
            }
            for text in
                [format!("{name}=0"), format!("{name}={}", most + 1), format!("{name}=x"), name.to_owned()]
            {
                assert!(text.parse::<Limit>().is_err(), "{text}");
            }
        }
        assert!(
            "age".parse::<Limit>().is_err()
                && "size=1".parse::<Limit>().unwrap_err().0.contains("rows, bytes")
        );
        let limits =
            Limits::of(&[Limit::Rows(5), Limit::ConnectionLife(60), Limit::Rows(7), Limit::Age(u64::MAX)]);
        assert_eq!((limits.rows, limits.life.as_secs(), limits.age.as_secs()), (7, 60, 300));
        assert_eq!((limits.bytes, limits.connections), (10 << 20, 10_000));
    }

    #[test]
    fn connections_come_in_a_burst_and_then_at_their_rate() {
        let limits = Limits::of(&[Limit::ConnectionBurst(5), Limit::ConnectionRate(2)]);
        let admission = Admission::new(&limits);
        let start = datetime!(2026-01-01 00:00 UTC);
        let at = |milliseconds| start + time::Duration::milliseconds(milliseconds);
        assert_eq!((0..7).filter(|_| admission.admits(start)).count(), 5);
        assert!(!admission.admits(at(499)) && admission.admits(at(500)) && !admission.admits(at(501)));
        assert_eq!((0..9).filter(|_| admission.admits(at(60_000))).count(), 5, "no more than a burst");
        // Setting the clock back neither adds nor removes tokens.
        assert!(!admission.admits(start));
    }

    #[test]
    fn open_connections_are_counted() {
        let connections = Connections::default();
        let (one, two) = (connections.connect(2), connections.connect(2));
        assert!(one.is_some() && two.is_some() && connections.connect(2).is_none());
        drop(one);
        assert!(connections.connect(2).is_some());
    }
}

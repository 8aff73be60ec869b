//! The grammar of faults: failures of a cluster or of the network, which dsql-local causes on request.
//!
//! Input: texts such as `conflict=1`. Output: faults. With this grammar, `#[dsql_edge::test]` checks the texts in
//! `faults(…)`, and dsql-local reads its options and the `SET` of a session.

use std::fmt;
use std::str::FromStr;

/// A fault. As text: `latency=20`, `conflict=2`, `cut-before-commit=1`, `cut-after-commit=1`, `too-many-connections=1`,
/// `rate-exceeded=1`, `waking-up=3`, `drop-flight=1`, `expired-hour`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every answer is delayed by this number of milliseconds (at most 60,000). The delay ends when a client sets
    /// another list of faults.
    Latency(u64),
    /// The n-th commit from now fails with OC000: a COMMIT of a transaction that has written, or a write that commits
    /// by itself.
    Conflict(u64),
    /// The connection ends at the n-th commit from now, and this commit is not applied.
    CutBeforeCommit(u64),
    /// Counted from now, the n-th commit is applied, but the connection ends before the server answers the commit.
    CutAfterCommit(u64),
    /// The next n connections are rejected with SQLSTATE 53300, because the quota of connections is used up.
    TooManyConnections(u64),
    /// The next n connections are rejected with SQLSTATE 53400, because they are opened too fast.
    RateExceeded(u64),
    /// The next n connections are rejected because the cluster is waking up.
    WakingUp(u64),
    /// The next n connections process the login and drop the statements that are sent with the login, up to the Sync of
    /// these statements.
    DropFlight(u64),
    /// Every open connection counts as an hour old, so the server closes it as soon as it is not in a transaction.
    ExpiredHour,
}

/// The function that makes a fault of this kind from the number after `=`.
type FaultOf = fn(u64) -> Fault;

const NUMBERED: [(&str, FaultOf); 8] = [
    (LATENCY, Fault::Latency),
    ("conflict", Fault::Conflict),
    ("cut-before-commit", Fault::CutBeforeCommit),
    ("cut-after-commit", Fault::CutAfterCommit),
    ("too-many-connections", Fault::TooManyConnections),
    ("rate-exceeded", Fault::RateExceeded),
    ("waking-up", Fault::WakingUp),
    ("drop-flight", Fault::DropFlight),
];
const LATENCY: &str = "latency";
const EXPIRED_HOUR: &str = "expired-hour";
/// The text for an empty list of faults, in a session's `SET`.
pub const NONE: &str = "none";

/// The largest count.
const MOST: u64 = 1_000_000;
/// The longest latency of an answer, in milliseconds. Each step of a login has the same time limit.
pub const MOST_LATENCY: u64 = 60_000;

/// The error for a string that is not a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFault(String);

impl fmt::Display for InvalidFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for InvalidFault {}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Fault, InvalidFault> {
        if text == EXPIRED_HOUR {
            return Ok(Fault::ExpiredHour);
        }
        let (name, number) = text.split_once('=').unwrap_or((text, "1"));
        let Some((_, fault)) = NUMBERED.iter().find(|(known, _)| *known == name) else {
            let known = NUMBERED.iter().map(|(known, _)| *known).collect::<Vec<_>>().join("=N, ");
            return Err(InvalidFault(format!(
                "{name:?} is not a fault; the faults are {known}=N and {EXPIRED_HOUR}"
            )));
        };
        // A latency of 0 ms is allowed.
        let (least, most, unit) =
            if name == LATENCY { (0, MOST_LATENCY, " of milliseconds") } else { (1, MOST, "") };
        let number = number.parse().ok().filter(|number| (least..=most).contains(number));
        number
            .map(fault)
            .ok_or_else(|| InvalidFault(format!("{name} takes a number{unit} from {least} to {most}")))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Fault::Latency(number)
        | Fault::Conflict(number)
        | Fault::CutBeforeCommit(number)
        | Fault::CutAfterCommit(number)
        | Fault::TooManyConnections(number)
        | Fault::RateExceeded(number)
        | Fault::WakingUp(number)
        | Fault::DropFlight(number)) = *self
        else {
            return out.write_str(EXPIRED_HOUR);
        };
        let name = NUMBERED.iter().find(|(_, fault)| fault(number) == *self).map_or("", |(name, _)| name);
        write!(out, "{name}={number}")
    }
}

/// Reads `faults("conflict=1, latency=20", …)`, the lists of faults of a test.
///
/// # Errors
/// Returns an error for the first text that is not a fault, and if the sum of the latencies is too long. Also returns
/// an error for `expired-hour`, because this fault has no effect when a test begins.
pub fn of_lists<'t>(lists: impl IntoIterator<Item = &'t str>) -> Result<Vec<Fault>, InvalidFault> {
    let faults = parse(lists.into_iter().flat_map(|list| list.split(',')).map(str::trim))?;
    if faults.contains(&Fault::ExpiredHour) {
        return Err(InvalidFault(format!(
            "{EXPIRED_HOUR} ends open connections, and none is open when a test begins: in the test, send \
             SET dsql_local.fault = '{EXPIRED_HOUR}' with sql_unchecked!"
        )));
    }
    Ok(faults)
}

/// Parses these faults.
///
/// # Errors
/// Returns an error for the first text that is not a fault, or if the sum of the latencies is too long.
pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<Fault>, InvalidFault> {
    let faults = texts.into_iter().map(str::parse).collect::<Result<Vec<Fault>, _>>()?;
    if sum_of_latencies(&faults) > MOST_LATENCY {
        return Err(InvalidFault(format!("latencies add up to at most {MOST_LATENCY} milliseconds")));
    }
    Ok(faults)
}

/// Returns the sum of the latencies of faults, in milliseconds.
pub fn sum_of_latencies(faults: &[Fault]) -> u64 {
    let of = |fault: &Fault| if let Fault::Latency(late) = fault { *late } else { 0 };
    faults.iter().map(of).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn fault_texts_are_read_back_and_others_rejected() {
        for (name, fault) in NUMBERED {
            assert_eq!(name.parse(), Ok(fault(1)), "{name}");
            assert_eq!(fault(7).to_string().parse(), Ok(fault(7)));
        }
        assert_eq!(Fault::ExpiredHour.to_string().parse(), Ok(Fault::ExpiredHour));
        for text in
            ["", "none", "conflict=0", "conflict=x", "conflict=-1", "latency=60001", "rain", "expired-hour=1"]
        {
            assert!(text.parse::<Fault>().is_err(), "{text}");
            assert!(of_lists(["conflict=1", text]).is_err(), "{text}");
        }
        let longest = "latency takes a number of milliseconds from 0 to 60000";
        assert_eq!("latency=60001".parse::<Fault>().unwrap_err().to_string(), longest);
        let lists = of_lists(["conflict=2, latency=0", "waking-up"]).unwrap();
        assert_eq!(lists, [Fault::Conflict(2), Fault::Latency(0), Fault::WakingUp(1)]);
        assert_eq!(parse(["expired-hour"]).unwrap(), [Fault::ExpiredHour]);
        assert!(of_lists(["conflict=2, expired-hour"]).is_err());
        assert!(of_lists(["latency=60000", "latency=1"]).is_err());
    }
}

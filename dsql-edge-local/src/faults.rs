//! Faults on request: failures of a cluster or of the network, to test how a client handles them.
//!
//! Input: the requested faults, and the points at which they may take effect. Output: the fault that takes effect now.
//! Each fault takes effect once, except latency. All sessions of an endpoint share the faults. The grammar of a fault
//! (`conflict=1`) is in `dsql-edge-macro-input`, because `#[dsql_edge::test]` parses faults, too.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[doc(inline)]
pub use dsql_edge_macro_input::faults::{Fault, InvalidFault};
use dsql_edge_macro_input::faults::{MOST_LATENCY, NONE, sum_of_latencies};
use tokio::sync::Notify;

/// Parses the faults of a `SET`: a list, or `none`.
///
/// # Errors
/// Returns an error for the first name that is not a fault, or if the sum of the latencies is too long.
pub(crate) fn listed(text: &str) -> Result<Vec<Fault>, InvalidFault> {
    let is_none = |name: &&str| name.is_empty() || *name == NONE;
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !is_none(name)).collect();
    dsql_edge_macro_input::faults::parse(names)
}

/// The faults that have not taken effect yet.
#[derive(Default)]
pub(crate) struct Faults {
    coming: Mutex<Coming>,
    hour: Notify,
}

#[derive(Default)]
struct Coming {
    /// The faults of the last request.
    requested: Vec<Fault>,
    /// The faults in `requested` that are still pending. A fault such as `conflict=2` has a number, which each commit
    /// or connection reduces by one.
    pending: Vec<Fault>,
    /// The number of commits since the request.
    commits: u64,
}

/// A session's request for a list of faults. The value exists until PostgreSQL has answered the statement that made the
/// request. The request is undone if the statement fails or is skipped.
pub(crate) struct Requested {
    before: Coming,
    expires_hour: bool,
}

impl Requested {
    /// Combines this request with an earlier request whose statement PostgreSQL has not answered yet.
    pub(crate) fn after(self, earlier: Option<Requested>) -> Requested {
        match earlier {
            Some(Requested { before, expires_hour }) => {
                Requested { before, expires_hour: expires_hour || self.expires_hour }
            }
            None => self,
        }
    }
}

impl Faults {
    /// Replaces the pending faults.
    pub(crate) fn set(&self, faults: &[Fault]) {
        let requested = self.request(faults);
        self.accept(&requested);
    }

    /// Replaces the pending faults for a statement of a session. The statement may fail. The new faults apply at once,
    /// to the next statements of the session; only `expired-hour` takes effect later, in [`accept`](Faults::accept).
    pub(crate) fn request(&self, faults: &[Fault]) -> Requested {
        let pending = faults.iter().copied().filter(|fault| *fault != Fault::ExpiredHour).collect();
        let coming = Coming { requested: faults.to_vec(), pending, commits: 0 };
        let before = std::mem::replace(&mut *self.coming(), coming);
        Requested { before, expires_hour: faults.contains(&Fault::ExpiredHour) }
    }

    /// Completes a request whose statement has succeeded.
    pub(crate) fn accept(&self, requested: &Requested) {
        if requested.expires_hour {
            self.hour.notify_waiters();
        }
    }

    /// Undoes a request whose statement has failed or was skipped.
    pub(crate) fn undo(&self, requested: Requested) {
        *self.coming() = requested.before;
    }

    /// Takes the fault for a commit that is about to be sent. A cut before the commit takes precedence over a conflict.
    pub(crate) fn commits(&self) -> Option<Fault> {
        let mut coming = self.coming();
        coming.commits = coming.commits.saturating_add(1);
        for fault in &mut coming.pending {
            if let Fault::Conflict(left) | Fault::CutBeforeCommit(left) | Fault::CutAfterCommit(left) = fault
            {
                *left = left.saturating_sub(1);
            }
        }
        let due = [Fault::CutBeforeCommit(0), Fault::Conflict(0), Fault::CutAfterCommit(0)];
        let found = due.into_iter().find(|fault| coming.pending.contains(fault));
        coming.pending.retain(|fault| !due.contains(fault));
        found
    }

    /// Makes a fault pending again, because the statement for which the fault was taken does not commit.
    pub(crate) fn restore(&self, fault: Fault) {
        let mut coming = self.coming();
        coming.pending.push(fault);
        coming.commits = coming.commits.saturating_sub(1);
    }

    /// The requested faults that have never taken effect, each with the reason. A latency is never listed, because it
    /// has no end.
    pub(crate) fn unused(&self) -> Vec<String> {
        let Coming { requested, pending, commits } = &*self.coming();
        let of_a_commit = |fault: Fault| {
            format!("{fault} did not happen: the number of commits after writes was {commits}")
        };
        let unused = |fault: &Fault| match *fault {
            Fault::Conflict(left) => Some(of_a_commit(Fault::Conflict(left.saturating_add(*commits)))),
            Fault::CutBeforeCommit(left) => {
                Some(of_a_commit(Fault::CutBeforeCommit(left.saturating_add(*commits))))
            }
            Fault::CutAfterCommit(left) => {
                Some(of_a_commit(Fault::CutAfterCommit(left.saturating_add(*commits))))
            }
            Fault::Latency(_) => None,
            // A fault such as `waking-up=3` affects up to three connections, but counts as used after one connection,
            // because the client may then stop trying to connect.
            fault => requested
                .contains(&fault)
                .then(|| format!("{fault} did not happen: no connection was opened after the request")),
        };
        pending.iter().filter_map(unused).collect()
    }

    /// The pending faults, as text.
    pub(crate) fn list(&self) -> String {
        match self.coming().pending.as_slice() {
            [] => NONE.to_owned(),
            faults => faults.iter().map(Fault::to_string).collect::<Vec<_>>().join(", "),
        }
    }

    /// Takes the fault for a connection that is opened.
    pub(crate) fn connects(&self) -> Option<Fault> {
        let coming = &mut self.coming().pending;
        let at = coming.iter().position(|fault| {
            matches!(fault, Fault::TooManyConnections(_) | Fault::RateExceeded(_) | Fault::WakingUp(_))
        })?;
        let found = coming.get(at).copied();
        if let Some(Fault::TooManyConnections(left) | Fault::RateExceeded(left) | Fault::WakingUp(left)) =
            coming.get_mut(at)
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                coming.remove(at);
            }
        }
        found
    }

    /// Whether a connection drops the statements that were sent with its login.
    pub(crate) fn drops_flight(&self) -> bool {
        let coming = &mut self.coming().pending;
        let Some(at) = coming.iter().position(|fault| matches!(fault, Fault::DropFlight(_))) else {
            return false;
        };
        match coming.get_mut(at) {
            Some(Fault::DropFlight(left @ 2..)) => *left -= 1,
            _ => drop(coming.remove(at)),
        }
        true
    }

    /// The latency of answers.
    pub(crate) fn latency(&self) -> Duration {
        // The sum has a maximum, because a test in Rust may set any number of milliseconds.
        Duration::from_millis(sum_of_latencies(&self.coming().pending).min(MOST_LATENCY))
    }

    /// Waits until the fault `expired-hour` is set.
    pub(crate) async fn hour(&self) {
        self.hour.notified().await;
    }

    fn coming(&self) -> MutexGuard<'_, Coming> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_a_set_are_listed_back() {
        let list = listed(" conflict=2,latency=5 , expired-hour").unwrap();
        assert_eq!(list, [Fault::Conflict(2), Fault::Latency(5), Fault::ExpiredHour]);
        let faults = Faults::default();
        faults.set(&list);
        assert_eq!(faults.list(), "conflict=2, latency=5");
        faults.restore(Fault::CutAfterCommit(1));
        assert_eq!(faults.list(), "conflict=2, latency=5, cut-after-commit=1");
        faults.set(&[]);
        assert_eq!(faults.list(), NONE);
        assert!(listed("").unwrap().is_empty() && listed("none").unwrap().is_empty());
        assert_eq!(listed("latency=0, conflict").unwrap(), [Fault::Latency(0), Fault::Conflict(1)]);
        assert!(listed("rain").is_err());
        assert!(listed("latency=60000").is_ok() && listed("latency=60000, latency=1").is_err());
    }

    #[test]
    fn fault_that_never_took_effect_is_unused() {
        let faults = Faults::default();
        assert_eq!(faults.unused(), [""; 0]);
        faults.set(&[Fault::Conflict(1), Fault::Conflict(3), Fault::WakingUp(2), Fault::Latency(5)]);
        let waking_up = "waking-up=2 did not happen: no connection was opened after the request";
        assert_eq!(
            faults.unused(),
            [
                "conflict=1 did not happen: the number of commits after writes was 0",
                "conflict=3 did not happen: the number of commits after writes was 0",
                waking_up
            ]
        );
        assert_eq!(faults.commits(), Some(Fault::Conflict(0)));
        assert_eq!(
            faults.unused(),
            ["conflict=3 did not happen: the number of commits after writes was 1", waking_up]
        );
        // A fault for several connections counts as used after one connection.
        faults.connects();
        assert_eq!(faults.unused(), ["conflict=3 did not happen: the number of commits after writes was 1"]);
        assert_eq!([faults.commits(), faults.commits()], [None, Some(Fault::Conflict(0))]);
        assert_eq!(faults.unused(), [""; 0]);
        // The statement of the commit failed, so neither the commit nor the fault has happened.
        faults.restore(Fault::Conflict(1));
        assert_eq!(faults.unused(), ["conflict=3 did not happen: the number of commits after writes was 2"]);
        let requested = faults.request(&[Fault::CutAfterCommit(1), Fault::DropFlight(1)]);
        assert_eq!(faults.unused().len(), 2);
        faults.undo(requested);
        assert_eq!(faults.unused(), ["conflict=3 did not happen: the number of commits after writes was 2"]);
    }

    #[test]
    fn each_fault_takes_effect_once_when_due() {
        let faults = Faults::default();
        faults.set(&[
            Fault::Conflict(2),
            Fault::CutAfterCommit(1),
            Fault::CutBeforeCommit(2),
            Fault::Conflict(3),
        ]);
        let comes = [(); 4].map(|()| faults.commits());
        let (after, before) = (Fault::CutAfterCommit(0), Fault::CutBeforeCommit(0));
        assert_eq!(comes, [Some(after), Some(before), Some(Fault::Conflict(0)), None]);
        faults.set(&[Fault::WakingUp(2), Fault::Latency(5), Fault::TooManyConnections(1), Fault::Latency(2)]);
        assert_eq!(faults.commits(), None);
        let comes = [(); 4].map(|()| faults.connects());
        let full = Fault::TooManyConnections(1);
        assert_eq!(comes, [Some(Fault::WakingUp(2)), Some(Fault::WakingUp(1)), Some(full), None]);
        assert_eq!(faults.latency(), Duration::from_millis(7));
        faults.set(&[Fault::Latency(u64::MAX), Fault::Latency(1), Fault::Conflict(0), Fault::WakingUp(0)]);
        assert_eq!(faults.latency(), Duration::from_millis(MOST_LATENCY));
        assert_eq!(
            (faults.commits(), faults.connects()),
            (Some(Fault::Conflict(0)), Some(Fault::WakingUp(0)))
        );
        faults.set(&[Fault::DropFlight(2)]);
        assert_eq!([(); 3].map(|()| faults.drops_flight()), [true, true, false]);
        faults.set(&[]);
        assert_eq!(faults.latency(), Duration::ZERO);
    }
}

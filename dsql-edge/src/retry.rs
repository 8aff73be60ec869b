//! What may run again, and when. Pure: facts in, a rule out; nothing is awaited here, and no error's text is read
//! (before the server has let us in, `refusal.rs` has read it).
//!
//! A rule is decided by how far it had come: what was handed to the writer, and what had been received.
//!
//! | rule | what happened | what became of it | again |
//! |---|---|---|---|
//! | R0 | it could not be sent: a value, a setting, a certificate, no TLS, a socket of another request | nothing | no |
//! | R1 | no connection, and nothing of the query handed over | nothing | twice, after 50–250 ms |
//! | R2 | refused before the login was done; or the server dropped what came behind the login | nothing | by the refusal |
//! | R3 | lost in the login, with reads or an open transaction handed over | nothing | twice, after 50–250 ms |
//! | R4 | lost in the login, with a COMMIT or a write of its own handed over | unknown | with a key |
//! | R5 | lost in a transaction, before COMMIT was handed over | nothing | the transaction, on a new connection |
//! | R6 | 40001, OC000, OC001, wherever | nothing | the transaction, after a pause that grows |
//! | R7 | lost with a COMMIT or a write of its own handed over | unknown | with a key |
//! | R8 | the server's answer leaves a COMMIT or a write of its own open: see [`Signal::Unsure`] | unknown | with a key |
//! | R9 | any other error of the server | nothing | no |
//! | R10 | a kept connection turns out to be dead before anything was handed over | nothing | once, at once |
//! | R10b | lost with reads handed over | nothing | twice, after 50–250 ms |
//! | R11 | R4, R7 or R8, and the transaction has an idempotency key | resolved | the transaction, with the key |
//! | R12 | no protocol; the future dropped, or polled in another request; BEGIN or COMMIT in a statement | as if lost | no |
//!
//! Before TLS the server sends one byte. EOF or RST there, and `E` (an error: PostgreSQL sends it when it cannot start
//! a process), are R1; `N` (no TLS), anything else, and more than one byte are R0.
//!
//! Attempts are counted ([`Attempts`]), end with a deadline, and draw on a [`Budget`] that all of them share.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::millis::Millis;
use crate::refusal::Refusal;

/// How far a flight had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Nothing of it was handed to the writer.
    Nothing,
    /// It was handed over together with the login, whose end has not been heard of.
    Login,
    /// The server had let us in.
    Session,
}

/// What was handed over, by what may become of it when the answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// The compiler knows that nothing in it writes.
    Reads,
    /// Statements of a transaction, without its COMMIT.
    Transaction,
    /// A COMMIT, or a write that commits by itself.
    Commit,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Nothing was sent, and nothing will be: an argument, a setting, TLS, another request's socket.
    Local,
    /// The server refused the login. `pipelined`: with a password it had not asked for yet.
    Refused { refusal: Refusal, pipelined: bool },
    /// The connection broke, or never was.
    Lost,
    /// It took too long.
    Timeout,
    /// Another transaction got there first.
    Conflict,
    /// An error after which the outcome of a commit is not known: 40003, 08007, an error of the system (XX, 58, 08)
    /// where the server may have committed, any error behind the answer to COMMIT, or a FATAL error. The server may
    /// have committed before it ended the session, and nothing follows a FATAL error.
    Unsure,
    /// A part of the server is not available (XX000), and nothing was committed.
    Unavailable,
    /// Any other error of the server.
    Answered,
    /// What came is not the protocol.
    Protocol,
    /// Another request polls the future: it has no access to the I/O of the first one.
    Stranded,
    /// A statement began or ended a transaction by itself.
    TransactionState,
}

/// A failed flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) reached: Reached,
    pub(crate) payload: Payload,
    pub(crate) signal: Signal,
    /// The connection had served another flight before.
    pub(crate) kept: bool,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table above")]
pub(crate) enum Rule {
    R0,
    R1,
    R2 { refusal: Refusal, pipelined: bool },
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    R10b,
    R12 { unknown: bool },
}

impl Failed {
    pub(crate) fn rule(&self) -> Rule {
        use Reached::{Login, Nothing, Session};
        use Signal::{
            Answered, Conflict, Local, Lost, Protocol, Refused, Stranded, Timeout, TransactionState,
            Unavailable, Unsure,
        };
        let commit = self.payload == Payload::Commit;
        match (self.signal, self.reached) {
            (Local, _) => Rule::R0,
            (Refused { refusal, pipelined }, _) => Rule::R2 { refusal, pipelined },
            (Conflict, _) => Rule::R6,
            (Answered, _) => Rule::R9,
            (Stranded, Nothing) => Rule::R0,
            (Protocol | Stranded, reached) => Rule::R12 { unknown: commit && reached != Nothing },
            // A COMMIT among the statements commits what came before it.
            (TransactionState, _) => Rule::R12 { unknown: self.payload != Payload::Reads },
            (Lost, Nothing) if self.kept => Rule::R10,
            (Lost | Timeout, Nothing) => Rule::R1,
            (Lost | Timeout, Login) if commit && seeded!(RetriesWriteInLogin) => Rule::R3,
            (Lost | Timeout, Login) if commit => Rule::R4,
            (Lost | Timeout, Session) if commit => Rule::R7,
            (Unsure, _) if commit => Rule::R8,
            (Unavailable, _) if commit => Rule::R9,
            // A timeout is never retried: the caller's deadline has passed.
            (Timeout, _) => Rule::R12 { unknown: false },
            (Lost, Login) => Rule::R3,
            (Lost | Unavailable | Unsure, _) if self.payload == Payload::Transaction => Rule::R5,
            (Lost | Unavailable | Unsure, _) => Rule::R10b,
        }
    }
}

/// How long to wait before it runs again: somewhere between the two, at random, so that those who failed together do
/// not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    from: u32,
    to: u32,
}

impl Pause {
    const NONE: Pause = Pause::millis(0, 0);

    const fn millis(from: u32, to: u32) -> Self {
        Pause { from, to }
    }

    /// One of the durations, chosen by any number.
    pub(crate) fn chosen_by(self, random: u64) -> Millis {
        // Never 0, which `%` would have to look at.
        let span = Millis::from(self.to - self.from) + 1;
        Millis::from(self.from) + random.checked_rem(span).unwrap_or(0)
    }
}

impl Rule {
    /// Whether the server understands a login only if the client waits for each answer.
    pub(crate) fn wants_serial_login(self) -> bool {
        matches!(self, Rule::R2 { refusal: Refusal::Protocol, pipelined: true })
    }

    /// Whether a write may have happened, or not: nobody knows.
    pub(crate) fn leaves_unknown(self) -> bool {
        matches!(self, Rule::R4 | Rule::R7 | Rule::R8 | Rule::R12 { unknown: true })
            && !seeded!(DeniesUnknownOutcome)
    }

    /// Whether another time it may go well.
    pub(crate) fn is_transient(self) -> bool {
        !matches!(self, Rule::R0 | Rule::R9 | Rule::R12 { .. }) && !self.leaves_unknown()
    }
}

/// What has been tried so far: of one query, one pipeline, one transaction.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// With the first one.
    max: u32,
    done: u32,
    losses: u32,
    signed_anew: bool,
    serially: bool,
    replaced: bool,
}

/// Milliseconds of silence behind a pipelined login after which the server is asked whether it has the flight: longer
/// than most queries take, so that few pay the five bytes.
pub(crate) const PROBE_AFTER: Millis = 2_000;

/// How often a connection that broke, or never came, is made again.
const LOSSES: u32 = 2;

impl Attempts {
    /// At most so many, with the first one.
    pub(crate) fn new(max: u32) -> Self {
        Attempts { max, done: 0, losses: 0, signed_anew: false, serially: false, replaced: false }
    }

    /// How many there have been, apart from the first.
    pub(crate) fn retries(&self) -> u32 {
        self.done
    }

    /// Whether, after it failed like this, it may run again. `resolvable`: it is a transaction with an idempotency key.
    pub(crate) fn after(&mut self, rule: Rule, resolvable: bool, budget: &[&Budget]) -> Option<Pause> {
        let pause = match rule {
            Rule::R0 | Rule::R9 | Rule::R12 { unknown: false } => return None,
            Rule::R10 => once(&mut self.replaced).then_some(Pause::NONE)?,
            Rule::R1 | Rule::R3 | Rule::R10b => {
                self.losses += 1;
                (self.losses <= LOSSES).then_some(Pause::millis(50, 250))?
            }
            Rule::R2 { refusal, pipelined } => self.after_refusal(refusal, pipelined)?,
            Rule::R5 => Pause::millis(50, 250),
            Rule::R6 => conflict_pause(self.done),
            // R11: only the key's own row can tell.
            Rule::R4 | Rule::R7 | Rule::R8 | Rule::R12 { unknown: true } => {
                (resolvable || seeded!(RetriesAfterCommit)).then_some(Pause::millis(50, 250))?
            }
        };
        if self.done + 1 >= self.max || !budget.iter().all(|it| it.take()) {
            return None;
        }
        self.done += 1;
        Some(pause)
    }

    /// Takes back the last attempt, which was allowed and then not made.
    pub(crate) fn take_back(&mut self) {
        self.done = self.done.saturating_sub(1);
    }

    fn after_refusal(&mut self, refusal: Refusal, pipelined: bool) -> Option<Pause> {
        match refusal {
            Refusal::SignatureExpired => once(&mut self.signed_anew).then_some(Pause::NONE),
            Refusal::Protocol if pipelined => once(&mut self.serially).then_some(Pause::NONE),
            Refusal::RateExceeded | Refusal::WakingUp => Some(Pause::millis(500, 2000)),
            Refusal::TooManyConnections => Some(Pause::millis(200, 1000)),
            _ => None,
        }
    }
}

fn once(done: &mut bool) -> bool {
    !core::mem::replace(done, true)
}

/// From nothing up to 5 ms, then 10, 20 … and 500 at the most.
fn conflict_pause(retries: u32) -> Pause {
    Pause::millis(0, 5_u32.checked_shl(retries).map_or(500, |to| to.min(500)))
}

/// What all retries draw on, so that a server in trouble is not asked twice as much: a tenth of a retry for every
/// query, and some to begin with. Plain counters: it may be shared by all requests of an isolate.
#[derive(Debug)]
pub(crate) struct Budget {
    tenths: AtomicU32,
    most: u32,
}

impl Budget {
    /// So many retries to begin with, and never more than that saved up.
    pub(crate) const fn of(retries: u32) -> Self {
        Budget { tenths: AtomicU32::new(retries * 10), most: retries * 10 }
    }

    /// A query has begun.
    pub(crate) fn earn(&self) {
        let _ = self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
            (tenths < self.most).then_some(tenths + 1)
        });
    }

    /// A retry, if there is one left.
    fn take(&self) -> bool {
        self.tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| tenths.checked_sub(10))
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REACHED: [Reached; 3] = [Reached::Nothing, Reached::Login, Reached::Session];
    const PAYLOADS: [Payload; 3] = [Payload::Reads, Payload::Transaction, Payload::Commit];

    fn rule(signal: Signal, reached: Reached, payload: Payload) -> Rule {
        Failed { reached, payload, signal, kept: false }.rule()
    }

    #[test]
    fn the_table() {
        use Payload::{Commit, Reads, Transaction};
        use Reached::{Login, Nothing, Session};
        use Signal::*;
        let rows = [
            (Local, Nothing, Commit, Rule::R0),
            (Lost, Nothing, Commit, Rule::R1),
            (Timeout, Nothing, Reads, Rule::R1),
            (Lost, Login, Reads, Rule::R3),
            (Lost, Login, Transaction, Rule::R3),
            (Lost, Login, Commit, Rule::R4),
            (Timeout, Login, Commit, Rule::R4),
            (Lost, Session, Transaction, Rule::R5),
            (Unsure, Session, Transaction, Rule::R5),
            (Unavailable, Session, Transaction, Rule::R5),
            (Conflict, Session, Reads, Rule::R6),
            (Conflict, Session, Transaction, Rule::R6),
            (Conflict, Session, Commit, Rule::R6),
            (Lost, Session, Commit, Rule::R7),
            (Timeout, Session, Commit, Rule::R7),
            (Unsure, Session, Commit, Rule::R8),
            (Answered, Session, Commit, Rule::R9),
            (Answered, Session, Reads, Rule::R9),
            (Unavailable, Session, Commit, Rule::R9),
            (Stranded, Nothing, Commit, Rule::R0),
            (Stranded, Session, Commit, Rule::R12 { unknown: true }),
            (Stranded, Session, Transaction, Rule::R12 { unknown: false }),
            (TransactionState, Session, Transaction, Rule::R12 { unknown: true }),
            (TransactionState, Session, Reads, Rule::R12 { unknown: false }),
            (Lost, Session, Reads, Rule::R10b),
            (Protocol, Session, Commit, Rule::R12 { unknown: true }),
            (Protocol, Login, Commit, Rule::R12 { unknown: true }),
            (Protocol, Session, Transaction, Rule::R12 { unknown: false }),
        ];
        for (signal, reached, payload, expected) in rows {
            assert_eq!(rule(signal, reached, payload), expected, "{signal:?} {reached:?} {payload:?}");
        }
        let kept = Failed { reached: Nothing, payload: Commit, signal: Lost, kept: true };
        assert_eq!(kept.rule(), Rule::R10);
    }

    /// The promise of the table, whatever its rows: a write that may have happened never runs again by itself.
    #[test]
    fn what_may_have_committed_runs_again_only_with_a_key() {
        let refusal = Signal::Refused { refusal: Refusal::WakingUp, pipelined: true };
        let lossy = [Signal::Lost, Signal::Timeout, Signal::Unsure, Signal::Protocol, Signal::Stranded];
        let definite = [Signal::Local, Signal::Conflict, Signal::Unavailable, Signal::Answered, refusal];
        for reached in REACHED {
            for payload in PAYLOADS {
                for signal in lossy {
                    let rule = rule(signal, reached, payload);
                    let may_have = payload == Payload::Commit && reached != Reached::Nothing;
                    // The server says so only of what it has seen.
                    let may_have = may_have || (signal == Signal::Unsure && payload == Payload::Commit);
                    assert_eq!(rule.leaves_unknown(), may_have, "{signal:?} {reached:?} {payload:?}");
                    let again = Attempts::new(5).after(rule, false, &[]);
                    assert!(!may_have || again.is_none(), "{signal:?} {reached:?} {payload:?}");
                    assert!(!may_have || Attempts::new(5).after(rule, true, &[]).is_some());
                }
                for signal in definite {
                    assert!(!rule(signal, reached, payload).leaves_unknown(), "{signal:?}");
                }
            }
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut attempts = Attempts::new(5);
        let pauses: Vec<_> =
            core::iter::from_fn(|| attempts.after(Rule::R6, false, &[])).map(|it| it.to).collect();
        assert_eq!(pauses, [5, 10, 20, 40]);
        assert_eq!(conflict_pause(30), Pause::millis(0, 500));
        assert_eq!(conflict_pause(99), Pause::millis(0, 500));

        let pause = Pause::millis(50, 250);
        assert_eq!((pause.chosen_by(0), pause.chosen_by(200)), (50, 250));
        for random in [1, 7, u64::MAX, 201, 202] {
            assert!((50..=250).contains(&pause.chosen_by(random)));
        }
        assert_eq!(Pause::NONE.chosen_by(u64::MAX), 0);
    }

    #[test]
    fn each_rule_has_its_own_measure() {
        let times = |rule, most| {
            let mut attempts = Attempts::new(most);
            core::iter::from_fn(|| attempts.after(rule, false, &[])).count()
        };
        assert_eq!(times(Rule::R6, 5), 4);
        assert_eq!(times(Rule::R6, 1), 0);
        assert_eq!(times(Rule::R1, 5), 2);
        assert_eq!(times(Rule::R3, 2), 1);
        assert_eq!(times(Rule::R10, 5), 1);
        assert_eq!(times(Rule::R9, 5), 0);
        let refused = |refusal| Rule::R2 { refusal, pipelined: true };
        assert_eq!(times(refused(Refusal::SignatureExpired), 5), 1);
        assert_eq!(times(refused(Refusal::WakingUp), 9), 8);
        assert_eq!(times(refused(Refusal::AccessDenied), 5), 0);
        assert_eq!(times(refused(Refusal::Protocol), 5), 1);
        assert_eq!(times(Rule::R2 { refusal: Refusal::Protocol, pipelined: false }, 5), 0);
        let mut attempts = Attempts::new(5);
        assert!(attempts.after(refused(Refusal::Protocol), false, &[]).is_some());
        assert!(attempts.after(refused(Refusal::Protocol), false, &[]).is_none());
    }

    #[test]
    fn a_budget_is_shared_and_fills_up_by_a_tenth() {
        let (own, all) = (Budget::of(2), Budget::of(3));
        let retry = |own: &Budget| Attempts::new(5).after(Rule::R6, false, &[own, &all]).is_some();
        assert!(retry(&own) && retry(&own) && !retry(&own));
        assert!(retry(&Budget::of(2)) && !retry(&Budget::of(2)));
        for _ in 0..10 {
            own.earn();
            all.earn();
        }
        assert!(retry(&own) && !retry(&own));
        for _ in 0..1000 {
            all.earn();
        }
        assert_eq!(all.tenths.load(Ordering::Relaxed), 30);
    }
}

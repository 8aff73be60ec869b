//! Decides whether a statement runs again after a failure, and which outcome of a write is reported. The decision is a
//! pure function from facts to a [`Rule`].
//!
//! Input: the [`FailureFacts`] of a flight. Output: the rule for the flight, the [`Pause`] before another attempt, and
//! the outcome. Nothing is awaited here, and the text of an error is not read (`login_rejection.rs` has read it for a
//! rejected login).
//!
//! # Invariants
//!
//! - A write whose outcome is unknown is sent again only if an idempotency key resolves the outcome.
//! - The outcome of a rejected statement is never reported as unknown. A statement that may have been executed is never
//!   reported as rejected.
//! - Every retry is counted ([`Attempts`]), is taken from two budgets (the [`Budget`] of the client's connections, and
//!   the one that all requests share), and has a deadline.
//!
//! # The table
//!
//! Three facts decide: the *signal* (the kind of failure), the point that the flight had *reached* (which bytes had
//! been given to the transport or received), and the *payload* (whether a lost answer leaves the outcome open).
//!
//! | | rule | what happened | what is known | again |
//! |---|---|---|---|---|
//! | R0 | `NotSent` | the flight could not be sent: a value, a setting, a certificate, no TLS, a socket of another request | nothing happened | no |
//! | R1 | `NotConnected` | no connection, and nothing of the query was sent | nothing happened | twice, after 50–250 ms |
//! | R1b | `DirectTlsRejected` | the first connection with direct TLS ended before the server sent a byte, and no COMMIT or autocommit write was sent on it | nothing happened | once, at once, with SSLRequest |
//! | R2 | `LoginRejected` | rejected before the login ended; or, after the login, the server dropped the flight that was sent with it | nothing happened | by the [`LoginRejection`] |
//! | R3 | `LostDuringLogin` | lost during the login, with reads or a part of a transaction sent | nothing happened | twice, after 50–250 ms |
//! | R4 | `CommitLostDuringLogin` | lost or timed out during the login, with a COMMIT or an autocommit write sent | unknown | with a key |
//! | R5 | `TransactionLost` | lost in a transaction, before COMMIT was sent; there also [`Signal::Unsure`] and [`Signal::Unavailable`] | nothing happened | the transaction, on a new connection |
//! | R6 | `Conflict` | 40001, OC000, OC001; 40P01 of a PostgreSQL, which ends a deadlock; at any point | nothing happened | the transaction, after a growing pause |
//! | R7 | `CommitLost` | lost or timed out with a COMMIT or an autocommit write sent | unknown | with a key |
//! | R8 | `CommitUnsure` | the server's answer leaves a COMMIT or an autocommit write open: [`Signal::Unsure`] | unknown | with a key |
//! | R9 | `StatementRejected` | any other error of the server | nothing happened | no |
//! | R10 | `StaleConnection` | an idle connection turns out to be dead before anything was sent | nothing happened | once, at once |
//! | R10b | `ReadsLost` | lost with reads sent; for reads also [`Signal::Unsure`] and [`Signal::Unavailable`] | nothing happened | twice, after 50–250 ms |
//! | R11 | | R4, R7, R8, or R12 with an unknown outcome, of a transaction with an idempotency key | the key resolves the outcome | the transaction, with the key |
//! | R12 | `Abandoned` | a violation of the protocol; a timeout without a COMMIT or autocommit write; the future polled in another request; BEGIN or COMMIT in a statement | the same as for a lost connection; but unknown for BEGIN or COMMIT in a statement of a transaction | no |
//!
//! Before TLS the server sends one byte. Three results are R1: EOF, RST, and `E` (the error that PostgreSQL sends when
//! it cannot start a process). All other results are R0: `N` (no TLS), any other byte, and more than one byte.
//!
//! # A worked example
//!
//! A cold `UPDATE` is sent together with the login. The connection breaks before ReadyForQuery of the login. The signal
//! is `Lost`, the flight reached `Login`, and its payload is `Commit`, because the statement commits by itself. The
//! server may have read the whole flight. So this is R4: the outcome is unknown, and the flight is not sent again. If
//! the statement is a `SELECT`, the same broken connection is R3, because a second run of a `SELECT` does no harm. In a
//! transaction, the same broken connection is also R3: COMMIT was not sent, so nothing can have been committed.
//!
//! # The rejected design
//!
//! AWS's connectors decide only by SQLSTATE: 40001 runs again, and every other error is returned to the caller. A lost
//! connection has no SQLSTATE, and an obvious design would send each statement again that failed with a connection
//! error. But that design runs an `INSERT` twice if only the answer to the `INSERT` was lost. A check whether
//! CommandComplete has arrived does not help: in the extended protocol an autocommit statement commits at Sync, after
//! CommandComplete (`exec_execute_message` and `finish_xact_command` in PostgreSQL's `tcop/postgres.c`), and DSQL sends
//! 40001 at Sync.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::direct_tls::DirectTls;
use crate::login_rejection::LoginRejection;
use crate::millis::Millis;

/// The point that a flight had reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// No byte of the flight was given to the transport.
    Nothing,
    /// The flight was sent together with the login, and the end of the login was not received.
    Login,
    /// The server had accepted the login.
    Session,
}

/// The kind of statements that a flight contains. If the answer is lost, the kind decides which rule of the table
/// applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Statements that do not write, as the compiler has proved.
    Reads,
    /// Statements of a transaction, without its COMMIT.
    Transaction,
    /// A COMMIT, or an autocommit write.
    Commit,
}

/// The kind of the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Nothing was sent, and another attempt would fail in the same way. The cause is an argument, a setting, TLS, or
    /// another request's socket.
    Local,
    /// The server rejected the login. `pipelined`: the password was sent before the server requested it.
    LoginRejected { rejection: LoginRejection, pipelined: bool },
    /// The connection broke, or was never opened.
    Lost,
    /// A connection whose TLS was direct ended before the server sent a byte, and the endpoint has not accepted direct
    /// TLS before.
    DirectTlsRejected(DirectTls),
    /// A time limit was exceeded.
    Timeout,
    /// Another transaction committed a conflicting change first, or waits for a lock of this one (a deadlock).
    Conflict,
    /// An error after which the outcome of a commit is not known. There are four cases:
    ///
    /// - the SQLSTATE is 40003 or 08007;
    /// - the SQLSTATE has the class of a system failure (XX, 58, 08), and the server may have committed;
    /// - the error arrived after the answer to COMMIT;
    /// - the error is FATAL: nothing follows it, and the server may have committed before it ended the session.
    Unsure,
    /// A part of the server is not available (XX000), and nothing was committed.
    Unavailable,
    /// Any other error of the server.
    Answered,
    /// The server violated the protocol.
    Protocol,
    /// A request polls the future, but has no access to the future's I/O, because another request began this I/O.
    Stranded,
    /// A statement began or ended a transaction by itself.
    TransactionState,
}

/// The properties of a failed flight that decide whether the flight runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FailureFacts {
    pub(crate) reached: Reached,
    pub(crate) payload: Payload,
    pub(crate) signal: Signal,
    /// Whether an earlier flight had already been sent on the same connection.
    pub(crate) kept: bool,
}

/// The rule for a failed flight: a row of the table in this module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    NotSent,
    NotConnected,
    DirectTlsRejected(DirectTls),
    LoginRejected { rejection: LoginRejection, pipelined: bool },
    LostDuringLogin,
    CommitLostDuringLogin,
    TransactionLost,
    Conflict,
    CommitLost,
    CommitUnsure,
    StatementRejected,
    StaleConnection,
    ReadsLost,
    Abandoned { unknown: bool },
}

impl FailureFacts {
    pub(crate) fn rule(&self) -> Rule {
        use Payload::{Commit, Reads, Transaction};
        use Reached::{Login, Nothing, Session};
        use Signal::*;
        match (self.signal, self.reached, self.payload) {
            (Local, _, _) | (Stranded, Nothing, _) => Rule::NotSent,
            (LoginRejected { rejection, pipelined }, _, _) => Rule::LoginRejected { rejection, pipelined },
            (Conflict, _, _) => Rule::Conflict,
            (Answered, _, _) | (Unavailable, _, Commit) => Rule::StatementRejected,

            // If the endpoint has not accepted direct TLS before, a flight that commits is sent only after the login.
            // If such a flight was nevertheless sent before the end of the login, it is treated as lost.
            (DirectTlsRejected(direct), Nothing, _) => Rule::DirectTlsRejected(direct),
            (DirectTlsRejected(direct), _, Reads | Transaction) => Rule::DirectTlsRejected(direct),
            (DirectTlsRejected(direct), _, Commit) if seeded!(TrustsRejection) => {
                Rule::DirectTlsRejected(direct)
            }
            (DirectTlsRejected(_), _, Commit) => Rule::CommitLostDuringLogin,
            (Lost, Nothing, _) if self.kept => Rule::StaleConnection,
            (Lost | Timeout, Nothing, _) => Rule::NotConnected,
            (Lost, Login, Commit) if seeded!(RetriesWriteInLogin) => Rule::LostDuringLogin,
            (Lost | Timeout, Login, Commit) => Rule::CommitLostDuringLogin,
            (Lost, Login, Reads | Transaction) => Rule::LostDuringLogin,
            (Lost | Timeout, Session, Commit) => Rule::CommitLost,
            (Unsure, _, Commit) => Rule::CommitUnsure,
            (Lost, Session, Transaction) | (Unsure | Unavailable, _, Transaction) => Rule::TransactionLost,
            (Lost, Session, Reads) | (Unsure | Unavailable, _, Reads) => Rule::ReadsLost,

            // A timeout after the flight was sent is never retried: the caller's deadline has passed.
            (Timeout, Login | Session, Reads | Transaction) => Rule::Abandoned { unknown: false },
            (Protocol, Nothing, _) => Rule::Abandoned { unknown: false },
            (Protocol | Stranded, Login | Session, Reads | Transaction) => Rule::Abandoned { unknown: false },
            (Protocol | Stranded, Login | Session, Commit) => Rule::Abandoned { unknown: true },
            // The outcome is unknown, because a COMMIT among the statements commits the statements before it.
            (TransactionState, _, Transaction | Commit) => Rule::Abandoned { unknown: true },
            (TransactionState, _, Reads) => Rule::Abandoned { unknown: false },
        }
    }
}

/// The pause before another attempt: a random time within a range, so that clients that failed at the same time do not
/// retry at the same time.
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

    /// A duration within the range, chosen by a random number.
    pub(crate) fn chosen_by(self, random: u64) -> Millis {
        let choices = NonZeroU64::MIN.saturating_add(Millis::from(self.to - self.from));
        Millis::from(self.from) + random % choices
    }
}

impl Rule {
    /// Whether the next login must wait for each answer, because the server did not understand a pipelined login.
    pub(crate) fn wants_serial_login(self) -> bool {
        matches!(self, Rule::LoginRejected { rejection: LoginRejection::Protocol, pipelined: true })
    }

    /// Whether the outcome of a write is unknown: the write may have been executed.
    pub(crate) fn leaves_unknown(self) -> bool {
        let unknown = match self {
            Rule::CommitLostDuringLogin | Rule::CommitLost | Rule::CommitUnsure => true,
            Rule::Abandoned { unknown } => unknown,
            _ => false,
        };
        unknown && !seeded!(DeniesUnknownOutcome)
    }

    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(self) -> bool {
        let is_permanent = matches!(self, Rule::NotSent | Rule::StatementRejected | Rule::Abandoned { .. });
        !is_permanent && !self.leaves_unknown()
    }
}

/// The attempts so far of a query, a pipeline or a transaction.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// The maximum number of attempts, including the first; [`Attempts::renew`] increases this number.
    max: u32,
    /// The maximum number of attempts for each part of the operation.
    each: u32,
    done: u32,
    losses: u32,
    signed_again: bool,
    serially: bool,
    replaced: bool,
    /// Whether a rejection of direct TLS has already led to another attempt.
    requested_tls: bool,
}

/// If a server sends nothing for this many milliseconds after a pipelined login, a probe checks whether the server has
/// the flight. Most queries take less time, so that the probe, which has five bytes, is sent for few queries.
pub(crate) const PROBE_AFTER: Millis = 2_000;

/// The maximum number of times that a connection is opened again after it broke or could not be opened.
const LOSSES: u32 = 2;

impl Attempts {
    /// At most `max` attempts, including the first.
    pub(crate) fn new(max: u32) -> Self {
        Attempts {
            max,
            each: max,
            done: 0,
            losses: 0,
            signed_again: false,
            serially: false,
            replaced: false,
            requested_tls: false,
        }
    }

    /// The number of attempts after the first.
    pub(crate) fn retries(&self) -> u32 {
        self.done
    }

    /// Returns the pause before another attempt, or `None` if no attempt follows. `resolvable`: the attempts are those
    /// of a transaction with an idempotency key.
    pub(crate) fn after(&mut self, rule: Rule, resolvable: bool, budget: &[&Budget]) -> Option<Pause> {
        let pause = match rule {
            Rule::NotSent | Rule::StatementRejected | Rule::Abandoned { unknown: false } => return None,
            Rule::StaleConnection => once(&mut self.replaced).then_some(Pause::NONE)?,
            Rule::DirectTlsRejected(_) => once(&mut self.requested_tls).then_some(Pause::NONE)?,
            Rule::NotConnected | Rule::LostDuringLogin | Rule::ReadsLost => {
                self.losses += 1;
                (self.losses <= LOSSES).then_some(Pause::millis(50, 250))?
            }
            Rule::LoginRejected { rejection, pipelined } => self.after_rejection(rejection, pipelined)?,
            Rule::TransactionLost => Pause::millis(50, 250),
            Rule::Conflict => conflict_pause(self.done),
            // R11: only the key's own row can resolve the outcome.
            Rule::CommitLostDuringLogin
            | Rule::CommitLost
            | Rule::CommitUnsure
            | Rule::Abandoned { unknown: true } => {
                (resolvable || seeded!(RetriesAfterCommit)).then_some(Pause::millis(50, 250))?
            }
        };
        if self.done + 1 >= self.max || !budget.iter().all(|it| it.take()) {
            return None;
        }
        self.done += 1;
        Some(pause)
    }

    /// Allows as many attempts as at the beginning, because the next attempts are for another part of the operation.
    pub(crate) fn renew(&mut self) {
        let (done, max) = (self.done, self.done.saturating_add(self.each));
        *self = Attempts { done, max, ..Attempts::new(self.each) };
    }

    /// Subtracts the last attempt, which was allowed but not made.
    pub(crate) fn take_back(&mut self) {
        self.done = self.done.saturating_sub(1);
    }

    fn after_rejection(&mut self, rejection: LoginRejection, pipelined: bool) -> Option<Pause> {
        match rejection {
            LoginRejection::SignatureExpired => once(&mut self.signed_again).then_some(Pause::NONE),
            LoginRejection::Protocol if pipelined => once(&mut self.serially).then_some(Pause::NONE),
            LoginRejection::RateExceeded | LoginRejection::WakingUp => Some(Pause::millis(500, 2000)),
            LoginRejection::TooManyConnections => Some(Pause::millis(200, 1000)),
            _ => None,
        }
    }
}

fn once(done: &mut bool) -> bool {
    !core::mem::replace(done, true)
}

/// A pause of 0 to 5 ms. After each retry the maximum doubles (10, 20 … ms), up to 500 ms.
fn conflict_pause(retries: u32) -> Pause {
    Pause::millis(0, 5_u32.checked_shl(retries).map_or(500, |to| to.min(500)))
}

/// The budget of retries, so that retries do not double the load of a server with problems: an initial number, and a
/// tenth of a retry for every query. The budget is a plain counter, so that all requests of an isolate can share it.
#[derive(Debug)]
pub(crate) struct Budget {
    tenths: AtomicU32,
    most: u32,
}

impl Budget {
    /// A budget with this many retries at the beginning. The same number is its maximum.
    pub(crate) const fn of(retries: u32) -> Self {
        Budget { tenths: AtomicU32::new(retries * 10), most: retries * 10 }
    }

    /// Adds a tenth of a retry, because a query has begun.
    pub(crate) fn earn(&self) {
        let _ = self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
            (tenths < self.most).then_some(tenths + 1)
        });
    }

    /// Takes a retry, if there is one left.
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
        FailureFacts { reached, payload, signal, kept: false }.rule()
    }

    #[test]
    fn the_table() {
        use Payload::{Commit, Reads, Transaction};
        use Reached::{Login, Nothing, Session};
        use Signal::*;
        let rows = [
            (Local, Nothing, Commit, Rule::NotSent),
            (Lost, Nothing, Commit, Rule::NotConnected),
            (Timeout, Nothing, Reads, Rule::NotConnected),
            (Lost, Login, Reads, Rule::LostDuringLogin),
            (Lost, Login, Transaction, Rule::LostDuringLogin),
            (Lost, Login, Commit, Rule::CommitLostDuringLogin),
            (Timeout, Login, Commit, Rule::CommitLostDuringLogin),
            (Lost, Session, Transaction, Rule::TransactionLost),
            (Unsure, Session, Transaction, Rule::TransactionLost),
            (Unavailable, Session, Transaction, Rule::TransactionLost),
            (Conflict, Session, Reads, Rule::Conflict),
            (Conflict, Session, Transaction, Rule::Conflict),
            (Conflict, Session, Commit, Rule::Conflict),
            (Lost, Session, Commit, Rule::CommitLost),
            (Timeout, Session, Commit, Rule::CommitLost),
            (Unsure, Session, Commit, Rule::CommitUnsure),
            (Answered, Session, Commit, Rule::StatementRejected),
            (Answered, Session, Reads, Rule::StatementRejected),
            (Unavailable, Session, Commit, Rule::StatementRejected),
            (Stranded, Nothing, Commit, Rule::NotSent),
            (Stranded, Session, Commit, Rule::Abandoned { unknown: true }),
            (Stranded, Session, Transaction, Rule::Abandoned { unknown: false }),
            (TransactionState, Session, Transaction, Rule::Abandoned { unknown: true }),
            (TransactionState, Session, Reads, Rule::Abandoned { unknown: false }),
            (Lost, Session, Reads, Rule::ReadsLost),
            (Protocol, Session, Commit, Rule::Abandoned { unknown: true }),
            (Protocol, Login, Commit, Rule::Abandoned { unknown: true }),
            (Protocol, Session, Transaction, Rule::Abandoned { unknown: false }),
        ];
        for (signal, reached, payload, expected) in rows {
            assert_eq!(rule(signal, reached, payload), expected, "{signal:?} {reached:?} {payload:?}");
        }
        let kept = FailureFacts { reached: Nothing, payload: Commit, signal: Lost, kept: true };
        assert_eq!(kept.rule(), Rule::StaleConnection);
    }

    /// Checks the table's invariant: a write that may have been executed never runs again without a key.
    #[test]
    fn possible_commit_runs_again_only_with_a_key() {
        let rejection = Signal::LoginRejected { rejection: LoginRejection::WakingUp, pipelined: true };
        let lossy = [Signal::Lost, Signal::Timeout, Signal::Unsure, Signal::Protocol, Signal::Stranded];
        let definite = [Signal::Local, Signal::Conflict, Signal::Unavailable, Signal::Answered, rejection];
        for reached in REACHED {
            for payload in PAYLOADS {
                for signal in lossy {
                    let rule = rule(signal, reached, payload);
                    let may_have = payload == Payload::Commit && reached != Reached::Nothing;
                    // `Unsure` comes from an answer of the server, so the server has received the statement.
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
    #[cfg(feature = "direct-tls")]
    fn rejected_direct_tls_runs_again_once_without_a_commit() {
        use Payload::{Commit, Reads, Transaction};
        use Reached::{Login, Nothing};
        let again = Rule::DirectTlsRejected(DirectTls::UNPROVEN);
        for (reached, payload, expected) in [
            (Nothing, Commit, again),
            (Login, Reads, again),
            (Login, Transaction, again),
            (Login, Commit, Rule::CommitLostDuringLogin),
        ] {
            let rule = rule(Signal::DirectTlsRejected(DirectTls::UNPROVEN), reached, payload);
            assert_eq!(rule, expected, "{reached:?} {payload:?}");
        }
        let mut attempts = Attempts::new(5);
        assert_eq!(attempts.after(again, false, &[]), Some(Pause::NONE));
        assert_eq!(attempts.after(again, false, &[]), None);
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut attempts = Attempts::new(5);
        let pauses: Vec<_> =
            core::iter::from_fn(|| attempts.after(Rule::Conflict, false, &[])).map(|it| it.to).collect();
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
        assert_eq!(times(Rule::Conflict, 5), 4);
        assert_eq!(times(Rule::Conflict, 1), 0);
        assert_eq!(times(Rule::NotConnected, 5), 2);
        assert_eq!(times(Rule::LostDuringLogin, 2), 1);
        assert_eq!(times(Rule::StaleConnection, 5), 1);
        assert_eq!(times(Rule::StatementRejected, 5), 0);
        let rejected = |rejection| Rule::LoginRejected { rejection, pipelined: true };
        assert_eq!(times(rejected(LoginRejection::SignatureExpired), 5), 1);
        assert_eq!(times(rejected(LoginRejection::WakingUp), 9), 8);
        assert_eq!(times(rejected(LoginRejection::AccessDenied), 5), 0);
        assert_eq!(times(rejected(LoginRejection::Protocol), 5), 1);
        assert_eq!(
            times(Rule::LoginRejected { rejection: LoginRejection::Protocol, pipelined: false }, 5),
            0
        );
        let mut attempts = Attempts::new(5);
        assert!(attempts.after(rejected(LoginRejection::Protocol), false, &[]).is_some());
        assert!(attempts.after(rejected(LoginRejection::Protocol), false, &[]).is_none());
    }

    #[test]
    fn a_budget_is_shared_and_fills_up_by_a_tenth() {
        let (own, all) = (Budget::of(2), Budget::of(3));
        let retry = |own: &Budget| Attempts::new(5).after(Rule::Conflict, false, &[own, &all]).is_some();
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

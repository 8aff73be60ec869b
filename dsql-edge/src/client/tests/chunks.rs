//! Statements for many rows when connections end, limits are exceeded or the server rejects a part of a flight.

use core::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bulk::{INSERT, RETURNING, begun, committed, in_pairs, inserted, returned, transaction};
use super::*;
use crate::many_rows::rows;
use crate::query::{BulkCommand, BulkQuery};

fn returning<'a>(numbers: &'a [i32], decode: fn(&DataRow<'_>) -> Result<i32, Error>) -> BulkQuery<'a, i32> {
    let bind = |n: &i32, arguments: &mut Arguments| arguments.bind::<sql::Int4, NotNull, _>(n);
    let mut query = BulkQuery::new(&RETURNING, rows(numbers, bind), decode);
    query.bulk.max_rows = 2;
    query
}

/// The answer to a chunk that returns these rows, with its BEGIN and COMMIT.
fn chunk_of(values: &[i32]) -> Vec<u8> {
    [control("BEGIN"), returned(values), control("COMMIT")].concat()
}

/// A later chunk is in conflict. The rows of the committed chunk cannot be received again, so nothing is retried.
#[test]
fn unusable_row_of_a_committed_chunk_is_an_error() {
    let decode: fn(&DataRow<'_>) -> Result<i32, Error> = |row| {
        let n = row.column::<sql::Int4, NotNull, i32>(0)?;
        if n == 1 { Err(Error::new(crate::error::Kind::TooManyRows)) } else { Ok(n) }
    };
    let network = Network::default();
    let conflict = [chunk_of(&[1, 2]), control("BEGIN"), error("ERROR", "40001"), ready(b"E")].concat();
    let mut steps = answers([conflict]);
    steps.pop();
    steps.extend([Step::AwaitWrite, Step::AwaitWrite]);
    steps.push(Step::Send([control("ROLLBACK"), ready(b"I"), chunk_of(&[3, 4]), ready(b"I")].concat()));
    steps.push(Step::Stall);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    let result = eventually(&network, returning(&[1, 2, 3, 4], decode).fused().fetch_all(&dsql));
    let error = result.unwrap_err();
    assert!(error.is_executed() && error.committed_rows() == Some(2), "{error}");
}

/// The first COMMIT is answered with ROLLBACK, the second chunk is committed, and the third chunk is rejected. The
/// committed rows are not the first ones, so the outcome is unknown.
#[test]
fn chunk_after_a_rolled_back_chunk_is_not_sent_again() {
    for code in ["40001", "23505"] {
        let network = Network::default();
        let answer = [
            [control("BEGIN"), inserted(2), control("ROLLBACK")].concat(),
            transaction(2),
            [control("BEGIN"), inserted(2), error("ERROR", code), ready(b"I")].concat(),
        ]
        .concat();
        network.accept(answers([answer, [transaction(2).repeat(3), ready(b"I")].concat()]));
        let dsql = Dsql::within(retrying(), network.clone());
        let result = eventually(&network, in_pairs(0..6).fused().execute(&dsql));
        assert_eq!(sent(&network).len(), 1);
        assert!(result.unwrap_err().is_outcome_unknown());
    }
}

/// A FATAL error arrives in place of the answer to the rows that were sent behind the COMMIT.
#[test]
fn rejected_commit_stays_rejected_after_a_fatal_error() {
    let rolled_back = [control("ROLLBACK"), ready(b"I")].concat();
    for (first, inserted) in [(failure("40001"), true), (failure("23503"), false), (rolled_back, false)] {
        let network = Network::default();
        let mut steps = answers([begun(2), [first, error("FATAL", "57P01")].concat()]);
        steps.pop();
        steps.push(Step::Close);
        network.accept(steps);
        network.accept(answers([begun(2), committed(), begun(2), committed()]));
        let dsql = Dsql::within(retrying(), network.clone());
        let result = eventually(&network, in_pairs(0..4).execute(&dsql));
        assert_eq!(result.is_ok(), inserted, "{result:?}");
        assert!(!result.is_err_and(|error| error.is_outcome_unknown()));
    }
}

/// Runs `write` on a connection that sends `answer` to the first flight and then ends. At that time, another connection
/// is idle; the other connection answers its later flights with `others`. Returns the result and the number of BEGINs.
fn session_ends_while_another_is_idle<T>(
    answer: Vec<u8>,
    others: impl IntoIterator<Item = Vec<u8>>,
    write: impl for<'d> FnOnce(&'d Dsql) -> Pin<Box<dyn Future<Output = Result<T, Error>> + 'd>>,
) -> (Result<T, Error>, usize) {
    let network = Network::default();
    let mut idle = answers([[found(&[4]), ready(b"I")].concat()].into_iter().chain(others));
    idle.insert(1, Step::Until(5));
    let mut ended = answers([[answer, error("FATAL", "57P01")].concat()]);
    ended.insert(1, Step::Until(10));
    ended.pop();
    ended.push(Step::Close);
    network.accept(idle);
    network.accept(ended);
    let dsql = Dsql::within(retrying(), network.clone());
    let mut reading = Box::pin(query(&READ).fetch_all(&dsql));
    assert!(settle(reading.as_mut()).is_pending());
    let mut writing = write(&dsql);
    assert!(settle(writing.as_mut()).is_pending());
    network.elapse(Duration::from_millis(6));
    assert_eq!(now(reading).unwrap(), [4]);
    network.elapse(Duration::from_millis(6));
    let result = eventually(&network, writing);
    (result, sent(&network).iter().filter(|it| it.contains("BEGIN")).count())
}

#[test]
fn chunk_is_not_committed_on_another_connection() {
    let others = [begun(2), [committed(), begun(2)].concat(), committed()];
    let (inserted, begun) =
        session_ends_while_another_is_idle(begun(2), others, |dsql| Box::pin(in_pairs(0..4).execute(dsql)));
    assert_eq!((inserted.unwrap(), begun), (4, 3));
}

#[test]
fn transaction_is_not_committed_on_another_connection() {
    let deleted = || [control("BEGIN"), done("DELETE 1"), ready(b"T")].concat();
    let (result, begun) = session_ends_while_another_is_idle(deleted(), [deleted(), committed()], |dsql| {
        let delete =
            async |tx: Transaction<'_>| Command::new(&DELETE, Arguments::default()).execute(tx).await;
        Box::pin(dsql.transaction(delete).into_future())
    });
    assert_eq!((result.unwrap(), begun), (1, 2));
}

/// A later chunk of the flight that is sent with the login has the time limit of a query.
#[test]
fn commit_of_a_chunk_ends_the_trial_of_the_login() {
    let network = Network::default();
    let mut steps =
        vec![Step::AwaitWrite, Step::Send(login()), Step::Until(1000), Step::Send(transaction(2))];
    steps.push(Step::Stall);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    let mut inserting = Box::pin(in_pairs(0..4).fused().execute(&dsql));
    assert!(settle(inserting.as_mut()).is_pending());
    network.elapse(Duration::from_millis(1000));
    assert!(settle(inserting.as_mut()).is_pending());
    network.elapse(Duration::from_millis(30_001));
    assert!(settle(inserting.as_mut()).is_ready(), "query_timeout passed without a byte");
}

#[test]
fn rollback_of_the_last_chunk_is_certain() {
    let network = Network::default();
    let answer = [transaction(2), [control("BEGIN"), inserted(2), control("ROLLBACK"), ready(b"I")].concat()];
    network.accept(answers([answer.concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let error = eventually(&network, in_pairs(0..4).fused().execute(&dsql)).unwrap_err();
    assert!(!error.is_outcome_unknown() && error.committed_rows() == Some(2), "{error}");
}

#[test]
fn event_counts_rows_committed_before_a_retry() {
    let decode: fn(&DataRow<'_>) -> Result<i32, Error> = |row| row.column::<sql::Int4, NotNull, i32>(0);
    let network = Network::default();
    let conflict =
        [chunk_of(&[1, 2]), control("BEGIN"), returned(&[3, 4]), error("ERROR", "40001"), ready(b"I")]
            .concat();
    network.accept(answers([conflict, [chunk_of(&[3, 4]), ready(b"I")].concat()]));
    let rows = Arc::<AtomicU64>::default();
    let counted = rows.clone();
    let config = retrying().on_event(move |event| {
        counted.fetch_add(event.rows(), Ordering::Relaxed);
    });
    let dsql = Dsql::within(config, network.clone());
    let result = eventually(&network, returning(&[1, 2, 3, 4], decode).fused().fetch_all(&dsql));
    assert_eq!(result.unwrap(), [1, 2, 3, 4]);
    assert_eq!(rows.load(Ordering::Relaxed), 4);
}

/// Each of eight chunks has one conflict, so the chunks together have more conflicts than a query may have attempts.
#[test]
fn progress_allows_new_attempts() {
    let network = Network::default();
    let rejected = || [control("BEGIN"), inserted(2), error("ERROR", "40001"), ready(b"I")].concat();
    let mut all = vec![rejected()];
    all.extend((0..7).map(|_| [transaction(2), rejected()].concat()));
    all.push([transaction(2), ready(b"I")].concat());
    network.accept(answers(all));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(eventually(&network, in_pairs(0..16).fused().execute(&dsql)).unwrap(), 16);
}

/// Polls until the future ends; the clock is advanced by half a second each time.
fn within_a_minute<T>(network: &Network, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..120 {
        if let Poll::Ready(output) = settle(future.as_mut()) {
            return output;
        }
        network.elapse(Duration::from_millis(500));
    }
    panic!("it waits");
}

/// The COMMIT takes 20 seconds, and the rows that are sent after it take another 20 seconds; the limit of each is 30
/// seconds.
#[test]
fn commit_and_next_rows_have_a_limit_each() {
    let network = Network::default();
    let mut steps = answers([begun(2)]);
    steps.pop();
    steps.extend([Step::AwaitWrite, Step::Until(20_000), Step::Send(committed()), Step::Until(40_000)]);
    steps.extend([Step::Send(begun(2)), Step::AwaitWrite, Step::Send(committed()), Step::Stall]);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(within_a_minute(&network, in_pairs(0..4).execute(&dsql)).unwrap(), 4);
}

#[test]
fn unsendable_chunk_does_not_hinder_earlier_fused_chunks() {
    let network = Network::default();
    // One flight cannot be sent, so its connection is not used.
    network.accept(answers([]));
    network.accept(answers([[control("BEGIN"), inserted(2), committed()].concat()]));
    let texts = ["a", "b", "a text that is longer than the limit of a message", "c"];
    let bind = |text: &str, arguments: &mut Arguments| arguments.bind::<sql::Text, NotNull, _>(text);
    let mut long = BulkCommand::new(&INSERT, rows(texts, bind));
    long.bulk.max_rows = 2;
    let dsql = Dsql::within(retrying().max_message(60), network.clone());
    let error = now(long.fused().execute(&dsql)).unwrap_err();
    assert_eq!(error.committed_rows(), Some(2));
}

#[test]
fn rejection_stays_certain_after_a_reset() {
    let network = Network::default();
    let mut steps = answers([[transaction(2), control("BEGIN"), error("ERROR", "23505")].concat()]);
    steps.pop();
    steps.push(Step::Break(TransportErrorKind::Lost));
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    let error = eventually(&network, in_pairs(0..4).fused().execute(&dsql)).unwrap_err();
    assert!(!error.is_outcome_unknown() && error.committed_rows() == Some(2), "{error}");
}

/// The time limit of a chunk does not include the time that the rows of the next chunk take.
#[test]
fn late_conflict_of_a_commit_is_retried() {
    let network = Network::default();
    let mut steps = answers([[found(&[4]), ready(b"I")].concat()]);
    steps.pop();
    steps.extend([Step::AwaitWrite, Step::Until(16_000), Step::Send(begun(2))]);
    // The conflict is reported at 17 s; the rows of chunk 2 take until 31 s.
    steps.extend([Step::AwaitWrite, Step::Until(17_000), Step::Send(failure("40001")), Step::Until(31_000)]);
    steps.extend([Step::Send(begun(2)), Step::AwaitWrite, Step::AwaitWrite]);
    steps.push(Step::Send([control("ROLLBACK"), ready(b"I"), begun(2)].concat()));
    steps.extend([Step::AwaitWrite, Step::Send(committed())]);
    steps.extend([Step::AwaitWrite, Step::Send(begun(2))]);
    steps.extend([Step::AwaitWrite, Step::Send(committed()), Step::Stall]);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    now(query(&READ).fetch_all(&dsql)).unwrap();
    assert_eq!(within_a_minute(&network, in_pairs(0..4).execute(&dsql)).unwrap(), 4);
}

/// ROLLBACK is answered with a FATAL error, and the end of the connection has not arrived.
#[test]
fn connection_that_ended_at_rollback_is_replaced() {
    let network = Network::default();
    let mut steps = answers([begun(2), [failure("40001"), begun(2)].concat()]);
    steps.pop();
    steps.extend([Step::AwaitWrite, Step::AwaitWrite, Step::Send(error("FATAL", "57P01")), Step::Stall]);
    network.accept(steps);
    network.accept(answers([begun(2), committed(), begun(2), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(eventually(&network, in_pairs(0..4).execute(&dsql)).unwrap(), 4);
}

#[cfg(feature = "pool")]
mod leased {
    use super::*;
    use crate::lease::Lessor;
    use crate::transport::Transport;
    use crate::wire::lease::GRANTED_FRAME;

    struct Near(Network, Config);

    impl Lessor for Near {
        fn reach(&self, _: bool) -> Result<Box<dyn Transport>, Error> {
            Ok(now(self.0.dial(&self.1.settings, false)).ok().unwrap())
        }
    }

    /// COMMIT takes longer than `connect_timeout`, which is less than `query_timeout`.
    #[test]
    fn slow_commit_does_not_shorten_the_next_lease() {
        let network = Network::default();
        let granted = |answer: Vec<u8>| Step::Send([GRANTED_FRAME.to_vec(), answer].concat());
        let first = [Step::AwaitWrite, granted(begun(2)), Step::AwaitWrite, Step::Until(12_000)];
        network.accept(first.into_iter().chain([Step::Send(committed()), Step::Close]));
        let second = [Step::AwaitWrite, Step::Until(12_900), granted(begun(2)), Step::AwaitWrite];
        network.accept(second.into_iter().chain([Step::Send(committed()), Step::Close]));
        let lessor = std::sync::Arc::new(Near(network.clone(), config()));
        let dsql = Dsql::within(retrying().leasing_from(lessor), network.clone());
        assert_eq!(within_a_minute(&network, in_pairs(0..4).execute(&dsql)).unwrap(), 4);
    }
}

/// The connection ends between two statements of a transaction: the transaction begins again on another connection.
#[test]
fn statement_is_not_sent_without_its_begin() {
    let network = Network::default();
    let notice = frame(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0");
    let mut steps = answers([[control("BEGIN"), done("DELETE 1"), ready(b"T"), notice].concat()]);
    steps.pop();
    steps.push(Step::Close);
    network.accept(steps);
    let deleted = || [done("DELETE 1"), ready(b"T")].concat();
    network.accept(answers([[control("BEGIN"), deleted()].concat(), deleted(), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let delete = async |tx: Transaction<'_>| {
        Command::new(&DELETE, Arguments::default()).execute(tx).await?;
        Command::new(&DELETE, Arguments::default()).execute(tx).await
    };
    let result: Result<u64, Error> = eventually(&network, dsql.transaction(delete).into_future());
    assert_eq!(result.unwrap(), 1);
    assert!(!sent(&network).contains(&"login DELETE FROM t |".to_owned()));
}

#[test]
fn rejection_stays_certain_after_a_fatal_error() {
    for fused in [true, false] {
        let network = Network::default();
        if fused {
            let answer = [control("BEGIN"), error("ERROR", "23505"), error("FATAL", "57P01")].concat();
            network.accept(answers([answer]));
        } else {
            network.accept(answers([begun(2), [error("ERROR", "23505"), error("FATAL", "57P01")].concat()]));
        }
        let dsql = Dsql::within(retrying(), network.clone());
        let mut command = in_pairs(0..2);
        command.bulk.fused = fused;
        let error = eventually(&network, command.execute(&dsql)).unwrap_err();
        assert!(!error.is_outcome_unknown(), "{error}");
    }
}

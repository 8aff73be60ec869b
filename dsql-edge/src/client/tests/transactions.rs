//! Transactions: their frames, their retries, and their results after failures.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// The answers to BEGIN and to a statement that returns these values, in a transaction.
fn begun(values: &[i32]) -> Vec<u8> {
    [control("BEGIN"), found(values), ready(b"T")].concat()
}

pub(super) fn committed() -> Vec<u8> {
    [control("COMMIT"), ready(b"I")].concat()
}

pub(super) fn rolled_back() -> Vec<u8> {
    [control("ROLLBACK"), ready(b"I")].concat()
}

/// The answer to a statement that fails within a transaction: after the error, the transaction is in the failed state.
pub(super) fn failed(code: &str) -> Vec<u8> {
    [error("ERROR", code), ready(b"E")].concat()
}

/// The answers to BEGIN and to a statement that is rejected.
pub(super) fn begun_badly(code: &str) -> Vec<u8> {
    [control("BEGIN"), failed(code)].concat()
}

fn delete() -> Command {
    Command::new(&DELETE, Arguments::default())
}

const READ_SQL: &str = "SELECT n FROM t";
pub(super) const WRITE_SQL: &str = "INSERT INTO t VALUES (1) RETURNING n";
const DELETE_SQL: &str = "DELETE FROM t";

#[test]
fn begin_is_sent_with_first_statement_and_commit_alone() {
    let network = Network::default();
    network.accept(answers([
        begun(&[1]),
        [done("DELETE 3"), ready(b"T")].concat(),
        committed(),
        begun(&[2]),
        committed(),
        rows("n", 23, &[9]),
    ]));
    let dsql = Dsql::within(retrying(), network.clone());
    let result = now(dsql
        .transaction(async |tx| {
            let one = query(&READ).fetch_one(tx).await?;
            Ok::<_, Error>((one, delete().execute(&tx).await?))
        })
        .into_future());
    assert_eq!(result.unwrap(), (1, 3));
    let again = now(dsql.transaction(async |mut tx| query(&READ).fetch_one(&mut tx).await).into_future());
    assert_eq!(again.unwrap(), 2);
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 9);
    assert_eq!(
        sent(&network),
        [
            &format!("login BEGIN {READ_SQL} |"),
            &format!("{DELETE_SQL} |"),
            "COMMIT |",
            &format!("BEGIN {READ_SQL} |"),
            "COMMIT |",
            &format!("{READ_SQL} |"),
        ]
    );
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn transaction_without_statement_sends_nothing() {
    #[derive(Debug, PartialEq)]
    enum Mine {
        NotToday,
        Other,
    }
    impl From<Error> for Mine {
        fn from(_: Error) -> Self {
            Mine::Other
        }
    }
    let network = Network::default();
    let dsql = Dsql::within(retrying(), network.clone());
    let name = String::from("moved in");
    let length = now(dsql.transaction(async move |_| Ok::<_, Mine>(name.len())).into_future());
    assert_eq!(length, Ok(8));
    let refused: Result<(), Mine> = now(dsql.transaction(async |_| Err(Mine::NotToday)).into_future());
    assert_eq!(refused, Err(Mine::NotToday));
    assert_eq!(network.connections(), (0, 0));
}

#[test]
fn a_conflict_runs_the_whole_closure_again() {
    // The first conflict occurs at COMMIT. The second conflict occurs at a statement: the client then sends a ROLLBACK,
    // and no task waits for the answer.
    let network = Network::default();
    network.accept(answers([
        begun(&[1]),
        failure("40001"),
        begun_badly("OC001"),
        rolled_back(),
        begun(&[3]),
        committed(),
    ]));
    let dsql = Dsql::within(retrying(), network.clone());
    let times = AtomicU32::new(0);
    let result = eventually(
        &network,
        dsql.transaction(async |tx| {
            times.fetch_add(1, Ordering::Relaxed);
            query(&READ).fetch_one(tx).await
        })
        .into_future(),
    );
    assert_eq!((result.unwrap(), times.into_inner()), (3, 3));
    let begin = format!("BEGIN {READ_SQL} |");
    assert_eq!(sent(&network)[1..], ["COMMIT |", &begin, "ROLLBACK |", &begin, "COMMIT |"]);
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn ignored_error_still_ends_the_transaction() {
    // The closure ignores each error and continues.
    for (code, runs) in [("23505", 1), ("40001", 2)] {
        let network = Network::default();
        network.accept(answers([begun_badly(code), rolled_back(), begun(&[7]), committed()]));
        let dsql = Dsql::within(retrying(), network.clone());
        let times = AtomicU32::new(0);
        let result = eventually(
            &network,
            dsql.transaction(async |tx| {
                times.fetch_add(1, Ordering::Relaxed);
                if query(&WRITE).fetch_one(tx).await.is_err() {
                    let refused = delete().execute(tx).await.unwrap_err();
                    assert!(refused.is_transaction_over() && refused.sqlstate().is_none(), "{refused}");
                    let text =
                        format!("the transaction is over: a statement of it failed with SQLSTATE {code} (");
                    assert!(refused.to_string().starts_with(&text), "{refused}");
                }
                Ok::<_, Error>("fine")
            })
            .into_future(),
        );
        assert_eq!(times.into_inner(), runs, "{code}");
        match result {
            Ok(value) => assert_eq!((value, code), ("fine", "40001")),
            Err(error) => {
                assert!(error.is_unique_violation() && !error.is_outcome_unknown(), "{error}");
                assert!(error.to_string().contains("src/lib.rs:7"), "{error}");
                assert_eq!(sent(&network)[1..], ["ROLLBACK |"]);
            }
        }
    }
    // A missing row does not make the transaction fail.
    let network = Network::default();
    network.accept(answers([begun(&[]), [done("DELETE 1"), ready(b"T")].concat(), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let result = now(dsql
        .transaction(async |tx| match query(&READ).fetch_one(tx).await {
            Err(error) if error.is_no_rows() => delete().execute(tx).await,
            _ => panic!("the row is missing"),
        })
        .into_future());
    assert_eq!(result.unwrap(), 1);
}

#[test]
fn error_of_the_closure_rolls_back_and_keeps_the_connection() {
    let network = Network::default();
    network.accept(answers([begun(&[1]), rolled_back(), rows("n", 23, &[2])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let result: Result<(), Box<dyn std::error::Error + Send + Sync>> = now(dsql
        .transaction(async |tx| {
            query(&WRITE).fetch_one(tx).await?;
            Err("changed my mind".into())
        })
        .into_future());
    assert_eq!(result.unwrap_err().to_string(), "changed my mind");
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);
    assert_eq!(sent(&network)[1..], ["ROLLBACK |", &format!("{READ_SQL} |")]);
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn only_the_commit_tag_is_success() {
    let write = |network: &Network| {
        let dsql = Dsql::within(retrying(), network.clone());
        eventually(network, dsql.transaction(async |tx| query(&WRITE).fetch_one(tx).await).into_future())
    };
    let network = Network::default();
    network.accept(answers([begun(&[1]), rolled_back()]));
    let rolled = write(&network).unwrap_err();
    assert!(rolled.is_rolled_back() && !rolled.is_outcome_unknown(), "{rolled}");

    // If the answer to COMMIT is incomplete, the outcome is unknown, and the transaction does not run again.
    for cut in 0..committed().len() {
        let network = Network::default();
        let mut steps = answers([begun(&[1])]);
        steps.pop();
        steps.push(Step::AwaitWrite);
        if cut > 0 {
            steps.push(Step::Send(committed()[..cut].to_vec()));
        }
        steps.push(Step::Close);
        network.accept(steps);
        let error = write(&network).unwrap_err();
        assert!(error.is_outcome_unknown(), "cut at {cut}: {error}");
        assert_eq!(network.connections(), (1, 0));
    }
    for (expected, unknown) in [
        (failure("40003"), true),
        (failure("08007"), true),
        (failure("XX000"), true),
        (error("FATAL", "57P01"), true),
        (failure("23505"), false),
        (failure("54000"), false),
    ] {
        let network = Network::default();
        network.accept(answers([begun(&[1]), expected]));
        let error = write(&network).unwrap_err();
        assert_eq!(error.is_outcome_unknown(), unknown, "{error}");
    }
}

#[test]
fn transaction_lost_before_commit_runs_again() {
    let lost = |after: Vec<u8>, end: Step| {
        let mut steps = answers([after]);
        steps.pop();
        steps.push(end);
        steps
    };
    for end in [Step::Close, Step::Break(TransportErrorKind::Lost)] {
        for first in [
            vec![Step::AwaitWrite, end.clone()],
            lost(vec![], end.clone()),
            lost([control("BEGIN"), found(&[1])].concat(), end.clone()),
            lost([control("BEGIN"), error("FATAL", "57P01")].concat(), end.clone()),
            lost(begun_badly("XX000"), end.clone()),
        ] {
            let network = Network::default();
            let steps =
                first.into_iter().filter(|step| !matches!(step, Step::Send(bytes) if bytes.is_empty()));
            network.accept(steps);
            network.accept(answers([begun(&[4]), committed()]));
            let dsql = Dsql::within(retrying(), network.clone());
            let result = eventually(
                &network,
                dsql.transaction(async |tx| query(&WRITE).fetch_one(tx).await).into_future(),
            );
            assert_eq!(result.unwrap(), 4);
            assert_eq!(network.connections(), (2, 1));
        }
    }
}

#[test]
fn attempts_end() {
    let network = Network::default();
    network.accept(answers((0..20).flat_map(|_| [begun(&[1]), failure("40001")])));
    let dsql = Dsql::within(retrying(), network.clone());
    let read = async |tx: Transaction<'_>| query(&READ).fetch_one(tx).await;
    let error = eventually(&network, dsql.transaction(read).into_future()).unwrap_err();
    assert!(error.is_conflict() && error.attempts() == 5, "{error}");
    assert!(error.to_string().contains("after 5 attempts"), "{error}");
    let once = now(dsql.transaction(read).max_attempts(1).into_future()).unwrap_err();
    assert!(once.is_conflict() && once.attempts() == 1, "{once}");
    assert_eq!(sent(&network).iter().filter(|it| it.as_str() == "COMMIT |").count(), 6);
    // In each attempt, a statement fails with a conflict, and the closure returns another error instead of the
    // conflict.
    let network = Network::default();
    network.accept(answers((0..20).flat_map(|_| [begun_badly("40001"), rolled_back()])));
    let dsql = Dsql::within(retrying(), network.clone());
    let vague = dsql.transaction(async |tx| {
        query(&READ).fetch_one(tx).await.map_err(|_| Error::new(crate::error::Kind::NoRows))
    });
    let error = eventually(&network, vague.into_future()).unwrap_err();
    assert!(error.is_conflict() && error.attempts() == 5, "{error}");
}

#[test]
fn dropped_or_late_transaction_closes_its_connection() {
    let network = Network::default();
    network.accept(answers([begun(&[1])]));
    network.accept(answers([begun(&[1])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let stuck = async |tx: Transaction<'_>| {
        query(&WRITE).fetch_one(tx).await?;
        core::future::pending::<()>().await;
        Ok::<_, Error>(())
    };
    assert!(settle(dsql.transaction(stuck).into_future()).is_pending());
    assert_eq!(network.connections(), (1, 0));
    let late = eventually(&network, dsql.transaction(stuck).timeout(Duration::from_secs(2)).into_future());
    let error = late.unwrap_err();
    assert!(error.is_timeout() && !error.is_outcome_unknown(), "{error}");
    assert!(error.to_string().contains("transaction_timeout"), "{error}");
    assert_eq!(network.connections(), (2, 0));
    assert!(!sent(&network).iter().any(|it| it.contains("COMMIT")));
}

#[test]
fn dropped_statement_ends_the_transaction() {
    let network = Network::default();
    let mut steps = answers([begun(&[1])]);
    steps.insert(steps.len() - 1, Step::AwaitWrite);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    let result = now(dsql
        .transaction(async |tx| {
            query(&READ).fetch_one(tx).await?;
            assert!(settle(delete().execute(tx)).is_pending());
            let refused = delete().execute(tx).await.unwrap_err();
            assert!(refused.is_transaction_over(), "{refused}");
            let text = "the transaction is over: a statement of it failed or was dropped (";
            assert!(refused.to_string().starts_with(text), "{refused}");
            Ok::<_, Error>(())
        })
        .into_future());
    assert!(result.unwrap_err().is_transaction_over());
    assert_eq!(network.connections(), (1, 0));
    assert_eq!(sent(&network)[1..2], [format!("{DELETE_SQL} |")]);
}

#[test]
fn statements_run_in_turn_and_the_handle_ends_with_the_closure() {
    let network = Network::default();
    network.accept(answers([begun(&[1]), [found(&[2]), ready(b"T")].concat(), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let (pair, escaped) = now(dsql
        .transaction(async |tx| {
            let mut context = Context::from_waker(Waker::noop());
            let (mut first, mut second) = (query(&READ).fetch_one(tx), query(&READ).fetch_one(tx));
            assert!(core::pin::Pin::new(&mut second).poll(&mut context).is_ready());
            let second = core::pin::Pin::new(&mut first).poll(&mut context);
            let Poll::Ready(second) = second else { panic!("it is its turn") };
            Ok::<_, Error>((second?, tx))
        })
        .into_future())
    .unwrap();
    assert_eq!(pair, 2);
    assert!(now(query(&READ).fetch_one(escaped)).unwrap_err().is_transaction_over());
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn end_of_read_only_transaction_takes_no_round_trip() {
    let network = Network::default();
    network.accept(answers([begun(&[1]), rolled_back(), rows("n", 23, &[2])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let read = dsql.transaction(async |tx| query(&READ).fetch_one(tx).await).read_only();
    assert_eq!(now(read.into_future()).unwrap(), 1);
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    assert_eq!(sent(&network)[..2], [format!("login {begin} {READ_SQL} |"), "ROLLBACK |".to_owned()]);
}

#[test]
fn transaction_ended_by_a_statement_is_an_error() {
    static COMMIT: Statement = Statement { columns: &[], ..statement("COMMIT", Effect::Write) };
    let network = Network::default();
    network.accept(answers([begun(&[1]), [done("COMMIT"), ready(b"I")].concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let sneaky = dsql.transaction(async |tx| {
        query(&WRITE).fetch_one(tx).await?;
        Command::new(&COMMIT, Arguments::default()).execute(tx).await
    });
    let error = now(sneaky.into_future()).unwrap_err();
    assert!(error.to_string().contains("began or ended a transaction"), "{error}");
}

#[test]
fn a_session_has_transactions_and_no_other_connection() {
    let network = Network::default();
    network.accept(answers([begun(&[1]), failure("40001"), begun(&[2]), committed(), vec![]]));
    let mut session = Dsql::within(retrying(), network.clone()).session();
    let write = async |tx: Transaction<'_>| query(&WRITE).fetch_one(tx).await;
    assert_eq!(eventually(&network, session.transaction(write).into_future()).unwrap(), 2);
    drop(session);
    // The connection is lost, and the session does not open another one.
    let network = Network::default();
    let mut steps = answers([begun(&[1])]);
    steps.pop();
    steps.extend([Step::AwaitWrite, Step::Close]);
    network.accept(steps);
    let mut session = Dsql::within(retrying(), network.clone()).session();
    let twice = async |tx: Transaction<'_>| {
        query(&WRITE).fetch_one(tx).await?;
        query(&WRITE).fetch_one(tx).await
    };
    let error = eventually(&network, session.transaction(twice).into_future()).unwrap_err();
    assert!(error.is_connection_lost() && !error.is_outcome_unknown() && error.attempts() == 1, "{error}");
    assert_eq!(network.connections(), (1, 0));
}

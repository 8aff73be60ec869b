//! Reports of writes that succeeded, or may have succeeded, although their answer cannot be used.

use super::transactions::{committed, rolled_back};
use super::*;
use crate::many_rows::rows as each;
use crate::query::BulkQuery;

static RETURNING: Statement =
    Statement { params: &[23], ..statement("INSERT INTO t VALUES ($1) RETURNING n", Effect::Write) };

/// A query whose rows cannot be decoded.
fn undecodable(statement: &'static Statement) -> Query<i32> {
    Query::new(statement, Arguments::with_capacity(0), |_| Err(Error::new(crate::error::Kind::TooManyRows)))
}

fn delete() -> Command {
    Command::new(&DELETE, Arguments::default())
}

#[test]
fn pipeline_without_the_wanted_row_reports_its_commit() {
    let answer = [control("BEGIN"), done("DELETE 1"), found(&[]), control("COMMIT"), ready(b"I")].concat();
    let network = Network::default();
    network.accept(answers([answer.clone(), answer]));
    let dsql = Dsql::within(retrying(), network.clone());
    let error = now(dsql.pipeline((delete(), query(&READ).one()))).unwrap_err();
    assert!(error.is_no_rows() && error.is_executed(), "{error}");
    let error = now(dsql.session().pipeline(Vec::<Command>::new()));
    assert_eq!(error.unwrap(), Vec::<u64>::new());
    let error = now(dsql.pipeline(vec![query(&WRITE).one(), query(&READ).one()])).unwrap_err();
    assert!(error.is_executed(), "{error}");
}

#[test]
fn missing_row_of_a_read_or_transaction_is_not_executed() {
    let network = Network::default();
    let in_transaction = [control("BEGIN"), done("DELETE 1"), found(&[]), ready(b"T")].concat();
    network.accept(answers([rows("n", 23, &[]), in_transaction]));
    let dsql = Dsql::within(retrying(), network.clone());
    let error = now(query(&READ).fetch_one(&dsql)).unwrap_err();
    assert!(error.is_no_rows() && !error.is_executed() && !error.is_outcome_unknown(), "{error}");
    let body = async |tx: Transaction<'_>| tx.pipeline((delete(), query(&READ).one())).await;
    let error = now(dsql.transaction(body).into_future()).unwrap_err();
    assert!(error.is_no_rows() && !error.is_executed(), "{error}");
}

#[test]
fn stream_of_a_write_reports_its_commit_with_an_unfit_row() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1, 2, 3])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let mut stream = undecodable(&WRITE).fetch(&dsql);
    let error = now(stream.next()).unwrap().unwrap_err();
    assert!(error.is_executed(), "{error}");
    assert!(now(stream.next()).is_none());
    drop(stream);
    assert_eq!(network.connections(), (1, 1), "the whole answer is read");

    // The connection breaks after the row that cannot be decoded.
    let network = Network::default();
    let mut cut = found(&[1, 2]);
    cut.truncate(cut.len() - 20);
    network.accept([Step::AwaitWrite, Step::Send([login(), cut].concat()), Step::Close]);
    let dsql = Dsql::within(retrying(), network.clone());
    let mut stream = undecodable(&WRITE).fetch(&dsql);
    let error = now(stream.next()).unwrap().unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");

    // If the query only reads, the rest of its answer is not received.
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1, 2])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let mut stream = undecodable(&READ).fetch(&dsql);
    let error = now(stream.next()).unwrap().unwrap_err();
    assert!(!error.is_executed() && !error.is_outcome_unknown(), "{error}");
    assert_eq!(network.connections(), (1, 0));
}

#[test]
fn committed_rows_count_a_chunk_whose_rows_do_not_fit() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let bind = |n, arguments: &mut Arguments| arguments.bind::<sql::Int4, NotNull, _>(&n);
    let decode = |_: &DataRow<'_>| Err::<i32, _>(Error::new(crate::error::Kind::TooManyRows));
    let inserting = BulkQuery::new(&RETURNING, each([1], bind), decode).fused();
    let error = now(inserting.fetch_all(&dsql)).unwrap_err();
    assert!(error.is_executed(), "{error}");
    assert_eq!(error.committed_rows(), Some(1));
}

/// PostgreSQL commits before it sends CommandComplete of COMMIT: an error after that does not undo the commit.
#[test]
fn error_behind_the_answer_to_commit_leaves_the_outcome_unknown() {
    for code in ["40001", "23505", "XX000", "57014"] {
        let behind = [control("COMMIT"), failure(code)].concat();
        let network = Network::default();
        network.accept(answers([[control("BEGIN"), found(&[1]), ready(b"T")].concat(), behind.clone()]));
        let dsql = Dsql::within(retrying(), network.clone());
        let body = async |tx: Transaction<'_>| query(&WRITE).fetch_one(tx).await;
        let error = eventually(&network, dsql.transaction(body).into_future()).unwrap_err();
        assert!(error.is_outcome_unknown(), "{code}: {error}");

        let network = Network::default();
        network.accept(answers([[control("BEGIN"), done("DELETE 1"), found(&[1]), behind].concat()]));
        let dsql = Dsql::within(retrying(), network.clone());
        let error = eventually(&network, dsql.pipeline((delete(), query(&WRITE)))).unwrap_err();
        assert!(error.is_outcome_unknown(), "{code}: {error}");
    }
}

/// A statement ended the transaction; the closure ignored that error, and then exceeded the time limit.
#[test]
fn deadline_does_not_hide_an_unknown_outcome() {
    let network = Network::default();
    network.accept(answers([[control("BEGIN"), found(&[1]), ready(b"I")].concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let body = async |tx: Transaction<'_>| {
        assert!(query(&WRITE).fetch_one(tx).await.unwrap_err().is_outcome_unknown());
        core::future::pending::<Result<(), Error>>().await
    };
    let mut running = pin!(dsql.transaction(body).timeout(Duration::from_secs(1)).into_future());
    let mut context = Context::from_waker(Waker::noop());
    assert!(running.as_mut().poll(&mut context).is_pending());
    network.elapse(Duration::from_secs(2));
    let Poll::Ready(result) = running.as_mut().poll(&mut context) else { panic!("the time is over") };
    assert!(result.unwrap_err().is_outcome_unknown());
}

#[test]
fn socket_of_another_request_leaves_a_sent_write_unknown() {
    let network = Network::default();
    network.accept([
        Step::AwaitWrite,
        Step::Send([login(), rows("n", 23, &[1])].concat()),
        Step::AwaitWrite,
        Step::Break(TransportErrorKind::OtherRequest),
    ]);
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 1);
    let error = now(query(&WRITE).fetch_one(&dsql)).unwrap_err();
    assert!(error.is_other_request() && error.is_outcome_unknown(), "{error}");
}

#[test]
fn unsendable_statement_leaves_its_transaction_usable() {
    // The first statement of a connection, and the first statement after a ROLLBACK whose answer has not arrived.
    for behind_rollback in [false, true] {
        let network = Network::default();
        let begun = [control("BEGIN"), found(&[1]), ready(b"T")].concat();
        if behind_rollback {
            network.accept([
                Step::AwaitWrite,
                Step::Send([login(), begun.clone()].concat()),
                Step::AwaitWrite,
                Step::AwaitWrite,
                Step::Send([rolled_back(), begun].concat()),
                Step::AwaitWrite,
                Step::Send(committed()),
                Step::Stall,
            ]);
        } else {
            network.accept([Step::Stall]);
            network.accept(answers([begun, committed()]));
        }
        let dsql = Dsql::within(retrying().max_message(1000), network.clone());
        if behind_rollback {
            let body = async |tx: Transaction<'_>| {
                query(&WRITE).fetch_one(tx).await?;
                Err::<(), _>(Error::new(crate::error::Kind::NoRows))
            };
            assert!(now(dsql.transaction(body).into_future()).unwrap_err().is_no_rows());
        }
        let body = async |tx: Transaction<'_>| {
            let mut long = Arguments::with_capacity(1);
            long.bind::<sql::Text, NotNull, _>(&"x".repeat(2000));
            let unsent = Command::new(&DELETE, long).execute(tx).await.unwrap_err();
            assert!(unsent.is_too_long() && !unsent.is_conversion(), "{unsent}");
            query(&WRITE).fetch_one(tx).await
        };
        assert_eq!(now(dsql.transaction(body).into_future()).unwrap(), 1, "{behind_rollback}");
    }
}

/// The server shuts down before it has answered the ROLLBACK that precedes the next flight.
#[test]
fn shutdown_in_front_of_a_flight_is_a_lost_connection() {
    let shut_down = |network: &Network| {
        network.accept([
            Step::AwaitWrite,
            Step::Send([login(), control("BEGIN"), found(&[1]), ready(b"T")].concat()),
            Step::AwaitWrite,
            Step::AwaitWrite,
            Step::Send(error("FATAL", "57P01")),
            Step::Close,
        ]);
        let dsql = Dsql::within(retrying(), network.clone());
        let body = async |tx: Transaction<'_>| {
            query(&WRITE).fetch_one(tx).await?;
            Err::<(), _>(Error::new(crate::error::Kind::NoRows))
        };
        assert!(now(dsql.transaction(body).into_future()).unwrap_err().is_no_rows());
        dsql
    };
    let network = Network::default();
    let dsql = shut_down(&network);
    network.accept(answers([rows("n", 23, &[2])]));
    assert_eq!(eventually(&network, query(&READ).fetch_one(&dsql)).unwrap(), 2);
    let network = Network::default();
    let error = eventually(&network, query(&WRITE).fetch_one(&shut_down(&network))).unwrap_err();
    assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{error}");
}

/// `RAISE EXCEPTION 'no % here', value USING ERRCODE = 'check_violation'`, as PostgreSQL 16 reports it.
#[test]
fn message_that_a_function_raises_is_not_shown() {
    let fields =
        format!("SERROR\0VERROR\0C23514\0Mno {CANARY} here\0Fpl_exec.c\0L3911\0Rexec_stmt_raise\0\0");
    let network = Network::default();
    network.accept(answers([[frame(b'E', fields.as_bytes()), ready(b"I")].concat()]));
    let error = now(query(&WRITE).fetch_one(&Dsql::within(retrying(), network.clone()))).unwrap_err();
    assert!(error.is_check_violation() && !format!("{error} {error:?}").contains(CANARY), "{error}");
    assert!(error.message().unwrap().contains(CANARY));
}

/// Before its transaction needs a connection, the closure takes longer than `Config::connect_timeout`.
#[test]
fn time_of_the_closure_is_not_that_of_connecting() {
    static KEY: Statement =
        Statement { columns: &[], ..statement("INSERT INTO keys VALUES (1)", Effect::Write) };
    static CONSTRAINTS: KeyConstraints =
        KeyConstraints { names: &["t_pkey"], all: true, does_nothing: false };
    let slowly = async |network: Network| network.elapse(Duration::from_secs(11));

    // The login is lost once, and the attempt runs again.
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Close]);
    network.accept(answers([[control("BEGIN"), found(&[1]), ready(b"T")].concat(), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let body = async |tx: Transaction<'_>| {
        slowly(network.clone()).await;
        query(&WRITE).fetch_one(tx).await
    };
    assert_eq!(eventually(&network, dsql.transaction(body).into_future()).unwrap(), 1);

    // The closure sends nothing, so only the key is sent, after the closure. The server delays its answer to the INSERT
    // of the key.
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::AwaitWrite]);
    let dsql = Dsql::within(retrying(), network.clone());
    let body = async |_: Transaction<'_>| {
        slowly(network.clone()).await;
        Ok::<_, Error>(())
    };
    let key = KeyInsert::new(&KEY, Arguments::default(), &CONSTRAINTS);
    let running = dsql.transaction(body).idempotency_key(key).into_future();
    assert!(settle(running).is_pending(), "the server has just been asked");
}

/// The time limit for connecting ends in the pause before the second attempt.
#[test]
fn attempt_that_is_not_made_is_not_counted() {
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Close]);
    let dsql = Dsql::within(retrying().connect_timeout(Duration::from_millis(1)), network.clone());
    let error = eventually(&network, query(&READ).fetch_one(&dsql)).unwrap_err();
    assert!(error.is_connect() && error.attempts() == 1, "{error}");
    assert_eq!(network.connections(), (1, 0));
}

//! Statements for many rows: the frames of each chunk, and the committed rows after a failure.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::many_rows::{ManyRows, arrays, rows};
use crate::query::{BulkCommand, BulkQuery};

pub(super) static INSERT: Statement =
    Statement { params: &[23], columns: &[], ..statement("INSERT INTO t VALUES ($1)", Effect::Write) };
pub(super) static RETURNING: Statement =
    Statement { params: &[23], ..statement("INSERT INTO t VALUES ($1) RETURNING n", Effect::Write) };
static UNNEST: Statement =
    Statement { params: &[1007], columns: &[], ..statement("INSERT … FROM UNNEST($1)", Effect::Write) };

fn insert<'a>(numbers: impl IntoIterator<Item = i32, IntoIter: Send + 'a>) -> BulkCommand<'a> {
    BulkCommand::new(&INSERT, rows(numbers, |n, arguments| arguments.bind::<sql::Int4, NotNull, _>(&n)))
}

fn unnest<'a>(numbers: impl IntoIterator<Item = i32, IntoIter: Send + 'a>) -> BulkCommand<'a> {
    let bind = |n, rows: &mut ManyRows| rows.bind::<sql::Int4, NotNull, _>(0, &n, "$n of type int4");
    BulkCommand::new(&UNNEST, arrays(&[23], numbers, bind))
}

/// The answer to a statement that is executed this many times and affects one row each time.
pub(super) fn inserted(times: usize) -> Vec<u8> {
    let again = [frame(b'2', b""), frame(b'C', b"INSERT 0 1\0")].concat();
    [done("INSERT 0 1"), again.repeat(times - 1)].concat()
}

pub(super) fn begun(times: usize) -> Vec<u8> {
    [control("BEGIN"), inserted(times), ready(b"T")].concat()
}

/// The answer to a chunk with its BEGIN and COMMIT.
pub(super) fn transaction(times: usize) -> Vec<u8> {
    [control("BEGIN"), inserted(times), control("COMMIT")].concat()
}

pub(super) fn committed() -> Vec<u8> {
    [control("COMMIT"), ready(b"I")].concat()
}

pub(super) const SQL: &str = "INSERT INTO t VALUES ($1)";

#[test]
fn rows_go_in_one_flight_and_their_commit_in_another() {
    let network = Network::default();
    let all = [control("BEGIN"), done("INSERT 0 3"), ready(b"T")].concat();
    network.accept(answers([begun(100), committed(), all, committed(), rows_fused(3)]));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(now(insert(0..100).execute(&dsql)).unwrap(), 100);
    assert_eq!(now(unnest(0..3).execute(&dsql)).unwrap(), 3);
    assert_eq!(now(insert(0..3).fused().execute(&dsql)).unwrap(), 3);
    assert_eq!(now(insert(0..0).execute(&dsql)).unwrap(), 0);
    assert_eq!(now(unnest(0..0).execute(&dsql)).unwrap(), 0);
    assert_eq!(
        sent(&network),
        [
            &format!("login BEGIN {SQL} |"),
            "COMMIT |",
            "BEGIN INSERT … FROM UNNEST($1) |",
            "COMMIT |",
            &format!("BEGIN {SQL} COMMIT |"),
        ]
    );
}

fn rows_fused(times: usize) -> Vec<u8> {
    [transaction(times), ready(b"I")].concat()
}

#[test]
fn rows_are_read_and_sent_in_chunks() {
    let network = Network::default();
    network.accept(answers([
        begun(3000),
        [committed(), begun(3000)].concat(),
        failure("40001"),
        begun(3000),
        committed(),
    ]));
    let dsql = Dsql::within(retrying(), network.clone());
    let produced = AtomicU32::new(0);
    let numbers = (0..6000).inspect(|_| {
        produced.fetch_add(1, Ordering::Relaxed);
    });
    let mut inserting = Box::pin(insert(numbers).execute(&dsql));
    // The client is still in the pause after the conflict.
    assert!(settle(inserting.as_mut()).is_pending());
    assert_eq!(produced.load(Ordering::Relaxed), 6000);
    assert_eq!(eventually(&network, inserting).unwrap(), 6000);

    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Send(login()), Step::Stall]);
    produced.store(0, Ordering::Relaxed);
    let endless = std::iter::repeat(7).inspect(|_| {
        produced.fetch_add(1, Ordering::Relaxed);
    });
    let dsql = Dsql::within(retrying(), network.clone());
    assert!(settle(insert(endless).execute(&dsql)).is_pending());
    assert_eq!(produced.load(Ordering::Relaxed), 3000, "rows are not read before they can be sent");
}

#[test]
fn error_has_the_number_of_committed_rows() {
    let lost = |answer: Vec<u8>| {
        let mut steps = answers([begun(3000), [committed(), answer].concat()]);
        steps.pop();
        steps.retain(|step| !matches!(step, Step::Send(bytes) if bytes.is_empty()));
        steps.push(Step::Close);
        steps
    };
    let refused = [control("BEGIN"), error("ERROR", "23505"), ready(b"E")].concat();
    let network = Network::default();
    let rolled_back = [control("ROLLBACK"), ready(b"I")].concat();
    network.accept(answers([begun(3000), [committed(), refused].concat(), rolled_back]));
    let dsql = Dsql::within(retrying(), network.clone());
    let violation = now(insert(0..5000).execute(&dsql)).unwrap_err();
    assert!(violation.is_unique_violation() && !violation.is_outcome_unknown(), "{violation}");
    assert_eq!(violation.committed_rows(), Some(3000));
    assert!(violation.to_string().contains("; 3000 rows had been committed"), "{violation}");
    assert_eq!(sent(&network).last().unwrap(), "ROLLBACK |");

    // If the connection is lost before COMMIT, the chunk is sent again. If the connection is lost after COMMIT, only
    // that chunk's outcome is unknown.
    let network = Network::default();
    network.accept(lost(control("BEGIN")));
    network.accept(answers([begun(2000), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(eventually(&network, insert(0..5000).execute(&dsql)).unwrap(), 5000);
    let network = Network::default();
    let mut steps = answers([begun(3000), [committed(), begun(2000)].concat()]);
    steps.pop();
    steps.extend([Step::AwaitWrite, Step::Close]);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    let unknown = eventually(&network, insert(0..5000).execute(&dsql)).unwrap_err();
    assert!(unknown.is_outcome_unknown() && unknown.committed_rows() == Some(3000), "{unknown}");
    assert!(unknown.to_string().contains("; at least 3000 rows had been committed;"), "{unknown}");
    // With `fused`, COMMIT was sent with the rows.
    let network = Network::default();
    let mut steps = answers([rows_fused(3000), vec![]]);
    steps.truncate(steps.len() - 2);
    steps.push(Step::Close);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    let unknown = eventually(&network, insert(0..5000).fused().execute(&dsql)).unwrap_err();
    assert!(unknown.is_outcome_unknown() && unknown.committed_rows() == Some(3000), "{unknown}");
    assert!(unknown.to_string().contains("; at least 3000 rows had been committed;"), "{unknown}");

    // The second chunk contains a value that cannot be sent.
    let network = Network::default();
    network.accept(answers([begun(3000), committed()]));
    let texts = (0..4000).map(|n| if n == 3500 { "a\0b" } else { "ab" });
    let bind = |text: &str, arguments: &mut Arguments| arguments.bind::<sql::Text, NotNull, _>(text);
    let bad = BulkCommand::new(&INSERT, rows(texts, bind));
    let dsql = Dsql::within(retrying(), network.clone());
    let local = now(bad.execute(&dsql)).unwrap_err();
    assert!(local.is_conversion() && local.committed_rows() == Some(3000), "{local}");
}

/// Makes a command that inserts the numbers in chunks of two rows.
pub(super) fn in_pairs<'a>(numbers: impl IntoIterator<Item = i32, IntoIter: Send + 'a>) -> BulkCommand<'a> {
    let mut command = insert(numbers);
    command.bulk.max_rows = 2;
    command
}

#[test]
fn commit_of_a_chunk_is_sent_with_the_next_chunk() {
    let network = Network::default();
    let next = || [committed(), begun(2)].concat();
    network.accept(answers([begun(2), next(), [committed(), begun(1)].concat(), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(now(in_pairs(0..5).execute(&dsql)).unwrap(), 5);
    let behind = format!("COMMIT | BEGIN {SQL} |");
    assert_eq!(sent(&network), [&format!("login BEGIN {SQL} |"), &behind, &behind, "COMMIT |"]);
    // In a session, the flights are the same.
    network.accept(answers([begun(2), next(), committed()]));
    let mut session = dsql.session();
    assert_eq!(now(in_pairs(0..4).execute(&mut session)).unwrap(), 4);
    assert_eq!(sent(&network)[5..], [&behind, "COMMIT |"]);
}

/// After an error, the server skips all later chunks of the flight.
#[test]
fn fused_chunks_share_a_flight_and_continue_after_a_conflict() {
    let fused = |numbers| in_pairs(numbers).fused();
    let network = Network::default();
    let conflict =
        [transaction(2), control("BEGIN"), inserted(2), error("ERROR", "40001"), ready(b"I")].concat();
    network
        .accept(answers([conflict, [transaction(2), control("BEGIN"), inserted(1), committed()].concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(eventually(&network, fused(0..5).execute(&dsql)).unwrap(), 5);
    let chunk = format!("BEGIN {SQL} COMMIT");
    assert_eq!(sent(&network), [format!("login {chunk} {chunk} {chunk} |"), format!("{chunk} {chunk} |")]);

    // A rejected chunk, and a lost connection: the error has the number of rows that were committed before.
    let rejected = [transaction(2), control("BEGIN"), error("ERROR", "23505"), ready(b"E")].concat();
    for (answer, is_lost) in [(rejected, false), ([transaction(2), control("BEGIN")].concat(), true)] {
        let network = Network::default();
        let mut steps = answers([answer]);
        steps.pop();
        steps.push(if is_lost { Step::Break(TransportErrorKind::Lost) } else { Step::Stall });
        network.accept(steps);
        let dsql = Dsql::within(retrying(), network.clone());
        let error = eventually(&network, fused(0..6).execute(&dsql)).unwrap_err();
        assert_eq!((error.committed_rows(), error.is_outcome_unknown()), (Some(2), is_lost), "{error}");
    }

    // At most eight chunks are sent in a flight; a row that cannot be sent ends the last chunk of the flight.
    let network = Network::default();
    network.accept(answers([
        [transaction(2).repeat(8), ready(b"I")].concat(),
        [control("INSERT 0 1"), ready(b"I")].concat(),
    ]));
    let texts = (0..24).map(|n| if n == 17 { "a\0b" } else { "ab" });
    let bind = |text: &str, arguments: &mut Arguments| arguments.bind::<sql::Text, NotNull, _>(text);
    let mut bad = BulkCommand::new(&INSERT, rows(texts, bind));
    bad.bulk.max_rows = 2;
    let error = now(bad.fused().execute(&Dsql::within(retrying(), network.clone()))).unwrap_err();
    assert!(error.is_conversion() && error.committed_rows() == Some(16), "{error}");
}

/// Both chunks are sent again, on the same connection.
#[test]
fn conflict_of_a_chunk_rolls_back_the_chunk_behind_it() {
    for is_session in [false, true] {
        let network = Network::default();
        let mut steps = answers([begun(2), [failure("40001"), begun(2)].concat()]);
        steps.pop();
        let rolled_back = [control("ROLLBACK"), ready(b"I")].concat();
        steps.extend([Step::AwaitWrite, Step::AwaitWrite, Step::Send([rolled_back, begun(2)].concat())]);
        steps.extend([Step::AwaitWrite, Step::Send(committed())]);
        steps.extend([Step::AwaitWrite, Step::Send(begun(2))]);
        steps.extend([Step::AwaitWrite, Step::Send(committed()), Step::Stall]);
        network.accept(steps);
        let dsql = Dsql::within(retrying(), network.clone());
        let mut session = dsql.session();
        let inserted = match is_session {
            true => eventually(&network, in_pairs(0..4).execute(&mut session)),
            false => eventually(&network, in_pairs(0..4).execute(&dsql)),
        };
        assert_eq!(inserted.unwrap(), 4);
        let (rows, commit) = (format!("BEGIN {SQL} |"), "COMMIT |".to_owned());
        assert_eq!(sent(&network)[2..], ["ROLLBACK |", &rows, &commit, &rows, &commit]);
        assert_eq!(network.connections().0, 1);
    }
}

#[test]
fn loss_after_a_commit_behind_which_rows_were_sent() {
    let lost = |answer: Vec<u8>| {
        let mut steps = answers([begun(2)]);
        steps.pop();
        steps.push(Step::AwaitWrite);
        if !answer.is_empty() {
            steps.push(Step::Send(answer));
        }
        steps.push(Step::Break(TransportErrorKind::Lost));
        steps
    };
    let run = |answer: Vec<u8>, again: &[Vec<u8>]| {
        let network = Network::default();
        network.accept(lost(answer));
        network.accept(answers(again.iter().cloned()));
        let dsql = Dsql::within(retrying(), network.clone());
        eventually(&network, in_pairs(0..4).execute(&dsql))
    };
    // COMMIT was not answered: its outcome is unknown, and nothing is sent again.
    for answer in [vec![], control("COMMIT")] {
        let unknown = run(answer, &[]).unwrap_err();
        assert!(unknown.is_outcome_unknown() && unknown.committed_rows() == Some(0), "{unknown}");
    }
    // COMMIT was answered: only the second chunk is sent again.
    for answer in [committed(), [committed(), begun(2)[..20].to_vec()].concat()] {
        assert_eq!(run(answer, &[begun(2), committed()]).unwrap(), 4);
    }
    // COMMIT was rejected: both chunks are sent again.
    for answer in [failure("40001"), [failure("40001"), begun(2)[..20].to_vec()].concat()] {
        assert_eq!(run(answer, &[begun(2), committed(), begun(2), committed()]).unwrap(), 4);
    }
    // COMMIT was answered with ROLLBACK, or rejected for good.
    let rolled_back = [control("ROLLBACK"), ready(b"I")].concat();
    for answer in [rolled_back, failure("23503")] {
        let error = run([answer, begun(2)].concat(), &[]).unwrap_err();
        assert!(!error.is_outcome_unknown() && error.committed_rows() == Some(0), "{error}");
    }
}

#[test]
fn row_that_cannot_be_sent_does_not_hinder_earlier_chunks() {
    let network = Network::default();
    network.accept(answers([begun(2), committed()]));
    let texts = ["a", "b", "a text that is longer than the limit of a message", "c"];
    let bind = |text: &str, arguments: &mut Arguments| arguments.bind::<sql::Text, NotNull, _>(text);
    let mut long = BulkCommand::new(&INSERT, rows(texts, bind));
    long.bulk.max_rows = 2;
    let dsql = Dsql::within(retrying().max_message(60), network.clone());
    let error = now(long.execute(&dsql)).unwrap_err();
    assert!(error.committed_rows() == Some(2) && !error.is_outcome_unknown(), "{error}");
    assert_eq!(sent(&network).last().unwrap(), "COMMIT |");
}

/// The answer to an INSERT with RETURNING that is executed once for each of these values.
pub(super) fn returned(values: &[i32]) -> Vec<u8> {
    let one = |value: &i32| {
        let row = [&[0, 1, 0, 0, 0, 4][..], &value.to_be_bytes()].concat();
        [frame(b'2', b""), frame(b'D', &row), frame(b'C', b"INSERT 0 1\0")].concat()
    };
    [found(&values[..1]), values[1..].iter().flat_map(one).collect()].concat()
}

#[test]
fn returned_rows_are_those_of_the_committed_attempt() {
    let answer = |values: &[i32]| [control("BEGIN"), returned(values), ready(b"T")].concat();
    let network = Network::default();
    network.accept(answers([answer(&[7, 8, 9]), failure("40001"), answer(&[1, 2, 3]), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let bind = |n, arguments: &mut Arguments| arguments.bind::<sql::Int4, NotNull, _>(&n);
    let decode = |row: &DataRow<'_>| row.column::<sql::Int4, NotNull, i32>(0);
    let inserting = BulkQuery::new(&RETURNING, rows([1, 2, 3], bind), decode);
    assert_eq!(eventually(&network, inserting.fetch_all(&dsql)).unwrap(), [1, 2, 3]);
}

#[test]
fn within_a_transaction_or_a_pipeline_they_are_part_of_it() {
    let network = Network::default();
    network.accept(answers([
        begun(3000),
        [inserted(1000), ready(b"T")].concat(),
        [inserted(2), done("INSERT 0 5"), ready(b"T")].concat(),
        committed(),
        [control("BEGIN"), inserted(2), found(&[4]), committed()].concat(),
    ]));
    let dsql = Dsql::within(retrying(), network.clone());
    let result = now(dsql
        .transaction(async |tx| {
            let many = insert(0..4000).execute(tx).await?;
            Ok::<_, Error>((many, tx.pipeline((insert(0..2), unnest(0..5), insert(0..0))).await?))
        })
        .into_future());
    assert_eq!(result.unwrap(), (4000, (2, 5, 0)));
    let pipelined = now(dsql.pipeline((insert(0..2), query(&READ).one())));
    assert_eq!(pipelined.unwrap(), (2, 4));
    let begin = format!("BEGIN {SQL} SELECT n FROM t COMMIT |");
    assert_eq!(sent(&network)[3..], ["COMMIT |", &begin]);
    let refused = now(dsql.pipeline((insert(0..3001), query(&READ)))).unwrap_err();
    assert!(refused.is_too_long() && refused.to_string().contains("3,000"), "{refused}");
    assert_eq!(network.written().len(), 5, "nothing is sent");
}

//! Tests idempotency keys: which answers of the server mean that the key exists already.

use super::transactions::{WRITE_SQL, begun_badly, committed, failed, rolled_back};
use super::*;

static KEY: Statement = Statement { columns: &[], ..statement("INSERT INTO keys VALUES (1)", Effect::Write) };
/// The constraint in the errors of these tests.
static CONSTRAINTS: KeyConstraints = KeyConstraints { names: &["t_pkey"], all: true, does_nothing: false };

fn once(network: &Network, constraints: &'static KeyConstraints) -> Result<IdempotentOutcome<i32>, Error> {
    let dsql = Dsql::within(retrying(), network.clone());
    let body = async |tx: Transaction<'_>| query(&WRITE).fetch_one(tx).await;
    let key = KeyInsert::new(&KEY, Arguments::default(), constraints);
    eventually(network, dsql.transaction(body).idempotency_key(key).into_future())
}

/// The answers to BEGIN, to the INSERT of the key (with `tag`), and to a statement that returns `values`.
fn keyed(tag: &str, values: &[i32]) -> Vec<u8> {
    [control("BEGIN"), done(tag), found(values), ready(b"T")].concat()
}

#[test]
fn key_resolves_an_unknown_outcome() {
    let once = |network: &Network| once(network, &CONSTRAINTS);
    let keyed = |values: &[i32]| keyed("INSERT 0 1", values);
    let flight = format!("login BEGIN INSERT INTO keys VALUES (1) {WRITE_SQL} |");

    let network = Network::default();
    network.accept(answers([keyed(&[1]), committed()]));
    assert_eq!(once(&network).unwrap(), IdempotentOutcome::Committed(1));
    assert_eq!(sent(&network)[..2], [&flight, "COMMIT |"]);

    let network = Network::default();
    network.accept(answers([begun_badly("23505"), rolled_back()]));
    assert_eq!(once(&network).unwrap(), IdempotentOutcome::AlreadyCommitted);

    // The answer to COMMIT is lost; the transaction runs again, and the key shows the outcome of the first run.
    for (then, outcome) in [
        (vec![begun_badly("23505")], IdempotentOutcome::AlreadyCommitted),
        (vec![keyed(&[2]), committed()], IdempotentOutcome::Committed(2)),
    ] {
        let network = Network::default();
        let mut lost = answers([keyed(&[1]), vec![]]);
        lost.truncate(lost.len() - 2);
        lost.push(Step::Close);
        network.accept(lost);
        network.accept(answers(then));
        assert_eq!(once(&network).unwrap(), outcome);
        assert_eq!(sent(&network)[1..3], ["COMMIT |", &flight]);
    }

    // A violation by another statement does not mean that the key is taken.
    let network = Network::default();
    network
        .accept(answers([[control("BEGIN"), done("INSERT 0 1"), failed("23505")].concat(), rolled_back()]));
    assert!(once(&network).unwrap_err().is_unique_violation());

    // A transaction without statements still inserts its key.
    let network = Network::default();
    network.accept(answers([[control("BEGIN"), done("INSERT 0 1"), ready(b"T")].concat(), committed()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let key = KeyInsert::new(&KEY, Arguments::default(), &CONSTRAINTS);
    let nothing = dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key(key);
    assert_eq!(now(nothing.into_future()).unwrap(), IdempotentOutcome::Committed(()));
    assert_eq!(sent(&network), ["login BEGIN INSERT INTO keys VALUES (1) |", "COMMIT |"]);
}

#[test]
fn no_row_with_do_nothing_means_that_the_key_is_taken() {
    static DOES_NOTHING: KeyConstraints = KeyConstraints { does_nothing: true, ..CONSTRAINTS };
    let network = Network::default();
    network.accept(answers([keyed("INSERT 0 0", &[1]), rolled_back()]));
    assert_eq!(once(&network, &DOES_NOTHING).unwrap(), IdempotentOutcome::AlreadyCommitted);
    assert_eq!(sent(&network)[1], "ROLLBACK |");

    // Only the answer to the key's INSERT decides the result: a later statement may fail because of a row that the
    // first run has inserted.
    let network = Network::default();
    network
        .accept(answers([[control("BEGIN"), done("INSERT 0 0"), failed("23505")].concat(), rolled_back()]));
    assert_eq!(once(&network, &DOES_NOTHING).unwrap(), IdempotentOutcome::AlreadyCommitted);

    // The answer to COMMIT is lost: the transaction is not applied a second time.
    let network = Network::default();
    let mut lost = answers([keyed("INSERT 0 1", &[1]), vec![]]);
    lost.truncate(lost.len() - 2);
    lost.push(Step::Close);
    network.accept(lost);
    network.accept(answers([keyed("INSERT 0 0", &[2]), rolled_back()]));
    assert_eq!(once(&network, &DOES_NOTHING).unwrap(), IdempotentOutcome::AlreadyCommitted);
    assert_eq!(sent(&network).iter().filter(|expected| *expected == "COMMIT |").count(), 1);

    // A transaction without statements.
    let network = Network::default();
    network.accept(answers([[control("BEGIN"), done("INSERT 0 0"), ready(b"T")].concat(), rolled_back()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let key = KeyInsert::new(&KEY, Arguments::default(), &DOES_NOTHING);
    let nothing = dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key(key);
    assert_eq!(now(nothing.into_future()).unwrap(), IdempotentOutcome::AlreadyCommitted);
}

#[test]
fn no_row_without_do_nothing_is_an_error() {
    let network = Network::default();
    network.accept(answers([keyed("INSERT 0 0", &[1]), rolled_back()]));
    let error = once(&network, &CONSTRAINTS).unwrap_err();
    assert!(error.to_string().contains("inserted no row") && error.attempts() == 1, "{error}");
    assert!(!error.is_outcome_unknown() && !error.is_executed(), "{error}");
    assert_eq!(sent(&network)[1], "ROLLBACK |");
}

#[test]
fn a_violation_of_another_constraint_is_an_error() {
    static OTHER: KeyConstraints = KeyConstraints { names: &["t_a_key"], ..CONSTRAINTS };
    let network = Network::default();
    network.accept(answers([begun_badly("23505"), rolled_back()]));
    let error = once(&network, &OTHER).unwrap_err();
    assert!(error.is_unique_violation() && error.constraint() == Some("t_pkey"), "{error}");
    // An error of another kind with the key's constraint does not mean that the key is taken, either.
    let network = Network::default();
    network.accept(answers([begun_badly("23514"), rolled_back()]));
    assert!(once(&network, &CONSTRAINTS).unwrap_err().is_check_violation());
}

#[test]
fn nameless_violation_counts_if_all_constraints_are_keys() {
    static SOME: KeyConstraints = KeyConstraints { all: false, ..CONSTRAINTS };
    let nameless = frame(b'E', b"SERROR\0VERROR\0C23505\0Msorry\0\0");
    let refused = || [control("BEGIN"), nameless.clone(), ready(b"E")].concat();
    let network = Network::default();
    network.accept(answers([refused(), rolled_back()]));
    assert_eq!(once(&network, &CONSTRAINTS).unwrap(), IdempotentOutcome::AlreadyCommitted);
    let network = Network::default();
    network.accept(answers([refused(), rolled_back()]));
    assert!(once(&network, &SOME).unwrap_err().is_unique_violation());
}

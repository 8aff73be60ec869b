//! Several statements in one flight.

use super::*;

fn delete() -> Command {
    Command::new(&DELETE, Arguments::default())
}

#[test]
fn a_pipeline_is_one_flight_and_one_transaction() {
    let network = Network::default();
    let three =
        [control("BEGIN"), found(&[1, 2]), done("DELETE 3"), found(&[4]), control("COMMIT"), ready(b"I")];
    let reads = [control("BEGIN"), found(&[]), found(&[5]), control("COMMIT"), ready(b"I")];
    network.accept(answers([three.concat(), reads.concat(), rows("n", 23, &[6])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let all = now(dsql.pipeline((query(&READ), delete(), query(&WRITE).one()))).unwrap();
    assert_eq!(all, (vec![1, 2], 3, 4));
    let mut session = dsql.session();
    assert_eq!(
        now(dsql.pipeline(vec![query(&READ).optional(), query(&READ).optional()])).unwrap(),
        [None, Some(5)]
    );
    // A pipeline of one query needs no transaction; for an empty pipeline, nothing is sent.
    assert_eq!(now(dsql.pipeline(query(&READ).one())).unwrap(), 6);
    assert_eq!(now(session.pipeline(Vec::<Command>::new())).unwrap(), Vec::<u64>::new());
    let (read, write) = ("SELECT n FROM t", "INSERT INTO t VALUES (1) RETURNING n");
    assert_eq!(
        sent(&network),
        [
            format!("login BEGIN {read} DELETE FROM t {write} COMMIT |"),
            format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY {read} {read} COMMIT |"),
            format!("{read} |"),
        ]
    );
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn the_first_error_is_that_of_the_pipeline_and_nothing_stays() {
    static OTHER: Statement = Statement { name: "other", ..statement("SELECT n FROM u", Effect::Read) };
    let network = Network::default();
    let failed = [control("BEGIN"), done("DELETE 1"), error("ERROR", "23505"), ready(b"E")].concat();
    let ended = [control("ROLLBACK"), ready(b"I")].concat();
    network.accept(answers([failed, ended, rows("n", 23, &[2])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let error = now(dsql.pipeline((delete(), query(&OTHER), delete()))).unwrap_err();
    assert!(error.is_unique_violation() && !error.is_outcome_unknown(), "{error}");
    assert!(error.to_string().contains("(other, "), "{error}");
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);
    assert_eq!(sent(&network)[1..], ["ROLLBACK |", "SELECT n FROM t |"]);
}

#[test]
fn conflicting_pipeline_is_retried_and_lost_one_is_not() {
    let good = [control("BEGIN"), found(&[1]), done("DELETE 1"), control("COMMIT"), ready(b"I")].concat();
    let conflict = [
        control("BEGIN"),
        found(&[7]),
        done("DELETE 1"),
        frame(b'1', b""),
        frame(b'2', b""),
        failure("40001"),
    ]
    .concat();
    let network = Network::default();
    network.accept(answers([conflict.clone(), good.clone()]));
    let dsql = Dsql::within(retrying(), network.clone());
    // The rows of the first attempt are discarded.
    assert_eq!(eventually(&network, dsql.pipeline((query(&READ), delete()))).unwrap(), (vec![1], 1));

    for cut in 0..good.len() {
        let network = Network::default();
        let mut steps = answers([rows("n", 23, &[1]), good[..cut].to_vec()]);
        steps.pop();
        steps.retain(|step| !matches!(step, Step::Send(bytes) if bytes.is_empty()));
        steps.push(Step::Close);
        network.accept(steps);
        let dsql = Dsql::within(retrying(), network.clone());
        now(query(&READ).fetch_one(&dsql)).unwrap();
        let error = eventually(&network, dsql.pipeline((query(&READ), delete()))).unwrap_err();
        assert!(error.is_outcome_unknown(), "cut at {cut}: {error}");
        assert_eq!(network.connections(), (1, 0));
    }
}

#[test]
fn unfit_row_is_reported_with_the_outcome() {
    let network = Network::default();
    let answer = |second: &[i32]| {
        [control("BEGIN"), done("DELETE 1"), found(second), control("COMMIT"), ready(b"I")].concat()
    };
    network.accept(answers([answer(&[]), answer(&[1, 2])]));
    let dsql = Dsql::within(retrying(), network.clone());
    assert!(now(dsql.pipeline((delete(), query(&READ).one()))).unwrap_err().is_no_rows());
    let error = now(dsql.pipeline((delete(), query(&READ).one()))).unwrap_err();
    assert!(error.is_too_many_rows() && error.is_executed(), "{error}");
}

#[test]
fn within_a_transaction_it_is_part_of_it() {
    let network = Network::default();
    let begun = [control("BEGIN"), found(&[1]), done("DELETE 2"), ready(b"T")].concat();
    let more = [done("DELETE 3"), found(&[4]), ready(b"T")].concat();
    network.accept(answers([begun, more, [control("COMMIT"), ready(b"I")].concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let result = now(dsql
        .transaction(async |tx| {
            let first = tx.pipeline((query(&READ).one(), delete())).await?;
            let second = tx.pipeline((delete(), query(&READ).one())).await?;
            Ok::<_, Error>((first, second))
        })
        .into_future());
    assert_eq!(result.unwrap(), ((1, 2), (3, 4)));
    assert_eq!(
        sent(&network),
        ["login BEGIN SELECT n FROM t DELETE FROM t |", "DELETE FROM t SELECT n FROM t |", "COMMIT |"]
    );
}

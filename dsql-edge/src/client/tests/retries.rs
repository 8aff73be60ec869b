//! Retries outside transactions, limits, and the events of listeners.

use std::sync::{Arc, Mutex};

use super::*;

fn write() -> Query<i32> {
    query(&WRITE)
}

fn read() -> Query<i32> {
    query(&READ)
}

/// Runs a query. The first connections follow the scripts, and the next connection answers the query.
fn run(
    query: Query<i32>,
    scripts: Vec<Result<Vec<Step>, TransportErrorKind>>,
) -> (Result<i32, Error>, usize) {
    let network = Network::default();
    for script in scripts {
        match script {
            Ok(steps) => network.accept(steps),
            Err(kind) => network.refuse(kind),
        }
    }
    network.accept(answers([rows("n", 23, &[5])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let result = eventually(&network, query.fetch_one(&dsql));
    (result, network.connections().0)
}

fn after_login(step: Step) -> Result<Vec<Step>, TransportErrorKind> {
    Ok(vec![Step::AwaitWrite, Step::Send(login()), step])
}

fn refused(code: &str, message: &str) -> Result<Vec<Step>, TransportErrorKind> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    Ok(vec![Step::AwaitWrite, Step::Send(frame(b'E', fields.as_bytes())), Step::Close])
}

#[test]
fn reads_run_again_when_the_connection_breaks_and_writes_do_not() {
    type Script = fn() -> Result<Vec<Step>, TransportErrorKind>;
    let lost: Vec<Script> = vec![
        || Ok(vec![Step::AwaitWrite, Step::Close]),
        || Ok(vec![Step::AwaitWrite, Step::Break(TransportErrorKind::Lost)]),
        || after_login(Step::Close),
        || after_login(Step::Break(TransportErrorKind::Lost)),
        || after_login(Step::Send(error("FATAL", "57P01"))),
        || after_login(Step::Send(failure("XX000"))),
    ];
    for (case, script) in lost.iter().enumerate() {
        assert_eq!(run(read(), vec![script(), script()]).0.unwrap(), 5, "{case}");
        assert!(run(read(), vec![script(), script(), script()]).0.is_err(), "{case}");
        let (result, connections) = run(write(), vec![script()]);
        assert!(result.unwrap_err().is_outcome_unknown(), "{case}");
        assert_eq!(connections, 1, "{case}");
    }
    // Half of an answer is treated as no answer.
    let half = rows("n", 23, &[9])[..40].to_vec();
    let script = Ok(vec![Step::AwaitWrite, Step::Send(login()), Step::Send(half), Step::Close]);
    assert_eq!(run(read(), vec![script]).0.unwrap(), 5);
}

#[test]
fn connecting_is_retried_for_reads_and_writes() {
    for query in [read, write] {
        assert_eq!(run(query(), vec![Err(TransportErrorKind::Unreachable); 2]).0.unwrap(), 5);
        assert!(run(query(), vec![Err(TransportErrorKind::Unreachable); 3]).0.unwrap_err().is_connect());
        for (code, message) in [
            ("53400", "Unable to accept connection, rate exceeded."),
            ("53300", "Unable to accept connection, too many open connections."),
            ("08006", "Unable to accept connection, waking up cluster, please retry later"),
            ("08P01", "invalid frontend message type 112"),
        ] {
            assert_eq!(run(query(), vec![refused(code, message)]).0.unwrap(), 5, "{message}");
        }
        for kind in [TransportErrorKind::Tls, TransportErrorKind::NoTls, TransportErrorKind::OtherRequest] {
            let (result, connections) = run(query(), vec![Err(kind)]);
            assert!(result.is_err() && connections == 0, "{kind:?}");
        }
        let (denied, connections) =
            run(query(), vec![refused("28000", "unable to accept connection, access denied")]);
        assert!(denied.unwrap_err().is_access_denied() && connections == 1);
    }
    let waking = || refused("08006", "Unable to accept connection, waking up cluster, please retry later");
    let error = run(read(), (0..9).map(|_| waking()).collect()).0.unwrap_err();
    assert!(error.is_waking_up() && error.attempts() > 2, "{error}");
}

#[test]
fn password_waits_for_a_server_that_must_request_it() {
    let network = Network::default();
    network.accept(refused("08P01", "invalid frontend message type 112").unwrap());
    network.accept(serial_login(rows("n", 23, &[5])));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(eventually(&network, write().fetch_one(&dsql)).unwrap(), 5);
    assert_eq!(sent(&network), [&format!("login {} |", WRITE.sql), "login", &format!("{} |", WRITE.sql)]);
}

#[test]
fn conflict_of_a_single_statement_is_retried() {
    for query in [read, write] {
        let network = Network::default();
        network.accept(answers([failure("40001"), failure("OC001"), rows("n", 23, &[5])]));
        let dsql = Dsql::within(retrying(), network.clone());
        assert_eq!(eventually(&network, query().fetch_one(&dsql)).unwrap(), 5);
        assert_eq!(network.connections(), (1, 1));
    }
    // A conflict at the commit, after the row had arrived: the row is discarded.
    let network = Network::default();
    let conflict = [found(&[1]), failure("40001")].concat();
    network.accept(answers([conflict, rows("n", 23, &[5])]));
    let dsql = Dsql::within(retrying(), network.clone());
    assert_eq!(eventually(&network, write().fetch_all(&dsql)).unwrap(), [5]);
}

/// To end a deadlock, PostgreSQL rolls back one of the transactions (40P01). DSQL has no locks, so it never sends
/// 40P01.
#[cfg(feature = "postgres")]
#[test]
fn deadlock_is_retried_like_a_conflict() {
    for query in [read, write] {
        let network = Network::default();
        network.accept(answers([failure("40P01"), rows("n", 23, &[5])]));
        let dsql = Dsql::within(retrying(), network.clone());
        assert_eq!(eventually(&network, query().fetch_one(&dsql)).unwrap(), 5);
    }
    let network = Network::default();
    network.accept(answers((0..5).map(|_| failure("40P01"))));
    let dsql = Dsql::within(retrying(), network.clone());
    let error = eventually(&network, write().fetch_one(&dsql)).unwrap_err();
    assert!(error.is_conflict() && !error.is_outcome_unknown() && error.attempts() == 5, "{error}");
}

#[test]
fn a_kept_connection_that_the_server_has_closed_is_replaced() {
    for end in [
        vec![Step::Close],
        vec![Step::Break(TransportErrorKind::Lost)],
        vec![Step::Send(error("FATAL", "57P01")), Step::Close],
    ] {
        let network = Network::default();
        let mut steps = answers([rows("n", 23, &[1])]);
        steps.pop();
        steps.extend(end);
        network.accept(steps);
        network.accept(answers([rows("n", 23, &[5])]));
        let dsql = Dsql::within(retrying().max_attempts(1), network.clone());
        assert_eq!(now(write().fetch_one(&dsql)).unwrap(), 1);
        assert_eq!(now(write().fetch_one(&dsql)).unwrap(), 5, "nothing had been sent");
        assert_eq!(network.connections(), (2, 1));
    }
}

#[test]
fn all_retries_draw_on_one_budget() {
    let network = Network::default();
    network.accept(answers((0..200).map(|_| failure("40001"))));
    let dsql = Dsql::within(retrying(), network.clone());
    let attempts: u32 =
        (0..20).map(|_| eventually(&network, read().fetch_one(&dsql)).unwrap_err().attempts()).sum();
    // The 20 queries make 20 first attempts. The full budget is 20 retries, and the 19 queries after the first add 1.9
    // retries.
    assert_eq!(attempts, 20 + 20 + 1);
}

#[test]
fn limits_are_errors_that_name_themselves() {
    let script = |network: &Network| network.accept(answers([rows("n", 23, &[1; 100]), rows("n", 23, &[2])]));
    let network = Network::default();
    script(&network);
    let dsql = Dsql::within(config().max_result(399), network.clone());
    let error = now(read().fetch_all(&dsql)).unwrap_err();
    assert!(error.is_too_long() && error.to_string().contains("Config::max_result"), "{error}");
    assert_eq!(now(read().fetch_one(&dsql)).unwrap(), 2, "the connection can be used again");

    let network = Network::default();
    script(&network);
    assert_eq!(now(read().execute(&Dsql::within(config().max_result(0), network.clone()))).unwrap(), 100);

    for (limit, bytes, named) in [
        (Config::max_row as fn(Config, usize) -> Config, 13, "Config::max_row"),
        (Config::max_message, 24, "Config::max_message"),
    ] {
        let network = Network::default();
        script(&network);
        let dsql = Dsql::within(limit(config(), bytes), network.clone());
        let error = now(read().fetch_all(&dsql)).unwrap_err();
        assert!(error.is_too_long() && error.to_string().contains(named), "{error}");
        assert_eq!(network.connections(), (1, 0));
    }
}

#[test]
fn listener_gets_statements_but_no_values() {
    let reported: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = reported.clone();
    let network = Network::default();
    network.accept(answers([
        failure("40001"),
        rows("n", 23, &[1, 2]),
        failure("23505"),
        [frame(b'E', format!("SERROR\0C22P02\0Mnot a number: \"{CANARY}\"\0\0").as_bytes()), ready(b"I")]
            .concat(),
        [control("BEGIN"), found(&[3]), ready(b"T")].concat(),
        [control("COMMIT"), ready(b"I")].concat(),
    ]));
    let dsql = Dsql::within(
        retrying().on_event(move |event| {
            let error = event.error().and_then(Error::sqlstate);
            let text = format!("{event:?} {:?}", event.error().map(Error::to_string));
            assert!(!text.contains(CANARY), "{text}");
            let reported = (event.name(), event.rows(), event.round_trips(), event.retries(), error);
            log.lock().unwrap().push(format!("{reported:?}"));
        }),
        network.clone(),
    );
    eventually(&network, read().fetch_all(&dsql)).unwrap();
    now(write().fetch_one(&dsql)).unwrap_err();
    now(write().fetch_one(&dsql)).unwrap_err();
    now(dsql.transaction(async |tx| read().fetch_one(tx).await).into_future()).unwrap();
    assert_eq!(
        reported.lock().unwrap()[..],
        [
            r#"(Some("numbers"), 2, 5, 1, None)"#,
            r#"(Some("numbers"), 0, 1, 0, Some(23505))"#,
            r#"(Some("numbers"), 0, 1, 0, Some(22P02))"#,
            r#"(Some("numbers"), 1, 1, 0, None)"#,
            "(None, 0, 1, 0, None)",
        ]
    );
}

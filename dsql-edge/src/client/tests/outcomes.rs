//! The reported outcome of a write after a failure: never a false success, never a false failure.

use super::*;

static KEY: Statement = Statement { columns: &[], ..statement("INSERT INTO keys VALUES (1)", Effect::Write) };

/// The constraint in the errors of these tests.
static CONSTRAINTS: KeyConstraints = KeyConstraints { names: &["t_pkey"], all: true, does_nothing: false };

fn key() -> KeyInsert {
    KeyInsert::new(&KEY, Arguments::default(), &CONSTRAINTS)
}

fn write() -> Query<i32> {
    query(&WRITE)
}

/// The configuration of a client that sends the password and the flight only after the server has requested the
/// password.
fn serial() -> Config {
    let credentials = Credentials::new("id", "key");
    Config::dangerous_endpoint("localhost", 1234, "localhost", "us-east-1", credentials).unwrap()
}

/// The statements that a closure runs before the failure.
#[derive(Debug, Clone, Copy)]
enum Closure {
    Empty,
    Writes,
    SwallowsErrors,
}

/// A transaction with a key, as a user would write it.
fn keyed(network: &Network, dsql: &Dsql, closure: Closure) -> Result<IdempotentOutcome<()>, Error> {
    let body = async move |tx: Transaction<'_>| {
        match closure {
            Closure::Empty => {}
            Closure::Writes => drop(write().fetch_one(tx).await?),
            Closure::SwallowsErrors => drop(write().fetch_one(tx).await),
        }
        Ok(())
    };
    eventually(network, dsql.transaction(body).idempotency_key(key()).into_future())
}

/// Tests each failure that is possible before the key is sent.
#[test]
fn key_that_was_not_sent_is_an_error() {
    use TransportErrorKind::{Lost, NoTls, OtherRequest, Tls, Unreachable, Unsupported};
    for closure in [Closure::Empty, Closure::Writes, Closure::SwallowsErrors] {
        let fails = |network: &Network, dsql: &Dsql, what: &str| {
            let result = keyed(network, dsql, closure);
            let error = result.expect_err(&format!("{what}, {closure:?}"));
            assert!(!error.is_outcome_unknown(), "{what}, {closure:?}: {error}");
            error
        };
        for kind in [Unreachable, Lost, NoTls, Tls, OtherRequest, Unsupported] {
            let network = Network::default();
            (0..9).for_each(|_| network.refuse(kind));
            fails(&network, &Dsql::within(retrying(), network.clone()), &format!("{kind:?}"));
        }
        for (code, message) in [
            ("28000", "unable to accept connection, access denied"),
            ("08006", "Unable to accept connection, waking up cluster, please retry later"),
            ("53300", "Unable to accept connection, too many open connections."),
        ] {
            let network = Network::default();
            for _ in 0..9 {
                let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
                network.accept([Step::AwaitWrite, Step::Send(frame(b'E', fields.as_bytes())), Step::Close]);
            }
            assert!(fails(&network, &Dsql::within(retrying(), network.clone()), code).is_connect());
        }
        // All connections are lent for longer than the timeout.
        let network = Network::default();
        network.accept([Step::AwaitWrite, Step::Send(login()), Step::Stall]);
        let dsql = Dsql::within(retrying().max_connections(1), network.clone());
        let mut busy = pin!(query(&READ).fetch_one(&dsql));
        let mut context = Context::from_waker(Waker::noop());
        assert!(busy.as_mut().poll(&mut context).is_pending());
        network.expire();
        assert!(fails(&network, &dsql, "busy").is_timeout());
        // The key and the statements are compiled for different values of search_path.
        static ELSEWHERE: Statement = Statement { search_path: "app", ..KEY };
        let network = Network::default();
        network.accept(answers([[control("BEGIN"), found(&[1]), ready(b"T")].concat()]));
        let mut session = Dsql::within(retrying(), network.clone()).session();
        network.expire();
        let _ = now(query(&READ).fetch_one(&mut session));
        let other = KeyInsert::new(&ELSEWHERE, Arguments::default(), &CONSTRAINTS);
        let body = async |_: Transaction<'_>| Ok::<_, Error>(());
        let result = now(session.transaction(body).idempotency_key(other).into_future());
        assert!(result.is_err(), "a session that is lost or looks names up elsewhere");
    }
}

/// The answer to COMMIT is lost, and the attempt that would resolve the outcome fails for another reason.
#[test]
fn unknown_outcome_stays_unknown_after_a_failed_retry() {
    let keyed_flight = || [control("BEGIN"), done("INSERT 0 1"), found(&[1]), ready(b"T")].concat();
    let first = || {
        let mut lost = answers([keyed_flight()]);
        lost.pop();
        lost.extend([Step::AwaitWrite, Step::Close]);
        lost
    };
    let failed = |code| [control("BEGIN"), error("ERROR", code), ready(b"E")].concat();
    let behind_key = |code| {
        let rolled_back = [control("ROLLBACK"), ready(b"I")].concat();
        answers([
            [control("BEGIN"), done("INSERT 0 1"), error("ERROR", code), ready(b"E")].concat(),
            rolled_back,
        ])
    };
    type Second = Box<dyn Fn(&Network)>;
    let seconds: [(&str, Second); 6] = [
        (
            "connection refused",
            Box::new(|network| (0..9).for_each(|_| network.refuse(TransportErrorKind::Unreachable))),
        ),
        ("TLS", Box::new(|network| network.refuse(TransportErrorKind::Tls))),
        ("another violation", Box::new(move |network| network.accept(behind_key("23505")))),
        ("a statement's error", Box::new(move |network| network.accept(behind_key("22012")))),
        ("the key's own error", Box::new(move |network| network.accept(answers([failed("42501")])))),
        (
            "COMMIT fails",
            Box::new(move |network| network.accept(answers([keyed_flight(), failure("54000")]))),
        ),
    ];
    for (what, second) in seconds {
        let network = Network::default();
        network.accept(first());
        second(&network);
        let error =
            keyed(&network, &Dsql::within(retrying(), network.clone()), Closure::Writes).expect_err(what);
        assert!(error.is_outcome_unknown(), "{what}: {error}");
    }
    // The closure fails the second time, before or after a statement.
    for statement_first in [true, false] {
        let network = Network::default();
        network.accept(first());
        network.accept(answers([keyed_flight(), [control("ROLLBACK"), ready(b"I")].concat()]));
        let times = std::sync::atomic::AtomicU32::new(0);
        let dsql = Dsql::within(retrying(), network.clone());
        let body = async |tx: Transaction<'_>| {
            let again = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0;
            if !again || statement_first {
                write().fetch_one(tx).await?;
            }
            if again { Err(Error::new(crate::error::Kind::NoRows)) } else { Ok(()) }
        };
        let error =
            eventually(&network, dsql.transaction(body).idempotency_key(key()).into_future()).unwrap_err();
        assert!(error.is_outcome_unknown() && !error.is_no_rows(), "{error}");
        assert_eq!(error.attempts(), 2);
    }
    // The key resolves the outcome.
    let network = Network::default();
    network.accept(first());
    network.accept(answers([failed("23505"), [control("ROLLBACK"), ready(b"I")].concat()]));
    let resolved = keyed(&network, &Dsql::within(retrying(), network.clone()), Closure::Writes);
    assert_eq!(resolved.unwrap(), IdempotentOutcome::AlreadyCommitted);
}

#[test]
fn read_only_transaction_with_a_key_is_an_error() {
    let network = Network::default();
    let dsql = Dsql::within(retrying(), network.clone());
    let body = async |_: Transaction<'_>| Ok::<_, Error>(());
    let error = now(dsql.transaction(body).read_only().idempotency_key(key()).into_future()).unwrap_err();
    assert!(error.is_config(), "{error}");
    assert_eq!(network.connections(), (0, 0));
}

/// The client waits for each answer of the login before it sends more. Each script ends the connection at another point
/// of the login.
#[test]
fn unsent_write_of_a_lost_login_is_not_unknown() {
    let asked = frame(b'R', &[0, 0, 0, 3]);
    let refused = frame(b'R', &[0, 0, 0, 99]);
    let scripts = [
        (vec![Step::AwaitWrite, Step::Close], false),
        (vec![Step::AwaitWrite, Step::Break(TransportErrorKind::Lost)], false),
        (vec![Step::AwaitWrite, Step::Send(vec![b'R', 0, 0]), Step::Close], false),
        (vec![Step::AwaitWrite, Step::Send(refused), Step::Close], false),
        (vec![Step::AwaitWrite, Step::Send(b"HTTP/1.1 400 Bad Request".to_vec()), Step::Close], false),
        // The request for the password arrives together with invalid bytes. The client detects these bytes before it
        // sends the write.
        (vec![Step::AwaitWrite, Step::Send([&asked[..], b"?????"].concat()), Step::Close], false),
        (vec![Step::AwaitWrite, Step::Send(asked.clone()), Step::AwaitWrite, Step::Close], true),
        (vec![Step::AwaitWrite, Step::Send(asked), Step::AwaitWrite, Step::Send(b"?????".to_vec())], true),
    ];
    for (script, sent) in scripts {
        let network = Network::default();
        network.accept(script.clone());
        let error =
            now(write().fetch_one(&Dsql::within(serial().max_attempts(1), network.clone()))).unwrap_err();
        assert_eq!(error.is_outcome_unknown(), sent, "{script:?}: {error}");
        let flights = super::sent(&network).concat();
        assert_eq!(flights.contains(WRITE.sql), sent, "{flights}");
    }
    // A statement that was not sent is sent again.
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Close]);
    network.accept(serial_login(rows("n", 23, &[5])));
    assert_eq!(eventually(&network, write().fetch_one(&Dsql::within(serial(), network.clone()))).unwrap(), 5);
}

/// Tests errors of the server at different positions in the answer to a write, and the reported outcome of the write.
#[test]
fn error_of_the_system_leaves_a_write_unknown() {
    let fatal = |code| error("FATAL", code);
    let panic = |code| error("PANIC", code);
    let cases = [
        ("FATAL", fatal("57P01"), true),
        ("FATAL of the statement", [frame(b'1', b""), frame(b'2', b""), fatal("57P01")].concat(), true),
        ("FATAL after the row", [found(&[1]), fatal("57P01")].concat(), true),
        ("PANIC", panic("XX000"), true),
        ("internal error", failure("XX000"), true),
        ("corrupted", failure("XX001"), true),
        ("I/O error", failure("58030"), true),
        ("a connection inside the cluster", failure("08006"), true),
        ("unknown completion", failure("40003"), true),
        ("unknown resolution", failure("08007"), true),
        ("a message that is not understood", failure("08P01"), false),
        ("a violation", failure("23505"), false),
        ("a violation at the commit", [found(&[1]), failure("23505")].concat(), false),
        ("a conflict", failure("40001"), false),
        ("cancelled", failure("57014"), false),
        ("out of memory", failure("53200"), false),
    ];
    for (what, answer, unknown) in cases {
        let network = Network::default();
        network.accept(answers([answer]));
        let error = now(write().fetch_one(&Dsql::within(config(), network.clone()))).unwrap_err();
        assert_eq!(error.is_outcome_unknown(), unknown, "{what}: {error}");
    }
    // COMMIT was in the same flight.
    for (what, answer, unknown) in [
        ("FATAL", [control("BEGIN"), fatal("57P01")].concat(), true),
        ("internal error", [control("BEGIN"), error("ERROR", "XX000"), ready(b"E")].concat(), false),
    ] {
        let network = Network::default();
        network.accept(answers([answer]));
        let error =
            now(Dsql::within(config(), network.clone()).pipeline((write(), write()))).map(drop).unwrap_err();
        assert_eq!(error.is_outcome_unknown(), unknown, "{what}: {error}");
    }
}

/// The statement is a `CALL` of a procedure that commits.
#[test]
fn statement_that_ended_the_transaction_leaves_it_unknown() {
    static CALL: Statement = Statement { columns: &[], ..statement("CALL p()", Effect::Write) };
    let network = Network::default();
    let begun = [control("BEGIN"), found(&[1]), ready(b"T")].concat();
    network.accept(answers([begun, [done("CALL"), ready(b"I")].concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let sneaky = dsql.transaction(async |tx| {
        write().fetch_one(tx).await?;
        Command::new(&CALL, Arguments::default()).execute(tx).await
    });
    let error = now(sneaky.into_future()).unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert!(error.to_string().contains("began or ended a transaction"), "{error}");
}

/// The server accepts a password only after it has requested the password. So the server rejects the login that was
/// sent together with the transaction's first statement.
#[test]
fn transaction_is_retried_with_a_serial_login() {
    let network = Network::default();
    let fields = "SFATAL\0VFATAL\0C08P01\0Minvalid frontend message type 112\0\0";
    network.accept([Step::AwaitWrite, Step::Send(frame(b'E', fields.as_bytes())), Step::Close]);
    let mut steps = serial_login([control("BEGIN"), found(&[5]), ready(b"T")].concat());
    steps.pop();
    steps.extend([Step::AwaitWrite, Step::Send([control("COMMIT"), ready(b"I")].concat()), Step::Stall]);
    network.accept(steps);
    let dsql = Dsql::within(retrying(), network.clone());
    let wrote = dsql.transaction(async |tx| write().fetch_one(tx).await);
    assert_eq!(eventually(&network, wrote.into_future()).unwrap(), 5);
}

/// Tests two servers: one completes the login and drops the rest of its input, and one only answers slowly.
#[test]
fn flight_that_was_dropped_with_the_login_is_sent_again() {
    let flight = format!("{WRITE_SQL} |");
    let next = format!("{READ_SQL} |");
    for drops in [true, false] {
        let network = Network::default();
        let mut steps = vec![Step::AwaitWrite, Step::Send(login()), Step::AwaitWrite];
        if drops {
            steps.extend([Step::Send(ready(b"I")), Step::AwaitWrite, Step::Send(rows("n", 23, &[5]))]);
        } else {
            steps.push(Step::Send([rows("n", 23, &[5]), ready(b"I")].concat()));
        }
        steps.extend([Step::AwaitWrite, Step::Send(rows("n", 23, &[7])), Step::Stall]);
        network.accept(steps);
        let dsql = Dsql::within(config(), network.clone());
        assert_eq!(eventually(&network, write().fetch_one(&dsql)).unwrap(), 5);
        assert_eq!(eventually(&network, query(&READ).fetch_one(&dsql)).unwrap(), 7);
        let first = format!("login {flight}");
        // In both cases, the client opens one connection, which continues to work.
        assert_eq!(network.connections(), (1, 1));
        match drops {
            true => assert_eq!(sent(&network), [&first, "|", &flight, &next]),
            false => assert_eq!(sent(&network), [&first, "|", &next]),
        }
        // After a dropped flight, the next connection waits for the end of the login.
        let mut session = dsql.session();
        let mut steps = answers([rows("n", 23, &[9])]);
        if drops {
            steps.insert(2, Step::AwaitWrite);
        }
        network.accept(steps);
        assert_eq!(eventually(&network, query(&READ).fetch_one(&mut session)).unwrap(), 9);
        let expected =
            if drops { vec!["login".to_owned(), next.clone()] } else { vec![format!("login {next}")] };
        assert!(sent(&network).ends_with(&expected), "{:?}", sent(&network));
    }
}

/// BEGIN, the key and the first statement are dropped; the transaction continues normally.
#[test]
fn transaction_that_was_dropped_with_the_login_is_sent_again() {
    let network = Network::default();
    let begun = [control("BEGIN"), done("INSERT 0 1"), found(&[1]), ready(b"T")].concat();
    network.accept([
        Step::AwaitWrite,
        Step::Send(login()),
        Step::AwaitWrite,
        Step::Send(ready(b"I")),
        Step::AwaitWrite,
        Step::Send(begun),
        Step::AwaitWrite,
        Step::Send([control("COMMIT"), ready(b"I")].concat()),
        Step::Stall,
    ]);
    let dsql = Dsql::within(config(), network.clone());
    assert_eq!(keyed(&network, &dsql, Closure::Writes).unwrap(), IdempotentOutcome::Committed(()));
    let flight = format!("BEGIN INSERT INTO keys VALUES (1) {WRITE_SQL} |");
    assert_eq!(sent(&network), [&format!("login {flight}"), "|", &flight, "COMMIT |"]);
}

#[test]
fn silent_server_times_out_with_unknown_outcome() {
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Send(login()), Step::Stall]);
    let dsql = Dsql::within(config(), network.clone());
    let mut waiting = pin!(write().fetch_one(&dsql));
    let mut context = Context::from_waker(Waker::noop());
    let error = loop {
        if let Poll::Ready(result) = waiting.as_mut().poll(&mut context) {
            break result.unwrap_err();
        }
        assert!(network.pass());
    };
    assert!(error.is_timeout() && error.is_outcome_unknown(), "{error}");
    assert_eq!(sent(&network).len(), 2);
}

const READ_SQL: &str = "SELECT n FROM t";
const WRITE_SQL: &str = "INSERT INTO t VALUES (1) RETURNING n";

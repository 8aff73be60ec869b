//! Single queries: flights, the connections of a `Dsql`, and every kind of failure.

use super::*;

#[test]
fn first_query_is_sent_with_the_login_and_the_next_alone() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1, 2]), rows("n", 23, &[3])]));
    let dsql = Dsql::within(config(), network.clone());
    assert_eq!(now(query(&READ).fetch_all(&dsql)).unwrap(), [1, 2]);
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 3);
    assert_eq!(network.connections(), (1, 1));
    let written = network.written();
    assert_eq!(written.len(), 2);
    assert_eq!(written[1][0], b'P');
    drop(dsql);
    assert_eq!(network.connections(), (1, 0));
    assert_eq!(network.written()[2], [b'X', 0, 0, 0, 4]);
}

#[test]
fn queries_of_two_search_paths_run_on_connections_of_their_own() {
    for order in [[&APP, &READ], [&READ, &APP]] {
        let network = Network::default();
        network.accept(answers([rows("n", 23, &[1]), rows("n", 23, &[3])]));
        network.accept(answers([rows("n", 23, &[2]), rows("n", 23, &[4])]));
        let dsql = Dsql::within(config(), network.clone());
        for (at, statement) in [order[0], order[1], order[0], order[1]].into_iter().enumerate() {
            assert_eq!(now(query(statement).fetch_one(&dsql)).unwrap(), i32::try_from(at).unwrap() + 1);
        }
        assert_eq!(network.connections(), (2, 2));
        for (at, statement) in order.iter().enumerate() {
            assert_eq!(names_a_search_path(&network.written()[at]), !statement.search_path.is_empty());
        }
        // If only one connection is allowed, the idle connection is closed so that the new one can be opened.
        let network = Network::default();
        network.accept(answers([rows("n", 23, &[1])]));
        network.accept(answers([rows("n", 23, &[2])]));
        let dsql = Dsql::within(config().max_connections(1), network.clone());
        for (at, statement) in order.into_iter().enumerate() {
            assert_eq!(now(query(statement).fetch_one(&dsql)).unwrap(), i32::try_from(at).unwrap() + 1);
        }
        assert_eq!(network.connections(), (2, 1));
    }
}

#[test]
fn statement_of_another_search_path_is_not_sent() {
    for order in [[&APP, &READ], [&READ, &APP]] {
        let refused = |result: Result<i32, Error>| {
            let error = result.unwrap_err();
            assert!(error.is_config() && !error.is_outcome_unknown(), "{error}");
            let text = error.to_string();
            assert!(text.contains("app, public") && text.contains("default"), "{text}");
        };
        // A session.
        let network = Network::default();
        network.accept(answers([rows("n", 23, &[1])]));
        let mut session = Dsql::within(config(), network.clone()).session();
        assert_eq!(now(query(order[0]).fetch_one(&mut session)).unwrap(), 1);
        refused(now(query(order[1]).fetch_one(&mut session)));
        assert_eq!(network.written().len(), 1);
        // A transaction.
        let network = Network::default();
        let begun = [control("BEGIN"), found(&[1]), ready(b"T")].concat();
        network.accept(answers([begun, [control("ROLLBACK"), ready(b"I")].concat()]));
        let dsql = Dsql::within(config(), network.clone());
        let both = dsql.transaction(async |tx| {
            query(order[0]).fetch_one(tx).await?;
            query(order[1]).fetch_one(tx).await
        });
        refused(now(both.into_future()));
        assert_eq!(network.connections(), (1, 1));
        // A pipeline.
        let network = Network::default();
        network.accept(answers([]));
        let dsql = Dsql::within(config(), network.clone());
        let both = dsql.pipeline((query(order[0]), query(order[1])));
        refused(now(both).map(|_| 0));
        assert_eq!(network.written().iter().map(Vec::len).sum::<usize>(), 0);
    }
}

#[test]
fn configured_search_path_serves_snapshots_without_one() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1]), rows("n", 23, &[2])]));
    let dsql = Dsql::within(config().search_path("\"app\",public"), network.clone());
    assert_eq!(now(query(&APP).fetch_one(&dsql)).unwrap(), 1);
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);
    assert_eq!(network.connections(), (1, 1));
    let other = Dsql::within(config().search_path("other"), network.clone());
    network.accept(answers([]));
    assert!(now(query(&APP).fetch_one(&other)).unwrap_err().is_config());
}

#[test]
fn an_unchecked_query_runs_on_any_search_path() {
    let unchecked = || Query::<i32>::unchecked(&READ, Arguments::default(), |_| Ok(7));
    for first_is_unchecked in [true, false] {
        let network = Network::default();
        network.accept(answers([rows("n", 23, &[1]), rows("n", 23, &[1])]));
        network.accept(answers([rows("n", 23, &[1])]));
        let dsql = Dsql::within(config(), network.clone());
        if first_is_unchecked {
            assert_eq!(now(unchecked().fetch_one(&dsql)).unwrap(), 7);
        }
        assert_eq!(now(query(&APP).fetch_one(&dsql)).unwrap(), 1);
        if !first_is_unchecked {
            assert_eq!(now(unchecked().fetch_one(&dsql)).unwrap(), 7);
        }
        let connections = if first_is_unchecked { (2, 2) } else { (1, 1) };
        assert_eq!(network.connections(), connections);
    }
}

static APP: Statement =
    Statement { search_path: "app, public", ..statement("SELECT n FROM t", Effect::Read) };

fn names_a_search_path(written: &[u8]) -> bool {
    let text = b"search_path\0app, public\0";
    written.windows(text.len()).any(|window| window == text)
}

#[test]
fn one_row_means_one_row() {
    let network = Network::default();
    network
        .accept(answers([&[][..], &[1], &[1, 2]].iter().cycle().take(6).map(|values| rows("n", 23, values))));
    let dsql = Dsql::within(config(), network.clone());
    assert!(now(query(&READ).fetch_one(&dsql)).unwrap_err().is_no_rows());
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 1);
    assert!(now(query(&READ).fetch_one(&dsql)).unwrap_err().is_too_many_rows());
    assert_eq!(now(query(&READ).fetch_optional(&dsql)).unwrap(), None);
    assert_eq!(now(query(&READ).fetch_optional(&dsql)).unwrap(), Some(1));
    assert!(now(query(&READ).fetch_optional(&dsql)).unwrap_err().is_too_many_rows());
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn concurrent_queries_open_connections_up_to_the_limit() {
    let network = Network::default();
    for _ in 0..2 {
        network.accept(answers([rows("n", 23, &[1]), rows("n", 23, &[2])]));
    }
    let dsql = Dsql::within(config().max_connections(2), network.clone());
    let mut context = Context::from_waker(Waker::noop());
    // Each query holds a connection from its first poll on; a connection that is not read does not delay the others.
    let (mut timer, mut other) = (network.sleep(SOON), network.sleep(SOON));
    let mut first = Box::pin(dsql.lender().borrow(None, &mut timer));
    let mut second = Box::pin(dsql.lender().borrow(None, &mut other));
    let mut third = Box::pin(query(&READ).fetch_one(&dsql));
    let Poll::Ready(Ok(first)) = first.as_mut().poll(&mut context) else { panic!("a connection is free") };
    let Poll::Ready(Ok(second)) = second.as_mut().poll(&mut context) else { panic!("a connection is free") };
    assert!(third.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert_eq!(now(third).unwrap(), 1);
    drop(second);
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn waiting_for_a_connection_ends_with_a_timeout() {
    let network = Network::default();
    let dsql = Dsql::within(config().max_connections(1), network.clone());
    let mut timer = network.sleep(SOON);
    let held = now(dsql.lender().borrow(None, &mut timer)).unwrap();
    network.expire();
    let error = now(query(&READ).fetch_one(&dsql)).unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("max_connections"), "{error}");
    drop(held);
}

#[test]
fn dropped_query_closes_its_connection() {
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Send(login()), Step::Stall]);
    network.accept(answers([rows("n", 23, &[5])]));
    let dsql = Dsql::within(config(), network.clone());
    assert!(settle(query(&READ).fetch_one(&dsql)).is_pending());
    assert_eq!(network.connections(), (1, 0));
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 5);
}

#[test]
fn a_session_does_not_open_a_second_connection() {
    let network = Network::default();
    network.accept(answers([
        rows("n", 23, &[5]),
        failure("42P01"),
        rows("n", 23, &[6]),
        error("FATAL", "57P01"),
    ]));
    let mut session = Dsql::within(config(), network.clone()).session();
    assert_eq!(now(query(&READ).fetch_one(&mut session)).unwrap(), 5);
    assert!(now(query(&READ).fetch_one(&mut session)).unwrap_err().is_stale_snapshot());
    assert_eq!(now(query(&READ).fetch_one(&mut session)).unwrap(), 6);
    assert!(now(query(&READ).fetch_one(&mut session)).unwrap_err().is_database());
    assert!(now(query(&READ).fetch_one(&mut session)).unwrap_err().to_string().contains("is lost"));
    assert_eq!(network.connections(), (1, 0));
}

#[test]
fn a_stale_snapshot_is_named_and_the_connection_goes_on() {
    let network = Network::default();
    network.accept(answers([rows("m", 23, &[1]), rows("n", 20, &[1]), rows("n", 23, &[9])]));
    let dsql = Dsql::within(config(), network.clone());
    for mismatch in ["m in the database and n in the build", "int8 in the database and int4 in the build"] {
        let error = now(query(&READ).fetch_all(&dsql)).unwrap_err();
        assert!(error.is_stale_snapshot() && error.column() == Some("n"));
        assert!(
            error.to_string().contains(&["column 1 (\"n\") is ", mismatch].concat())
                && error.to_string().contains("run `dsql-edge migrate` or `pull`, and build again"),
            "{error}"
        );
    }
    let error = now(Command::new(&DELETE, Arguments::default()).execute(&dsql)).unwrap_err();
    assert!(error.is_stale_snapshot() && error.column() == Some("n"), "{error}");
    assert!(error.to_string().contains("n in the database and missing in the build"), "{error}");
    assert_eq!(network.connections(), (1, 1));
}

/// A failure: its name, the script of the network, and a predicate that the error must satisfy.
type FlightFailure = (&'static str, Result<Vec<Step>, TransportErrorKind>, fn(&Error) -> bool);

/// Every kind of failure of a query.
fn failures() -> Vec<FlightFailure> {
    let after_login = |step: Step| Ok(vec![Step::AwaitWrite, Step::Send(login()), step]);
    let before_login = |step: Step| Ok(vec![Step::AwaitWrite, step]);
    vec![
        ("unreachable", Err(TransportErrorKind::Unreachable), |e| e.is_connect() && !e.is_outcome_unknown()),
        ("no TLS", Err(TransportErrorKind::NoTls), |e| e.is_connect() && !e.is_outcome_unknown()),
        ("bad certificate", Err(TransportErrorKind::Tls), |e| e.is_connect() && !e.is_outcome_unknown()),
        ("another request's", Err(TransportErrorKind::OtherRequest), |e| e.is_other_request()),
        ("no first byte", before_login(Step::Close), |e| {
            e.is_connect() && e.to_string().contains("certificate")
        }),
        ("lost in the login", Ok(vec![Step::Send(frame(b'R', &[0, 0, 0, 3])), Step::Close]), |e| {
            e.is_connect() && e.to_string().contains("logging in")
        }),
        ("another authentication", before_login(Step::Send(frame(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]))), |e| {
            e.is_connect() && e.to_string().contains("MD5") && !e.is_outcome_unknown()
        }),
        ("refused", before_login(Step::Send(error("FATAL", "28000"))), |e| {
            e.is_connect() && e.is_access_denied() && !e.is_outcome_unknown()
        }),
        (
            "refused and gone",
            Ok(vec![Step::FailWrites, Step::Send(error("FATAL", "28000")), Step::Close]),
            |e| e.is_access_denied() && !e.is_outcome_unknown(),
        ),
        ("gone without a word", Ok(vec![Step::FailWrites, Step::Stall]), |e| {
            e.is_connect() && e.to_string().contains("the write broke")
        }),
        ("half a word and gone", Ok(vec![Step::FailWrites, Step::Send(b"E\0".to_vec()), Step::Stall]), |e| {
            e.is_connect() && e.to_string().contains("the write broke")
        }),
        ("throttled", before_login(Step::Send(error("FATAL", "53400"))), |e| e.is_throttled()),
        ("lost after the login", after_login(Step::Close), |e| e.is_outcome_unknown() && !e.is_connect()),
        (
            "broken after the login",
            after_login(Step::Break(TransportErrorKind::Lost)),
            Error::is_outcome_unknown,
        ),
        ("used elsewhere", after_login(Step::Break(TransportErrorKind::OtherRequest)), |e| {
            e.is_other_request() && e.is_outcome_unknown()
        }),
        ("no protocol", after_login(Step::Send(frame(b'!', b""))), Error::is_outcome_unknown),
        ("unique", after_login(Step::Send(failure("23505"))), |e| {
            e.is_unique_violation()
                && !e.is_outcome_unknown()
                && (e.constraint(), e.table(), e.column()) == (Some("t_pkey"), Some("t"), Some("n"))
        }),
        ("unavailable", after_login(Step::Send(failure("XX000"))), |e| {
            e.is_database() && e.is_outcome_unknown()
        }),
        // The server may have executed the statement before it sent the error that ends the session.
        ("shut down before the end", after_login(Step::Send(error("FATAL", "57P01"))), |e| {
            e.is_database() && e.is_outcome_unknown()
        }),
        ("shut down at the commit", after_login(Step::Send(shut_down_at_the_commit())), |e| {
            e.is_database() && e.is_outcome_unknown()
        }),
        ("conflict", after_login(Step::Send(failure("40001"))), |e| {
            e.is_conflict() && !e.is_outcome_unknown()
        }),
        ("DSQL's conflict", after_login(Step::Send(failure("OC001"))), Error::is_conflict),
        ("dropped", after_login(Step::Send(failure("42P01"))), Error::is_stale_snapshot),
        ("value", after_login(Step::Send(failure("22P02"))), Error::is_database),
        ("described otherwise", after_login(Step::Send(rows("x", 23, &[1]))), |e| {
            e.is_stale_snapshot() && e.is_executed() && !e.is_outcome_unknown()
        }),
        ("too many rows", after_login(Step::Send(rows("n", 23, &[1, 2]))), |e| {
            e.is_too_many_rows() && e.is_executed() && e.to_string().contains("it was executed")
        }),
        ("no rows", after_login(Step::Send(rows("n", 23, &[]))), Error::is_no_rows),
    ]
}

/// The query was executed; the server stops before it confirms the commit.
fn shut_down_at_the_commit() -> Vec<u8> {
    let mut answer = rows("n", 23, &[1]);
    answer.truncate(answer.len() - frame(b'Z', b"I").len());
    answer.extend(error("FATAL", "57P01"));
    answer
}

#[test]
fn every_failure_names_its_place_and_shows_no_secret() {
    for (name, script, is_right) in failures() {
        let network = Network::default();
        match script {
            Ok(steps) => network.accept(steps),
            Err(kind) => network.refuse(kind),
        }
        let dsql = Dsql::within(config(), network.clone());
        let error = now(query(&WRITE).fetch_one(&dsql)).unwrap_err();
        assert!(is_right(&error), "{name}: {error}");
        let worker = worker::Error::from(now_again(name)).to_string();
        for text in
            [error.to_string(), format!("{error:?}"), format!("{error:#?}"), worker, format!("{dsql:?}")]
        {
            assert!(!text.contains(CANARY), "{name}: {text}");
        }
        assert!(error.to_string().ends_with("(numbers, src/lib.rs:7)"), "{name}: {error}");
    }
}

fn now_again(name: &str) -> Error {
    let network = Network::default();
    let (_, script, _) = failures().into_iter().find(|(other, ..)| *other == name).unwrap();
    match script {
        Ok(steps) => network.accept(steps),
        Err(kind) => network.refuse(kind),
    }
    now(query(&READ).fetch_one(&Dsql::within(config(), network.clone()))).unwrap_err()
}

#[test]
fn write_whose_answer_is_cut_anywhere_is_unknown() {
    let whole = [login(), rows("n", 23, &[1])].concat();
    for cut in 0..whole.len() {
        for end in [Step::Close, Step::Break(TransportErrorKind::Lost), Step::Stall] {
            let network = Network::default();
            network.accept([Step::AwaitWrite, Step::Send(whole[..cut].to_vec()), end.clone()]);
            // With `cut == 0`, `Send` has no bytes. The client takes an empty read as the end of the stream, so the
            // connection would end, not stall.
            if cut == 0 && matches!(end, Step::Stall) {
                continue;
            }
            let dsql = Dsql::within(config(), network.clone());
            let mut waiting = Box::pin(query(&WRITE).fetch_one(&dsql));
            let error = match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => result.unwrap_err(),
                Poll::Pending => {
                    network.expire();
                    now(waiting).unwrap_err()
                }
            };
            assert!(error.is_outcome_unknown(), "cut at {cut}, {end:?}: {error}");
            assert_eq!(error.is_timeout(), matches!(end, Step::Stall), "cut at {cut}: {error}");
            assert_eq!(network.connections(), (1, 0));
        }
    }
}

#[test]
fn a_read_leaves_nothing_behind() {
    for (name, ..) in failures() {
        let error = now_again(name);
        assert!(!error.is_outcome_unknown() && !error.is_executed(), "{name}: {error}");
    }
}

#[test]
fn silent_server_causes_timeout_that_names_the_step() {
    for (script, expected) in [
        (vec![Step::Stall], "connecting"),
        (vec![Step::AwaitWrite, Step::Send(login()), Step::Stall], "answer to the query"),
    ] {
        let network = Network::default();
        network.accept(script);
        let dsql = Dsql::within(config(), network.clone());
        let mut waiting = Box::pin(query(&WRITE).fetch_one(&dsql));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        network.expire();
        let error = now(waiting).unwrap_err();
        assert!(
            error.is_timeout() && error.is_outcome_unknown() && error.to_string().contains(expected),
            "{error}"
        );
        assert_eq!(network.connections(), (1, 0));
    }
}

#[test]
fn value_in_the_primary_message_is_not_shown() {
    let fields = format!("SERROR\0VERROR\0C22P02\0Minvalid input syntax for type uuid: \"{CANARY}\"\0\0");
    let network = Network::default();
    network.accept(answers([[frame(b'E', fields.as_bytes()), frame(b'Z', b"I")].concat()]));
    let error = now(query(&READ).fetch_one(&Dsql::within(config(), network.clone()))).unwrap_err();
    assert!(error.message().unwrap().contains(CANARY));
    let debugged = format!("{error:?} {error:#?}");
    for shown in [error.to_string(), debugged, worker::Error::from(error).to_string()] {
        assert!(shown.contains("22P02") && !shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn unencodable_argument_is_named_and_not_sent() {
    let network = Network::default();
    let dsql = Dsql::within(config(), network.clone());
    let mut arguments = Arguments::with_capacity(2);
    arguments.bind::<sql::Text, NotNull, _>("fine");
    let wrong = format!("{CANARY}\0");
    arguments.bind_described::<sql::Text, NotNull, _>(&wrong, "parameter $title of type text");
    let error = now(Command::new(&DELETE, arguments).execute(&dsql)).unwrap_err();
    assert!(
        error.is_conversion() && error.to_string().contains("$title") && !error.to_string().contains(CANARY)
    );
    assert_eq!(network.connections(), (0, 0));
}

/// An answer with one row, whose one column is NULL.
fn null(name: &str) -> Vec<u8> {
    let mut answer = rows(name, 23, &[]);
    let end = answer.len() - control("SELECT 0").len() + frame(b'1', b"").len() + frame(b'2', b"").len();
    let rest = answer.split_off(end - ready(b"I").len());
    [answer, frame(b'D', &[0, 1, 255, 255, 255, 255]), rest].concat()
}

#[test]
fn a_null_that_the_snapshot_rules_out_is_a_stale_snapshot() {
    static CLAIMED: Statement = Statement {
        columns: &[ColumnDesc { name: "n!", type_oid: 23, type_name: "int4" }],
        ..statement("SELECT n AS \"n!\" FROM t", Effect::Read)
    };
    let fetched = |query: Query<i32>, answer: Vec<u8>| {
        let network = Network::default();
        network.accept(answers([answer]));
        now(query.fetch_one(&Dsql::within(config(), network.clone()))).unwrap_err()
    };
    let error = fetched(query(&READ), null("n"));
    assert!(error.is_stale_snapshot() && error.column() == Some("n"), "{error}");
    let text = "column 1 (\"n\") is NULL in the database and NOT NULL in the build; run `dsql-edge migrate` or `pull`, and build again";
    assert!(error.to_string().starts_with(text), "{error}");
    // The `!` of the query excludes NULL, but the snapshot allows NULL.
    let error = fetched(query(&CLAIMED), null("n!"));
    assert!(!error.is_stale_snapshot() && error.is_conversion() && error.column() == Some("n!"), "{error}");
    assert!(error.to_string().contains("it is NULL, although the column is named with `!`"), "{error}");
    // The user's own type does not accept NULL, but the column may be NULL.
    let nullable = Query::new(&READ, Arguments::default(), |row| row.column::<sql::Int4, Nullable, Own>(0));
    let network = Network::default();
    network.accept(answers([null("n")]));
    let error = now(nullable.fetch_one(&Dsql::within(config(), network.clone()))).unwrap_err();
    assert!(!error.is_stale_snapshot() && error.is_conversion(), "{error}");
}

#[derive(Debug)]
struct Own;

impl<N> Column<sql::Int4, N> for Own {
    fn decode(_: &[u8]) -> Result<Self, ConversionError> {
        Ok(Own)
    }
}

#[test]
fn error_of_a_select_that_may_write_states_that() {
    static CALLS: Statement = statement("SELECT app() AS n", Effect::MayWrite);
    let fetched = |statement: &'static Statement| {
        let network = Network::default();
        network.accept(answers([rows("x", 23, &[1])]));
        now(query(statement).fetch_one(&Dsql::within(config(), network.clone()))).unwrap_err()
    };
    let (may, does, reads) = (fetched(&CALLS), fetched(&WRITE), fetched(&READ));
    assert!(may.is_executed() && does.is_executed() && !reads.is_executed(), "{may}, {does}, {reads}");
    assert!(may.to_string().contains("; the statement may write, and it was executed"), "{may}");
    assert!(does.to_string().contains("; the statement writes, and it was executed"), "{does}");
    assert!(!reads.to_string().contains("executed"), "{reads}");
    // The statement may write, so it does not run again after a lost answer.
    let network = Network::default();
    network.accept(vec![Step::AwaitWrite, Step::Send(login()), Step::Close]);
    let error = eventually(&network, query(&CALLS).fetch_one(&Dsql::within(retrying(), network.clone())))
        .unwrap_err();
    assert!(error.is_outcome_unknown() && error.attempts() == 1, "{error}");
}

#[cfg(feature = "pool")]
#[test]
fn flight_states_whether_it_may_change_the_session() {
    use crate::client::flight::{Flight, Prepared};

    static MAY: Statement =
        Statement { session: SessionEffect::MayChange, ..statement("SELECT app() AS n", Effect::MayWrite) };
    static SET: Statement = Statement {
        session: SessionEffect::Changes,
        columns: &[],
        ..statement("SET timezone = 'UTC'", Effect::Write)
    };
    let prepared = |statement| Prepared::new(query(statement).request).unwrap();
    for (statements, changes) in [(&[&READ, &WRITE][..], false), (&[&READ, &MAY], true), (&[&SET], true)] {
        let members: Vec<Prepared> = statements.iter().copied().map(prepared).collect();
        assert_eq!(Flight::alone(&members).changes_session(), changes, "{statements:?}");
    }
    // With a pool, the setting would be lost when the lease ends.
    let network = Network::default();
    let mut session = crate::pool::Pool::within(config(), network.clone()).dsql().session();
    let set = crate::query::SessionCommand::new(&SET, Arguments::default());
    let error = now(set.execute(&mut session)).unwrap_err();
    assert!(error.is_config() && error.to_string().contains("with a pool"), "{error}");
    assert_eq!(network.connections(), (0, 0));
}

//! Tests the login of a PostgreSQL: its round trips, its rejections, and the reported outcome after a failure.

mod server;
mod warm_up;

use std::sync::{Arc, Mutex};

use super::*;
use crate::transport::Protection;
use server::{Connection, Login, Model, PASSWORD, Seen};

fn tls() -> Protection {
    Protection::Tls { server_end_point: None }
}

fn bound_tls() -> Protection {
    Protection::Tls { server_end_point: Some(vec![7; 32]) }
}

fn model(login: Login, protection: Protection) -> Model {
    Model {
        login,
        protection,
        search_path: "\"$user\", public",
        reported_path: None,
        rejects_show: false,
        cut: usize::MAX,
    }
}

fn postgres(parameters: &str) -> Config {
    Config::from_postgres(&format!("postgres://app:{PASSWORD}@db.example.com/shop?{parameters}"))
        .unwrap()
        .max_attempts(1)
}

/// A client of the model, the record of all bytes that the server has received, and the round trips of the queries.
struct Client {
    dsql: Dsql,
    network: Network,
    seen: Arc<Mutex<Seen>>,
    trips: Arc<Mutex<Vec<u32>>>,
}

fn client(model: Model, config: Config) -> Client {
    let network = Network::default();
    let seen = Arc::<Mutex<Seen>>::default();
    let noted = seen.clone();
    network.serve(move |_| Ok(Box::new(Connection::new(model.clone(), noted.clone()))));
    let trips = Arc::<Mutex<Vec<u32>>>::default();
    let counted = trips.clone();
    let config = config.on_event(move |event| counted.lock().unwrap().push(event.round_trips()));
    let dsql = Dsql::within(config, network.clone());
    Client { dsql, network, seen, trips }
}

/// Runs a query against the model. Returns the value, the round trips, and the record of the server.
fn run(model: Model, config: Config, statement: &'static Statement) -> (Result<i32, Error>, u32, Seen) {
    let (result, trips, seen) = run_twice(model, config, statement);
    (result, trips[0], seen)
}

fn run_twice(
    model: Model,
    config: Config,
    statement: &'static Statement,
) -> (Result<i32, Error>, Vec<u32>, Seen) {
    let Client { dsql, network, seen, trips } = client(model, config);
    let result = eventually(&network, query(statement).fetch_one(&dsql));
    if result.is_ok() {
        eventually(&network, query(statement).fetch_one(&dsql)).unwrap();
    }
    drop(dsql);
    let trips = trips.lock().unwrap().clone();
    let seen = core::mem::take(&mut *seen.lock().unwrap());
    (result, trips, seen)
}

#[test]
fn each_login_takes_its_round_trips() {
    for (login, protection, parameters, mechanism, cold) in [
        (Login::Scram, tls(), "", "SCRAM-SHA-256", 7),
        (Login::Scram, bound_tls(), "", "SCRAM-SHA-256", 7),
        (Login::ScramPlus, bound_tls(), "channel_binding=require", "SCRAM-SHA-256-PLUS", 7),
        (Login::ScramPlus, bound_tls(), "channel_binding=disable", "SCRAM-SHA-256", 7),
        (Login::ScramPlus, tls(), "", "SCRAM-SHA-256", 7),
        (Login::Scram, Protection::PlainText, "sslmode=prefer", "SCRAM-SHA-256", 6),
        (Login::Scram, Protection::PlainText, "sslmode=disable", "SCRAM-SHA-256", 5),
        (Login::Cleartext, tls(), "", "", 6),
        (Login::Md5, tls(), "require_auth=md5", "", 6),
        (Login::Trust, tls(), "", "", 5),
    ] {
        let (result, trips, seen) = run_twice(model(login, protection), postgres(parameters), &READ);
        assert_eq!((result.unwrap(), &trips[..]), (7, &[cold, 1][..]), "{login:?} {parameters}");
        assert_eq!(seen.mechanism, mechanism, "{login:?} {parameters}");
        assert_eq!(seen.early, [""; 0]);
        assert!(seen.startup.contains("database\0shop\0"), "{}", seen.startup);
    }
}

#[test]
fn rejected_login_is_explained_and_sends_no_query() {
    let no_tls = Protection::PlainText;
    for (login, protection, parameters, reason) in [
        (Login::Md5, tls(), "", "require_auth=md5"),
        (Login::Cleartext, no_tls.clone(), "sslmode=disable", "clear text"),
        (Login::Cleartext, no_tls.clone(), "sslmode=prefer", "clear text"),
        (Login::Cleartext, tls(), "require_auth=scram-sha-256", "clear text"),
        (Login::Trust, no_tls.clone(), "sslmode=disable", "requests no password"),
        (Login::Trust, tls(), "require_auth=scram-sha-256", "requests no password"),
        (Login::Scram, tls(), "require_auth=md5", "requests SCRAM"),
        (Login::Scram, bound_tls(), "channel_binding=require", "channel binding"),
        (Login::ScramPlus, tls(), "channel_binding=require", "hash function"),
        (Login::Cleartext, bound_tls(), "channel_binding=require", "channel binding"),
        (Login::Other(2), tls(), "", "Kerberos V5"),
        (Login::Other(7), tls(), "", "GSSAPI"),
        (Login::Other(9), tls(), "", "SSPI"),
        (Login::Other(12), tls(), "", "an unexpected Authentication message"),
        (Login::Other(11), tls(), "", "an unexpected Authentication message"),
        (Login::Sasl("OAUTHBEARER"), tls(), "", "OAUTHBEARER"),
        (Login::Iterations(100_001), tls(), "", "100001 iterations of SCRAM, and from 1 to 100,000"),
        (Login::Iterations(0), tls(), "", "0 iterations"),
        (Login::NonceOfItsOwn, tls(), "", "nonce"),
        (Login::ChangesIterations, tls(), "", "an unexpected Authentication message"),
        (Login::AcceptsWithoutSignature, tls(), "", "before it has proved"),
        (Login::WrongSignature, tls(), "", "does not have the password"),
        (Login::ErrorInSignature, tls(), "", "other-error"),
    ] {
        for statement in [&READ, &WRITE] {
            let config = postgres(parameters).max_attempts(5);
            let (result, _, seen) = run(model(login, protection.clone()), config, statement);
            let error = result.unwrap_err();
            let shown = error.to_string();
            assert!(shown.contains(reason) && !shown.contains(CANARY), "{login:?} {parameters}: {shown}");
            assert!(error.is_connect() && !error.is_outcome_unknown() && error.attempts() == 1, "{shown}");
            assert!(seen.statements.is_empty());
            let sent = String::from_utf8_lossy(&seen.all).into_owned();
            assert!(!sent.contains(PASSWORD), "{login:?} {parameters}");
        }
    }
}

#[test]
fn wrong_or_missing_password_is_explained() {
    for login in [Login::Scram, Login::Cleartext, Login::Md5] {
        let config =
            Config::from_postgres("postgres://app:other@h/db?require_auth=scram-sha-256,password,md5");
        let (result, ..) = run(model(login, tls()), config.unwrap(), &WRITE);
        let error = result.unwrap_err();
        assert!(error.is_access_denied() && error.attempts() == 1 && !error.is_outcome_unknown(), "{error}");
        assert!(error.to_string().contains("PGPASSWORD") && !error.to_string().contains("AWS"), "{error}");
        let config = Config::from_postgres("postgres://app@h/db?require_auth=scram-sha-256,password,md5");
        let error = run(model(login, tls()), config.unwrap(), &WRITE).0.unwrap_err();
        assert!(error.to_string().contains("none is configured"), "{error}");
    }
    // If no password is configured, another server that pretends to be this one cannot obtain a password.
    let config = Config::from_postgres("postgres://app@h/db?sslmode=disable").unwrap();
    assert!(run(model(Login::Trust, Protection::PlainText), config, &READ).0.is_ok());
}

#[test]
fn connection_cut_at_each_byte_of_the_login_is_not_sent() {
    let whole = run(model(Login::Scram, tls()), postgres(""), &WRITE);
    assert!(whole.0.is_ok());
    let mut unsent = 0;
    for cut in 0..2000 {
        let model = Model { cut, ..model(Login::Scram, tls()) };
        let (result, _, seen) = run(model, postgres(""), &WRITE);
        let Err(error) = result else { break };
        assert!(seen.early.is_empty());
        assert_eq!(error.is_outcome_unknown(), !seen.statements.is_empty(), "{cut}: {error}");
        assert_eq!(error.is_connect(), seen.statements.is_empty(), "{cut}: {error}");
        unsent += usize::from(seen.statements.is_empty());
    }
    assert!(unsent > 150, "{unsent}");
}

#[test]
fn search_path_is_checked_before_a_query_is_sent() {
    let config = || postgres("search_path=app,public");
    let with_path =
        |search_path, reported_path| Model { search_path, reported_path, ..model(Login::Scram, tls()) };
    // PostgreSQL 18 reports its path, and PgBouncer repeats the report of an earlier login.
    for reports in [None, Some("app, public"), Some("public")] {
        let (result, trips, seen) = run_twice(with_path("\"app\",public", reports), config(), &WRITE);
        assert_eq!((result.unwrap(), &trips[..]), (7, &[8, 1][..]));
        assert!(seen.startup.contains("search_path\0app, public\0"), "{}", seen.startup);
        assert_eq!(seen.statements[0], "SHOW search_path");
        for in_force in ["\"$user\", public", "public, app", ""] {
            let (result, _, seen) = run(with_path(in_force, reports), config().max_attempts(5), &WRITE);
            let error = result.unwrap_err();
            assert!(error.to_string().contains("ALTER ROLE app SET search_path = app, public"), "{error}");
            assert!(error.is_config() && error.attempts() == 1 && !error.is_outcome_unknown(), "{error}");
            assert!(!seen.statements.iter().any(|sql| sql == WRITE.sql), "{:?}", seen.statements);
        }
        // Behind a pooler, `search_path` is not sent, and the role must have the required value.
        let pooled = config().transaction_pooler(true);
        let (result, _, seen) = run(with_path("app, public", reports), pooled.clone(), &WRITE);
        assert!(result.is_ok() && !seen.startup.contains("search_path"), "{}", seen.startup);
        let (result, ..) = run(with_path("public", reports), pooled, &WRITE);
        assert!(result.unwrap_err().to_string().contains("is not sent with the login"));
    }
}

#[test]
fn rejection_behind_the_login_is_that_of_a_login() {
    let model = Model { rejects_show: true, ..model(Login::Scram, tls()) };
    let (result, _, seen) = run(model, postgres("search_path=app").max_attempts(3), &WRITE);
    let error = result.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("the server rejected the login: SQLSTATE 53300: sorry, too many"), "{shown}");
    assert!(error.attempts() == 3 && !error.is_outcome_unknown(), "{error}");
    assert!(!seen.statements.iter().any(|sql| sql == WRITE.sql), "{:?}", seen.statements);
}

#[test]
fn server_that_never_stops_sending_is_rejected() {
    let network = Network::default();
    let notices = frame(b'N', b"SNOTICE\0\0").repeat(100_000);
    network.accept([Step::AwaitWrite, Step::Send(notices), Step::Stall]);
    let dsql = Dsql::within(postgres("sslmode=disable"), network.clone());
    let error = eventually(&network, query(&WRITE).fetch_one(&dsql)).unwrap_err();
    assert!(error.to_string().contains("more than 1,048,576 bytes"), "{error}");
    assert!(!error.is_outcome_unknown(), "{error}");
}

#[test]
fn connection_cut_while_the_search_path_is_checked_is_not_sent() {
    let config = || postgres("search_path=app");
    for cut in 190..2000 {
        let model = Model { cut, search_path: "app", ..model(Login::Scram, tls()) };
        let (result, _, seen) = run(model, config(), &WRITE);
        let Err(error) = result else { return };
        let is_sent = seen.statements.iter().any(|sql| sql == WRITE.sql);
        assert_eq!(error.is_outcome_unknown(), is_sent, "{cut}: {error}");
    }
    panic!("the query is never answered");
}

#[test]
fn options_are_sent_except_through_a_pooler() {
    let (result, _, seen) = run(model(Login::Scram, tls()), postgres("options=-c%20jit%3Doff"), &READ);
    assert!(result.is_ok() && seen.startup.contains("options\0-c jit=off\0"), "{}", seen.startup);
    let config = postgres("options=-c%20jit%3Doff&pgbouncer=true");
    let (result, _, seen) = run(model(Login::Scram, tls()), config, &READ);
    let error = result.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("ALTER ROLE") && seen.all.is_empty(), "{error}");
}

#[test]
fn login_that_never_ends_is_a_timeout_and_not_sent() {
    let network = Network::default();
    let request = frame(b'R', &[&[0, 0, 0, 10][..], b"SCRAM-SHA-256\0\0"].concat());
    network.accept([Step::AwaitWrite, Step::Send(request), Step::AwaitWrite, Step::Stall]);
    // The scripted network has no TLS.
    let dsql = Dsql::within(postgres("sslmode=disable"), network.clone());
    network.expire();
    let error = eventually(&network, query(&WRITE).fetch_one(&dsql)).unwrap_err();
    assert!(error.is_timeout() && !error.is_outcome_unknown(), "{error}");
    assert!(!error.to_string().contains("DSQL_ENDPOINT"), "{error}");
}

//! Connections that begin with TLS, without SSLRequest.

use std::sync::{Arc, Mutex};

use super::*;

type Events = Arc<Mutex<Vec<(u32, u32, bool)>>>;

/// A configuration with direct TLS. For each event, the test records the round trips, the retries, and whether direct
/// TLS was rejected.
fn direct(config: Config) -> (Config, Events) {
    let events = Events::default();
    let noted = events.clone();
    let config = config.direct_tls(true).on_event(move |event| {
        noted.lock().unwrap().push((event.round_trips(), event.retries(), event.direct_tls_rejected()));
    });
    (config, events)
}

fn run(config: &Config, network: &Network, statement: &'static Statement) -> Result<i32, Error> {
    eventually(network, query(statement).fetch_one(&Dsql::within(config.clone(), network.clone())))
}

#[test]
fn accepted_direct_tls_takes_three_round_trips() {
    let network = Network::default();
    let (config, events) = direct(config());
    for statement in [&READ, &WRITE] {
        network.accept(answers([rows("n", 23, &[1])]));
        assert_eq!(run(&config, &network, statement).unwrap(), 1);
    }
    assert_eq!(network.direct(), 2);
    assert_eq!(sent(&network)[0], format!("login {} |", READ.sql));
    // The endpoint has accepted direct TLS, so the write is sent with the login.
    assert_eq!(sent(&network)[2], format!("login {} |", WRITE.sql));
    assert_eq!(events.lock().unwrap()[..], [(3, 0, false); 2]);
}

#[test]
fn first_write_waits_for_the_end_of_the_login() {
    let network = Network::default();
    network.accept([
        Step::AwaitWrite,
        Step::Send(login()),
        Step::AwaitWrite,
        Step::Send(rows("n", 23, &[1])),
        Step::Stall,
    ]);
    let (config, events) = direct(config());
    assert_eq!(run(&config, &network, &WRITE).unwrap(), 1);
    assert_eq!(sent(&network)[..2], ["login".to_owned(), format!("{} |", WRITE.sql)]);
    assert_eq!(events.lock().unwrap()[..], [(4, 0, false)]);
}

#[test]
fn server_that_closes_after_tls_gets_sslrequest_once() {
    for statement in [&READ, &WRITE] {
        for closes in [Step::Close, Step::Break(TransportErrorKind::Lost)] {
            let network = Network::default();
            let (config, events) = direct(retrying());
            network.accept([Step::AwaitWrite, closes]);
            network.accept(answers([rows("n", 23, &[1])]));
            assert_eq!(run(&config, &network, statement).unwrap(), 1);
            assert_eq!(network.now(), 0, "without a pause");
            // The rejection is recorded for all requests of the isolate.
            network.accept(answers([rows("n", 23, &[1])]));
            assert_eq!(run(&config, &network, statement).unwrap(), 1);
            assert_eq!((network.direct(), network.connections().0), (1, 3));
            assert_eq!(events.lock().unwrap()[..], [(7, 1, true), (4, 0, false)]);
            let writes = sent(&network).iter().filter(|sent| sent.contains(WRITE.sql)).count();
            assert_eq!(writes, if statement.effect == Effect::Write { 2 } else { 0 });
        }
    }
}

#[test]
fn failed_handshake_gets_sslrequest_within_the_attempt() {
    for kind in [TransportErrorKind::Tls, TransportErrorKind::Lost] {
        let network = Network::default();
        let (config, events) = direct(config());
        for _ in 0..2 {
            network.accept(answers([rows("n", 23, &[1])]));
        }
        network.refuse_first(kind);
        for _ in 0..2 {
            assert_eq!(run(&config, &network, &WRITE).unwrap(), 1);
        }
        assert_eq!(network.direct(), 1);
        assert_eq!(events.lock().unwrap()[..], [(6, 0, true), (4, 0, false)]);
    }
}

#[test]
fn unreachable_server_does_not_reject_direct_tls() {
    let network = Network::default();
    let (config, events) = direct(retrying());
    network.refuse(TransportErrorKind::Unreachable);
    network.accept(answers([rows("n", 23, &[1])]));
    assert_eq!(run(&config, &network, &READ).unwrap(), 1);
    assert_eq!(network.direct(), 2);
    assert!(!events.lock().unwrap()[0].2);
    // TLS fails both with and without SSLRequest, so it is still not known whether the endpoint accepts direct TLS.
    let network = Network::default();
    for _ in 0..2 {
        network.refuse(TransportErrorKind::Tls);
    }
    assert!(run(&config, &network, &READ).unwrap_err().is_connect());
    network.accept(answers([rows("n", 23, &[1])]));
    assert_eq!(run(&config, &network, &READ).unwrap(), 1);
    assert_eq!(network.direct(), 2);
}

#[test]
fn lost_write_is_unknown_once_direct_tls_was_accepted() {
    let network = Network::default();
    let (config, _) = direct(retrying());
    network.accept(answers([rows("n", 23, &[1])]));
    assert_eq!(run(&config, &network, &READ).unwrap(), 1);
    network.accept([Step::AwaitWrite, Step::Close]);
    let error = run(&config, &network, &WRITE).unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    // After that, direct TLS is tried again, and the write is not sent with the login.
    network.accept([
        Step::AwaitWrite,
        Step::Send(login()),
        Step::AwaitWrite,
        Step::Send(rows("n", 23, &[1])),
        Step::Stall,
    ]);
    assert_eq!(run(&config, &network, &WRITE).unwrap(), 1);
    assert_eq!((network.direct(), network.connections().0), (3, 3));
}

#[test]
fn silent_server_is_a_timeout_and_gets_sslrequest_next() {
    let network = Network::default();
    let (config, _) = direct(retrying());
    network.accept([Step::AwaitWrite, Step::Stall]);
    let dsql = Dsql::within(config.clone(), network.clone());
    let mut running = pin!(query(&WRITE).fetch_one(&dsql));
    assert!(settle(running.as_mut()).is_pending());
    network.elapse(Duration::from_secs(11));
    let error = now(running).unwrap_err();
    assert!(error.is_timeout() && !error.is_outcome_unknown(), "{error}");
    network.accept(answers([rows("n", 23, &[1])]));
    assert_eq!(run(&config, &network, &WRITE).unwrap(), 1);
    assert_eq!(network.direct(), 1);
}

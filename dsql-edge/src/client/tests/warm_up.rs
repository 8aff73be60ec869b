//! Connections that are opened before a query needs them.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};

use super::*;
use crate::transport::BoxFuture;

/// The background tasks that have not ended.
#[derive(Default)]
struct Tasks(Vec<BoxFuture<()>>);

impl Tasks {
    /// Polls the background tasks. Returns the number of tasks that are left.
    fn run(&mut self, network: &Network) -> usize {
        self.0.extend(network.spawned());
        self.0.retain_mut(|task| settle(task).is_pending());
        self.0.len()
    }
}

/// A `Dsql` whose warm-up has run as far as it can, its background task, and the round trips of its queries.
fn warmed(network: &Network, config: Config) -> (Dsql, Tasks, Arc<Mutex<Vec<u32>>>) {
    let trips = Arc::<Mutex<Vec<u32>>>::default();
    let noted = trips.clone();
    let config = config.on_event(move |event| noted.lock().unwrap().push(event.round_trips()));
    let dsql = Dsql::within(config, network.clone());
    dsql.warm_up();
    let mut tasks = Tasks::default();
    tasks.run(network);
    (dsql, tasks, trips)
}

#[test]
fn query_after_warm_up_takes_one_round_trip() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1]), rows("n", 23, &[2])]));
    let (dsql, mut tasks, trips) = warmed(&network, config());
    assert_eq!((network.connections(), tasks.run(&network)), ((1, 1), 1));
    assert_eq!(network.written().len(), 0, "nothing is sent before the query");
    assert_eq!(now(query(&WRITE).fetch_one(&dsql)).unwrap(), 1);
    assert_eq!(tasks.run(&network), 0);
    dsql.warm_up();
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);
    assert_eq!((network.connections(), &trips.lock().unwrap()[..]), ((1, 1), &[1, 1][..]));
    assert_eq!(sent(&network)[0], format!("login {} |", WRITE.sql));
}

#[test]
fn transaction_and_stream_use_the_warmed_connection() {
    let network = Network::default();
    network.accept(answers([
        [control("BEGIN"), found(&[1]), ready(b"T")].concat(),
        [control("COMMIT"), ready(b"I")].concat(),
    ]));
    let (dsql, ..) = warmed(&network, config());
    let transaction = dsql.transaction(async |tx| query(&READ).fetch_one(tx).await).into_future();
    assert_eq!(now(transaction).unwrap(), 1);
    network.accept(answers([rows("n", 23, &[1])]));
    let (dsql, ..) = warmed(&network, config());
    assert_eq!(now(query(&READ).fetch(&dsql).next()).unwrap().unwrap(), 1);
    assert_eq!(network.connections().0, 2);
}

#[test]
fn second_query_at_once_opens_its_own_connection() {
    let network = Network::default();
    network.accept(vec![Step::AwaitWrite, Step::Stall]);
    network.accept(answers([rows("n", 23, &[2])]));
    let (dsql, ..) = warmed(&network, config());
    let mut first = pin!(query(&READ).fetch_one(&dsql));
    assert!(settle(first.as_mut()).is_pending());
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);
    assert_eq!(network.connections(), (2, 2));
}

#[test]
fn dead_warmed_connection_is_replaced_and_is_not_an_attempt() {
    for dies_later in [false, true] {
        let network = Network::default();
        // The server closes the connection, or the network breaks.
        network.accept([if dies_later { Step::Break(TransportErrorKind::Lost) } else { Step::Close }]);
        network.accept(answers([rows("n", 23, &[1])]));
        let (dsql, mut tasks, trips) = if dies_later {
            // The background task has opened the connection; its end is noticed only when the query uses it.
            let dsql = Dsql::within(config(), network.clone());
            dsql.warm_up();
            let mut tasks = Tasks(network.spawned());
            assert!(tasks.0[0].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            (dsql, tasks, Arc::default())
        } else {
            warmed(&network, config())
        };
        assert_eq!(now(query(&WRITE).fetch_one(&dsql)).unwrap(), 1);
        assert_eq!((network.connections(), tasks.run(&network)), ((2, 1), 0));
        assert_eq!(sent(&network), [format!("login {} |", WRITE.sql)]);
        assert!(dies_later || trips.lock().unwrap()[..] == [4]);
    }
}

#[test]
fn failed_warm_up_is_repeated_or_reported_by_the_query() {
    for (kind, reported) in [
        (TransportErrorKind::Unreachable, false),
        (TransportErrorKind::Lost, false),
        (TransportErrorKind::Tls, true),
        (TransportErrorKind::NoTls, true),
    ] {
        let network = Network::default();
        network.refuse(kind);
        let (dsql, mut tasks, _) = warmed(&network, config());
        assert_eq!(tasks.run(&network), 0);
        network.accept(answers([rows("n", 23, &[1])]));
        let first = now(query(&WRITE).fetch_one(&dsql));
        if reported {
            let error = first.unwrap_err();
            assert!(error.is_connect() && !error.is_outcome_unknown(), "{error}");
            assert_eq!(network.connections().0, 0, "another attempt would fail in the same way");
            // The error is reported to only one query: the next query opens a connection.
            assert_eq!(now(query(&WRITE).fetch_one(&dsql)).unwrap(), 1);
        } else {
            assert_eq!(first.unwrap(), 1);
        }
    }
}

#[test]
fn dropped_dsql_closes_the_connection_and_ends_the_task() {
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Stall]);
    let (dsql, mut tasks, _) = warmed(&network, config());
    assert_eq!(network.connections(), (1, 1));
    drop(dsql);
    assert_eq!((network.connections(), tasks.run(&network)), ((1, 0), 0));
    // The task has not run yet.
    network.accept([Step::AwaitWrite, Step::Stall]);
    let dsql = Dsql::within(config(), network.clone());
    dsql.warm_up();
    drop(dsql);
    assert_eq!((network.connections(), tasks.run(&network)), ((2, 0), 0));
}

#[test]
fn dropped_query_closes_the_warmed_connection() {
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Stall]);
    network.accept(answers([rows("n", 23, &[1])]));
    let (dsql, ..) = warmed(&network, config().max_connections(1));
    assert!(settle(query(&READ).fetch_one(&dsql)).is_pending());
    assert_eq!(network.connections(), (1, 0));
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 1);
}

#[test]
fn unused_connection_is_closed_after_half_a_minute() {
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Stall]);
    let (dsql, mut tasks, _) = warmed(&network, config().max_connections(1));
    network.elapse(Duration::from_secs(29));
    assert_eq!((tasks.run(&network), network.connections()), (1, (1, 1)));
    network.elapse(Duration::from_secs(2));
    assert_eq!((tasks.run(&network), network.connections()), (0, (1, 0)));
    network.accept(answers([rows("n", 23, &[1])]));
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 1);
    // After 30 seconds, the connection is not lent to a query, even if the background task has not run to close the
    // connection.
    network.accept([Step::AwaitWrite, Step::Stall]);
    let (dsql, mut tasks, _) = warmed(&network, config());
    network.elapse(Duration::from_secs(31));
    network.accept(answers([rows("n", 23, &[2])]));
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);
    assert_eq!(tasks.run(&network), 0);
}

#[test]
fn warm_up_with_a_connection_does_nothing() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1])]));
    let (dsql, mut tasks, _) = warmed(&network, config());
    dsql.warm_up();
    assert_eq!((tasks.run(&network), network.connections()), (1, (1, 1)));
    now(query(&READ).fetch_one(&dsql)).unwrap();
    dsql.warm_up();
    assert_eq!((tasks.run(&network), network.connections()), (0, (1, 1)));
}

#[cfg(feature = "assume-role")]
mod roles {
    use super::*;
    use crate::client::tests::credentials::roles::{answer, assuming, rejection};

    const EXPIRES: &str = "9999-01-01T00:00:00Z";

    #[test]
    fn sts_and_socket_are_waited_for_at_the_same_time() {
        let network = Network::default();
        network.answer_after(Duration::from_millis(50), 200, answer("ASIAONE", EXPIRES));
        network.accept(answers([rows("n", 23, &[1])]));
        let dsql = Dsql::within(assuming(config(), "at-once"), network.clone());
        let mut running = pin!(query(&READ).fetch_one(&dsql));
        assert!(settle(running.as_mut()).is_pending());
        assert_eq!((network.connections(), network.posted().len()), ((1, 1), 1));
        assert_eq!(network.written().len(), 0);
        assert_eq!(eventually(&network, running).unwrap(), 1);
    }

    #[test]
    fn failure_of_sts_closes_the_socket_and_takes_precedence() {
        for is_reachable in [true, false] {
            let network = Network::default();
            network.answer_after(Duration::from_millis(50), 403, rejection("AccessDenied", "no"));
            if is_reachable {
                network.accept([Step::AwaitWrite, Step::Stall]);
            } else {
                network.refuse(TransportErrorKind::Unreachable);
            }
            let dsql = Dsql::within(assuming(config(), "denied"), network.clone());
            let error = eventually(&network, query(&WRITE).fetch_one(&dsql)).unwrap_err();
            assert!(error.is_credentials() && !error.is_outcome_unknown(), "{error}");
            assert_eq!(network.connections().1, 0);
            assert_eq!(sent(&network).len(), 0);
        }
    }

    #[test]
    fn socket_that_ends_while_sts_is_asked_is_not_written_to() {
        let network = Network::default();
        network.answer_after(Duration::from_millis(50), 200, answer("ASIAONE", EXPIRES));
        network.accept([Step::Close]);
        network.accept(answers([rows("n", 23, &[1])]));
        let dsql = Dsql::within(assuming(retrying(), "ended"), network.clone());
        assert_eq!(eventually(&network, query(&WRITE).fetch_one(&dsql)).unwrap(), 1);
        assert_eq!((network.connections().0, network.posted().len()), (2, 1));
        assert_eq!(sent(&network), [format!("login {} |", WRITE.sql)]);
    }

    #[test]
    fn warm_up_fetches_the_role_and_the_query_waits_for_it() {
        let network = Network::default();
        network.answer_after(Duration::from_millis(50), 200, answer("ASIAONE", EXPIRES));
        network.accept(answers([rows("n", 23, &[1])]));
        let (dsql, mut tasks, trips) = warmed(&network, assuming(config(), "warmed"));
        // The query takes the attempt while STS has not answered.
        assert_eq!(eventually(&network, query(&READ).fetch_one(&dsql)).unwrap(), 1);
        assert_eq!((network.posted().len(), tasks.run(&network)), (1, 0));
        assert_eq!(trips.lock().unwrap().len(), 1);
        network.answer(403, rejection("AccessDenied", "no"));
        let (dsql, mut tasks, _) = warmed(&network, assuming(config(), "denied"));
        assert_eq!(tasks.run(&network), 0);
        let error = now(query(&READ).fetch_one(&dsql)).unwrap_err();
        assert!(error.is_credentials(), "{error}");
        assert_eq!(network.posted().len(), 2, "the error of the warm-up is reported");
    }
}

//! Connections to the endpoints of a multi-Region cluster.

use super::*;

const FIRST: &str = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";
const SECOND: &str = "qux0bar1baz2quux3quuux4abc.dsql.us-east-2.on.aws";

fn two() -> Config {
    let credentials = Credentials::new(format!("{CANARY}-id"), format!("{CANARY}-key"));
    Config::new(FIRST, credentials).unwrap().fallback(SECOND).unwrap()
}

fn run(network: &Network, config: &Config, statement: &'static Statement) -> Result<i32, Error> {
    eventually(network, query(statement).fetch_one(&Dsql::within(config.clone(), network.clone())))
}

fn served(network: &Network) {
    network.accept(answers([rows("n", 23, &[5])]));
}

/// The hosts of the tokens that were sent, in order.
fn signed_for(network: &Network) -> Vec<&'static str> {
    let has = |bytes: &[u8], host: &str| bytes.windows(host.len()).any(|window| window == host.as_bytes());
    let written = network.written();
    written.iter().filter_map(|bytes| [FIRST, SECOND].into_iter().find(|host| has(bytes, host))).collect()
}

#[test]
fn unreachable_endpoint_is_replaced_and_tried_again_later() {
    for statement in [&READ, &WRITE] {
        for kind in [TransportErrorKind::Unreachable, TransportErrorKind::Lost] {
            let network = Network::default();
            network.refuse(kind);
            served(&network);
            assert_eq!(run(&network, &two(), statement).unwrap(), 5);
            assert_eq!(network.hosts(), [FIRST, SECOND]);
            // All requests of the isolate share the record of unreachable endpoints.
            network.elapse(Duration::from_secs(29));
            served(&network);
            assert_eq!(run(&network, &two(), statement).unwrap(), 5);
            assert_eq!(network.hosts(), [SECOND]);
            assert_eq!(signed_for(&network), [SECOND, SECOND]);
            network.elapse(Duration::from_secs(2));
            for _ in 0..2 {
                served(&network);
                assert_eq!(run(&network, &two(), statement).unwrap(), 5);
                assert_eq!(network.hosts(), [FIRST]);
            }
        }
    }
}

#[test]
fn silent_endpoint_costs_three_seconds_once() {
    let network = Network::default();
    network.never_answer();
    served(&network);
    assert_eq!(run(&network, &two(), &WRITE).unwrap(), 5);
    assert_eq!(network.hosts(), [FIRST, SECOND]);
    let waited = network.now();
    assert!((3_000..3_300).contains(&waited), "{waited}");
    // The unreachable endpoint is tried again, for one second.
    network.elapse(Duration::from_secs(31));
    let began = network.now();
    network.never_answer();
    served(&network);
    assert_eq!(run(&network, &two(), &READ).unwrap(), 5);
    assert_eq!(network.hosts(), [FIRST, SECOND]);
    let waited = network.now() - began;
    assert!((1_000..1_300).contains(&waited), "{waited}");
}

#[test]
fn short_time_limit_is_divided_between_the_endpoints() {
    let network = Network::default();
    network.never_answer();
    served(&network);
    let config = two().connect_timeout(Duration::from_secs(2));
    assert_eq!(run(&network, &config, &WRITE).unwrap(), 5);
    assert_eq!(network.hosts(), [FIRST, SECOND]);
    for _ in 0..3 {
        network.never_answer();
    }
    network.elapse(Duration::from_secs(60));
    let began = network.now();
    let error = run(&network, &config, &WRITE).unwrap_err();
    assert!(error.is_timeout() && !error.is_outcome_unknown(), "{error}");
    assert!(network.now() - began <= 2_000);
}

#[test]
fn break_during_the_login_moves_reads_but_not_writes() {
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Close]);
    served(&network);
    assert_eq!(run(&network, &two(), &READ).unwrap(), 5);
    assert_eq!(
        (network.hosts(), signed_for(&network)),
        (vec![FIRST.into(), SECOND.into()], vec![FIRST, SECOND])
    );

    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Close]);
    served(&network);
    let error = run(&network, &two(), &WRITE).unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(network.hosts(), [FIRST]);
    // The next query does not connect to the endpoint that failed.
    assert_eq!(run(&network, &two(), &WRITE).unwrap(), 5);
    assert_eq!(network.hosts(), [SECOND]);
}

#[test]
fn error_of_the_server_does_not_change_the_endpoint() {
    let fatal = "SFATAL\0VFATAL\0C28000\0Munable to accept connection, access denied\0\0";
    for script in [
        vec![Step::AwaitWrite, Step::Send(frame(b'E', fatal.as_bytes())), Step::Close],
        answers([failure("42P01")]),
    ] {
        let network = Network::default();
        network.accept(script);
        assert!(run(&network, &two().max_attempts(1), &READ).is_err());
        served(&network);
        assert_eq!(run(&network, &two(), &READ).unwrap(), 5);
        assert_eq!(network.hosts(), [FIRST, FIRST]);
    }
}

#[test]
fn end_of_a_connection_counts_only_before_its_first_answer() {
    for (answered, second) in [(false, SECOND), (true, FIRST)] {
        let network = Network::default();
        let answer = || [Step::Send(rows("n", 23, &[1])), Step::AwaitWrite];
        let mut script = vec![Step::AwaitWrite, Step::Send(login())];
        script.extend(answered.then(answer).into_iter().flatten());
        script.push(Step::Close);
        network.accept(script);
        served(&network);
        let dsql = Dsql::within(two().max_attempts(1), network.clone());
        let first = eventually(&network, query(&READ).fetch_one(&dsql));
        assert_eq!(first.is_ok(), answered);
        if answered {
            assert!(eventually(&network, query(&READ).fetch_one(&dsql)).is_err());
        }
        assert_eq!(eventually(&network, query(&READ).fetch_one(&dsql)).unwrap(), 5);
        assert_eq!(network.hosts(), [FIRST, second]);
    }
}

#[test]
fn error_names_the_endpoint_that_was_used() {
    let network = Network::default();
    for _ in 0..3 {
        network.refuse(TransportErrorKind::Unreachable);
    }
    let error = run(&network, &two(), &READ).unwrap_err().to_string();
    assert_eq!(network.hosts(), [FIRST, SECOND, FIRST]);
    assert!(error.contains(FIRST) && error.contains("3 attempts") && !error.contains(CANARY), "{error}");
    network.accept(vec![Step::AwaitWrite, Step::Send(login()), Step::Close]);
    let error = run(&network, &two().max_attempts(1), &READ).unwrap_err().to_string();
    assert!(error.contains(SECOND), "{error}");
}

#[test]
fn warm_up_moves_to_the_next_endpoint() {
    let network = Network::default();
    network.refuse(TransportErrorKind::Unreachable);
    served(&network);
    let dsql = Dsql::within(two(), network.clone());
    dsql.warm_up();
    let mut tasks = network.spawned();
    for task in &mut tasks {
        assert!(settle(task).is_ready());
    }
    assert_eq!(eventually(&network, query(&READ).fetch_one(&dsql)).unwrap(), 5);
    assert_eq!(network.hosts(), [FIRST, SECOND]);
    assert_eq!(signed_for(&network), [SECOND]);
}

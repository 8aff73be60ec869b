//! Two endpoints of one cluster, the first of which is killed: before the client connects, and after each part of its
//! answers. Compares the outcomes that the client reports with the rows in the database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;

use std::process::Stdio;
use std::time::Duration;

use dsql_edge::{Config, Dsql, Error, sql};
use dsql_edge_local::Local;
use dsql_edge_tests::network::{DELAY, Fault, Network};
use dsql_edge_tests::postgres_server::free_port;
use dsql_edge_tests::workerd::{self, Workerd};
use flights::{TABLES, count, id};

sql! {
    fn add(id) = "INSERT INTO posts (id, title) VALUES ($id, 'x')";

    fn raise(id) = "UPDATE posts SET views = views + 1 WHERE id = $id";

    fn views(id) -> pub Views = "SELECT views FROM posts WHERE id = $id";
}

/// The number of bytes between two consecutive positions at which a connection is cut.
fn step() -> usize {
    if std::env::var_os("DSQL_EDGE_FAULTS").is_some_and(|how| how == "everywhere") { 5 } else { 61 }
}

/// An operation that adds one to a number, or reads the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Read,
    Write,
    Transaction,
    KeyedTransaction,
}

impl Operation {
    async fn run(self, dsql: &Dsql, run: u128) -> Result<(), Error> {
        match self {
            Operation::Read => views(id(1)).fetch_one(dsql).await.map(drop),
            Operation::Write => raise(id(1)).execute(dsql).await.map(drop),
            Operation::Transaction => {
                dsql.transaction(async |tx| {
                    views(id(1)).fetch_one(tx).await?;
                    raise(id(1)).execute(tx).await.map(drop)
                })
                .await
            }
            Operation::KeyedTransaction => {
                let keyed = dsql.transaction(async |tx| raise(id(1)).execute(tx).await.map(drop));
                keyed.idempotency_key(add(id(1000 + run))).await.map(drop)
            }
        }
    }
}

fn two(local: &Local, first: &str, second: &str) -> Config {
    let bindings = local.bindings();
    let config = Config::from_bindings("", |name| match name {
        "DSQL_ENDPOINT" => Some(format!("{first},{second}")),
        _ => bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
    });
    config.unwrap().extra_ca(local.ca_pem())
}

async fn local() -> Local {
    Local::builder().named_init_sql("tables", TABLES).start().await.unwrap()
}

/// Runs an operation again and again, each time with a new first endpoint, which is killed at a later byte than the one
/// before. Returns the number of runs, and the number of runs with an unknown outcome.
async fn killed_at_each_place(operation: Operation) -> (usize, usize) {
    let local = local().await;
    let second = Network::to(local.port(), Duration::ZERO, Fault::None).await;
    let watcher = Dsql::new(two(&local, &format!("localhost:{}", local.port()), &second.endpoint()));
    add(id(1)).execute(&watcher).await.unwrap();
    let current = async || views(id(1)).fetch_one(&watcher).await.unwrap().views;
    let (mut places, mut unknown) = (0, 0);
    let whole = Network::to(local.port(), Duration::ZERO, Fault::None).await;
    operation.run(&Dsql::new(two(&local, &whole.endpoint(), &second.endpoint())), 0).await.unwrap();
    // The last bytes of TLS may be missing in the count, so a few bytes are added.
    let all = whole.connections()[0].received() + 64;
    for cut in (0..all).step_by(step()) {
        let first = Network::to(local.port(), Duration::ZERO, Fault::DieAfter(cut)).await;
        let dsql = Dsql::new(two(&local, &first.endpoint(), &second.endpoint()));
        let before = current().await;
        places += 1;
        let result = operation.run(&dsql, places).await;
        let added = current().await - before;
        let name = format!("{operation:?}, cut after {cut} bytes: {result:?}");
        let most = i32::from(operation != Operation::Read);
        match &result {
            Ok(()) => assert_eq!(added, most, "{name}"),
            Err(error) => {
                unknown += 1;
                assert!(error.is_outcome_unknown(), "{name}");
                assert!(operation == Operation::Write || operation == Operation::Transaction, "{name}");
                assert!((0..=1).contains(&added), "{name}: {added} times");
            }
        }
        // The next query succeeds, whatever has happened. The thirty queries also refill the budget of retries, which
        // all requests share: ten queries add one retry.
        for _ in 0..30 {
            let next = count().fetch_value(&dsql).await;
            assert!(next.is_ok(), "{name}, and then {next:?}");
        }
    }
    local.stop().await.unwrap();
    (usize::try_from(places).unwrap(), unknown)
}

/// The variable that selects the operation of a process.
const OPERATION: &str = "DSQL_EDGE_TEST_OPERATION";

/// The operations run at the same time, because the client pauses before each retry. Each operation runs in a separate
/// process, because a process remembers only a limited number of unreachable endpoints, and each cut adds one endpoint.
#[test]
fn killed_endpoint_is_replaced_and_no_write_is_doubled() {
    let operations = [Operation::Read, Operation::Write, Operation::Transaction, Operation::KeyedTransaction];
    if let Ok(name) = std::env::var(OPERATION) {
        let operation = operations.into_iter().find(|it| format!("{it:?}") == name).expect(&name);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let (places, unknown) = runtime.unwrap().block_on(killed_at_each_place(operation));
        println!("\nplaces={places} unknown={unknown}");
        return;
    }
    let processes = operations.map(|operation| {
        let mut process = std::process::Command::new(std::env::current_exe().unwrap());
        process.args(["killed_endpoint_is_replaced_and_no_write_is_doubled", "--exact", "--nocapture"]);
        process.env(OPERATION, format!("{operation:?}")).stdin(Stdio::null());
        process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let (mut places, mut unknown) = (0, 0);
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{printed}");
        let number = |name: &str| -> usize {
            let found =
                printed.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.expect(&printed).parse().unwrap()
        };
        places += number("places");
        unknown += number("unknown");
    }
    println!("killed at {places} places: {unknown} outcomes unknown, 0 writes doubled");
    assert!(unknown > 0, "no place was between a write and its answer");
}

/// Nothing listens at the first endpoint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_uses_the_second_endpoint_if_the_first_is_down() {
    let local = local().await;
    let network = Network::to(local.port(), DELAY, Fault::None).await;
    let mut bindings = local.bindings();
    let endpoints = format!("localhost:{},{}", free_port(), network.endpoint());
    bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = endpoints;
    let probe = Workerd::start(workerd::probe().await, local.ca_pem(), &bindings).await;
    for _ in 0..2 {
        let answer = probe.get("/one").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "[1]"), "{}", probe.log());
    }
    let trips: Vec<usize> = network.connections().iter().map(|seen| seen.round_trips() + 1).collect();
    assert_eq!(trips, [4, 4]);
    probe.stop().await;
    local.stop().await.unwrap();
}

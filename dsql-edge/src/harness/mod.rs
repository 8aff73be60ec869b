//! Runs all operations of a client with every kind of fault, at all positions.
//!
//! Each scenario runs once for each fault that is possible in the direction of a byte, at every fifth transferred byte
//! or at every byte ([`STRIDE`]). For each of the scenario's waits, there is one more run, which is dropped at that
//! wait. The client's reports are compared with the commits of the model server: no write is lost or committed twice,
//! and there are no false successes, false failures, rows of other queries, or endless waits. The clock of
//! [`Network`](crate::transport::memory::Network) is simulated, and there are no other threads, so that each run can be
//! repeated exactly.

mod bug;
#[cfg(feature = "pool")]
mod pool;
mod scenario;
mod server;
mod wire;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

pub(crate) use bug::{Bug, is_seeded};

#[cfg(not(feature = "pool"))]
use crate::Dsql;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::transport::BoxFuture;
use crate::transport::memory::Network;
use scenario::{Book, ClientReport, Scenario};
use wire::{Direction, Fault, Place, Shared, World};

/// The result of a run.
struct Run {
    /// The bytes that were transferred, to the server and to the client.
    bytes: (usize, usize),
    /// The number of connections that were dialed.
    dials: usize,
    /// The number of times that the scenario waited.
    waits: usize,
    failures: Vec<String>,
    /// The reported outcome of each write, and the number of the client's reads that failed.
    reported: (BTreeMap<i32, ClientReport>, usize),
}

/// The path between the client and the server, and the connection on which the fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    /// Through a pool in the same process; the fault is between the pool and the server.
    #[cfg(feature = "pool")]
    Beside,
    /// Through a remote pool; the fault is between the client and the pool.
    #[cfg(feature = "pool")]
    Before,
    /// Through a remote pool; the fault is between the pool and the server.
    #[cfg(feature = "pool")]
    Behind,
}

impl Way {
    #[cfg(not(feature = "pool"))]
    const ALL: [Way; 1] = [Way::Direct];
    #[cfg(feature = "pool")]
    const ALL: [Way; 4] = [Way::Direct, Way::Beside, Way::Before, Way::Behind];

    fn has_fault_before_pool(self) -> bool {
        #[cfg(feature = "pool")]
        return self == Way::Before;
        #[cfg(not(feature = "pool"))]
        false
    }
}

/// The test bed of a run: the wire to the server, the wire to a pool, and the background tasks.
struct TestBed {
    network: Network,
    /// The wire to the server, from the client or the pool.
    world: Shared,
    /// The wire from the client to the pool.
    before: Shared,
    /// The wire that has the fault.
    faulty: Shared,
    beside: RefCell<Vec<BoxFuture<()>>>,
}

impl TestBed {
    fn new(scenario: &Scenario, way: Way, fault: Option<Place>, dribbles: bool) -> Self {
        let at = |here: bool| World::with(fault.filter(|_| here));
        let is_before = way.has_fault_before_pool();
        let (world, before) = (at(!is_before), at(is_before));
        let faulty = if is_before { before.clone() } else { world.clone() };
        {
            let mut world = world.lock().unwrap();
            world.database.conflicts = scenario.conflicts;
            world.database.rollbacks = scenario.rollbacks;
            world.database.drops = scenario.drops;
            world.direct = scenario.direct;
        }
        faulty.lock().unwrap().dribble = dribbles.then_some(11);
        let network = Network::default();
        let dialed = world.clone();
        network.serve(move |direct| wire::dial(&dialed, direct));
        TestBed { network, world, before, faulty, beside: RefCell::default() }
    }

    /// Polls the background tasks. Returns whether a background task is left.
    fn run_beside(&self) -> bool {
        for wire in [&self.world, &self.before] {
            wire.lock().unwrap().moment += 1;
        }
        self.beside.borrow_mut().extend(self.network.spawned());
        let mut context = Context::from_waker(Waker::noop());
        let mut beside = self.beside.borrow_mut();
        beside.retain_mut(|future| future.as_mut().poll(&mut context).is_pending());
        !beside.is_empty()
    }

    /// The bytes that were transferred so far, on both wires.
    fn passed(&self) -> [(usize, usize); 2] {
        [self.world.lock().unwrap().passed, self.before.lock().unwrap().passed]
    }

    /// Polls a future until it ends. When no byte is transferred, advances the clock to the next timer that a task
    /// waits for.
    fn until_done<F: Future>(
        &self,
        future: F,
        waits: &mut usize,
        dropped_at: Option<usize>,
    ) -> Ended<F::Output> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        let (mut idle, mut before) = (0, Default::default());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ended::Done(output);
            }
            if dropped_at == Some(*waits) {
                return Ended::Dropped;
            }
            *waits += 1;
            self.run_beside();
            let passed = self.passed();
            idle = if passed == before { idle + 1 } else { 0 };
            before = passed;
            // After three polls without a transferred byte, delayed bytes (`Fault::Split`) have arrived too.
            if idle == 3 {
                idle = 0;
                if !self.network.pass() {
                    return Ended::Hanging;
                }
            }
        }
    }

    /// Advances the clock until no background task is left. Returns `false` if a task waits forever.
    fn comes_to_rest(&self) -> bool {
        while self.run_beside() {
            // The tasks run three times before the clock advances, as in `until_done`.
            self.run_beside();
            self.run_beside();
            if self.run_beside() && !self.network.pass() {
                return false;
            }
        }
        true
    }
}

/// Runs a scenario with a fault, or drops it at its `dropped_at`th wait.
fn run(scenario: &Scenario, way: Way, fault: Option<Place>, dropped_at: Option<usize>) -> Run {
    let bed = TestBed::new(scenario, way, fault, dropped_at.is_some());
    let credentials = Credentials::new("AKIDEXAMPLE", "secret");
    let config = Config::local("localhost:1234", "us-east-1", credentials).unwrap();
    #[cfg(feature = "direct-tls")]
    let config = config.direct_tls(scenario.direct.is_some());
    #[cfg(feature = "pool")]
    let (dsql, pool) = pool::dsql(config, way, &bed);
    #[cfg(not(feature = "pool"))]
    let dsql = Dsql::within(config, bed.network.clone());
    let book = Book::default();
    book.lock().unwrap().network = bed.network.clone();
    let mut failures = Vec::new();
    let mut waits = 0;
    let ended = bed.until_done((scenario.run)(&dsql, book.clone()), &mut waits, dropped_at);
    if let Ended::Hanging = ended {
        failures.push("it waits forever".to_owned());
    }
    let bytes = bed.faulty.lock().unwrap().quiet();
    let dials = bed.world.lock().unwrap().dialed;
    let reported = {
        let book = book.lock().unwrap();
        (book.writes.clone(), book.failed_reads)
    };
    // After any fault, each of the next queries must get its own answer. If a connection is silent, only the first of
    // these queries times out, and the connection is not used again. If a pool's client is silent, the pool detects
    // this only after the time limit of a query; until then, three queries can time out while they wait for a lease.
    let silent = matches!(fault, Some((_, Fault::Stall, _)));
    let late = matches!(fault, Some((_, Fault::Late | Fault::TooLate, _)));
    let client_silent = (silent || late) && way.has_fault_before_pool();
    for may_time_out in [silent || client_silent, client_silent, client_silent, false] {
        match bed.until_done(scenario::read(&dsql, &book), &mut 0, None) {
            Ended::Done(Ok(())) => {}
            Ended::Done(Err(error)) if may_time_out && error.is_timeout() => {}
            Ended::Done(Err(error)) => failures.push(format!("the next query fails: {error}")),
            Ended::Dropped | Ended::Hanging => failures.push("the next query waits forever".to_owned()),
        }
    }
    let ends_at_once = way == Way::Direct && matches!(fault, Some((_, Fault::EndAfterDial, 0)));
    let is_certain = scenario.is_certain && dropped_at.is_none() && (fault.is_none() || ends_at_once);
    if is_certain && reported.0.values().any(|report| *report == ClientReport::Unknown) {
        failures.push("the outcome of a write is unknown".to_owned());
    }
    drop(dsql);
    if way == Way::Direct && bed.world.lock().unwrap().open > 0 {
        failures.push("a connection is not closed".to_owned());
    }
    bed.before.lock().unwrap().deliver_held();
    bed.world.lock().unwrap().deliver_held();
    if !bed.comes_to_rest() {
        failures.push("a background task waits forever".to_owned());
    }
    #[cfg(feature = "pool")]
    failures.extend(pool.and_then(|pool| pool.left_over()));
    failures.extend(judge(&bed.world, &book));
    Run { bytes, dials, waits, failures, reported }
}

enum Ended<T> {
    Done(T),
    Dropped,
    Hanging,
}

/// Compares the reported outcomes with the committed rows.
fn judge(world: &Shared, book: &Book) -> Vec<String> {
    let (world, book) = (world.lock().unwrap(), book.lock().unwrap());
    let mut failures: Vec<String> = book.misread.iter().map(|rows| format!("misread: {rows}")).collect();
    failures.extend(world.database.nonsense.clone());
    for (token, reported) in &book.writes {
        let committed = world.database.tokens.get(token).copied().unwrap_or(0);
        match (reported, committed) {
            (ClientReport::Committed, 1) | (ClientReport::Nothing, 0) | (ClientReport::Unknown, 0 | 1) => {}
            (_, 2..) => {
                failures.push(format!("{token} is committed {committed} times, and reported {reported:?}"))
            }
            (ClientReport::Committed, _) => failures.push(format!("false success: {token} is lost")),
            (ClientReport::Nothing, _) => failures.push(format!("false failure: {token} is committed")),
        }
    }
    failures
}

/// Runs a scenario with all faults, at every byte or at every `stride`th, until `found` returns true. Returns the
/// numbers of bytes, faults and drops. The kinds of fault begin at different bytes, so that with the stride `STRIDE`
/// each byte still has a fault.
fn attack(
    scenario: &Scenario,
    way: Way,
    stride: usize,
    found: &mut dyn FnMut(&str, &[String]) -> bool,
) -> Tried {
    let whole = run(scenario, way, None, None);
    let mut tried = Tried { bytes: whole.bytes, ..Tried::default() };
    if !whole.failures.is_empty() && found("without a fault", &whole.failures) {
        return tried;
    }
    // The wire from the client to the pool is not dialed.
    let dials = if way.has_fault_before_pool() { 0 } else { whole.dials };
    let (to_server, to_client) = whole.bytes;
    for (direction, places, stride) in [
        (Direction::ToServer, to_server, stride),
        (Direction::ToClient, to_client, stride),
        (Direction::Dial, dials, 1),
    ] {
        for (kind, fault) in Fault::of(direction).iter().enumerate() {
            for at in (kind % stride..places).step_by(stride) {
                tried.faults += 1;
                let mut ran = run(scenario, way, Some((direction, *fault, at)), None);
                // If no byte is lost, the result must be the same as without a fault.
                if matches!(fault, Fault::Split | Fault::Join) && ran.reported != whole.reported {
                    ran.failures
                        .push(format!("bytes in other pieces change the report to {:?}", ran.reported));
                }
                let failures = ran.failures;
                if !failures.is_empty() && found(&format!("{fault:?} {direction:?} at {at}"), &failures) {
                    return tried;
                }
            }
        }
    }
    // With small pieces there are more waits at which the scenario can be dropped.
    let waits = run(scenario, way, None, Some(usize::MAX)).waits;
    for at in (0..waits).step_by(stride.div_ceil(STRIDE)) {
        tried.drops += 1;
        let failures = run(scenario, way, None, Some(at)).failures;
        if !failures.is_empty() && found(&format!("dropped at wait {at}"), &failures) {
            return tried;
        }
    }
    tried
}

#[derive(Default)]
struct Tried {
    bytes: (usize, usize),
    faults: usize,
    drops: usize,
}

/// Each kind of fault is tried at every fifth byte, and the kinds begin at the bytes 0 to 4, so one or two of the six
/// to eight kinds are tried at each byte. `DSQL_EDGE_FAULTS=everywhere` tries every fault at every byte; this takes
/// five times as long (`cargo xtask test --full faults`).
const STRIDE: usize = 5;

#[test]
fn nothing_is_lost_doubled_or_misreported() {
    let began = Instant::now();
    let stride = match std::env::var("DSQL_EDGE_FAULTS").as_deref() {
        Ok("everywhere") => 1,
        Ok(other) => panic!("DSQL_EDGE_FAULTS is `everywhere`, or not set: {other}"),
        Err(_) => STRIDE,
    };
    let failures: Mutex<BTreeMap<String, (usize, String)>> = Mutex::default();
    let total: Mutex<Tried> = Mutex::default();
    let next = AtomicUsize::new(0);
    let work = || {
        let all = Way::ALL.iter().flat_map(|way| scenario::ALL.iter().map(move |scenario| (*way, scenario)));
        let all: Vec<_> = all.collect();
        while let Some((way, scenario)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tried = attack(scenario, *way, stride, &mut |place, found| {
                let mut failures = failures.lock().unwrap();
                for failure in found {
                    let entry = failures.entry(format!("{way:?}, {}: {failure}", scenario.name));
                    entry.or_insert_with(|| (0, place.to_owned())).0 += 1;
                }
                false
            });
            let Tried { bytes: (to_server, to_client), faults, drops } = tried;
            println!(
                "{:26} {:6} {to_server:5} bytes to the server, {to_client:5} to the client, {faults:6} faults, {drops:4} drops",
                scenario.name,
                format!("{way:?}"),
            );
            let mut total = total.lock().unwrap();
            total.bytes.0 += to_server;
            total.bytes.1 += to_client;
            total.faults += faults;
            total.drops += drops;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    for (failure, (times, first)) in &failures {
        println!("{times:5} times {failure}, first {first}");
    }
    let Tried { bytes: (to_server, to_client), faults, drops } = total.into_inner().unwrap();
    println!(
        "{} scenarios, {} bytes, {faults} faults and {drops} drops in {:.1?}",
        scenario::ALL.len() * Way::ALL.len(),
        to_server + to_client,
        began.elapsed()
    );
    assert!(failures.is_empty(), "reports and commits differ");
}

/// The wire has no fault. The server drops only the flight that arrives with the first login.
#[test]
fn flight_dropped_with_a_login_is_committed_on_every_way() {
    let scenario = scenario::ALL.iter().find(|scenario| scenario.name == "flight dropped in login").unwrap();
    for way in Way::ALL {
        let Run { failures, reported: (writes, failed_reads), .. } = run(scenario, way, None, None);
        assert!(failures.is_empty(), "{way:?}: {failures:?}");
        let committed = BTreeMap::from([1, 2, 3].map(|token| (token, ClientReport::Committed)));
        assert_eq!((writes, failed_reads), (committed, 0), "{way:?}");
    }
}

#[test]
fn each_seeded_bug_of_the_client_is_caught() {
    assert_caught(Bug::OF_CLIENT, &Way::ALL);
}

/// The bugs in this list have no effect without a pool.
#[cfg(feature = "pool")]
#[test]
fn each_seeded_bug_of_the_pool_is_caught() {
    assert_caught(Bug::OF_POOL, &[Way::Beside, Way::Before, Way::Behind]);
}

fn assert_caught(bugs: &[Bug], ways: &[Way]) {
    let missed: Vec<Bug> = bugs.iter().copied().filter(|bug| !is_caught(*bug, ways)).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// Returns whether the harness finds a seeded bug. Most bugs become visible at many positions of a fault, so it is
/// usually enough to try a few. So each kind of fault is tried at one byte, then at more bytes, and finally at all
/// bytes.
fn is_caught(bug: Bug, ways: &[Way]) -> bool {
    for stride in [usize::MAX, 41, 7, 1] {
        for way in ways {
            for scenario in scenario::ALL {
                let mut caught = None;
                bug::with(bug, || {
                    attack(scenario, *way, stride, &mut |place, failures| {
                        caught = Some(format!("{way:?}, {}, {place}: {}", scenario.name, failures[0]));
                        true
                    })
                });
                if let Some(how) = caught {
                    println!("{bug:?}: {how}");
                    return true;
                }
            }
        }
    }
    false
}

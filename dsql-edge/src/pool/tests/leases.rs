//! Tests that, when a lease ends, its connection is lent again or closed.

use super::{World, ask, asking, flight};
use crate::wire::lease::{Ask, LEASE_FAILED, SPENT_FRAME};

/// Sends one flight in a new lease. Returns the types of the answer's frames.
fn lease(world: &World, pool: &super::Pool, ask: &Ask, bytes: Vec<u8>) -> String {
    let mut client = world.client(pool);
    let bytes = [asking(ask), bytes].concat();
    world.finish(async move { client.exchange(bytes, b'Z').await.0 }).expect("an answer")
}

#[test]
fn connection_is_reused_unless_its_session_may_be_changed() {
    for spent in [false, true] {
        let world = World::of(4096);
        let pool = world.pool();
        for leases in 1..4 {
            assert_eq!(lease(&world, &pool, &Ask { spent, ..ask(false) }, flight(&["SET x"])), "lCZ");
            let expected = if spent { (leases, leases) } else { (1, 0) };
            assert_eq!((world.connections(), world.closed()), expected, "spent: {spent}");
        }
    }
}

#[test]
fn spent_frame_at_any_place_closes_the_connection() {
    let first = flight(&["BEGIN"]);
    let second = flight(&["COMMIT"]);
    for piece in [1, 3, 5, 7, usize::MAX] {
        for places in [&[0][..], &[1], &[2], &[0, 1, 2]] {
            let world = World::of(piece);
            let pool = world.pool();
            let mut client = world.client(&pool);
            let frame = |place| if places.contains(&place) { SPENT_FRAME.to_vec() } else { Vec::new() };
            let opening = [asking(&ask(true)), frame(0), first.clone(), frame(1)].concat();
            let (second, end) = (second.clone(), frame(2));
            let tags = world.finish(async move {
                let (began, _) = client.exchange(opening, b'Z').await;
                let (ended, _) = client.exchange([end, second].concat(), b'Z').await;
                [began, ended]
            });
            assert_eq!(tags.unwrap(), ["lCZ", "CZ"], "pieces of {piece}, {places:?}");
            assert_eq!((world.connections(), world.closed()), (1, 1), "pieces of {piece}, {places:?}");
        }
    }
}

#[test]
fn spent_connection_is_closed_if_the_client_leaves() {
    // For each case: whether the client first sends the Spent frame, and how many bytes of the flight the client then
    // sends.
    for (spent_first, sent) in [(true, 0), (true, 11), (false, 0), (false, 11), (true, usize::MAX)] {
        let world = World::of(usize::MAX);
        let pool = world.pool();
        let mut client = world.client(&pool);
        let set = flight(&["SET x"]);
        let set = set[..sent.min(set.len())].to_vec();
        let spent = if spent_first { SPENT_FRAME.to_vec() } else { Vec::new() };
        let opening = [asking(&ask(true)), flight(&["BEGIN"])].concat();
        world.finish(async move {
            client.exchange(opening, b'Z').await;
            client.write([spent, set].concat()).await;
        });
        assert_eq!(world.connections(), 1);
        let is_closed = spent_first || sent == 11;
        assert_eq!(world.closed(), usize::from(is_closed), "{spent_first} {sent}");
        assert_eq!(lease(&world, &pool, &ask(false), flight(&["SELECT"])), "lCZ");
        assert_eq!(world.connections(), 1 + usize::from(is_closed));
    }
}

#[test]
fn frame_with_a_body_is_not_a_spent_frame() {
    let world = World::of(usize::MAX);
    let pool = world.pool();
    let mut client = world.client(&pool);
    let bytes = [asking(&ask(true)), b"x\0\0\0\x05!".to_vec(), flight(&["BEGIN"])].concat();
    let tags = world.finish(async move { client.exchange(bytes, LEASE_FAILED).await.0 });
    assert_eq!(tags.as_deref(), Some("f"));
    assert_eq!(world.connections(), 0);
}

#[test]
fn reported_parameter_closes_the_connection() {
    let world = World::of(4096);
    let pool = world.pool();
    assert_eq!(lease(&world, &pool, &ask(false), flight(&["SET TimeZone"])), "lSCZ");
    assert_eq!((world.connections(), world.closed()), (1, 1));
    assert_eq!(lease(&world, &pool, &ask(false), flight(&["SELECT"])), "lCZ");
    assert_eq!(lease(&world, &pool, &ask(false), flight(&["SELECT"])), "lCZ");
    assert_eq!((world.connections(), world.closed()), (2, 1));
}

#[test]
fn answer_before_the_rest_of_the_flight_is_passed_on() {
    let world = World::of(usize::MAX);
    let pool = world.pool();
    lease(&world, &pool, &ask(false), flight(&["SELECT"]));
    let mut client = world.client(&pool);
    let all = flight(&["DOWN 20000", "SELECT"]);
    let (part, rest) = all.split_at(all.len() - 9);
    let (part, rest) = ([&asking(&ask(false)), part].concat(), rest.to_vec());
    let tags = world.finish(async move {
        let (early, _) = client.exchange(part, b'C').await;
        let (late, _) = client.exchange(rest, b'Z').await;
        [early, late]
    });
    assert_eq!(tags.unwrap(), ["lDC", "CZ"]);
    assert_eq!((world.connections(), world.closed()), (1, 0));
}

/// The time limit of a lease, which is longer than the limit for a pause (15 seconds).
const LIMIT: u64 = 600_000;

#[test]
fn pause_between_statements_ends_after_15_seconds() {
    let world = World::of(4096);
    let pool = world.pool();
    let mut client = world.client(&pool);
    let opening = [asking(&Ask { limit: LIMIT, ..ask(true) }), flight(&["BEGIN"])].concat();
    let client = world.finish(async move {
        client.exchange(opening, b'Z').await;
        client
    });
    let reported = world.expects(client.unwrap(), LEASE_FAILED);
    world.pass(14_900);
    assert_eq!(reported.lock().unwrap().as_deref(), None);
    world.pass(200);
    assert_eq!(reported.lock().unwrap().as_deref(), Some("f"));
    // The transaction is rolled back, and the connection serves the next lease.
    assert_eq!(lease(&world, &pool, &ask(false), flight(&["SELECT"])), "lCZ");
    assert_eq!(world.connections(), 1);
}

#[test]
fn client_that_stops_in_a_flight_is_ended_after_15_seconds() {
    let whole = flight(&["BEGIN", "SELECT"]);
    for sent in [0, 1, 5, 9, whole.len() - 5, whole.len() - 1] {
        let world = World::of(4096);
        let pool = world.pool();
        lease(&world, &pool, &ask(false), flight(&["SELECT"]));
        let mut client = world.client(&pool);
        let opening = [asking(&Ask { limit: LIMIT, ..ask(true) }), whole[..sent].to_vec()].concat();
        let client = world.finish(async move {
            client.write(opening).await;
            client
        });
        let reported = world.expects(client.unwrap(), LEASE_FAILED);
        world.pass(14_900);
        assert_eq!(reported.lock().unwrap().as_deref(), None, "{sent}");
        world.pass(200);
        let reported = reported.lock().unwrap().clone();
        assert!(matches!(reported.as_deref(), Some("lf" | "lCf" | "lCCf")), "{sent}: {reported:?}");
        // A connection that has received only a part of a flight is closed.
        assert_eq!(world.closed(), usize::from(sent > 0), "{sent}");
    }
}

#[test]
fn server_may_take_as_long_as_the_query_limit() {
    use std::sync::atomic::Ordering;
    let world = World::of(4096);
    let pool = world.pool();
    lease(&world, &pool, &ask(false), flight(&["SELECT"]));
    world.server.stalls.store(true, Ordering::Relaxed);
    let mut client = world.client(&pool);
    let opening = [asking(&Ask { limit: LIMIT, ..ask(true) }), flight(&["BEGIN"])].concat();
    let client = world.finish(async move {
        client.write(opening).await;
        client
    });
    let reported = world.expects(client.unwrap(), LEASE_FAILED);
    world.pass(LIMIT - 1000);
    assert_eq!(reported.lock().unwrap().as_deref(), None);
    world.pass(2000);
    assert_eq!(reported.lock().unwrap().as_deref(), Some("lf"));
}

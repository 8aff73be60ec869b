//! A thousand waiting leases fit into an object's memory, for any size of their flights.

use super::{Client, World, ask, asking, flight};
use crate::pool::connections::{LEASE, MEMORY};
use crate::wire::lease::{Ask, LEASE_FAILED};

/// A client holds the only connection while `waiting` other clients send flights of `size` bytes. Returns the bytes
/// that the pool holds, and the types of the frames that each of the waiting clients received.
fn crowd(waiting: usize, size: usize, most: usize) -> (usize, Vec<String>) {
    let world = World::of(4096);
    let pool = world.pool().max_connections(1).max_waiting(most);
    let patient = |open| Ask { wait: 60_000, ..ask(open) };
    let mut holder = world.client(&pool);
    let opening = [asking(&patient(true)), flight(&["BEGIN"])].concat();
    let holder: Client = world
        .finish(async move {
            holder.exchange(opening, b'Z').await;
            holder
        })
        .unwrap();
    let bytes = [asking(&patient(false)), flight(&[&"x".repeat(size)])].concat();
    let reported: Vec<_> = (0..waiting)
        .map(|_| {
            let mut client = world.client(&pool);
            let bytes = bytes.clone();
            let reported = std::sync::Arc::new(std::sync::Mutex::new(None));
            let slot = reported.clone();
            world.spawn(async move {
                let (tags, _) = client.exchange(bytes, b'Z').await;
                *slot.lock().unwrap() = Some(tags);
            });
            reported
        })
        .collect();
    world.run();
    let held = pool.connections.held();
    // After the holder has left, the other clients get the connection, one after the other.
    drop(holder);
    world.run();
    assert_eq!(pool.connections.held(), 0, "at the end no bytes are counted");
    (held, reported.iter().map(|reported| reported.lock().unwrap().clone().unwrap_or_default()).collect())
}

#[test]
fn thousand_waiting_leases_are_served_whatever_they_send() {
    for size in [10, 5_000, 100_000] {
        let (held, reported) = crowd(1000, size, 1000);
        assert!(held <= MEMORY + 2 * 65_536, "{size}: {held} bytes");
        assert!(reported.iter().all(|reported| reported == "lCZ"), "{size}");
    }
}

#[test]
fn waiting_leases_beyond_memory_are_rejected() {
    let (held, reported) = crowd(3000, 10, 100_000);
    assert!(held <= MEMORY);
    let served = reported.iter().filter(|reported| *reported == "lCZ").count();
    assert!((1000..=MEMORY / LEASE).contains(&served), "{served}");
    let failed = String::from(char::from(LEASE_FAILED)) + ".";
    assert!(reported.iter().all(|reported| reported == "lCZ" || *reported == failed));
}

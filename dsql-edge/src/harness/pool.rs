//! The pool between the client and the server, either in the client's process or remote.
//!
//! Input: whether the pool is in the client's process or remote. Output: a [`Dsql`] that uses the pool, and a check
//! that at the end the pool has no connections and no waiting clients.

use core::time::Duration;
use std::sync::Arc;

use super::scenario::{self, Book};
use super::wire::{self, Shared};
use super::{Ended, TestBed, Way};
use crate::Dsql;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::lease::Lessor;
use crate::pool::Pool;
use crate::transport::Transport;
use crate::transport::memory::Network;

/// A pool has a single connection here, so that clients must wait for each other, and so that a connection that is not
/// returned blocks all later requests.
const CONNECTIONS: usize = 1;

pub(super) fn dsql(config: Config, way: Way, bed: &TestBed) -> (Dsql, Option<Pool>) {
    let pool = Pool::within(config.clone(), bed.network.clone()).max_connections(CONNECTIONS);
    match way {
        Way::Direct => (Dsql::within(config, bed.network.clone()), None),
        Way::Beside => (pool.dsql(), Some(pool)),
        Way::Before | Way::Behind => {
            let (network, wire) = (bed.network.clone(), bed.before.clone());
            let away = Away { network, pool: pool.clone(), wire };
            (Dsql::within(config.leasing_from(Arc::new(away)), bed.network.clone()), Some(pool))
        }
    }
}

/// A remote pool, which is reached over a wire.
struct Away {
    network: Network,
    pool: Pool,
    wire: Shared,
}

impl Lessor for Away {
    fn reach(&self, _: bool) -> Result<Box<dyn Transport>, Error> {
        let (here, there) = wire::dial_pool(&self.wire);
        self.network.spawn(self.pool.receive(there));
        Ok(here)
    }
}

/// Reads through a pool after each of these pauses. Returns, for each read, the number of connections that had been
/// opened so far.
fn connections(change: impl FnOnce(Pool) -> Pool, pauses: &[Duration]) -> Vec<usize> {
    let bed = TestBed::new(&scenario::ALL[0], Way::Beside, None, false);
    let credentials = Credentials::new("AKIDEXAMPLE", "secret");
    let config = Config::local("localhost:1234", "us-east-1", credentials).unwrap();
    let pool = change(Pool::within(config, bed.network.clone()));
    let book = Book::default();
    let counted = pauses.iter().map(|pause| {
        bed.network.elapse(*pause);
        bed.run_beside();
        let read = bed.until_done(scenario::read(&pool.dsql(), &book), &mut 0, None);
        assert!(matches!(read, Ended::Done(Ok(()))));
        bed.world.lock().unwrap().connections()
    });
    let counted = counted.collect();
    assert!(bed.comes_to_rest());
    assert_eq!(pool.left_over(), None, "at the end no connection keeps the object awake");
    counted
}

#[test]
fn a_connection_retires_when_it_is_old_or_idle() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    // A connection retires after 53 to 57 minutes. The connection is 55 minutes old at the twelfth read, and 60 minutes
    // old at the thirteenth read.
    let used = connections(|pool| pool, &[minutes(5); 13]);
    assert_eq!(used[..10], [1; 10]);
    assert_eq!(used[12], 2);
    assert_eq!(connections(|pool| pool, &[minutes(9), minutes(9), minutes(11), minutes(9)]), [1, 1, 2, 2]);
    let hasty = |pool: Pool| pool.max_idle(minutes(1)).max_age(minutes(4));
    assert_eq!(connections(hasty, &[Duration::from_secs(50); 7])[6], 2);
    assert_eq!(connections(hasty, &[minutes(2); 3]), [1, 2, 3]);
    // The longest duration does not overflow.
    let young = |pool: Pool| pool.max_idle(Duration::MAX).max_age(minutes(4));
    assert_eq!(connections(young, &[minutes(3); 3]), [1, 1, 2]);
    let busy = |pool: Pool| pool.max_idle(minutes(4)).max_age(Duration::MAX);
    assert_eq!(connections(busy, &[minutes(3), minutes(3), minutes(5)]), [1, 1, 2]);
}

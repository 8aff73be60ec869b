//! The pool between the client and the server: beside the client, or far away.
//!
//! Goes in: where it is. Comes out: a [`Dsql`] that goes through it, and what is left in it in the end, which must be
//! nothing: no connection, and nobody who waits.

use std::sync::Arc;

use super::wire::{self, Shared};
use super::{Stage, Way};
use crate::config::Config;
use crate::pool::{Lessor, Pool};
use crate::transport::Transport;
use crate::{Dsql, transport};

/// Fewer than may ask at once; and one that is not given back is missed.
const CONNECTIONS: usize = 1;

pub(super) fn dsql(config: Config, way: Way, stage: &Stage) -> (Dsql, Option<Pool>) {
    let pool = Pool::new(config.clone()).max_connections(CONNECTIONS);
    match way {
        Way::Direct => (Dsql::new(config), None),
        Way::Beside => (pool.dsql(), Some(pool)),
        Way::Before | Way::Behind => {
            let away = Away { config: config.clone(), pool: pool.clone(), wire: stage.before.clone() };
            (Dsql::new(config.leasing_from(Arc::new(away))), Some(pool))
        }
    }
}

/// A pool that is reached over a wire.
struct Away {
    config: Config,
    pool: Pool,
    wire: Shared,
}

impl Lessor for Away {
    fn reach(&self, _: bool) -> Box<dyn Transport> {
        let (here, there) = wire::dial_pool(&self.wire);
        transport::spawn(&self.config, self.pool.receive(there));
        here
    }
}

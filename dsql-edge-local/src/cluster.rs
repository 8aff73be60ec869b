//! What the sessions of an endpoint have in common: the version of the catalogue, limits, faults, the clock, the
//! log.
//!
//! In: what the endpoint is made with, and the schema changes that sessions commit. Out: the same for every session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::limits::{Admission, Connections, Limits};
use crate::proxy::Log;

/// The shared state of a local DSQL.
pub(crate) struct Cluster {
    pub(crate) catalog: Catalog,
    pub(crate) limits: Limits,
    pub(crate) admission: Admission,
    pub(crate) connections: Connections,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<Clock>,
    pub(crate) log: Log,
}

impl Cluster {
    pub(crate) fn new(limits: Limits, clock: Arc<Clock>, log: Log) -> Cluster {
        Cluster {
            catalog: Catalog::default(),
            admission: Admission::new(&limits),
            connections: Connections::default(),
            limits,
            faults: Faults::default(),
            clock,
            log,
        }
    }
}

/// Counts the schema changes that sessions have committed.
#[derive(Default)]
pub(crate) struct Catalog(AtomicU64);

impl Catalog {
    pub(crate) fn version(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// A schema change of a session that knows version `seen` has been committed: the version that it knows now. It is not
    /// the newest where another session was quicker.
    pub(crate) fn changed(&self, seen: u64) -> u64 {
        let before = self.0.fetch_add(1, Ordering::SeqCst);
        if before == seen { before + 1 } else { seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_knows_its_own_changes_and_not_those_of_others() {
        let catalog = Catalog::default();
        let (mine, theirs) = (catalog.version(), catalog.version());
        let mine = catalog.changed(mine);
        assert_eq!(mine, catalog.version());
        let theirs = catalog.changed(theirs);
        assert!(theirs < catalog.version(), "it has not heard of the first");
    }
}

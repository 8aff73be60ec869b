//! The interface between a client and a pool: the source of leases, and the report of a lease that failed.

mod report;

use crate::error::Error;
use crate::transport::Transport;
pub(crate) use report::Report;

/// Where a client gets leases: the pool's objects, or a pool in the same place.
pub(crate) trait Lessor: Send + Sync {
    /// A stream to the pool, on which nothing was sent yet. `open`: the client may send more than one flight.
    ///
    /// # Errors
    /// If a setting of the pool is wrong.
    fn reach(&self, open: bool) -> Result<Box<dyn Transport>, Error>;

    /// The prefix of the cluster's bindings.
    fn prefix(&self) -> &str {
        ""
    }
}

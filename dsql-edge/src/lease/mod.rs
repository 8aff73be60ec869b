//! The interface between a client and a pool: the source of leases, and the report of a lease that failed.

mod report;

use crate::error::Error;
use crate::transport::Transport;
pub(crate) use report::Report;

/// The source of a client's leases: the pool's objects, or a pool in the same process.
pub(crate) trait Lessor: Send + Sync {
    /// Opens a new stream to the pool. If `open`, the client may send more than one flight.
    ///
    /// # Errors
    /// Returns an error if a setting of the pool is wrong.
    fn reach(&self, open: bool) -> Result<Box<dyn Transport>, Error>;

    /// The prefix of the cluster's bindings.
    fn prefix(&self) -> &str {
        ""
    }
}

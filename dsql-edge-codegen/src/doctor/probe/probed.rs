//! The cluster that the probe connects to, and the schema that the probe creates in it.

use dsql_edge::{Config, Credentials};

use crate::cluster::Target;

/// The cluster that is probed.
pub(super) struct Probed {
    pub(super) config: Config,
    pub(super) target: Target,
    pub(super) region: String,
    pub(super) credentials: Credentials,
    /// The schema of the probe.
    pub(super) schema: String,
}

impl Probed {
    /// Returns the host name, without a port.
    pub(super) fn host(&self) -> &str {
        self.target.endpoint.split(':').next().unwrap_or_default()
    }
}

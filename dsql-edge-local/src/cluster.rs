//! The state that the sessions of an endpoint share, such as the version of the catalog, limits, faults, and the clock.

use std::sync::Arc;

use crate::catalog_version::CatalogVersion;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::limits::{Admission, Connections, Limits};
use crate::log::Log;
use crate::oc001::Oc001;
use crate::seal::SealKey;

/// The shared state of a local DSQL.
pub(crate) struct Cluster {
    pub(crate) catalog: CatalogVersion,
    pub(crate) oc001: Oc001,
    pub(crate) seal_key: Arc<SealKey>,
    pub(crate) limits: Limits,
    pub(crate) admission: Admission,
    pub(crate) connections: Connections,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<Clock>,
    pub(crate) log: Log,
    /// Whether other clusters use the same PostgreSQL, and so the same roles. On a PostgreSQL that several clusters
    /// use, a statement that changes roles is rejected, because the change would also affect the other clusters.
    pub(crate) shares_roles: bool,
}

impl Cluster {
    pub(crate) fn new(
        limits: Limits,
        oc001: Oc001,
        seal_key: Arc<SealKey>,
        clock: Arc<Clock>,
        log: Log,
    ) -> Cluster {
        Cluster {
            catalog: CatalogVersion::default(),
            oc001,
            seal_key,
            admission: Admission::new(&limits),
            connections: Connections::default(),
            limits,
            faults: Faults::default(),
            clock,
            log,
            shares_roles: false,
        }
    }
}

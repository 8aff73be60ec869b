//! The user's configuration together with the environment: everything that a client or a pool needs to connect.

#[cfg(feature = "multi-region")]
use std::sync::Arc;

use crate::config::Config;
use crate::millis::Millis;
use crate::settings::Settings;
use crate::transport::{BoxFuture, Environment};
use crate::wire::Limits;

/// A [`Config`] and its [`Environment`]. On Workers the environment is a zero-sized type, so a `Connector` is as small
/// as a `Config`.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    /// A connector for each endpoint of a multi-Region cluster, in the order in which the endpoints are tried; empty if
    /// there is only one endpoint.
    #[cfg(feature = "multi-region")]
    regions: Vec<Arc<Connector>>,
}

/// The time, in milliseconds, after which an endpoint that was unreachable is tried again.
#[cfg(feature = "multi-region")]
const TRIED_AGAIN_AFTER: Millis = 30_000;

/// The time, in milliseconds, that opening a connection with TLS may take if there is another endpoint: TCP, SSLRequest
/// and TLS from the other side of the Earth take about one second.
#[cfg(feature = "multi-region")]
const PATIENCE: Millis = 3_000;

/// The time limit, in milliseconds, for opening a connection to an endpoint that was unreachable before.
#[cfg(feature = "multi-region")]
const PATIENCE_AGAIN: Millis = 1_000;

impl Connector {
    pub(crate) fn new(config: Config, environment: Environment) -> Self {
        Connector {
            #[cfg(feature = "multi-region")]
            regions: regions(&config, &environment),
            config,
            environment,
        }
    }

    /// Chooses the endpoint of the next connection: the first one that was not found unreachable within
    /// [`TRIED_AGAIN_AFTER`]. Also returns the time that opening the connection may take; `None` if there is only one
    /// endpoint.
    #[cfg(feature = "multi-region")]
    pub(crate) fn region(&self) -> Option<(Region, Millis)> {
        let now = self.now();
        let since = |region: &Connector| self.environment.unreachable_since(&region.settings().endpoint);
        let is_tried = |region: &&Arc<Connector>| {
            since(region).is_none_or(|since| now.saturating_sub(since) >= TRIED_AGAIN_AFTER)
        };
        // If all endpoints are unreachable, the endpoint that was tried least recently comes next.
        let oldest = || self.regions.iter().min_by_key(|region| since(region));
        let chosen = self.regions.iter().find(is_tried).or_else(oldest)?;
        let most = self.settings().connect_timeout / (self.regions.len() as Millis);
        let patience = if since(chosen).is_some() { PATIENCE_AGAIN } else { PATIENCE };
        Some((Region(Some(chosen.clone())), patience.min(most)))
    }

    /// Records whether the endpoint of this connector could be reached.
    #[cfg(feature = "multi-region")]
    pub(crate) fn note_reached(&self, is_reached: bool) {
        let at = (!is_reached).then(|| self.now());
        self.environment.note_unreachable(&self.settings().endpoint, at);
    }

    #[cfg(not(feature = "multi-region"))]
    #[inline(always)]
    #[allow(clippy::unused_self, reason = "with one endpoint, there is nothing to record")]
    pub(crate) fn note_reached(&self, _: bool) {}

    pub(crate) fn settings(&self) -> &Settings {
        &self.config.settings
    }

    pub(crate) fn now(&self) -> Millis {
        self.environment.now()
    }

    pub(crate) fn sleep(&self, time: Millis) -> BoxFuture<()> {
        self.environment.sleep(time)
    }

    /// Sets a timer to this time from now.
    pub(crate) fn rewind(&self, timer: &mut BoxFuture<()>, time: Millis) {
        *timer = self.sleep(time);
    }

    /// The longest message and row.
    pub(crate) fn limits(&self) -> Limits {
        let settings = self.settings();
        Limits { message: settings.max_message, row: settings.max_row }
    }
}

/// The endpoint of a connection, if the cluster has several endpoints. Without the feature `multi-region`, this type
/// has no size.
#[derive(Clone, Default)]
pub(crate) struct Region(#[cfg(feature = "multi-region")] Option<Arc<Connector>>);

impl Region {
    /// The connector for the endpoint of the connection; `whole` is the connector of the cluster.
    #[cfg(feature = "multi-region")]
    pub(crate) fn connector<'r>(&'r self, whole: &'r Connector) -> &'r Connector {
        self.0.as_deref().unwrap_or(whole)
    }

    #[cfg(not(feature = "multi-region"))]
    #[inline(always)]
    pub(crate) fn connector<'r>(&'r self, whole: &'r Connector) -> &'r Connector {
        whole
    }
}

#[cfg(feature = "multi-region")]
fn regions(config: &Config, environment: &Environment) -> Vec<Arc<Connector>> {
    let mut alone = config.clone();
    let fallbacks = core::mem::take(&mut alone.settings.fallbacks);
    if fallbacks.is_empty() {
        return Vec::new();
    }
    let at = |endpoint| {
        let mut config = alone.clone();
        config.settings.endpoint = endpoint;
        Arc::new(Connector::new(config, environment.clone()))
    };
    core::iter::once(config.settings.endpoint.clone()).chain(fallbacks).map(at).collect()
}

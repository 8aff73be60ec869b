//! The user's configuration together with the environment: everything that a client or a pool needs to connect.

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
}

impl Connector {
    pub(crate) fn new(config: Config, environment: Environment) -> Self {
        Connector { config, environment }
    }

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

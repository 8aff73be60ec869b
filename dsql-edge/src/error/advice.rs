//! The advice for a login that a PostgreSQL has rejected, which differs from the advice for DSQL.

use super::Error;

impl Error {
    /// Replaces the advice for a rejected login, because the default advice is about DSQL.
    pub(crate) fn with_advice(mut self, advice: Option<&'static str>) -> Self {
        self.0.advice = Some(advice);
        self
    }
}

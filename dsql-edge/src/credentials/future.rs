//! The future that returns credentials, or a text that was signed with them, and its error.

use core::future::Future;
use core::pin::Pin;

use crate::error::Error;

/// The future of credentials, or of a text that is signed with them.
pub(crate) type AuthFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// Why there are no credentials.
#[derive(Debug)]
pub(crate) struct Unavailable {
    pub(crate) error: Error,
    /// There may be some in a moment.
    pub(crate) transient: bool,
}

impl From<Error> for Unavailable {
    fn from(error: Error) -> Self {
        Unavailable { error, transient: false }
    }
}

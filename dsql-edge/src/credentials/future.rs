//! The future that returns credentials, or a text that was signed with them; and the error of this future.

use core::future::Future;
use core::pin::Pin;

use crate::error::Error;

/// A future of credentials, or of a text that is signed with them.
pub(crate) type AuthFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// Why there are no credentials.
#[derive(Debug)]
pub(crate) struct Unavailable {
    pub(crate) error: Error,
    /// Whether credentials may be available soon.
    pub(crate) transient: bool,
}

impl From<Error> for Unavailable {
    fn from(error: Error) -> Self {
        Unavailable { error, transient: false }
    }
}

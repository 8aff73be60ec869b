//! Defines the future that returns credentials, or a token or request that was signed with credentials, and the error
//! that this future can return.

use core::future::Future;
use core::pin::Pin;

use crate::error::Error;

/// A future that returns credentials, or a token or request that was signed with credentials.
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

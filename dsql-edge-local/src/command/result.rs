//! The result of a command.

use std::error::Error;

/// The result of a command. A person reads its error, so every error type fits.
pub(crate) type CommandResult<T> = Result<T, Box<dyn Error>>;

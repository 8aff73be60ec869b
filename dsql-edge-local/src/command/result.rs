//! The result of a command.

use std::error::Error;

/// The result of a command. The error of a command is only shown to people, so any error type is
/// allowed.
pub(crate) type CommandResult<T> = Result<T, Box<dyn Error>>;

//! Defines the error of a schema: a diagnostic and its file.

use crate::diagnostic::Diagnostic;

/// An error in a schema file.
#[derive(Clone, Debug)]
pub struct SchemaError {
    /// The file name that was passed to [`Schema::parse_files`](super::Schema::parse_files).
    pub file: String,
    /// The error, with its span in that file.
    pub diagnostic: Diagnostic,
}

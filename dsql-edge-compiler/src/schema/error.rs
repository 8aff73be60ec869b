//! Defines the error of a schema: a diagnostic and its file.

use crate::diagnostic::Diagnostic;

/// An error in a schema file.
#[derive(Clone, Debug)]
pub struct SchemaError {
    /// The name of the file, as the caller passed it to [`Schema::parse_files`](super::Schema::parse_files).
    pub file: String,
    /// The error; its span is a part of this file.
    pub diagnostic: Diagnostic,
}

//! The error of a schema: a part of its files that cannot be understood, and its place.

use crate::diagnostic::Diagnostic;

/// Something in a schema file that cannot be understood.
#[derive(Clone, Debug)]
pub struct SchemaError {
    /// The file, as it was named to [`Schema::parse_files`](super::Schema::parse_files).
    pub file: String,
    /// What is wrong, its span in that file.
    pub diagnostic: Diagnostic,
}

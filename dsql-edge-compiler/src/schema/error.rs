//! The error of a schema: what in its files cannot be understood, and where.

use crate::diagnostic::Diagnostic;

/// Something in a schema file that cannot be understood.
#[derive(Clone, Debug)]
pub struct SchemaError {
    /// The file, as it was named to [`Schema::parse_files`].
    pub file: String,
    /// What is wrong, its span in that file.
    pub diagnostic: Diagnostic,
}

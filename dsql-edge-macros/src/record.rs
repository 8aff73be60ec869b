//! Writes down each invocation of a macro, for `dsql-edge check`, which compares them with what it found in the sources.
//!
//! Input: the tokens of an invocation, and `DSQL_EDGE_INVOCATIONS`, the path of a file. Output: a line in that file with
//! package, macro, source file, line,
//! tokens and the path of the schema, tabs between them. Without the variable nothing happens.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use proc_macro2::TokenStream;

pub(crate) const INVOCATIONS_VARIABLE: &str = "DSQL_EDGE_INVOCATIONS";

/// Where an invocation is.
pub(crate) struct Place {
    pub(crate) file: Option<PathBuf>,
    pub(crate) line: usize,
}

/// Writes an invocation down.
pub(crate) fn invocation(name: &str, place: &Place, tokens: &TokenStream) {
    let Some(path) = std::env::var_os(INVOCATIONS_VARIABLE).filter(|path| !path.is_empty()) else { return };
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    // A compiler's paths begin where it runs.
    let file = place.file.as_ref().map(|file| std::env::current_dir().unwrap_or_default().join(file));
    let file = file.map(|file| file.display().to_string()).unwrap_or_default();
    let schema = crate::snapshot::path().map(|path| path.display().to_string()).unwrap_or_default();
    let fields = [&package, name, &file, &place.line.to_string(), &tokens.to_string(), &schema].map(escaped);
    // What cannot be written is missing in what `check` reads, which then reports that it cannot compare.
    if let Ok(mut out) = OpenOptions::new().append(true).open(path) {
        let _ = out.write_all(format!("{}\n", fields.join("\t")).as_bytes());
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

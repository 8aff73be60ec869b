//! Records each invocation of a macro for `dsql-edge check`, which compares the records with the invocations in the
//! sources.
//!
//! Input: the tokens of an invocation, and `DSQL_EDGE_INVOCATIONS`, the path of a file. Output: a line in that file
//! with package, macro, source file, line, tokens and the path of the schema, separated by tabs. If the variable is not
//! set, nothing is recorded.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use dsql_edge_macro_input::INVOCATIONS_VARIABLE;
use proc_macro2::TokenStream;

/// The place of an invocation.
pub(crate) struct Place {
    pub(crate) file: Option<PathBuf>,
    pub(crate) line: usize,
}

/// Records an invocation.
pub(crate) fn invocation(name: &str, place: &Place, tokens: &TokenStream) {
    let Some(path) = std::env::var_os(INVOCATIONS_VARIABLE).filter(|path| !path.is_empty()) else { return };
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    // The paths from rustc are relative to rustc's working folder.
    let file = place.file.as_ref().map(|file| std::env::current_dir().unwrap_or_default().join(file));
    let file = file.map(|file| file.display().to_string()).unwrap_or_default();
    let schema = crate::snapshot::path().map(|path| path.display().to_string()).unwrap_or_default();
    let fields = [&package, name, &file, &place.line.to_string(), &tokens.to_string(), &schema].map(escaped);
    // If a line cannot be written, the invocation is missing in the file. In this case, `check` compares fewer queries,
    // or reports that the comparison is not possible.
    if let Ok(mut out) = OpenOptions::new().append(true).open(path) {
        let _ = out.write_all(format!("{}\n", fields.join("\t")).as_bytes());
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

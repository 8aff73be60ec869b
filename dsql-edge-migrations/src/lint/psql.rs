//! Decides which psql commands change what psql sends to the server.
//!
//! Input: a command. Output: whether psql runs the statements before and after the command as they are written.

use dsql_edge_compiler::syntax::PsqlCommand;

/// Whether psql sends the same statements, in the same way, as without this command.
pub(super) fn is_harmless(command: &PsqlCommand, text: &str) -> bool {
    // psql runs a string in backquotes as a command of the shell.
    if command.span.text(text).contains('`') {
        return false;
    }
    match command.name.as_str() {
        "restrict" | "unrestrict" | "echo" | "qecho" | "warn" | "timing" | "pset" | "x" | "unset"
        | "encoding" | "gset" | "gdesc" | "conninfo" | "." => true,
        "g" | "gx" => !command.span.text(text).contains('|'),
        "set" => {
            let words = command.span.text(text).to_ascii_uppercase();
            !words.contains("AUTOCOMMIT") && !words.contains("ON_ERROR_ROLLBACK")
        }
        name => name.starts_with('d') || name.starts_with('l') && name != "lo_import",
    }
}

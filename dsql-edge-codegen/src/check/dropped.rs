//! Finds the statements of a candidate that drop or rename objects, to explain why a query that needs such an object
//! breaks.
//!
//! Input: the files of the candidate. Output: the names of the objects, with the location of each statement. CASCADE
//! and DROP SCHEMA do not contain the names of everything that they drop, so for some broken queries no statement is
//! found.

use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::source::Lines;
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::ast::{AlterAction, Name, StatementKind};

use crate::schema_files::SqlFile;

/// A name that a statement drops or renames.
pub(super) struct Dropped {
    name: String,
    /// `drops` or `renames`.
    verb: &'static str,
    /// `file:line`
    place: String,
}

/// Returns the names that the files drop or rename, in order.
pub(super) fn dropped(files: &[SqlFile]) -> Vec<Dropped> {
    let mut out = Vec::new();
    for file in files {
        let source = Source::script(&file.text);
        let Ok(parsed) = Parsed::script(&source) else { continue };
        let lines = Lines::of(&file.text);
        for statement in &parsed.statements {
            let mut add = |verb, name: &Name| {
                let (line, _) = lines.place(&file.text, name.span.start as usize);
                let place = format!("{}:{line}", file.name);
                out.push(Dropped { name: name.text.clone(), verb, place });
            };
            match &statement.kind {
                StatementKind::Drop(drop) => {
                    drop.names
                        .iter()
                        .filter_map(|name| name.parts.last())
                        .for_each(|name| add("drops", name));
                }
                StatementKind::AlterTable(alter) => {
                    for action in &alter.actions {
                        match action {
                            AlterAction::DropColumn { name, .. } => add("drops", name),
                            AlterAction::RenameColumn { from, .. } => add("renames", from),
                            AlterAction::Rename(_) | AlterAction::SetSchema(_) => {
                                alter.name.parts.last().into_iter().for_each(|name| add("renames", name));
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
    out
}

/// Returns a note for an error about a missing name: the statement that drops or renames that name.
pub(super) fn detail(error: &Diagnostic, query: &str, dropped: &[Dropped]) -> Option<String> {
    let is_missing = matches!(error.code, Code::UnknownTable | Code::UnknownColumn | Code::UnknownFunction);
    let written = error.span.text(query);
    let last = written.rsplit('.').next().unwrap_or(written);
    let name = match last.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => last.to_lowercase(),
    };
    let by = dropped.iter().rev().find(|it| is_missing && it.name == name)?;
    Some(format!("the candidate {} it ({})", by.verb, by.place))
}

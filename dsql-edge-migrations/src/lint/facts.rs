//! Keeps facts that are known from the files alone, without the schema before them: the roles that were created or
//! dropped, and the columns that were added to tables which the files do not create.
//!
//! Input: the statements, in order. Output: PostgreSQL's error for a statement that certainly fails because of an
//! earlier statement. A schema does not contain roles, so these facts are the only source for roles.

use std::collections::{BTreeMap, BTreeSet};

use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::{AlterAction, AlterTable, ObjectKind, StatementKind};
use dsql_edge_compiler::syntax::keyword::Keyword as K;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};

/// The facts that the statements before the current one prove, without a schema before the files.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// Whether a role exists, for each role that a statement created or dropped.
    roles: BTreeMap<String, bool>,
    /// The columns that a table certainly has; the key is the table's name as the statements contain it.
    columns: BTreeMap<String, BTreeSet<String>>,
}

impl Facts {
    /// Adds the facts of a statement; returns the errors of the statement. `is_unlisted` is true if the statement
    /// alters a table that the schema does not have.
    pub(super) fn follow(&mut self, statement: ParsedStatement<'_>, is_unlisted: bool) -> Vec<Diagnostic> {
        match &statement.kind {
            StatementKind::Utility("CREATE ROLE" | "CREATE USER" | "CREATE GROUP") => {
                named(statement, 2).into_iter().filter_map(|role| self.create(role)).collect()
            }
            StatementKind::Utility("ALTER ROLE" | "ALTER USER" | "ALTER GROUP") => self.rename(statement),
            StatementKind::Drop(drop) if drop.object == ObjectKind::Other => self.drop_roles(statement),
            StatementKind::AlterTable(alter) if alter.object == ObjectKind::Table && is_unlisted => {
                self.alter(alter)
            }
            // After a rename or a move to another schema, the recorded names may mean other tables.
            StatementKind::AlterTable(alter) if alter.actions.iter().any(moves) => {
                self.columns.clear();
                Vec::new()
            }
            StatementKind::Drop(_)
            | StatementKind::CreateTable(_)
            | StatementKind::CreateSchema(_)
            | StatementKind::RenameSchema { .. }
            | StatementKind::Set(_)
            | StatementKind::Utility("SET" | "RESET" | "DISCARD") => {
                self.columns.clear();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Forgets everything: a statement may have had any effect.
    pub(super) fn clear(&mut self) {
        *self = Facts::default();
    }

    fn create(&mut self, (role, place): (&str, Span)) -> Option<Diagnostic> {
        let known = self.roles.insert(role.to_owned(), true);
        let message = format!("role \"{role}\" already exists");
        (known == Some(true)).then(|| Diagnostic::error(Code::DuplicateObject, place, message))
    }

    fn rename(&mut self, statement: ParsedStatement<'_>) -> Vec<Diagnostic> {
        let is_rename =
            statement.own_tokens().get(3).is_some_and(|token| token.kind == TokenKind::Keyword(K::Rename));
        let (Some(from), Some(to)) = (named(statement, 2), named(statement, 5)) else { return Vec::new() };
        if !is_rename {
            return Vec::new();
        }
        let unknown = self.drop_role(from);
        unknown.into_iter().chain(self.create(to)).collect()
    }

    fn drop_roles(&mut self, statement: ParsedStatement<'_>) -> Vec<Diagnostic> {
        let tokens = statement.own_tokens();
        let is = |at: usize, keyword: K| {
            tokens.get(at).is_some_and(|token| token.kind == TokenKind::Keyword(keyword))
        };
        if !(is(1, K::Role) || is(1, K::User) || is(1, K::Group)) {
            return Vec::new();
        }
        let if_exists = is(2, K::If);
        let names = tokens.iter().skip(if if_exists { 4 } else { 2 });
        let roles: Vec<(&str, Span)> = names.filter_map(name_of).collect();
        let unknown = roles.into_iter().filter_map(|role| self.drop_role(role));
        unknown.filter(|_| !if_exists).collect()
    }

    fn drop_role(&mut self, (role, place): (&str, Span)) -> Option<Diagnostic> {
        let known = self.roles.insert(role.to_owned(), false);
        let message = format!("role \"{role}\" does not exist");
        (known == Some(false)).then(|| Diagnostic::error(Code::UnknownObject, place, message))
    }

    fn alter(&mut self, alter: &AlterTable) -> Vec<Diagnostic> {
        let table = alter.name.display();
        let mut found = Vec::new();
        let taken = |name: &str, place| {
            let message = format!("column \"{name}\" of relation \"{}\" already exists", alter.name.name());
            Diagnostic::error(Code::DuplicateColumn, place, message)
        };
        for action in &alter.actions {
            let columns = self.columns.entry(table.clone()).or_default();
            match action {
                AlterAction::AddColumn { column, if_not_exists } => {
                    let is_new = columns.insert(column.name.text.clone());
                    if !is_new && !if_not_exists {
                        found.push(taken(&column.name.text, column.name.span));
                    }
                }
                AlterAction::DropColumn { name, .. } => drop(columns.remove(&name.text)),
                AlterAction::RenameColumn { from, to } => {
                    columns.remove(&from.text);
                    if !columns.insert(to.text.clone()) {
                        found.push(taken(&to.text, to.span));
                    }
                }
                _ if moves(action) => self.columns.clear(),
                _ => {}
            }
        }
        found
    }
}

/// Whether an action of ALTER TABLE changes the table's name or schema.
fn moves(action: &AlterAction) -> bool {
    matches!(action, AlterAction::Rename(_) | AlterAction::SetSchema(_))
}

fn named(statement: ParsedStatement<'_>, at: usize) -> Option<(&str, Span)> {
    statement.own_tokens().get(at).and_then(name_of)
}

fn name_of(token: &Token) -> Option<(&str, Span)> {
    Some((token.kind.name()?, token.span))
}

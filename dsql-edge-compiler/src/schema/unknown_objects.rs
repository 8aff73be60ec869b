//! Reports the objects to which a foreign key, COMMENT, GRANT or REVOKE refers, and which do not exist.
//!
//! Input: the tokens of a statement, because the parser skips most words of COMMENT, GRANT and REVOKE, and the schema
//! before the statement. Output: PostgreSQL's errors. As in `names_taken`, only a script that has not run yet has these
//! errors.

use super::alter::unknown_column;
use super::fold::Fold;
use super::{Relation, RelationKind};
use crate::diagnostic::Code;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Name, ObjectKind, QualifiedName, StatementKind};
use crate::syntax::keyword::Keyword as K;
use crate::syntax::token::{Token, TokenKind};

impl Fold {
    /// Reports a relation that does not exist. A name that begins with `pg_` may be that of a system catalog.
    pub(super) fn report_missing_relation(&mut self, name: &QualifiedName) {
        let is_of_system = match name.schema() {
            Some(schema) => {
                schema.starts_with("pg_") || matches!(schema, "information_schema" | "sys" | "dsql_edge")
            }
            None => name.name().starts_with("pg_"),
        };
        if self.reports_names && !is_of_system && !self.schema.has_unknown_extension {
            self.unknown_relation(name);
        }
    }

    pub(super) fn report_unknown_objects(&mut self, statement: ParsedStatement<'_>) {
        let mut words = Words { tokens: statement.own_tokens() };
        match statement.kind {
            StatementKind::Utility("COMMENT") => self.report_commented(&mut words),
            StatementKind::Utility("GRANT" | "REVOKE") => self.report_granted(&mut words),
            _ => {}
        }
    }

    fn report_commented(&mut self, words: &mut Words<'_>) {
        words.skip(2);
        let kind = match words.keyword() {
            Some(K::Materialized) => {
                words.skip(1);
                ObjectKind::MaterializedView
            }
            Some(K::Foreign) => {
                words.skip(1);
                ObjectKind::ForeignTable
            }
            Some(K::Table) => ObjectKind::Table,
            Some(K::View) => ObjectKind::View,
            Some(K::Sequence) => ObjectKind::Sequence,
            Some(K::Index) => ObjectKind::Index,
            Some(K::Type | K::Domain) => ObjectKind::Type,
            Some(K::Schema) => ObjectKind::Schema,
            Some(K::Column) => {
                words.skip(1);
                return words.name().into_iter().for_each(|name| self.report_commented_column(name));
            }
            _ => return,
        };
        words.skip(1);
        let Some(name) = words.name() else { return };
        match (kind, self.find_relation(&name)) {
            (ObjectKind::Type, _) if self.find_type(&name).is_some() => {}
            (ObjectKind::Type, _) => self.report_unknown_type(&name),
            (ObjectKind::Schema, _) => self.report_unknown_schema(name.name(), name.span()),
            (ObjectKind::Index, None) => self.report_unknown_index(&name, Code::UnknownTable, "relation"),
            (_, None) => self.report_missing_relation(&name),
            (_, Some(at)) => {
                let before = self.problems.len();
                self.is_other_kind(at, kind, &name);
                // The hint of a DROP does not fit.
                self.problems.iter_mut().skip(before).for_each(|problem| problem.hint = None);
            }
        }
    }

    /// `COMMENT ON COLUMN table.column`.
    fn report_commented_column(&mut self, mut table: QualifiedName) {
        let Some(column) = table.parts.pop().filter(|_| !table.parts.is_empty()) else { return };
        self.report_missing_columns(&table, &[column]);
    }

    /// Reports a table that does not exist, or else those of the columns that the table does not have.
    fn report_missing_columns(&mut self, table: &QualifiedName, columns: &[Name]) {
        let Some(at) = self.find_relation(table) else { return self.report_missing_relation(table) };
        let relation = &self.schema.relations[at];
        if !matches!(relation.kind, RelationKind::Table) {
            return;
        }
        let is_missing = |column: &&Name| relation.column(&column.text).is_none();
        let missing = columns.iter().filter(is_missing).map(|column| of_relation(relation, column));
        let missing: Vec<_> = missing.collect();
        self.problems.extend(missing);
    }

    /// `GRANT … ON … TO` and `REVOKE … ON … FROM`.
    fn report_granted(&mut self, words: &mut Words<'_>) {
        let columns = words.privileges();
        if words.keyword() != Some(K::On) {
            return;
        }
        words.skip(1);
        let kind = words.keyword().filter(|_| !words.is_name_only());
        match kind {
            Some(K::Table | K::Sequence) => words.skip(1),
            Some(K::Schema) => {
                words.skip(1);
                let names = words.names();
                return names.iter().for_each(|name| self.report_unknown_schema(name.name(), name.span()));
            }
            Some(K::Type | K::Domain) => {
                words.skip(1);
                let unknown: Vec<_> =
                    words.names().into_iter().filter(|name| self.find_type(name).is_none()).collect();
                return unknown.iter().for_each(|name| self.report_unknown_type(name));
            }
            Some(
                K::All
                | K::Function
                | K::Procedure
                | K::Routine
                | K::Database
                | K::Language
                | K::Large
                | K::Parameter
                | K::Tablespace
                | K::Foreign,
            ) => return,
            _ => {}
        }
        let names = words.names();
        names.iter().for_each(|name| self.report_missing_columns(name, &columns));
    }
}

fn of_relation(relation: &Relation, column: &Name) -> crate::diagnostic::Diagnostic {
    let message = format!("column \"{}\" of relation \"{}\" does not exist", column.text, relation.name);
    unknown_column(relation, &column.text, column.span, message)
}

/// The tokens of a statement that were not read yet.
struct Words<'t> {
    tokens: &'t [Token],
}

impl Words<'_> {
    fn keyword(&self) -> Option<K> {
        match self.tokens.first()?.kind {
            TokenKind::Keyword(keyword) => Some(keyword),
            _ => None,
        }
    }

    fn skip(&mut self, count: usize) {
        self.tokens = self.tokens.get(count..).unwrap_or_default();
    }

    fn is_symbol(&self, at: usize, symbol: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    }

    /// Whether the next token is an object's name and not the word for a kind of object: in `ON type TO r`, `type` is a
    /// table.
    fn is_name_only(&self) -> bool {
        let after = self.tokens.get(1).map(|token| &token.kind);
        let ends = matches!(after, None | Some(TokenKind::Keyword(K::To | K::From)));
        ends || self.is_symbol(1, b'.') || self.is_symbol(1, b',')
    }

    /// Reads `a.b.c`.
    fn name(&mut self) -> Option<QualifiedName> {
        let mut parts = Vec::new();
        loop {
            let token = self.tokens.first()?;
            parts.push(Name { text: token.kind.name()?.to_owned(), span: token.span });
            if !self.is_symbol(1, b'.') {
                self.skip(1);
                return Some(QualifiedName { parts });
            }
            self.skip(2);
        }
    }

    /// Reads `a, b.c`.
    fn names(&mut self) -> Vec<QualifiedName> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            if !self.is_symbol(0, b',') {
                break;
            }
            self.skip(1);
        }
        names
    }

    /// Reads the privileges up to ON; returns the columns in their parentheses.
    fn privileges(&mut self) -> Vec<Name> {
        let mut columns = Vec::new();
        let mut is_inside = false;
        while let Some(token) = self.tokens.first() {
            match &token.kind {
                TokenKind::Symbol(b'(') => is_inside = true,
                TokenKind::Symbol(b')') => is_inside = false,
                TokenKind::Keyword(K::On) => break,
                kind if is_inside => {
                    let name = kind.name().map(|text| Name { text: text.to_owned(), span: token.span });
                    columns.extend(name);
                }
                _ => {}
            }
            self.skip(1);
        }
        columns
    }
}

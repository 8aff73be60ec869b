//! The state of one analysis, which the files around it share: each adds the methods for its part of PostgreSQL.

use super::catalog::Catalog;
use super::collated::Collations;
use super::parameter::Parameter;
use super::tree::Query;
use crate::builtin::Oid;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::typed::{IdempotencyKey, SessionEffect};
use std::collections::HashMap;
use std::rc::Rc;

/// The state of one analysis.
pub(super) struct Analyzer<'a> {
    pub(super) catalog: Catalog<'a>,
    pub(super) diagnostics: Diagnostics,
    pub(super) parameters: Vec<Parameter>,
    /// Views that were read, by the number of their relation.
    pub(super) views: HashMap<usize, Option<Rc<Query>>>,
    /// Aliases and the tables behind them, for hints.
    pub(super) aliases: Vec<(String, String)>,
    /// Column names of recursive queries that are being analysed.
    pub(super) aliases_of_recursion: Vec<(String, Vec<crate::syntax::ast::Name>)>,
    /// The row type of the entry that is being opened, by name and number.
    pub(super) row_types: HashMap<(String, usize), Oid>,
    /// Views that could not be analysed, and why.
    pub(super) broken_views: Vec<(String, String)>,
    /// Columns whose type the snapshot does not define: table, column, type.
    pub(super) broken_columns: Vec<(String, String, String)>,
    /// Names of the tables that the statement reads or writes.
    pub(super) table_names: Vec<String>,
    /// Arrays of one `UNNEST`, by the numbers of their parameters: they must be equally long.
    pub(super) equal_lengths: Vec<Vec<usize>>,
    /// Errors that PostgreSQL finds after parse analysis.
    pub(super) later: Vec<Diagnostic>,
    /// What stars are sent as.
    pub(super) edits: Vec<(Span, String)>,
    /// A volatile function or a nested write was seen.
    pub(super) writes: bool,
    /// A nested INSERT, UPDATE or DELETE was seen.
    pub(super) changes_rows: bool,
    /// What the functions that it calls leave behind in the session.
    pub(super) session: SessionEffect,
    /// What makes the statement an idempotency key.
    pub(super) key: Option<IdempotencyKey>,
    pub(super) collations: Collations,
    /// Composite types whose fields are being compared.
    pub(super) comparing: Vec<Oid>,
}

impl<'a> Analyzer<'a> {
    pub(super) fn new(catalog: Catalog<'a>) -> Analyzer<'a> {
        Analyzer {
            catalog,
            diagnostics: Diagnostics::new(),
            parameters: Vec::new(),
            views: HashMap::new(),
            aliases: Vec::new(),
            aliases_of_recursion: Vec::new(),
            row_types: HashMap::new(),
            broken_views: Vec::new(),
            broken_columns: Vec::new(),
            table_names: Vec::new(),
            equal_lengths: Vec::new(),
            later: Vec::new(),
            edits: Vec::new(),
            writes: false,
            changes_rows: false,
            session: SessionEffect::Keeps,
            key: None,
            collations: Collations::default(),
            comparing: Vec::new(),
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A function is called that the schema defines: its body is not known.
    pub(super) fn calls_unknown(&mut self) {
        self.writes = true;
        self.session = self.session.max(SessionEffect::MayChange);
    }
}

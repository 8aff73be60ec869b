//! The state of one analysis. The modules of `analyze` share this state, and each module adds the methods for its part
//! of PostgreSQL.

use super::catalog::Catalog;
use super::collated::Collations;
use super::parameter::Parameter;
use super::tree::{Node, Query};
use super::written_table::Target;
use crate::builtin::Oid;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::schema::Taint;
use crate::source::Span;
use crate::typed::{Idempotency, SessionEffect};
use std::collections::HashMap;
use std::rc::Rc;

/// The state of one analysis.
pub(super) struct Analyzer<'a> {
    pub(super) catalog: Catalog<'a>,
    pub(super) diagnostics: Diagnostics,
    pub(super) parameters: Vec<Parameter>,
    /// The analyzed views; the key is the number of the view's relation. The value is `None` if the view has an error
    /// or is being analyzed.
    pub(super) views: HashMap<usize, Option<Rc<Query>>>,
    /// The number of views that enclose the view that is being analyzed.
    pub(super) views_above: usize,
    /// The aliases and the tables to which these aliases refer, for hints.
    pub(super) aliases: Vec<(String, String)>,
    /// The column names of the recursive queries being analyzed.
    pub(super) aliases_of_recursion: Vec<(String, Vec<crate::syntax::ast::Name>)>,
    /// The row type of each entry that is not yet in the range table; the key is the entry's name and future number.
    pub(super) row_types: HashMap<(String, usize), Oid>,
    /// Views that could not be analyzed, with the error.
    pub(super) broken_views: Vec<(String, String)>,
    /// Columns whose type is missing in the snapshot: the names of the table, the column and the type.
    pub(super) broken_columns: Vec<(String, String, String)>,
    /// The names of the tables and views in the statement, without the tables that only a view reads.
    pub(super) table_names: Vec<String>,
    /// The parameters that are arrays of one `UNNEST`, by number: these arrays must have the same length.
    pub(super) equal_lengths: Vec<Vec<usize>>,
    /// Errors that PostgreSQL finds after parse analysis.
    pub(super) later: Vec<Diagnostic>,
    /// The span of each `*`, and the column list that replaces this `*` in the SQL to send.
    pub(super) edits: Vec<(Span, String)>,
    /// Whether the statement may write: it contains a write, a row lock, or a function that may write.
    pub(super) writes: bool,
    /// Whether the statement contains a nested INSERT, UPDATE or DELETE.
    pub(super) changes_rows: bool,
    /// The strongest effect on the session that a called function may have.
    pub(super) session: SessionEffect,
    /// Whether the statement can be an idempotency key.
    pub(super) idempotency: Idempotency,
    /// The table of an UPDATE or DELETE that is not nested.
    pub(super) target: Option<Target>,
    pub(super) collations: Collations,
    /// Composite types whose fields are being compared.
    pub(super) comparing: Vec<Oid>,
    /// The spans of names and strings that are not meant as PostgreSQL reads them, with advice: `city` in
    /// `venue->city`, `'a'` in `meta->'a' + 1`.
    pub(super) advice_at: Vec<(Span, String)>,
    /// The total size of the operands copied so far.
    copied: usize,
}

/// The limit for the total size of the operands that a statement copies. `BETWEEN`, `IN` and `CASE operand WHEN`
/// compare an operand several times, so each level of nesting at least doubles the size.
const MAX_COPIED: usize = 200_000;

/// The words that are common to PostgreSQL's messages about unknown names; all other words of such a message can be the
/// unknown name.
const COMMON: [&str; 11] =
    ["column", "relation", "table", "of", "function", "type", "does", "not", "exist", "in", "the"];

impl<'a> Analyzer<'a> {
    pub(super) fn new(catalog: Catalog<'a>) -> Analyzer<'a> {
        Analyzer {
            catalog,
            diagnostics: Diagnostics::new(),
            parameters: Vec::new(),
            views: HashMap::new(),
            views_above: 0,
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
            idempotency: Idempotency::NotAnInsert,
            target: None,
            collations: Collations::default(),
            comparing: Vec::new(),
            advice_at: Vec::new(),
            copied: 0,
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        let diagnostic = match self.tainted(&diagnostic) {
            Some(detail) => diagnostic.with_detail(detail),
            None => diagnostic,
        };
        self.diagnostics.push(diagnostic);
    }

    /// Returns the detail of an error for an unknown name. If the name occurs in a statement whose effect on the schema
    /// is not known, this statement may have created or changed the object. In this case, the error's detail shows the
    /// statement with its file and line.
    fn tainted(&self, diagnostic: &Diagnostic) -> Option<String> {
        let is_of_name = matches!(
            diagnostic.code,
            Code::UnknownColumn | Code::UnknownTable | Code::UnknownFunction | Code::UnknownType
        );
        let taints = &self.catalog.schema.taints;
        if !is_of_name || diagnostic.detail.is_some() || taints.is_empty() {
            return None;
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut words = diagnostic.message.split(|c| !is_word(c)).filter(|word| !COMMON.contains(word));
        let taint = words.find_map(|word| taints.iter().find(|taint| taint.names(word)))?;
        let Taint { file, line, statement, .. } = taint;
        Some(format!("{file}, line {line}, may change this, and its effect is not known: {statement}"))
    }

    /// Returns whether the statement stays within the limit if it copies the operand `times` times. When the limit is
    /// exceeded for the first time, reports that the statement is too complex.
    pub(super) fn may_copy(&mut self, operand: &Node, times: usize) -> bool {
        let fitted = self.copied <= MAX_COPIED;
        if fitted {
            self.copied = self.copied.saturating_add(operand.size().saturating_mul(times));
        }
        let fits = self.copied <= MAX_COPIED;
        if fitted && !fits {
            let message = "the operands of BETWEEN, IN and CASE are too large to be compared this often: split the statement";
            self.report(Diagnostic::error(Code::TooComplex, operand.span, message));
        }
        fits
    }

    /// Records that the statement may call a function that is not analyzed, such as a function of the schema. The
    /// function may write and change the session.
    pub(super) fn calls_unknown(&mut self) {
        self.writes = true;
        self.session = self.session.max(SessionEffect::MayChange);
    }
}

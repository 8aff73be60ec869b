//! Parses `INSERT`, `UPDATE`, `DELETE` and `MERGE`.

use super::{K, Parser, Parsing, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{
    Alias, Assignment, ConflictTarget, Delete, Expr, ExprKind, IndexElement, Insert, Merge, MergeAction,
    MergeClause, OnConflict, Target, TargetColumn, TargetTable, Update, With,
};

impl Parser<'_> {
    pub(super) fn insert(&mut self, with: Option<With>) -> Parsing<Insert> {
        self.advance();
        self.expect_keyword(K::Into)?;
        let name = self.qualified_name()?;
        let alias = if self.eat_keyword(K::As) {
            Some(Alias { name: self.col_id()?, columns: Vec::new() })
        } else {
            None
        };
        let mut columns = Vec::new();
        // `INSERT INTO t (SELECT …)` and `INSERT INTO t (a, b)` differ after the parenthesis; only a query can be in
        // double parentheses.
        if self.at_symbol(b'(') && !self.symbol_ahead(1, b'(') && !self.query_in_parentheses_ahead() {
            columns = self.parenthesized_list(Self::target_column)?;
        }
        let mut overriding = None;
        if self.eat_keyword(K::Overriding) {
            overriding = Some(self.at_keyword(K::System));
            if !self.eat_keyword(K::System) {
                self.expect_keyword(K::User)?;
            }
            self.expect_keyword(K::Value)?;
        }
        let source = if columns.is_empty() && overriding.is_none() && self.eat_keyword(K::Default) {
            self.expect_keyword(K::Values)?;
            None
        } else {
            Some(self.query()?)
        };
        let on_conflict = if self.at_keyword(K::On) { Some(self.on_conflict()?) } else { None };
        let returning = self.returning()?;
        Ok(Insert {
            with,
            table: TargetTable { name, alias },
            columns,
            overriding,
            source,
            on_conflict,
            returning,
        })
    }

    fn query_in_parentheses_ahead(&self) -> bool {
        let mut count = 0;
        while self.symbol_ahead(count, b'(') {
            count += 1;
        }
        matches!(self.keyword_ahead(count), Some(K::Select | K::Values | K::With | K::Table))
    }

    fn target_column(&mut self) -> Parsing<TargetColumn> {
        let name = self.col_id()?;
        Ok(TargetColumn { name, indirection: self.indirection()? })
    }

    fn on_conflict(&mut self) -> Parsing<OnConflict> {
        let start = self.advance();
        self.expect_keyword(K::Conflict)?;
        let target = if self.at_symbol(b'(') {
            let open = self.span();
            let elements = self.parenthesized_list(Self::index_element)?;
            let filter = if self.eat_keyword(K::Where) { Some(self.expr()?) } else { None };
            ConflictTarget::Index(elements, filter, open)
        } else if self.eat_keyword(K::On) {
            self.expect_keyword(K::Constraint)?;
            ConflictTarget::Constraint(self.col_id()?)
        } else {
            ConflictTarget::Any
        };
        self.expect_keyword(K::Do)?;
        let update = if self.eat_keyword(K::Nothing) {
            None
        } else {
            self.expect_keyword(K::Update)?;
            self.expect_keyword(K::Set)?;
            let assignments = self.list(Self::assignment)?;
            let filter = if self.eat_keyword(K::Where) { Some(self.expr()?) } else { None };
            Some((assignments, filter))
        };
        Ok(OnConflict { target, update, span: start.to(self.previous_span()) })
    }

    /// `index_elem`: a column, a function call, or an expression in parentheses, and its options.
    pub(super) fn index_element(&mut self) -> Parsing<IndexElement> {
        let expr = if self.at_symbol(b'(') {
            self.advance();
            let expr = self.expr()?;
            self.expect_symbol(b')')?;
            expr
        } else if self.at_col_id() && !self.call_ahead() {
            let name = self.col_id()?;
            let span = name.span;
            Expr { kind: ExprKind::Column(vec![name]), span }
        } else {
            self.windowless_function()?
        };
        let collation = if self.eat_keyword(K::Collate) { Some(self.any_name()?) } else { None };
        let order = |keyword| matches!(keyword, Some(K::Asc | K::Desc | K::Nulls | K::With));
        let operator_class = if self.at_col_id() && !order(self.keyword()) {
            let name = self.any_name()?;
            if self.at_symbol(b'(') {
                self.skip_parentheses()?;
            }
            Some(name)
        } else {
            None
        };
        let descending = match self.keyword() {
            Some(keyword @ (K::Asc | K::Desc)) => {
                self.advance();
                Some(keyword == K::Desc)
            }
            _ => None,
        };
        let nulls_first = self.nulls_order()?;
        Ok(IndexElement { expr, collation, operator_class, descending, nulls_first })
    }

    /// Whether a call begins here: a name, qualified or not, and a parenthesis.
    fn call_ahead(&self) -> bool {
        let mut count = 1;
        while self.symbol_ahead(count, b'.') {
            count += 2;
        }
        self.symbol_ahead(count, b'(')
    }

    pub(super) fn update(&mut self, with: Option<With>) -> Parsing<Update> {
        self.advance();
        let table = self.target_table()?;
        self.expect_keyword(K::Set)?;
        let assignments = self.list(Self::assignment)?;
        let from = if self.eat_keyword(K::From) { self.list(Self::table_ref)? } else { Vec::new() };
        let filter = self.where_or_current()?;
        let returning = self.returning()?;
        Ok(Update { with, table, assignments, from, filter, returning })
    }

    pub(super) fn delete(&mut self, with: Option<With>) -> Parsing<Delete> {
        self.advance();
        self.expect_keyword(K::From)?;
        let table = self.target_table()?;
        let using = if self.eat_keyword(K::Using) { self.list(Self::table_ref)? } else { Vec::new() };
        let filter = self.where_or_current()?;
        let returning = self.returning()?;
        Ok(Delete { with, table, using, filter, returning })
    }

    /// `relation_expr_opt_alias`: without `AS`, `SET` is never an alias.
    fn target_table(&mut self) -> Parsing<TargetTable> {
        let name = self.relation_name()?;
        let alias = if self.eat_keyword(K::As) || (self.at_col_id() && !self.at_keyword(K::Set)) {
            Some(Alias { name: self.col_id()?, columns: Vec::new() })
        } else {
            None
        };
        Ok(TargetTable { name, alias })
    }

    fn where_or_current(&mut self) -> Parsing<Option<Expr>> {
        if !self.eat_keyword(K::Where) {
            return Ok(None);
        }
        if self.at_keywords(K::Current, K::Of) {
            let start = self.advance();
            self.advance();
            if matches!(self.token().kind, TokenKind::Parameter(_)) {
                let span = start.to(self.advance());
                let name = Self::synthetic_name("$", span);
                return Ok(Some(Expr { kind: ExprKind::CurrentOf(name), span }));
            }
            let name = self.col_id()?;
            let span = start.to(name.span);
            return Ok(Some(Expr { kind: ExprKind::CurrentOf(name), span }));
        }
        self.expr().map(Some)
    }

    fn returning(&mut self) -> Parsing<Vec<Target>> {
        if self.eat_keyword(K::Returning) { self.target_list() } else { Ok(Vec::new()) }
    }

    pub(super) fn assignment(&mut self) -> Parsing<Assignment> {
        if self.at_symbol(b'(') {
            let columns = self.parenthesized_list(Self::target_column)?;
            self.expect_symbol(b'=')?;
            let value = self.expr()?;
            return Ok(Assignment::Multiple(columns, value));
        }
        let column = self.target_column()?;
        self.expect_symbol(b'=')?;
        Ok(Assignment::Single(column, self.expr()?))
    }

    pub(super) fn merge(&mut self, with: Option<With>) -> Parsing<Merge> {
        let span = self.advance();
        self.expect_keyword(K::Into)?;
        let table = self.target_table()?;
        self.expect_keyword(K::Using)?;
        let source = self.table_ref()?;
        self.expect_keyword(K::On)?;
        let on = self.expr()?;
        let mut clauses = Vec::new();
        while self.at_keyword(K::When) {
            clauses.push(self.merge_clause()?);
        }
        if clauses.is_empty() {
            return Err(self.error_here());
        }
        Ok(Merge { with, table, source, on, clauses, span })
    }

    fn merge_clause(&mut self) -> Parsing<MergeClause> {
        self.advance();
        let matched = !self.eat_keyword(K::Not);
        self.expect_keyword(K::Matched)?;
        let condition = if self.eat_keyword(K::And) { Some(self.expr()?) } else { None };
        self.expect_keyword(K::Then)?;
        let action = match self.keyword() {
            Some(K::Update) if matched => {
                self.advance();
                self.expect_keyword(K::Set)?;
                MergeAction::Update(self.list(Self::assignment)?)
            }
            Some(K::Delete) if matched => {
                self.advance();
                MergeAction::Delete
            }
            Some(K::Insert) if !matched => self.merge_insert()?,
            Some(K::Do) => {
                self.advance();
                self.expect_keyword(K::Nothing)?;
                MergeAction::Nothing
            }
            _ => return Err(self.error_here()),
        };
        Ok(MergeClause { matched, condition, action })
    }

    fn merge_insert(&mut self) -> Parsing<MergeAction> {
        self.advance();
        let columns =
            if self.at_symbol(b'(') { self.parenthesized_list(Self::target_column)? } else { Vec::new() };
        if columns.is_empty() && self.eat_keywords(K::Default, K::Values) {
            return Ok(MergeAction::Insert { columns, overriding: None, values: None });
        }
        let mut overriding = None;
        if self.eat_keyword(K::Overriding) {
            overriding = Some(self.at_keyword(K::System));
            if !self.eat_keyword(K::System) {
                self.expect_keyword(K::User)?;
            }
            self.expect_keyword(K::Value)?;
        }
        self.expect_keyword(K::Values)?;
        let values = Some(self.parenthesized_list(Self::expr)?);
        Ok(MergeAction::Insert { columns, overriding, values })
    }

    /// Returns the error for constructs that PostgreSQL's grammar reports as unsupported.
    pub(super) fn not_implemented(&self, span: crate::source::Span, message: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::syntax(Code::FeatureNotSupported, span, message))
    }
}

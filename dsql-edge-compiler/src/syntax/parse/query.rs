//! Parses queries: `select_no_parens`, set operations, `WITH`, `VALUES`, and the clauses at the end.

use super::{K, Parser, Parsing, TokenKind};
use crate::source::Span;
use crate::syntax::ast::{
    Cte, Cycle, Distinct, Expr, ExprKind, GroupingElement, Limit, Literal, LockStrength, Locking, Name,
    Query, QueryBody, Search, Select, SetOperator, Target, Window, With,
};
use crate::syntax::keyword::Class;

/// The maximum number of set operations in a statement. In the worst case, the tree of the set operations is as deep
/// as this number (see `MAX_DEPTH`).
const MAX_SET_OPERATIONS: usize = 500;

/// The maximum number of `WITH` queries in a statement. Each `WITH` query can read the query before it, so a function
/// of the compiler that follows these references can recurse once for each query.
const MAX_CTES: usize = 10_000;

impl Parser<'_> {
    /// Parses a query, with or without parentheses around it.
    pub(super) fn query(&mut self) -> Parsing<Query> {
        self.nested(|parser| {
            if parser.at_keyword(K::With) {
                let with = parser.with_clause()?;
                return parser.query_after_with(with);
            }
            let left = parser.set_operand()?;
            let body = parser.set_operations(left, 0)?;
            parser.query_tail(body)
        })
    }

    /// Parses the query after a `WITH` clause that is already parsed.
    pub(super) fn query_after_with(&mut self, with: With) -> Parsing<Query> {
        let left = self.set_operand()?;
        let body = self.set_operations(left, 0)?;
        let mut query = self.query_tail(body)?;
        if query.with.is_some() {
            return Err(self.error_at(with.span, "multiple WITH clauses not allowed"));
        }
        query.span = with.span.to(query.span);
        query.with = Some(with);
        Ok(query)
    }

    /// Continues after a parenthesized query that is already parsed.
    pub(super) fn query_after_parentheses(&mut self, left: Query) -> Parsing<Query> {
        let body = self.set_operations(left, 0)?;
        self.query_tail(body)
    }

    /// `select_with_parens`.
    pub(super) fn query_in_parentheses(&mut self) -> Parsing<Query> {
        self.expect_symbol(b'(')?;
        let query = self.query()?;
        self.expect_symbol(b')')?;
        Ok(query)
    }

    /// Whether a set operation or a clause such as ORDER BY follows a query in parentheses.
    pub(super) fn at_query_continuation(&self) -> bool {
        matches!(
            self.keyword(),
            Some(K::Union | K::Intersect | K::Except | K::Order | K::Limit | K::Offset | K::Fetch | K::For)
        )
    }

    /// Parses one side of a set operation: `SELECT`, `VALUES`, `TABLE`, or a query in parentheses.
    fn set_operand(&mut self) -> Parsing<Query> {
        let start = self.span();
        if self.at_symbol(b'(') {
            return self.query_in_parentheses();
        }
        let body = match self.keyword() {
            Some(K::Select) => QueryBody::Select(Box::new(self.select()?)),
            Some(K::Values) => {
                self.advance();
                QueryBody::Values(self.list(|parser| parser.parenthesized_list(Self::expr))?)
            }
            Some(K::Table) => {
                self.advance();
                QueryBody::Select(Box::new(self.table_query(start)?))
            }
            _ => return Err(self.error_here()),
        };
        Ok(plain_query(body, start.to(self.previous_span())))
    }

    /// `TABLE t` is `SELECT * FROM t`.
    fn table_query(&mut self, start: Span) -> Parsing<Select> {
        let item = self.relation_expr()?;
        let span = start.to(self.previous_span());
        let star = Expr { kind: ExprKind::Star(Vec::new()), span: start };
        Ok(Select {
            distinct: None,
            targets: vec![Target { expr: star, label: None }],
            into: None,
            from: vec![item],
            filter: None,
            group_by: Vec::new(),
            group_distinct: false,
            having: None,
            windows: Vec::new(),
            span,
        })
    }

    /// `INTERSECT` binds tighter than `UNION` and `EXCEPT`; all associate to the left.
    fn set_operations(&mut self, mut left: Query, minimum: u8) -> Parsing<Query> {
        loop {
            let (operator, level) = match self.keyword() {
                Some(K::Union) => (SetOperator::Union, 1),
                Some(K::Except) => (SetOperator::Except, 1),
                Some(K::Intersect) => (SetOperator::Intersect, 2),
                _ => return Ok(left),
            };
            if level <= minimum {
                return Ok(left);
            }
            self.set_operations += 1;
            if self.set_operations > MAX_SET_OPERATIONS {
                let message =
                    format!("a statement has more than {MAX_SET_OPERATIONS} set operations: split it");
                return Err(self.too_complex(message));
            }
            let location = self.advance();
            let all = self.eat_keyword(K::All);
            if !all {
                self.eat_keyword(K::Distinct);
            }
            let operand = self.set_operand()?;
            let right = self.nested(|parser| parser.set_operations(operand, level))?;
            let span = left.span.to(right.span);
            let body = QueryBody::SetOperation {
                operator,
                all,
                left: Box::new(left),
                right: Box::new(right),
                location,
            };
            left = plain_query(body, span);
        }
    }

    /// `ORDER BY`, `LIMIT`, `OFFSET`, `FETCH` and `FOR …`, in the order that the grammar allows.
    fn query_tail(&mut self, mut query: Query) -> Parsing<Query> {
        let start = query.span;
        if self.at_keyword(K::Order) {
            let location = self.span();
            let order_by = self.sort_clause()?;
            if !query.order_by.is_empty() {
                let at = order_by.first().map_or(location, |key| key.expr.span);
                return Err(self.error_at(at, "multiple ORDER BY clauses not allowed"));
            }
            query.order_by = order_by;
        }
        let locked = self.at_keyword(K::For);
        self.locking_clauses(&mut query)?;
        self.limit_clauses(&mut query)?;
        if !locked {
            self.locking_clauses(&mut query)?;
        }
        let with_ties = matches!(query.limit, Some(Limit::WithTies(_)));
        if with_ties && query.locking.iter().any(|clause| clause.skip_locked) {
            let message = "SKIP LOCKED and WITH TIES options cannot be used together";
            return Err(self.error_at(Span::default(), message));
        }
        if self.at > 0 {
            query.span = start.to(self.previous_span());
        }
        Ok(query)
    }

    fn limit_clauses(&mut self, query: &mut Query) -> Parsing<()> {
        let (mut limits, mut offsets) = (0, 0);
        loop {
            let start = self.span();
            match self.keyword() {
                Some(K::Limit) if limits == 0 => {
                    limits += 1;
                    self.advance();
                    let limit =
                        if self.eat_keyword(K::All) { Limit::All } else { Limit::Count(self.expr()?) };
                    if self.eat_symbol(b',') {
                        self.expr()?;
                        let error = self.error_at(start, "LIMIT #,# syntax is not supported");
                        return Err(Box::new(error.with_hint("Use separate LIMIT and OFFSET clauses.")));
                    }
                    self.set_limit(query, limit)?;
                }
                Some(K::Fetch) if limits == 0 => {
                    limits += 1;
                    let limit = self.fetch_first()?;
                    self.set_limit(query, limit)?;
                }
                Some(K::Offset) if offsets == 0 => {
                    offsets += 1;
                    self.advance();
                    let offset = self.expr()?;
                    if matches!(self.keyword(), Some(K::Row | K::Rows)) {
                        self.advance();
                    }
                    if query.offset.is_some() {
                        return Err(self.error_at(offset.span, "multiple OFFSET clauses not allowed"));
                    }
                    query.offset = Some(offset);
                }
                _ => return Ok(()),
            }
        }
    }

    fn set_limit(&self, query: &mut Query, limit: Limit) -> Parsing<()> {
        let span = match &limit {
            Limit::All => self.previous_span(),
            Limit::Count(count) | Limit::WithTies(count) => count.span,
        };
        if query.limit.is_some() {
            return Err(self.error_at(span, "multiple LIMIT clauses not allowed"));
        }
        if matches!(limit, Limit::WithTies(_)) && query.order_by.is_empty() {
            return Err(self.error_at(span, "WITH TIES cannot be specified without ORDER BY clause"));
        }
        query.limit = Some(limit);
        Ok(())
    }

    fn fetch_first(&mut self) -> Parsing<Limit> {
        self.advance();
        if !matches!(self.keyword(), Some(K::First | K::Next)) {
            return Err(self.error_here());
        }
        self.advance();
        let span = self.span();
        // ROW can also be the beginning of the count, as the name of a column or as a row constructor.
        let begins_count = [b'.', b'[', b'('].iter().any(|symbol| self.symbol_ahead(1, *symbol));
        let count = if matches!(self.keyword(), Some(K::Row | K::Rows)) && !begins_count {
            Expr { kind: ExprKind::Literal(Literal::Integer(1)), span }
        } else {
            self.fetch_count()?
        };
        if !matches!(self.keyword(), Some(K::Row | K::Rows)) {
            return Err(self.error_here());
        }
        self.advance();
        if self.eat_keyword(K::Only) {
            return Ok(Limit::Count(count));
        }
        self.expect_keyword(K::With)?;
        self.expect_keyword(K::Ties)?;
        Ok(Limit::WithTies(count))
    }

    /// `select_fetch_first_value`: a `c_expr`, or a signed number.
    fn fetch_count(&mut self) -> Parsing<Expr> {
        if self.at_symbol(b'+') || self.at_symbol(b'-') {
            let start = self.span();
            let negative = self.at_symbol(b'-');
            self.advance();
            let span = start.to(self.span());
            let literal = match &self.token().kind {
                TokenKind::Integer(value) => Literal::Integer(if negative { -*value } else { *value }),
                TokenKind::Numeric(text) => {
                    Literal::Numeric(if negative { format!("-{text}") } else { text.clone() })
                }
                _ => return Err(self.error_here()),
            };
            self.advance();
            return Ok(Expr { kind: ExprKind::Literal(literal), span });
        }
        self.primary()
    }

    fn locking_clauses(&mut self, query: &mut Query) -> Parsing<()> {
        while self.at_keyword(K::For) {
            let start = self.advance();
            if self.eat_keyword(K::Read) {
                self.expect_keyword(K::Only)?;
                continue;
            }
            let strength = match self.keyword() {
                Some(K::Update) => LockStrength::Update,
                Some(K::Share) => LockStrength::Share,
                Some(K::No) => {
                    self.advance();
                    self.expect_keyword(K::Key)?;
                    if !self.at_keyword(K::Update) {
                        return Err(self.error_here());
                    }
                    LockStrength::NoKeyUpdate
                }
                Some(K::Key) => {
                    self.advance();
                    if !self.at_keyword(K::Share) {
                        return Err(self.error_here());
                    }
                    LockStrength::KeyShare
                }
                _ => return Err(self.error_here()),
            };
            self.advance();
            let tables = if self.eat_keyword(K::Of) { self.list(Self::qualified_name)? } else { Vec::new() };
            let skip_locked = !self.eat_keyword(K::Nowait) && self.eat_keyword(K::Skip);
            if skip_locked {
                self.expect_keyword(K::Locked)?;
            }
            let span = start.to(self.previous_span());
            query.locking.push(Locking { strength, tables, skip_locked, span });
        }
        Ok(())
    }

    fn select(&mut self) -> Parsing<Select> {
        let start = self.advance();
        let mut distinct = None;
        if self.at_keyword(K::Distinct) {
            let span = self.advance();
            distinct = Some(if self.eat_keyword(K::On) {
                Distinct::On(self.parenthesized_list(Self::expr)?)
            } else {
                Distinct::All(span)
            });
        } else {
            self.eat_keyword(K::All);
        }
        let targets = if self.at_target() || distinct.is_some() { self.target_list()? } else { Vec::new() };
        let into = if self.eat_keyword(K::Into) { Some(self.select_into_target()?) } else { None };
        let from = if self.eat_keyword(K::From) { self.list(Self::table_ref)? } else { Vec::new() };
        let filter = if self.eat_keyword(K::Where) { Some(self.expr()?) } else { None };
        let mut group_distinct = false;
        let mut group_by = Vec::new();
        if self.eat_keyword(K::Group) {
            self.expect_keyword(K::By)?;
            group_distinct = self.eat_keyword(K::Distinct);
            if !group_distinct {
                self.eat_keyword(K::All);
            }
            group_by = self.list(Self::grouping_element)?;
        }
        let having = if self.eat_keyword(K::Having) { Some(self.expr()?) } else { None };
        let windows =
            if self.eat_keyword(K::Window) { self.list(Self::window_definition)? } else { Vec::new() };
        let span = start.to(self.previous_span());
        Ok(Select { distinct, targets, into, from, filter, group_by, group_distinct, having, windows, span })
    }

    /// Whether a target list begins here; PostgreSQL allows `SELECT` without one.
    fn at_target(&self) -> bool {
        if self.at_query_continuation() {
            return false;
        }
        !matches!(
            (&self.token().kind, self.keyword()),
            (TokenKind::End | TokenKind::Symbol(b')' | b';'), _)
                | (_, Some(K::From | K::Into | K::Where | K::Group | K::Having | K::Window | K::Returning))
        )
    }

    pub(super) fn target_list(&mut self) -> Parsing<Vec<Target>> {
        self.list(|parser| {
            if parser.at_symbol(b'*') {
                let span = parser.advance();
                return Ok(Target { expr: Expr { kind: ExprKind::Star(Vec::new()), span }, label: None });
            }
            let expr = parser.expr()?;
            let label =
                if parser.eat_keyword(K::As) { Some(parser.col_label()?) } else { parser.bare_label() };
            Ok(Target { expr, label })
        })
    }

    /// `OptTempTableName`; if the name of a temporary table has no schema, it gets the schema `pg_temp`.
    fn select_into_target(&mut self) -> Parsing<crate::syntax::ast::QualifiedName> {
        if matches!(self.keyword(), Some(K::Local | K::Global))
            && matches!(self.keyword_ahead(1), Some(K::Temporary | K::Temp))
        {
            self.advance();
        }
        let is_temporary = matches!(self.keyword(), Some(K::Temporary | K::Temp));
        if is_temporary || self.at_keyword(K::Unlogged) {
            self.advance();
        }
        self.eat_keyword(K::Table);
        let mut name = self.qualified_name()?;
        if is_temporary && let [only] = name.parts.as_slice() {
            let schema = Name { text: "pg_temp".to_owned(), span: only.span };
            name.parts.insert(0, schema);
        }
        Ok(name)
    }

    fn grouping_element(&mut self) -> Parsing<GroupingElement> {
        let start = self.span();
        match self.keyword() {
            Some(K::Rollup) if self.symbol_ahead(1, b'(') => {
                self.advance();
                let exprs = self.parenthesized_list(Self::expr)?;
                Ok(GroupingElement::Rollup(exprs, start.to(self.previous_span())))
            }
            Some(K::Cube) if self.symbol_ahead(1, b'(') => {
                self.advance();
                let exprs = self.parenthesized_list(Self::expr)?;
                Ok(GroupingElement::Cube(exprs, start.to(self.previous_span())))
            }
            Some(K::Grouping) if self.keyword_ahead(1) == Some(K::Sets) => {
                self.at += 2;
                let sets = self.parenthesized_list(|parser| parser.nested(Self::grouping_element))?;
                Ok(GroupingElement::Sets(sets, start.to(self.previous_span())))
            }
            _ if self.at_symbol(b'(') && self.symbol_ahead(1, b')') => {
                self.at += 2;
                Ok(GroupingElement::Empty(start.to(self.previous_span())))
            }
            _ => Ok(GroupingElement::Expr(self.expr()?)),
        }
    }

    fn window_definition(&mut self) -> Parsing<Window> {
        let name = self.col_id()?;
        self.expect_keyword(K::As)?;
        let mut window = self.window_specification()?;
        window.name = Some(name);
        Ok(window)
    }

    pub(super) fn with_clause(&mut self) -> Parsing<With> {
        let start = self.advance();
        // `RECURSIVE` is the name of the first query if `AS` or a parenthesis follows it.
        let named = self.keyword_ahead(1) == Some(K::As) || self.symbol_ahead(1, b'(');
        let recursive = !named && self.eat_keyword(K::Recursive);
        let ctes = self.list(Self::common_table_expression)?;
        self.ctes += ctes.len();
        if self.ctes > MAX_CTES {
            return Err(self.too_complex(format!("a statement has more than {MAX_CTES} queries in WITH")));
        }
        Ok(With { recursive, ctes, span: start.to(self.previous_span()) })
    }

    fn common_table_expression(&mut self) -> Parsing<Cte> {
        let name = self.col_id()?;
        let columns = if self.at_symbol(b'(') { self.column_list()? } else { Vec::new() };
        self.expect_keyword(K::As)?;
        let mut materialized = None;
        if self.eat_keyword(K::Materialized) {
            materialized = Some(true);
        } else if self.eat_keyword(K::Not) {
            self.expect_keyword(K::Materialized)?;
            materialized = Some(false);
        }
        self.expect_symbol(b'(')?;
        let statement = Box::new(self.nested(Self::preparable_statement)?);
        self.expect_symbol(b')')?;
        let search = if self.at_keyword(K::Search) { Some(self.search_clause()?) } else { None };
        let cycle = if self.at_keyword(K::Cycle) { Some(Box::new(self.cycle_clause()?)) } else { None };
        Ok(Cte { name, columns, materialized, statement, search, cycle })
    }

    fn search_clause(&mut self) -> Parsing<Search> {
        let span = self.advance();
        let breadth = match self.keyword() {
            Some(K::Breadth) => true,
            Some(K::Depth) => false,
            _ => return Err(self.error_here()),
        };
        self.advance();
        self.expect_keyword(K::First)?;
        self.expect_keyword(K::By)?;
        let columns = self.list(Self::col_id)?;
        self.expect_keyword(K::Set)?;
        Ok(Search { breadth, columns, sequence: self.col_id()?, span })
    }

    fn cycle_clause(&mut self) -> Parsing<Cycle> {
        let span = self.advance();
        let columns = self.list(Self::col_id)?;
        self.expect_keyword(K::Set)?;
        let mark = self.col_id()?;
        let values = if self.eat_keyword(K::To) {
            let to = self.cycle_value()?;
            self.expect_keyword(K::Default)?;
            Some((to, self.cycle_value()?))
        } else {
            None
        };
        self.expect_keyword(K::Using)?;
        Ok(Cycle { columns, mark, values, path: self.col_id()?, span })
    }

    /// `AexprConst`: a constant, with or without a type before it.
    fn cycle_value(&mut self) -> Parsing<Expr> {
        let first = self.error_here();
        let keyword = self.keyword();
        let is_name =
            keyword.is_none_or(|it| matches!(it.class(), Class::Unreserved | Class::TypeOrFunctionName));
        let is_other = matches!(keyword, Some(K::Default | K::Cast))
            || matches!(self.token().kind, TokenKind::Symbol(_) | TokenKind::Parameter(_));
        if is_other {
            return Err(first);
        }
        let value = self.primary()?;
        match value.kind {
            ExprKind::Literal(_) | ExprKind::Cast { .. } => Ok(value),
            // The name could be the type of a constant (`f 'text'`), so PostgreSQL reports the error at the token after
            // the name.
            _ if is_name => Err(self.error_here()),
            _ => Err(first),
        }
    }
}

fn plain_query(body: QueryBody, span: Span) -> Query {
    Query { with: None, body, order_by: Vec::new(), limit: None, offset: None, locking: Vec::new(), span }
}

//! Parses `FROM`: tables, subqueries, functions and joins (`table_ref`, `joined_table`).

use super::{K, Parser, Parsing, TokenKind};
use crate::source::Span;
use crate::syntax::ast::{
    Alias, ColumnDefinition, ExprKind, FromItem, FunctionItem, Join, JoinConstraint, JoinKind, Name,
    QualifiedName, Query, TableSample,
};
use crate::syntax::keyword::Class;

/// The maximum number of joins in a statement. In the worst case, the tree of joins has this number of levels (see
/// `MAX_DEPTH`).
const MAX_JOINS: usize = 4_000;

/// The possible contents of parentheses in `FROM`.
enum Parenthesized {
    Query(Box<Query>),
    Joined(FromItem),
}

impl Parser<'_> {
    /// `table_ref`, with the joins that follow it.
    pub(super) fn table_ref(&mut self) -> Parsing<FromItem> {
        self.nested(|parser| {
            let item = parser.table_primary()?;
            parser.joins(item)
        })
    }

    fn joins(&mut self, mut left: FromItem) -> Parsing<FromItem> {
        while let Some((kind, natural)) = self.join_keywords()? {
            // ON and USING close the innermost open join, so the right side of a qualified join is
            // greedy; CROSS and NATURAL joins associate to the left.
            let qualified = !natural && kind != JoinKind::Cross;
            self.joins += 1;
            if self.joins > MAX_JOINS {
                return Err(
                    self.too_complex(format!("a statement has more than {MAX_JOINS} joins: split it"))
                );
            }
            let right = if qualified { self.table_ref()? } else { self.table_primary()? };
            let constraint = if qualified { self.join_constraint()? } else { JoinConstraint::None };
            let span = item_span(&left).to(self.previous_span());
            left =
                FromItem::Join(Box::new(Join { kind, natural, left, right, constraint, alias: None, span }));
        }
        Ok(left)
    }

    fn join_keywords(&mut self) -> Parsing<Option<(JoinKind, bool)>> {
        if self.eat_keyword(K::Cross) {
            self.expect_keyword(K::Join)?;
            return Ok(Some((JoinKind::Cross, false)));
        }
        let natural = self.eat_keyword(K::Natural);
        let kind = match self.keyword() {
            Some(K::Join) => JoinKind::Inner,
            Some(K::Inner) => {
                self.advance();
                JoinKind::Inner
            }
            Some(outer @ (K::Left | K::Right | K::Full)) => {
                self.advance();
                self.eat_keyword(K::Outer);
                match outer {
                    K::Left => JoinKind::Left,
                    K::Right => JoinKind::Right,
                    _ => JoinKind::Full,
                }
            }
            _ if natural => return Err(self.error_here()),
            _ => return Ok(None),
        };
        self.expect_keyword(K::Join)?;
        Ok(Some((kind, natural)))
    }

    fn join_constraint(&mut self) -> Parsing<JoinConstraint> {
        if self.eat_keyword(K::Using) {
            let columns = self.column_list()?;
            let alias = if self.eat_keyword(K::As) { Some(self.col_id()?) } else { None };
            return Ok(JoinConstraint::Using(columns, alias));
        }
        self.expect_keyword(K::On)?;
        Ok(JoinConstraint::On(self.expr()?))
    }

    fn table_primary(&mut self) -> Parsing<FromItem> {
        let start = self.span();
        let lateral = self.eat_keyword(K::Lateral);
        if self.at_symbol(b'(') {
            if lateral {
                let query = self.query_in_parentheses()?;
                return self.aliased_query(start, true, query);
            }
            return match self.parenthesized_table_ref()? {
                Parenthesized::Query(query) => self.aliased_query(start, false, *query),
                Parenthesized::Joined(item) => self.aliased_join(item),
            };
        }
        if self.at_keyword(K::Xmltable) && self.symbol_ahead(1, b'(') {
            return self.xml_table(start, lateral);
        }
        if self.at_keywords(K::Rows, K::From) {
            self.at += 2;
            let functions = self.parenthesized_list(|parser| {
                let function = parser.windowless_function()?;
                let columns = if parser.eat_keyword(K::As) {
                    parser.parenthesized_list(Self::column_definition)?
                } else {
                    Vec::new()
                };
                Ok((function, columns))
            })?;
            return self.function_item(start, lateral, true, functions);
        }
        if lateral || self.at_function() {
            let function = self.windowless_function()?;
            return self.function_item(start, lateral, false, vec![(function, Vec::new())]);
        }
        self.relation_expr_with_alias()
    }

    /// Parses parentheses in `FROM`, from the opening to the closing parenthesis.
    fn parenthesized_table_ref(&mut self) -> Parsing<Parenthesized> {
        let start = self.expect_symbol(b'(')?;
        // If no parenthesis follows `VALUES`, it is the name of a table.
        if self.at_query_keyword() && (!self.at_keyword(K::Values) || self.symbol_ahead(1, b'(')) {
            let query = self.query()?;
            self.expect_symbol(b')')?;
            return Ok(Parenthesized::Query(Box::new(query)));
        }
        let inner_start = self.span();
        let item = if self.at_symbol(b'(') {
            match self.nested(Self::parenthesized_table_ref)? {
                Parenthesized::Query(query) if self.at_symbol(b')') || self.at_query_continuation() => {
                    let query = self.query_after_parentheses(*query)?;
                    self.expect_symbol(b')')?;
                    return Ok(Parenthesized::Query(Box::new(query)));
                }
                Parenthesized::Query(query) => {
                    let item = self.aliased_query(inner_start, false, *query)?;
                    self.joins(item)?
                }
                Parenthesized::Joined(item) => {
                    let item = self.aliased_join(item)?;
                    self.joins(item)?
                }
            }
        } else {
            self.table_ref()?
        };
        let end = self.span();
        // These parentheses do not contain a query, so they must contain a join.
        let FromItem::Join(mut join) = item else { return Err(self.error_here()) };
        self.expect_symbol(b')')?;
        join.span = start.to(end);
        Ok(Parenthesized::Joined(FromItem::Join(join)))
    }

    fn aliased_query(&mut self, start: Span, lateral: bool, query: Query) -> Parsing<FromItem> {
        let alias = self.alias()?;
        Ok(FromItem::Subquery {
            lateral,
            query: Box::new(query),
            alias,
            span: start.to(self.previous_span()),
        })
    }

    fn aliased_join(&mut self, item: FromItem) -> Parsing<FromItem> {
        let FromItem::Join(mut join) = item else { return Ok(item) };
        if let Some(alias) = self.alias()? {
            join.alias = Some(alias);
            join.span = join.span.to(self.previous_span());
        }
        Ok(FromItem::Join(join))
    }

    /// Whether a reserved keyword begins a function call here.
    fn at_reserved_function(&self) -> bool {
        matches!(
            self.keyword(),
            Some(
                K::CurrentDate
                    | K::CurrentTime
                    | K::CurrentTimestamp
                    | K::Localtime
                    | K::Localtimestamp
                    | K::CurrentRole
                    | K::CurrentUser
                    | K::User
                    | K::SessionUser
                    | K::SystemUser
                    | K::CurrentCatalog
                    | K::CurrentSchema
                    | K::Cast
            )
        )
    }

    /// Whether a function call, and not a table, begins here.
    fn at_function(&self) -> bool {
        if self.at_reserved_function()
            || (self.at_keyword(K::Collation) && self.keyword_ahead(1) == Some(K::For))
        {
            return true;
        }
        let mut count = 1;
        while self.symbol_ahead(count, b'.') {
            count += 2;
        }
        let name = matches!(self.token().kind, TokenKind::Identifier(_) | TokenKind::Keyword(_));
        let reserved = self.keyword().is_some_and(|keyword| keyword.class() == Class::Reserved);
        name && !reserved && !self.at_keyword(K::Only) && self.symbol_ahead(count, b'(')
    }

    /// `func_expr_windowless`.
    pub(super) fn windowless_function(&mut self) -> Parsing<crate::syntax::ast::Expr> {
        let (first, second) = (self.error_here(), self.error_ahead(1));
        let keyword = self.keyword();
        let class = keyword.map(|keyword| keyword.class());
        let is_name = keyword.is_some() || matches!(self.token().kind, TokenKind::Identifier(_));
        if !is_name || class == Some(Class::Reserved) && !self.at_reserved_function() {
            return Err(first);
        }
        self.windowless = true;
        let expr = self.primary();
        self.windowless = false;
        let expr = expr?;
        match &expr.kind {
            ExprKind::Function(call)
                if call.over.is_none() && call.filter.is_none() && !call.within_group =>
            {
                Ok(expr)
            }
            ExprKind::Coalesce(_)
            | ExprKind::MinMax { .. }
            | ExprKind::NullIf { .. }
            | ExprKind::ValueFunction { .. }
            | ExprKind::SqlFunction(_) => Ok(expr),
            ExprKind::Cast { .. } if keyword == Some(K::Cast) => Ok(expr),
            // `ROW`, `EXISTS` and the names of types can be the names of schemas, so a dot may follow them.
            _ if class == Some(Class::ColumnName) => Err(second),
            _ => Err(self.error_here()),
        }
    }

    fn function_item(
        &mut self,
        start: Span,
        lateral: bool,
        rows_from: bool,
        functions: Vec<(crate::syntax::ast::Expr, Vec<ColumnDefinition>)>,
    ) -> Parsing<FromItem> {
        let ordinality = self.at_keyword(K::With) && self.keyword_ahead(1) == Some(K::Ordinality);
        if ordinality {
            self.at += 2;
        }
        let (alias, columns) = self.function_alias()?;
        let span = start.to(self.previous_span());
        Ok(FromItem::Function(Box::new(FunctionItem {
            lateral,
            rows_from,
            functions,
            ordinality,
            alias,
            columns,
            span,
        })))
    }

    /// `func_alias_clause`: an alias, a list of columns with their types, or both.
    fn function_alias(&mut self) -> Parsing<(Option<Alias>, Vec<ColumnDefinition>)> {
        let with_as = self.eat_keyword(K::As);
        if with_as && self.at_symbol(b'(') {
            return Ok((None, self.parenthesized_list(Self::column_definition)?));
        }
        if !with_as && !self.at_col_id() {
            return Ok((None, Vec::new()));
        }
        let name = self.col_id()?;
        if !self.at_symbol(b'(') {
            return Ok((Some(Alias { name, columns: Vec::new() }), Vec::new()));
        }
        // The token after the first name distinguishes `(a, b)` from `(a int, b text)`.
        if self.symbol_ahead(2, b',') || self.symbol_ahead(2, b')') {
            let columns = self.column_list()?;
            return Ok((Some(Alias { name, columns }), Vec::new()));
        }
        let columns = self.parenthesized_list(Self::column_definition)?;
        Ok((Some(Alias { name, columns: Vec::new() }), columns))
    }

    fn column_definition(&mut self) -> Parsing<ColumnDefinition> {
        let name = self.col_id()?;
        let type_name = self.type_name()?;
        if self.eat_keyword(K::Collate) {
            self.any_name()?;
        }
        Ok(ColumnDefinition { name, type_name })
    }

    /// `[ONLY] name [*]`, without alias.
    pub(super) fn relation_expr(&mut self) -> Parsing<FromItem> {
        let start = self.span();
        let name = self.relation_name()?;
        Ok(FromItem::Table { name, alias: None, sample: None, span: start.to(self.previous_span()) })
    }

    pub(super) fn relation_name(&mut self) -> Parsing<QualifiedName> {
        Ok(self.relation_name_or_only()?.0)
    }

    /// Parses the name of a relation; returns the name, and whether `ONLY` precedes the name.
    pub(super) fn relation_name_or_only(&mut self) -> Parsing<(QualifiedName, bool)> {
        if self.eat_keyword(K::Only) {
            if self.eat_symbol(b'(') {
                let name = self.qualified_name()?;
                self.expect_symbol(b')')?;
                return Ok((name, true));
            }
            return Ok((self.qualified_name()?, true));
        }
        let name = self.qualified_name()?;
        self.eat_symbol(b'*');
        Ok((name, false))
    }

    fn relation_expr_with_alias(&mut self) -> Parsing<FromItem> {
        let start = self.span();
        // If a keyword is a name only for functions and types, PostgreSQL reports the error at the token after the
        // keyword.
        if self.keyword().is_some_and(|keyword| keyword.class() == Class::TypeOrFunctionName) {
            self.advance();
            return Err(self.error_here());
        }
        let name = self.relation_name()?;
        let alias = self.alias()?;
        let sample =
            if self.at_keyword(K::Tablesample) { Some(Box::new(self.table_sample()?)) } else { None };
        Ok(FromItem::Table { name, alias, sample, span: start.to(self.previous_span()) })
    }

    fn table_sample(&mut self) -> Parsing<TableSample> {
        let start = self.advance();
        let method = self.function_name()?;
        let args = self.parenthesized_list(Self::expr)?;
        let repeatable = if self.eat_keyword(K::Repeatable) {
            self.expect_symbol(b'(')?;
            let seed = self.expr()?;
            self.expect_symbol(b')')?;
            Some(seed)
        } else {
            None
        };
        Ok(TableSample { method, args, repeatable, span: start.to(self.previous_span()) })
    }

    /// `[AS] name [(columns)]`, if present.
    pub(super) fn alias(&mut self) -> Parsing<Option<Alias>> {
        let with_as = self.eat_keyword(K::As);
        if !with_as && !self.at_col_id() {
            return Ok(None);
        }
        let name: Name = self.col_id()?;
        let columns = if self.at_symbol(b'(') { self.column_list()? } else { Vec::new() };
        Ok(Some(Alias { name, columns }))
    }

    /// Skips balanced parentheses.
    pub(super) fn skip_parentheses(&mut self) -> Parsing<()> {
        self.expect_symbol(b'(')?;
        let mut depth = 1usize;
        while depth > 0 {
            match self.token().kind {
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth -= 1,
                TokenKind::End => return Err(self.error_here()),
                _ => {}
            }
            self.advance();
        }
        Ok(())
    }
}

fn item_span(item: &FromItem) -> Span {
    match item {
        FromItem::Table { span, .. } | FromItem::Subquery { span, .. } => *span,
        FromItem::XmlTable(table) => table.span,
        FromItem::Function(function) => function.span,
        FromItem::Join(join) => join.span,
    }
}

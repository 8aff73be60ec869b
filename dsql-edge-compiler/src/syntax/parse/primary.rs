//! Parses `c_expr`: constants, columns, parameters, parentheses, `CASE`, `ARRAY`, `ROW`, subqueries.

use super::system_call::system_call;
use super::{K, Parser, Parsing, TokenKind};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, Indirection, Literal, Name, QualifiedName, Query, TypeName, When};
use crate::syntax::keyword::Class;

/// The content of parentheses.
pub(super) enum Parenthesized {
    /// A query, possibly inside further parentheses.
    Query(Box<Query>),
    /// One or more expressions.
    Exprs(Vec<Expr>),
}

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> Parsing<Expr> {
        let start = self.span();
        let literal = |parser: &mut Self, literal| {
            let span = parser.advance();
            Ok(Expr { kind: ExprKind::Literal(literal), span })
        };
        match &self.token().kind {
            TokenKind::Integer(value) => literal(self, Literal::Integer(*value)),
            TokenKind::Numeric(text) => literal(self, Literal::Numeric(text.clone())),
            TokenKind::String(text) => literal(self, Literal::String(text.clone())),
            TokenKind::BitString(digits) => literal(self, Literal::Bit(digits.clone())),
            TokenKind::HexString(digits) => literal(self, Literal::Hex(digits.clone())),
            TokenKind::Parameter(number) => {
                self.advance();
                let base = Expr { kind: ExprKind::Parameter(*number), span: start };
                self.indirected(base)
            }
            TokenKind::Symbol(b'(') => self.parenthesized(),
            TokenKind::Identifier(_) => self.name_or_call(),
            TokenKind::Keyword(keyword) => self.keyword_primary(*keyword),
            _ => Err(self.error_here()),
        }
    }

    fn keyword_primary(&mut self, keyword: K) -> Parsing<Expr> {
        let start = self.span();
        let literal = |parser: &mut Self, literal| {
            let span = parser.advance();
            Ok(Expr { kind: ExprKind::Literal(literal), span })
        };
        match keyword {
            K::True => literal(self, Literal::Boolean(true)),
            K::False => literal(self, Literal::Boolean(false)),
            K::Null => literal(self, Literal::Null),
            K::Default => {
                self.advance();
                Ok(Expr { kind: ExprKind::Default, span: start })
            }
            K::Case => self.case(),
            K::Cast => {
                self.windowless = false;
                self.cast()
            }
            K::Array => self.array(),
            K::Exists if self.symbol_ahead(1, b'(') => {
                self.advance();
                let query = self.query_in_parentheses()?;
                Ok(Expr { kind: ExprKind::Exists(Box::new(query)), span: start.to(self.previous_span()) })
            }
            K::Row if self.symbol_ahead(1, b'(') => {
                self.advance();
                let row = self.explicit_row(start)?;
                self.overlaps(row)
            }
            K::Grouping if self.symbol_ahead(1, b'(') => {
                self.advance();
                let args = self.parenthesized_list(Self::expr)?;
                Ok(Expr { kind: ExprKind::Grouping(args), span: start.to(self.previous_span()) })
            }
            K::Unique if self.symbol_ahead(1, b'(') || self.keyword_ahead(1) == Some(K::Nulls) => {
                Err(self.error_at(start, "UNIQUE predicate is not yet implemented"))
            }
            K::Interval => match self.interval_constant()? {
                Some(constant) => Ok(constant),
                None => self.name_or_call(),
            },
            K::Current if self.keyword_ahead(1) == Some(K::Of) => Err(self.error_here()),
            _ => {
                // The flag `windowless` applies to the call itself, not to calls in its arguments.
                let windowless = std::mem::take(&mut self.windowless);
                if let Some(function) = self.special_function(keyword)? {
                    return Ok(function);
                }
                self.windowless = windowless;
                if let Some(constant) = self.typed_constant()? {
                    return Ok(constant);
                }
                self.name_or_call()
            }
        }
    }

    /// `int '5'`, `character varying(3) 'abc'`: a keyword type before a string.
    fn typed_constant(&mut self) -> Parsing<Option<Expr>> {
        let before = self.at;
        let start = self.span();
        if self.symbol_ahead(1, b'.') {
            return Ok(None);
        }
        // `numeric (…)` is always a type with modifiers and not a call, so an error is reported if no string follows.
        let with_length =
            self.symbol_ahead(1, b'(') && self.keyword().is_some_and(|it| it.class() == Class::ColumnName);
        match self.system_type(true) {
            Ok(Some(_)) if with_length && !self.at_string() => Err(self.error_here()),
            Ok(Some(target)) if self.at_string() => self.constant_of(start, target).map(Some),
            Err(error) if with_length => Err(error),
            // The error is returned, because the words `timestamp with time` can only begin a type.
            Err(error)
                if self.at > before + 2 && matches!(self.previous().kind, TokenKind::Keyword(K::Time)) =>
            {
                Err(error)
            }
            // The text is not a constant. The word may be the name of a column; if not, the rules for names report an
            // error.
            _ => {
                self.at = before;
                Ok(None)
            }
        }
    }

    fn constant_of(&mut self, start: Span, target: TypeName) -> Parsing<Expr> {
        let span = self.span();
        let arg = Expr { kind: ExprKind::Literal(Literal::String(self.string()?)), span };
        let kind = ExprKind::Cast { arg: Box::new(arg), target: Box::new(target), location: start };
        Ok(Expr { kind, span: start.to(span) })
    }

    /// Parses a column, a function call, or `type 'constant'`, distinguished by the token after the name.
    fn name_or_call(&mut self) -> Parsing<Expr> {
        let start = self.span();
        let function_only = self.keyword().is_some_and(|keyword| !Self::is_col_id(keyword));
        let function_name = self.keyword().is_none_or(Self::is_type_function_name);
        if function_only && !function_name {
            return Err(self.error_here());
        }
        let mut parts = vec![self.non_reserved_word()?];
        let mut steps = Vec::new();
        while self.at_symbol(b'.') && !function_only {
            self.advance();
            if self.at_symbol(b'*') {
                steps.push(Indirection::Star(self.advance()));
                break;
            }
            parts.push(self.col_label()?);
        }
        let dotted = parts.len() > 1;
        let span = start.to(self.previous_span());
        let callable = steps.is_empty() && (dotted || function_name);
        if callable && self.at_symbol(b'(') {
            return self.function_call(QualifiedName { parts }, span);
        }
        if callable && self.at_string() && !self.windowless {
            let target = TypeName {
                name: QualifiedName { parts },
                system: false,
                modifiers: Vec::new(),
                array_dimensions: 0,
                set_of: false,
                percent_type: false,
                span,
            };
            return self.constant_of(start, target);
        }
        if function_only {
            return Err(self.error_here());
        }
        if let Some(Indirection::Star(_)) = steps.first() {
            if !self.indirection()?.is_empty() {
                return Err(self.star_before_others());
            }
            return Ok(Expr { kind: ExprKind::Star(parts), span: start.to(self.previous_span()) });
        }
        let base = Expr { kind: ExprKind::Column(parts), span };
        self.indirected(base)
    }

    /// `opt_indirection` after a column, a parameter or a parenthesis.
    fn indirected(&mut self, base: Expr) -> Parsing<Expr> {
        let steps = self.indirection()?;
        if steps.is_empty() {
            return Ok(base);
        }
        let span = base.span.to(self.previous_span());
        Ok(Expr { kind: ExprKind::Indirection { base: Box::new(base), steps }, span })
    }

    /// `.name`, `.*`, `[i]`, `[low:high]`, in any number.
    pub(super) fn indirection(&mut self) -> Parsing<Vec<Indirection>> {
        let mut steps = Vec::new();
        loop {
            if self.eat_symbol(b'.') {
                if self.at_symbol(b'*') {
                    steps.push(Indirection::Star(self.advance()));
                } else {
                    steps.push(Indirection::Field(self.col_label()?));
                }
            } else if self.eat_symbol(b'[') {
                let low = if self.at_symbol(b':') { None } else { Some(Box::new(self.expr()?)) };
                if self.eat_symbol(b':') {
                    let high = if self.at_symbol(b']') { None } else { Some(Box::new(self.expr()?)) };
                    steps.push(Indirection::Slice(low, high));
                } else if let Some(index) = low {
                    steps.push(Indirection::Index(index));
                }
                self.expect_symbol(b']')?;
            } else {
                let before = steps.split_last().map_or(&[][..], |(_, before)| before);
                return match before.iter().any(|step| matches!(step, Indirection::Star(_))) {
                    true => Err(self.star_before_others()),
                    false => Ok(steps),
                };
            }
        }
    }

    /// The error of `check_indirection`. PostgreSQL looks for a misplaced `*` only after it has read all steps, so the
    /// position of the error is the token after the steps.
    fn star_before_others(&self) -> Box<Diagnostic> {
        let mut error = self.error_here();
        error.message = error.message.replacen("syntax error", "improper use of \"*\"", 1);
        error
    }

    fn parenthesized(&mut self) -> Parsing<Expr> {
        let start = self.advance();
        let outside = std::mem::take(&mut self.in_substring);
        let content = self.nested(Self::parenthesis_content);
        self.in_substring = outside;
        let content = content?;
        let span = start.to(self.expect_symbol(b')')?);
        match content {
            Parenthesized::Query(query) => self.indirected(Expr { kind: ExprKind::Subquery(query), span }),
            Parenthesized::Exprs(mut exprs) => match (exprs.pop(), exprs.is_empty()) {
                (Some(inner), true) => {
                    let steps = self.indirection()?;
                    if steps.is_empty() {
                        // PostgreSQL's error position is inside the parentheses.
                        return Ok(inner);
                    }
                    let span = inner.span.to(self.previous_span());
                    Ok(Expr { kind: ExprKind::Indirection { base: Box::new(inner), steps }, span })
                }
                (Some(last), false) => {
                    exprs.push(last);
                    self.overlaps(Expr { kind: ExprKind::Row(exprs), span })
                }
                (None, _) => Err(self.error_here()),
            },
        }
    }

    /// Parses the content after an opening parenthesis: a query, or expressions. `((SELECT 1) UNION …)`, `((SELECT 1) +
    /// 2)` and `((SELECT 1), 2)` are distinguished after the inner parenthesis.
    pub(super) fn parenthesis_content(&mut self) -> Parsing<Parenthesized> {
        if self.at_query_keyword() {
            return self.query().map(|query| Parenthesized::Query(Box::new(query)));
        }
        if !self.at_symbol(b'(') || !self.query_behind_parentheses() {
            return self.expr_list().map(Parenthesized::Exprs);
        }
        let start = self.advance();
        let first = match self.nested(Self::parenthesis_content)? {
            Parenthesized::Query(query) => {
                let span = start.to(self.expect_symbol(b')')?);
                if self.at_symbol(b')') || self.at_query_continuation() {
                    return self
                        .query_after_parentheses(*query)
                        .map(|query| Parenthesized::Query(Box::new(query)));
                }
                let subquery = Expr { kind: ExprKind::Subquery(query), span };
                let subquery = self.indirected(subquery)?;
                self.expr_after(subquery)?
            }
            Parenthesized::Exprs(mut exprs) => {
                let span = start.to(self.expect_symbol(b')')?);
                let inner = match (exprs.pop(), exprs.is_empty()) {
                    (Some(only), true) => only,
                    (Some(last), false) => {
                        exprs.push(last);
                        self.overlaps(Expr { kind: ExprKind::Row(exprs), span })?
                    }
                    (None, _) => return Err(self.error_here()),
                };
                let inner = self.indirected(inner)?;
                self.expr_after(inner)?
            }
        };
        let mut exprs = vec![first];
        while self.eat_symbol(b',') {
            exprs.push(self.expr()?);
        }
        Ok(Parenthesized::Exprs(exprs))
    }

    /// Whether a query keyword follows the opening parentheses at the current position.
    fn query_behind_parentheses(&self) -> bool {
        let mut count = 0;
        while self.symbol_ahead(count, b'(') {
            count += 1;
        }
        matches!(self.keyword_ahead(count), Some(K::Select | K::Values | K::With | K::Table))
    }

    pub(super) fn at_query_keyword(&self) -> bool {
        matches!(self.keyword(), Some(K::Select | K::Values | K::With | K::Table))
    }

    /// Parses the fields of a row constructor, `(…)` or `()`.
    fn explicit_row(&mut self, start: Span) -> Parsing<Expr> {
        self.expect_symbol(b'(')?;
        let fields = if self.at_symbol(b')') { Vec::new() } else { self.expr_list()? };
        let span = start.to(self.expect_symbol(b')')?);
        Ok(Expr { kind: ExprKind::Row(fields), span })
    }

    /// `row OVERLAPS row`.
    fn overlaps(&mut self, left: Expr) -> Parsing<Expr> {
        if !self.at_keyword(K::Overlaps) {
            return Ok(left);
        }
        let location = self.advance();
        let start = self.span();
        self.eat_keyword(K::Row);
        let right = self.explicit_row(start)?;
        let span = left.span.to(right.span);
        let mut args = Vec::new();
        for (side, row) in [("left", left), ("right", right)] {
            match row.kind {
                ExprKind::Row(fields) if fields.len() == 2 => args.extend(fields),
                _ => {
                    let message = format!("wrong number of parameters on {side} side of OVERLAPS expression");
                    return Err(self.error_at(row.span, message));
                }
            }
        }
        Ok(system_call("overlaps", args, location, span))
    }

    fn case(&mut self) -> Parsing<Expr> {
        let start = self.advance();
        let operand = if self.at_keyword(K::When) { None } else { Some(Box::new(self.expr()?)) };
        let mut arms = Vec::new();
        let mut location = self.expect_keyword(K::When)?;
        loop {
            let condition = self.expr()?;
            self.expect_keyword(K::Then)?;
            arms.push(When { condition, result: self.expr()?, location });
            if !self.at_keyword(K::When) {
                break;
            }
            location = self.advance();
        }
        let otherwise = if self.eat_keyword(K::Else) { Some(Box::new(self.expr()?)) } else { None };
        let end = self.expect_keyword(K::End)?;
        Ok(Expr { kind: ExprKind::Case { operand, arms, otherwise }, span: start.to(end) })
    }

    fn cast(&mut self) -> Parsing<Expr> {
        let location = self.advance();
        self.expect_symbol(b'(')?;
        let arg = Box::new(self.expr()?);
        self.expect_keyword(K::As)?;
        let target = Box::new(self.type_name()?);
        let end = self.expect_symbol(b')')?;
        Ok(Expr { kind: ExprKind::Cast { arg, target, location }, span: location.to(end) })
    }

    fn array(&mut self) -> Parsing<Expr> {
        let start = self.advance();
        if self.at_symbol(b'(') {
            let query = self.query_in_parentheses()?;
            let span = start.to(self.previous_span());
            return Ok(Expr { kind: ExprKind::ArraySubquery(Box::new(query)), span });
        }
        let array = self.array_elements()?;
        Ok(Expr { kind: array.kind, span: start.to(array.span) })
    }

    fn array_elements(&mut self) -> Parsing<Expr> {
        let start = self.expect_symbol(b'[')?;
        let elements = if self.at_symbol(b']') {
            Vec::new()
        } else if self.at_symbol(b'[') {
            self.list(|parser| parser.nested(Self::array_elements))?
        } else {
            self.expr_list()?
        };
        let end = self.expect_symbol(b']')?;
        Ok(Expr { kind: ExprKind::Array(elements), span: start.to(end) })
    }

    /// Makes a name without consuming a token.
    pub(super) fn synthetic_name(text: &str, span: Span) -> Name {
        Name { text: text.to_owned(), span }
    }
}

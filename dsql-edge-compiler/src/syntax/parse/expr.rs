//! Parses expressions by precedence: `a_expr` and `b_expr`.
//!
//! The levels are those of gram.y, lowest first. A non-associative operator must not follow another operator of the
//! same level if the rule of the first operator ends in an expression. So `a IS NULL IS NULL` and `a IN (1) IN (true)`
//! are valid, because these rules end in a keyword or a parenthesis, but `a < b < c` is not.

use super::primary::Parenthesized;
use super::system_call::system_call;
use super::{K, Parser, Parsing, TokenKind, syntax_error_at};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, InList, LikeKind, Literal, Name, Operator, Quantified};

/// How strongly operators bind: `%left`, `%right` and `%nonassoc` in gram.y.
mod level {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const IS: u8 = 4;
    pub(super) const COMPARISON: u8 = 5;
    pub(super) const PATTERN: u8 = 6;
    pub(super) const ESCAPE: u8 = 7;
    pub(super) const OPERATOR: u8 = 8;
    pub(super) const ADD: u8 = 9;
    pub(super) const MULTIPLY: u8 = 10;
    pub(super) const POWER: u8 = 11;
    pub(super) const AT: u8 = 12;
    pub(super) const COLLATE: u8 = 13;
    pub(super) const UNARY: u8 = 14;
    pub(super) const TYPECAST: u8 = 15;
}

/// The maximum number of operators in a row, such as `a + b + c`: each operator makes the tree of the expression one
/// level deeper on the left (see `MAX_DEPTH`).
const MAX_CHAIN: usize = 500;

/// The grammar of an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grammar {
    /// `a_expr`: everything.
    A,
    /// `b_expr`: without `AND`, `OR`, `NOT`, `IN`, `LIKE`, `IS NULL` and similar operators.
    B,
}

impl Parser<'_> {
    /// `a_expr`.
    pub(super) fn expr(&mut self) -> Parsing<Expr> {
        self.expr_at(0, Grammar::A)
    }

    /// `b_expr`.
    pub(super) fn restricted_expr(&mut self) -> Parsing<Expr> {
        self.expr_at(0, Grammar::B)
    }

    pub(super) fn expr_list(&mut self) -> Parsing<Vec<Expr>> {
        self.list(Self::expr)
    }

    fn expr_at(&mut self, minimum: u8, grammar: Grammar) -> Parsing<Expr> {
        self.nested(|parser| {
            let left = parser.prefix(grammar)?;
            parser.infix(left, minimum, grammar)
        })
    }

    /// Continues an expression whose first operand the caller has already parsed, such as a parenthesized subquery.
    pub(super) fn expr_after(&mut self, left: Expr) -> Parsing<Expr> {
        self.nested(|parser| parser.infix(left, 0, Grammar::A))
    }

    fn prefix(&mut self, grammar: Grammar) -> Parsing<Expr> {
        let start = self.span();
        match &self.token().kind {
            TokenKind::Keyword(K::Not) if grammar == Grammar::A => {
                self.advance();
                let arg = self.expr_at(level::NOT, grammar)?;
                let span = start.to(arg.span);
                Ok(Expr { kind: ExprKind::Not(Box::new(arg)), span })
            }
            TokenKind::Symbol(sign @ (b'+' | b'-')) => {
                self.advance();
                let right = self.expr_at(level::UNARY, grammar)?;
                Ok(self.signed(*sign, start, right))
            }
            TokenKind::Operator(_) => {
                let operator = self.plain_operator()?;
                let right = self.expr_at(level::OPERATOR + 1, grammar)?;
                Ok(prefix_operator(operator, right))
            }
            TokenKind::Keyword(K::Operator) if self.symbol_ahead(1, b'(') => {
                let operator = self.qualified_operator()?;
                let right = self.expr_at(level::OPERATOR + 1, grammar)?;
                Ok(prefix_operator(operator, right))
            }
            _ => self.primary(),
        }
    }

    /// `doNegate`: a minus before a number is part of the constant.
    fn signed(&self, sign: u8, start: Span, right: Expr) -> Expr {
        let span = start.to(right.span);
        if sign == b'-' {
            let negated = match &right.kind {
                ExprKind::Literal(Literal::Integer(value)) => Some(Literal::Integer(value.wrapping_neg())),
                ExprKind::Literal(Literal::Numeric(text)) => {
                    Some(Literal::Numeric(match text.strip_prefix('-') {
                        Some(positive) => positive.to_owned(),
                        None => format!("-{text}"),
                    }))
                }
                _ => None,
            };
            if let Some(literal) = negated {
                return Expr { kind: ExprKind::Literal(literal), span };
            }
        }
        let name = (sign as char).to_string();
        prefix_operator(Operator { schema: None, name, location: start }, right)
    }

    fn infix(&mut self, mut left: Expr, minimum: u8, grammar: Grammar) -> Parsing<Expr> {
        let mut chain = 0;
        // The level of the previous operator, if that operator is non-associative and its rule ends in an expression.
        // After such an operator, a further operator of the same level is an error.
        let mut closed: Option<u8> = None;
        loop {
            let Some(next) = self.infix_level(grammar) else { return Ok(left) };
            if next < minimum {
                return Ok(left);
            }
            if closed == Some(next) {
                return Err(self.error_here());
            }
            // A chain of AND or OR becomes one list, so it adds no nesting.
            chain += usize::from(next > level::AND);
            if chain > MAX_CHAIN {
                let message = format!("an expression has more than {MAX_CHAIN} operators in a row: split it");
                return Err(self.too_complex(message));
            }
            let (expr, ends_in_expr) = self.infix_rule(left, next, grammar)?;
            left = expr;
            closed = (ends_in_expr && matches!(next, level::IS | level::COMPARISON | level::PATTERN))
                .then_some(next);
        }
    }

    /// Returns the level of the operator at this token; `None` if the token is not an infix operator.
    fn infix_level(&self, grammar: Grammar) -> Option<u8> {
        let a = grammar == Grammar::A;
        Some(match &self.token().kind {
            TokenKind::Typecast => level::TYPECAST,
            TokenKind::Symbol(b'^') => level::POWER,
            TokenKind::Symbol(b'*' | b'/' | b'%') => level::MULTIPLY,
            TokenKind::Symbol(b'+' | b'-') => level::ADD,
            TokenKind::Symbol(b'<' | b'>' | b'=')
            | TokenKind::LessEquals
            | TokenKind::GreaterEquals
            | TokenKind::NotEquals => level::COMPARISON,
            TokenKind::Operator(_) => level::OPERATOR,
            TokenKind::Keyword(keyword) => match keyword {
                K::Operator if self.symbol_ahead(1, b'(') => level::OPERATOR,
                K::Is if a => level::IS,
                K::Is if self.b_expr_is() => level::IS,
                K::Isnull | K::Notnull if a => level::IS,
                // `SUBSTRING (x SIMILAR y ESCAPE z)`
                K::Similar if self.in_substring && self.keyword_ahead(1) != Some(K::To) => return None,
                K::Between | K::In | K::Like | K::Ilike | K::Similar if a => level::PATTERN,
                K::Not if a => match self.keyword_ahead(1) {
                    Some(K::Between | K::In | K::Like | K::Ilike | K::Similar) => level::PATTERN,
                    _ => return None,
                },
                K::And if a => level::AND,
                K::Or if a => level::OR,
                K::At if a => level::AT,
                K::Collate if a => level::COLLATE,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// `b_expr` has only `IS [NOT] DISTINCT FROM` and `IS [NOT] DOCUMENT`.
    fn b_expr_is(&self) -> bool {
        let after = if self.keyword_ahead(1) == Some(K::Not) { 2 } else { 1 };
        matches!(self.keyword_ahead(after), Some(K::Distinct | K::Document))
    }

    /// Parses one infix or postfix operator. Also returns whether the grammar's rule for this operator ends in an
    /// expression.
    fn infix_rule(&mut self, left: Expr, next: u8, grammar: Grammar) -> Parsing<(Expr, bool)> {
        match next {
            level::TYPECAST => {
                let location = self.advance();
                let target = self.type_name()?;
                let span = left.span.to(target.span);
                let kind = ExprKind::Cast { arg: Box::new(left), target: Box::new(target), location };
                Ok((Expr { kind, span }, false))
            }
            level::OR | level::AND => self.connective(left, next).map(|expr| (expr, true)),
            level::IS => self.is_rule(left, grammar),
            level::PATTERN => self.pattern_rule(left),
            level::AT => {
                let location = self.advance();
                self.expect_keyword(K::Time)?;
                self.expect_keyword(K::Zone)?;
                let zone = self.expr_at(level::AT + 1, grammar)?;
                let span = left.span.to(zone.span);
                Ok((system_call("timezone", vec![zone, left], location, span), true))
            }
            level::COLLATE => {
                let location = self.advance();
                let collation = self.any_name()?;
                let span = left.span.to(collation.span());
                let kind = ExprKind::Collate { arg: Box::new(left), collation, location };
                Ok((Expr { kind, span }, false))
            }
            _ => {
                let operator = self.operator()?;
                let quantifier =
                    matches!(self.keyword(), Some(K::Any | K::Some | K::All)) && grammar == Grammar::A;
                if quantifier {
                    return self.quantified(left, operator).map(|expr| (expr, false));
                }
                let right = self.expr_at(next + 1, grammar)?;
                Ok((binary(operator, left, right), true))
            }
        }
    }

    fn connective(&mut self, left: Expr, next: u8) -> Parsing<Expr> {
        self.advance();
        let right = self.expr_at(next + 1, Grammar::A)?;
        let span = left.span.to(right.span);
        // `a AND b AND c` becomes one list and does not nest, as in `makeAndExpr`.
        let kind = match (next, left.kind) {
            (level::AND, ExprKind::And(mut parts)) => {
                parts.push(right);
                ExprKind::And(parts)
            }
            (level::OR, ExprKind::Or(mut parts)) => {
                parts.push(right);
                ExprKind::Or(parts)
            }
            (level::AND, kind) => ExprKind::And(vec![Expr { kind, span: left.span }, right]),
            (_, kind) => ExprKind::Or(vec![Expr { kind, span: left.span }, right]),
        };
        Ok(Expr { kind, span })
    }

    fn is_rule(&mut self, left: Expr, grammar: Grammar) -> Parsing<(Expr, bool)> {
        let location = self.span();
        let arg = Box::new(left);
        let start = arg.span;
        let finish = |parser: &Self, kind| Ok((Expr { kind, span: start.to(parser.previous_span()) }, false));
        if self.eat_keyword(K::Isnull) {
            return finish(self, ExprKind::IsNull { arg, negated: false });
        }
        if self.eat_keyword(K::Notnull) {
            return finish(self, ExprKind::IsNull { arg, negated: true });
        }
        self.advance();
        let negated = self.eat_keyword(K::Not);
        let normal_form = |keyword| matches!(keyword, Some(K::Nfc | K::Nfd | K::Nfkc | K::Nfkd));
        match self.keyword() {
            Some(K::Null) => {
                self.advance();
                finish(self, ExprKind::IsNull { arg, negated })
            }
            Some(keyword @ (K::True | K::False | K::Unknown)) => {
                self.advance();
                let value = match keyword {
                    K::True => Some(true),
                    K::False => Some(false),
                    _ => None,
                };
                finish(self, ExprKind::BooleanTest { arg, value, negated })
            }
            Some(K::Distinct) => {
                self.advance();
                self.expect_keyword(K::From)?;
                let right = self.expr_at(level::IS + 1, grammar)?;
                let span = start.to(right.span);
                let kind = ExprKind::IsDistinct { left: arg, right: Box::new(right), negated, location };
                Ok((Expr { kind, span }, true))
            }
            Some(K::Document) => {
                self.advance();
                finish(self, ExprKind::IsDocument { arg, negated })
            }
            Some(K::Json) => {
                self.advance();
                if matches!(self.keyword(), Some(K::Value | K::Array | K::Object | K::Scalar)) {
                    self.advance();
                }
                self.json_unique_keys()?;
                finish(self, ExprKind::IsJson { arg, negated })
            }
            form @ (Some(K::Normalized) | Some(K::Nfc) | Some(K::Nfd) | Some(K::Nfkc) | Some(K::Nfkd)) => {
                let mut args = vec![*arg];
                if normal_form(form) {
                    let span = self.advance();
                    let name = form.map_or("", K::text).to_ascii_uppercase();
                    args.push(Expr { kind: ExprKind::Literal(Literal::String(name)), span });
                }
                self.expect_keyword(K::Normalized)?;
                let span = start.to(self.previous_span());
                let call = system_call("is_normalized", args, location, span);
                let expr = if negated { Expr { kind: ExprKind::Not(Box::new(call)), span } } else { call };
                Ok((expr, false))
            }
            _ => Err(self.error_here()),
        }
    }

    /// Parses `IN`, `BETWEEN`, `LIKE`, `ILIKE` and `SIMILAR TO`, with or without `NOT`.
    fn pattern_rule(&mut self, left: Expr) -> Parsing<(Expr, bool)> {
        let location = self.span();
        let negated = self.eat_keyword(K::Not);
        let keyword = self.keyword();
        self.advance();
        let start = left.span;
        let left = Box::new(left);
        match keyword {
            Some(K::In) => {
                let right = self.in_list()?;
                let span = start.to(self.previous_span());
                Ok((Expr { kind: ExprKind::In { left, right, negated, location }, span }, false))
            }
            Some(K::Between) => {
                let symmetric = self.eat_keyword(K::Symmetric);
                if !symmetric {
                    self.eat_keyword(K::Asymmetric);
                }
                let low = Box::new(self.restricted_expr()?);
                self.expect_keyword(K::And)?;
                let high = Box::new(self.expr_at(level::PATTERN + 1, Grammar::A)?);
                let span = start.to(high.span);
                let kind = ExprKind::Between { arg: left, low, high, negated, symmetric, location };
                Ok((Expr { kind, span }, true))
            }
            _ => {
                let kind = match keyword {
                    Some(K::Ilike) => LikeKind::ILike,
                    Some(K::Similar) => LikeKind::Similar,
                    _ => LikeKind::Like,
                };
                if kind == LikeKind::Similar {
                    self.expect_keyword(K::To)?;
                } else if matches!(self.keyword(), Some(K::Any | K::Some | K::All)) {
                    let name = match (kind, negated) {
                        (LikeKind::ILike, false) => "~~*",
                        (LikeKind::ILike, true) => "!~~*",
                        (_, false) => "~~",
                        (_, true) => "!~~",
                    };
                    let operator = Operator { schema: None, name: name.to_owned(), location };
                    return self.quantified(*left, operator).map(|expr| (expr, false));
                }
                let right = Box::new(self.expr_at(level::PATTERN + 1, Grammar::A)?);
                let escape = if self.eat_keyword(K::Escape) {
                    Some(Box::new(self.expr_at(level::ESCAPE, Grammar::A)?))
                } else {
                    None
                };
                let span = start.to(self.previous_span());
                Ok((
                    Expr { kind: ExprKind::Like { left, right, escape, kind, negated, location }, span },
                    true,
                ))
            }
        }
    }

    fn in_list(&mut self) -> Parsing<InList> {
        self.expect_symbol(b'(')?;
        let right = match self.parenthesis_content()? {
            Parenthesized::Query(query) => InList::Subquery(query),
            Parenthesized::Exprs(list) => InList::List(list),
        };
        self.expect_symbol(b')')?;
        Ok(right)
    }

    fn quantified(&mut self, left: Expr, operator: Operator) -> Parsing<Expr> {
        let all = self.at_keyword(K::All);
        self.advance();
        self.expect_symbol(b'(')?;
        let right = match self.parenthesis_content()? {
            Parenthesized::Query(query) => Quantified::Subquery(query),
            Parenthesized::Exprs(mut list) => match (list.pop(), list.first()) {
                (Some(array), None) => Quantified::Array(Box::new(array)),
                (_, first) => return Err(self.error_at_comma(first.map_or(0, |first| first.span.end))),
            },
        };
        self.expect_symbol(b')')?;
        let span = left.span.to(self.previous_span());
        Ok(Expr { kind: ExprKind::Quantified { operator, left: Box::new(left), all, right }, span })
    }

    /// `ANY (a, b)`: the grammar expects one expression, so the error is at the first comma.
    fn error_at_comma(&self, after: u32) -> Box<Diagnostic> {
        let mut rest = self.lexed.tokens.iter().skip_while(|token| token.span.start < after);
        let comma = rest.find(|token| token.kind == TokenKind::Symbol(b','));
        comma.map_or_else(|| self.error_here(), |comma| Box::new(syntax_error_at(comma.span, self.text)))
    }

    /// Parses an operator of symbols, such as `+`, or `OPERATOR (schema.+)`; operators that are keywords, such as LIKE,
    /// are parsed elsewhere.
    pub(super) fn operator(&mut self) -> Parsing<Operator> {
        if self.at_keyword(K::Operator) { self.qualified_operator() } else { self.plain_operator() }
    }

    pub(super) fn plain_operator(&mut self) -> Parsing<Operator> {
        let name = match &self.token().kind {
            TokenKind::Operator(name) => name.clone(),
            TokenKind::LessEquals => "<=".to_owned(),
            TokenKind::GreaterEquals => ">=".to_owned(),
            TokenKind::NotEquals => "<>".to_owned(),
            TokenKind::Symbol(symbol @ (b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'=')) => {
                (*symbol as char).to_string()
            }
            _ => return Err(self.error_here()),
        };
        let location = self.advance();
        Ok(Operator { schema: None, name, location })
    }

    /// `OPERATOR (schema.op)`. Of several names before the operator, only the last is kept, as in PostgreSQL.
    fn qualified_operator(&mut self) -> Parsing<Operator> {
        let start = self.advance();
        self.expect_symbol(b'(')?;
        let mut schema: Option<Name> = None;
        while !matches!(self.token().kind, TokenKind::Operator(_) | TokenKind::Symbol(_))
            && self.symbol_ahead(1, b'.')
        {
            schema = Some(self.col_id()?);
            self.advance();
        }
        let mut operator = self.plain_operator()?;
        self.expect_symbol(b')')?;
        operator.schema = schema;
        operator.location = start.to(self.previous_span());
        Ok(operator)
    }
}

fn prefix_operator(operator: Operator, right: Expr) -> Expr {
    let span = operator.location.to(right.span);
    Expr { kind: ExprKind::Operator { operator, left: None, right: Box::new(right) }, span }
}

fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Operator { operator, left: Some(Box::new(left)), right: Box::new(right) }, span }
}

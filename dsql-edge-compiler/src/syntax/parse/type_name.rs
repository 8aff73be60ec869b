//! Parses types: `Typename` of the grammar.

use super::{K, Parser, Parsing, TokenKind};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, Literal, Name, QualifiedName, TypeName};

impl Parser<'_> {
    /// `[SETOF] type [ARRAY] […]`.
    pub(super) fn type_name(&mut self) -> Parsing<TypeName> {
        let start = self.span();
        let set_of = self.eat_keyword(K::Setof);
        let mut name = self.simple_type_name()?;
        name.set_of = set_of;
        if self.eat_keyword(K::Array) {
            name.array_dimensions = 1;
            if self.eat_symbol(b'[') {
                self.integer()?;
                self.expect_symbol(b']')?;
            }
        } else {
            while self.eat_symbol(b'[') {
                if !self.at_symbol(b']') {
                    self.integer()?;
                }
                self.expect_symbol(b']')?;
                name.array_dimensions += 1;
            }
        }
        name.span = start.to(self.previous_span());
        Ok(name)
    }

    pub(super) fn simple_type_name(&mut self) -> Parsing<TypeName> {
        if let Some(name) = self.system_type(false)? {
            return Ok(name);
        }
        // `GenericType` is `type_function_name [attrs] [modifiers]`. This branch also parses the name before `%TYPE`.
        let start = self.span();
        let name = match self.keyword() {
            Some(keyword) if !Self::is_type_function_name(keyword) => return Err(self.error_here()),
            Some(_) => {
                let first = self.non_reserved_word()?;
                let mut parts = vec![first];
                while self.eat_symbol(b'.') {
                    parts.push(self.col_label()?);
                }
                QualifiedName { parts }
            }
            None => self.any_name()?,
        };
        if self.at_symbol(b'%') && self.keyword_ahead(1) == Some(K::Type) {
            self.at += 2;
            let mut result = plain(name, start.to(self.previous_span()));
            result.percent_type = true;
            return Ok(result);
        }
        let modifiers = self.type_modifiers()?;
        let mut result = plain(name, start.to(self.previous_span()));
        result.modifiers = modifiers;
        Ok(result)
    }

    fn type_modifiers(&mut self) -> Parsing<Vec<Expr>> {
        if !self.at_symbol(b'(') {
            return Ok(Vec::new());
        }
        self.parenthesized_list(Self::expr)
    }

    /// Parses a type that is a keyword. With `constant`, the type precedes a string: `bit` and `character` without a
    /// length then accept any length, not only 1, and INTERVAL is left to `interval_constant`. If no such type follows,
    /// this method consumes no token.
    pub(super) fn system_type(&mut self, constant: bool) -> Parsing<Option<TypeName>> {
        let start = self.span();
        let Some(keyword) = self.keyword() else { return Ok(None) };
        let mut modifiers = Vec::new();
        let name = match keyword {
            K::Int | K::Integer => self.one_word("int4"),
            K::Smallint => self.one_word("int2"),
            K::Bigint => self.one_word("int8"),
            K::Real => self.one_word("float4"),
            K::Boolean => self.one_word("bool"),
            K::Float => {
                self.advance();
                self.float_precision()?
            }
            K::Double if self.keyword_ahead(1) == Some(K::Precision) => {
                self.at += 2;
                "float8"
            }
            K::Decimal | K::Dec | K::Numeric => {
                self.advance();
                modifiers = self.type_modifiers()?;
                "numeric"
            }
            K::Bit => {
                self.advance();
                let varying = self.eat_keyword(K::Varying);
                modifiers = self.type_modifiers()?;
                if modifiers.is_empty() && !varying && !constant {
                    modifiers = vec![one(start)];
                }
                if varying { "varbit" } else { "bit" }
            }
            K::Character | K::Char | K::Nchar | K::National | K::Varchar => {
                return self.character_type(start, keyword, constant).map(Some);
            }
            K::Timestamp | K::Time => {
                self.advance();
                if self.eat_symbol(b'(') {
                    modifiers = vec![self.integer_expr()?];
                    self.expect_symbol(b')')?;
                }
                let zone = self.time_zone()?;
                match (keyword, zone) {
                    (K::Timestamp, true) => "timestamptz",
                    (K::Timestamp, false) => "timestamp",
                    (_, true) => "timetz",
                    (_, false) => "time",
                }
            }
            K::Interval if !constant => {
                self.advance();
                modifiers = if self.eat_symbol(b'(') {
                    let precision = self.integer_expr()?;
                    self.expect_symbol(b')')?;
                    vec![full_range(precision.span), precision]
                } else {
                    self.interval_fields()?
                };
                "interval"
            }
            _ => return Ok(None),
        };
        let mut result = system(name, start.to(self.previous_span()));
        result.modifiers = modifiers;
        Ok(Some(result))
    }

    fn one_word(&mut self, name: &'static str) -> &'static str {
        self.advance();
        name
    }

    fn float_precision(&mut self) -> Parsing<&'static str> {
        if !self.eat_symbol(b'(') {
            return Ok("float8");
        }
        let span = self.span();
        let precision = self.integer()?;
        self.expect_symbol(b')')?;
        match precision {
            ..1 => Err(self.error_at(span, "precision for type float must be at least 1 bit")),
            1..=24 => Ok("float4"),
            25..=53 => Ok("float8"),
            54.. => Err(self.error_at(span, "precision for type float must be less than 54 bits")),
        }
    }

    fn character_type(&mut self, start: Span, keyword: K, constant: bool) -> Parsing<TypeName> {
        self.advance();
        let mut varying = keyword == K::Varchar;
        if keyword == K::National && !self.eat_keyword(K::Character) {
            self.expect_keyword(K::Char)?;
        }
        if keyword != K::Varchar {
            varying = self.eat_keyword(K::Varying);
        }
        let mut modifiers = Vec::new();
        if self.eat_symbol(b'(') {
            modifiers.push(self.integer_expr()?);
            self.expect_symbol(b')')?;
        } else if !varying && !constant {
            modifiers.push(one(start));
        }
        let mut result = system(if varying { "varchar" } else { "bpchar" }, start.to(self.previous_span()));
        result.modifiers = modifiers;
        Ok(result)
    }

    /// `WITH TIME ZONE` and `WITHOUT TIME ZONE`; `WITH` without `TIME` belongs to another clause.
    fn time_zone(&mut self) -> Parsing<bool> {
        let with = self.at_keyword(K::With) && self.keyword_ahead(1) == Some(K::Time);
        let without = self.at_keyword(K::Without) && self.keyword_ahead(1) == Some(K::Time);
        if with || without {
            self.at += 2;
            self.expect_keyword(K::Zone)?;
        }
        Ok(with)
    }

    pub(super) fn integer_expr(&mut self) -> Parsing<Expr> {
        let span = self.span();
        let value = self.integer()?;
        Ok(Expr { kind: ExprKind::Literal(Literal::Integer(value)), span })
    }

    /// Parses `YEAR`, `DAY TO SECOND (3)` …; returns PostgreSQL's mask of the fields, and then the precision, if
    /// written. Without a field, the list is empty.
    pub(super) fn interval_fields(&mut self) -> Parsing<Vec<Expr>> {
        let start = self.span();
        let Some(first) = self.interval_field() else { return Ok(Vec::new()) };
        self.advance();
        let mut last = first;
        if self.at_keyword(K::To) {
            self.advance();
            let ends: &[K] = match first {
                K::Year => &[K::Month],
                K::Day => &[K::Hour, K::Minute, K::Second],
                K::Hour => &[K::Minute, K::Second],
                K::Minute => &[K::Second],
                _ => &[],
            };
            last = match self.keyword() {
                Some(end) if ends.contains(&end) => end,
                _ => return Err(self.error_here()),
            };
            self.advance();
        }
        let mask = interval_mask(first, last);
        let mut modifiers = vec![Expr {
            kind: ExprKind::Literal(Literal::Integer(mask)),
            span: start.to(self.previous_span()),
        }];
        if last == K::Second && self.eat_symbol(b'(') {
            modifiers.push(self.integer_expr()?);
            self.expect_symbol(b')')?;
        }
        Ok(modifiers)
    }

    fn interval_field(&self) -> Option<K> {
        self.keyword().filter(|keyword| {
            matches!(keyword, K::Year | K::Month | K::Day | K::Hour | K::Minute | K::Second)
        })
    }

    /// `INTERVAL '…' [fields]` and `INTERVAL(p) '…'`, if present.
    pub(super) fn interval_constant(&mut self) -> Parsing<Option<Expr>> {
        let start = self.span();
        let precision = self.symbol_ahead(1, b'(')
            && matches!(self.ahead(2).kind, TokenKind::Integer(_))
            && self.symbol_ahead(3, b')')
            && matches!(self.ahead(4).kind, TokenKind::String(_));
        if !precision && !matches!(self.ahead(1).kind, TokenKind::String(_)) {
            return Ok(None);
        }
        self.advance();
        let mut modifiers = Vec::new();
        if precision {
            self.advance();
            let precision = self.integer_expr()?;
            modifiers.extend([full_range(precision.span), precision]);
            self.advance();
        }
        let span = self.span();
        let arg = Expr { kind: ExprKind::Literal(Literal::String(self.string()?)), span };
        if !precision {
            modifiers = self.interval_fields()?;
        }
        let span = start.to(self.previous_span());
        let mut target = system("interval", start);
        target.modifiers = modifiers;
        let kind = ExprKind::Cast { arg: Box::new(arg), target: Box::new(target), location: start };
        Ok(Some(Expr { kind, span }))
    }
}

/// Returns PostgreSQL's bits for interval fields (`utils/timestamp.h`).
fn interval_mask(first: K, last: K) -> i32 {
    let order = [(K::Year, 2), (K::Month, 1), (K::Day, 3), (K::Hour, 10), (K::Minute, 11), (K::Second, 12)];
    let index = |field| order.iter().position(|(keyword, _)| *keyword == field).unwrap_or(0);
    order[index(first)..=index(last).max(index(first))].iter().map(|(_, bit)| 1 << bit).sum()
}

/// Returns the mask for an interval with all fields, which the grammar puts before a precision: `INTERVAL_FULL_RANGE`.
fn full_range(span: Span) -> Expr {
    Expr { kind: ExprKind::Literal(Literal::Integer(0x7FFF)), span }
}

fn one(span: Span) -> Expr {
    Expr { kind: ExprKind::Literal(Literal::Integer(1)), span }
}

fn plain(name: QualifiedName, span: Span) -> TypeName {
    TypeName {
        name,
        system: false,
        modifiers: Vec::new(),
        array_dimensions: 0,
        set_of: false,
        percent_type: false,
        span,
    }
}

/// Makes a type that the grammar qualifies with `pg_catalog`.
pub(super) fn system(name: &str, span: Span) -> TypeName {
    let part = |text: &str| Name { text: text.to_owned(), span };
    let mut result = plain(QualifiedName { parts: vec![part("pg_catalog"), part(name)] }, span);
    result.system = true;
    result
}

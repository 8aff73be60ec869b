//! Parses function calls, including the calls that have a special grammar.
//!
//! `EXTRACT`, `TRIM`, `POSITION` and related forms become calls of `pg_catalog` functions, as in gram.y.

use super::system_call::system_call;
use super::{K, Parser, Parsing, TokenKind};
use crate::source::Span;
use crate::syntax::ast::{
    Expr, ExprKind, FunctionArg, FunctionCall, Literal, QualifiedName, TypeName, ValueFunction, Window,
};

impl Parser<'_> {
    /// `func_application` and its suffixes, at the opening parenthesis.
    pub(super) fn function_call(&mut self, name: QualifiedName, location: Span) -> Parsing<Expr> {
        let start = location;
        let windowless = std::mem::take(&mut self.windowless);
        self.expect_symbol(b'(')?;
        let mut call = FunctionCall::plain(name, Vec::new(), location);
        if self.eat_symbol(b'*') {
            call.star = true;
        } else if !self.at_symbol(b')') {
            if self.eat_keyword(K::Distinct) {
                call.distinct = true;
            } else {
                self.eat_keyword(K::All);
            }
            loop {
                call.variadic = self.eat_keyword(K::Variadic);
                call.args.push(self.function_arg()?);
                if call.variadic || !self.eat_symbol(b',') {
                    break;
                }
            }
            call.order_by = self.sort_clause()?;
        }
        self.expect_symbol(b')')?;
        // `numeric(10, 2) '1'` is a constant: the arguments are the modifiers of its type. `f() 'x'` is not a constant,
        // because `f()` has no arguments. In FROM, only functions are allowed.
        if !windowless && self.at_string() && !call.args.is_empty() && !call.distinct && !call.variadic {
            return self.constant_with_modifiers(call, start);
        }
        if !windowless {
            self.call_suffixes(&mut call)?;
        }
        Ok(Expr { kind: ExprKind::Function(Box::new(call)), span: start.to(self.previous_span()) })
    }

    /// `WITHIN GROUP (…)`, `FILTER (…)`, `OVER …`.
    pub(super) fn call_suffixes(&mut self, call: &mut FunctionCall) -> Parsing<()> {
        if self.at_keyword(K::Within) {
            let location = self.advance();
            self.expect_keyword(K::Group)?;
            if !call.order_by.is_empty() {
                return Err(self.error_at(location, "cannot use multiple ORDER BY clauses with WITHIN GROUP"));
            }
            if call.distinct {
                return Err(self.error_at(location, "cannot use DISTINCT with WITHIN GROUP"));
            }
            if call.variadic {
                return Err(self.error_at(location, "cannot use VARIADIC with WITHIN GROUP"));
            }
            self.expect_symbol(b'(')?;
            if !self.at_keyword(K::Order) {
                return Err(self.error_here());
            }
            call.order_by = self.sort_clause()?;
            call.within_group = true;
            self.expect_symbol(b')')?;
        }
        (call.filter, call.over) = self.filter_and_over()?;
        Ok(())
    }

    pub(super) fn filter_and_over(&mut self) -> Parsing<(Option<Expr>, Option<Window>)> {
        let mut filter = None;
        if self.eat_keyword(K::Filter) {
            self.expect_symbol(b'(')?;
            self.expect_keyword(K::Where)?;
            filter = Some(self.expr()?);
            self.expect_symbol(b')')?;
        }
        let over = if self.eat_keyword(K::Over) { Some(self.over()?) } else { None };
        Ok((filter, over))
    }

    /// `func_name (modifiers) 'constant'`.
    pub(super) fn constant_with_modifiers(&mut self, call: FunctionCall, start: Span) -> Parsing<Expr> {
        if let Some(named) = call.args.iter().find_map(|arg| arg.name.as_ref()) {
            return Err(self.error_at(named.span, "type modifier cannot have parameter name"));
        }
        if let Some(sort) = call.order_by.first() {
            return Err(self.error_at(sort.expr.span, "type modifier cannot have ORDER BY"));
        }
        let target = TypeName {
            name: call.name,
            system: false,
            modifiers: call.args.into_iter().map(|arg| arg.value).collect(),
            array_dimensions: 0,
            set_of: false,
            percent_type: false,
            span: start,
        };
        let span = self.span();
        let arg = Expr { kind: ExprKind::Literal(Literal::String(self.string()?)), span };
        let kind = ExprKind::Cast { arg: Box::new(arg), target: Box::new(target), location: start };
        Ok(Expr { kind, span: start.to(span) })
    }

    pub(super) fn function_arg(&mut self) -> Parsing<FunctionArg> {
        let named = matches!(self.ahead(1).kind, TokenKind::EqualsGreater | TokenKind::ColonEquals);
        let name = if named {
            let name = match self.keyword() {
                Some(keyword) if !Self::is_type_function_name(keyword) => return Err(self.error_here()),
                _ => self.non_reserved_word()?,
            };
            self.advance();
            Some(name)
        } else {
            None
        };
        Ok(FunctionArg { name, value: self.expr()? })
    }

    /// `func_expr_common_subexpr`: keywords that are calls. `None` if the keyword is an ordinary name here.
    pub(super) fn special_function(&mut self, keyword: K) -> Parsing<Option<Expr>> {
        let start = self.span();
        if let Some((function, takes_precision)) = value_function(keyword) {
            // `current_schema` is also the name of a function: `current_schema()`.
            if keyword == K::CurrentSchema && self.symbol_ahead(1, b'(') {
                return Ok(None);
            }
            return self.sql_value_function(function, takes_precision, start).map(Some);
        }
        if keyword == K::Collation && self.keyword_ahead(1) == Some(K::For) {
            self.at += 2;
            self.expect_symbol(b'(')?;
            let arg = self.expr()?;
            let span = start.to(self.expect_symbol(b')')?);
            return Ok(Some(system_call("pg_collation_for", vec![arg], start, span)));
        }
        if !self.symbol_ahead(1, b'(') {
            return Ok(None);
        }
        let (name, args) = match keyword {
            K::Coalesce | K::Greatest | K::Least | K::Nullif => {
                let kind = self.conditional_function(keyword, start)?;
                // These functions do not take FILTER or OVER.
                return Ok(Some(Expr { kind, span: start.to(self.previous_span()) }));
            }
            K::Treat => self.treat()?,
            K::Extract => ("extract".to_owned(), self.extract_arguments()?),
            K::Normalize => ("normalize".to_owned(), self.normalize_arguments()?),
            K::Overlay => return self.overlay(start).map(Some),
            K::Position => ("position".to_owned(), self.position_arguments()?),
            K::Substring => return self.substring(start).map(Some),
            K::Trim => return self.trim(start).map(Some),
            K::JsonObject | K::JsonArray | K::JsonObjectagg | K::JsonArrayagg => {
                return self.sql_json(keyword).map(Some);
            }
            K::Xmlconcat
            | K::Xmlelement
            | K::Xmlexists
            | K::Xmlforest
            | K::Xmlparse
            | K::Xmlpi
            | K::Xmlroot
            | K::Xmlserialize => return self.xml_function(keyword).map(Some),
            _ => return Ok(None),
        };
        self.expect_symbol(b')')?;
        Ok(Some(system_call(&name, args, start, start.to(self.previous_span()))))
    }

    /// `CURRENT_DATE`, `CURRENT_TIMESTAMP (3)` and related keywords.
    fn sql_value_function(
        &mut self,
        function: ValueFunction,
        takes_precision: bool,
        start: Span,
    ) -> Parsing<Expr> {
        self.advance();
        let mut precision = None;
        if takes_precision && self.eat_symbol(b'(') {
            precision = Some(self.integer()?);
            self.expect_symbol(b')')?;
        }
        let span = start.to(self.previous_span());
        Ok(Expr { kind: ExprKind::ValueFunction { function, precision }, span })
    }

    fn conditional_function(&mut self, keyword: K, start: Span) -> Parsing<ExprKind> {
        if keyword == K::Nullif {
            self.at += 2;
            let left = Box::new(self.expr()?);
            self.expect_symbol(b',')?;
            let right = Box::new(self.expr()?);
            self.expect_symbol(b')')?;
            return Ok(ExprKind::NullIf { left, right, location: start });
        }
        self.advance();
        let args = self.parenthesized_list(Self::expr)?;
        Ok(match keyword {
            K::Coalesce => ExprKind::Coalesce(args),
            _ => ExprKind::MinMax { greatest: keyword == K::Greatest, args },
        })
    }

    /// `TREAT (x AS t)` becomes the call t(x), as in gram.y.
    fn treat(&mut self) -> Parsing<(String, Vec<Expr>)> {
        self.at += 2;
        let arg = self.expr()?;
        self.expect_keyword(K::As)?;
        let target = self.type_name()?;
        Ok((target.name.name().to_owned(), vec![arg]))
    }

    /// `EXTRACT (field FROM x`
    fn extract_arguments(&mut self) -> Parsing<Vec<Expr>> {
        self.at += 2;
        let span = self.span();
        let field = match (&self.token().kind, self.keyword()) {
            (TokenKind::Identifier(text) | TokenKind::String(text), _) => text.clone(),
            (_, Some(field @ (K::Year | K::Month | K::Day | K::Hour | K::Minute | K::Second))) => {
                field.text().to_owned()
            }
            _ => return Err(self.error_here()),
        };
        self.advance();
        self.expect_keyword(K::From)?;
        Ok(vec![Expr { kind: ExprKind::Literal(Literal::String(field)), span }, self.expr()?])
    }

    /// `NORMALIZE (x, NFC`
    fn normalize_arguments(&mut self) -> Parsing<Vec<Expr>> {
        self.at += 2;
        let mut args = vec![self.expr()?];
        if self.eat_symbol(b',') {
            let span = self.span();
            let Some(form @ (K::Nfc | K::Nfd | K::Nfkc | K::Nfkd)) = self.keyword() else {
                return Err(self.error_here());
            };
            self.advance();
            let text = form.text().to_ascii_uppercase();
            args.push(Expr { kind: ExprKind::Literal(Literal::String(text)), span });
        }
        Ok(args)
    }

    /// `OVERLAY (x PLACING y FROM 1 FOR 2)`, or a call of the function `overlay`.
    fn overlay(&mut self, start: Span) -> Parsing<Expr> {
        self.at += 2;
        let mut args = vec![self.expr()?];
        if !self.eat_keyword(K::Placing) {
            return self.plain_call("overlay", args, start);
        }
        args.push(self.expr()?);
        self.expect_keyword(K::From)?;
        args.push(self.expr()?);
        if self.eat_keyword(K::For) {
            args.push(self.expr()?);
        }
        self.expect_symbol(b')')?;
        Ok(system_call("overlay", args, start, start.to(self.previous_span())))
    }

    /// `POSITION (x IN y`
    fn position_arguments(&mut self) -> Parsing<Vec<Expr>> {
        self.at += 2;
        let needle = self.restricted_expr()?;
        self.expect_keyword(K::In)?;
        let haystack = self.restricted_expr()?;
        Ok(vec![haystack, needle])
    }

    /// Parses the rest of a call `name (arg, …)` whose name is a keyword; `first` contains the arguments that are
    /// already parsed.
    pub(super) fn plain_call(&mut self, name: &str, first: Vec<Expr>, start: Span) -> Parsing<Expr> {
        let mut args: Vec<FunctionArg> =
            first.into_iter().map(|value| FunctionArg { name: None, value }).collect();
        while self.eat_symbol(b',') {
            args.push(self.function_arg()?);
        }
        self.expect_symbol(b')')?;
        let mut expr = system_call(name, Vec::new(), start, start.to(self.previous_span()));
        if let ExprKind::Function(call) = &mut expr.kind {
            call.name = QualifiedName { parts: vec![Self::synthetic_name(name, start)] };
            call.args = args;
        }
        Ok(expr)
    }

    pub(super) fn substring(&mut self, start: Span) -> Parsing<Expr> {
        self.at += 2;
        if self.at_symbol(b')') {
            return self.plain_call("substring", Vec::new(), start);
        }
        let outside = std::mem::replace(&mut self.in_substring, true);
        let subject = self.expr();
        self.in_substring = outside;
        let subject = subject?;
        let call =
            |parser: &Self, args| system_call("substring", args, start, start.to(parser.previous_span()));
        if self.eat_keyword(K::From) {
            let from = self.expr()?;
            let mut args = vec![subject, from];
            if self.eat_keyword(K::For) {
                args.push(self.expr()?);
            }
            self.expect_symbol(b')')?;
            return Ok(call(self, args));
        }
        if self.eat_keyword(K::For) {
            let length = self.expr()?;
            if self.eat_keyword(K::From) {
                let from = self.expr()?;
                self.expect_symbol(b')')?;
                return Ok(call(self, vec![subject, from, length]));
            }
            self.expect_symbol(b')')?;
            // gram.y: SUBSTRING(a FOR n) is substring(a, 1, n::int4).
            let one = Expr { kind: ExprKind::Literal(Literal::Integer(1)), span: length.span };
            let target = Box::new(super::type_name::system("int4", length.span));
            let span = length.span;
            let length =
                Expr { kind: ExprKind::Cast { arg: Box::new(length), target, location: span }, span };
            return Ok(call(self, vec![subject, one, length]));
        }
        if self.eat_keyword(K::Similar) {
            let pattern = self.expr()?;
            self.expect_keyword(K::Escape)?;
            let escape = self.expr()?;
            self.expect_symbol(b')')?;
            return Ok(call(self, vec![subject, pattern, escape]));
        }
        self.plain_call("substring", vec![subject], start)
    }

    pub(super) fn trim(&mut self, start: Span) -> Parsing<Expr> {
        self.at += 2;
        let name = match self.keyword() {
            Some(K::Leading) => "ltrim",
            Some(K::Trailing) => "rtrim",
            _ => "btrim",
        };
        if matches!(self.keyword(), Some(K::Leading | K::Trailing | K::Both)) {
            self.advance();
        }
        // trim_list: [a] FROM list, or list; the first argument of the function is the string.
        let args = if self.eat_keyword(K::From) {
            self.expr_list()?
        } else {
            let mut first = vec![self.expr()?];
            if self.eat_keyword(K::From) {
                let mut args = self.expr_list()?;
                args.append(&mut first);
                args
            } else {
                while self.eat_symbol(b',') {
                    first.push(self.expr()?);
                }
                first
            }
        };
        self.expect_symbol(b')')?;
        Ok(system_call(name, args, start, start.to(self.previous_span())))
    }
}

/// Returns the function that this keyword calls without parentheses, and whether a precision in parentheses may follow.
fn value_function(keyword: K) -> Option<(ValueFunction, bool)> {
    Some(match keyword {
        K::CurrentDate => (ValueFunction::CurrentDate, false),
        K::CurrentTime => (ValueFunction::CurrentTime, true),
        K::CurrentTimestamp => (ValueFunction::CurrentTimestamp, true),
        K::Localtime => (ValueFunction::LocalTime, true),
        K::Localtimestamp => (ValueFunction::LocalTimestamp, true),
        K::CurrentRole => (ValueFunction::CurrentRole, false),
        K::CurrentUser => (ValueFunction::CurrentUser, false),
        K::User => (ValueFunction::User, false),
        K::SessionUser => (ValueFunction::SessionUser, false),
        K::SystemUser => (ValueFunction::SystemUser, false),
        K::CurrentCatalog => (ValueFunction::CurrentCatalog, false),
        K::CurrentSchema => (ValueFunction::CurrentSchema, false),
        _ => return None,
    })
}

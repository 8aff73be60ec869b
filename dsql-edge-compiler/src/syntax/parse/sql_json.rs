//! Parses SQL/JSON constructors and aggregates: `JSON_OBJECT`, `JSON_ARRAY`, `JSON_OBJECTAGG`, `JSON_ARRAYAGG`.

use super::{K, Parser, Parsing};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, FunctionArg, SqlFunction};

impl Parser<'_> {
    /// Parses a constructor or an aggregate. The current token is its keyword, and the next token is `(`.
    pub(super) fn sql_json(&mut self, keyword: K) -> Parsing<Expr> {
        let start = self.advance();
        self.advance();
        let mut call = SqlFunction { name: keyword.text(), ..SqlFunction::default() };
        match keyword {
            K::JsonObject => {
                if let Some(plain) = self.json_object(&mut call, start)? {
                    return Ok(plain);
                }
            }
            K::JsonArray => self.json_array(&mut call)?,
            K::JsonObjectagg => {
                let key = self.expr()?;
                self.json_pair(&mut call, key)?;
                self.json_null_clause()?;
                self.json_unique_keys()?;
            }
            _ => {
                self.json_value(&mut call)?;
                call.order_by = self.sort_clause()?;
                self.json_null_clause()?;
            }
        }
        self.json_output(&mut call)?;
        self.expect_symbol(b')')?;
        if matches!(keyword, K::JsonObjectagg | K::JsonArrayagg) {
            (call.filter, call.over) = self.filter_and_over()?;
        }
        let span = start.to(self.previous_span());
        Ok(Expr { kind: ExprKind::SqlFunction(Box::new(call)), span })
    }

    /// Parses the pairs of `JSON_OBJECT`, or the arguments of the ordinary function `json_object`.
    fn json_object(&mut self, call: &mut SqlFunction, start: Span) -> Parsing<Option<Expr>> {
        if self.at_symbol(b')') || self.at_keyword(K::Returning) {
            return Ok(None);
        }
        let first = self.function_arg()?;
        if first.name.is_some() || !self.at_json_pair() {
            return self.json_object_call(first, start).map(Some);
        }
        self.json_pair(call, first.value)?;
        while self.eat_symbol(b',') {
            let key = self.expr()?;
            self.json_pair(call, key)?;
        }
        self.json_null_clause()?;
        self.json_unique_keys()?;
        Ok(None)
    }

    fn json_object_call(&mut self, first: FunctionArg, start: Span) -> Parsing<Expr> {
        let mut expr = self.plain_call("json_object", Vec::new(), start)?;
        if let ExprKind::Function(call) = &mut expr.kind {
            call.args.insert(0, first);
        }
        Ok(expr)
    }

    fn at_json_pair(&self) -> bool {
        self.at_keyword(K::Value) || self.at_symbol(b':')
    }

    /// `key VALUE value` or `key: value`, after the key.
    fn json_pair(&mut self, call: &mut SqlFunction, key: Expr) -> Parsing<()> {
        if !self.at_json_pair() {
            return Err(self.error_here());
        }
        self.advance();
        call.args.push(key);
        self.json_value(call)
    }

    fn json_array(&mut self, call: &mut SqlFunction) -> Parsing<()> {
        if self.at_symbol(b')') || self.at_keyword(K::Returning) {
            return Ok(());
        }
        if self.at_query_keyword() {
            let span = self.span();
            let query = self.query()?;
            call.args.push(Expr { kind: ExprKind::Subquery(Box::new(query)), span });
            return self.json_format();
        }
        self.json_value(call)?;
        while self.eat_symbol(b',') {
            self.json_value(call)?;
        }
        self.json_null_clause()
    }

    /// `json_value_expr`
    fn json_value(&mut self, call: &mut SqlFunction) -> Parsing<()> {
        call.args.push(self.expr()?);
        self.json_format()
    }

    fn json_null_clause(&mut self) -> Parsing<()> {
        if self.eat_keyword(K::Null) || self.eat_keyword(K::Absent) {
            self.expect_keyword(K::On)?;
            self.expect_keyword(K::Null)?;
        }
        Ok(())
    }

    fn json_output(&mut self, call: &mut SqlFunction) -> Parsing<()> {
        if self.eat_keyword(K::Returning) {
            call.returning = Some(self.type_name()?);
            self.json_format()?;
        }
        Ok(())
    }

    /// Parses the clause `FORMAT JSON`; `FORMAT` without `JSON` is not this clause.
    fn json_format(&mut self) -> Parsing<()> {
        if self.eat_keywords(K::Format, K::Json) && self.eat_keyword(K::Encoding) {
            self.col_id()?;
        }
        Ok(())
    }

    /// `[WITH | WITHOUT] UNIQUE [KEYS]`
    pub(super) fn json_unique_keys(&mut self) -> Parsing<()> {
        if self.at_keywords(K::With, K::Unique) || self.at_keywords(K::Without, K::Unique) {
            self.at += 2;
            self.eat_keyword(K::Keys);
        }
        Ok(())
    }
}

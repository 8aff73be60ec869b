//! Parses the XML functions, whose calls have a special grammar, and `XMLTABLE`.

use super::system_call::system_call;
use super::{K, Parser, Parsing};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, FromItem, SqlFunction, XmlColumn, XmlTable};

impl Parser<'_> {
    /// Parses a call of an XML function. The current token is its keyword, and the next token is `(`.
    pub(super) fn xml_function(&mut self, keyword: K) -> Parsing<Expr> {
        let start = self.advance();
        self.advance();
        let mut call = SqlFunction { name: keyword.text(), ..SqlFunction::default() };
        match keyword {
            K::Xmlconcat => call.args = self.expr_list()?,
            K::Xmlforest => self.xml_attributes(&mut call)?,
            K::Xmlelement => {
                self.expect_keyword(K::Name)?;
                self.col_label()?;
                if self.eat_symbol(b',') {
                    let attributes = self.at_keyword(K::Xmlattributes) && self.symbol_ahead(1, b'(');
                    if attributes {
                        self.at += 2;
                        self.xml_attributes(&mut call)?;
                        self.expect_symbol(b')')?;
                    }
                    if !attributes || self.eat_symbol(b',') {
                        call.args.extend(self.expr_list()?);
                    }
                }
            }
            K::Xmlexists => {
                let args = vec![self.primary()?, self.xml_passing()?];
                let span = start.to(self.expect_symbol(b')')?);
                return Ok(system_call("xmlexists", args, start, span));
            }
            K::Xmlparse => {
                self.document_or_content()?;
                call.args.push(self.expr()?);
                if self.eat_keyword(K::Preserve) || self.eat_keyword(K::Strip) {
                    self.expect_keyword(K::Whitespace)?;
                }
            }
            K::Xmlpi => {
                self.expect_keyword(K::Name)?;
                self.col_label()?;
                if self.eat_symbol(b',') {
                    call.args.push(self.expr()?);
                }
            }
            K::Xmlroot => self.xml_root(&mut call)?,
            _ => {
                self.document_or_content()?;
                call.args.push(self.expr()?);
                self.expect_keyword(K::As)?;
                call.returning = Some(self.simple_type_name()?);
                if self.eat_keyword(K::No) {
                    self.expect_keyword(K::Indent)?;
                } else {
                    self.eat_keyword(K::Indent);
                }
            }
        }
        self.expect_symbol(b')')?;
        let span = start.to(self.previous_span());
        Ok(Expr { kind: ExprKind::SqlFunction(Box::new(call)), span })
    }

    fn document_or_content(&mut self) -> Parsing<()> {
        if !self.eat_keyword(K::Document) {
            self.expect_keyword(K::Content)?;
        }
        Ok(())
    }

    /// `xml_attribute_list`
    fn xml_attributes(&mut self, call: &mut SqlFunction) -> Parsing<()> {
        loop {
            let start = self.span();
            call.args.push(self.expr()?);
            let place = start.to(self.previous_span());
            call.labels.push((if self.eat_keyword(K::As) { Some(self.col_label()?) } else { None }, place));
            if !self.eat_symbol(b',') {
                return Ok(());
            }
        }
    }

    /// `PASSING [BY REF | BY VALUE] document [BY REF | BY VALUE]`
    fn xml_passing(&mut self) -> Parsing<Expr> {
        self.expect_keyword(K::Passing)?;
        self.xml_mechanism()?;
        let document = self.primary()?;
        self.xml_mechanism()?;
        Ok(document)
    }

    fn xml_mechanism(&mut self) -> Parsing<()> {
        if self.eat_keyword(K::By) && !self.eat_keyword(K::Ref) {
            self.expect_keyword(K::Value)?;
        }
        Ok(())
    }

    fn xml_root(&mut self, call: &mut SqlFunction) -> Parsing<()> {
        call.args.push(self.expr()?);
        self.expect_symbol(b',')?;
        self.expect_keyword(K::Version)?;
        if !self.eat_keywords(K::No, K::Value) {
            call.args.push(self.expr()?);
        }
        if self.eat_symbol(b',') {
            self.expect_keyword(K::Standalone)?;
            if self.eat_keyword(K::No) {
                self.eat_keyword(K::Value);
            } else {
                self.expect_keyword(K::Yes)?;
            }
        }
        Ok(())
    }

    /// `XMLTABLE ([XMLNAMESPACES (…),] row PASSING document COLUMNS …)`, at the keyword.
    pub(super) fn xml_table(&mut self, start: Span, lateral: bool) -> Parsing<FromItem> {
        self.at += 2;
        let mut namespaces = Vec::new();
        if self.at_keyword(K::Xmlnamespaces) && self.symbol_ahead(1, b'(') {
            self.advance();
            namespaces = self.parenthesized_list(|parser| {
                if parser.eat_keyword(K::Default) {
                    return parser.restricted_expr();
                }
                let uri = parser.restricted_expr()?;
                parser.expect_keyword(K::As)?;
                parser.col_label()?;
                Ok(uri)
            })?;
            self.expect_symbol(b',')?;
        }
        let row = self.primary()?;
        let document = self.xml_passing()?;
        self.expect_keyword(K::Columns)?;
        let columns = self.list(Self::xml_column)?;
        self.expect_symbol(b')')?;
        let alias = self.alias()?;
        let span = start.to(self.previous_span());
        Ok(FromItem::XmlTable(Box::new(XmlTable {
            lateral,
            namespaces,
            row,
            document,
            columns,
            alias,
            span,
        })))
    }

    fn xml_column(&mut self) -> Parsing<XmlColumn> {
        let name = self.col_id()?;
        let mut column = XmlColumn { name, type_name: None, path: None, default: None, not_null: false };
        if self.eat_keyword(K::For) {
            self.expect_keyword(K::Ordinality)?;
            return Ok(column);
        }
        column.type_name = Some(self.type_name()?);
        let mut nullable_seen = false;
        loop {
            let span = self.span();
            match self.keyword() {
                Some(K::Default) => {
                    self.advance();
                    let value = self.restricted_expr()?;
                    if column.default.replace(value).is_some() {
                        return Err(self.error_at(span, "only one DEFAULT value is allowed"));
                    }
                }
                Some(K::Not | K::Null) => {
                    let not_null = self.eat_keyword(K::Not);
                    self.expect_keyword(K::Null)?;
                    if nullable_seen {
                        let name = &column.name.text;
                        let message = format!(
                            "conflicting or redundant NULL / NOT NULL declarations for column \"{name}\""
                        );
                        return Err(self.error_at(span, message));
                    }
                    nullable_seen = true;
                    column.not_null = not_null;
                }
                Some(_) => return Ok(column),
                None if self.eat_word("path") => {
                    let value = self.restricted_expr()?;
                    if column.path.replace(value).is_some() {
                        return Err(self.error_at(span, "only one PATH value per column is allowed"));
                    }
                }
                None => return Ok(column),
            }
        }
    }
}

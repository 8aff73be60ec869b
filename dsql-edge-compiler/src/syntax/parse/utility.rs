//! Parses statements that are neither queries nor table definitions, as far as necessary.
//!
//! Of most of these statements, such as `GRANT`, `COMMENT` and `EXPLAIN`, only the first words are checked, and the
//! rest is skipped. Other modules check the skipped words where this is necessary.

use super::{K, Parser, Parsing, TokenKind};
use crate::syntax::ast::{Prepare, Set, StatementKind};

impl Parser<'_> {
    pub(super) fn utility(&mut self) -> Parsing<StatementKind> {
        if let Some(statement) = self.transaction_statement() {
            return statement;
        }
        let command = match self.keyword() {
            Some(K::Drop) => return self.drop_statement(),
            Some(K::Set) => return self.set_statement(),
            Some(K::Prepare) => "PREPARE",
            Some(K::Execute) => "EXECUTE",
            Some(K::Deallocate) => "DEALLOCATE",
            Some(K::Declare) => "DECLARE CURSOR",
            Some(K::Fetch) => "FETCH",
            Some(K::Move) => "MOVE",
            Some(K::Close) => "CLOSE",
            Some(K::Reset) => "RESET",
            Some(K::Show) => "SHOW",
            Some(K::Grant) => "GRANT",
            Some(K::Revoke) => "REVOKE",
            Some(K::Comment) => "COMMENT",
            Some(K::Security) => "SECURITY LABEL",
            Some(K::Truncate) => "TRUNCATE",
            Some(K::Lock) => "LOCK TABLE",
            Some(K::Vacuum) => "VACUUM",
            Some(K::Analyze | K::Analyse) => "ANALYZE",
            Some(K::Explain) => "EXPLAIN",
            Some(K::Copy) => "COPY",
            Some(K::Cluster) => "CLUSTER",
            Some(K::Reindex) => "REINDEX",
            Some(K::Refresh) => "REFRESH MATERIALIZED VIEW",
            Some(K::Checkpoint) => "CHECKPOINT",
            Some(K::Listen) => "LISTEN",
            Some(K::Notify) => "NOTIFY",
            Some(K::Unlisten) => "UNLISTEN",
            Some(K::Load) => "LOAD",
            Some(K::Do) => "DO",
            Some(K::Call) => "CALL",
            Some(K::Discard) => "DISCARD",
            Some(K::Reassign) => "REASSIGN OWNED",
            Some(K::Import) => "IMPORT FOREIGN SCHEMA",
            _ => {
                // DSQL's own statements.
                if self.eat_word("aws") {
                    let word = self.non_reserved_word()?;
                    if word.text != "iam" {
                        return Err(Box::new(crate::syntax::lexer::syntax_error_at(word.span, self.text)));
                    }
                    self.skip_statement();
                    return Ok(StatementKind::Utility("AWS IAM"));
                }
                return Err(self.error_here());
            }
        };
        self.advance();
        self.skip_statement();
        Ok(StatementKind::Utility(command))
    }

    /// `PREPARE name (types) AS statement`.
    pub(super) fn prepare(&mut self) -> Parsing<Prepare> {
        self.expect_keyword(K::Prepare)?;
        let name = self.col_id()?;
        let parameters =
            if self.at_symbol(b'(') { self.parenthesized_list(Self::type_name)? } else { Vec::new() };
        self.expect_keyword(K::As)?;
        Ok(Prepare { name, parameters, statement: self.preparable_statement()? })
    }

    fn set_statement(&mut self) -> Parsing<StatementKind> {
        self.advance();
        if matches!(self.keyword(), Some(K::Transaction | K::Constraints)) {
            let what = if self.at_keyword(K::Transaction) { "SET TRANSACTION" } else { "SET CONSTRAINTS" };
            self.skip_statement();
            return Ok(StatementKind::Utility(what));
        }
        let mut command = "SET";
        if matches!(self.keyword(), Some(K::Local | K::Session))
            && !self.symbol_ahead(1, b'=')
            && self.keyword_ahead(1) != Some(K::To)
        {
            command = if self.at_keyword(K::Local) { "SET LOCAL" } else { "SET SESSION" };
            self.advance();
        }
        if matches!(
            self.keyword(),
            Some(
                K::Time
                    | K::Role
                    | K::Names
                    | K::Characteristics
                    | K::Authorization
                    | K::Xml
                    | K::Catalog
                    | K::Schema
            )
        ) && !self.symbol_ahead(1, b'=')
            && self.keyword_ahead(1) != Some(K::To)
        {
            self.skip_statement();
            return Ok(StatementKind::Utility("SET"));
        }
        let name = self.any_name()?.display();
        if !self.eat_symbol(b'=') {
            self.expect_keyword(K::To)?;
        }
        let mut values = Vec::new();
        if !self.eat_keyword(K::Default) {
            values = self.list(|parser| match &parser.token().kind {
                TokenKind::String(text) => {
                    parser.advance();
                    Ok(text.clone())
                }
                TokenKind::Integer(_) | TokenKind::Numeric(_) | TokenKind::Symbol(b'-' | b'+') => {
                    let start = parser.span();
                    parser.advance();
                    if matches!(parser.token().kind, TokenKind::Integer(_) | TokenKind::Numeric(_)) {
                        parser.advance();
                    }
                    Ok(start.to(parser.previous_span()).text(parser.text).to_owned())
                }
                TokenKind::Keyword(keyword @ (K::True | K::False | K::On)) => {
                    parser.advance();
                    Ok(keyword.text().to_owned())
                }
                _ => Ok(parser.non_reserved_word()?.text),
            })?;
        }
        Ok(StatementKind::Set(Box::new(Set { name, values, command })))
    }
}

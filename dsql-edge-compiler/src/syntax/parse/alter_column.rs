//! Parses `ALTER COLUMN`, `ALTER TYPE` and `ALTER DOMAIN`.

use super::{K, Parser, Parsing};
use crate::syntax::ast::{AlterAction, Name};

impl Parser<'_> {
    pub(super) fn alter_column(&mut self) -> Parsing<AlterAction> {
        use crate::syntax::token::TokenKind;
        if matches!(self.token().kind, TokenKind::Integer(_)) {
            self.advance();
            self.expect_keyword(K::Set)?;
            self.expect_keyword(K::Statistics)?;
            self.signed_value()?;
            return Ok(AlterAction::Other("SET STATISTICS"));
        }
        let column = self.col_id()?;
        match self.keyword() {
            Some(K::Type) => self.column_type(column),
            Some(K::Options) => {
                self.advance();
                self.skip_parentheses()?;
                Ok(AlterAction::Other("OPTIONS"))
            }
            Some(K::Drop) => {
                self.advance();
                match self.keyword() {
                    Some(K::Default) => {
                        self.advance();
                        Ok(AlterAction::SetDefault { column, default: None })
                    }
                    Some(K::Not) => {
                        self.advance();
                        self.expect_keyword(K::Null)?;
                        Ok(AlterAction::DropNotNull(column))
                    }
                    Some(K::Identity) => {
                        self.advance();
                        self.if_exists()?;
                        Ok(AlterAction::DropIdentity(column))
                    }
                    Some(K::Expression) => {
                        self.advance();
                        self.if_exists()?;
                        Ok(AlterAction::DropExpression(column))
                    }
                    _ => Err(self.error_here()),
                }
            }
            Some(K::Add) => {
                self.advance();
                self.expect_keyword(K::Generated)?;
                let always = self.eat_keyword(K::Always);
                if !always {
                    self.expect_keyword(K::By)?;
                    self.expect_keyword(K::Default)?;
                }
                self.expect_keyword(K::As)?;
                self.expect_keyword(K::Identity)?;
                let mut options = Vec::new();
                if self.eat_symbol(b'(') {
                    options = self.sequence_options()?;
                    self.expect_symbol(b')')?;
                }
                Ok(AlterAction::AddIdentity { column, always, options })
            }
            Some(K::Restart) => {
                self.sequence_options()?;
                Ok(AlterAction::Other("RESTART"))
            }
            Some(K::Reset) => {
                self.advance();
                self.relation_options()?;
                Ok(AlterAction::Other("RESET"))
            }
            Some(K::Set) => {
                self.advance();
                self.set_column(column)
            }
            _ => Err(self.error_here()),
        }
    }

    pub(super) fn column_type(&mut self, column: Name) -> Parsing<AlterAction> {
        self.expect_keyword(K::Type)?;
        let type_name = self.type_name()?;
        if self.eat_keyword(K::Collate) {
            self.any_name()?;
        }
        if self.eat_keyword(K::Using) {
            self.expr()?;
        }
        self.drop_behaviour();
        Ok(AlterAction::SetType { column, type_name })
    }

    pub(super) fn set_column(&mut self, column: Name) -> Parsing<AlterAction> {
        match self.keyword() {
            Some(K::Default) => {
                self.advance();
                Ok(AlterAction::SetDefault { column, default: Some(self.expr()?) })
            }
            Some(K::Not) => {
                self.advance();
                self.expect_keyword(K::Null)?;
                Ok(AlterAction::SetNotNull(column))
            }
            Some(K::Data) => {
                self.advance();
                self.column_type(column)
            }
            Some(K::Statistics) => {
                self.advance();
                self.signed_value()?;
                Ok(AlterAction::Other("SET STATISTICS"))
            }
            Some(keyword @ (K::Storage | K::Compression)) => {
                self.advance();
                if !self.eat_keyword(K::Default) {
                    self.col_id()?;
                }
                let storage = keyword == K::Storage;
                Ok(AlterAction::Other(if storage { "SET STORAGE" } else { "SET COMPRESSION" }))
            }
            Some(K::Generated) => {
                self.advance();
                if !self.eat_keyword(K::Always) {
                    self.expect_keyword(K::By)?;
                    self.expect_keyword(K::Default)?;
                }
                self.more_identity_options()
            }
            _ if self.at_symbol(b'(') => {
                self.relation_options()?;
                Ok(AlterAction::Other("SET"))
            }
            _ => {
                if self.sequence_options()?.is_empty() {
                    return Err(self.error_here());
                }
                self.more_identity_options()
            }
        }
    }

    /// Parses the `SET …` and `RESTART …` options of an identity column that follow the first option.
    pub(super) fn more_identity_options(&mut self) -> Parsing<AlterAction> {
        loop {
            if self.at_keyword(K::Restart) {
                self.sequence_options()?;
            } else if self.eat_keyword(K::Set) {
                if self.eat_keyword(K::Generated) {
                    if !self.eat_keyword(K::Always) {
                        self.expect_keyword(K::By)?;
                        self.expect_keyword(K::Default)?;
                    }
                } else if self.sequence_options()?.is_empty() {
                    return Err(self.error_here());
                }
            } else {
                return Ok(AlterAction::Other("SET GENERATED"));
            }
        }
    }

    pub(super) fn signed_value(&mut self) -> Parsing<()> {
        if self.at_symbol(b'-') || self.at_symbol(b'+') {
            self.advance();
        }
        self.integer().map(|_| ())
    }

    pub(super) fn type_actions(&mut self) -> Parsing<Vec<AlterAction>> {
        match self.keyword() {
            Some(K::Add) if self.keyword_ahead(1) == Some(K::Value) => {
                self.at += 2;
                let if_not_exists = self.if_not_exists()?;
                let label = self.string()?;
                let beside = match self.keyword() {
                    Some(place @ (K::Before | K::After)) => {
                        self.advance();
                        Some((place == K::Before, self.string()?))
                    }
                    _ => None,
                };
                Ok(vec![AlterAction::AddValue { label, if_not_exists, beside }])
            }
            Some(K::Rename) if self.keyword_ahead(1) == Some(K::Value) => {
                self.at += 2;
                let from = self.string()?;
                self.expect_keyword(K::To)?;
                Ok(vec![AlterAction::RenameValue { from, to: self.string()? }])
            }
            Some(K::Rename) => Ok(vec![self.rename()?]),
            Some(K::Set) if self.keyword_ahead(1) == Some(K::Schema) => {
                self.at += 2;
                Ok(vec![AlterAction::SetSchema(self.col_id()?)])
            }
            Some(K::Set) if self.symbol_ahead(1, b'(') => {
                self.advance();
                self.relation_options()?;
                Ok(vec![AlterAction::Other("SET")])
            }
            Some(K::Owner) => Ok(vec![self.table_action()?]),
            _ => self.list(|parser| match parser.keyword() {
                Some(K::Alter) => {
                    parser.advance();
                    parser.expect_keyword(K::Attribute)?;
                    let column = parser.col_id()?;
                    parser.eat_keywords(K::Set, K::Data);
                    parser.column_type(column)
                }
                Some(K::Add | K::Drop) => {
                    let action = parser.table_action()?;
                    parser.drop_behaviour();
                    Ok(action)
                }
                _ => Err(parser.error_here()),
            }),
        }
    }

    pub(super) fn domain_action(&mut self) -> Parsing<AlterAction> {
        let column = Self::synthetic_name("", self.span());
        match self.keyword() {
            Some(K::Set) if self.keyword_ahead(1) == Some(K::Not) => {
                self.at += 2;
                self.expect_keyword(K::Null)?;
                Ok(AlterAction::SetNotNull(column))
            }
            Some(K::Set) if self.keyword_ahead(1) == Some(K::Default) => {
                self.at += 2;
                Ok(AlterAction::SetDefault { column, default: Some(self.expr()?) })
            }
            Some(K::Set) if self.keyword_ahead(1) == Some(K::Schema) => {
                self.at += 2;
                Ok(AlterAction::SetSchema(self.col_id()?))
            }
            Some(K::Drop) if self.keyword_ahead(1) == Some(K::Not) => {
                self.at += 2;
                self.expect_keyword(K::Null)?;
                Ok(AlterAction::DropNotNull(column))
            }
            Some(K::Drop) if self.keyword_ahead(1) == Some(K::Default) => {
                self.at += 2;
                Ok(AlterAction::SetDefault { column, default: None })
            }
            Some(K::Drop) => self.drop_action(),
            Some(K::Rename) => self.rename(),
            _ => self.table_action(),
        }
    }
}

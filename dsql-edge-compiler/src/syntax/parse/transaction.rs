//! Parses the statements that begin, end or divide a transaction: `TransactionStmt` of PostgreSQL's `gram.y`.
//!
//! Input: the tokens, beginning with `BEGIN`, `COMMIT` or another such word. Output: a [`TransactionStatement`]. The
//! modes after `BEGIN` are skipped; the rules of DSQL check their words.

use super::{K, Parser, Parsing, TokenKind};
use crate::syntax::ast::{Name, StatementKind, TransactionStatement};

impl Parser<'_> {
    /// Parses the statement, if its first word controls a transaction.
    pub(super) fn transaction_statement(&mut self) -> Option<Parsing<StatementKind>> {
        let statement = match self.keyword()? {
            K::Begin | K::Start => self.begin(),
            K::Commit => self.commit(),
            K::End => self.ended(|chain| TransactionStatement::Commit { chain }),
            K::Rollback => self.rollback(),
            K::Abort => self.ended(|chain| TransactionStatement::Rollback { chain }),
            K::Savepoint => {
                self.advance();
                self.col_id().map(TransactionStatement::Savepoint)
            }
            K::Release => {
                self.advance();
                self.savepoint_name().map(TransactionStatement::Release)
            }
            // `PREPARE transaction AS …` prepares a statement with the name `transaction`.
            K::Prepare
                if self.keyword_ahead(1) == Some(K::Transaction)
                    && matches!(self.ahead(2).kind, TokenKind::String(_)) =>
            {
                self.advance();
                self.advance();
                self.string().map(|_| TransactionStatement::PrepareTransaction)
            }
            _ => return None,
        };
        Some(statement.map(StatementKind::Transaction))
    }

    fn begin(&mut self) -> Parsing<TransactionStatement> {
        if self.eat_keyword(K::Start) {
            self.expect_keyword(K::Transaction)?;
        } else {
            self.advance();
        }
        self.skip_statement();
        Ok(TransactionStatement::Begin)
    }

    fn commit(&mut self) -> Parsing<TransactionStatement> {
        if self.eat_keywords(K::Commit, K::Prepared) {
            self.string()?;
            return Ok(TransactionStatement::CommitPrepared);
        }
        self.ended(|chain| TransactionStatement::Commit { chain })
    }

    fn rollback(&mut self) -> Parsing<TransactionStatement> {
        if self.eat_keywords(K::Rollback, K::Prepared) {
            self.string()?;
            return Ok(TransactionStatement::RollbackPrepared);
        }
        self.advance();
        self.work_or_transaction();
        if self.eat_keyword(K::To) {
            return self.savepoint_name().map(TransactionStatement::RollbackTo);
        }
        self.chain().map(|chain| TransactionStatement::Rollback { chain })
    }

    /// Parses the first word of the statement, and the words `[WORK | TRANSACTION] [AND [NO] CHAIN]` after it.
    fn ended(&mut self, of: fn(bool) -> TransactionStatement) -> Parsing<TransactionStatement> {
        self.advance();
        self.work_or_transaction();
        self.chain().map(of)
    }

    fn work_or_transaction(&mut self) {
        let _ = self.eat_keyword(K::Work) || self.eat_keyword(K::Transaction);
    }

    fn chain(&mut self) -> Parsing<bool> {
        if !self.eat_keyword(K::And) {
            return Ok(false);
        }
        let no = self.eat_keyword(K::No);
        self.expect_keyword(K::Chain)?;
        Ok(!no)
    }

    /// `[SAVEPOINT] name`; a single `savepoint` is the name.
    fn savepoint_name(&mut self) -> Parsing<Name> {
        if self.at_keyword(K::Savepoint) && self.name_ahead(1, Self::is_col_id).is_some() {
            self.advance();
        }
        self.col_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::syntax::Parsed;

    #[test]
    fn synonyms_chains_and_names_are_read() {
        for (text, expected) in [
            ("begin work isolation level serializable, read only", TransactionStatement::Begin),
            ("START TRANSACTION", TransactionStatement::Begin),
            ("COMMIT TRANSACTION", TransactionStatement::Commit { chain: false }),
            ("END WORK AND CHAIN", TransactionStatement::Commit { chain: true }),
            ("COMMIT AND NO CHAIN", TransactionStatement::Commit { chain: false }),
            ("ROLLBACK WORK AND CHAIN", TransactionStatement::Rollback { chain: true }),
            ("ABORT", TransactionStatement::Rollback { chain: false }),
            ("PREPARE TRANSACTION 'a'", TransactionStatement::PrepareTransaction),
            ("COMMIT PREPARED 'a'", TransactionStatement::CommitPrepared),
            ("ROLLBACK PREPARED 'a'", TransactionStatement::RollbackPrepared),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for (text, expected) in [
            ("SAVEPOINT chain", "SAVEPOINT chain"),
            ("RELEASE SAVEPOINT savepoint", "RELEASE savepoint"),
            ("RELEASE savepoint", "RELEASE savepoint"),
            ("RELEASE \"A\"", "RELEASE A"),
            ("ROLLBACK TRANSACTION TO SAVEPOINT A", "ROLLBACK TO a"),
            ("ROLLBACK TO to_chain", "ROLLBACK TO to_chain"),
        ] {
            let shown = match read(text) {
                TransactionStatement::Savepoint(name) => format!("SAVEPOINT {}", name.text),
                TransactionStatement::Release(name) => format!("RELEASE {}", name.text),
                TransactionStatement::RollbackTo(name) => format!("ROLLBACK TO {}", name.text),
                other => format!("{other:?}"),
            };
            assert_eq!(shown, expected, "{text}");
        }
    }

    fn read(text: &str) -> TransactionStatement {
        let source = Source::numbered(text);
        let parsed = Parsed::script(&source).unwrap();
        match &parsed.only().unwrap().kind {
            StatementKind::Transaction(statement) => statement.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }
}

//! Removes the statements that a script rolls back.
//!
//! Input: the statements of a file. Output: the applied statements, without those between `BEGIN` and `ROLLBACK`, or
//! between `SAVEPOINT` and `ROLLBACK TO`. A transaction that is open at the end of the file counts as applied, and its
//! BEGIN is also returned. psql would discard such a transaction, but a tool that sends the file as one transaction may
//! commit it.

use crate::source::Span;
use crate::syntax::ast::{Statement, StatementKind, TransactionStatement};

/// Returns the statements that are applied, and the span of a BEGIN whose transaction does not end.
pub(super) fn committed(statements: Vec<Statement>) -> (Vec<Statement>, Option<Span>) {
    let mut blocks = Blocks { kept: vec![true; statements.len()], begin: None, savepoints: Vec::new() };
    for (at, statement) in statements.iter().enumerate() {
        if let StatementKind::Transaction(kind) = &statement.kind {
            blocks.next(at, kind);
        }
    }
    let open = blocks.begin.and_then(|at| statements.get(at)).map(|statement| statement.span);
    let kept = statements.into_iter().zip(blocks.kept).filter(|(_, kept)| *kept);
    (kept.map(|(statement, _)| statement).collect(), open)
}

struct Blocks {
    /// For each statement, whether it is applied.
    kept: Vec<bool>,
    /// The index of the statement that begins the open transaction.
    begin: Option<usize>,
    /// The savepoints of the open transaction: the name, and the index of the statement.
    savepoints: Vec<(String, usize)>,
}

impl Blocks {
    fn next(&mut self, at: usize, statement: &TransactionStatement) {
        match statement {
            TransactionStatement::Begin => self.begin = self.begin.or(Some(at)),
            TransactionStatement::Commit { chain } => self.end(chain.then_some(at)),
            TransactionStatement::CommitPrepared => self.end(None),
            TransactionStatement::Rollback { chain } => self.roll_back(at, chain.then_some(at)),
            TransactionStatement::RollbackPrepared => self.roll_back(at, None),
            TransactionStatement::RollbackTo(name) => self.roll_back_to(at, &name.text),
            TransactionStatement::Savepoint(name) => {
                if self.begin.is_some() {
                    self.savepoints.push((name.text.clone(), at));
                }
            }
            TransactionStatement::Release(name) => {
                if let Some(found) = self.savepoint(&name.text) {
                    self.savepoints.truncate(found);
                }
            }
            // A later COMMIT PREPARED or ROLLBACK PREPARED decides whether the statements are applied.
            TransactionStatement::PrepareTransaction => {}
        }
    }

    fn roll_back(&mut self, at: usize, next: Option<usize>) {
        if let Some(begin) = self.begin {
            self.undo(begin, at);
            self.end(next);
        }
    }

    fn end(&mut self, next: Option<usize>) {
        self.begin = next;
        self.savepoints.clear();
    }

    fn savepoint(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|(known, _)| known == name)
    }

    /// Rolls back to a savepoint. The savepoint itself stays.
    fn roll_back_to(&mut self, at: usize, name: &str) {
        let Some(found) = self.savepoint(name) else { return };
        self.savepoints.truncate(found + 1);
        if let Some((_, begin)) = self.savepoints.last() {
            self.undo(*begin, at);
        }
    }

    fn undo(&mut self, from: usize, to: usize) {
        self.kept.iter_mut().take(to).skip(from).for_each(|kept| *kept = false);
    }
}

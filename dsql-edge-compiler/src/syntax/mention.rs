//! Decides whether a statement names a relation.
//!
//! Input: a statement and a name. Output: whether a `FROM` in it has that name, without schema. Names are not resolved:
//! a local `WITH` query of the same name also counts.

use super::ast::{FromItem, Statement};
use super::visit::{self, Visit};

/// Whether the statement reads from the name, in its own `FROM` or in a subquery.
pub fn mentions(statement: &Statement, name: &str) -> bool {
    let mut mention = Mention { name, found: false };
    visit::statement(statement, &mut mention);
    mention.found
}

struct Mention<'n> {
    name: &'n str,
    found: bool,
}

impl Visit<'_> for Mention<'_> {
    fn item(&mut self, item: &FromItem) {
        self.found |= matches!(item, FromItem::Table { name, .. } if name.schema().is_none() && name.name() == self.name);
    }
}

//! Recognizes the statements that may leave an object which is not valid, so that the object must be checked
//! afterwards. In DSQL, these statements start a job: `CREATE INDEX ASYNC` and `ALTER TABLE ASYNC … VALIDATE
//! CONSTRAINT`. In PostgreSQL, the statement is `CREATE INDEX CONCURRENTLY`, which the module `postgres` recognizes.
//!
//! Input: a statement. Output: the object that the statement's job builds or validates.

use dsql_edge_compiler::syntax::ast::{AlterAction, QualifiedName, Statement, StatementKind};

/// The object that a job builds or validates.
pub enum Job {
    /// `CREATE INDEX ASYNC`
    Index {
        /// The index.
        name: String,
        /// Its table.
        table: QualifiedName,
    },
    /// `ALTER TABLE ASYNC … VALIDATE CONSTRAINT`
    Constraint {
        /// The constraint.
        name: String,
        /// Its table.
        table: QualifiedName,
    },
    /// `CREATE INDEX CONCURRENTLY`
    Concurrently {
        /// The index.
        name: String,
        /// Its table.
        table: QualifiedName,
    },
}

impl Job {
    /// Returns `None` for a statement that DSQL executes without a job, and for an index without a name.
    pub(super) fn of(statement: &Statement) -> Option<Job> {
        match &statement.kind {
            StatementKind::CreateIndex(index) if index.asynchronous => {
                let name = index.name.as_ref()?.text.clone();
                Some(Job::Index { name, table: index.table.clone() })
            }
            StatementKind::AlterTable(alter) if alter.asynchronous => {
                alter.actions.iter().find_map(|action| {
                    let AlterAction::ValidateConstraint(name) = action else { return None };
                    Some(Job::Constraint { name: name.text.clone(), table: alter.name.clone() })
                })
            }
            _ => None,
        }
    }

    /// Describes the object.
    pub fn what(&self) -> String {
        match self {
            Job::Index { name, table } | Job::Concurrently { name, table } => {
                format!("the index {name} on {}", table.display())
            }
            Job::Constraint { name, table } => format!("the constraint {name} on {}", table.display()),
        }
    }
}

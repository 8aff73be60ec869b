//! The linter: compares files of SQL with DSQL's rules, or with PostgreSQL's syntax and a schema, and rewrites
//! statements that break a rule.
//!
//! Input: the texts of files. Output: one of three: the findings, the errors as text for people, or the files with the
//! findings fixed. `dsql-edge lint` prints all findings. `dsql-edge migrate`, `dsql-local --migrations` and
//! `#[dsql_edge::test]` send nothing before the errors are fixed.

mod allowed;
mod answers;
mod calls;
mod column_type;
mod cut;
mod doubt;
mod dump;
mod effects;
mod empty;
mod errors;
mod facts;
mod file;
mod finding;
mod fix;
mod key;
mod meaning;
mod names;
mod postgres;
mod psql;
mod read;
mod references;
mod resolve;
mod rows;
mod run;
mod script;
mod sent;
mod strings;
mod unfollowed;
mod whole_table;
mod words;

pub use empty::empty_schema;
pub use errors::errors_of_migrations;
pub use file::{lint, lint_folder};
pub use finding::{Finding, LintedFile};
pub use fix::{fixed, fixed_all};
pub use postgres::lint_postgres;
pub use sent::Sent;
pub use unfollowed::schema_changes;

#[cfg(test)]
mod advice_tests;
#[cfg(test)]
mod definition_tests;
#[cfg(test)]
mod named_files;
#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod tests;

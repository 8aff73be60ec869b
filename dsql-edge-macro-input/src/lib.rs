//! The grammar of `sql!`, `sql_file!` and `sql_unchecked!`, the rule by which these macros find the schema, and the
//! grammar of the strings in the arguments of `#[dsql_edge::test]`.
//!
//! Input: tokens. Output: their parts. The macros read their input with this crate, and `dsql-edge check` uses this
//! crate to find queries in sources. The crate does not read the SQL, and uses neither a schema nor `proc_macro`.

mod expression;
pub mod faults;
mod functions;
mod literal;
pub mod migration_files;
mod not_a_literal;
pub mod role_name;
mod row;
pub mod schema_path;
mod unchecked;

pub use expression::{Argument, BatchSize, Each, Input};
pub use functions::{FunctionInput, RowInput, are_functions, functions};
pub use literal::Literal;
pub use row::OwnRow;
pub use unchecked::Unchecked;

/// The environment variable with the path of the file in which the macros record their invocations for `dsql-edge
/// check`.
pub const INVOCATIONS_VARIABLE: &str = "DSQL_EDGE_INVOCATIONS";

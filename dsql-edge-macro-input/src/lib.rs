//! The grammar of `sql!`, `sql_file!` and `sql_unchecked!`: tokens in, their parts out; and where they find the schema.
//!
//! The macros read their input with it, and `dsql-edge check` finds queries in sources with it. It does not look into
//! the SQL, and knows neither a schema nor `proc_macro`.

mod expression;
mod functions;
mod literal;
mod row;
pub mod schema_path;
mod unchecked;

pub use expression::{Argument, Each, Input};
pub use functions::{FunctionInput, RowInput, are_functions, functions};
pub use literal::Literal;
pub use row::OwnRow;
pub use unchecked::Unchecked;

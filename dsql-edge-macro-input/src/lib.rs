//! What `sql!`, `sql_file!` and `sql_unchecked!` take: tokens in, their parts out.
//!
//! The macros read their input with it, and `dsql-edge check` finds queries in sources with it. It does not look into the
//! SQL, and knows neither a schema nor `proc_macro`.

mod expression;
mod functions;
mod literal;
mod row;
mod unchecked;

pub use expression::{Argument, Each, Input};
pub use functions::{FunctionInput, RowInput, are_functions, functions};
pub use literal::Literal;
pub use row::OwnRow;
pub use unchecked::Unchecked;

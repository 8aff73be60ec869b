//! Reads a folder of migrations, divides its files into steps, and compares the steps with the ledger of a database.
//! `dsql-edge migrate` and `dsql-local --migrations` apply folders with this crate.
//!
//! Input: files of SQL, and the rows of a ledger. Output: the steps that are not applied yet, or the differences
//! between the folder and the files that were applied. The server accepts each step as one transaction. The crate reads
//! files, but does not send SQL: the modules [`ledger`], [`lease`] and [`catalog`] contain the SQL, and the caller
//! sends it. [`lint`] has the rules that a folder must pass, and all of `dsql-edge lint` except its output.
//! [`running_local`] finds the dsql-local of a package, both for `dsql-edge` and for `dsql-local`.

pub mod allow_comment;
pub mod catalog;
pub mod files;
pub mod folder;
pub mod lease;
pub mod ledger;
pub mod lint;
mod order;
mod plan;
pub mod running_local;
pub mod steps;

pub use folder::{File, Folder, Problems};
pub use ledger::{Entry, State};
pub use plan::{Gone, Pending, PlanError, changed, gone, plan};
pub use steps::{Checksum, Step};

//! What the `dsql-edge` command line does, one room a command; a library so that tests reach it.

mod aws_credentials;
pub mod check;
pub mod cluster;
pub mod completions;
pub mod describe;
pub mod explain;
pub mod format;
pub mod init;
pub mod lint;
pub mod migrate;
mod package_schema;
pub mod pull;
mod running_local;
mod schema_files;
mod style;
mod write_file;

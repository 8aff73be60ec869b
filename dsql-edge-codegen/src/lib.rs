//! The commands of the `dsql-edge` command line, one module per command. This crate is a library so that tests can call
//! the commands.

mod aws_credentials;
mod cargo_config;
pub mod check;
pub mod cluster;
pub mod completions;
pub mod describe;
pub mod doctor;
pub mod explain;
pub mod format;
pub mod init;
pub mod library_words;
pub mod lint;
pub mod migrate;
pub mod migrate_from_sqlx;
pub mod new;
mod package_schema;
pub mod pull;
mod schema_files;
pub mod server;
mod settings_file;
mod style;
mod write_file;

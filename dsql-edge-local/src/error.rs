//! The errors of starting and stopping a local DSQL. These errors do not contain secrets.

use std::io;
use std::path::{Path, PathBuf};

use dsql_edge_macro_input::role_name;

/// Why a local DSQL did not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No PostgreSQL 16 was found. The message lists the folders that were searched, and what to do.
    #[error("{0}")]
    NoPostgres(String),
    /// PostgreSQL was found, but does not start.
    #[error("PostgreSQL does not start: {0}")]
    Postgres(String),
    /// The certificate authority or the certificate could not be made or read.
    #[error("certificates: {0}")]
    Certificate(String),
    /// The system returns no random bytes.
    #[error("the system returns no random bytes: {0}")]
    Random(String),
    /// The folder's file of generated keys does not contain the keys.
    #[error("{path}: {why}", path = path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: &'static str,
    },
    /// The name is not valid for a user.
    #[error("user {name:?}: {advice}", name = .0, advice = role_name::advice(.0).unwrap_or_default())]
    User(String),
    /// The name is not valid for a region.
    #[error("region {0:?}: a region has lower-case letters, digits and -, such as us-east-1")]
    Region(String),
    /// The name is not valid for a host.
    #[error("host {0:?}: a host name has letters, digits, - and dots")]
    Host(String),
    /// The listener could not be opened.
    #[error("cannot listen on {address}: {source}; choose another port")]
    Listen {
        /// The address and port.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// The migrations were not applied. The message contains the location of the statement, and the reason.
    #[error("{0}")]
    Migrations(String),
    /// PostgreSQL rejected SQL that runs at the start.
    #[error("{place}: {message}")]
    InitSql {
        /// The file's name, the line and the column.
        place: String,
        /// SQLSTATE and message.
        message: String,
    },
    /// A test of `#[dsql_edge::test]` cannot be run as it is written.
    #[error("{0}")]
    Test(String),
    /// The PostgreSQL that the tests of `#[dsql_edge::test]` share does not work.
    #[error("the PostgreSQL of the tests: {0}")]
    TestServer(String),
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    }
}

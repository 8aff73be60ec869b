//! The end of a connection.
//!
//! Input: an error of the connection or of the login. Output: a value that states whether the client gets an answer.

use std::io;

use crate::connection_rejected::ConnectionRejected;

/// Why a connection ended.
pub(super) enum Ended {
    Rejected(ConnectionRejected),
    Lost(io::Error),
}

impl From<ConnectionRejected> for Ended {
    fn from(rejected: ConnectionRejected) -> Ended {
        Ended::Rejected(rejected)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Ended {
        Ended::Lost(error)
    }
}

//! The content of a token: the cluster, the action, the time.

/// The longest time that AWS allows for a token: a week.
pub const MAX_EXPIRES_SECONDS: u32 = 604_800;

/// The last second of the year 9999. A signature has four digits for the year.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

/// The action that a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Connecting as a role other than `admin` (`dsql:DbConnect`).
    DbConnect,
    /// Connecting as `admin` (`dsql:DbConnectAdmin`).
    DbConnectAdmin,
}

impl Action {
    /// The action that a role needs.
    pub fn for_user(user: &str) -> Self {
        if user == "admin" { Action::DbConnectAdmin } else { Action::DbConnect }
    }

    /// The name in the token.
    pub fn name(self) -> &'static str {
        match self {
            Action::DbConnect => "DbConnect",
            Action::DbConnectAdmin => "DbConnectAdmin",
        }
    }
}

/// The cluster and the action that a token is for.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// The host name of the cluster, without a port.
    pub host: &'a str,
    /// The AWS region of the cluster.
    pub region: &'a str,
    /// The action that the token allows.
    pub action: Action,
    /// The time, in seconds since 1970-01-01 UTC.
    pub now: u64,
    /// The seconds during which the token may be used to connect. A session stays open after this time.
    pub expires: u32,
}

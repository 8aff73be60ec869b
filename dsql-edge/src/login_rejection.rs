//! Finds the reason why the server rejected a login, from the SQLSTATE and the words of the error, and the advice for
//! the user.
//!
//! Input: an ErrorResponse that came before the session was ready. Output: its [`LoginRejection`]. No other module
//! makes decisions by the words of a server's error. During the login, a decision by words is safe, because nothing was
//! executed yet. Such a decision is also necessary, because DSQL sends the same SQLSTATE (08006) for most rejected
//! logins. The messages are from Aurora DSQL's user guide ("Troubleshooting"), or were recorded from clusters.

use crate::sqlstate::SqlState;
use crate::wire::DatabaseError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginRejection {
    SignatureExpired,
    WrongAction,
    NotAuthorized,
    AccessDenied,
    NoServerName,
    WakingUp,
    TooManyConnections,
    RateExceeded,
    Parameter,
    /// The server rejected messages that were sent before it requested them.
    Protocol,
    Other,
}

/// The field of the error in which the words are searched.
enum Place {
    Message,
    Hint,
}

const STATES: [(SqlState, LoginRejection); 3] = [
    (SqlState::TOO_MANY_CONNECTIONS, LoginRejection::TooManyConnections),
    (SqlState::CONFIGURATION_LIMIT_EXCEEDED, LoginRejection::RateExceeded),
    (SqlState::PROTOCOL_VIOLATION, LoginRejection::Protocol),
];

/// Words of DSQL's errors, the field in which they occur, and the reason for the rejection that they prove. The first
/// entry that matches is used.
const WORDS: [(&str, Place, LoginRejection); 8] = [
    ("signature expired", Place::Hint, LoginRejection::SignatureExpired),
    ("wrong user to action mapping", Place::Hint, LoginRejection::WrongAction),
    ("is not authorized", Place::Hint, LoginRejection::NotAuthorized),
    ("sni was not received", Place::Message, LoginRejection::NoServerName),
    ("waking up cluster", Place::Message, LoginRejection::WakingUp),
    ("setting configuration parameter", Place::Message, LoginRejection::Parameter),
    ("access denied", Place::Message, LoginRejection::AccessDenied),
    ("authentication failed", Place::Message, LoginRejection::AccessDenied),
];

impl LoginRejection {
    pub(crate) fn of(error: &DatabaseError) -> Self {
        if let Some((_, rejection)) = STATES.iter().find(|(state, _)| error.sqlstate == Some(*state)) {
            return *rejection;
        }
        #[cfg(feature = "postgres")]
        if error.sqlstate == Some(SqlState::CANNOT_CONNECT_NOW) {
            return LoginRejection::WakingUp;
        }
        let hint = error.hint.as_deref().unwrap_or_default();
        let found = WORDS.iter().find(|(words, place, _)| {
            let text = match place {
                Place::Hint => hint,
                Place::Message => &error.message,
            };
            contains(text, words)
        });
        match (found, error.sqlstate) {
            (Some((_, _, rejection)), _) => *rejection,
            (None, Some(state)) if state.is_of_class(*b"28") => LoginRejection::AccessDenied,
            (None, _) => LoginRejection::Other,
        }
    }

    pub(crate) fn is_access_denied(self) -> bool {
        use LoginRejection::{AccessDenied, NotAuthorized, SignatureExpired, WrongAction};
        matches!(self, SignatureExpired | WrongAction | NotAuthorized | AccessDenied)
    }

    pub(crate) fn is_throttled(self) -> bool {
        matches!(self, LoginRejection::TooManyConnections | LoginRejection::RateExceeded)
    }

    pub(crate) fn is_waking_up(self) -> bool {
        self == LoginRejection::WakingUp
    }

    /// The advice for a PostgreSQL that is not a DSQL cluster.
    #[cfg(feature = "postgres")]
    pub(crate) fn advice_for_postgres(self, error: &DatabaseError) -> Option<&'static str> {
        if contains(&error.message, "unsupported startup parameter: search_path") {
            return Some(
                "a pooler does not accept a search_path: use Config::transaction_pooler, and set the search_path on \
                 the role (ALTER ROLE … SET search_path = …)",
            );
        }
        if contains(&error.message, "unsupported startup parameter") {
            return Some(
                "a pooler does not accept the parameter `options`: set the options on the role, and leave the parameter out",
            );
        }
        if contains(&error.message, "no encryption") {
            return Some(
                "the server accepts only TLS for this user: use sslmode=require; behind a tunnel, pg_hba.conf must accept \
                 connections without TLS (`host`) from the end of the tunnel",
            );
        }
        Some(match self {
            LoginRejection::AccessDenied => {
                "check user, password and database of the connection string (or PGUSER, PGPASSWORD, PGDATABASE), and \
                 the server's pg_hba.conf"
            }
            LoginRejection::WakingUp => "the server is starting: try again",
            LoginRejection::TooManyConnections => {
                "the server has no free connection: use a pooler, Hyperdrive, or a lower Config::max_connections"
            }
            _ => return None,
        })
    }

    pub(crate) fn advice(self) -> Option<&'static str> {
        Some(match self {
            LoginRejection::SignatureExpired => {
                "the token was too old on arrival: check this machine's clock"
            }
            LoginRejection::WrongAction | LoginRejection::NotAuthorized => {
                "check DSQL_USER: for `admin` the IAM user of AWS_ACCESS_KEY_ID needs dsql:DbConnectAdmin on this \
                 cluster, for every other role dsql:DbConnect"
            }
            LoginRejection::AccessDenied => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, DSQL_ENDPOINT, DSQL_REGION \
                 and DSQL_USER; every other role than `admin` needs `AWS IAM GRANT role TO 'arn:…'`"
            }
            LoginRejection::NoServerName => "connect by the cluster's host name, not by IP address",
            LoginRejection::WakingUp => "the cluster was idle and is starting: try again",
            LoginRejection::TooManyConnections => "the cluster's quota of open connections is used up",
            LoginRejection::RateExceeded => {
                "the cluster's quota of new connections a second is used up: try again"
            }
            LoginRejection::Parameter | LoginRejection::Protocol | LoginRejection::Other => return None,
        })
    }
}

/// Whether the text contains the words, in upper or lower case. `words` must be lower-case ASCII. (This function does
/// not use `str::contains`, which would link a substring search: 0.45 kB of a compressed Worker.)
pub(crate) fn contains(text: &str, words: &str) -> bool {
    let (text, words) = (text.as_bytes(), words.as_bytes());
    let starts = |rest: &[u8]| rest.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
    (0..text.len()).any(|at| text.get(at..).is_some_and(starts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_rejections_are_distinguished() {
        let denied = "unable to accept connection, access denied";
        let cases = [
            (
                "08006",
                denied,
                Some("Signature expired: 20240827T000000Z is now earlier than"),
                LoginRejection::SignatureExpired,
            ),
            (
                "08006",
                denied,
                Some("Wrong user to action mapping. user: admin, action: DbConnect"),
                LoginRejection::WrongAction,
            ),
            (
                "08006",
                denied,
                Some("User: arn:aws:iam::1:user/x is not authorized to perform"),
                LoginRejection::NotAuthorized,
            ),
            ("28000", denied, None, LoginRejection::AccessDenied),
            (
                "28P01",
                "password authentication failed for user \"admin\"",
                None,
                LoginRejection::AccessDenied,
            ),
            ("08006", "IAM authentication failed for user \"x\"", None, LoginRejection::AccessDenied),
            (
                "08006",
                "unable to accept connection, sni was not received",
                None,
                LoginRejection::NoServerName,
            ),
            (
                "08006",
                "Unable to accept connection, waking up cluster, please retry later",
                None,
                LoginRejection::WakingUp,
            ),
            (
                "53300",
                "Unable to accept connection, too many open connections.",
                None,
                LoginRejection::TooManyConnections,
            ),
            ("53400", "Unable to accept connection, rate exceeded.", None, LoginRejection::RateExceeded),
            ("0A000", "setting configuration parameter \"x\" not supported", None, LoginRejection::Parameter),
            ("08P01", "invalid frontend message type 112", None, LoginRejection::Protocol),
            ("XX000", "x", None, LoginRejection::Other),
        ];
        for (state, message, hint, expected) in cases {
            let error = DatabaseError {
                sqlstate: SqlState::from_bytes(state.as_bytes()),
                message: message.to_owned(),
                hint: hint.map(str::to_owned),
                ..DatabaseError::default()
            };
            assert_eq!(LoginRejection::of(&error), expected, "{message} {hint:?}");
        }
    }
}

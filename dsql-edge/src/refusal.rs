//! Finds out why the server rejected a login, from the words that DSQL uses, and gives the advice for it.
//!
//! Input: an ErrorResponse that came before the session was ready. Output: its [`Refusal`]. Words may decide only here:
//! nothing was executed yet, and DSQL gives one SQLSTATE (08006) to most of these errors. The texts are those of Aurora
//! DSQL's user guide ("Troubleshooting") and of clusters.

use crate::sqlstate::SqlState;
use crate::wire::DatabaseError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    SignatureExpired,
    WrongAction,
    NotAuthorized,
    AccessDenied,
    NoServerName,
    WakingUp,
    TooManyConnections,
    RateExceeded,
    Parameter,
    /// It did not understand the messages that were sent before it requested them.
    Protocol,
    Other,
}

/// The field of the error that has the words.
enum Place {
    Message,
    Hint,
}

const STATES: [(SqlState, Refusal); 3] = [
    (SqlState::TOO_MANY_CONNECTIONS, Refusal::TooManyConnections),
    (SqlState::CONFIGURATION_LIMIT_EXCEEDED, Refusal::RateExceeded),
    (SqlState::PROTOCOL_VIOLATION, Refusal::Protocol),
];

/// The first that is found decides.
const WORDS: [(&str, Place, Refusal); 8] = [
    ("signature expired", Place::Hint, Refusal::SignatureExpired),
    ("wrong user to action mapping", Place::Hint, Refusal::WrongAction),
    ("is not authorized", Place::Hint, Refusal::NotAuthorized),
    ("sni was not received", Place::Message, Refusal::NoServerName),
    ("waking up cluster", Place::Message, Refusal::WakingUp),
    ("setting configuration parameter", Place::Message, Refusal::Parameter),
    ("access denied", Place::Message, Refusal::AccessDenied),
    ("authentication failed", Place::Message, Refusal::AccessDenied),
];

impl Refusal {
    pub(crate) fn of(error: &DatabaseError) -> Self {
        if let Some((_, refusal)) = STATES.iter().find(|(state, _)| error.sqlstate == Some(*state)) {
            return *refusal;
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
            (Some((_, _, refusal)), _) => *refusal,
            (None, Some(state)) if state.is_of_class(*b"28") => Refusal::AccessDenied,
            (None, _) => Refusal::Other,
        }
    }

    pub(crate) fn is_access_denied(self) -> bool {
        use Refusal::{AccessDenied, NotAuthorized, SignatureExpired, WrongAction};
        matches!(self, SignatureExpired | WrongAction | NotAuthorized | AccessDenied)
    }

    pub(crate) fn is_throttled(self) -> bool {
        matches!(self, Refusal::TooManyConnections | Refusal::RateExceeded)
    }

    pub(crate) fn is_waking_up(self) -> bool {
        self == Refusal::WakingUp
    }

    pub(crate) fn advice(self) -> Option<&'static str> {
        Some(match self {
            Refusal::SignatureExpired => "the token was too old on arrival: check this machine's clock",
            Refusal::WrongAction | Refusal::NotAuthorized => {
                "check DSQL_USER: for `admin` the IAM user of AWS_ACCESS_KEY_ID needs dsql:DbConnectAdmin on this \
                 cluster, for every other role dsql:DbConnect"
            }
            Refusal::AccessDenied => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, DSQL_ENDPOINT and DSQL_USER; \
                 every other role than `admin` needs `AWS IAM GRANT role TO 'arn:…'`"
            }
            Refusal::NoServerName => "connect by the cluster's host name, not by IP address",
            Refusal::WakingUp => "the cluster was idle and is starting: try again",
            Refusal::TooManyConnections => "the cluster's quota of open connections is used up",
            Refusal::RateExceeded => "the cluster's quota of new connections a second is used up: try again",
            Refusal::Parameter | Refusal::Protocol | Refusal::Other => return None,
        })
    }
}

/// Whether the text contains the words, which are lower-case ASCII, in any case. (`str::contains` in a lower-case copy
/// of the text links a substring search: 0.45 kB of a compressed Worker.)
pub(crate) fn contains(text: &str, words: &str) -> bool {
    let (text, words) = (text.as_bytes(), words.as_bytes());
    let starts = |rest: &[u8]| rest.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
    (0..text.len()).any(|at| text.get(at..).is_some_and(starts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dsql_s_refusals_are_told_apart() {
        let denied = "unable to accept connection, access denied";
        let cases = [
            (
                "08006",
                denied,
                Some("Signature expired: 20240827T000000Z is now earlier than"),
                Refusal::SignatureExpired,
            ),
            (
                "08006",
                denied,
                Some("Wrong user to action mapping. user: admin, action: DbConnect"),
                Refusal::WrongAction,
            ),
            (
                "08006",
                denied,
                Some("User: arn:aws:iam::1:user/x is not authorized to perform"),
                Refusal::NotAuthorized,
            ),
            ("28000", denied, None, Refusal::AccessDenied),
            ("28P01", "password authentication failed for user \"admin\"", None, Refusal::AccessDenied),
            ("08006", "IAM authentication failed for user \"x\"", None, Refusal::AccessDenied),
            ("08006", "unable to accept connection, sni was not received", None, Refusal::NoServerName),
            (
                "08006",
                "Unable to accept connection, waking up cluster, please retry later",
                None,
                Refusal::WakingUp,
            ),
            (
                "53300",
                "Unable to accept connection, too many open connections.",
                None,
                Refusal::TooManyConnections,
            ),
            ("53400", "Unable to accept connection, rate exceeded.", None, Refusal::RateExceeded),
            ("0A000", "setting configuration parameter \"x\" not supported", None, Refusal::Parameter),
            ("08P01", "invalid frontend message type 112", None, Refusal::Protocol),
            ("XX000", "x", None, Refusal::Other),
        ];
        for (state, message, hint, expected) in cases {
            let error = DatabaseError {
                sqlstate: SqlState::from_bytes(state.as_bytes()),
                message: message.to_owned(),
                hint: hint.map(str::to_owned),
                ..DatabaseError::default()
            };
            assert_eq!(Refusal::of(&error), expected, "{message} {hint:?}");
        }
    }
}

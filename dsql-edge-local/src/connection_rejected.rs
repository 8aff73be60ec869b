//! The answer to a connection that is rejected.
//!
//! Input: the reason. Output: the `ErrorResponse` that DSQL sends.
//!
//! The messages are DSQL's if they are known (from the user guide's troubleshooting page, and reports of users).

use crate::proxy::frame::error_response;

/// The error of a rejected connection: severity FATAL, with the fields that DSQL sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRejected {
    /// SQLSTATE, five characters.
    pub sqlstate: &'static str,
    /// The primary message.
    pub message: String,
    /// The HINT field, in which DSQL sends the reason of a denied access.
    pub hint: Option<String>,
    /// The text for the log: the reason, and what to do. This text is not sent to the client.
    pub reason: String,
}

impl ConnectionRejected {
    /// `unable to accept connection, access denied`, 08006, with the reason as HINT.
    pub(crate) fn access_denied(hint: impl Into<String>, reason: impl Into<String>) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "08006",
            message: "unable to accept connection, access denied".to_owned(),
            hint: Some(hint.into()),
            reason: reason.into(),
        }
    }

    /// The error for keys of a session that has ended (`ExpiredToken`).
    pub(crate) fn session_expired() -> ConnectionRejected {
        ConnectionRejected::access_denied(
            "The security token included in the request is expired",
            "the session whose keys signed the token has ended: assume the role again",
        )
    }

    /// The error for an identity without the permission for an action.
    pub(crate) fn not_authorized(arn: &str, action: &str, region: &str) -> ConnectionRejected {
        ConnectionRejected::access_denied(
            format!(
                "User: {arn} is not authorized to perform: dsql:{action} on resource: \
                 arn:aws:dsql:{region}:000000000000:cluster/local"
            ),
            format!(
                "these keys do not permit dsql:{action}: use the keys in the folder's file `credentials`"
            ),
        )
    }

    /// The error for a role that is not mapped to the identity that signed the token: the message of `access_denied`,
    /// with 28000 and without HINT.
    pub(crate) fn role_not_mapped(user: &str, arn: &str) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "28000",
            message: "unable to accept connection, access denied".to_owned(),
            hint: None,
            reason: format!(
                "the role {user:?} does not exist, may not log in, or is not granted to the identity that signed the token: \
                 CREATE ROLE {user} WITH LOGIN; AWS IAM GRANT {user} TO '{arn}'"
            ),
        }
    }

    pub(crate) fn sni_missing() -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "08006",
            message: "unable to accept connection, sni was not received".to_owned(),
            hint: None,
            reason:
                "the client did not send a server name in its TLS handshake: connect to a name, not to an address"
                    .to_owned(),
        }
    }

    /// The error for a session without TLS. The message is DSQL's (from the tests of AWS's connector for Python).
    pub(crate) fn tls_missing() -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "08P01",
            message: "SSL is mandatory".to_owned(),
            hint: None,
            reason: "the client did not request TLS: use sslmode=verify-full or require".to_owned(),
        }
    }

    pub(crate) fn parameter_not_supported(name: &str) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "0A000",
            message: format!("setting configuration parameter \"{name}\" not supported"),
            hint: None,
            reason: format!("a client cannot set {name:?} when it connects to DSQL: leave it out"),
        }
    }

    /// The error for the quota of open connections.
    pub(crate) fn too_many_connections(reason: impl Into<String>) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "53300",
            message: "Unable to accept connection, too many open connections.".to_owned(),
            hint: None,
            reason: reason.into(),
        }
    }

    /// The error for the quota of new connections.
    pub(crate) fn rate_exceeded(reason: impl Into<String>) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "53400",
            message: "Unable to accept connection, rate exceeded.".to_owned(),
            hint: None,
            reason: reason.into(),
        }
    }

    /// The error of an idle cluster. DSQL's SQLSTATE for this error is not known, so the error has the SQLSTATE of
    /// related errors.
    pub(crate) fn waking_up(reason: impl Into<String>) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "08006",
            message: "unable to accept connection, waking up cluster, please retry later".to_owned(),
            hint: None,
            reason: reason.into(),
        }
    }

    pub(crate) fn database_missing(name: &str) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "3D000",
            message: format!("database \"{name}\" does not exist"),
            hint: None,
            reason: "a DSQL cluster has one database, postgres".to_owned(),
        }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> ConnectionRejected {
        let message = message.into();
        ConnectionRejected { sqlstate: "08P01", reason: message.clone(), message, hint: None }
    }

    pub(crate) fn backend_unreachable(why: impl std::fmt::Display) -> ConnectionRejected {
        ConnectionRejected {
            sqlstate: "08006",
            message: "unable to accept connection".to_owned(),
            hint: None,
            reason: format!("the PostgreSQL behind dsql-local does not answer: {why}"),
        }
    }

    /// Writes the `ErrorResponse` message.
    pub fn to_error_response(&self) -> Vec<u8> {
        let mut fields = vec![(b'M', self.message.as_bytes())];
        fields.extend(self.hint.as_ref().map(|hint| (b'H', hint.as_bytes())));
        error_response("FATAL", self.sqlstate, &fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_in_a_name_ends_no_field_early() {
        let rejected = ConnectionRejected::parameter_not_supported("a\0Mother");
        let bytes = rejected.to_error_response();
        let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
        assert_eq!(bytes.len(), length + 1);
        let fields: Vec<&[u8]> = bytes[5..].split(|byte| *byte == 0).collect();
        assert_eq!(fields[2], b"C0A000");
        assert_eq!(fields[3], b"Msetting configuration parameter \"aMother\" not supported");
        assert_eq!(fields.len(), 6);
    }
}

//! The answers of STS, in XML: the credentials of a session, or an error with AWS's message.

use time::OffsetDateTime;

use crate::iam::key_ring::StsSession;

/// An error of STS: the HTTP status, AWS's code, and its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StsError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl StsError {
    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> StsError {
        StsError { status: 403, code, message: message.into() }
    }

    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> StsError {
        StsError { status: 400, code, message: message.into() }
    }

    /// The error document of AWS's Query protocol.
    pub(crate) fn to_xml(&self) -> String {
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
             <Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  <RequestId>{REQUEST_ID}</RequestId>\n\
             </ErrorResponse>\n",
            self.code,
            escaped(&self.message)
        )
    }
}

/// The id of every request. All requests have the same id, because no log contains the ids.
const REQUEST_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The answer to AssumeRole, in the form of AWS's reference.
pub(crate) fn assumed(role_arn: &str, session_name: &str, session: &StsSession) -> String {
    let credentials = &session.credentials;
    let arn = role_arn.replacen(":iam:", ":sts:", 1).replacen(":role/", ":assumed-role/", 1);
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <AssumeRoleResult>\n    \
         <AssumedRoleUser>\n      <AssumedRoleId>AROADSQLLOCAL:{name}</AssumedRoleId>\n      <Arn>{arn}/{name}</Arn>\n    \
         </AssumedRoleUser>\n    <Credentials>\n      <AccessKeyId>{id}</AccessKeyId>\n      \
         <SecretAccessKey>{secret}</SecretAccessKey>\n      <SessionToken>{token}</SessionToken>\n      \
         <Expiration>{expiration}</Expiration>\n    </Credentials>\n  </AssumeRoleResult>\n  <ResponseMetadata>\n    \
         <RequestId>{REQUEST_ID}</RequestId>\n  </ResponseMetadata>\n</AssumeRoleResponse>\n",
        name = escaped(session_name),
        arn = escaped(&arn),
        id = credentials.access_key_id(),
        secret = credentials.secret_access_key(),
        token = credentials.session_token().unwrap_or_default(),
        expiration = iso(session.expires),
    )
}

/// Formats a time as `2026-11-21T10:30:00Z`.
fn iso(at: OffsetDateTime) -> String {
    let month = u8::from(at.month());
    format!(
        "{:04}-{month:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

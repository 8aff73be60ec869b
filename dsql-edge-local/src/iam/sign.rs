//! Signs a token, for the clients that dsql-local itself starts: the migrations of `--migrations`, and `dsql-local
//! psql`.
//!
//! Input: keys, a host, a region, the role and a time. Output: the token, which is a password. The output is the same
//! token that the AWS SDKs make: a test compares the two.

use time::OffsetDateTime;
use time::macros::format_description;

use super::signature::{encode, of};
use super::token::{Scope, Token};
use super::{MAX_EXPIRES, SERVICE, action};
use crate::keys::Credentials;

/// The claims of a token.
#[derive(Debug, Clone, Copy)]
pub struct Claims<'a> {
    /// The role that logs in; `admin` needs the action `DbConnectAdmin`, every other role `DbConnect`.
    pub user: &'a str,
    /// The host name that the client connects to.
    pub host: &'a str,
    /// The region of the endpoint.
    pub region: &'a str,
    /// The number of seconds for which the token is valid: a week at most.
    pub expires: u32,
}

/// Signs a token with these keys at this time.
pub fn sign(claims: Claims<'_>, keys: &Credentials, now: OffsetDateTime) -> String {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    let now = now.to_offset(time::UtcOffset::UTC);
    // The format contains only parts that every time has, so this error does not occur.
    let stamp = now.format(form).unwrap_or_default();
    let day = stamp.get(..8).unwrap_or_default().to_owned();
    let expires = claims.expires.clamp(1, MAX_EXPIRES);
    let (id, region) = (keys.access_key_id(), claims.region);
    let mut signed = vec![
        ("Action", action(claims.user).to_owned()),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
        ("X-Amz-Credential", format!("{id}/{day}/{region}/{SERVICE}/aws4_request")),
        ("X-Amz-Date", stamp.clone()),
        ("X-Amz-Expires", expires.to_string()),
        ("X-Amz-SignedHeaders", "host".to_owned()),
    ];
    signed.extend(keys.session_token().map(|token| ("X-Amz-Security-Token", token.to_owned())));
    let mut token = Token {
        host: claims.host.to_owned(),
        stamp,
        date: now,
        expires,
        action: action(claims.user).to_owned(),
        scope: Scope {
            access_key_id: id.to_owned(),
            day,
            region: region.to_owned(),
            service: SERVICE.to_owned(),
        },
        security_token: keys.session_token().map(str::to_owned),
        signature: String::new(),
        signed: signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    };
    token.signature = of(&token, keys.secret_access_key());
    let parameters: Vec<String> =
        token.signed.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("{}/?{}&X-Amz-Signature={}", token.host, parameters.join("&"), token.signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Expected, verify};
    use time::macros::datetime;

    #[test]
    fn signed_token_is_accepted_until_it_expires() {
        let keys = Credentials::new("DSQLLOCALX", "the/secret+", Some("the/session".to_owned()));
        let now = datetime!(2026-01-02 03:04:05 UTC);
        for user in ["admin", "blog"] {
            let claims = Claims { user, host: "localhost", region: "eu-west-1", expires: 900 };
            let token = sign(claims, &keys, now);
            assert!(!token.contains("the/secret"));
            let expected = Expected { user, host: "localhost", region: "eu-west-1", credentials: &keys };
            assert_eq!(verify(&token, expected, now + time::Duration::minutes(14)), Ok(()));
            assert!(verify(&token, expected, now + time::Duration::minutes(16)).is_err());
        }
    }
}

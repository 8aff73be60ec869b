//! Verifies IAM tokens for a user of the endpoint, and the signatures of requests to STS.
//!
//! Input: the token that was sent as a password, the user, and the time. Output: nothing, or the [`ConnectionRejected`]
//! that DSQL would send. The verification is pure: it does not read a clock or use a socket.

pub(crate) mod key_ring;
pub(crate) mod mapping;
pub(crate) mod request;
mod sign;
mod signature;
mod token;

use std::fmt;

use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

use crate::connection_rejected::ConnectionRejected;
use crate::keys::Credentials;
pub use sign::{Claims, sign};
pub use token::MAX_EXPIRES;
pub(crate) use token::decode;
use token::{Malformed, Token};

/// The service that tokens are signed for.
const SERVICE: &str = "dsql";

/// The time by which a signer's clock may be ahead of the endpoint's clock or, for a request to STS, also behind it.
/// AWS allows the same time.
const SKEW: Duration = Duration::minutes(5);

/// AWS's message for an access key that does not exist (`InvalidClientTokenId`).
const UNKNOWN_KEY: &str = "The security token included in the request is invalid.";

/// A cluster's message for a token that is valid for too long (from the tests of AWS's connector for Python).
const LONGER_THAN_A_WEEK: &str = "X-Amz-Expires must be less than a week (in seconds)";

/// AWS's message for a signature that differs from the computed one (`SignatureDoesNotMatch`).
const SIGNATURE_DIFFERS: &str = "The request signature we calculated does not match the signature you provided. \
     Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// The claims that a token must have.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The role that logs in; `admin` needs the action `DbConnectAdmin`, every other role `DbConnect`.
    pub user: &'a str,
    /// The host name in the client's TLS handshake.
    pub host: &'a str,
    /// The region of the endpoint.
    pub region: &'a str,
    /// The keys that sign tokens.
    pub credentials: &'a Credentials,
}

/// The action that a login as a role needs.
fn action(user: &str) -> &'static str {
    if user == "admin" { "DbConnectAdmin" } else { "DbConnect" }
}

/// Returns the id of the access key in a token; `None` if the text does not have the form of a token.
pub(crate) fn signer(token: &str) -> Option<String> {
    Token::parse(token).ok().map(|token| token.scope.access_key_id)
}

/// Verifies a token. The token's signature is computed again and compared in constant time.
///
/// # Errors
/// Returns the error to send. If there are several reasons, the first is returned, in this order: form, algorithm and
/// scope, access key, dates, signature, action. `Signature expired: …` and `Wrong user to action mapping. …` are DSQL's
/// own messages, as users report them. The message for a token that is valid for too long is also DSQL's own. The other
/// messages are AWS's general messages, which DSQL probably also sends.
pub fn verify(token: &str, expected: Expected<'_>, now: OffsetDateTime) -> Result<(), ConnectionRejected> {
    let token = Token::parse(token).map_err(|malformed| match malformed {
        Malformed::Form(why) => ConnectionRejected::access_denied(
            UNKNOWN_KEY,
            format!(
                "the password is not an IAM token: {why}; generate a token with an AWS SDK or the AWS CLI"
            ),
        ),
        Malformed::LongerThanAWeek => ConnectionRejected::access_denied(
            LONGER_THAN_A_WEEK,
            format!(
                "X-Amz-Expires of the token is above {MAX_EXPIRES} s: sign a token with a shorter lifetime"
            ),
        ),
    })?;
    let scope = &token.scope;
    if scope.service != SERVICE || scope.region != expected.region {
        return Err(ConnectionRejected::access_denied(
            format!("Credential should be scoped to a valid region and to correct service: '{SERVICE}'."),
            format!(
                "the token is signed for service {:?} in region {:?}: sign it for {SERVICE} in {}",
                scope.service, scope.region, expected.region
            ),
        ));
    }
    let known = expected.credentials.access_key_id();
    if scope.access_key_id != known {
        return Err(ConnectionRejected::access_denied(
            UNKNOWN_KEY,
            format!(
                "the token is signed with access key {:?}: use this endpoint's, {known:?}",
                scope.access_key_id
            ),
        ));
    }
    if token.security_token.as_deref() != expected.credentials.session_token() {
        return Err(ConnectionRejected::access_denied(
            UNKNOWN_KEY,
            "the session token (X-Amz-Security-Token) is not that of the access key: use both from the same session",
        ));
    }
    in_time(&token, now)?;
    if !token.host.eq_ignore_ascii_case(expected.host) {
        return Err(ConnectionRejected::access_denied(
            SIGNATURE_DIFFERS,
            format!(
                "the token is signed for host {:?}, but the client connected to {:?}: use the same name",
                token.host, expected.host
            ),
        ));
    }
    let computed = signature::of(&token, expected.credentials.secret_access_key());
    if !bool::from(computed.as_bytes().ct_eq(token.signature.as_bytes())) {
        return Err(ConnectionRejected::access_denied(
            SIGNATURE_DIFFERS,
            "the signature is not valid: the token was changed, or signed with another secret key; check AWS_SECRET_ACCESS_KEY",
        ));
    }
    let action = action(expected.user);
    if token.action != action {
        return Err(ConnectionRejected::access_denied(
            format!("Wrong user to action mapping. user: {}, action: {}", expected.user, token.action),
            format!("user {:?} needs a token for the action {action}", expected.user),
        ));
    }
    Ok(())
}

fn in_time(token: &Token, now: OffsetDateTime) -> Result<(), ConnectionRejected> {
    // Saturating, because a token may be dated 9999-12-31, and the clock may be set forward to that date.
    let end = token.date.saturating_add(Duration::seconds(token.expires.into()));
    let latest = now.saturating_add(SKEW);
    if now >= end {
        return Err(ConnectionRejected::access_denied(
            format!("Signature expired: {} is now earlier than {}", AmzDate(end), AmzDate(now)),
            format!("the token was valid for {} s and has expired: sign a new one", token.expires),
        ));
    }
    if token.date > latest {
        return Err(ConnectionRejected::access_denied(
            format!(
                "Signature not yet current: {} is still later than {} ({} + 5 min.)",
                AmzDate(token.date),
                AmzDate(latest),
                AmzDate(now)
            ),
            "the token is dated in the future: check the client's clock",
        ));
    }
    Ok(())
}

/// A time in the format of SigV4, `20240827T000000Z`.
struct AmzDate(OffsetDateTime);

impl fmt::Display for AmzDate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        let month = u8::from(t.month());
        write!(
            out,
            "{:04}{month:02}{:02}T{:02}{:02}{:02}Z",
            t.year(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    /// All tokens of these tests were signed at this time, with aws-sdk-dsql and @aws-sdk/dsql-signer.
    const SIGNED_AT: OffsetDateTime = datetime!(2024-08-27 00:00:00 UTC);
    const PECCY: &str = "peccy.dsql.us-east-1.on.aws";
    const FOO: &str = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";
    const EXAMPLE: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    const SESSION: &str = "FwoGZXIvYXdzE/+=tok en~*";

    fn token(
        host: &str,
        action: &str,
        akid: &str,
        expires: u32,
        session: Option<&str>,
        signature: &str,
    ) -> String {
        let session = session.map_or(String::new(), |text| {
            let form = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace('~', "%7E");
            format!("&X-Amz-Security-Token={}", form.replace(' ', "+"))
        });
        format!(
            "{host}/?Action={action}&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential={akid}%2F20240827%2Fus-east-1%2Fdsql%2Faws4_request&X-Amz-Date=20240827T000000Z\
             &X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}{session}"
        )
    }

    fn check(
        text: &str,
        user: &str,
        host: &str,
        keys: &Credentials,
        now: OffsetDateTime,
    ) -> Result<(), ConnectionRejected> {
        verify(text, Expected { user, host, region: "us-east-1", credentials: keys }, now)
    }

    #[test]
    fn the_published_vectors_verify() {
        let admin = "DbConnectAdmin";
        for (host, keys, expires, action, session, signature) in [
            (
                PECCY,
                ("akid", "secret"),
                450,
                "DbConnect",
                None,
                "f5f2ad764ca5df44045d4ab6ccecba0eef941b0007e5765885a0b6ed3702a3f8",
            ),
            (
                PECCY,
                ("akid", "secret"),
                450,
                admin,
                None,
                "267cf8d04d84444f7a62d5bdb40c44bfc6cb13dd6c64fa7f772df6bbaa90fff1",
            ),
            (
                FOO,
                EXAMPLE,
                900,
                admin,
                None,
                "34108ec70de63a73ab34c3676b8e09f3badf33aef103c8607bc4a537b58bdf4c",
            ),
            (
                FOO,
                EXAMPLE,
                900,
                "DbConnect",
                None,
                "72d5a4370481c36344bbed071ded618e17413ae578560315b887d81eb10595f1",
            ),
            (
                FOO,
                EXAMPLE,
                604_800,
                admin,
                Some(SESSION),
                "0516bc0e3144a240e967bb8e66f0d9d670f734456662080c24766ea51e080499",
            ),
            (
                FOO,
                EXAMPLE,
                604_800,
                "DbConnect",
                Some(SESSION),
                "a4052640dd5306033fe0af72b5b54944d7c1d4c1cfaf754e5134bf0d993889ff",
            ),
        ] {
            let credentials = Credentials::new(keys.0, keys.1, session.map(str::to_owned));
            let text = token(host, action, keys.0, expires, session, signature);
            let user = if action == admin { "admin" } else { "reader" };
            assert_eq!(check(&text, user, host, &credentials, SIGNED_AT), Ok(()), "{action} {signature}");
        }
    }

    #[test]
    fn each_invalid_token_has_its_own_error() {
        let good = token(
            FOO,
            "DbConnectAdmin",
            EXAMPLE.0,
            900,
            None,
            "34108ec70de63a73ab34c3676b8e09f3badf33aef103c8607bc4a537b58bdf4c",
        );
        let keys = Credentials::new(EXAMPLE.0, EXAMPLE.1, None);
        let with_session = Credentials::new(EXAMPLE.0, EXAMPLE.1, Some(SESSION.to_owned()));
        let later = |seconds| SIGNED_AT + Duration::seconds(seconds);
        assert_eq!(check(&good, "admin", FOO, &keys, later(899)), Ok(()));
        assert_eq!(check(&good, "admin", FOO, &keys, later(-300)), Ok(()));

        let edit = |from: &str, to: &str| good.replacen(from, to, 1);
        for (text, user, host, keys, now, hint) in [
            (
                good.clone(),
                "admin",
                FOO,
                &keys,
                later(900),
                "Signature expired: 20240827T001500Z is now earlier than 20240827T001500Z",
            ),
            (
                good.clone(),
                "admin",
                FOO,
                &keys,
                later(-301),
                "Signature not yet current: 20240827T000000Z is still later than 20240826T235959Z (20240826T235459Z + 5 min.)",
            ),
            (
                good.clone(),
                "reader",
                FOO,
                &keys,
                SIGNED_AT,
                "Wrong user to action mapping. user: reader, action: DbConnectAdmin",
            ),
            (good.clone(), "admin", PECCY, &keys, SIGNED_AT, SIGNATURE_DIFFERS),
            (edit("bdf4c", "bdf4d"), "admin", FOO, &keys, SIGNED_AT, SIGNATURE_DIFFERS),
            (edit("Expires=900", "Expires=901"), "admin", FOO, &keys, SIGNED_AT, SIGNATURE_DIFFERS),
            (
                edit("Action=DbConnectAdmin", "Action=DbConnect"),
                "x",
                FOO,
                &keys,
                SIGNED_AT,
                SIGNATURE_DIFFERS,
            ),
            (edit("AKIDEXAMPLE", "AKIDEXAMPLF"), "admin", FOO, &keys, SIGNED_AT, UNKNOWN_KEY),
            (
                good.clone(),
                "admin",
                FOO,
                &Credentials::new(EXAMPLE.0, "wrong", None),
                SIGNED_AT,
                SIGNATURE_DIFFERS,
            ),
            (good.clone(), "admin", FOO, &with_session, SIGNED_AT, UNKNOWN_KEY),
            (
                edit("us-east-1%2Fdsql", "us-east-2%2Fdsql"),
                "admin",
                FOO,
                &keys,
                SIGNED_AT,
                "Credential should be scoped to a valid region and to correct service: 'dsql'.",
            ),
            ("hunter2".to_owned(), "admin", FOO, &keys, SIGNED_AT, UNKNOWN_KEY),
        ] {
            let rejected = check(&text, user, host, keys, now).expect_err(&text);
            assert_eq!(rejected.message, "unable to accept connection, access denied");
            assert_eq!((rejected.sqlstate, rejected.hint.as_deref()), ("08006", Some(hint)), "{text}");
            assert!(
                !rejected.reason.contains(EXAMPLE.1) && !rejected.reason.contains("34108ec7"),
                "{}",
                rejected.reason
            );
        }
    }

    /// For every date of a token and every time of the clock, the result is an error and not a panic.
    #[test]
    fn dates_at_the_ends_of_time_are_rejected() {
        let keys = Credentials::new(EXAMPLE.0, EXAMPLE.1, None);
        let clocks =
            [time::PrimitiveDateTime::MIN.assume_utc(), SIGNED_AT, time::PrimitiveDateTime::MAX.assume_utc()];
        for stamp in ["00000101T000000Z", "00010101T000000Z", "20240827T000000Z", "99991231T235959Z"] {
            for expires in [1, 900, 604_800] {
                for now in clocks {
                    let good = token(FOO, "DbConnectAdmin", EXAMPLE.0, expires, None, "ab");
                    let text = good.replace("20240827T000000Z", stamp).replace("20240827", &stamp[..8]);
                    let rejected = check(&text, "admin", FOO, &keys, now).unwrap_err();
                    assert_eq!(rejected.sqlstate, "08006", "{text} at {now}");
                }
            }
        }
    }

    #[test]
    fn changed_session_token_is_rejected() {
        let keys = Credentials::new(EXAMPLE.0, EXAMPLE.1, Some(SESSION.to_owned()));
        let changed = token(
            FOO,
            "DbConnect",
            EXAMPLE.0,
            604_800,
            Some("Other"),
            "a4052640dd5306033fe0af72b5b54944d7c1d4c1cfaf754e5134bf0d993889ff",
        );
        let rejected = check(&changed, "x", FOO, &keys, SIGNED_AT).unwrap_err();
        assert_eq!(rejected.hint.as_deref(), Some(UNKNOWN_KEY));
    }
}

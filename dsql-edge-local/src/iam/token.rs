//! The form of a token: a SigV4 presigned URL without its scheme.
//!
//! `HOST/?Action=…&X-Amz-Algorithm=…&X-Amz-Credential=…&X-Amz-Date=…&X-Amz-Expires=…&X-Amz-SignedHeaders=host
//! &X-Amz-Signature=…[&X-Amz-Security-Token=…]`.
//!
//! Input: hostile text. Output: the parts of the token. Only the form of these parts is checked.

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// The longest time that a token may be valid, in seconds: one week ("Generating an authentication token", DSQL user
/// guide).
pub const MAX_EXPIRES: u32 = 604_800;

/// The maximum length of a token. Every real token is shorter, even one that contains a session
/// token (`X-Amz-Security-Token`).
const MAX_LENGTH: usize = 16 * 1024;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SIGNATURE: &str = "X-Amz-Signature";

/// The reason why a token, or the credential of a request, is malformed. The reason never contains the malformed text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    Form(String),
    /// X-Amz-Expires is above [`MAX_EXPIRES`].
    LongerThanAWeek,
}

/// The decoded parts of a token.
pub(super) struct Token {
    pub(super) host: String,
    /// `X-Amz-Date`, unchanged.
    pub(super) stamp: String,
    pub(super) date: OffsetDateTime,
    /// Seconds.
    pub(super) expires: u32,
    pub(super) action: String,
    pub(super) scope: Scope,
    pub(super) security_token: Option<String>,
    pub(super) signature: String,
    /// Every parameter except the signature, decoded, in the order of the token.
    pub(super) signed: Vec<(String, String)>,
}

/// The scope in `X-Amz-Credential`.
pub(super) struct Scope {
    pub(super) access_key_id: String,
    /// The day, `yyyymmdd`, which equals the day in `X-Amz-Date`.
    pub(super) day: String,
    pub(super) region: String,
    pub(super) service: String,
}

impl Token {
    pub(super) fn parse(text: &str) -> Result<Token, Malformed> {
        let wrong = |why: &str| Malformed::Form(why.to_owned());
        if text.len() > MAX_LENGTH {
            return Err(wrong("it is longer than any token"));
        }
        let (host, query) = text.split_once("/?").ok_or_else(|| wrong("it has no \"/?\" after a host"))?;
        if host.is_empty()
            || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
        {
            return Err(wrong("it does not begin with a host name (a token has no https://)"));
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for part in query.split('&') {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong("a parameter has no \"=\""))?;
            let decoded = decode(name)
                .zip(decode(value))
                .ok_or_else(|| wrong("a parameter is not correctly percent-encoded"))?;
            if parameters.iter().any(|(known, _)| *known == decoded.0) {
                return Err(Malformed::Form(format!("{:?} occurs twice", decoded.0)));
            }
            parameters.push(decoded);
        }
        let find =
            |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let need = |name: &str| find(name).ok_or_else(|| Malformed::Form(format!("{name} is missing")));

        if need("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Malformed::Form(format!("X-Amz-Algorithm is not {ALGORITHM}")));
        }
        if need("X-Amz-SignedHeaders")? != "host" {
            return Err(wrong("X-Amz-SignedHeaders is not \"host\""));
        }
        let stamp = need("X-Amz-Date")?;
        let date = date(&stamp).ok_or_else(|| wrong("X-Amz-Date is not of the form yyyymmddThhmmssZ"))?;
        let expires = expires(&need("X-Amz-Expires")?)?;
        let scope = scope(&need("X-Amz-Credential")?, &stamp)?;
        let signature = need(SIGNATURE)?;
        let (action, security_token) = (need("Action")?, find("X-Amz-Security-Token"));
        parameters.retain(|(name, _)| name != SIGNATURE);
        Ok(Token {
            host: host.to_owned(),
            stamp,
            date,
            expires,
            action,
            scope,
            security_token,
            signature,
            signed: parameters,
        })
    }
}

/// Seconds, up to a week.
fn expires(text: &str) -> Result<u32, Malformed> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that does not fit into u64 is also more than a week.
    match text.parse::<u64>() {
        _ if !digits => {}
        Ok(0) => {}
        Ok(seconds) => {
            let week = u32::try_from(seconds).ok().filter(|seconds| *seconds <= MAX_EXPIRES);
            return week.ok_or(Malformed::LongerThanAWeek);
        }
        Err(_) => return Err(Malformed::LongerThanAWeek),
    }
    Err(Malformed::Form(format!("X-Amz-Expires is not between 1 and {MAX_EXPIRES}")))
}

/// Parses a time in the format of SigV4.
pub(super) fn date(stamp: &str) -> Option<OffsetDateTime> {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    PrimitiveDateTime::parse(stamp, form).ok().map(PrimitiveDateTime::assume_utc)
}

/// Splits the credential of a token or a request into its parts.
pub(super) fn scope(credential: &str, stamp: &str) -> Result<Scope, Malformed> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [access_key_id, day, region, service, "aws4_request"] = parts.as_slice() else {
        return Err(Malformed::Form(
            "X-Amz-Credential is not key/yyyymmdd/region/dsql/aws4_request".to_owned(),
        ));
    };
    if stamp.get(..8) != Some(day) {
        return Err(Malformed::Form("the days in X-Amz-Credential and X-Amz-Date differ".to_owned()));
    }
    let owned = |text: &&str| (*text).to_owned();
    Ok(Scope {
        access_key_id: owned(access_key_id),
        day: owned(day),
        region: owned(region),
        service: owned(service),
    })
}

/// Decodes percent-encoding, and `+` as a space: the Rust SDK encodes the query like a form.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "localhost/?Action=DbConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=K%2F20240827%2Fus-east-1%2Fdsql%2Faws4_request&X-Amz-Date=20240827T000000Z\
        &X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=ab";

    #[test]
    fn malformed_part_is_named() {
        assert!(Token::parse(GOOD).is_ok());
        for (from, to, why) in [
            ("localhost/?", "localhost/", "it has no \"/?\" after a host"),
            (
                "localhost/?",
                "https://localhost/?",
                "it does not begin with a host name (a token has no https://)",
            ),
            ("AWS4-HMAC-SHA256", "AWS4", "X-Amz-Algorithm is not AWS4-HMAC-SHA256"),
            ("T000000Z", "T250000Z", "X-Amz-Date is not of the form yyyymmddThhmmssZ"),
            ("=900", "=0", "X-Amz-Expires is not between 1 and 604800"),
            ("=900", "=%2B900", "X-Amz-Expires is not between 1 and 604800"),
            ("=900", "=", "X-Amz-Expires is not between 1 and 604800"),
            ("=900", "=-1", "X-Amz-Expires is not between 1 and 604800"),
            ("K%2F20240827", "K%2F20240828", "the days in X-Amz-Credential and X-Amz-Date differ"),
            ("%2Faws4_request", "", "X-Amz-Credential is not key/yyyymmdd/region/dsql/aws4_request"),
            ("SignedHeaders=host", "SignedHeaders=", "X-Amz-SignedHeaders is not \"host\""),
            ("&X-Amz-Signature=ab", "", "X-Amz-Signature is missing"),
            ("Action=DbConnect&", "Action=DbConnect&Action=x&", "\"Action\" occurs twice"),
            ("Action=DbConnect&", "Action=DbConnect&&", "a parameter has no \"=\""),
            ("DbConnect", "Db%4", "a parameter is not correctly percent-encoded"),
            ("DbConnect", "Db%FF", "a parameter is not correctly percent-encoded"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD);
            assert_eq!(Token::parse(&text).err(), Some(Malformed::Form(why.to_owned())), "{text}");
        }
        assert!(Token::parse(&format!("{GOOD}{}", "a".repeat(MAX_LENGTH))).is_err());
    }

    #[test]
    fn life_above_a_week_is_an_error_of_its_own() {
        for (expires, fits) in [("1", true), ("604800", true), ("604801", false), ("4294967296", false)] {
            let parsed = Token::parse(&GOOD.replacen("=900", &format!("={expires}"), 1));
            match fits {
                true => {
                    assert_eq!(parsed.map(|token| token.expires.to_string()).ok().as_deref(), Some(expires))
                }
                false => assert_eq!(parsed.err(), Some(Malformed::LongerThanAWeek), "{expires}"),
            }
        }
        let endless = GOOD.replacen("=900", &format!("={}", "9".repeat(40)), 1);
        assert_eq!(Token::parse(&endless).err(), Some(Malformed::LongerThanAWeek));
    }

    #[test]
    fn cut_token_does_not_panic() {
        for end in 0..GOOD.len() {
            let _ = Token::parse(&GOOD[..end]);
        }
    }
}

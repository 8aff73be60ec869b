//! Reads the answer of STS to AssumeRole.
//!
//! Input: a status and a body, which may come from any server. Output: credentials, or STS's own message. Errors show
//! at most the first line of the message, cut to a limited length. If that line contains a secret, errors do not show
//! the line: when a signature does not match, AWS may quote the request.

use chrono::NaiveDate;

use super::xml::text_at;
use crate::credentials::Credentials;

/// The error that STS returned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StsRejection {
    /// The code, such as `AccessDenied`, or the HTTP status.
    pub(super) code: String,
    pub(super) message: String,
    /// Whether a repeated request may succeed soon.
    pub(super) transient: bool,
}

/// The maximum number of characters that an error shows of a string from the answer.
const SHOWN: usize = 500;

pub(super) fn read(status: u16, body: &str, secrets: &[&str]) -> Result<Credentials, StsRejection> {
    let transient = status >= 500 || status == 429;
    if status == 200 {
        return credentials(body).ok_or(StsRejection {
            code: "200".to_owned(),
            message: "the body is not an AssumeRoleResponse".to_owned(),
            transient: false,
        });
    }
    let part = |name| {
        let text = text_at(body, &["ErrorResponse", "Error", name])?;
        shown(text.trim(), secrets)
    };
    let code = part("Code");
    let throttled =
        matches!(code.as_deref(), Some("Throttling" | "ThrottlingException" | "RequestLimitExceeded"));
    Err(StsRejection {
        code: code.unwrap_or_else(|| status.to_string()),
        message: part("Message").unwrap_or_else(|| "without a reason".to_owned()),
        transient: transient || throttled,
    })
}

fn credentials(body: &str) -> Option<Credentials> {
    let part = |name| {
        let text = text_at(body, &["AssumeRoleResponse", "AssumeRoleResult", "Credentials", name])?;
        // Only printable ASCII is accepted, because the values are sent in headers and in a password.
        let fits = |text: &str| {
            !text.is_empty() && text.len() <= 16_384 && text.bytes().all(|it| it.is_ascii_graphic())
        };
        Some(text.trim().to_owned()).filter(|text| fits(text))
    };
    Some(
        Credentials::new(part("AccessKeyId")?, part("SecretAccessKey")?)
            .with_session_token(part("SessionToken")?)
            .with_expiry(seconds(&part("Expiration")?)?),
    )
}

/// Parses `2026-11-21T10:30:00Z`, with or without a fraction, to seconds since 1970.
fn seconds(time: &str) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = time.get(from..to)?;
        // `parse` would accept a sign.
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let placed = separators.iter().all(|(at, byte)| time.as_bytes().get(*at) == Some(byte));
    if !placed || !time.ends_with('Z') || time.len() > 30 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(number(0, 4)?.try_into().ok()?, number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    time.and_utc().timestamp().try_into().ok()
}

/// Returns the first line of a message from the network, if the line may be shown.
fn shown(text: &str, secrets: &[&str]) -> Option<String> {
    let line = text.lines().next().filter(|line| !line.is_empty())?;
    if secrets.iter().any(|secret| !secret.is_empty() && line.contains(secret)) {
        return None;
    }
    Some(line.chars().filter(|char| !char.is_control()).take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From AWS's reference (AssumeRole, Sample Response).
    const SAMPLE: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
  <SourceIdentity>Alice</SourceIdentity>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/demo/TestAR</Arn>
      <AssumedRoleId>ARO123EXAMPLE123:TestAR</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
      <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>
      <SessionToken>
       AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI==
      </SessionToken>
      <Expiration>2019-11-09T13:34:41Z</Expiration>
    </Credentials>
    <PackedPolicySize>6</PackedPolicySize>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</AssumeRoleResponse>"#;

    fn error(code: &str, message: &str) -> String {
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>x</RequestId></ErrorResponse>"
        )
    }

    #[test]
    fn awss_own_sample_gives_credentials() {
        let credentials = read(200, SAMPLE, &[]).unwrap();
        assert_eq!(credentials.access_key_id(), "ASIAIOSFODNN7EXAMPLE");
        assert_eq!(credentials.secret_access_key(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY");
        assert!(credentials.session_token().unwrap().starts_with("AQoDYXdz"));
        assert_eq!(credentials.expires_at(), Some(1_573_306_481));
        let fraction = SAMPLE.replace("41Z", "41.123Z");
        assert_eq!(read(200, &fraction, &[]).unwrap().expires_at(), Some(1_573_306_481));
    }

    #[test]
    fn incomplete_sts_answer_is_an_error() {
        for part in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Credentials"] {
            assert!(read(200, &SAMPLE.replace(part, "Other"), &[]).is_err(), "{part}");
        }
        for (from, to) in [
            ("2019-11-09T13:34:41Z", "2019-11-31T13:34:41Z"),
            ("2019-11-09T13:34:41Z", "1573306481"),
            ("2019-11-09T13:34:41Z", "2019-11-09T13:34:41+01:00"),
            ("ASIAIOSFODNN7EXAMPLE", "a\nb"),
            ("ASIAIOSFODNN7EXAMPLE", ""),
        ] {
            assert!(read(200, &SAMPLE.replace(from, to), &[]).is_err(), "{to}");
        }
        assert!(read(200, "<html>a proxy</html>", &[]).is_err());
    }

    #[test]
    fn message_of_sts_is_kept_without_secrets() {
        let words = "User: arn:aws:iam::1:user/x is not authorized to perform: sts:AssumeRole on resource: y";
        let rejected = read(403, &error("AccessDenied", words), &["canary"]).unwrap_err();
        assert_eq!((rejected.code.as_str(), rejected.message.as_str()), ("AccessDenied", words));
        assert!(!rejected.transient);

        let quoting = "The signature does not match.\nThe Canonical String should have been 'POST canary'";
        let rejected = read(403, &error("SignatureDoesNotMatch", quoting), &["canary"]).unwrap_err();
        assert_eq!(rejected.message, "The signature does not match.");
        let rejected = read(403, &error("X", "in one line: canary"), &["canary"]).unwrap_err();
        assert_eq!(rejected.message, "without a reason");
        let rejected = read(403, &error("X", &"y\u{1b}[31m".repeat(1000)), &[]).unwrap_err();
        assert!(rejected.message.chars().count() == SHOWN && !rejected.message.contains('\u{1b}'));

        for (status, body, transient) in
            [(500, "", true), (503, "<html>", true), (429, "", true), (302, "", false), (400, "", false)]
        {
            assert_eq!(read(status, body, &[]).unwrap_err().transient, transient, "{status}");
        }
        assert!(read(400, &error("Throttling", "Rate exceeded"), &[]).unwrap_err().transient);
    }

    proptest! {
        #[test]
        fn any_answer_is_read(status in 100_u16..600, body in "\\PC{0,200}") {
            let _ = read(status, &body, &["secret"]);
        }
    }
}

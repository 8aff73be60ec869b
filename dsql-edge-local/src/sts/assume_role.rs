//! AssumeRole: the request's parameters, and whether the role may be assumed.
//!
//! Input: the parameters of a request whose signature has been verified. Output: the role and the duration of its
//! session, or the error that AWS would send. The policies of the role are not checked: a session may do everything
//! that the keys of the endpoint may do.

use time::Duration;

use super::answer::StsError;
use crate::iam::decode;
use crate::iam::key_ring::OWNER;

/// A role that may be assumed.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) arn: String,
    /// The external id that the role's trust policy requires.
    pub(crate) external_id: Option<String>,
}

/// An assumed role.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assumed {
    pub(super) role_arn: String,
    pub(super) session_name: String,
    pub(super) life: Duration,
}

/// Checks a request. `roles` are the roles that may be assumed; if there are none, every role may be assumed.
pub(super) fn assume(body: &[u8], roles: &[Role]) -> Result<Assumed, StsError> {
    let parameters = std::str::from_utf8(body)
        .ok()
        .and_then(parameters)
        .ok_or_else(|| StsError::bad("MalformedQueryString", "The query string contains a syntax error"))?;
    let find =
        |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let (action, version) = (find("Action").unwrap_or_default(), find("Version").unwrap_or_default());
    if action != "AssumeRole" || version != "2011-06-15" {
        let words = format!("Could not find operation {action} for version {version}");
        return Err(StsError::bad("InvalidAction", words));
    }
    let role_arn = required(find("RoleArn"), "roleArn")?;
    let session_name = required(find("RoleSessionName"), "roleSessionName")?;
    check(
        "roleArn",
        role_arn,
        (20..=2048).contains(&role_arn.len()),
        "Member must have length greater than or equal to 20",
    )?;
    let named = session_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    check(
        "roleSessionName",
        session_name,
        named && (2..=64).contains(&session_name.len()),
        "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
    )?;
    let seconds = find("DurationSeconds").unwrap_or("3600");
    let life = seconds.parse::<i64>().unwrap_or(0);
    check("durationSeconds", seconds, life >= 900, "Member must have value greater than or equal to 900")?;
    check("durationSeconds", seconds, life <= 43_200, "Member must have value less than or equal to 43200")?;
    if let Some(policy) = find("Policy") {
        check(
            "policy",
            policy,
            policy.chars().count() <= 2048,
            "Member must have length less than or equal to 2048",
        )?;
    }
    let is_role = role_arn.starts_with("arn:") && role_arn.contains(":role/");
    let trusts = |role: &Role| {
        role.arn == role_arn && role.external_id.as_deref().is_none_or(|id| find("ExternalId") == Some(id))
    };
    if !is_role || !(roles.is_empty() || roles.iter().any(trusts)) {
        let words =
            format!("User: {OWNER} is not authorized to perform: sts:AssumeRole on resource: {role_arn}");
        return Err(StsError::forbidden("AccessDenied", words));
    }
    Ok(Assumed {
        role_arn: role_arn.to_owned(),
        session_name: session_name.to_owned(),
        life: Duration::seconds(life),
    })
}

fn parameters(body: &str) -> Option<Vec<(String, String)>> {
    body.split('&')
        .map(|part| part.split_once('=').and_then(|(name, value)| decode(name).zip(decode(value))))
        .collect()
}

fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, StsError> {
    value.ok_or_else(|| {
        invalid(&format!("Value null at '{name}' failed to satisfy constraint: Member must not be null"))
    })
}

fn check(name: &str, value: &str, fits: bool, constraint: &str) -> Result<(), StsError> {
    if fits {
        return Ok(());
    }
    Err(invalid(&format!("Value '{value}' at '{name}' failed to satisfy constraint: {constraint}")))
}

fn invalid(what: &str) -> StsError {
    StsError::bad("ValidationError", format!("1 validation error detected: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Action=AssumeRole&DurationSeconds=900&ExternalId=a%3Ab&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3A\
                        role%2Fapp&RoleSessionName=me&Version=2011-06-15";

    fn role(external_id: Option<&str>) -> Role {
        Role {
            arn: "arn:aws:iam::123456789012:role/app".to_owned(),
            external_id: external_id.map(str::to_owned),
        }
    }

    #[test]
    fn role_is_assumed_with_its_external_id() {
        let assumed = assume(GOOD.as_bytes(), &[]).unwrap();
        assert_eq!(assumed.role_arn, role(None).arn);
        assert_eq!((assumed.session_name.as_str(), assumed.life), ("me", Duration::minutes(15)));
        assert_eq!(assume(GOOD.as_bytes(), &[role(None)]), Ok(assumed));
        assert!(assume(GOOD.as_bytes(), &[role(Some("a:b"))]).is_ok());
        for roles in [&[role(Some("c"))][..], &[Role { arn: "other".to_owned(), external_id: None }]] {
            let error = assume(GOOD.as_bytes(), roles).unwrap_err();
            assert_eq!((error.status, error.code), (403, "AccessDenied"));
            assert_eq!(
                error.message,
                "User: arn:aws:iam::000000000000:user/dsql-local is not authorized to perform: sts:AssumeRole on \
                 resource: arn:aws:iam::123456789012:role/app"
            );
        }
    }

    #[test]
    fn invalid_parameters_get_the_errors_of_aws() {
        for (from, to, code, words) in [
            ("Action=AssumeRole", "Action=Other", "InvalidAction", "Could not find operation Other"),
            ("2011-06-15", "2012-01-01", "InvalidAction", "for version 2012-01-01"),
            ("RoleSessionName=me&", "", "ValidationError", "Value null at 'roleSessionName'"),
            ("=me", "=m", "ValidationError", "Value 'm' at 'roleSessionName'"),
            ("=me", "=m%20e", "ValidationError", "Value 'm e' at 'roleSessionName'"),
            (
                "=900",
                "=899",
                "ValidationError",
                "Value '899' at 'durationSeconds' failed to satisfy constraint: Member \
             must have value greater than or equal to 900",
            ),
            ("=900", "=43201", "ValidationError", "less than or equal to 43200"),
            ("=900", "=x", "ValidationError", "Value 'x' at 'durationSeconds'"),
            ("role%2Fapp", "user%2Fapp", "AccessDenied", "is not authorized"),
            ("=900", "=%4", "MalformedQueryString", "syntax error"),
            ("&Version", "&&Version", "MalformedQueryString", "syntax error"),
        ] {
            let body = GOOD.replacen(from, to, 1);
            assert_ne!(body, GOOD);
            let error = assume(body.as_bytes(), &[]).unwrap_err();
            assert_eq!(error.code, code, "{body}");
            assert!(error.message.contains(words), "{}", error.message);
        }
        assert_eq!(assume(&[0xff], &[]).unwrap_err().code, "MalformedQueryString");
    }
}

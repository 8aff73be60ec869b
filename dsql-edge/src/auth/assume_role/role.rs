//! An IAM role to assume. The values of the role are checked before anything is sent to STS.

use core::time::Duration;

use crate::error::Error;

/// A role to assume before the token is signed (AWS STS, `AssumeRole`).
///
/// The keys of the [`Config`](crate::Config) then need only the permission `sts:AssumeRole` on this role. The session's
/// credentials are kept until about 80 % of their lifetime has passed, also for other requests; a connection that uses
/// kept credentials sends no request to STS.
///
/// ```
/// use std::time::Duration;
/// use dsql_edge::{AssumeRole, Config, Credentials};
///
/// # fn config(id: &str, key: &str) -> Result<Config, dsql_edge::Error> {
/// let role = AssumeRole::new("arn:aws:iam::123456789012:role/blog")
///     .session_name("worker")
///     .duration(Duration::from_secs(900));
/// Config::new("foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws", Credentials::new(id, key))?.assume_role(role)
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AssumeRole {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    pub(super) seconds: u64,
    pub(super) session_policy: Option<String>,
}

impl AssumeRole {
    /// The role with this ARN, `arn:aws:iam::<account>:role/<name>`.
    pub fn new(arn: impl Into<String>) -> Self {
        AssumeRole {
            arn: arn.into(),
            session_name: "dsql-edge".to_owned(),
            external_id: None,
            seconds: 3600,
            session_policy: None,
        }
    }

    /// The name of the session in AWS's logs; `dsql-edge` if it is not set. 2 to 64 letters, digits and `_+=,.@-`.
    pub fn session_name(self, name: impl Into<String>) -> Self {
        AssumeRole { session_name: name.into(), ..self }
    }

    /// The external id that the role's trust policy requires. 2 to 1,224 letters, digits and `_+=,.@:/-`.
    pub fn external_id(self, id: impl Into<String>) -> Self {
        AssumeRole { external_id: Some(id.into()), ..self }
    }

    /// The duration of the session; an hour if it is not set. The value is from 15 minutes to 12 hours, and no longer
    /// than the role allows. If the keys belong to the session of another role, the maximum is an hour.
    pub fn duration(self, duration: Duration) -> Self {
        AssumeRole { seconds: duration.as_secs(), ..self }
    }

    /// An IAM policy, in JSON, that restricts the session further than the role. At most 2,048 characters.
    pub fn session_policy(self, json: impl Into<String>) -> Self {
        AssumeRole { session_policy: Some(json.into()), ..self }
    }

    /// Rejects a role that STS would reject, before anything is sent.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let named = |text: &str, most: usize, more: &str| {
            let fits =
                |char: char| char.is_ascii_alphanumeric() || "_+=,.@-".contains(char) || more.contains(char);
            (2..=most).contains(&text.len()) && text.chars().all(fits)
        };
        let mut parts = self.arn.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let arn = next() == "arn"
            && next().starts_with("aws")
            && next() == "iam"
            && next().is_empty()
            && matches!(next(), account if account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit()))
            && matches!(next().strip_prefix("role/"), Some(name) if named(name, 600, "/"));
        let wrong = if !arn {
            "the role to assume is not the ARN of a role, arn:aws:iam::<12 digits>:role/<name>"
        } else if !named(&self.session_name, 64, "") {
            "the session name of a role has 2 to 64 letters, digits and _+=,.@-"
        } else if self.external_id.as_ref().is_some_and(|id| !named(id, 1224, ":/")) {
            "the external id of a role has 2 to 1,224 letters, digits and _+=,.@:/-"
        } else if !(900..=43_200).contains(&self.seconds) {
            "the session of a role lasts from 15 minutes to 12 hours"
        } else if self.session_policy.as_ref().is_some_and(|json| !(1..=2048).contains(&json.chars().count()))
        {
            "the session policy of a role has at most 2,048 characters"
        } else {
            return Ok(());
        };
        Err(Error::config(wrong))
    }

    /// ARN, session name and external id.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> [Option<String>; 3] {
        // If the session has the default name `dsql-edge`, the second element is `None`.
        let name = Some(self.session_name.clone()).filter(|name| name != "dsql-edge");
        [Some(self.arn.clone()), name, self.external_id.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:iam::123456789012:role/path/app";

    #[test]
    fn invalid_role_is_rejected_before_sending() {
        assert!(AssumeRole::new(ARN).check().is_ok());
        assert!(AssumeRole::new(ARN.replace("aws", "aws-us-gov")).external_id("a:b/c").check().is_ok());
        let role = || AssumeRole::new(ARN);
        for (role, word) in [
            (AssumeRole::new("blog"), "ARN"),
            (AssumeRole::new(ARN.replace("iam", "sts")), "ARN"),
            (AssumeRole::new(ARN.replace("123456789012", "1")), "ARN"),
            (AssumeRole::new(ARN.replace("role/", "user/")), "ARN"),
            (AssumeRole::new(format!("{ARN} ")), "ARN"),
            (role().session_name("a"), "session name"),
            (role().session_name("a b"), "session name"),
            (role().external_id(""), "external id"),
            (role().external_id("a\nb"), "external id"),
            (role().duration(Duration::from_secs(899)), "15 minutes"),
            (role().duration(Duration::from_secs(43_201)), "12 hours"),
            (role().session_policy(""), "policy"),
            (role().session_policy("x".repeat(2049)), "policy"),
        ] {
            let error = role.check().unwrap_err();
            assert!(error.is_config() && error.to_string().contains(word), "{role:?}: {error}");
        }
    }
}

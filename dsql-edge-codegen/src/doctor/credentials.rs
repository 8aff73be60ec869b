//! The checks of the credentials, and of the token that the credentials sign.
//!
//! Input: the cluster and the credentials that were found for it. Output: the source of the credentials, and the
//! purpose of the token. No secret is shown; an access key is shortened.

use std::path::Path;

use dsql_edge::auth::Action;

use super::check::Check;
use super::clock::unix_time;
use crate::aws_credentials::FoundCredentials;
use crate::cluster::{LOCAL_KEYS, NO_LOCAL_KEYS, Target};
use crate::settings_file::LocalBindings;

/// The names of the checks of this module.
pub(super) const NAME: &str = "credentials";
pub(super) const TOKEN: &str = "token";

/// The access key of a session begins with these letters. The access key of a user begins with `AKIA`.
const OF_SESSION: &str = "ASIA";
const OF_USER: &str = "AKIA";

/// Returns an access key without its middle: `AKIA…MPLE`.
pub(super) fn shortened(access_key_id: &str) -> String {
    let letters: Vec<char> = access_key_id.chars().collect();
    match (letters.first_chunk::<4>(), letters.last_chunk::<4>()) {
        (Some(first), Some(last)) if letters.len() >= 16 => {
            format!("{}…{}", first.iter().collect::<String>(), last.iter().collect::<String>())
        }
        _ => "…".to_owned(),
    }
}

/// Describes other keys in the Worker's bindings and in the environment, which are not used here.
fn others(found: &FoundCredentials, package: &Path) -> String {
    let environment = std::env::var("AWS_ACCESS_KEY_ID").ok().map(|id| ("the environment", id));
    let local = LocalBindings::of(package);
    let worker = local.as_ref().and_then(|it| Some((it.file, it.value("AWS_ACCESS_KEY_ID")?.to_owned())));
    let others = [environment, worker].into_iter().flatten();
    let others = others.filter(|(_, id)| !id.is_empty() && *id != found.access_key_id);
    others.map(|(place, id)| format!("; {place} has {}, which is not used here", shortened(&id))).collect()
}

/// Returns the advice for missing credentials.
fn remedy(cause: &str) -> String {
    let profile = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    match profile {
        Some(profile) if cause.contains("SSO") => {
            format!("start a session of single sign-on: `aws sso login --profile {profile}`")
        }
        Some(_) if cause.contains("(AWS_PROFILE)") => {
            "`aws configure list-profiles` lists the profiles: set AWS_PROFILE to one of them".to_owned()
        }
        _ => "for a cluster, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; `aws sso login` starts a session \
              of single sign-on"
            .to_owned(),
    }
}

/// Returns the check of the credentials that the command line uses.
pub(super) fn check(found: &Result<FoundCredentials, anyhow::Error>, package: &Path) -> Check {
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            if error.to_string().starts_with(NO_LOCAL_KEYS) {
                return Check::wrong(NAME, NO_LOCAL_KEYS, format!("if it is a dsql-local, {LOCAL_KEYS}"));
            }
            // The error begins with advice, which `remedy` also gives, so only its cause is shown.
            let cause = error.root_cause().to_string();
            return Check::wrong(NAME, cause.as_str(), remedy(&cause));
        }
    };
    let kind = if found.has_session_token { "a session" } else { "long-term keys" };
    let others = others(found, package);
    let detail = format!("{}, {kind}, from {}{others}", shortened(&found.access_key_id), found.source);
    let is = |prefix: &str| found.access_key_id.starts_with(prefix);
    let contradiction = if is(OF_SESSION) && !found.has_session_token {
        Some((
            "session, but AWS_SESSION_TOKEN is missing",
            "set AWS_SESSION_TOKEN to the token of the same session",
        ))
    } else if is(OF_USER) && found.has_session_token {
        Some(("user, but AWS_SESSION_TOKEN is set", "unset AWS_SESSION_TOKEN: it belongs to other keys"))
    } else {
        None
    };
    if let Some((contradiction, remedy)) = contradiction {
        let (id, source) = (shortened(&found.access_key_id), &found.source);
        return Check::wrong(NAME, format!("{id}, from {source}, is the key of a {contradiction}"), remedy);
    }
    let left = found.credentials.expires_at().map(|at| i64::try_from(at).unwrap_or(i64::MAX) - unix_time());
    match left {
        Some(left) if left <= 0 => Check::wrong(
            NAME,
            format!("{detail}; the session ended {} min ago", -left / 60),
            "start a new session (`aws sso login`, or assume the role again)",
        ),
        Some(left) => Check::ok(NAME, format!("{detail}; it ends in {} min", left / 60)),
        None => Check::ok(NAME, detail),
    }
}

/// Returns the check of the token: the action that the token allows, and whether the configured regions agree.
pub(super) fn token(target: &Target, region: &str, found: &FoundCredentials) -> Check {
    let host = target.endpoint.split(':').next().unwrap_or_default();
    let action = match Action::for_user(&target.user) {
        Action::DbConnectAdmin => "dsql:DbConnectAdmin",
        _ => "dsql:DbConnect",
    };
    let detail = format!(
        "{action} on {host} in {region} for the role {}, signed by {}",
        target.user,
        shortened(&found.access_key_id)
    );
    match &target.region {
        // A Worker returns an error for such bindings; the command line signs for the region in the host name.
        Some(named) if named != region => Check::wrong(
            TOKEN,
            format!("{detail}; DSQL_REGION (or --region) is {named}"),
            "leave out DSQL_REGION: the host name of a cluster contains its region",
        ),
        _ => Check::ok(TOKEN, detail),
    }
}

#[cfg(test)]
mod tests {
    use dsql_edge_migrations::running_local::LocalKeys;

    use super::*;

    /// The command line signs for the region in the host name; a Worker with these bindings returns an error.
    #[test]
    fn region_that_differs_from_the_host_name_is_wrong() {
        let mut target = Target::of_tests("foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws", "blog");
        let found = FoundCredentials::of_local(LocalKeys {
            path: "credentials".into(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "canary".into(),
        });
        let signed = "dsql:DbConnect on foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws in us-east-1 for the role blog, \
                      signed by AKIA…MPLE";
        assert_eq!(token(&target, "us-east-1", &found), Check::ok(TOKEN, signed));
        target.region = Some("eu-west-1".to_owned());
        let check = token(&target, "us-east-1", &found);
        assert_eq!(check.detail, format!("{signed}; DSQL_REGION (or --region) is eu-west-1"));
        assert!(check.remedy.is_some_and(|remedy| remedy.starts_with("leave out DSQL_REGION")));
    }

    #[test]
    fn access_key_is_shortened() {
        let cases = [
            ("AKIAIOSFODNN7EXAMPLE", "AKIA…MPLE"),
            ("secret", "…"),
            ("", "…"),
            ("äöüßäöüßäöüßäöüß", "äöüß…äöüß"),
        ];
        for (id, expected) in cases {
            assert_eq!(shortened(id), expected);
        }
    }
}

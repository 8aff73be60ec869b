//! The check of the login. The check explains the words with which a server rejects a login.
//!
//! Input: an error of the client, and what is known about the token: regions, the clock, the role. Output: the check,
//! with the server's words, their meaning, and what to do.
//!
//! The words of the server are from Aurora DSQL's user guide ("Troubleshooting"), from the answers of clusters, and
//! from AWS's general messages about signatures ("Signature Version 4: troubleshooting").

use std::path::Path;

use dsql_edge::Error;

use super::check::Check;
use super::clock::Skew;
use super::role::quoted;
use crate::cluster::Target;
use crate::settings_file::LocalBindings;

/// The name of the check.
pub(super) const NAME: &str = "login";

/// The facts from which the check explains a failed login.
pub(super) struct Known<'k> {
    pub(super) target: &'k Target,
    /// The region that the token is signed for.
    pub(super) region: &'k str,
    pub(super) skew: Option<&'k Skew>,
    /// Other settings that contain a region, and that region.
    pub(super) other_regions: Vec<(String, String)>,
}

/// Returns the settings that contain a region, apart from the endpoint and its options.
pub(super) fn other_regions(package: &Path, target: &Target) -> Vec<(String, String)> {
    let of_shell = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    let of_worker = LocalBindings::of(package)
        .and_then(|it| Some((format!("DSQL_REGION in {}", it.file), it.value("DSQL_REGION")?.to_owned())));
    let of_local = target.local.as_ref().map(|local| ("the dsql-local".to_owned(), local.region.clone()));
    of_shell.chain(of_worker).chain(of_local).filter(|(_, region)| !region.is_empty()).collect()
}

/// The reason why access is denied, if the server's message shows the reason.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Date,
    Action,
    Permission,
    Region,
    Key,
    Signature,
    Session,
    Mapping,
    Unknown,
}

/// The words in the HINT of a rejected login, and the reason that these words indicate. The first entry that matches is
/// used.
const WORDS: [(&str, Reason); 9] = [
    ("signature expired", Reason::Date),
    ("signature not yet current", Reason::Date),
    ("wrong user to action mapping", Reason::Action),
    ("is not authorized", Reason::Permission),
    ("credential should be scoped", Reason::Region),
    ("token included in the request is expired", Reason::Session),
    ("token included in the request is invalid", Reason::Key),
    ("signature we calculated does not match", Reason::Signature),
    ("signature does not match", Reason::Signature),
];

impl Reason {
    fn of(error: &Error) -> Reason {
        let hint = error.hint().unwrap_or_default().to_lowercase();
        let found = WORDS.iter().find(|(words, _)| hint.contains(words));
        match found {
            Some((_, reason)) => *reason,
            None if error.sqlstate().is_some_and(|state| state.as_str().starts_with("28")) => Reason::Mapping,
            None => Reason::Unknown,
        }
    }
}

/// Returns the check of a login that failed.
pub(super) fn rejected(error: &Error, known: &Known<'_>) -> Check {
    if !error.is_access_denied() {
        let remedy = if error.is_waking_up() {
            "the cluster was idle: run the command again"
        } else {
            "run the command again; if the error stays, look at the cluster in the AWS console"
        };
        return Check::wrong(NAME, error.to_string(), remedy);
    }
    let reason = Reason::of(error);
    let late = known.skew.filter(|skew| skew.breaks_tokens());
    let remedy = match (reason, late) {
        (Reason::Date | Reason::Unknown, Some(skew)) => format!(
            "this machine's clock is {}, which explains the rejected login: set the clock",
            skew.described()
        ),
        _ => explained(reason, known),
    };
    Check::wrong(NAME, words(error), remedy)
}

/// Returns the server's message and HINT; a string that contains the token is replaced.
fn words(error: &Error) -> String {
    let shown = |text: &str| match text.to_lowercase().contains("x-amz-") {
        true => "(the text repeats a token)".to_owned(),
        false => text.to_owned(),
    };
    let state = error.sqlstate().map(|state| format!(" ({})", state.as_str())).unwrap_or_default();
    let message = error.message().map(shown).unwrap_or_default();
    let hint = error.hint().map(|hint| format!(", HINT: {}", shown(hint))).unwrap_or_default();
    format!("{message}{state}{hint}")
}

fn explained(reason: Reason, known: &Known<'_>) -> String {
    let user = &known.target.user;
    let action = if user == "admin" { "dsql:DbConnectAdmin" } else { "dsql:DbConnect" };
    match reason {
        Reason::Date => "the token was not valid when it arrived: check this machine's clock".to_owned(),
        Reason::Action => {
            format!("the role {user} needs a token for {action}: name the role with --user or DSQL_USER")
        }
        Reason::Permission => format!(
            "the IAM policy of these credentials needs {action} on this cluster{}",
            if user == "admin" { "; or connect as another role, with --user or DSQL_USER" } else { "" }
        ),
        Reason::Region => {
            format!("the token is for another Region than the server's: {}", regions(known))
        }
        Reason::Key => "the server does not accept this access key: it was deleted or deactivated, belongs to another \
                        account (or to another dsql-local), or AWS_SESSION_TOKEN is missing or of another session"
            .to_owned(),
        Reason::Signature => {
            "AWS_SECRET_ACCESS_KEY does not belong to this access key, or was cut off when it was copied".to_owned()
        }
        Reason::Session => {
            "the session of these credentials has ended: start a new one (`aws sso login`, or assume the role again)"
                .to_owned()
        }
        Reason::Mapping => {
            let name = quoted(user);
            let statements = format!("CREATE ROLE {name} WITH LOGIN; AWS IAM GRANT {name} TO");
            let lacking = format!(
                "the role {user} does not exist, may not log in, or is not granted to the identity of these credentials. As admin:"
            );
            if known.target.is_on_this_machine() {
                format!(
                    "{lacking} {statements} 'arn:aws:iam::000000000000:user/dsql-local', or the ARN of the role of a session; \
                     or start dsql-local with --user {user}"
                )
            } else {
                format!(
                    "{lacking} {statements} '<ARN of the IAM user or role>', which `aws sts get-caller-identity` shows; if it \
                     shows assumed-role/NAME/…, `aws iam get-role --role-name NAME` shows the ARN of the role"
                )
            }
        }
        Reason::Unknown => format!(
            "the server does not state why. DSQL sends the same message if the Region is wrong. Compare the token's: {}. Then check the account of \
             the credentials, their permission for {action}, and, for a role other than admin, AWS IAM GRANT",
            regions(known)
        ),
    }
}

/// Compares the region of the token with the other regions that are configured.
fn regions(known: &Known<'_>) -> String {
    let region = known.region;
    let is_local = known.target.is_on_this_machine();
    let origin = if is_local { "--region or DSQL_REGION" } else { "the host name" };
    let mut text = format!("it is signed for {region}, from {origin}");
    let others = known.other_regions.iter().filter(|(_, other)| other != region);
    text.extend(others.map(|(place, other)| format!("; {place} is {other}")));
    if is_local {
        text + ". Sign for the region that dsql-local was started with (its folder's file `bindings` has it)"
    } else {
        text + &format!(". `aws dsql list-clusters --region {region}` lists the clusters there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server of a cluster in another Region rejects the token, and does not give a reason.
    #[test]
    fn rejection_without_a_reason_compares_the_regions() {
        let target = Target::of_tests("foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws", "blog");
        let region = |place: &str, region: &str| (place.to_owned(), region.to_owned());
        let other_regions = vec![region("AWS_REGION", "eu-west-1"), region("DSQL_REGION", "us-east-1")];
        let known = Known { target: &target, region: "us-east-1", skew: None, other_regions };
        let text = explained(Reason::Unknown, &known);
        for part in [
            "DSQL sends the same message if the Region is wrong",
            "it is signed for us-east-1, from the host name; AWS_REGION is eu-west-1. `aws dsql list-clusters",
            "dsql:DbConnect,",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(explained(Reason::Mapping, &known).contains("AWS IAM GRANT blog TO"));
    }
}

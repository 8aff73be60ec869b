//! Assumes a role of IAM by a request to STS.
//!
//! Input: the role, and the keys that may assume it. Output: the credentials of a session, which expire. The request is
//! signed here and sent to STS in the cluster's region, through the platform's own HTTPS. The answer has a limited size
//! and is parsed as hostile text.

mod answer;
mod request;
mod role;
mod xml;

use super::signature::Scope;
use crate::credentials::{Credentials, Unavailable};
use crate::error::Error;
use crate::settings::{Settings, StsEndpoint};
use crate::transport::{Environment, TransportErrorKind};
pub use role::AssumeRole;

impl AssumeRole {
    /// The name of the credentials in the cache: a signature of all the values that the credentials depend on, so that
    /// the name contains no secret.
    pub(super) async fn cache_key(
        &self,
        settings: &Settings,
        base: &Credentials,
    ) -> Result<String, Unavailable> {
        let (host, port) = endpoint(settings);
        let parts = [
            base.access_key_id(),
            base.session_token().unwrap_or_default(),
            &self.arn,
            &self.session_name,
            self.external_id.as_deref().unwrap_or_default(),
            &self.seconds.to_string(),
            &host,
            &port.to_string(),
            self.session_policy.as_deref().unwrap_or_default(),
        ];
        let scope = Scope::new(0, &settings.endpoint.region, "sts");
        let key = scope.sign(&parts.join("\n"), "", base.secret_access_key(), "role ");
        Ok(key.await?.expose().to_owned())
    }

    /// Sends one request to STS.
    pub(super) async fn assume(
        &self,
        settings: &Settings,
        environment: &Environment,
        base: &Credentials,
    ) -> Result<Credentials, Unavailable> {
        let (host, port) = endpoint(settings);
        let now = environment.unix_time();
        let post = request::post(self, (&host, port), &settings.endpoint.region, base, now).await?;
        let secrets = [base.secret_access_key(), base.session_token().unwrap_or_default()];
        let sent = match post.check() {
            Ok(()) => environment.post(settings, post).await,
            Err(error) => Err(error),
        };
        let reply = sent.map_err(|error| Unavailable {
            transient: error.kind != TransportErrorKind::Tls,
            error: Error::credentials(format!(
                "the role {} could not be assumed: nothing answers at {host}:{port}: {}",
                self.arn, error.text
            )),
        })?;
        let credentials =
            answer::read(reply.status, &reply.body, &secrets).map_err(|rejected| Unavailable {
                transient: rejected.transient,
                error: Error::credentials(format!(
                    "the role {} could not be assumed: STS at {host} answered {}: {}",
                    self.arn, rejected.code, rejected.message
                )),
            })?;
        match credentials.expires_at() {
            Some(end) if end > now => Ok(credentials),
            _ => Err(Unavailable::from(Error::credentials(
                "STS gave credentials that have expired: is this machine's clock right?",
            ))),
        }
    }
}

/// The host and port of STS in the cluster's region, or on this machine.
fn endpoint(settings: &Settings) -> (String, u16) {
    match &settings.sts {
        StsEndpoint::Regional => {
            let region = settings.endpoint.region.as_str();
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            (["sts.", region, ".amazonaws.com", china].concat(), 443)
        }
        StsEndpoint::Local { port } => ("localhost".to_owned(), *port),
    }
}

/// Returns the text that is shown for an answer; `secrets` are the secrets of the request.
#[cfg(fuzzing)]
pub(crate) fn shown_of(status: u16, body: &str, secrets: &[&str]) -> String {
    match answer::read(status, body, secrets) {
        Ok(credentials) => format!("{credentials:?}"),
        Err(rejected) => format!("{rejected:?}"),
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::auth::tests::at_once;
    use crate::settings::Endpoint;

    const ARN: &str = "arn:aws:iam::123456789012:role/path/app";

    #[test]
    fn cache_key_depends_on_each_part_of_the_request() {
        let settings = |region| Settings::new(Endpoint::local("localhost:1", region).unwrap());
        let base = Credentials::new("id", "key");
        let role = || AssumeRole::new(ARN);
        let here = settings("us-east-1");
        let sts = StsEndpoint::local("https://localhost:2").unwrap();
        let key = |role: AssumeRole, settings: &Settings, base: &Credentials| {
            at_once(role.cache_key(settings, base)).unwrap()
        };
        let mut keys = vec![
            key(role(), &here, &base),
            key(role(), &here, &Credentials::new("id2", "key")),
            key(role(), &here, &Credentials::new("id", "key2")),
            key(role(), &here, &base.clone().with_session_token("token")),
            key(role(), &settings("eu-west-1"), &base),
            key(role(), &Settings { sts, ..here.clone() }, &base),
            key(role().session_name("ab"), &here, &base),
            key(role().external_id("ab"), &here, &base),
            key(role().session_policy("ab"), &here, &base),
            key(role().duration(Duration::from_secs(900)), &here, &base),
        ];
        assert_eq!(keys.first(), Some(&key(role(), &here, &base)));
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}

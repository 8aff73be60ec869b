//! Reads credentials as AWS's own tools do: from the environment, profiles with SSO, containers, instances.
//!
//! Input: AWS's configuration. Output: a provider. The client calls the provider again before the credentials expire,
//! because the build of an index may take longer than an SSO session lasts. No credential appears in an error.

use anyhow::{Context, Result, anyhow};
use aws_config::BehaviorVersion;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use dsql_edge::auth::{CredentialsProvider, ProvidedCredentials};
use dsql_edge::{Credentials, Error};
use dsql_edge_migrations::running_local::LocalKeys;

/// Credentials, and where they were found.
pub(crate) struct FoundCredentials {
    pub(crate) credentials: Credentials,
    /// The client calls this provider again before the credentials expire. `None` if the credentials are in a file of
    /// dsql-local.
    pub(crate) provider: Option<AwsCredentials>,
    /// Where they were found.
    pub(crate) source: String,
    pub(crate) access_key_id: String,
    pub(crate) has_session_token: bool,
}

impl FoundCredentials {
    /// Returns a placeholder for a configuration that is not used to log in.
    pub(crate) fn none() -> FoundCredentials {
        FoundCredentials {
            credentials: Credentials::new("", ""),
            provider: None,
            source: String::new(),
            access_key_id: String::new(),
            has_session_token: false,
        }
    }

    /// Keys in a file of dsql-local.
    pub(crate) fn of_local(keys: LocalKeys) -> FoundCredentials {
        FoundCredentials {
            credentials: Credentials::new(keys.access_key_id.clone(), keys.secret_access_key),
            provider: None,
            source: format!("dsql-local's file {}", keys.path.display()),
            access_key_id: keys.access_key_id,
            has_session_token: false,
        }
    }
}

/// AWS's default chain of credential providers.
pub(crate) struct AwsCredentials(SharedCredentialsProvider);

impl AwsCredentials {
    /// Loads the provider and its current credentials.
    ///
    /// # Errors
    /// Returns an error if there are no credentials. The error states where to set credentials.
    pub(crate) async fn load(region: Option<&str>) -> Result<FoundCredentials> {
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https);
        if let Some(region) = region {
            loader = loader.region(aws_config::Region::new(region.to_owned()));
        }
        let shared = loader.load().await;
        let provider = shared.credentials_provider().context("AWS's configuration has no credentials")?;
        let found = provider
            .provide_credentials()
            .await
            .map_err(|error| anyhow!(cause(&error.into())))
            .context(
                "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; a profile with \
                 single sign-on needs `aws sso login` first",
            )?;
        Ok(FoundCredentials {
            credentials: of_aws(&found),
            provider: Some(AwsCredentials(provider)),
            source: source(&found),
            access_key_id: found.access_key_id().to_owned(),
            has_session_token: found.session_token().is_some(),
        })
    }
}

impl CredentialsProvider for AwsCredentials {
    fn credentials(&self) -> ProvidedCredentials<'_> {
        Box::pin(async {
            let found = self.0.provide_credentials().await;
            found.map(|found| of_aws(&found)).map_err(|error| {
                Error::credentials(format!("AWS's configuration no longer returns credentials: {error}"))
            })
        })
    }

    fn cache_key(&self) -> Option<String> {
        Some("AWS's configuration".to_owned())
    }
}

/// Returns why there are no credentials. AWS's error contains the same text more than once, and does not mention the
/// variables that are set.
fn cause(error: &anyhow::Error) -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    if !format!("{error:#}").contains("no credentials found in chain") {
        let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        causes.dedup();
        return causes.join(": ");
    }
    match (keys.map(|name| set(name).is_some()), set("AWS_PROFILE")) {
        ([true, false], _) => format!("{} is set, but {} is not", keys[0], keys[1]),
        ([false, true], _) => format!("{} is set, but {} is not", keys[1], keys[0]),
        (_, Some(profile)) => {
            format!("the profile {profile} (AWS_PROFILE) does not exist or has no credentials")
        }
        _ => "no credentials in the environment, a profile, a container or an instance".to_owned(),
    }
}

/// Returns the part of the chain that found the credentials. Each provider of the chain adds a mark to the credentials,
/// the innermost provider first: if a profile uses single sign-on, the first mark is the mark of single sign-on.
fn source(found: &aws_credential_types::Credentials) -> String {
    use AwsCredentialFeature as Mark;
    let marks = found.get_property::<Vec<Mark>>().map(Vec::as_slice).unwrap_or_default();
    let kind = match marks.first() {
        Some(Mark::CredentialsEnvVars) => return "the environment (AWS_ACCESS_KEY_ID)".to_owned(),
        Some(Mark::CredentialsSso | Mark::CredentialsProfileSso) => " with single sign-on",
        Some(Mark::CredentialsProcess | Mark::CredentialsProfileProcess) => " with a process",
        Some(Mark::CredentialsProfileStsWebIdToken | Mark::CredentialsEnvVarsStsWebIdToken) => {
            return "a role with web identity".to_owned();
        }
        Some(Mark::CredentialsHttp) => return "the container".to_owned(),
        Some(Mark::CredentialsImds) => return "the instance (IMDS)".to_owned(),
        Some(Mark::CredentialsStsAssumeRole) => " with a role",
        _ if marks.contains(&Mark::CredentialsStsAssumeRole) => " with a role",
        _ => "",
    };
    let profile = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    format!("the profile {}{kind}", profile.as_deref().unwrap_or("default"))
}

fn of_aws(found: &aws_credential_types::Credentials) -> Credentials {
    let mut credentials = Credentials::new(found.access_key_id(), found.secret_access_key());
    if let Some(token) = found.session_token() {
        credentials = credentials.with_session_token(token);
    }
    let expiry = found.expiry().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    match expiry {
        Some(since) => credentials.with_expiry(since.as_secs()),
        None => credentials,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use aws_credential_types::provider::future;

    use super::*;

    /// A provider that returns the credentials of a one-hour session twice, and then an error.
    #[derive(Debug)]
    struct Sso(Arc<AtomicU32>);

    impl ProvideCredentials for Sso {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let asked = self.0.fetch_add(1, Ordering::Relaxed);
            let ends = SystemTime::now() + Duration::from_secs(3_600);
            let session = aws_credential_types::Credentials::new(
                format!("key {asked}"),
                "secret",
                Some("token".to_owned()),
                Some(ends),
                "test",
            );
            future::ProvideCredentials::ready(match asked {
                0 | 1 => Ok(session),
                _ => Err(aws_credential_types::provider::error::CredentialsError::not_loaded("signed out")),
            })
        }
    }

    #[tokio::test]
    async fn provider_is_called_again_and_returns_when_a_session_ends() {
        let asked = Arc::new(AtomicU32::new(0));
        let provider = AwsCredentials(SharedCredentialsProvider::new(Sso(Arc::clone(&asked))));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        for _ in 0..2 {
            let ends = provider.credentials().await.unwrap().expires_at().unwrap();
            assert!((now + 3_500..now + 3_700).contains(&ends));
        }
        let error = provider.credentials().await.err().unwrap().to_string();
        assert!(error.contains("no longer returns credentials") && !error.contains("secret"), "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}

//! Tests credentials outside Workers. A local STS issues credentials for a role over HTTPS, and a client connects with
//! these credentials until they expire.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use dsql_edge::{AssumeRole, Config, Credentials, Dsql, Error, sql};
use dsql_edge_local::Local;

const ROLE: &str = "arn:aws:iam::123456789012:role/app";

/// A configuration with the keys, the certificate authority and the STS of a local DSQL.
fn config(local: &Local) -> Config {
    let keys = local.credentials();
    let credentials = Credentials::new(keys.access_key_id(), keys.secret_access_key());
    let config = Config::local(&local.endpoint(), local.region(), credentials).unwrap();
    config.extra_ca(local.ca_pem()).local_sts(&local.sts_url()).unwrap().max_attempts(1)
}

async fn asked(config: &Config) -> Result<String, Error> {
    sql!("SELECT current_user AS name").fetch_value(&Dsql::new(config.clone())).await
}

#[tokio::test]
async fn session_of_a_role_connects_until_it_expires() {
    let local = Local::builder().role(ROLE, Some("partner")).start().await.unwrap();
    let role = || AssumeRole::new(ROLE).duration(Duration::from_secs(900));
    let config = config(&local).assume_role(role().external_id("partner")).unwrap();
    assert_eq!(asked(&config).await.unwrap(), "admin");
    assert_eq!(asked(&config).await.unwrap(), "admin");

    // The client detects that the session has expired only when the server rejects the login. The client then drops the
    // cached credentials.
    local.advance_clock(Duration::from_secs(901));
    let error = asked(&config).await.unwrap_err();
    assert!(error.is_access_denied(), "{error}");
    assert_eq!(error.hint(), Some("The security token included in the request is expired"));
    // The next request calls STS again. STS rejects this call, because the clock of STS is now ahead of the client's
    // clock.
    let error = asked(&config).await.unwrap_err();
    assert!(error.is_credentials() && error.to_string().contains("Signature expired: "), "{error}");
    local.stop().await.unwrap();
}

/// Requests wait for each other, so only a few of them assume the role. How many requests assume the role depends on
/// the load of STS.
#[tokio::test]
async fn many_cold_requests_assume_a_role_a_few_times() {
    let local = Local::builder().role(ROLE, None).start().await.unwrap();
    let config = config(&local).assume_role(AssumeRole::new(ROLE).session_name("many")).unwrap();
    let asking = (0..50).map(|_| {
        let config = config.clone();
        tokio::spawn(async move { asked(&config).await.unwrap() })
    });
    for name in futures_util::future::join_all(asking).await {
        assert_eq!(name.unwrap(), "admin");
    }
    assert!((1..=20).contains(&local.sessions_issued()), "{}", local.sessions_issued());
    local.stop().await.unwrap();
}

#[tokio::test]
async fn rejection_by_sts_is_reported_in_its_words() {
    let local = Local::builder().role(ROLE, Some("partner")).start().await.unwrap();
    let keys = local.credentials();
    let wrong_key = Credentials::new(keys.access_key_id(), "not-the-key");
    let wrong_key = Config::local(&local.endpoint(), local.region(), wrong_key).unwrap();
    let wrong_key = wrong_key.extra_ca(local.ca_pem()).local_sts(&local.sts_url()).unwrap().max_attempts(1);
    let distrusting = Config::local(
        &local.endpoint(),
        local.region(),
        Credentials::new(keys.access_key_id(), keys.secret_access_key()),
    );
    let distrusting = distrusting.unwrap().local_sts(&local.sts_url()).unwrap().max_attempts(1);
    for (config, role, words) in [
        (
            config(&local),
            AssumeRole::new(ROLE),
            "AccessDenied: User: arn:aws:iam::000000000000:user/dsql-local is not",
        ),
        (config(&local), AssumeRole::new(ROLE.replace("app", "other")), "AccessDenied: User: "),
        (wrong_key, AssumeRole::new(ROLE), "SignatureDoesNotMatch: The request signature we calculated"),
        (distrusting, AssumeRole::new(ROLE), "certificate"),
    ] {
        let error = asked(&config.assume_role(role).unwrap()).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(error.is_credentials() && error.is_connect(), "{shown}");
        assert!(shown.contains(words), "{shown}");
        assert!(!shown.contains(keys.secret_access_key()) && !shown.contains("not-the-key"), "{shown}");
    }
    local.stop().await.unwrap();
}

#[test]
fn address_that_is_not_a_local_sts_is_an_error() {
    let credentials = || Credentials::new("id", "key");
    let config = || Config::local("localhost:1", "us-east-1", credentials()).unwrap();
    for url in [
        "http://localhost:1",
        "https://localhost",
        "https://localhost:0",
        "https://localhost:1/",
        "https://localhost:1@evil.example",
        "https://localhost.evil.example:1",
        "https://sts.us-east-1.amazonaws.com",
        "localhost:1",
        "",
    ] {
        let error = config().local_sts(url).unwrap_err();
        assert!(error.is_config() && error.to_string().contains("AWS_ENDPOINT_URL_STS"), "{url}");
    }
}

//! The sources of a connection's credentials: providers, and roles that are assumed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::auth::{CredentialsProvider, ProvidedCredentials};

/// A provider that always returns the same credentials or error, and counts its calls.
#[derive(Clone)]
struct Provider {
    gives: Result<Credentials, &'static str>,
    key: Option<&'static str>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    fn new(gives: Result<Credentials, &'static str>, key: Option<&'static str>) -> Self {
        Provider { gives, key, asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl CredentialsProvider for Provider {
    fn credentials(&self) -> ProvidedCredentials<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { self.gives.clone().map_err(Error::credentials) })
    }

    fn cache_key(&self) -> Option<String> {
        self.key.map(str::to_owned)
    }
}

pub(super) fn session(id: &str) -> Credentials {
    Credentials::new(id, format!("{CANARY}-key")).with_session_token(format!("{CANARY}-token"))
}

/// The token of each login, as it was sent.
pub(super) fn tokens(network: &Network) -> Vec<String> {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    network.written().iter().map(text).filter(|written| written.contains("X-Amz-Signature")).collect()
}

/// Runs a query on a new `Dsql`, as each request does.
fn request(config: &Config, network: &Network) -> Result<i32, Error> {
    network.accept(answers([rows("n", 23, &[1])]));
    now(query(&READ).fetch_one(&Dsql::within(config.clone(), network.clone())))
}

#[test]
fn provider_is_called_for_each_connection_unless_cached() {
    let far = u64::MAX;
    for (credentials, key, times) in [
        (session("A"), None, 2),
        (session("A").with_expiry(far), None, 2),
        (session("A"), Some("never expires"), 2),
        (session("A").with_expiry(far), Some("kept"), 1),
        (session("A").with_expiry(1), Some("expired"), 2),
    ] {
        let network = Network::default();
        let provider = Provider::new(Ok(credentials), key);
        let config = config().credentials_provider(provider.clone());
        assert_eq!(provider.asked(), 0);
        for _ in 0..2 {
            request(&config, &network).unwrap();
        }
        assert_eq!(provider.asked(), times, "{key:?}");
        assert!(tokens(&network).iter().all(|token| token.contains("Credential=A%2F")));
    }
}

#[test]
fn provider_without_credentials_fails_the_connection() {
    let network = Network::default();
    let provider = Provider::new(Err("the vault is closed"), None);
    let config = retrying().credentials_provider(provider.clone());
    let error = now(query(&WRITE).fetch_one(&Dsql::within(config, network.clone()))).unwrap_err();
    assert!(error.is_credentials() && error.is_connect() && !error.is_outcome_unknown(), "{error}");
    assert!(error.to_string().contains("the vault is closed"));
    // The provider failed: a retry would not help.
    assert_eq!((provider.asked(), network.connections().0), (1, 0));
}

#[test]
fn a_provider_that_never_answers_is_a_timeout() {
    struct Silent;
    impl CredentialsProvider for Silent {
        fn credentials(&self) -> ProvidedCredentials<'_> {
            Box::pin(core::future::pending())
        }
    }
    let network = Network::default();
    network.accept([Step::Stall]);
    let dsql = Dsql::within(config().credentials_provider(Silent), network.clone());
    let mut running = pin!(query(&READ).fetch_one(&dsql));
    assert!(settle(running.as_mut()).is_pending());
    network.expire();
    let Poll::Ready(Err(error)) = settle(running) else { panic!("it waits, or has an answer") };
    assert!(error.is_timeout() && error.to_string().contains("credentials"), "{error}");
}

#[cfg(feature = "assume-role")]
pub(super) mod roles {
    use super::*;
    use crate::auth::AssumeRole;

    const ROLE: &str = "arn:aws:iam::123456789012:role/app";

    pub(crate) fn answer(id: &str, expires: &str) -> String {
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{id}</AccessKeyId>\
             <SecretAccessKey>{CANARY}-session-key</SecretAccessKey><SessionToken>{CANARY}-session</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
    }

    pub(crate) fn rejection(code: &str, message: &str) -> String {
        format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        )
    }

    /// Returns this configuration with a role that a query will assume, under this session name.
    pub(crate) fn assuming(config: Config, name: &str) -> Config {
        config.assume_role(AssumeRole::new(ROLE).session_name(name)).unwrap()
    }

    #[test]
    fn a_role_is_assumed_once_and_its_session_signs() {
        let network = Network::default();
        let config = assuming(config(), "once");
        network.answer(200, answer("ASIAONE", "9999-01-01T00:00:00Z"));
        for _ in 0..3 {
            assert_eq!(request(&config, &network).unwrap(), 1);
        }
        let [posted] = &network.posted()[..] else { panic!("asked once") };
        assert!(posted.starts_with("sts.us-east-1.amazonaws.com:443 "), "{posted}");
        let body = "Action=AssumeRole&DurationSeconds=3600&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp&\
                    RoleSessionName=once&Version=2011-06-15";
        assert!(posted.ends_with(body), "{posted}");
        assert!(posted.contains(&format!("Credential={CANARY}-id/")), "{posted}");
        let tokens = tokens(&network);
        assert_eq!(tokens.len(), 3);
        for token in tokens {
            assert!(token.contains("Credential=ASIAONE%2F"));
            assert!(token.contains(&format!("X-Amz-Security-Token={CANARY}-session")));
        }
    }

    #[test]
    fn rejection_of_sts_is_reported_and_not_retried() {
        let network = Network::default();
        let words = "User: arn:aws:iam::1:user/x is not authorized to perform: sts:AssumeRole";
        network.answer(403, rejection("AccessDenied", words));
        let dsql = Dsql::within(assuming(retrying(), "refused"), network.clone());
        let error = now(query(&WRITE).fetch_one(&dsql)).unwrap_err();
        assert!(error.is_credentials() && !error.is_outcome_unknown());
        let shown = error.to_string();
        assert!(shown.contains("AccessDenied") && shown.contains(words) && shown.contains(ROLE), "{shown}");
        assert_eq!((network.posted().len(), network.connections().0), (1, 0));
    }

    #[test]
    fn sts_request_is_retried_after_a_server_error() {
        let network = Network::default();
        network.answer(503, "");
        network.leave_unanswered(TransportErrorKind::Unreachable);
        network.answer(200, answer("ASIATWO", "9999-01-01T00:00:00Z"));
        network.accept(answers([rows("n", 23, &[1])]));
        let dsql = Dsql::within(assuming(retrying(), "unwell"), network.clone());
        let mut running = pin!(query(&READ).fetch_one(&dsql));
        let found = loop {
            match settle(running.as_mut()) {
                Poll::Ready(found) => break found,
                Poll::Pending => assert!(network.advance(), "no timer is running"),
            }
        };
        assert_eq!(found.unwrap(), 1);
        assert_eq!(network.posted().len(), 3);
    }

    #[test]
    fn credentials_that_the_server_rejects_are_forgotten() {
        let network = Network::default();
        let config = assuming(config(), "forgotten");
        let refused = || {
            let denied = b"SFATAL\0C28000\0Munable to accept connection, access denied\0\0";
            network.accept([Step::AwaitWrite, Step::Send(frame(b'E', denied)), Step::Close]);
            let error =
                now(query(&READ).fetch_one(&Dsql::within(config.clone(), network.clone()))).unwrap_err();
            assert!(error.is_access_denied(), "{error}");
        };
        network.answer(200, answer("ASIAOLD", "9999-01-01T00:00:00Z"));
        request(&config, &network).unwrap();
        network.elapse(Duration::from_secs(60));
        refused();
        network.answer(200, answer("ASIANEW", "9999-01-01T00:00:00Z"));
        // The server also rejects the new credentials, and would reject newer ones, so STS must not be called for every
        // request.
        (0..9).for_each(|_| refused());
        request(&config, &network).unwrap();
        assert!(tokens(&network).last().unwrap().contains("ASIANEW"));
        assert_eq!(network.posted().len(), 2);
    }

    #[test]
    fn a_role_can_be_assumed_with_another() {
        let network = Network::default();
        let config = assuming(assuming(config(), "first"), "second");
        network.answer(200, answer("ASIAFIRST", "9999-01-01T00:00:00Z"));
        network.answer(200, answer("ASIASECOND", "9999-01-01T00:00:00Z"));
        request(&config, &network).unwrap();
        let posted = network.posted();
        assert!(posted[0].contains("RoleSessionName=first") && posted[0].contains(&format!("={CANARY}-id/")));
        assert!(posted[1].contains("RoleSessionName=second") && posted[1].contains("=ASIAFIRST/"));
        assert!(posted[1].contains(&format!("(\"x-amz-security-token\", \"{CANARY}-session\")")));
        assert!(tokens(&network)[0].contains("ASIASECOND"));
    }

    #[test]
    fn no_answer_of_sts_shows_a_secret() {
        let quoting = rejection("SignatureDoesNotMatch", &format!("x-amz-security-token:{CANARY}-token"));
        for (at, (status, body)) in [
            (200, "<html/>".to_owned()),
            (200, answer("A\u{7}B", "9999-01-01T00:00:00Z")),
            (200, answer("ASIA", "1999-01-01T00:00:00Z")),
            (200, answer("ASIA", "soon")),
            (403, quoting),
            (500, String::new()),
            (302, String::new()),
        ]
        .into_iter()
        .enumerate()
        {
            let network = Network::default();
            let config = assuming(config(), &format!("shown-{at}"));
            network.answer(status, body);
            let dsql = Dsql::within(config.clone(), network.clone());
            let error = now(query(&READ).fetch_one(&dsql)).unwrap_err();
            let shown = format!("{error} {error:?} {dsql:?} {config:?}");
            let shown = [shown, worker::Error::from(error).to_string()].concat();
            assert!(!shown.contains(CANARY), "{shown}");
            assert_eq!(network.connections().0, 0);
        }
    }

    #[test]
    fn keys_that_a_header_cannot_contain_are_not_sent() {
        for key in ["id\r\nx: y", "ìd"] {
            let network = Network::default();
            let credentials = Credentials::new(key, "key");
            let config = Config::local("localhost:1234", "us-east-1", credentials).unwrap();
            let dsql = Dsql::within(assuming(config.max_attempts(1), "broken"), network.clone());
            let error = now(query(&READ).fetch_one(&dsql)).unwrap_err();
            assert!(error.is_credentials() && error.to_string().contains("characters"), "{error}");
            assert!(network.posted().is_empty());
        }
    }
}

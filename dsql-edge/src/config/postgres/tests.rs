//! Tests connection strings and bindings of a PostgreSQL.

use proptest::prelude::*;

use crate::config::Config;
use crate::error::Error;
use crate::settings::{ChannelBinding, LoginMethods, SslMode};

fn parsed(text: &str) -> Result<Config, Error> {
    Config::from_postgres(text)
}

async fn password(config: &Config) -> String {
    let environment = crate::transport::Environment::default();
    let secret = config.source.token(&config.settings, &environment).await;
    secret.map(|secret| secret.expose().to_owned()).unwrap_or_default()
}

fn password_of(config: &Config) -> String {
    let mut reading = core::pin::pin!(password(config));
    match reading.as_mut().poll(&mut core::task::Context::from_waker(core::task::Waker::noop())) {
        core::task::Poll::Ready(password) => password,
        core::task::Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn connection_string_sets_every_part() {
    let config = parsed("postgres://app:p%40ss%3Aw%25rd@db.example.com/shop").unwrap();
    let settings = &config.settings;
    assert_eq!((&*settings.endpoint.host, settings.endpoint.port), ("db.example.com", 5432));
    assert_eq!((&*settings.user, &*password_of(&config)), ("app", "p@ss:w%rd"));
    let postgres = settings.postgres.as_ref().unwrap();
    assert_eq!((&*postgres.database, postgres.sslmode), ("shop", SslMode::Require));
    assert_eq!(postgres.methods, LoginMethods::DEFAULT);
    assert!(!postgres.methods.md5 && !postgres.transaction_pooler && !postgres.private_socket);

    let config = parsed(
        "postgresql://bl%C3%B6g:x@[::1]:6432/d%2Fb?sslmode=disable&application_name=a%20b&connect_timeout=3\
         &options=-c%20statement_timeout%3D5s&search_path=app%2Cpublic&require_auth=md5,scram-sha-256\
         &channel_binding=disable&pgbouncer=true&sslrootcert=system&client_encoding=utf8&",
    )
    .unwrap();
    let settings = &config.settings;
    assert_eq!((&*settings.endpoint.host, settings.endpoint.port, &*settings.user), ("::1", 6432, "blög"));
    assert_eq!((&*settings.application_name, settings.connect_timeout), ("a b", 3000));
    assert_eq!(settings.search_path.as_deref(), Some("app, public"));
    let postgres = settings.postgres.as_ref().unwrap();
    assert_eq!((&*postgres.database, postgres.sslmode), ("d/b", SslMode::Disable));
    assert_eq!(postgres.options.as_deref(), Some("-c statement_timeout=5s"));
    assert_eq!(postgres.methods, LoginMethods { md5: true, scram: true, ..LoginMethods::NOTHING });
    assert_eq!(postgres.channel_binding, ChannelBinding::Disable);
    assert!(postgres.transaction_pooler);

    let config = parsed("postgres://app@host?password=secret&dbname=shop&port=1").unwrap();
    assert_eq!((&*password_of(&config), config.settings.endpoint.port), ("secret", 1));
    let config = parsed("postgres:///?host=host&user=u").unwrap();
    assert_eq!(config.settings.postgres.as_ref().unwrap().database, "u");
}

#[test]
fn rejected_part_is_named_and_text_is_not_repeated() {
    for (text, word) in [
        ("", "postgres://"),
        ("host=h user=canary", "postgres://"),
        ("postgres://:canary@h/db", "PGUSER"),
        ("postgres://canary@/db", "PGHOST"),
        ("postgres://u:can/ary@h/db", "%2F"),
        ("postgres://u:can?ary@h/db", "%2F"),
        ("postgres://u:can@canary/canary@h/db", "%2F"),
        ("postgres://u@h:can?canary=x@h/db", "%2F"),
        ("postgres://u:can#ary@h/db", "#"),
        ("postgres://u:%zzcanary@h/db", "percent-encoded"),
        ("postgres://u:%00canary@h/db", "NUL"),
        ("postgres://u@h,canary/db", "several hosts"),
        ("postgres://u@h:canary/db", "port"),
        ("postgres://u@h:0/db", "port"),
        ("postgres://u@[::1/db", "bracket"),
        ("postgres://u@[::1]canary/db", "address and the port"),
        ("postgres://u@%2Fcanary/db", "Unix socket"),
        ("postgres://u@h canary/db", "host"),
        ("postgres://u@h/db?sslmode=verify-ca", "verify-full"),
        ("postgres://u@h/db?sslmode=allow", "plain text"),
        ("postgres://u@h/db?sslmode=canary", "sslmode"),
        ("postgres://u@h/db?sslmode=require&sslmode=require", "twice"),
        ("postgres://u:canary@h/db?password=canary", "twice"),
        ("postgres://u@h/db?sslcert=canary", "client certificate"),
        ("postgres://u@h/db?sslkey=canary", "Hyperdrive"),
        ("postgres://u@h/db?gssencmode=canary", "GSSAPI"),
        ("postgres://u@h/db?require_auth=gss", "connection is not accepted: GSSAPI"),
        ("postgres://u@h/db?require_auth=oauth", "oauth"),
        ("postgres://u@h/db?require_auth=!canary", "exclusions"),
        ("postgres://u@h/db?require_auth=", "list"),
        ("postgres://u@h/db?channel_binding=canary", "channel_binding"),
        (
            "postgres://u@h/db?channel_binding=require&sslmode=prefer",
            "connection is require, which needs sslmode=require",
        ),
        ("postgres://u@h/db?options=-csearch_path%3Dcanary", "search_path instead"),
        ("postgres://u@h/db?options=-c%20SEARCH_PATH%3Dcanary", "search_path instead"),
        ("postgres://u@h/db?options=--Search-Path%3Dcanary", "search_path instead"),
        ("postgres://u@h/db?hostaddr=canary", "certificate"),
        ("postgres://u@h/db?target_session_attrs=canary", "one host"),
        ("postgres://u@h/db?pgbouncer=canary", "true or false"),
        ("postgres://u@h/db?client_encoding=canary", "UTF8"),
        ("postgres://u@h/db?statement_timeout=canary", "the parameter statement_timeout of"),
        ("postgres://u@h/db?CANARY-canary=1", "unknown name"),
        ("postgres://u@h/db?canary", "without ="),
        ("postgres://u@h/db?connect_timeout=0", "connect_timeout"),
        ("postgres://u@h/db?sslnegotiation=canary", "sslnegotiation"),
        ("postgres://u@h/db?sslnegotiation=direct&sslmode=disable", "connection is direct, which needs"),
        ("postgres://u@h/db?sslrootcert=/canary/none", "sslrootcert"),
    ] {
        let error = parsed(text).unwrap_err();
        let shown = error.to_string();
        assert!(
            error.is_config() && shown.contains(word) && !shown.to_lowercase().contains("canary"),
            "{text}: {shown}"
        );
    }
}

#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
#[test]
fn file_without_a_certificate_is_rejected() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let error = parsed(&format!("postgres://u@h/db?sslrootcert={path}")).unwrap_err();
    assert!(error.to_string().contains("without a certificate"), "{error}");
}

#[test]
fn bindings_fill_what_the_string_leaves_out() {
    let config = |prefix: &str, bound: &[(&str, &str)]| {
        Config::from_postgres_bindings(prefix, |name| {
            bound.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    };
    let whole =
        config("", &[("DATABASE_URL", "postgres://u@h/db"), ("PGPASSWORD", "p%"), ("PGHOST", "other")]);
    let whole = whole.unwrap();
    assert_eq!((&*whole.settings.endpoint.host, &*password_of(&whole)), ("h", "p%"));
    let parts = [
        ("R_PGHOST", "h"),
        ("R_PGPORT", "6"),
        ("R_PGUSER", "u"),
        ("R_PGDATABASE", "db"),
        ("R_PGSSLMODE", "prefer"),
        ("R_PGPASSWORD", ""),
        ("PGPASSWORD", "another"),
    ];
    let made = config("R_", &parts).unwrap();
    let postgres = made.settings.postgres.as_ref().unwrap();
    assert_eq!((made.settings.endpoint.port, &*postgres.database), (6, "db"));
    assert_eq!((postgres.sslmode, &*password_of(&made)), (SslMode::Prefer, ""));
    let protected =
        [("PGHOST", "h"), ("PGUSER", "u"), ("PGREQUIREAUTH", "scram-sha-256"), ("PGOPTIONS", "-c jit=off")];
    let made = config("", &protected).unwrap();
    let postgres = made.settings.postgres.as_ref().unwrap();
    assert_eq!(postgres.options.as_deref(), Some("-c jit=off"));
    assert!(postgres.methods.scram && !postgres.methods.cleartext && !postgres.methods.none);
    for rejected in ["PGHOSTADDR", "PGPASSFILE", "PGSERVICE", "PGSSLCERT", "PGTARGETSESSIONATTRS"] {
        let error = config("", &[("PGHOST", "h"), ("PGUSER", "u"), (rejected, "canary")]).unwrap_err();
        assert!(
            error.to_string().contains("is not accepted") && !error.to_string().contains("canary"),
            "{error}"
        );
    }
    for (bound, name) in [(&parts[..0], "PGHOST"), (&parts[..1], "PGUSER")] {
        let error = config("R_", bound).unwrap_err();
        assert!(error.is_config() && error.to_string().contains(name), "{error}");
    }
}

#[test]
fn aws_credentials_are_rejected_and_secrets_not_shown() {
    let config = parsed("postgres://u:canary@h/db").unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    struct Provider;
    impl crate::auth::CredentialsProvider for Provider {
        fn credentials(&self) -> crate::auth::ProvidedCredentials<'_> {
            panic!("it is not asked")
        }
    }
    assert_eq!(password_of(&config.credentials_provider(Provider)), "");
}

proptest! {
    #[test]
    fn any_text_is_a_config_or_an_error(rest in "[a-z0-9@:/?&=%#.,é\\[\\]]{0,60}") {
        let _ = parsed(&rest);
        let _ = parsed(&["postgres://", &rest].concat());
    }
}

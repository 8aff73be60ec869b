//! Makes a [`Config`] from a connection string in the form of PostgreSQL's tools.
//!
//! Input: `postgres://user@host:5432/postgres?sslmode=verify-full`. Output: a checked [`Config`], or an error that
//! names the part that is not accepted. The error never repeats the text, because people paste passwords into
//! connection strings.

use core::time::Duration;

use super::Config;
use super::percent::decoded;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::settings::Endpoint;

impl Config {
    /// Makes a `Config` from a connection string: `postgres://<user>@<cluster>.dsql.<region>.on.aws/postgres`.
    ///
    /// Without a user in the string, the user is `admin`. The port is 5432 (for `localhost`, any port), and the
    /// database is `postgres`, the only database of a cluster. These parameters are accepted: `sslmode` with the value
    /// `require` or `verify-full` (the certificate is verified in any case), `sslnegotiation` with the value `postgres`
    /// or `direct` (`Config::direct_tls`, feature `direct-tls`), `application_name`, `connect_timeout` in seconds,
    /// `search_path`, and, only for `localhost`, `region`. A password is not accepted, because the token that is signed
    /// with the credentials takes its place.
    ///
    /// # Errors
    /// Returns an error if the text is not a connection string of this form, or has a part that is not accepted. The
    /// error names that part.
    ///
    /// ```
    /// # use dsql_edge::{Config, Credentials};
    /// let config = Config::from_connection_string(
    ///     "postgres://blog@foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws/postgres?sslmode=verify-full",
    ///     Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    /// )?;
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    pub fn from_connection_string(text: &str, credentials: Credentials) -> Result<Self, Error> {
        let wrong = |what: &'static str| Error::config(["the connection string ", what].concat());
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or_else(|| wrong("does not begin with postgres://"))?;
        if rest.contains('#') {
            return Err(wrong("contains #: write %23"));
        }
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        if !matches!(database, "" | "postgres") {
            return Err(wrong("names a database: a DSQL cluster has one, postgres"));
        }
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(wrong("has a password: DSQL takes tokens, which are signed with the credentials"));
        }
        if host.contains(',') {
            return Err(wrong("names several hosts: a Config has one cluster"));
        }

        let mut given = UrlParameters::default();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) =
                parameter.split_once('=').ok_or_else(|| wrong("has a parameter without ="))?;
            let value = decoded(value).ok_or_else(|| wrong("has a parameter that is not percent-encoded"))?;
            given.set(name, value)?;
        }
        let endpoint = Endpoint::parse(host, given.region.as_deref())?;
        let mut config = Config::with(endpoint, credentials);
        if let Some(user) = user.filter(|user| !user.is_empty()) {
            config =
                config.user(decoded(user).ok_or_else(|| wrong("has a user that is not percent-encoded"))?);
        }
        if let Some(name) = given.application_name {
            config = config.application_name(name);
        }
        if let Some(schemas) = given.search_path {
            config = config.search_path(schemas);
        }
        if let Some(negotiation) = given.sslnegotiation {
            #[cfg(feature = "direct-tls")]
            {
                config = config.direct_tls(negotiation == "direct");
            }
            #[cfg(not(feature = "direct-tls"))]
            if negotiation == "direct" {
                return Err(wrong(
                    "has sslnegotiation=direct, which needs the feature `direct-tls` of dsql-edge",
                ));
            }
        }
        if let Some(timeout) = given.connect_timeout {
            config = config.connect_timeout(timeout);
        }
        Ok(config)
    }
}

/// The values of the parameters.
#[derive(Default)]
struct UrlParameters {
    region: Option<String>,
    application_name: Option<String>,
    search_path: Option<String>,
    connect_timeout: Option<Duration>,
    sslmode: Option<String>,
    sslnegotiation: Option<String>,
}

impl UrlParameters {
    fn set(&mut self, name: &str, value: String) -> Result<(), Error> {
        let parameter = |what: &str| Error::config(["the connection string's parameter ", what].concat());
        let place = match name {
            "region" => &mut self.region,
            "application_name" => &mut self.application_name,
            "search_path" => &mut self.search_path,
            "sslmode" if matches!(value.as_str(), "require" | "verify-full") => &mut self.sslmode,
            "sslmode" => return Err(parameter("sslmode is not require or verify-full: DSQL needs TLS")),
            "sslnegotiation" if matches!(value.as_str(), "postgres" | "direct") => &mut self.sslnegotiation,
            "sslnegotiation" => return Err(parameter("sslnegotiation is not postgres or direct")),
            "connect_timeout" => {
                let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
                let seconds =
                    seconds.ok_or_else(|| parameter("connect_timeout is not a number of seconds"))?;
                self.connect_timeout = Some(Duration::from_secs(seconds));
                return Ok(());
            }
            "password" | "passfile" | "sslpassword" | "user" | "host" | "hostaddr" | "port" | "dbname" => {
                return Err(parameter(
                    &[name, " is not accepted: write it before the ?; a password is never accepted"].concat(),
                ));
            }
            // The error does not quote the name, which could be a part of a password.
            _ if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
                return Err(parameter("has an unknown name"));
            }
            _ => {
                return Err(parameter(
                    &[
                        name,
                        " is unknown: use sslmode, sslnegotiation, application_name, connect_timeout, search_path or region",
                    ]
                    .concat(),
                ));
            }
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(parameter(&[name, " occurs twice"].concat())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Settings;

    const HOST: &str = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";

    fn parsed(text: &str) -> Result<Config, Error> {
        Config::from_connection_string(text, Credentials::new("id", "canary-key"))
    }

    #[test]
    fn connection_string_sets_endpoint_and_settings() {
        let Settings { endpoint, user, .. } = parsed(&format!("postgres://{HOST}")).unwrap().settings;
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port, endpoint.region.as_str()),
            (HOST, 5432, "us-east-1")
        );
        assert_eq!(user, "admin");

        let settings = parsed(&format!(
            "postgresql://bl%C3%B6g@{HOST}:5432/postgres?sslmode=verify-full&application_name=a%20b\
             &connect_timeout=3&search_path=app%2Cpublic&"
        ))
        .unwrap()
        .settings;
        assert_eq!((&*settings.user, &*settings.application_name), ("blög", "a b"));
        assert_eq!(settings.search_path.as_deref(), Some("app, public"));
        assert_eq!(settings.connect_timeout, 3000);

        assert!(settings.direct_tls.is_none());
        #[cfg(feature = "direct-tls")]
        for (value, direct) in [("direct", true), ("postgres", false)] {
            let config = parsed(&format!("postgres://{HOST}?sslnegotiation={value}")).unwrap();
            assert_eq!(config.settings.direct_tls.is_some(), direct);
        }

        let local = parsed("postgres://admin@localhost:6543/?region=eu-west-1").unwrap().settings.endpoint;
        assert_eq!(
            (local.host.as_str(), local.port, local.region.as_str()),
            ("localhost", 6543, "eu-west-1")
        );
    }

    #[test]
    fn rejected_part_is_named_and_text_is_not_repeated() {
        for (text, word) in [
            ("", "postgres://"),
            ("mysql://canary@HOST", "postgres://"),
            ("host=HOST password=canary", "postgres://"),
            ("postgres://admin:canary@HOST/postgres", "password"),
            ("postgres://admin:@HOST/postgres", "password"),
            ("postgres://admin@HOST/canary", "database"),
            ("postgres://admin@HOST/postgres/canary", "database"),
            ("postgres://admin@HOST,canary.example/postgres", "several hosts"),
            ("postgres://admin@canary.example/postgres", "DSQL_ENDPOINT"),
            ("postgres://admin@localhost/postgres", "DSQL_REGION"),
            ("postgres://admin@HOST:443", "DSQL_ENDPOINT"),
            ("postgres://a%zzcanary@HOST", "percent-encoded"),
            ("postgres://HOST#canary", "#"),
            ("postgres://HOST?sslmode=disable", "sslmode"),
            ("postgres://HOST?sslmode=require&sslmode=require", "twice"),
            ("postgres://HOST?sslnegotiation=canary", "sslnegotiation"),
            ("postgres://HOST?options=canary", "options"),
            ("postgres://HOST?target_session_attrs=canary", "target_session_attrs"),
            ("postgres://HOST?password=canary", "password"),
            ("postgres://HOST?canary", "without ="),
            ("postgres://HOST?CANARY-canary=1", "unknown name"),
            ("postgres://HOST?connect_timeout=0", "connect_timeout"),
            ("postgres://HOST?connect_timeout=canary", "connect_timeout"),
        ] {
            let error = parsed(&text.replace("HOST", HOST)).unwrap_err();
            let shown = error.to_string();
            assert!(
                error.is_config() && shown.contains(word) && !shown.to_lowercase().contains("canary"),
                "{text}: {shown}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_config_or_an_error(rest in "[a-z0-9@:/?&=%#.,é]{0,60}") {
            let _ = parsed(&rest);
            let _ = parsed(&["postgres://", &rest].concat());
        }
    }
}

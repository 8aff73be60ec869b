//! A [`Config`] from the bindings of a Worker: secrets and vars by their names.

use super::Config;
use super::endpoint::Endpoint;
#[cfg(feature = "assume-role")]
use crate::auth::AssumeRole;
use crate::auth::Credentials;
use crate::error::Error;
use crate::transport::text_of;

impl Config {
    /// From the bindings of a Worker.
    ///
    /// | binding | |
    /// |---|---|
    /// | `DSQL_ENDPOINT` | the cluster's host name, or `localhost:<port>` |
    /// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` | keys that may `dsql:DbConnect` (for `admin` `dsql:DbConnectAdmin`) |
    /// | `AWS_SESSION_TOKEN` | with keys of a session |
    /// | `DSQL_USER` | the role; `admin` without it |
    /// | `DSQL_REGION` | only with `localhost` |
    /// | `AWS_ROLE_ARN` | a role to assume with these keys (feature `assume-role`) |
    /// | `AWS_ROLE_SESSION_NAME`, `AWS_ROLE_EXTERNAL_ID` | its session's name (`dsql-edge` without it), its external id |
    /// | `AWS_ENDPOINT_URL_STS` | only with `localhost` |
    ///
    /// A secret of the Secrets Store is read with [`from_secrets_store`](Config::from_secrets_store).
    ///
    /// # Errors
    /// When one is missing or malformed: the error names it and says how to set it.
    pub fn from_env(env: &worker::Env) -> Result<Self, Error> {
        Config::from_env_with_prefix(env, "")
    }

    /// As [`from_env`](Config::from_env), for a second cluster: with the prefix `REPORTS_` the bindings are
    /// `REPORTS_DSQL_ENDPOINT` and so on. Keys without the prefix serve where there are none with it.
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql};
    /// # fn two(env: worker::Env) -> Result<(), dsql_edge::Error> {
    /// let dsql = Dsql::from_env(&env)?;
    /// let reports = Dsql::new(Config::from_env_with_prefix(&env, "REPORTS_")?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`from_env`](Config::from_env).
    pub fn from_env_with_prefix(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        Config::from_bindings(prefix, |name| text_of(env, name))
    }

    /// As [`from_env_with_prefix`](Config::from_env_with_prefix), where each binding may be a secret of the Secrets Store
    /// as well as a var or a secret of the Worker's own.
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql};
    /// # async fn from_store(env: worker::Env) -> Result<(), dsql_edge::Error> {
    /// let dsql = Dsql::new(Config::from_secrets_store(&env, "").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`from_env`](Config::from_env), and when the store does not give a secret.
    pub async fn from_secrets_store(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        let mut values = Vec::new();
        for name in NAMES {
            for prefix in [prefix, ""] {
                let name = [prefix, name].concat();
                if let Some(value) = value_of(env, &name).await? {
                    values.push((name, value));
                }
            }
        }
        Config::from_bindings(prefix, |name| {
            values.iter().find(|(bound, _)| bound == name).map(|(_, value)| value.clone())
        })
    }

    /// As [`from_env`](Config::from_env), from anything that has values by name, such as a process's environment:
    /// `Config::from_bindings("", |name| std::env::var(name).ok())`.
    ///
    /// # Errors
    /// As [`from_env`](Config::from_env).
    pub fn from_bindings(prefix: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let bindings = Bindings { prefix, lookup: &lookup };
        let endpoint = bindings.required(bindings.own("DSQL_ENDPOINT"), "DSQL_ENDPOINT")?;
        let endpoint = Endpoint::parse(&endpoint, bindings.own("DSQL_REGION").as_deref())?;
        let key = |name| bindings.required(bindings.shared(name), name);
        let mut credentials = Credentials::new(key("AWS_ACCESS_KEY_ID")?, key("AWS_SECRET_ACCESS_KEY")?);
        if let Some(session_token) = bindings.shared("AWS_SESSION_TOKEN") {
            credentials = credentials.with_session_token(session_token);
        }
        let mut config = Config::with(endpoint, credentials);
        if let Some(user) = bindings.own("DSQL_USER") {
            config = config.user(user);
        }
        match bindings.shared("AWS_ROLE_ARN") {
            Some(arn) => config.assume_bound_role(arn, |name| bindings.shared(name)),
            None => Ok(config),
        }
    }

    #[cfg(feature = "assume-role")]
    fn assume_bound_role(
        mut self,
        arn: String,
        binding: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let mut role = AssumeRole::new(arn);
        if let Some(name) = binding("AWS_ROLE_SESSION_NAME") {
            role = role.session_name(name);
        }
        if let Some(id) = binding("AWS_ROLE_EXTERNAL_ID") {
            role = role.external_id(id);
        }
        if let Some(url) = binding("AWS_ENDPOINT_URL_STS") {
            self = self.local_sts(&url)?;
        }
        self.assume_role(role)
    }

    #[cfg(not(feature = "assume-role"))]
    fn assume_bound_role(self, _: String, _: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        Err(Error::config("AWS_ROLE_ARN needs the feature `assume-role` of dsql-edge"))
    }
}

/// Every binding that is read.
const NAMES: [&str; 10] = [
    "DSQL_ENDPOINT",
    "DSQL_REGION",
    "DSQL_USER",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ROLE_EXTERNAL_ID",
    "AWS_ENDPOINT_URL_STS",
];

/// A var, a secret, or a secret of the Secrets Store. Its errors name the binding alone: what a store throws is no text
/// of ours.
async fn value_of(env: &worker::Env, name: &str) -> Result<Option<String>, Error> {
    if let Some(text) = text_of(env, name) {
        return Ok(Some(text));
    }
    let Ok(store) = env.secret_store(name) else { return Ok(None) };
    // What the promise holds is JavaScript's: `Send` as workers-rs makes it.
    let value = worker::send::SendFuture::new(async move { store.get().await }).await;
    match value {
        Ok(Some(value)) => Ok(Some(value)),
        _ => Err(Error::credentials(
            [
                "the Secrets Store gives no value for the binding ",
                name,
                ": is the secret there, and not empty?",
            ]
            .concat(),
        )),
    }
}

/// Bindings by their names. An empty one is none.
struct Bindings<'b> {
    prefix: &'b str,
    lookup: &'b dyn Fn(&str) -> Option<String>,
}

impl Bindings<'_> {
    /// That of this cluster.
    fn own(&self, name: &str) -> Option<String> {
        self.named(&self.prefixed(name))
    }

    /// That of this cluster, or else of all.
    fn shared(&self, name: &str) -> Option<String> {
        self.own(name).or_else(|| self.named(name))
    }

    fn prefixed(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn named(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn required(&self, value: Option<String>, name: &str) -> Result<String, Error> {
        value.ok_or_else(|| missing(&self.prefixed(name), name != "DSQL_ENDPOINT"))
    }
}

fn missing(name: &str, secret: bool) -> Error {
    let (how, value) = if secret {
        ("with `npx wrangler secret put ", "")
    } else {
        ("in wrangler.toml under [vars], `", " = \"<cluster>.dsql.<region>.on.aws\"")
    };
    Error::config(format!(
        "the binding {name} is missing, or no text: set it {how}{name}{value}`, for development in .dev.vars \
         (dsql-local writes it); the Secrets Store is read by Config::from_secrets_store"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";

    fn config(prefix: &str, bindings: &[(&str, &str)]) -> Result<Config, Error> {
        Config::from_bindings(prefix, |name| {
            bindings.iter().find(|(bound, _)| *bound == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_missing_binding_is_named() {
        let all = [("DSQL_ENDPOINT", HOST), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "canary")];
        assert!(config("", &all).is_ok());
        for missing in 0..all.len() {
            for emptied in [None, Some((all[missing].0, ""))] {
                let mut some = all.to_vec();
                some.splice(missing..=missing, emptied);
                let error = config("", &some).unwrap_err();
                assert!(error.is_config() && error.to_string().contains(all[missing].0), "{error}");
                assert!(!error.to_string().contains("canary"));
            }
        }
    }

    #[test]
    fn user_and_session_token_are_optional_and_a_prefix_separates_clusters() {
        let bindings = [
            ("DSQL_ENDPOINT", "localhost:1234"),
            ("DSQL_REGION", "us-east-1"),
            ("DSQL_USER", "blog"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "canary-key"),
            ("AWS_SESSION_TOKEN", "canary-token"),
            ("REPORTS_DSQL_ENDPOINT", HOST),
        ];
        let first = config("", &bindings).unwrap();
        assert_eq!(
            (first.address(), first.user_name(), first.region()),
            (("localhost", 1234), "blog", "us-east-1")
        );
        let second = config("REPORTS_", &bindings).unwrap();
        assert_eq!((second.address(), second.user_name()), ((HOST, 5432), "admin"));
        assert!(config("OTHER_", &bindings).unwrap_err().to_string().contains("OTHER_DSQL_ENDPOINT"));
        assert!(!format!("{first:?}").contains("canary"));
    }
}

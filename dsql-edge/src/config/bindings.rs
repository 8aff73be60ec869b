//! A [`Config`] from the bindings of a Worker: secrets and vars by their names.

use super::Config;
use super::endpoint::Endpoint;
use crate::auth::Credentials;
use crate::error::Error;

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
    ///
    /// # Errors
    /// When one is missing or malformed: the error names it and says how to set it.
    pub fn from_env(env: &worker::Env) -> Result<Self, Error> {
        Config::from_env_with_prefix(env, "")
    }

    /// As [`from_env`](Config::from_env), for a second cluster: with the prefix `REPORTS_` the bindings are
    /// `REPORTS_DSQL_ENDPOINT` and so on. Keys without the prefix serve where there are none with it.
    ///
    /// # Errors
    /// As [`from_env`](Config::from_env).
    pub fn from_env_with_prefix(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        // Secrets and vars are read alike.
        Config::from_bindings(prefix, |name| env.var(name).ok().map(|var| var.to_string()))
    }

    /// As [`from_env`](Config::from_env), from anything that has values by name, such as a process's environment:
    /// `Config::from_bindings("", |name| std::env::var(name).ok())`.
    ///
    /// # Errors
    /// As [`from_env`](Config::from_env).
    pub fn from_bindings(prefix: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let own = |name: &str| lookup(&[prefix, name].concat());
        let shared = |name: &str| own(name).or_else(|| lookup(name));
        let required = |value: Option<String>, name: &str| {
            value.ok_or_else(|| missing(&[prefix, name].concat(), name != "DSQL_ENDPOINT"))
        };

        let endpoint = required(own("DSQL_ENDPOINT"), "DSQL_ENDPOINT")?;
        let endpoint = Endpoint::parse(&endpoint, own("DSQL_REGION").as_deref())?;
        let access_key_id = required(shared("AWS_ACCESS_KEY_ID"), "AWS_ACCESS_KEY_ID")?;
        let secret_access_key = required(shared("AWS_SECRET_ACCESS_KEY"), "AWS_SECRET_ACCESS_KEY")?;
        let mut credentials = Credentials::new(access_key_id, secret_access_key);
        if let Some(session_token) = shared("AWS_SESSION_TOKEN") {
            credentials = credentials.with_session_token(session_token);
        }
        let config = Config::with(endpoint, credentials);
        Ok(match own("DSQL_USER") {
            Some(user) => config.user(user),
            None => config,
        })
    }
}

fn missing(name: &str, secret: bool) -> Error {
    let how = if secret {
        ["with `npx wrangler secret put ", name, "`"].concat()
    } else {
        ["in wrangler.toml under [vars], `", name, " = \"<cluster>.dsql.<region>.on.aws\"`"].concat()
    };
    Error::config(
        [
            "the binding ",
            name,
            " is missing: set it ",
            &how,
            ", and for development in .dev.vars (dsql-local writes it)",
        ]
        .concat(),
    )
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

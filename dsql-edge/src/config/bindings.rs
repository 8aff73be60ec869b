//! Makes a [`Config`] from the bindings of a Worker: its secrets and vars.

mod names;

use super::Config;
#[cfg(feature = "assume-role")]
use crate::auth::AssumeRole;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::settings::Endpoint;
use crate::transport::{is_bound, text_of};
use names::{Names, prefixed};

impl Config {
    /// Makes a `Config` from the bindings of a Worker.
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql};
    /// # fn dsql(env: worker::Env) -> Result<Dsql, dsql_edge::Error> {
    /// let config = Config::from_env(&env)?.max_attempts(3);
    /// Ok(Dsql::new(config))
    /// # }
    /// ```
    ///
    /// | binding | |
    /// |---|---|
    /// | `DSQL_ENDPOINT` | the cluster's host name, or `localhost:<port>`; with the feature `multi-region`, also a list with commas: see `Config::fallback` |
    /// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` | keys with the permission `dsql:DbConnect` (for `admin`: `dsql:DbConnectAdmin`) |
    /// | `AWS_SESSION_TOKEN` | the session token, if the keys are those of a session |
    /// | `DSQL_USER` | the database role; `admin` if it is not set |
    /// | `DSQL_REGION` | needed only with `localhost` |
    /// | `DSQL_TLS` | `direct` to begin with TLS, without SSLRequest: see `Config::direct_tls` (feature `direct-tls`; ignored without it) |
    /// | `DSQL_TRANSPORT` | `websocket` to connect through the cluster's WebSocket: see `Config::websocket` (feature `websocket`; ignored without it) |
    /// | `AWS_ROLE_ARN` | a role to assume with these keys (feature `assume-role`) |
    /// | `AWS_ROLE_SESSION_NAME`, `AWS_ROLE_EXTERNAL_ID` | the name of the role's session (`dsql-edge` if it is not set), the role's external id |
    /// | `AWS_ENDPOINT_URL_STS` | an STS on this machine, `https://localhost:<port>`; only with `AWS_ROLE_ARN` |
    ///
    /// A secret of the Secrets Store is read with [`from_secrets_store`](Config::from_secrets_store).
    ///
    /// # Errors
    /// Returns an error if a binding is missing or malformed. The error names the binding and shows how to set it.
    pub fn from_env(env: &worker::Env) -> Result<Self, Error> {
        Config::from_chosen(&Names::PLAIN, &|name| text_of(env, name))
    }

    /// Makes a `Config` like [`from_env`](Config::from_env), for a second cluster: with the prefix `REPORTS_` the
    /// bindings are `REPORTS_DSQL_ENDPOINT` and so on.
    ///
    /// If there are no credentials with the prefix, the credentials without the prefix are used. Names with the prefix
    /// and names without it are combined only in this way:
    ///
    /// | set with the prefix | keys | role |
    /// |---|---|---|
    /// | no credentials | without the prefix | without the prefix, if there is one |
    /// | any of the keys (id, secret, session token) | with the prefix | with the prefix, or none |
    /// | of the role alone (ARN, session name, external id) | without the prefix | with the prefix |
    ///
    /// Keys with the prefix therefore never get the other cluster's session token, and never assume its role. If some
    /// bindings of a set are missing, this is an error.
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
    /// Returns the errors of [`from_env`](Config::from_env).
    pub fn from_env_with_prefix(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        let names = Names::chosen(prefix, &|name| is_bound(env, name));
        Config::from_chosen(&names, &|name| text_of(env, name))
    }

    /// Makes a `Config` like [`from_env_with_prefix`](Config::from_env_with_prefix), but each binding may be a secret
    /// of the Secrets Store, a var, or a secret of the Worker. Only the bindings that are used are read.
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
    /// Returns the errors of [`from_env`](Config::from_env), and an error if the store does not return a secret.
    pub async fn from_secrets_store(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        let names = Names::chosen(prefix, &|name| is_bound(env, name));
        let mut values = Vec::new();
        for name in names.all() {
            if let Some(value) = value_of(env, &name).await? {
                values.push((name, value));
            }
        }
        Config::from_chosen(&names, &|name| {
            values.iter().find(|(bound, _)| bound == name).map(|(_, value)| value.clone())
        })
    }

    /// Makes a `Config` like [`from_env_with_prefix`](Config::from_env_with_prefix), from any source of values by name,
    /// such as a process's environment.
    ///
    /// ```
    /// # use dsql_edge::Config;
    /// let config = Config::from_bindings("", |name| std::env::var(name).ok());
    /// # drop(config);
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`from_env`](Config::from_env).
    pub fn from_bindings(prefix: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let names = Names::chosen(prefix, &|name| lookup(name).is_some_and(|value| !value.is_empty()));
        Config::from_chosen(&names, &lookup)
    }

    fn from_chosen(names: &Names<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let [endpoint, region, user] = names::CLUSTER;
        let [id, secret, session_token] = names::KEYS;
        // An empty binding is treated as missing.
        let bound =
            |prefix: &str, name: &str| lookup(&prefixed(prefix, name)).filter(|value| !value.is_empty());
        let required = |prefix: &str, name: &str, form: &str| {
            bound(prefix, name).ok_or_else(|| missing(&prefixed(prefix, name), form))
        };
        let endpoint = required(names.cluster, endpoint, ", <cluster>.dsql.<region>.on.aws,")?;
        #[cfg(feature = "multi-region")]
        let mut endpoints = endpoint.split([',']).map(str::trim);
        #[cfg(feature = "multi-region")]
        let endpoint = endpoints.next().unwrap_or_default();
        #[cfg(not(feature = "multi-region"))]
        let endpoint = &endpoint;
        let endpoint = Endpoint::parse(endpoint, bound(names.cluster, region).as_deref())?;
        let mut credentials =
            Credentials::new(required(names.keys, id, "")?, required(names.keys, secret, "")?);
        if let Some(session_token) = bound(names.keys, session_token) {
            credentials = credentials.with_session_token(session_token);
        }
        let mut config = Config::with(endpoint, credentials);
        #[cfg(feature = "multi-region")]
        for endpoint in endpoints {
            config = config.fallback(endpoint)?;
        }
        if let Some(user) = bound(names.cluster, user) {
            config = config.user(user);
        }
        #[cfg(feature = "direct-tls")]
        if let Some(tls) = bound(names.cluster, names::TLS) {
            if tls != "direct" {
                return Err(Error::config("DSQL_TLS is not `direct`: leave it out for SSLRequest"));
            }
            config = config.direct_tls(true);
        }
        #[cfg(feature = "websocket")]
        if let Some(transport) = bound(names.cluster, names::TRANSPORT) {
            if transport != "websocket" {
                return Err(Error::config("DSQL_TRANSPORT is not `websocket`: leave it out for TCP"));
            }
            config = config.websocket(true);
        }
        config.with_bound_role(names, &bound)
    }

    #[cfg(feature = "assume-role")]
    fn with_bound_role(
        mut self,
        names: &Names<'_>,
        bound: &dyn Fn(&str, &str) -> Option<String>,
    ) -> Result<Self, Error> {
        let [arn_name, session, external_id] = names::ROLE;
        let (session, external_id) = (bound(names.role, session), bound(names.role, external_id));
        let Some(arn) = bound(names.role, arn_name) else {
            // Without the role's ARN, the client would use the keys' own identity instead of the configured role.
            return if session.is_some() || external_id.is_some() {
                Err(missing(
                    &prefixed(names.role, arn_name),
                    ", which the other bindings of a role belong to,",
                ))
            } else {
                Ok(self)
            };
        };
        let mut role = AssumeRole::new(arn);
        if let Some(session) = session {
            role = role.session_name(session);
        }
        if let Some(external_id) = external_id {
            role = role.external_id(external_id);
        }
        if let Some(url) = bound(names.sts, names::STS) {
            self = self.local_sts(&url)?;
        }
        self.assume_role(role)
    }

    #[cfg(not(feature = "assume-role"))]
    fn with_bound_role(
        self,
        names: &Names<'_>,
        bound: &dyn Fn(&str, &str) -> Option<String>,
    ) -> Result<Self, Error> {
        let [arn, ..] = names::ROLE;
        match bound(names.role, arn) {
            None => Ok(self),
            Some(_) => Err(Error::config("AWS_ROLE_ARN needs the feature `assume-role` of dsql-edge")),
        }
    }
}

/// Reads a var, a secret, or a secret of the Secrets Store. The returned error names only the binding, without the
/// error text of the store.
pub(super) async fn value_of(env: &worker::Env, name: &str) -> Result<Option<String>, Error> {
    if let Some(text) = text_of(env, name) {
        return Ok(Some(text));
    }
    // If the binding is `null`, `secret_store` throws an exception that cannot be caught.
    if !is_bound(env, name) {
        return Ok(None);
    }
    let Ok(store) = env.secret_store(name) else { return Ok(None) };
    // The future contains JavaScript values, so it is not `Send`. The wrapper of workers-rs is `Send`.
    let value = worker::send::SendFuture::new(async move { store.get().await }).await;
    match value {
        Ok(Some(value)) if !value.is_empty() => Ok(Some(value)),
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

fn missing(name: &str, form: &str) -> Error {
    Error::config(format!(
        "the binding {name}{form} is missing, or not a text: set it with `npx wrangler secret put {name}`, in \
         .dev.vars (dsql-local writes it), or, if it is not secret, under [vars]; Config::from_secrets_store reads the Secrets Store"
    ))
}

#[cfg(test)]
mod tests;

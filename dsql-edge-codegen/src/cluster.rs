//! Finds a DSQL cluster and the credentials for it. `server` decides whether a command uses a cluster.
//!
//! Input: options that commands share, variables, and AWS's own configuration. Output: the configuration of dsql-edge's
//! client. No credential appears in an error.
//!
//! The variables of the shell together describe one cluster. If neither an option nor a variable contains an endpoint,
//! and a dsql-local is found by its folder, all values without an option come from dsql-local, because the login would
//! fail with a role or a certificate of another cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use dsql_edge::Config;
use dsql_edge_migrations::running_local::RunningLocal;

use crate::aws_credentials::{AwsCredentials, FoundCredentials};
use crate::library_words::{ENDPOINT, for_endpoint, for_options};

/// The cluster, and the role to connect as.
#[derive(Args, Clone, Debug, Default)]
pub struct Cluster {
    /// The cluster's host name, or `localhost[:port]` for dsql-local; without this option, the cluster in
    /// DSQL_ENDPOINT, or the dsql-local whose folder .dsql-local is in the package
    #[arg(long, global = true, help_heading = "Cluster")]
    endpoint: Option<String>,
    /// The region to sign for; the host name of a cluster already contains its region. Without this option, the region
    /// in DSQL_REGION
    #[arg(long, global = true, help_heading = "Cluster")]
    region: Option<String>,
    /// The role to connect as; without this option, the role in DSQL_USER, or admin. DSQL_USER is not read for a
    /// dsql-local that is found by its folder
    #[arg(long, global = true, help_heading = "Cluster")]
    pub user: Option<String>,
    /// A certificate authority to trust in addition to the system's, in PEM; without this option, the file in
    /// DSQL_EDGE_CA, or dsql-local's. DSQL_EDGE_CA is not read for a dsql-local that is found by its folder
    #[arg(
        long,
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        global = true,
        help_heading = "Cluster"
    )]
    pub ca: Option<PathBuf>,
}

/// The cluster of a command, and the role to connect as.
pub(crate) struct Target {
    pub(crate) endpoint: String,
    /// The source of the endpoint in messages: an option, a variable or a folder.
    pub(crate) origin: String,
    /// The package's dsql-local, if the endpoint belongs to it.
    pub(crate) local: Option<RunningLocal>,
    /// The region from an option, a variable or the folder of dsql-local. The host name of a cluster contains its
    /// region, which takes precedence.
    pub(crate) region: Option<String>,
    pub(crate) user: String,
    pub(crate) ca: Option<PathBuf>,
}

impl Target {
    #[cfg(test)]
    pub(crate) fn of_tests(endpoint: &str, user: &str) -> Target {
        let (origin, user) = (String::new(), user.to_owned());
        Target { endpoint: endpoint.to_owned(), origin, local: None, region: None, user, ca: None }
    }

    pub(crate) fn is_on_this_machine(&self) -> bool {
        self.endpoint == "localhost" || self.endpoint.starts_with("localhost:")
    }

    /// Returns the credentials that sign for the role. Credentials for the package's dsql-local come from its folder,
    /// all other credentials from the same sources as for AWS's own tools.
    ///
    /// # Errors
    /// Returns an error if a name is malformed, or if there are no credentials.
    pub(crate) async fn credentials(&self) -> Result<FoundCredentials> {
        // A mistake in the endpoint is reported first, even if there are no credentials.
        if !self.is_on_this_machine() {
            self.config(FoundCredentials::none(), "")?;
        }
        if let Some(keys) = self.local.as_ref().and_then(|local| local.credentials(&self.user)) {
            return Ok(FoundCredentials::of_local(keys));
        }
        let loaded = AwsCredentials::load(self.region.as_deref()).await;
        if self.is_on_this_machine() {
            loaded.map_err(|_| anyhow!("{NO_LOCAL_KEYS}. If it is a dsql-local, {LOCAL_KEYS}"))
        } else {
            loaded
        }
    }

    /// Returns the configuration of the client; `command` is the client's name in the cluster's log.
    ///
    /// # Errors
    /// Returns an error if a name is malformed, or if the certificate cannot be read.
    pub(crate) fn config(&self, found: FoundCredentials, command: &str) -> Result<Config> {
        let FoundCredentials { credentials, provider, .. } = found;
        let config = match &self.region {
            Some(region) if self.is_on_this_machine() => Config::local(&self.endpoint, region, credentials),
            _ => Config::new(&self.endpoint, credentials),
        };
        let config = config.map_err(|error| {
            let text = for_endpoint(&error.to_string(), &self.endpoint);
            if self.origin == ENDPOINT { anyhow!(for_options(&text)) } else { anyhow!(text) }
        })?;
        let config = match provider {
            Some(provider) => config.credentials_provider(provider),
            None => config,
        };
        let mut config = config.user(&self.user).application_name(format!("dsql-edge {command}"));
        if let Some(pem) = self.ca_pem()? {
            config = config.extra_ca(pem);
        }
        Ok(config)
    }

    /// Reads the certificate authority.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub(crate) fn ca_pem(&self) -> Result<Option<Vec<u8>>> {
        let read =
            |ca: &PathBuf| std::fs::read(ca).with_context(|| format!("the certificate {}", ca.display()));
        self.ca.as_ref().map(read).transpose()
    }
}

impl Cluster {
    /// Returns the host name from the option or from DSQL_ENDPOINT, if one of them is set.
    pub fn endpoint(&self) -> Option<String> {
        given(&self.endpoint, "DSQL_ENDPOINT")
    }

    /// Whether the option `--endpoint` is given.
    pub(crate) fn is_named(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_empty())
    }

    /// Returns the name of a given option that only a cluster has, such as `--user`, and that has no meaning for a
    /// PostgreSQL.
    pub(crate) fn option_for_a_cluster(&self) -> Option<&'static str> {
        let is_given = |option: &Option<String>| option.as_ref().is_some_and(|value| !value.is_empty());
        let options = [("--user", &self.user), ("--region", &self.region)];
        options.into_iter().find(|(_, value)| is_given(value)).map(|(name, _)| name)
    }

    /// Returns the options that specify the cluster, without the role.
    pub(crate) fn as_written(&self) -> String {
        let ca = self.named_ca().map(|ca| ca.display().to_string());
        let options = [(ENDPOINT, &self.endpoint), ("--region", &self.region), ("--ca", &ca)];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given.filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!(" {name} {value}")).collect()
    }

    /// Returns the file of the option `--ca`.
    pub(crate) fn named_ca(&self) -> Option<PathBuf> {
        self.ca.clone().filter(|ca| !ca.as_os_str().is_empty())
    }

    /// Returns the region, if the option or DSQL_REGION names one.
    pub fn region(&self) -> Option<String> {
        given(&self.region, "DSQL_REGION")
    }

    /// Returns the configuration of the client; `command` is the client's name in the cluster's log. Credentials for
    /// the package's dsql-local come from its folder, all other credentials from the same sources as for AWS's own
    /// tools.
    ///
    /// # Errors
    /// Returns an error if the endpoint or the credentials are missing, if a name is malformed, or if the
    /// certificate cannot be read.
    pub async fn config(&self, command: &str) -> Result<Config> {
        self.config_for(Path::new("."), command).await
    }

    /// Returns the configuration for a package: the search for a dsql-local begins in the package's folder.
    ///
    /// # Errors
    /// Returns the errors of [`Cluster::config`].
    pub async fn config_for(&self, package: &Path, command: &str) -> Result<Config> {
        let target = self.target(package)?;
        let credentials = target.credentials().await?;
        target.config(credentials, command)
    }

    /// Returns the cluster, and the role to connect as. Prints a line if a dsql-local was found by its folder alone.
    ///
    /// # Errors
    /// Returns an error if neither an option nor a variable nor a dsql-local specifies a cluster.
    pub(crate) fn target(&self, package: &Path) -> Result<Target> {
        let (endpoint, local, origin) = self.found(package)?;
        // If the dsql-local was found by its folder alone, a variable of the shell may be for another cluster.
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty() && origin.is_some());
        let user = match self.user.clone().filter(|user| !user.is_empty()) {
            Some(user) => user,
            None => match variable("DSQL_USER").map(OsString::into_string) {
                Some(user) => user.map_err(|user| anyhow!("DSQL_USER is not UTF-8: {}", user.display()))?,
                None => "admin".to_owned(),
            },
        };
        let ca = self.named_ca().or_else(|| variable("DSQL_EDGE_CA").map(PathBuf::from));
        let ca = ca.or_else(|| local.as_ref().map(RunningLocal::ca));
        // DSQL_REGION of the shell may be for another cluster; dsql-local accepts tokens for its own region only.
        let named = self.region.clone().filter(|region| !region.is_empty());
        let region =
            named.or_else(|| local.as_ref().map(|local| local.region.clone())).or_else(|| self.region());
        let origin = origin.map(str::to_owned).unwrap_or_else(|| {
            format!("the folder {}", local.as_ref().map_or(Path::new(""), RunningLocal::folder).display())
        });
        Ok(Target { endpoint, origin, local, region, user, ca })
    }

    /// Returns the endpoint, the package's dsql-local if the endpoint belongs to it, and the option or the variable
    /// that contains the endpoint. Prints a line if the dsql-local was found by its folder alone.
    fn found(&self, package: &Path) -> Result<(String, Option<RunningLocal>, Option<&'static str>)> {
        let mut all = RunningLocal::all(package);
        if let Some(endpoint) = self.endpoint() {
            let local = all.into_iter().find(|local| local.endpoint == endpoint);
            let origin = if self.is_named() { ENDPOINT } else { "DSQL_ENDPOINT" };
            return Ok((endpoint, local, Some(origin)));
        }
        if all.is_empty() {
            bail!(
                "no dsql-local runs here, and no cluster is named: {START}, or {NAME_CLUSTER}; for a PostgreSQL, pass \
                 --postgres-url postgres://user@host/database, or begin the schema with `-- dsql-edge: dialect postgres`"
            );
        }
        let running = all.iter().position(RunningLocal::runs);
        let local = all.swap_remove(running.unwrap_or(0));
        let (endpoint, folder) = (&local.endpoint, local.folder().display());
        if running.is_none() {
            bail!(
                "no dsql-local runs here (that of {folder} does not answer at {endpoint}), and no cluster is named: {START}, \
                 or {NAME_CLUSTER}"
            );
        }
        eprintln!("dsql-edge: connects to dsql-local at {endpoint}, found by its folder {folder}");
        Ok((endpoint.clone(), Some(local), None))
    }
}

/// Returns the value of an option, or of its variable. An empty value counts as missing.
fn given(option: &Option<String>, variable: &str) -> Option<String> {
    let option = option.clone().filter(|value| !value.is_empty());
    option.or_else(|| std::env::var(variable).ok().filter(|value| !value.is_empty()))
}

/// The advice for a user if no cluster is found.
const START: &str = "start one with `dsql-local serve` in another terminal";
const NAME_CLUSTER: &str = "name the cluster with --endpoint <id>.dsql.<region>.on.aws or DSQL_ENDPOINT";

pub(crate) const NO_LOCAL_KEYS: &str = "no keys for localhost";
pub(crate) const LOCAL_KEYS: &str = "run the command in its package, or set DSQL_EDGE_CA to the file ca.crt in its folder .dsql-local, \
     and the AWS variables to the keys from the file credentials in that folder";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_is_checked_before_credentials_are_looked_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (endpoint, expected) in [
            ("https://x.dsql.us-east-1.on.aws", "it is a URL: use only the host name"),
            ("example.com", "--endpoint is neither a cluster's host name"),
            ("foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws:5433", "localhost:<port>: leave out the port"),
            ("127.0.0.1:15432", "localhost:<port>: for a dsql-local use localhost and its port"),
        ] {
            let target = Target { origin: ENDPOINT.to_owned(), ..Target::of_tests(endpoint, "admin") };
            let error = runtime.block_on(target.credentials()).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

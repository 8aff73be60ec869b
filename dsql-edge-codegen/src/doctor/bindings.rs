//! Checks a Worker's bindings: whether they exist, whether secrets are in plain text, and whether the bindings match
//! the server.
//!
//! Input: the settings of the Worker, and its local bindings. Output: the checks. Secrets that exist only on Cloudflare
//! are not visible here.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use dsql_edge::Config;
use dsql_edge_compiler::diagnostic::suggestion::distance_within;
use dsql_edge_compiler::schema::Dialect;
use serde_json::Value;

use super::check::{Check, Outcome};
use super::environment::Environment;
use crate::cluster::Target;
use crate::settings_file::{LocalBindings, text};

const NAME: &str = "bindings";

/// The role of a Worker without DSQL_USER.
const ADMIN: &str = "admin";

/// The bindings of a Worker that connects to a cluster.
const REQUIRED: [&str; 3] = ["DSQL_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The bindings that must not be in a committed file.
const SECRET: [&str; 4] =
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "TUNNEL_SERVICE_TOKEN_SECRET"];

/// The bindings that begin with `DSQL_` and that dsql-edge reads.
const KNOWN: [&str; 11] = [
    "DSQL_ENDPOINT",
    "DSQL_REGION",
    "DSQL_USER",
    "DSQL_TLS",
    "DSQL_TRANSPORT",
    "DSQL_POOL",
    "DSQL_POOL_SHARDS",
    "DSQL_POOL_LOCATION",
    "DSQL_POOL_WAITING",
    "DSQL_POOL_CONNECTIONS",
    "DSQL_EDGE_CA",
];

/// The server of the Worker.
pub(super) struct Server<'s> {
    pub(super) dialect: Dialect,
    /// The region of the cluster; `None` for a server on this machine, or without a region.
    pub(super) region: Option<&'s str>,
    /// The cluster that the other checks are about, and the role with which they log in.
    pub(super) target: Option<&'s Target>,
}

/// Returns the checks of the bindings: one for each thing that is wrong, or one if all is ok.
pub(super) fn bindings(package: &Path, file: &str, values: &Value, server: &Server<'_>) -> Vec<Check> {
    let workers = Environment::all(values);
    let local = LocalBindings::of(package);
    let bindings = Bindings { values, local: local.as_ref() };
    let mut found: Vec<Check> = workers.iter().flat_map(|worker| secrets(worker, file)).collect();
    found.extend(misspelt(&workers, local.as_ref(), file));
    found.extend(match server.dialect {
        Dialect::Postgres => vec![postgres_bindings(values, &|name| bindings.bound(name))],
        Dialect::Dsql => of_cluster(&bindings, server),
    });
    let is_ok = |check: &Check| check.outcome == Outcome::Ok;
    if !found.iter().all(is_ok) {
        found.retain(|check| !is_ok(check));
    }
    found
}

/// The bindings of the Worker in local development.
struct Bindings<'b> {
    values: &'b Value,
    local: Option<&'b LocalBindings>,
}

impl Bindings<'_> {
    fn var(&self, name: &str) -> Option<&str> {
        text(self.values, &["vars", name]).filter(|value| !value.is_empty())
    }

    fn of_local(&self, name: &str) -> Option<&str> {
        self.local.and_then(|it| it.value(name))
    }

    fn bound(&self, name: &str) -> Option<String> {
        self.of_local(name).or_else(|| self.var(name)).map(str::to_owned)
    }

    /// Whether the binding is in the Secrets Store, whose values are not visible here.
    fn is_stored(&self, name: &str) -> bool {
        let stored = self.values.pointer("/secrets_store_secrets").and_then(Value::as_array);
        stored.into_iter().flatten().any(|it| text(it, &["binding"]) == Some(name))
    }

    /// Returns the source of the bindings for messages: the file of the local bindings, or `[vars]` without such a
    /// file.
    fn shown(&self) -> &'static str {
        self.local.map_or("[vars]", |it| it.file)
    }
}

/// Returns the checks of the bindings of a Worker that connects to a cluster.
fn of_cluster(bindings: &Bindings<'_>, server: &Server<'_>) -> Vec<Check> {
    let region = bindings.bound("DSQL_REGION");
    let mut found = Vec::new();
    let (var, local) = (bindings.var("DSQL_ENDPOINT"), bindings.of_local("DSQL_ENDPOINT"));
    found.extend(var.and_then(|it| of_endpoint("[vars]", it, region.as_deref())));
    // The local binding takes precedence.
    let source = if local.is_some() { bindings.shown() } else { "[vars]" };
    let of_local = local.and_then(|it| of_endpoint(source, it, region.as_deref()));
    let has_endpoint = of_local.is_none() && (local.is_some() || found.is_empty());
    found.extend(of_local);
    let bound = |name: &str| bindings.bound(name);
    if has_endpoint {
        found.extend(server.target.and_then(|target| other_server(target, &bound, source)));
    }
    found.extend(server.target.and_then(|target| other_role(target, &bound)));
    let is_missing = |name: &&str| bound(name).is_none() && !bindings.is_stored(name);
    let missing: Vec<&str> = REQUIRED.into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        found.push(not_found(&missing.join(", "), bindings.local));
    } else if has_endpoint {
        found.push(of_config(bindings));
    }
    found
}

/// Reports a Worker that connects as another role than the login of this run.
fn other_role(target: &Target, bound: &dyn Fn(&str) -> Option<String>) -> Option<Check> {
    let user = &target.user;
    let role = bound("DSQL_USER").filter(|role| role != user)?;
    Some(Check::warning(
        NAME,
        format!("the Worker connects as {role} (DSQL_USER), and the login above is that of {user}"),
        format!(
            "check the Worker's role: `dsql-edge doctor --user {role}`; on a dsql-local, `dsql-local run --user {role} \
             --as {role} -- npx wrangler dev` gives the Worker the keys of this role"
        ),
    ))
}

fn not_found(missing: &str, local: Option<&LocalBindings>) -> Check {
    Check::warning(
        NAME,
        match local {
            Some(local) => format!("{missing} not found in {} and [vars]", local.file),
            None => format!("{missing} not found in [vars], and .dev.vars does not exist"),
        },
        "for the deployed Worker: `npx wrangler secret put NAME` (`npx wrangler secret list` shows those that are set); \
         in local development `dsql-local run -- npx wrangler dev` writes .dev.vars",
    )
}

/// Returns the check of all bindings together, as the Worker reads them.
fn of_config(bindings: &Bindings<'_>) -> Check {
    // Values of the Secrets Store are not visible, so a set with one of them is not checked further.
    if REQUIRED.into_iter().any(|name| bindings.is_stored(name)) {
        return Check::ok(NAME, format!("{} are bound", REQUIRED.join(", ")));
    }
    // The command line connects to the first endpoint of a list, so the others are not checked.
    let first = |name: &str| {
        let value = bindings.bound(name)?;
        Some(if name == "DSQL_ENDPOINT" { value.split(',').next()?.trim().to_owned() } else { value })
    };
    let shown = bindings.shown();
    match Config::from_bindings("", first) {
        Ok(_) => Check::ok(NAME, format!("{} are bound ({shown})", REQUIRED.join(", "))),
        Err(error) => Check::wrong(NAME, format!("{shown}: {error}"), "fix the binding that the error names"),
    }
}

/// Reports the secrets in the variables of a Worker. A variable of a second cluster has a prefix.
fn secrets(worker: &Environment, file: &str) -> Vec<Check> {
    let table = worker.table("vars");
    let vars = worker.values.get("vars").and_then(Value::as_object).into_iter().flatten();
    let secret = vars.filter(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        !value.is_empty() && (SECRET.iter().any(|it| name.ends_with(it)) || has_password(value))
    });
    let check = |(name, _): (&String, &Value)| {
        Check::wrong(
            NAME,
            format!("{name} is in [{table}] of {file}, in plain text"),
            format!("delete it there, revoke it, and run `npx wrangler secret put {name}`"),
        )
    };
    secret.map(check).collect()
}

/// Whether a value is the connection string of a PostgreSQL with a password.
fn has_password(value: &str) -> bool {
    let after = value.strip_prefix("postgres://").or_else(|| value.strip_prefix("postgresql://"));
    let user = after.and_then(|it| it.split(['/', '?']).next()?.rsplit_once('@'));
    user.and_then(|(user, _)| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

/// Reports bindings of a different cluster or dsql-local than that of the other checks. The deployed Worker and the
/// local Worker have different bindings, so a cluster is not compared with a dsql-local.
fn other_server(target: &Target, bound: &dyn Fn(&str) -> Option<String>, source: &str) -> Option<Check> {
    let write = format!(
        "delete DSQL_ENDPOINT, DSQL_REGION and the AWS_ lines from {source}, and start `dsql-local` again: it writes them"
    );
    let is_local = |endpoint: &str| endpoint == "localhost" || endpoint.starts_with("localhost:");
    let endpoints = bound("DSQL_ENDPOINT")?;
    let endpoint = endpoints.split(',').next()?.trim();
    if is_local(endpoint) != target.is_on_this_machine() {
        return None;
    }
    if !endpoints.split(',').any(|it| it.trim() == target.endpoint) {
        let what = format!(
            "the Worker connects to {endpoint} ({source}), but the checks above are for {}",
            target.endpoint
        );
        let remedy = if is_local(endpoint) {
            format!("if {endpoint} is the dsql-local of another folder: {write}")
        } else {
            format!("check the Worker's cluster: `dsql-edge doctor --endpoint {endpoint}`")
        };
        return Some(Check::warning(NAME, what, remedy));
    }
    let local = target.local.as_ref()?;
    let (id, secret) = (bound("AWS_ACCESS_KEY_ID")?, bound("AWS_SECRET_ACCESS_KEY")?);
    let wrong = |what: String| Some(Check::wrong(NAME, what, write.as_str()));
    match bound("DSQL_REGION") {
        Some(region) if region != local.region => {
            return wrong(format!(
                "DSQL_REGION in {source} is {region}; tokens for {endpoint} are signed for {}",
                local.region
            ));
        }
        _ => {}
    }
    // With a session token, the keys belong to a session that dsql-local's STS issued. Such keys are not in
    // dsql-local's folder.
    if bound("AWS_SESSION_TOKEN").is_some() {
        return None;
    }
    let user = bound("DSQL_USER").unwrap_or_else(|| ADMIN.to_owned());
    let mut own = [user.as_str(), ADMIN].into_iter().filter_map(|user| local.credentials(user)).peekable();
    own.peek()?;
    if own.any(|keys| keys.access_key_id == id && keys.secret_access_key == secret) {
        return None;
    }
    wrong(format!("the keys in {source} are not those of the dsql-local at {endpoint}"))
}

/// Reports the names of bindings that are almost those that dsql-edge reads.
fn misspelt(workers: &[Environment], local: Option<&LocalBindings>, file: &str) -> Vec<Check> {
    let vars = workers.iter().filter_map(|worker| worker.values.get("vars").and_then(Value::as_object));
    let of_vars = vars.flat_map(|vars| vars.keys()).map(|name| (file, name.as_str()));
    let of_local = local.into_iter().flat_map(|local| local.names().map(|name| (local.file, name)));
    let found: BTreeSet<(&str, &str)> = of_vars.chain(of_local).collect();
    let check = |(source, name): (&str, &str)| {
        let is_unknown = name.starts_with("DSQL_") && !KNOWN.contains(&name);
        let near = || KNOWN.into_iter().find(|known| distance_within(name, known).is_some());
        let known = is_unknown.then(near).flatten()?;
        let what = format!("{name} in {source} is not a binding that dsql-edge reads");
        Some(Check::warning(NAME, what, format!("did you mean {known}?")))
    };
    found.into_iter().filter_map(check).collect()
}

/// Reports an endpoint that is malformed, or at whose port on this machine nothing listens.
fn of_endpoint(source: &str, endpoint: &str, region: Option<&str>) -> Option<Check> {
    // The command line connects to the first endpoint of a list, so the others are not checked.
    let endpoint = endpoint.split(',').next()?.trim();
    let value = |name: &str| match name {
        "DSQL_ENDPOINT" => Some(endpoint.to_owned()),
        "DSQL_REGION" => region.map(str::to_owned),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some(name.to_owned()),
        _ => None,
    };
    if let Err(error) = Config::from_bindings("", value) {
        return Some(Check::wrong(
            NAME,
            format!("{source}: {error}"),
            "fix the binding that the error names",
        ));
    }
    let port = endpoint.strip_prefix("localhost:")?.parse().ok()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
        return None;
    }
    let what = format!("nothing listens at {endpoint}, the DSQL_ENDPOINT in {source}");
    Some(Check::warning(NAME, what, "`dsql-local run -- npx wrangler dev` starts one and writes .dev.vars"))
}

fn postgres_bindings(values: &Value, bound: &dyn Fn(&str) -> Option<String>) -> Check {
    let hyperdrive = values.pointer("/hyperdrive").and_then(Value::as_array);
    if let Some(binding) = hyperdrive.into_iter().flatten().find_map(|it| text(it, &["binding"])) {
        return Check::ok(NAME, format!("Hyperdrive is bound as {binding}"));
    }
    if bound("DATABASE_URL").is_none() && bound("PGHOST").is_none() {
        return Check::warning(
            NAME,
            "neither Hyperdrive nor DATABASE_URL nor PGHOST is bound",
            "add a binding of Hyperdrive, or run `npx wrangler secret put DATABASE_URL`",
        );
    }
    match Config::from_postgres_bindings("", bound) {
        Ok(_) => Check::ok(NAME, "the bindings name a PostgreSQL"),
        Err(error) => Check::wrong(NAME, error.to_string(), "fix the binding that the error names"),
    }
}

//! The check of a Worker's bindings: that they are there, that they are not in plain text, and that they fit.
//!
//! Input: the settings of the Worker, and its local bindings. Output: the check. Secrets that are on Cloudflare only are not
//! visible here.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use dsql_edge::Config;
use dsql_edge_compiler::diagnostic::suggestion::distance_within;
use dsql_edge_compiler::schema::Dialect;
use serde_json::Value;

use super::check::Check;
use crate::settings_file::{LocalBindings, text};

const NAME: &str = "bindings";

/// The bindings of a Worker that connects to a cluster.
const REQUIRED: [&str; 3] = ["DSQL_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The bindings that must not be in a committed file.
const SECRET: [&str; 4] =
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "TUNNEL_SERVICE_TOKEN_SECRET"];

/// The bindings that begin with `DSQL_`.
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
    /// The role with which the checks of a cluster log in.
    pub(super) user: Option<&'s str>,
}

/// Returns the check of the bindings.
pub(super) fn bindings(package: &Path, file: &str, values: &Value, server: &Server<'_>) -> Check {
    let var = |name: &str| text(values, &["vars", name]).filter(|value| !value.is_empty());
    if let Some(name) = SECRET.into_iter().find(|name| var(name).is_some()) {
        return Check::wrong(
            NAME,
            format!("{name} is in [vars] of {file}, in plain text"),
            format!("delete it there, revoke the key, and run `npx wrangler secret put {name}`"),
        );
    }
    let local = LocalBindings::of(package);
    let of_local = |name: &str| local.as_ref().and_then(|it| it.value(name));
    if let Some(check) = misspelt(values, local.as_ref(), file) {
        return check;
    }
    let bound = |name: &str| of_local(name).or_else(|| var(name)).map(str::to_owned);
    let shown = local.as_ref().map_or("[vars]", |it| it.file);
    if server.dialect == Dialect::Postgres {
        return postgres_bindings(values, &bound);
    }
    let region = bound("DSQL_REGION");
    let endpoints = [("[vars]", var("DSQL_ENDPOINT")), (shown, of_local("DSQL_ENDPOINT"))];
    for (source, endpoint) in endpoints {
        if let Some(check) = endpoint.and_then(|it| of_endpoint(source, it, region.as_deref())) {
            return check;
        }
    }
    let other = bound("DSQL_USER").filter(|role| server.user.is_some_and(|user| user != role));
    if let (Some(role), Some(user)) = (other, server.user) {
        return Check::warning(
            NAME,
            format!("the Worker connects as {role} (DSQL_USER), and the login above is that of {user}"),
            format!(
                "check the Worker's role: `dsql-edge doctor --user {role}`; on a dsql-local, `dsql-local run --user {role} \
                 --as {role} -- npx wrangler dev` gives the Worker the keys of this role"
            ),
        );
    }
    let stored = values.pointer("/secrets_store_secrets").and_then(Value::as_array);
    let is_stored = |name: &str| stored.into_iter().flatten().any(|it| text(it, &["binding"]) == Some(name));
    let missing: Vec<&str> =
        REQUIRED.into_iter().filter(|name| bound(name).is_none() && !is_stored(name)).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Check::warning(
            NAME,
            format!("{missing} not found in {shown}"),
            "for the deployed Worker: `npx wrangler secret put NAME` (`npx wrangler secret list` shows those that are set); \
             in local development `dsql-local run -- npx wrangler dev` writes .dev.vars",
        );
    }
    // Values of the Secrets Store are not visible, so a set with one of them is not checked further.
    if REQUIRED.into_iter().any(is_stored) {
        return Check::ok(NAME, format!("{} are bound", REQUIRED.join(", ")));
    }
    // The command line connects to the first endpoint of a list, so the others are not checked.
    let first = |name: &str| {
        let value = bound(name)?;
        Some(if name == "DSQL_ENDPOINT" { value.split(',').next()?.trim().to_owned() } else { value })
    };
    match Config::from_bindings("", first) {
        Ok(_) => Check::ok(NAME, format!("{} are bound ({shown})", REQUIRED.join(", "))),
        Err(error) => Check::wrong(NAME, format!("{shown}: {error}"), "fix the binding that the error names"),
    }
}

/// Reports the name of a binding that is almost one that dsql-edge reads.
fn misspelt(values: &Value, local: Option<&LocalBindings>, file: &str) -> Option<Check> {
    let vars = values.get("vars").and_then(Value::as_object);
    let of_vars = vars.into_iter().flat_map(|vars| vars.keys()).map(|name| (file, name.as_str()));
    let of_local = local.into_iter().flat_map(|local| local.names().map(|name| (local.file, name)));
    let (source, name, known) = of_vars.chain(of_local).find_map(|(source, name)| {
        let is_unknown = name.starts_with("DSQL_") && !KNOWN.contains(&name);
        let near = || KNOWN.into_iter().find(|known| distance_within(name, known).is_some());
        Some((source, name, is_unknown.then(near).flatten()?))
    })?;
    let what = format!("{name} in {source} is not a binding that dsql-edge reads");
    Some(Check::warning(NAME, what, format!("did you mean {known}?")))
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

//! The checks of a Worker's settings: the file, the compatibility date, the build, the placement, the bindings.
//!
//! Input: the package's folder, and what the command line found about the server. Output: the checks. Secrets that are
//! on Cloudflare only are not visible here.

use std::path::Path;

use dsql_edge::Config;
use dsql_edge_compiler::schema::Dialect;
use serde_json::Value;

use super::check::Check;
use crate::settings_file::{LocalBindings, Settings};

/// The compatibility date with which dsql-edge is tested.
const TESTED_DATE: &str = "2026-04-01";

/// The bindings of a Worker that connects to a cluster.
const REQUIRED: [&str; 3] = ["DSQL_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The bindings that must not be in a committed file.
const SECRET: [&str; 4] =
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "TUNNEL_SERVICE_TOKEN_SECRET"];

/// The server of the Worker.
pub(super) struct Server<'s> {
    pub(super) dialect: Dialect,
    /// The region of the cluster; `None` for a server on this machine, or without a region.
    pub(super) region: Option<&'s str>,
    /// The role with which the checks of a cluster log in.
    pub(super) user: Option<&'s str>,
}

/// Returns the checks of a package's settings.
pub(super) fn checks(package: &Path, server: &Server<'_>) -> Vec<Check> {
    let Some(settings) = Settings::of(package) else {
        let why = "the package has no wrangler.toml, wrangler.json or wrangler.jsonc";
        return vec![Check::left_out("wrangler", why)];
    };
    let file = settings.file;
    let values = match settings.values {
        Ok(values) => values,
        Err(error) => {
            return vec![Check::wrong("wrangler", format!("{file}: {error}"), "fix the syntax of the file")];
        }
    };
    vec![
        of_file(file, &values),
        compatibility(&values),
        build(package, &values),
        placement(&values, server),
        bindings(package, file, &values, server),
    ]
}

fn of_file(file: &str, values: &Value) -> Check {
    let name = text(values, &["name"]);
    match (name, text(values, &["main"])) {
        (Some(name), Some(main)) => Check::ok("wrangler", format!("{file}: the Worker {name}, {main}")),
        (None, _) => Check::wrong("wrangler", format!("{file} has no name"), "add name = \"my-worker\""),
        (_, None) => Check::wrong(
            "wrangler",
            format!("{file} has no main"),
            "add main = \"build/index.js\", the file that worker-build writes",
        ),
    }
}

fn compatibility(values: &Value) -> Check {
    const NAME: &str = "compatibility";
    match text(values, &["compatibility_date"]) {
        None => Check::wrong(
            NAME,
            "no compatibility_date: the Worker gets the oldest behavior of the runtime",
            format!("add compatibility_date = \"{TESTED_DATE}\""),
        ),
        // Dates in this form are ordered as texts are.
        Some(date) if date < TESTED_DATE => Check::warning(
            NAME,
            format!("compatibility_date is {date}, older than the date with which dsql-edge is tested"),
            format!("set compatibility_date = \"{TESTED_DATE}\" or later"),
        ),
        Some(date) => Check::ok(NAME, format!("compatibility_date is {date}")),
    }
}

fn build(package: &Path, values: &Value) -> Check {
    const NAME: &str = "build";
    const COMMAND: &str = "cargo install --quiet worker-build@^0.8 && worker-build --release";
    let command = text(values, &["build", "command"]);
    let main = text(values, &["main"]).unwrap_or_default();
    match command {
        Some(command) if command.contains("worker-build") => Check::ok(NAME, format!("`{command}`")),
        Some(command) => Check::warning(
            NAME,
            format!("`{command}` does not run worker-build"),
            format!("if the Worker is Rust: [build] command = \"{COMMAND}\""),
        ),
        None if !main.is_empty() && package.join(main).is_file() => Check::warning(
            NAME,
            format!("no [build]: wrangler deploys {main} as it is"),
            format!("add [build] command = \"{COMMAND}\""),
        ),
        None => Check::wrong(
            NAME,
            "no [build]: wrangler does not compile the crate",
            format!("add [build] command = \"{COMMAND}\""),
        ),
    }
}

fn placement(values: &Value, server: &Server<'_>) -> Check {
    const NAME: &str = "placement";
    if uses_pool(values) {
        return match text(values, &["vars", "DSQL_POOL_LOCATION"]) {
            Some(location) => Check::ok(NAME, format!("the pool is in {location} (DSQL_POOL_LOCATION)")),
            None => Check::warning(
                NAME,
                "the pool has no location: it is created near the first visitor",
                "set DSQL_POOL_LOCATION in [vars], for example enam for us-east-1 (the guide: Where the Worker runs)",
            ),
        };
    }
    let (region, host) = (text(values, &["placement", "region"]), text(values, &["placement", "host"]));
    let mode = text(values, &["placement", "mode"]);
    let wanted = server.region.map(|region| format!("aws:{region}"));
    let add = format!(
        "add [placement] region = \"{}\" (the guide: Where the Worker runs)",
        wanted.as_deref().unwrap_or("aws:<the region of the database>")
    );
    match (region, host, &wanted) {
        (Some(region), _, Some(wanted)) if region != wanted => Check::warning(
            NAME,
            format!(
                "the Worker runs near {region}, but the cluster is in {wanted}: every round trip is long"
            ),
            format!("set [placement] region = \"{wanted}\""),
        ),
        (Some(region), _, _) => Check::ok(NAME, format!("the Worker runs near {region}")),
        (None, Some(host), _) => Check::ok(NAME, format!("the Worker runs near {host}")),
        (None, None, _) if mode == Some("smart") => Check::warning(
            NAME,
            "Smart Placement considers `fetch`, and possibly not sockets",
            add.replacen("add", "instead, set", 1),
        ),
        (None, None, _) => Check::warning(
            NAME,
            "no placement: the Worker runs near the visitor, and every round trip to the database is long",
            add,
        ),
    }
}

fn uses_pool(values: &Value) -> bool {
    let bound = values.pointer("/durable_objects/bindings").and_then(Value::as_array);
    bound.into_iter().flatten().any(|it| text(it, &["class_name"]) == Some("DsqlPool"))
}

fn bindings(package: &Path, file: &str, values: &Value, server: &Server<'_>) -> Check {
    const NAME: &str = "bindings";
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
    let bound = |name: &str| of_local(name).or_else(|| var(name)).map(str::to_owned);
    let shown = local.as_ref().map_or("[vars]", |it| it.file);
    if server.dialect == Dialect::Postgres {
        return postgres_bindings(values, &bound);
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

fn postgres_bindings(values: &Value, bound: &dyn Fn(&str) -> Option<String>) -> Check {
    const NAME: &str = "bindings";
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

/// The text at a path of names.
fn text<'v>(values: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(values, |value, name| value.get(name))?.as_str()
}

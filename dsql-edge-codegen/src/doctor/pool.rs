//! The checks of a pool: that the Durable Object is bound and its class exists, and that the variables of the pool have
//! values that the Worker and the object accept.
//!
//! Input: the settings of a Worker, and its local bindings. Output: a check for each thing that is wrong. The messages
//! use the same words as the errors at run time (`stub.rs` and `object.rs` of the crate dsql-edge).

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use dsql_edge_compiler::diagnostic::suggestion::distance_within;
use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;

use super::check::Check;
use super::environment::Environment;
use super::object_class::Lifecycle;
use crate::check::rust_files;
use crate::settings_file::{LocalBindings, text};

const NAME: &str = "pool";

const PLACEMENT: &str = "placement";

/// The name of the binding. The binding of a second cluster has a prefix before this name.
pub(super) const BINDING: &str = "DSQL_POOL";

/// The class of the crate dsql-edge.
const CLASS: &str = "DsqlPool";

const LOCATION: &str = "DSQL_POOL_LOCATION";

/// The variables that are numbers.
const NUMBERS: [(&str, RangeInclusive<u64>); 3] = [
    ("DSQL_POOL_SHARDS", 1..=1000),
    ("DSQL_POOL_CONNECTIONS", 1..=100_000),
    ("DSQL_POOL_WAITING", 1..=100_000),
];

/// Cloudflare's location hints for Durable Objects.
const HINTS: [&str; 9] = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"];

/// A binding of a Durable Object.
struct Bound<'v> {
    name: &'v str,
    class: Option<&'v str>,
    /// The Worker that has the class; `None` if it is this Worker.
    script: Option<&'v str>,
}

/// Whether the code of a package connects to a pool.
pub(super) fn is_called(package: &Path) -> bool {
    let source = package.join("src");
    let files = rust_files(package, &mut Vec::new()).into_iter().filter(|file| file.starts_with(&source));
    files.filter_map(|file| fs::read_to_string(file).ok()).any(|text| {
        text.contains("from_pool") && text.parse().is_ok_and(|tokens: TokenStream| names_from_pool(tokens))
    })
}

fn names_from_pool(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => name == "from_pool" || name == "from_pool_with_prefix",
        TokenTree::Group(group) => names_from_pool(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether a Worker has a binding of a pool.
pub(super) fn is_used(values: &Value) -> bool {
    bound(values).any(|it| it.is_of_pool())
}

/// The package's configuration file, and the Workers that it configures.
pub(super) struct Site<'s> {
    pub(super) file: &'s str,
    pub(super) workers: &'s [Environment],
    pub(super) local: Option<&'s LocalBindings>,
    /// Whether the code connects to a pool.
    pub(super) is_called: bool,
}

/// Returns the checks of the pool of each Worker; none if no Worker uses a pool.
pub(super) fn checks(site: &Site<'_>) -> Vec<Check> {
    site.workers.iter().flat_map(|worker| of_worker(site, worker)).collect()
}

fn of_worker(site: &Site<'_>, worker: &Environment) -> Vec<Check> {
    let (file, local) = (site.file, site.local);
    let values = &worker.values;
    let bound: Vec<Bound<'_>> = bound(values).filter(Bound::is_of_pool).collect();
    let mut found = Vec::new();
    if bound.is_empty() {
        found.extend(not_bound(site, worker));
    } else {
        let is_bound = bound.iter().any(|it| it.name.ends_with(BINDING));
        found.extend(bound.iter().filter_map(|it| it.misnamed(file, is_bound)));
        found.extend(bound.iter().filter_map(Bound::of_wrong_class));
        found.extend(lifecycles(file, values, &bound));
        found.extend(numbers(worker, local));
        if found.is_empty() {
            let names: Vec<&str> = bound.iter().map(|it| it.name).collect();
            found.push(Check::ok(NAME, format!("the Durable Object is bound as {}", names.join(", "))));
        }
        found.extend(locations(worker));
        found.extend(placement(values));
    }
    found.into_iter().map(|check| worker.check(check)).collect()
}

fn bound(values: &Value) -> impl Iterator<Item = Bound<'_>> {
    let bound = values.pointer("/durable_objects/bindings").and_then(Value::as_array);
    bound.into_iter().flatten().map(|it| Bound {
        name: text(it, &["name"]).unwrap_or_default(),
        class: text(it, &["class_name"]),
        script: text(it, &["script_name"]).filter(|script| text(values, &["name"]) != Some(script)),
    })
}

impl Bound<'_> {
    fn is_of_pool(&self) -> bool {
        self.name.ends_with(BINDING) || self.class == Some(CLASS) || self.is_misspelt()
    }

    fn is_misspelt(&self) -> bool {
        let is_near =
            |class: &str| class.eq_ignore_ascii_case(CLASS) || distance_within(class, CLASS).is_some();
        self.class.is_some_and(|class| class != CLASS && is_near(class))
    }

    /// Reports a binding of the pool under another name, if no binding has the right name.
    fn misnamed(&self, file: &str, is_other_bound: bool) -> Option<Check> {
        let is_near = distance_within(self.name, BINDING).is_some();
        if self.name.ends_with(BINDING) || (is_other_bound && !is_near) {
            return None;
        }
        Some(Check::wrong(
            NAME,
            format!("the binding {BINDING} is missing: the Durable Object is bound as \"{}\"", self.name),
            format!("in {file} under [[durable_objects.bindings]] set name = \"{BINDING}\""),
        ))
    }

    /// Reports a class that is missing or misspelt. A class of the user may contain a pool.
    fn of_wrong_class(&self) -> Option<Check> {
        let remedy = format!("under [[durable_objects.bindings]] set class_name = \"{CLASS}\"");
        match self.class {
            None => Some(Check::wrong(NAME, format!("the binding {} has no class_name", self.name), remedy)),
            Some(class) if self.is_misspelt() => Some(Check::wrong(
                NAME,
                format!(
                    "the class of the binding {} is {class}, and the one of dsql-edge is {CLASS}",
                    self.name
                ),
                remedy,
            )),
            Some(_) => None,
        }
    }
}

/// Reports the classes of this Worker that no migration creates.
fn lifecycles(file: &str, values: &Value, bound: &[Bound<'_>]) -> Vec<Check> {
    let own = bound.iter().filter(|it| it.script.is_none());
    let mut classes: Vec<&str> =
        own.filter_map(|it| if it.is_misspelt() { Some(CLASS) } else { it.class }).collect();
    classes.dedup();
    let set = |class: &str| format!("in {file} under [[migrations]] set new_sqlite_classes = [\"{class}\"]");
    let check = |class: &str| match Lifecycle::of(values, class) {
        Lifecycle::Sqlite => None,
        Lifecycle::KeyValue => Some(Check::warning(
            NAME,
            format!(
                "the class {class} is in new_classes of [[migrations]], which needs Cloudflare's paid plan"
            ),
            format!(
                "before the first deployment, {}; a deployed class keeps its kind of storage",
                set(class)
            ),
        )),
        Lifecycle::Missing => Some(Check::wrong(
            NAME,
            format!(
                "no [[migrations]] has new_sqlite_classes = [\"{class}\"]: Cloudflare rejects the binding"
            ),
            format!("{}, with a tag that no other migration has", set(class)),
        )),
    };
    classes.into_iter().filter_map(check).collect()
}

/// Reports a Worker without the binding that it needs.
fn not_bound(site: &Site<'_>, worker: &Environment) -> Option<Check> {
    let top = site.workers.first()?;
    let remedy = format!(
        "in {} under [[{}]] set name = \"{BINDING}\" and class_name = \"{CLASS}\"",
        site.file,
        worker.table("durable_objects.bindings")
    );
    let missing = format!("the binding {BINDING} is missing");
    if worker.name.is_none() {
        // If only the environments of a package are deployed, the package needs no binding at the top level.
        let is_bound = site.workers.iter().any(|worker| is_used(&worker.values));
        if site.is_called && !is_bound {
            return Some(Check::wrong(NAME, format!("{missing}, and the code calls from_pool"), remedy));
        }
    } else if worker.values.get("main") == top.values.get("main") && (site.is_called || is_used(&top.values))
    {
        let what = format!("{missing}: an environment does not inherit bindings");
        return Some(Check::wrong(NAME, what, remedy));
    }
    let is_of_pool = |name: &str| name.ends_with("DSQL_POOL_SHARDS") || name.ends_with(LOCATION);
    let (source, name, _) =
        variables(worker, site.local).into_iter().find(|(_, name, _)| is_of_pool(name))?;
    let what = format!("{name} is set ({source}), and the binding {BINDING} is missing");
    Some(Check::warning(NAME, what, format!("{remedy}, or delete the variable")))
}

/// Returns the variables of a Worker, and its local bindings: the source, the name, and the value.
fn variables(worker: &Environment, local: Option<&LocalBindings>) -> Vec<(String, String, Value)> {
    let vars = worker.values.get("vars").and_then(Value::as_object).into_iter().flatten();
    let table = format!("[{}]", worker.table("vars"));
    let vars = vars.map(|(name, value)| (table.clone(), name.clone(), value.clone()));
    // `wrangler dev` without `--env` runs the Worker of the configuration's top level.
    let local = local.filter(|_| worker.name.is_none()).into_iter();
    let local = local.flat_map(|local| {
        let value = |name: &str| Value::from(local.value(name).unwrap_or_default());
        local.names().map(move |name| (local.file.to_owned(), name.to_owned(), value(name)))
    });
    vars.chain(local).collect()
}

/// Reports the numbers that the Worker or the object does not accept.
fn numbers(worker: &Environment, local: Option<&LocalBindings>) -> Vec<Check> {
    let check = |(source, name, value): (String, String, Value)| {
        let (_, range) = NUMBERS.into_iter().find(|(end, _)| name.ends_with(end))?;
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Some(not_a_text(&source, &name, &value)),
        };
        if text.parse().is_ok_and(|number| range.contains(&number)) {
            return None;
        }
        let (first, last) = range.into_inner();
        let what = format!("{name} is not a number from {first} to {last} ({source})");
        Some(Check::wrong(NAME, what, format!("set {name} to such a number, or delete it for the default")))
    };
    variables(worker, local).into_iter().filter_map(check).collect()
}

/// Reports a variable whose type the Worker does not accept. The Worker treats such a variable as missing.
fn not_a_text(source: &str, name: &str, value: &Value) -> Check {
    Check::warning(
        NAME,
        format!("{name} is not a string ({source}): the Worker ignores it"),
        format!("set {name} = \"{value}\""),
    )
}

/// Returns the checks of the pool's location.
fn locations(worker: &Environment) -> Vec<Check> {
    let variables = variables(worker, None);
    let named: Vec<_> = variables.into_iter().filter(|(_, name, _)| name.ends_with(LOCATION)).collect();
    if named.is_empty() {
        return vec![Check::warning(
            PLACEMENT,
            "the pool has no location: it is created near the first visitor",
            format!(
                "set {LOCATION} in [{}], for example enam for us-east-1 (the guide: Where the Worker runs)",
                worker.table("vars")
            ),
        )];
    }
    let check = |(source, name, value): (String, String, Value)| match value.as_str() {
        None => not_a_text(&source, &name, &value),
        Some(hint) if HINTS.contains(&hint) => {
            Check::ok(PLACEMENT, format!("the pool is in {hint} ({name})"))
        }
        Some(other) => Check::warning(
            PLACEMENT,
            format!("{name} = \"{other}\" is not one of Cloudflare's location hints"),
            format!("set one of {}, for example enam for us-east-1", HINTS.join(", ")),
        ),
    };
    named.into_iter().map(check).collect()
}

/// Reports a Worker that does not run near its visitors.
fn placement(values: &Value) -> Option<Check> {
    let place = values.get("placement")?.as_object()?;
    let named = ["region", "host", "hostname"].into_iter().find_map(|name| place.get(name)?.as_str());
    let is_smart = place.get("mode").and_then(Value::as_str) == Some("smart");
    let place = match named {
        Some(named) => format!("near {named}"),
        None if is_smart => "where Smart Placement decides".to_owned(),
        None => return None,
    };
    Some(Check::warning(
        PLACEMENT,
        format!(
            "the Worker runs {place}, and not near its visitors: with a pool, only the pool needs to be near the cluster"
        ),
        "remove [placement]; keep it if most requests need several round trips to the database (the guide: Where the Worker \
         runs)",
    ))
}

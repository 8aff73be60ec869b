//! Checks that the features of the crate dsql-edge read the bindings that are set: without its feature, a binding is
//! ignored, and no error shows this.

use std::fs;
use std::path::Path;

use serde_json::Value;
use toml_edit::{DocumentMut, Item};

use super::check::Check;
use super::environment::Environment;
use super::pool;
use crate::settings_file::{LocalBindings, Settings};

const NAME: &str = "features";

const CRATE: &str = "dsql-edge";

/// The bindings that the crate reads only with a feature, and this feature.
const READ_BY: [(&str, &str); 3] =
    [("DSQL_TLS", "direct-tls"), ("DSQL_TRANSPORT", "websocket"), ("AWS_ROLE_ARN", "assume-role")];

/// The feature with the pool. Without the feature `pool`, the class of the pool and `from_pool` do not exist.
const POOL: &str = "pool";

/// Returns the checks of the features.
pub(super) fn checks(package: &Path) -> Vec<Check> {
    let settings = Settings::of(package).and_then(|settings| settings.values.ok());
    pool(package, settings.as_ref()).into_iter().chain(variables(package, settings.as_ref())).collect()
}

/// Reports a pool that is bound or called, and whose feature is off.
fn pool(package: &Path, settings: Option<&Value>) -> Option<Check> {
    let workers = settings.map(Environment::all).unwrap_or_default();
    let what = if workers.iter().any(|worker| pool::is_used(&worker.values)) {
        "the pool is bound"
    } else if pool::is_called(package) {
        "the code calls from_pool"
    } else {
        return None;
    };
    let is_on = features(package)?.iter().any(|it| it == POOL);
    (!is_on).then(|| {
        Check::wrong(
            NAME,
            format!("{what}, but the feature {POOL} of {CRATE} is off, so the Worker has no class DsqlPool"),
            format!("cargo add {CRATE} --features {POOL}, or remove what needs it"),
        )
    })
}

/// Returns the check of the variables; `None` if no binding needs a feature, or if the package does not depend on the
/// crate.
fn variables(package: &Path, settings: Option<&Value>) -> Option<Check> {
    let local = LocalBindings::of(package);
    let is_bound = |name: &str| {
        let variable = settings.and_then(|values| values.pointer(&format!("/vars/{name}")));
        // A Worker treats an empty binding as missing.
        variable.is_some_and(|value| value.as_str() != Some(""))
            || local.as_ref().is_some_and(|local| local.value(name).is_some())
    };
    let bound: Vec<_> = READ_BY.into_iter().filter(|(name, _)| is_bound(name)).collect();
    if bound.is_empty() {
        return None;
    }
    let on = features(package)?;
    let (read, ignored): (Vec<_>, Vec<_>) =
        bound.into_iter().partition(|(_, feature)| on.iter().any(|it| it == feature));
    let listed = |pairs: &[(&str, &str)], between: &str| -> String {
        let each: Vec<String> =
            pairs.iter().map(|(name, feature)| format!("{feature}{between}{name}")).collect();
        each.join(", ")
    };
    if ignored.is_empty() {
        return Some(Check::ok(NAME, listed(&read, " reads ")));
    }
    let features: Vec<&str> = ignored.iter().map(|(_, feature)| *feature).collect();
    let features = features.join(",");
    Some(Check::wrong(
        NAME,
        format!("a binding is ignored, because its feature of {CRATE} is off: {}", listed(&ignored, " for ")),
        format!("cargo add {CRATE} --features {features}, or delete the binding"),
    ))
}

/// Returns the features of the crate that a package turns on.
fn features(package: &Path) -> Option<Vec<String>> {
    let package = fs::canonicalize(package).ok()?;
    let mut manifests = package.ancestors().filter_map(|folder| {
        let text = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
        text.parse().ok()
    });
    turned_on(&manifests.next()?, manifests)
}

/// Returns the features of the crate in a manifest. If the manifest inherits the dependency, the result also contains
/// the features in the manifest of the workspace, which is one of the manifests `above`.
fn turned_on(manifest: &DocumentMut, above: impl Iterator<Item = DocumentMut>) -> Option<Vec<String>> {
    let dependency = manifest.get("dependencies")?.get(CRATE)?;
    let mut on = listed(dependency);
    if dependency.get("workspace").and_then(Item::as_bool) == Some(true) {
        let workspace = above.chain([manifest.clone()]).find_map(|it| it.get("workspace").cloned())?;
        on.extend(listed(workspace.get("dependencies")?.get(CRATE)?));
    }
    // A feature of the package may turn on a feature of the crate. The feature of the package may be on by default or
    // through an option.
    let own = manifest.get("features").and_then(Item::as_table_like);
    let values = own.into_iter().flat_map(|own| own.iter()).filter_map(|(_, item)| item.as_array()).flatten();
    on.extend(values.filter_map(|value| {
        let (name, feature) = value.as_str()?.split_once('/')?;
        (name.trim_end_matches('?') == CRATE).then(|| feature.to_owned())
    }));
    Some(on)
}

fn listed(dependency: &Item) -> Vec<String> {
    let features = dependency.get("features").and_then(Item::as_array);
    features.into_iter().flatten().filter_map(|it| it.as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::turned_on;

    const WORKSPACE: &str =
        "[workspace.dependencies]\ndsql-edge = { version = \"0.1\", features = [\"assume-role\"] }\n";

    #[test]
    fn features_are_those_of_the_package_and_of_its_workspace() {
        let cases: [(&str, Option<&[&str]>); 7] = [
            ("dsql-edge = \"0.1\"", Some(&[])),
            (
                "dsql-edge = { version = \"0.1\", features = [\"direct-tls\", \"pool\"] }",
                Some(&["direct-tls", "pool"]),
            ),
            ("dsql-edge.workspace = true", Some(&["assume-role"])),
            ("dsql-edge = { workspace = true, features = [\"pool\"] }", Some(&["pool", "assume-role"])),
            ("dsql-edge.features = [\"pool\"]", Some(&["pool"])),
            ("worker = \"0.8\"", None),
            (
                "dsql-edge = \"0.1\"\n[features]\ndefault = [\"near\"]\nnear = [\"dsql-edge/pool\"]",
                Some(&["pool"]),
            ),
        ];
        let parse = |text: &str| text.parse::<DocumentMut>().unwrap();
        for (dependency, expected) in cases {
            let manifest = parse(&format!("[dependencies]\n{dependency}\n"));
            let on = turned_on(&manifest, [parse(WORKSPACE)].into_iter());
            let expected = expected.map(|expected| expected.iter().map(|&it| it.to_owned()).collect());
            assert_eq!(on, expected, "{dependency}");
        }
    }
}

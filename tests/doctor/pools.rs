//! The packages with a pool: one package with the settings of the guide, and one package for each mistake in these
//! settings.

use dsql_edge_tests::scratch_package::write_files;

use super::{Part, Setup, Site, WRANGLER};
use crate::setups::KEYS;

/// The settings of the chapter about the pool.
const POOL: &str = "
[[durable_objects.bindings]]
name = \"DSQL_POOL\"
class_name = \"DsqlPool\"

[[migrations]]
tag = \"v1\"
new_sqlite_classes = [\"DsqlPool\"]

[vars]
DSQL_POOL_LOCATION = \"enam\"
DSQL_POOL_SHARDS = \"4\"
";

const MANIFEST: &str = "[package]\nname = \"links\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
                        [dependencies]\ndsql-edge = { version = \"0.1\", features = [\"pool\"] }\n";

/// The settings as JSON with comments. Two of the settings are wrong.
const JSONC: &str = r#"{
  // The binding of the class is misspelt, and a number is not a string.
  "name": "links",
  "main": "build/index.js",
  "compatibility_date": "2026-04-01",
  "build": { "command": "worker-build --release" },
  "durable_objects": { "bindings": [{ "name": "DSQL_POL", "class_name": "DsqlPool" }] },
  "exports": { "DsqlPool": { "type": "durable-object", "storage": "sqlite" } },
  "vars": { "DSQL_POOL_LOCATION": "enam", "DSQL_POOL_SHARDS": 4 },
}
"#;

/// The names of the setups, each with the replacements that are made in the settings.
const SETUPS: [(&str, &[(&str, &str)]); 17] = [
    ("pool", &[]),
    ("pool_binding_misspelt", &[("name = \"DSQL_POOL\"", "name = \"DSQL_POL\"")]),
    ("pool_class_misspelt", &[("class_name = \"DsqlPool\"", "class_name = \"DsqlPol\"")]),
    ("pool_class_of_the_user", &[("DsqlPool", "Counter")]),
    ("pool_without_binding", &[(BINDING, "")]),
    ("pool_without_migration", &[(MIGRATION, "")]),
    ("pool_of_another_migration", &[("[\"DsqlPool\"]", "[\"Counter\"]")]),
    ("pool_with_paid_storage", &[("new_sqlite_classes", "new_classes")]),
    (
        "pool_numbers",
        &[("SHARDS = \"4\"", "SHARDS = \"four\"\nDSQL_POOL_CONNECTIONS = \"0\"\nDSQL_POOL_WAITING = 100")],
    ),
    ("pool_location_unknown", &[("\"enam\"", "\"virginia\"")]),
    ("pool_without_location", &[("DSQL_POOL_LOCATION = \"enam\"\n", "")]),
    ("pool_and_placement", &[("\n[vars]", "\n[placement]\nregion = \"aws:us-east-1\"\n\n[vars]")]),
    ("pool_of_an_environment", &[("\n[vars]", OF_ENVIRONMENT)]),
    ("pool_not_inherited", &[("\n[vars]", "\n[env.production.vars]\nDSQL_POOL_SHARDS = \"0\"\n\n[vars]")]),
    (
        "pool_of_another_worker",
        &[("\"DsqlPool\"\n\n", "\"DsqlPool\"\nscript_name = \"pool\"\n\n"), (MIGRATION, "")],
    ),
    ("build_writes_another_file", &[("build/index.js", "dist/index.js")]),
    ("build_by_wasm_pack", &[("worker-build", "wasm-pack build")]),
];

const BINDING: &str = "[[durable_objects.bindings]]\nname = \"DSQL_POOL\"\nclass_name = \"DsqlPool\"\n";

const MIGRATION: &str = "[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"DsqlPool\"]\n";

/// An environment with a wrong number of objects, which inherits the migrations of the top level.
const OF_ENVIRONMENT: &str = "
[env.production]
durable_objects.bindings = [{ name = \"DSQL_POOL\", class_name = \"DsqlPool\" }]
vars = { DSQL_POOL_LOCATION = \"europe\", DSQL_POOL_SHARDS = \"1001\" }

[vars]";

/// Writes the packages. Returns their setups.
pub(crate) fn write(site: &Site, bindings: &str) -> Vec<Setup> {
    let near = WRANGLER.split("\n[placement]").next().unwrap();
    let mut packages: Vec<(&'static str, &str, &str, String)> = SETUPS
        .iter()
        .map(|(name, replacements)| {
            let settings = replacements.iter().fold(format!("{near}{POOL}"), |settings, (from, to)| {
                assert!(settings.contains(from), "{name}: {from}");
                settings.replace(from, to)
            });
            (*name, MANIFEST, "wrangler.toml", settings)
        })
        .collect();
    packages.push(("pool_in_json", MANIFEST, "wrangler.jsonc", JSONC.to_owned()));
    let off = MANIFEST.replace("[\"pool\"]", "[\"websocket\"]");
    packages.push(("pool_without_feature", &off, "wrangler.toml", format!("{near}{POOL}")));
    let several = format!(
        "{near}\n[vars]\nDSQL_ENDPONIT = \"a\"\nDSQL_REGOIN = \"b\"\nAWS_SECRET_ACCESS_KEY = \"canary\"\n\
         AWS_SESSION_TOKEN = \"canary\"\nDSQL_USER = \"blog\"\n"
    );
    packages.push(("bindings_with_several_mistakes", MANIFEST, "wrangler.toml", several));
    let code = "async fn fetch() {\n    let dsql = Dsql::from_pool(&env)?;\n}\n";
    for name in ["pool_called_and_not_bound", "pool_called_without_feature"] {
        write_files(&site.folder(name), &[("src/lib.rs", code)]);
    }
    packages.push(("pool_called_and_not_bound", MANIFEST, "wrangler.toml", near.to_owned()));
    packages.push(("pool_called_without_feature", &off, "wrangler.toml", near.to_owned()));
    for (name, manifest, file, settings) in &packages {
        let files = [("Cargo.toml", *manifest), (*file, settings.as_str()), (".dev.vars", bindings)];
        write_files(&site.folder(name), &files);
    }
    packages.into_iter().map(|(name, ..)| setup(name)).collect()
}

fn setup(name: &'static str) -> Setup {
    Setup { name, package: name, arguments: &[], variables: &KEYS, part: Part::OfPackage }
}

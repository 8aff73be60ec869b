//! The templates of `new`, and their files.
//!
//! A template consists of files below `templates/`. A template contains `@…@` where the name, the Region or a part that
//! differs between the templates is inserted. `Cargo.toml` is kept as `manifest.toml`, because cargo leaves a folder
//! with a `Cargo.toml` out of a package.

use clap::ValueEnum;

use super::location;
use super::name::Name;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    Api,
    Axum,
    Cron,
    Pool,
}

macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("../../templates/", $path))
    };
}

/// The parts in which the templates differ. Each part replaces a placeholder, such as `@dependencies@`, in the files.
struct Parts {
    about: &'static str,
    requests: &'static str,
    dependencies: &'static str,
    settings: &'static str,
    lib: &'static str,
    /// The function that makes a `Dsql`.
    from: &'static str,
    /// The end of the first line of `src/lib.rs`.
    kept: &'static str,
    overloaded: &'static str,
    /// Queries and tests in addition to the common ones, and the names that they import.
    queries: &'static str,
    queries_import: &'static str,
    tests: &'static str,
    tests_import: &'static str,
}

impl Template {
    fn parts(self) -> Parts {
        let api = Parts {
            about: "A task list on Cloudflare Workers that keeps its tasks in Aurora DSQL.",
            requests: text!("common/requests.md"),
            dependencies: text!("api/dependencies.toml"),
            settings: text!("api/settings.toml"),
            lib: text!("api/lib.rs"),
            from: "from_env",
            kept: "",
            overloaded: "",
            queries: "",
            queries_import: "",
            tests: "",
            tests_import: "",
        };
        match self {
            Template::Api => api,
            Template::Axum => Parts {
                about: "A task list on Cloudflare Workers, with axum, that keeps its tasks in Aurora DSQL.",
                dependencies: text!("axum/dependencies.toml"),
                lib: text!("axum/lib.rs"),
                ..api
            },
            Template::Cron => Parts {
                about: "A cron Worker that cleans up a task list in Aurora DSQL, and shows what is left.",
                requests: text!("cron/requests.md"),
                dependencies: text!("cron/dependencies.toml"),
                settings: text!("cron/settings.toml"),
                lib: text!("cron/lib.rs"),
                queries: text!("cron/task.part"),
                queries_import: "Dsql, ",
                tests: text!("cron/task_test.part"),
                tests_import: ", sql",
                ..api
            },
            Template::Pool => Parts {
                about: "A task list on Cloudflare Workers that keeps its tasks in Aurora DSQL, over connections that a \
                        Durable Object keeps.",
                dependencies: text!("pool/dependencies.toml"),
                settings: text!("pool/settings.toml"),
                from: "from_pool",
                kept: ",\n//! over connections that a Durable Object keeps",
                overloaded: text!("pool/overloaded.part"),
                ..api
            },
        }
    }
}

/// Returns the files of a new Worker: the path in its folder, and the text.
pub(super) fn files(template: Template, name: &Name, region: &str) -> Vec<(&'static str, String)> {
    let parts = template.parts();
    let queries = [text!("common/task.rs"), parts.queries].concat();
    let tests = [text!("common/task_test.rs"), parts.tests].concat();
    let fill = |text: &str| {
        // The parts contain placeholders for names, so the names are inserted last.
        text.replace("@dependencies@", parts.dependencies)
            .replace("@settings@", parts.settings)
            .replace("@requests@\n", parts.requests)
            .replace("@about@", parts.about)
            .replace("@dsql@", parts.queries_import)
            .replace("@sql@", parts.tests_import)
            .replace("@from@", parts.from)
            .replace("@kept@", parts.kept)
            .replace("@overloaded@", parts.overloaded)
            .replace("@location@", location::near(region))
            .replace("@region@", region)
            .replace("@version@", VERSION)
            .replace("@crate@", &name.of_crate())
            .replace("@name@", name.of_worker())
    };
    [
        ("Cargo.toml", text!("common/manifest.toml")),
        ("build.rs", text!("common/build.rs")),
        ("wrangler.toml", text!("common/wrangler.toml")),
        ("package.json", text!("common/package.json")),
        ("migrations/0001_task.sql", text!("common/task.sql")),
        ("src/lib.rs", parts.lib),
        ("src/task.rs", &queries),
        ("tests/task.rs", &tests),
        ("README.md", text!("common/README.md")),
        (".gitignore", text!("common/gitignore")),
        (".dev.vars.example", text!("common/dev.vars.example")),
        (".github/workflows/ci.yml", text!("common/workflow.yml")),
    ]
    .into_iter()
    .map(|(path, text)| (path, fill(text)))
    .collect()
}

/// The version of `dsql-edge` that new Workers depend on: the version of this command, without its last number.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

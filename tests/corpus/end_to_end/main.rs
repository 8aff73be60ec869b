//! Compiles the queries of a corpus with `sql!`, runs them on a PostgreSQL 16 through the runtime, and compares the
//! decoded values with PostgreSQL's text.
//!
//! `cargo xtask corpus end-to-end` runs this test with the corpus. `CORPUS_PROJECT=name` selects the projects whose
//! names contain `name`, and `CORPUS_FAILURES=1` prints each query that returned no row.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod arguments;
mod build;
mod overrides;
mod project;
mod report;
mod source;
mod types;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use dsql_edge_compiler::fields::RustType;
use dsql_edge_tests::oracle::{Database, Oracle, Values};
use dsql_edge_tests::postgres_server::PostgresServer;
use dsql_edge_tests_corpus::plan::{self, Outcome, Plan};
use xtask::{project as folders, setup, step::step};

use project::Project;
use report::Report;
use source::TypeNames;

/// The databases of a project: the values of the rows, and whether some values are NULL.
const DATABASES: [(Values, bool); 4] =
    [(Values::Finite, true), (Values::Finite, false), (Values::Held, true), (Values::Beyond, true)];

#[test]
fn decoded_values_are_those_that_postgresql_prints() {
    let corpus =
        std::env::var_os("DSQL_EDGE_CORPUS").expect("DSQL_EDGE_CORPUS names the folder of the corpora");
    let only = std::env::var("CORPUS_PROJECT").unwrap_or_default();
    let projects = project::projects(&PathBuf::from(corpus), &only).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    setup::runtime().unwrap();
    let server = runtime.block_on(PostgresServer::start(&setup::postgres().unwrap(), "", ""));
    let oracle =
        Oracle::of_server(&format!("host=127.0.0.1 port={} user=postgres dbname=postgres", server.port()))
            .unwrap();
    let mut prepared: Vec<Prepared<'_>> =
        projects.iter().map(|project| prepare(project, &oracle, server.port()).unwrap()).collect();
    let rejected = compile(&mut prepared).unwrap();
    let mut report = Report::default();
    for (project, outcomes) in prepared.iter().zip(run_all(&prepared)) {
        report.add(project, &rejected, &outcomes.unwrap());
    }
    drop(prepared);
    runtime.block_on(server.stop());
    report.print();
    assert!(report.is_clean(), "{}", report.failures());
}

/// A project whose databases have rows.
struct Prepared<'o> {
    project: &'o Project,
    package: String,
    plan: Plan,
    names: BTreeMap<usize, TypeNames>,
    /// The reasons why PostgreSQL does not prepare a query.
    unprepared: BTreeMap<usize, String>,
    /// Kept until the queries have run.
    _databases: Vec<Database<'o>>,
}

fn prepare<'o>(project: &'o Project, oracle: &'o Oracle, port: u16) -> Result<Prepared<'o>> {
    // Dumps contain psql commands.
    let ddl: String = project.snapshot.split_inclusive('\n').filter(|line| !line.starts_with('\\')).collect();
    let mut databases = Vec::new();
    for (values, nulls) in DATABASES {
        let database = oracle.database(&ddl).with_context(|| project.name.clone())?;
        // A dump sets the `search_path` of its session.
        database.run("RESET ALL")?;
        database.seed_with(values, nulls)?;
        databases.push(database);
    }
    let package = format!("corpus-{}", project.name.replace('.', "-"));
    let plan = Plan { databases: Vec::new(), queries: BTreeMap::new() };
    let (names, unprepared) = (BTreeMap::new(), BTreeMap::new());
    let mut prepared = Prepared { project, package, plan, names, unprepared, _databases: Vec::new() };
    for (database, (values, _)) in databases.iter().zip(DATABASES) {
        // Foreign keys are not checked: an argument need not be the key of another row.
        let options = "-c%20session_replication_role%3Dreplica%20-c%20statement_timeout%3D5000";
        let url = format!(
            "postgres://postgres@127.0.0.1:{port}/{}?sslmode=disable&options={options}",
            database.name()
        );
        prepared.plan.databases.push(plan::Database { url, beyond: values == Values::Beyond });
    }
    let first = databases.first().context("no database")?;
    for query in &project.queries {
        let Ok(compiled) = &query.compiled else { continue };
        let (names, parameters) = match (first.type_names(&query.sql), first.parameters(&query.sql)) {
            (Ok(names), Ok(parameters)) => (names, parameters),
            (Err(error), _) | (_, Err(error)) => {
                prepared.unprepared.insert(query.number, format!("{error:#}"));
                continue;
            }
        };
        let arguments = DATABASES.map(|(values, _)| {
            // A value that the Rust type cannot hold cannot be an argument.
            let values = if values == Values::Beyond { Values::Finite } else { values };
            arguments::sets(&compiled.typed, &parameters, values, query.number as u64)
        });
        let columns =
            compiled.places()?.into_iter().map(|place| column(compiled, &place, &names.1)).collect();
        let planned = plan::Query { sql: query.sql.clone(), columns, arguments: arguments.into() };
        prepared.plan.queries.insert(query.number, planned);
        prepared.names.insert(query.number, names);
    }
    prepared._databases = databases;
    Ok(prepared)
}

fn column(compiled: &project::Compiled, place: &project::Place<'_>, names: &[String]) -> plan::Column {
    let field = place.field;
    let is_nullable = compiled.typed.columns.get(field.column).is_some_and(|column| column.nullable);
    let name = names.get(field.column).map_or("", String::as_str);
    let is_text = matches!(field.rust_type, RustType::Known("::std::string::String"));
    plan::Column {
        name: field.name.text().to_owned(),
        nullable: field.nullable,
        declared: !field.nullable && is_nullable,
        own_type: matches!(field.rust_type, RustType::Written(_)),
        json: !is_text && (name.ends_with("json\"") || name.ends_with("jsonb\"")),
        as_jsonb: !is_text && name == types::JSON,
    }
}

/// Builds the packages. Queries that rustc rejects are left out.
fn compile(prepared: &mut [Prepared<'_>]) -> Result<build::Rejected> {
    let mut rejected = build::Rejected::new();
    loop {
        let mut packages = BTreeMap::new();
        for project in prepared.iter() {
            packages.insert(project.package.clone(), source::package(project.project, &project.names)?);
        }
        build::write(&packages)?;
        let found = step("compiling the queries", build::build)?;
        if found.is_empty() {
            return Ok(rejected);
        }
        for ((package, number), error) in found {
            let project = prepared.iter_mut().find(|project| project.package == package);
            let removed = project.and_then(|project| project.names.remove(&number));
            if removed.is_none() {
                bail!("{package}, query {number}: {error}");
            }
            rejected.insert((package, number), error);
        }
    }
}

/// Runs the programs, several at the same time: each program mostly waits for PostgreSQL.
fn run_all(prepared: &[Prepared<'_>]) -> Vec<Result<Vec<Outcome>>> {
    const AT_ONCE: usize = 4;
    let plans: Vec<(&Plan, &str)> = prepared.iter().map(|it| (&it.plan, it.package.as_str())).collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((plan, package)) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcomes = run(plan, package).with_context(|| (*package).to_owned());
                    done.lock().unwrap().insert(*package, outcomes);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    plans.iter().map(|(_, package)| done.remove(package).context("the program did not run")?).collect()
}

fn run(plan: &Plan, package: &str) -> Result<Vec<Outcome>> {
    let path = build::folder().join(package).join("plan.json");
    fs::write(&path, serde_json::to_vec(plan)?)?;
    step(&format!("running {package}"), || {
        let mut program = Command::new(build::program(package));
        let output = program
            .arg(&path)
            .current_dir(folders::root())
            .stderr(std::process::Stdio::inherit())
            .output()?;
        if !output.status.success() {
            bail!("the program failed ({})", output.status);
        }
        let lines = String::from_utf8(output.stdout)?;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    })
}

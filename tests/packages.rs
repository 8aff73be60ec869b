//! Reads the migrations of published applications, and compares the resulting schema and the applications' queries with
//! PostgreSQL.
//!
//! For each application, PostgreSQL runs the migrations. The test fails if the snapshot lacks a relation, if the name
//! of a column differs or its NOT NULL was lost, or if the description of a query differs. The packages come from
//! `tests/packages/Cargo.lock`; the test downloads them, so it does not run by default: `cargo xtask corpus packages`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dsql_edge_compiler::schema::Dialect;
use dsql_edge_compiler::{Schema, Source, compile};
use dsql_edge_tests::oracle::{Database, Oracle, Verdict};
use serde_json::Value;

/// An application, and the locations of its SQL in its package.
struct Application {
    package: &'static str,
    /// SQL that creates the objects which the application's migration tool creates before the first migration.
    before: &'static str,
    /// The folder with the migrations, and the suffix of their file names.
    migrations: (&'static str, &'static str),
    /// The folder with the queries; "" if they are in Rust sources.
    queries: &'static str,
}

const APPLICATIONS: [Application; 6] = [
    Application {
        package: "apalis-postgres",
        before: "",
        migrations: ("migrations", ".sql"),
        queries: "queries",
    },
    Application {
        package: "atuin-server-postgres",
        before: "",
        migrations: ("migrations", ".sql"),
        queries: "",
    },
    Application {
        package: "fang",
        before: "",
        migrations: ("postgres_migrations/migrations", "up.sql"),
        queries: "src/asynk/queries_postgres",
    },
    Application {
        package: "graphile_worker_migrations",
        before: "CREATE SCHEMA graphile_worker; CREATE TABLE graphile_worker.migrations \
                 (id int PRIMARY KEY, ts timestamptz NOT NULL DEFAULT now(), breaking boolean NOT NULL DEFAULT false);",
        migrations: ("src/sql", ".sql"),
        queries: "",
    },
    Application { package: "sqlxmq", before: "", migrations: ("migrations", ".up.sql"), queries: "" },
    Application {
        package: "underway",
        before: "CREATE TABLE public._sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, \
                 installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, \
                 execution_time bigint NOT NULL);",
        migrations: ("migrations", ".sql"),
        queries: ".sqlx",
    },
];

#[test]
fn applications_are_read_as_postgres_reads_them() {
    let folders = download();
    let oracle = Oracle::start().unwrap();
    let mut differences = Vec::new();
    let mut total = [0; 4];
    for application in &APPLICATIONS {
        let folder = folder_of(&folders, application.package);
        let migrations = migrations(&folder, application);
        let database = oracle.database("").unwrap();
        for (name, sql) in &migrations {
            database.run(sql).unwrap_or_else(|error| panic!("{}, {name}: {error}", application.package));
        }
        let files = migrations.iter().map(|(name, sql)| (name.as_str(), sql.as_str()));
        let schema = Schema::parse_files(files, Some(Dialect::Postgres))
            .unwrap_or_else(|errors| panic!("{}: {errors:?}", application.package));
        let relations = relations(&database);
        let columns = compare_relations(&schema, &relations, &mut differences);
        let queries = queries(&folder, application);
        for query in &queries {
            compare_query(&schema, &database, query, &mut differences);
        }
        let figures = [migrations.len(), relations.len(), columns, queries.len()];
        println!(
            "{:<28} {:>3} files {:>3} relations {:>4} columns {:>3} queries",
            application.package, figures[0], figures[1], figures[2], figures[3]
        );
        total.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
    }
    let [files, relations, columns, queries] = total;
    println!("{files} files, {relations} relations, {columns} columns, {queries} queries");
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// Downloads the packages; returns their folders.
fn download() -> Vec<PathBuf> {
    let manifest = xtask::project::root().join("tests/packages/Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--locked", "--format-version", "1", "--manifest-path"]).arg(manifest);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|it| Path::new(it["manifest_path"].as_str().unwrap()).parent().unwrap().into())
        .collect()
}

/// The folder of a package, whose name ends with a hyphen and the version.
fn folder_of(folders: &[PathBuf], package: &str) -> PathBuf {
    let is_version = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let of_package = |folder: &&PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap();
        name.strip_prefix(package).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_version)
    };
    folders.iter().find(of_package).unwrap_or_else(|| panic!("no folder of {package}")).clone()
}

/// Returns the files whose names end with `end`, sorted by path.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The migrations in their order, each with its name.
fn migrations(folder: &Path, application: &Application) -> Vec<(String, String)> {
    let (place, end) = application.migrations;
    let before =
        (!application.before.is_empty()).then(|| ("before".to_owned(), application.before.to_owned()));
    let read = files(&folder.join(place), end).into_iter().map(|path| {
        let sql = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(folder).unwrap().display().to_string(), with_names(&sql))
    });
    before.into_iter().chain(read).collect()
}

/// Returns the SQL with the name of the schema inserted, as the application inserts it at run time.
fn with_names(sql: &str) -> String {
    let placeholders = [":GRAPHILE_WORKER_SCHEMA", "{escaped_schema}", "{schema}"];
    placeholders.iter().fold(sql.to_owned(), |sql, placeholder| sql.replace(placeholder, "graphile_worker"))
}

/// The queries: the files in the folder, or the strings in Rust sources that begin with a command.
fn queries(folder: &Path, application: &Application) -> BTreeSet<String> {
    if application.queries.is_empty() {
        let sources = files(&folder.join("src"), ".rs");
        return sources.iter().flat_map(|path| strings(&fs::read_to_string(path).unwrap())).collect();
    }
    let place = folder.join(application.queries);
    let plain = files(&place, ".sql").into_iter().map(|path| fs::read_to_string(path).unwrap());
    let of_sqlx = files(&place, ".json").into_iter().map(|path| {
        let query: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        query["query"].as_str().unwrap().to_owned()
    });
    plain.chain(of_sqlx).collect()
}

/// The string literals of a Rust source that are queries. A literal with a placeholder of `format!` is only a part of a
/// query, and is left out.
fn strings(source: &str) -> Vec<String> {
    fn collect(tokens: proc_macro2::TokenStream, found: &mut Vec<String>) {
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Group(group) => collect(group.stream(), found),
                proc_macro2::TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        found.push(text.value());
                    }
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(source.parse().unwrap(), &mut found);
    found.retain(|text| {
        let word = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let command = matches!(word.as_str(), "select" | "insert" | "update" | "delete" | "with");
        command && text.split_whitespace().nth(1).is_some() && !with_names(text).contains('{')
    });
    found.iter().map(|text| with_names(text)).collect()
}

/// A relation of the database: its quoted name, and the name of each column and whether it is NOT NULL.
type Relation = (String, Vec<(String, bool)>);

fn relations(database: &Database<'_>) -> Vec<Relation> {
    let (client, runtime) = database.client();
    let sql = "SELECT format('%I.%I', n.nspname, c.relname), \
               array_agg(a.attname::text ORDER BY a.attnum), array_agg(a.attnotnull ORDER BY a.attnum) \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
               WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^pg_|^information_schema$' \
               GROUP BY 1 ORDER BY 1";
    let rows = runtime.block_on(client.query(sql, &[])).unwrap();
    let relation = |row: &tokio_postgres::Row| {
        let (names, not_null): (Vec<String>, Vec<bool>) = (row.get(1), row.get(2));
        (row.get(0), names.into_iter().zip(not_null).collect())
    };
    rows.iter().map(relation).collect()
}

/// Compares all columns of each relation; returns the number of columns.
fn compare_relations(schema: &Schema, relations: &[Relation], differences: &mut Vec<String>) -> usize {
    let mut count = 0;
    for (name, columns) in relations {
        count += columns.len();
        let sql = format!("SELECT * FROM {name}");
        match compile(&Source::numbered(&sql), schema) {
            Err(errors) => {
                differences.extend(errors.iter().map(|error| format!("{name}: {}", error.message)));
            }
            Ok(query) => {
                let ours: Vec<&str> = query.columns.iter().map(|column| column.name.as_str()).collect();
                let theirs: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
                if ours != theirs {
                    differences.push(format!("{name}: columns {ours:?} instead of {theirs:?}"));
                }
                for (column, (_, not_null)) in query.columns.iter().zip(columns) {
                    // The catalog has no NOT NULL for the columns of a view, but the compiler proves NOT NULL for some
                    // of these columns.
                    if *not_null && column.nullable {
                        differences.push(format!("{name}.{}: NOT NULL was lost", column.name));
                    }
                }
            }
        }
    }
    count
}

fn compare_query(schema: &Schema, database: &Database<'_>, query: &str, differences: &mut Vec<String>) {
    let ours = compile(&Source::numbered(query), schema);
    let difference = match (ours, database.describe(query).unwrap()) {
        (Ok(ours), Verdict::Accepted { params, columns }) => {
            let our_params: Vec<&str> =
                ours.parameters.iter().map(|parameter| parameter.sql_type.name.as_str()).collect();
            let our_columns: Vec<(&str, &str)> = ours
                .columns
                .iter()
                .map(|column| (column.name.as_str(), column.sql_type.name.as_str()))
                .collect();
            let columns: Vec<(&str, &str)> =
                columns.iter().map(|(name, ty)| (name.as_str(), ty.as_str())).collect();
            if our_params == params && our_columns == columns {
                return;
            }
            format!("{our_params:?} {our_columns:?} instead of {params:?} {columns:?}")
        }
        (Err(_), Verdict::Refused { .. }) => return,
        (Ok(_), Verdict::Refused { message, .. }) => format!("PostgreSQL rejects it: {message}"),
        (Err(errors), Verdict::Accepted { .. }) => {
            let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
            format!("rejected: {}", messages.join("; "))
        }
    };
    differences.push(format!("{difference}\n    {}", query.split_whitespace().collect::<Vec<_>>().join(" ")));
}

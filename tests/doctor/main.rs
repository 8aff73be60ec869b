//! Tests `dsql-edge doctor`: its whole output in each setup, on a good one and on one for each thing that can be wrong.
//! `UPDATE=1` writes the expected outputs, `tests/doctor/*.txt`.
//!
//! All setups share one dsql-local. The last ones set its clock forward, which cannot be undone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dsql_edge_local::Local;
use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};
use dsql_edge_tests::golden;
use dsql_edge_tests::postgres_server::PostgresServer;
use dsql_edge_tests::scratch_package::write_files;

const SCHEMA: &str = "CREATE TABLE links (id bigint PRIMARY KEY, url text NOT NULL);";

const WRANGLER: &str = "name = \"links\"\nmain = \"build/index.js\"\ncompatibility_date = \"2026-04-01\"\n\n\
                        [build]\ncommand = \"worker-build --release\"\n\n[placement]\nregion = \"aws:us-east-1\"\n";

/// The settings of a Worker that lack most parts, in the form with comments.
const BARE_WRANGLER: &str = "{\n  // The date is old, and the rest is missing.\n  \"name\": \"links\",\n  \
                             \"main\": \"build/index.js\",\n  \"compatibility_date\": \"2024-01-01\",\n}\n";

/// A setup, and the part of its output that the file `tests/doctor/NAME.txt` has.
struct Setup {
    name: &'static str,
    /// `linked`: the package with the folder of dsql-local. Any other package has no such folder.
    package: &'static str,
    arguments: &'static [&'static str],
    /// `{…}` is replaced, as [`Site::filled`] describes.
    variables: &'static [(&'static str, &'static str)],
    part: Part,
}

/// The part of the output that is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// The lines after the checks of the server.
    OfPackage,
    /// The checks of the role, the snapshot and the migrations.
    OfSchema,
}

const KEYS: [(&str, &str); 5] = [
    ("DSQL_ENDPOINT", "localhost:{port}"),
    ("DSQL_REGION", "us-east-1"),
    ("DSQL_EDGE_CA", "{ca}"),
    ("AWS_ACCESS_KEY_ID", "{id}"),
    ("AWS_SECRET_ACCESS_KEY", "{secret}"),
];

const OF_POSTGRES: [&str; 4] =
    ["--postgres-url", "postgres://app@localhost:{postgres port}/postgres", "--ca", "{postgres ca}"];

/// The keys of the role `blog`.
const KEYS_OF_BLOG: [(&str, &str); 5] = [
    KEYS[0],
    KEYS[1],
    KEYS[2],
    ("AWS_ACCESS_KEY_ID", "{blog id}"),
    ("AWS_SECRET_ACCESS_KEY", "{blog secret}"),
];

const MIGRATIONS: [(&str, &str); 2] = [
    ("migrations/0001_task.sql", "CREATE TABLE task (id bigint PRIMARY KEY);\n"),
    ("migrations/0002_app.sql", "CREATE SCHEMA app;\nCREATE TABLE app.note (id bigint PRIMARY KEY);\n"),
];

const SETUPS: [Setup; 32] = [
    Setup {
        name: "migrations_pending",
        package: "folder",
        arguments: &["--endpoint", "localhost:{port}"],
        variables: &KEYS,
        part: Part::OfSchema,
    },
    // The build does not read the folder, so the queries may not need it.
    Setup {
        name: "migrations_beside_a_snapshot",
        package: "beside",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfSchema,
    },
    Setup {
        name: "migrations_of_postgres",
        package: "folder",
        arguments: &OF_POSTGRES,
        variables: &[("PGPASSWORD", "right")],
        part: Part::OfSchema,
    },
    Setup {
        name: "migrations_of_d1",
        package: "copies",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfSchema,
    },
    Setup {
        name: "binding_ignored",
        package: "ignored",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup { name: "binding_read", package: "read", arguments: &[], variables: &KEYS, part: Part::OfPackage },
    Setup {
        name: "binding_misspelt",
        package: "binding_misspelt",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "endpoint_in_vars",
        package: "endpoint_in_vars",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "dead_port",
        package: "dead_port",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "not_built",
        package: "not_built",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "worker_of_another_role",
        package: "other_role",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "probe_without_consent",
        package: "linked",
        arguments: &["--probe"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "probe_without_privilege",
        package: "linked",
        arguments: &["--probe", "--yes", "--user", "blog"],
        variables: &[],
        part: Part::All,
    },
    // The snapshot of `good` is the schema of the server, so the probe has left nothing.
    Setup {
        name: "probe",
        package: "linked",
        arguments: &["--probe", "--yes", "--report", "../probe.md"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "good", package: "linked", arguments: &[], variables: &[], part: Part::All },
    Setup {
        name: "good_json",
        package: "linked",
        arguments: &["--format", "json"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "variables", package: "apart", arguments: &[], variables: &KEYS, part: Part::All },
    Setup {
        name: "wrong_region",
        package: "apart",
        arguments: &["--region", "eu-west-1"],
        variables: &KEYS,
        part: Part::All,
    },
    Setup {
        name: "wrong_key",
        package: "apart",
        arguments: &[],
        variables: &[KEYS[0], KEYS[1], KEYS[2], KEYS[3], ("AWS_SECRET_ACCESS_KEY", "canary")],
        part: Part::All,
    },
    Setup {
        name: "expired_session",
        package: "apart",
        arguments: &[],
        variables: &[
            KEYS[0],
            KEYS[1],
            KEYS[2],
            ("AWS_ACCESS_KEY_ID", "{session id}"),
            ("AWS_SECRET_ACCESS_KEY", "{session secret}"),
            ("AWS_SESSION_TOKEN", "{session token}"),
        ],
        part: Part::All,
    },
    Setup {
        name: "role_not_granted_to_identity",
        package: "linked",
        arguments: &["--user", "reporter"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "role_without_grant",
        package: "linked",
        arguments: &["--user", "blog"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "stale_snapshot", package: "stale", arguments: &[], variables: &KEYS, part: Part::All },
    Setup {
        name: "untrusted_certificate",
        package: "apart",
        arguments: &[],
        variables: &[KEYS[0], KEYS[1], KEYS[3], KEYS[4]],
        part: Part::All,
    },
    Setup {
        name: "nothing_listening",
        package: "apart",
        arguments: &["--endpoint", "localhost:1"],
        variables: &KEYS,
        part: Part::All,
    },
    Setup {
        name: "postgres",
        package: "bare",
        arguments: &OF_POSTGRES,
        variables: &[("PGPASSWORD", "right")],
        part: Part::All,
    },
    Setup {
        name: "postgres_wrong_password",
        package: "bare",
        arguments: &OF_POSTGRES,
        variables: &[("PGPASSWORD", "canary")],
        part: Part::All,
    },
    Setup {
        name: "no_postgres",
        package: "bare",
        arguments: &["--postgres-url", "postgres://app@localhost:1/shop"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "no_server", package: "bare", arguments: &[], variables: &[], part: Part::All },
    Setup {
        name: "not_a_cluster",
        package: "bare",
        arguments: &["--endpoint", "db.example.com"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "bare_wrangler",
        package: "bare",
        arguments: &["--endpoint", "localhost:1"],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "secret_in_vars",
        package: "leaky",
        arguments: &["--endpoint", "localhost:1"],
        variables: &KEYS,
        part: Part::OfPackage,
    },
];

/// A probe whose connection breaks after its first statement, CREATE SCHEMA, was applied. `good` is compared after it, so
/// it must have dropped the schema.
const LOST_ANSWER: Setup = Setup {
    name: "probe_lost_answer",
    package: "linked",
    arguments: &["--probe", "--yes"],
    variables: &[],
    part: Part::All,
};

/// The setups after `dsql-edge migrate`, each with a file that is written before.
const MIGRATED: [(Option<(&str, &str)>, Setup); 5] = [
    (
        None,
        Setup {
            name: "migrations_applied",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
    (
        None,
        Setup {
            name: "migrations_of_another_role",
            package: "folder",
            arguments: &["--user", "blog"],
            variables: &KEYS_OF_BLOG,
            part: Part::OfSchema,
        },
    ),
    (
        Some(("migrations/0003_more.sql", "CREATE TABLE more (id bigint PRIMARY KEY);\n")),
        Setup {
            name: "migrations_partly_pending",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
    (
        Some(("migrations/0003_more.sql", "TRUNCATE more;\n")),
        Setup {
            name: "migrations_rejected",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
    (
        Some(("migrations/0001_task.sql", "CREATE TABLE task (id uuid PRIMARY KEY);\n")),
        Setup {
            name: "migrations_changed",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
];

/// The setup in which the clock of the server is 20 minutes ahead.
const CLOCK: Setup =
    Setup { name: "clock", package: "linked", arguments: &[], variables: &[], part: Part::All };

/// The packages, the dsql-local, and a PostgreSQL.
struct Site {
    home: tempfile::TempDir,
    local: Local,
    postgres: PostgresServer,
    session: dsql_edge_local::Credentials,
}

impl Site {
    async fn start() -> Site {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("linked/.dsql-local");
        let local = Local::builder().folder(&folder).user("blog").init_sql(SCHEMA).start().await.unwrap();
        let lines = |bindings: Vec<(&str, String)>| -> String {
            bindings.into_iter().map(|(name, value)| format!("{name}={value}\n")).collect()
        };
        let bindings = lines(local.bindings());
        fs::write(folder.join("bindings"), &bindings).unwrap();
        let session = local.issue_session("arn:aws:iam::000000000000:role/app", Duration::ZERO).unwrap();
        let bin = local.installation().bin.clone();
        let (hba, app) =
            ("host all app 127.0.0.1/32 scram-sha-256\n", "CREATE ROLE app LOGIN PASSWORD 'right'");
        let postgres = PostgresServer::start(&bin, hba, app).await;
        fs::write(home.path().join("postgres.crt"), postgres.ca_pem()).unwrap();
        let site = Site { home, local, postgres, session };
        let manifest = "[package]\nname = \"links\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n";
        for package in ["linked", "apart", "stale"] {
            let files = [("Cargo.toml", manifest), ("wrangler.toml", WRANGLER), (".dev.vars", &bindings)];
            write_files(&site.folder(package), &files);
        }
        write_files(&site.folder("bare"), &[("Cargo.toml", manifest), ("wrangler.jsonc", BARE_WRANGLER)]);
        let leaky = format!("{WRANGLER}\n[vars]\nAWS_SECRET_ACCESS_KEY = \"canary\"\n")
            .replace("us-east-1", "eu-west-1");
        write_files(&site.folder("leaky"), &[("Cargo.toml", manifest), ("wrangler.toml", &leaky)]);
        let other_role = format!("{WRANGLER}\n[vars]\nDSQL_USER = \"blog\"\n");
        let files = [("Cargo.toml", manifest), ("wrangler.toml", &other_role), (".dev.vars", &bindings)];
        write_files(&site.folder("other_role"), &files);
        site.write_wrong_settings(&bindings);
        let direct = format!("{WRANGLER}\n[vars]\nDSQL_TLS = \"direct\"\nDSQL_TRANSPORT = \"websocket\"\n");
        let features = format!(
            "{manifest}\n[dependencies]\ndsql-edge = {{ version = \"0.1\", features = [\"websocket\"] }}\n"
        );
        for (package, manifest) in
            [("ignored", features.as_str()), ("read", &features.replace("[\"", "[\"direct-tls\", \""))]
        {
            write_files(&site.folder(package), &[("Cargo.toml", manifest), ("wrangler.toml", &direct)]);
        }
        let d1 = format!("{WRANGLER}\n[[d1_databases]]\nbinding = \"DB\"\nmigrations_dir = \"migrations\"\n");
        for (package, wrangler) in [("folder", WRANGLER), ("beside", WRANGLER), ("copies", &d1)] {
            write_files(&site.folder(package), &[("Cargo.toml", manifest), ("wrangler.toml", wrangler)]);
            write_files(&site.folder(package), &MIGRATIONS);
        }
        let script = "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\"); }\n";
        write_files(&site.folder("folder"), &[("build.rs", script)]);
        let (text, pulled) = site.run("linked", &["pull"], &[]);
        assert!(pulled, "{text}");
        let snapshot = fs::read_to_string(site.folder("linked").join("dsql-schema.sql")).unwrap();
        for package in ["apart", "beside", "copies"] {
            fs::write(site.folder(package).join("dsql-schema.sql"), &snapshot).unwrap();
        }
        let stale = snapshot.replace("url text", "href text");
        assert_ne!(stale, snapshot);
        fs::write(site.folder("stale").join("dsql-schema.sql"), stale).unwrap();
        site
    }

    /// Writes packages whose settings cannot work.
    fn write_wrong_settings(&self, bindings: &str) {
        let manifest = "[package]\nname = \"links\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n";
        let port = self.local.port();
        let misspelt = format!("{WRANGLER}\n[vars]\nDSQL_ENDPONIT = \"localhost\"\nDSQL_MINE = \"1\"\n");
        let url = format!("{WRANGLER}\n[vars]\nDSQL_ENDPOINT = \"https://foo\"\n");
        let unbuilt = WRANGLER.replace("2026-04-01", "2999-01-01").replace("aws:", "");
        let dead = bindings.replace(&format!("localhost:{port}"), "localhost:1");
        for (package, manifest, wrangler, bindings) in [
            ("binding_misspelt", manifest, misspelt.as_str(), bindings),
            ("endpoint_in_vars", manifest, &url, bindings),
            ("dead_port", manifest, WRANGLER, &dead),
            ("not_built", "[package]\nname = \"links\"\n", &unbuilt, bindings),
        ] {
            let files = [("Cargo.toml", manifest), ("wrangler.toml", wrangler), (".dev.vars", bindings)];
            write_files(&self.folder(package), &files);
        }
    }

    fn folder(&self, package: &str) -> PathBuf {
        self.home.path().join(package)
    }

    /// The values that differ from run to run, by their names.
    fn values(&self) -> Vec<(&'static str, String)> {
        let keys = self.local.credentials();
        vec![
            ("ca", self.folder("linked").join(".dsql-local/ca.crt").display().to_string()),
            ("home", fs::canonicalize(self.home.path()).unwrap().display().to_string()),
            ("port", self.local.port().to_string()),
            ("postgres port", self.postgres.port().to_string()),
            ("postgres ca", self.home.path().join("postgres.crt").display().to_string()),
            ("id", keys.access_key_id().to_owned()),
            ("secret", keys.secret_access_key().to_owned()),
            ("blog id", self.local.user_credentials("blog").unwrap().access_key_id().to_owned()),
            ("blog secret", self.local.user_credentials("blog").unwrap().secret_access_key().to_owned()),
            ("session id", self.session.access_key_id().to_owned()),
            ("session secret", self.session.secret_access_key().to_owned()),
            ("session token", self.session.session_token().unwrap().to_owned()),
        ]
    }

    fn filled(&self, text: &str) -> String {
        let fill = |text: String, (name, value): (&str, String)| text.replace(&format!("{{{name}}}"), &value);
        self.values().into_iter().fold(text.to_owned(), fill)
    }

    /// Runs the command line in a package. Returns what it printed, and whether it succeeded.
    fn run(&self, package: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (String, bool) {
        let mut command = Command::new(dsql_edge());
        without_shell_variables(&mut command)
            .args(arguments.iter().map(|argument| self.filled(argument)))
            .current_dir(self.folder(package))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", self.home.path())
            .envs(variables.iter().map(|(name, value)| (name, self.filled(value))));
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).unwrap(), output.status.success())
    }

    /// Compares the output of a setup with its file.
    fn check(&self, setup: &Setup) -> Result<(), String> {
        let arguments = [&["doctor"], setup.arguments].concat();
        let (text, succeeded) = self.run(setup.package, &arguments, setup.variables);
        for (name, value) in self.values() {
            assert!(!name.contains("secret") && !name.contains("token") || !text.contains(&value), "{text}");
        }
        assert!(!text.contains("canary"), "{}: {text}", setup.name);
        let shown: String = text.lines().map(|line| format!("{}\n", self.plain(line))).collect();
        let shown = match setup.part {
            Part::All => shown,
            Part::OfPackage => shown
                .lines()
                .skip_while(|line| !line.contains("wrangler"))
                .map(|line| format!("{line}\n"))
                .collect(),
            Part::OfSchema => shown
                .lines()
                .skip_while(|line| line.split_whitespace().nth(1) != Some("role"))
                .take_while(|line| line.split_whitespace().nth(1) != Some("wrangler"))
                .map(|line| format!("{line}\n"))
                .collect(),
        };
        let status = if succeeded { "exit status 0\n" } else { "exit status 1\n" };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("doctor").join(format!("{}.txt", setup.name));
        golden::compare(&path, &(shown + status)).map_err(|error| format!("{error:#}\n{text}"))
    }

    /// A line without the values that differ from run to run or from machine to machine.
    fn plain(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (name, value) in self.values() {
            let shortened =
                [value.get(..4).unwrap_or_default(), value.get(value.len() - 4..).unwrap_or_default()];
            line = line.replace(&value, &format!("{{{name}}}"));
            if name.ends_with("id") {
                line = line.replace(&shortened.join("…"), &format!("{{{name}}}"));
            }
        }
        for (before, after, plain) in [
            ("localhost is ", "", "{addresses}"),
            ("certificate is for ", ", by", "{names}"),
            ("certificate for ", ", by", "{names}"),
            ("dsql-local authority ", ",", "{mark}"),
            ("dsql-local authority ", " is", "{mark}"),
            ("valid from ", " until", "{date}"),
            (" until ", "", "{date}"),
            ("HINT: Signature expired: ", "", "{dates}"),
            ("server 16.", "", "{minor}"),
            ("server_version 16.", ",", "{minor}"),
            ("version 0.1.0, on ", ".", "{date}"),
            ("(offered: ", ")", "{groups}"),
        ] {
            line = replaced(&line, before, after, plain);
        }
        // The schema of a probe ends with hexadecimal numbers.
        if let Some((start, rest)) = line.split_once("dsql_edge_probe_") {
            let rest = rest.trim_start_matches(|it: char| it.is_ascii_hexdigit() || it == '_');
            line = format!("{start}dsql_edge_probe_{{run}}{rest}");
        }
        for address in ["127.0.0.1:", "[::1]:"] {
            line = line.replace(address, "{address}:");
        }
        line
    }
}

/// Replaces the text between two others; an empty `after` is the end of the line, or a quotation mark of JSON.
fn replaced(line: &str, before: &str, after: &str, plain: &str) -> String {
    let Some((start, rest)) = line.split_once(before) else { return line.to_owned() };
    let end = if after.is_empty() {
        rest.find(['"', ']']).unwrap_or(rest.len())
    } else {
        rest.find(after).unwrap_or(0)
    };
    if end == 0 {
        return line.to_owned();
    }
    format!("{start}{before}{plain}{}", &rest[end..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_setup_is_explained() {
    let site = Site::start().await;
    site.local.set_faults(&["cut-after-commit=1".parse().unwrap()]);
    let setups = [&LOST_ANSWER].into_iter().chain(&SETUPS);
    let mut failures: Vec<String> = setups.filter_map(|setup| site.check(setup).err()).collect();
    let (text, migrated) = site.run("folder", &["migrate"], &KEYS);
    assert!(migrated, "{text}");
    for (file, setup) in &MIGRATED {
        write_files(&site.folder("folder"), file.as_slice());
        failures.extend(site.check(setup).err());
    }
    site.local.advance_clock(Duration::from_secs(20 * 60));
    failures.extend(site.check(&CLOCK).err());
    let report = fs::read_to_string(site.home.path().join("probe.md")).unwrap();
    let report: String = report.lines().map(|line| format!("{}\n", site.plain(line))).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("doctor/probe.md");
    failures.extend(golden::compare(&path, &report).err().map(|error| format!("{error:#}")));
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n\n"));
    site.postgres.stop().await;
    site.local.stop().await.unwrap();
}

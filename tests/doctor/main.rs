//! Tests `dsql-edge doctor`: compares its output, or a part of its output, for setups without a mistake and for setups
//! with a mistake. `UPDATE=1` writes the expected outputs, `tests/doctor/*.txt`.
//!
//! All setups share one dsql-local. Before the last setup, the test sets the clock of this dsql-local forward, and a
//! clock cannot be set back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod pools;
mod setups;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dsql_edge_local::Local;
use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};
use dsql_edge_tests::golden;
use dsql_edge_tests::postgres_server::PostgresServer;
use dsql_edge_tests::scratch_package::write_files;
use setups::{CLOCK, KEYS, LOST_ANSWER, MIGRATED, MIGRATIONS, Part, SETUPS, Setup};

const SCHEMA: &str = "CREATE TABLE links (id bigint PRIMARY KEY, url text NOT NULL);";

const WRANGLER: &str = "name = \"links\"\nmain = \"build/index.js\"\ncompatibility_date = \"2026-04-01\"\n\n\
                        [build]\ncommand = \"worker-build --release\"\n\n[placement]\nregion = \"aws:us-east-1\"\n";

/// A wrangler.jsonc with few settings, in the form with comments.
const BARE_WRANGLER: &str = "{\n  // The date is old, and the rest is missing.\n  \"name\": \"links\",\n  \
                             \"main\": \"build/index.js\",\n  \"compatibility_date\": \"2024-01-01\",\n}\n";

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
        self.write_bindings_of_others(manifest, bindings);
        let production =
            format!("{WRANGLER}\n[env.production.vars]\nREPORTS_AWS_SESSION_TOKEN = \"canary\"\n");
        let url = format!("{WRANGLER}\n[vars]\nREPORTS_URL = \"postgres://app:canary@db.example.com/app\"\n");
        for (package, wrangler) in [("leaky_environment", &production), ("leaky_url", &url)] {
            write_files(&self.folder(package), &[("Cargo.toml", manifest), ("wrangler.toml", wrangler)]);
        }
        let sso = "[profile dev]\nsso_session = work\nsso_account_id = 111122223333\nsso_role_name = Dev\n\n\
                   [sso-session work]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n";
        write_files(self.home.path(), &[(".aws/config", sso)]);
        fs::create_dir_all(self.folder("emptied/migrations")).unwrap();
        write_files(&self.folder("emptied"), &[("Cargo.toml", manifest), ("wrangler.toml", WRANGLER)]);
    }

    /// Writes packages whose local bindings do not match their dsql-local.
    fn write_bindings_of_others(&self, manifest: &str, bindings: &str) {
        let port = |port: u16| format!("localhost:{port}");
        let another = bindings.replace(&port(self.local.port()), &port(self.postgres.port()));
        let keys = bindings.replace(self.local.credentials().secret_access_key(), "canary");
        let region = bindings.replace("us-east-1", "eu-west-1");
        for (package, vars) in
            [("of_another_local", &another), ("other_keys", &keys), ("other_region", &region)]
        {
            let files = [("Cargo.toml", manifest), ("wrangler.toml", WRANGLER), (".dev.vars", vars)];
            write_files(&self.folder(package), &files);
        }
        for package in ["other_keys", "other_region"] {
            let own = self.folder(package).join(".dsql-local");
            fs::create_dir(&own).unwrap();
            for file in ["bindings", "credentials", "ca.crt"] {
                fs::copy(self.folder("linked/.dsql-local").join(file), own.join(file)).unwrap();
            }
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

    /// Runs the command line in a package. Returns the output of the command, and whether the command succeeded.
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

    /// Returns the line with placeholders for the values that differ from run to run or from machine to machine.
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

/// Replaces the text between `before` and `after`. If `after` is empty, the replaced text ends at the end of the line,
/// or at a quotation mark or `]` of JSON.
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
    let bindings = fs::read_to_string(site.folder("linked/.dev.vars")).unwrap();
    let pools = pools::write(&site, &bindings);
    site.local.set_faults(&["cut-after-commit=1".parse().unwrap()]);
    let setups = [&LOST_ANSWER].into_iter().chain(&SETUPS).chain(&pools);
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

//! Tests what `dsql-local` does for a developer at work: `--migrations`, which applies a folder again when a file
//! changes, and `dsql-local psql`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[path = "../src/postgres/written_program.rs"]
mod written_program;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use client::Dial;
use written_program::write_program;

/// A working folder, in which one `dsql-local` runs.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("dsql-local-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("migrations")).unwrap();
        Folder(path.canonicalize().unwrap())
    }

    fn dsql_local(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dsql-local"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join("migrations").join(name), text).unwrap();
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.dsql_local(arguments).output().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running `dsql-local`, and the lines that it prints.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(folder: &Folder, arguments: &[&str]) -> Running {
        let mut command = folder.dsql_local(arguments);
        let mut child = command.stdout(Stdio::inherit()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let printed = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in printed.lines() {
                let _ = send.send(line.unwrap());
            }
        });
        Running { child, lines }
    }

    /// Waits until dsql-local prints a line that contains `text`.
    fn prints(&self, text: &str) {
        let mut others = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) if line.contains(text) => return,
                Ok(line) => others.push(line),
                Err(_) => panic!("did not print {text:?}, but\n{}", others.join("\n")),
            }
        }
    }

    fn interrupt(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn changed_folder_is_applied_while_dsql_local_runs() {
    let folder = Folder::new("watch");
    folder.write("1.sql", "CREATE TABLE a (id int PRIMARY KEY);");
    let running = Running::start(&folder, &["serve", "--migrations", "migrations"]);
    running.prints("migrations: 1.sql of migrations is applied (1 statement)");
    running.prints("bindings in .dev.vars");
    folder.write("2.sql", "CREATE TABLE b (id int PRIMARY KEY);\nCREATE TABLE c (id nosuch);");
    running.prints("migrations/2.sql:2:20: 42704: type \"nosuch\" does not exist");
    running.prints("after the next change of a file, dsql-local tries again");
    folder.write("2.sql", "CREATE TABLE b (id int PRIMARY KEY);\nCREATE TABLE c (id int);");
    running.prints("migrations: 2.sql of migrations is applied (1 statement)");
    folder.write("1.sql", "CREATE TABLE a (id bigint PRIMARY KEY);");
    running.prints("migrations/1.sql:1:1: statement 1 was changed after it was applied");
    running.prints("run `dsql-local reset`");
    running.interrupt();
}

#[test]
fn mistake_in_a_migration_ends_the_start_but_not_the_command() {
    let folder = Folder::new("mistake");
    folder.write("1.sql", "CREATE TABLE a (id nosuch);");
    let run = ["run", "--migrations", "migrations", "--fault", "conflict=1", "--", "sh", "-c"];
    let output = folder.output(&[&run[..], &["echo started"]].concat());
    let printed = text(&output.stderr);
    assert!(printed.contains("migrations/1.sql:1:20: 42704: type \"nosuch\" does not exist"), "{printed}");
    assert!(!output.status.success() && output.stdout.is_empty() && !folder.0.join(".dev.vars").exists());
    // The command itself writes a file with a mistake, continues, and ends with an exit status that dsql-local returns.
    // The fault does not fail the migrations.
    folder.write("1.sql", "CREATE TABLE a (id int PRIMARY KEY);");
    let script = "echo 'CREATE TABLE b (id nosuch)' > migrations/2.sql; until grep -q nosuch printed; do sleep 0.1; done; exit 7";
    let printed = fs::File::create(folder.0.join("printed")).unwrap();
    let status = folder.dsql_local(&[&run[..], &[script]].concat()).stderr(printed).status().unwrap();
    assert_eq!(status.code(), Some(7));
    for (folder_option, expected) in [("nowhere", "nowhere"), (".", "its subfolders")] {
        let output = folder.output(&["run", "--migrations", folder_option, "--", "true"]);
        let printed = text(&output.stderr);
        assert!(!output.status.success() && printed.contains(expected), "{printed}");
    }
}

#[test]
fn kept_migrations_are_applied_once() {
    let folder = Folder::new("kept-migrations");
    let start = || {
        let output = folder.output(&["run", "--keep", "--migrations", "migrations", "--", "true"]);
        (text(&output.stderr), output.status.success())
    };
    folder.write("1.sql", "CREATE TABLE a (id int PRIMARY KEY);");
    let (printed, succeeded) = start();
    assert!(succeeded && printed.contains("1.sql of migrations is applied (1 statement)"), "{printed}");
    let data = printed.lines().find_map(|line| line.strip_prefix("dsql-local: data in ")).unwrap().to_owned();
    let (printed, succeeded) = start();
    assert!(succeeded && printed.contains("every file of migrations is applied"), "{printed}");
    folder.write("1.sql", "CREATE TABLE a (id bigint PRIMARY KEY);");
    let (printed, succeeded) = start();
    assert!(!succeeded && printed.contains("resolve 1.sql --changed"), "{printed}");
    assert!(printed.contains("run `dsql-local reset`"), "{printed}");
    // The advice works.
    let output = folder.output(&["reset"]);
    assert!(output.status.success() && !Path::new(&data).exists(), "{}", text(&output.stderr));
    let (printed, succeeded) = start();
    assert!(succeeded && printed.contains("1.sql of migrations is applied (1 statement)"), "{printed}");
    // If this test runs as root, dsql-local keeps the data outside the folder.
    let _ = fs::remove_dir_all(Path::new(&data).parent().unwrap());
}

/// In place of psql: writes its arguments and libpq's variables.
const PSQL: &str = "#!/bin/sh\necho \"arguments=$*\"\nenv | grep '^PG'\n";

#[test]
fn psql_gets_a_token_that_logs_in() {
    let folder = Folder::new("psql");
    let nothing = text(&folder.output(&["psql"]).stderr);
    assert!(nothing.contains("no dsql-local runs in this package: start it"), "{nothing}");
    folder.write("1.sql", "CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO PUBLIC;");
    let running =
        Running::start(&folder, &["serve", "--user", "blog", "--as", "blog", "--migrations", "migrations"]);
    running.prints("bindings in .dev.vars");
    let bin = folder.0.join("bin");
    fs::create_dir(&bin).unwrap();
    write_program(&bin.join("psql"), PSQL);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    for (options, role) in [(&["--as", "admin"][..], "admin"), (&["--as", "blog"], "blog"), (&[], "blog")] {
        let mut command = folder.dsql_local(&[&["psql"], options, &["--", "-c", "SELECT 1"]].concat());
        let output = command.env("PATH", &path).env("PGHOSTADDR", "192.0.2.1").output().unwrap();
        let printed = text(&output.stdout);
        let given: BTreeMap<&str, &str> = printed.lines().filter_map(|line| line.split_once('=')).collect();
        assert_eq!(given.get("arguments"), Some(&"-c SELECT 1"), "{}", text(&output.stderr));
        assert_eq!(given.get("PGHOSTADDR"), None);
        assert_eq!(login(&given), role);
        let is_explained =
            text(&output.stderr).contains("psql logs in as blog, the role of the bindings; --as admin");
        assert_eq!(is_explained, options.is_empty(), "{}", text(&output.stderr));
    }
    running.interrupt();
    let ended = text(&folder.output(&["psql", "--folder", ".dsql-local"]).stderr);
    assert!(ended.contains("does not answer at localhost:"), "{ended}");
}

/// Logs in as libpq does with these variables, and returns the role.
fn login(variables: &BTreeMap<&str, &str>) -> String {
    assert_eq!(variables.get("PGSSLMODE"), Some(&"verify-full"));
    let port = variables["PGPORT"].parse().unwrap();
    let ca = fs::read_to_string(Path::new(variables["PGSSLROOTCERT"])).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.user(variables["PGUSER"]).password(variables["PGPASSWORD"]).dbname(variables["PGDATABASE"]);
        let dial = Dial { name: variables["PGHOST"], sni: true, direct: false, alpn: false, ca };
        let tls = dial.to_port(port).await.unwrap();
        config.ssl_mode(tokio_postgres::config::SslMode::Disable);
        let (client, connection) = config.connect_raw(tls, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
            .query_one("SELECT current_user::text FROM t RIGHT JOIN (SELECT 1) AS one ON true", &[])
            .await
            .unwrap()
            .get(0)
    })
}

#[test]
fn role_of_a_migration_gets_the_keys_of_its_user() {
    let folder = Folder::new("role");
    folder.write(
        "1.sql",
        "CREATE ROLE worker WITH LOGIN;\nAWS IAM GRANT worker TO 'arn:aws:iam::111122223333:user/worker';\n\
         CREATE SCHEMA app;\nGRANT USAGE ON SCHEMA app TO worker;\n",
    );
    let script = "dsql-local psql --as worker -- nothing; echo $DSQL_USER";
    let bin = Path::new(env!("CARGO_BIN_EXE_dsql-local")).parent().unwrap().to_owned();
    let path = format!("{}:{}:{}", folder.0.display(), bin.display(), std::env::var("PATH").unwrap());
    let psql = "#!/bin/sh\necho \"psql as $PGUSER\"\n";
    write_program(&folder.0.join("psql"), psql);
    let arguments =
        ["run", "--migrations", "migrations", "--user", "worker", "--as", "worker", "--", "sh", "-c", script];
    let output = folder.dsql_local(&arguments).env("PATH", path).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(printed, "psql as worker\nworker\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn missing_folder_of_migrations_is_named_with_its_option() {
    let folder = Folder::new("missing");
    let output = folder.output(&["run", "--migrations", "migratons", "--", "true"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("--migrations migratons: No such file"), "{error}");
}

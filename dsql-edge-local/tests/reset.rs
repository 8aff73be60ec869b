//! Tests `dsql-local reset`: what a running dsql-local drops and makes again, and what the command does if none runs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

/// A package with migrations, and the dsql-local that runs in it.
struct Package {
    path: PathBuf,
    running: Option<Child>,
}

impl Package {
    fn new(name: &str) -> Package {
        let path = std::env::temp_dir().join(format!("dsql-edge-local-reset-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("migrations")).unwrap();
        Package { path: path.canonicalize().unwrap(), running: None }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path.join(name), text).unwrap();
    }

    fn dsql_local(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dsql-local"));
        command.args(arguments).current_dir(&self.path).stdin(Stdio::null());
        // The package's own dsql-local is reset, even if the environment contains another endpoint.
        command.env("DSQL_ENDPOINT", "abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws");
        command
    }

    fn start(&mut self, options: &[&str]) {
        let arguments = [&["serve", "--no-dev-vars", "--stop-on-eof"], options].concat();
        let child = self.dsql_local(&arguments).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        self.running = Some(child);
        let control = self.path.join(".dsql-local/control");
        let start = Instant::now();
        while !fs::read_to_string(&control).is_ok_and(|path| PathBuf::from(path.trim()).exists()) {
            assert!(start.elapsed() < Duration::from_secs(60), "dsql-local does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        let mut child = self.running.take().unwrap();
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    fn reset(&self, arguments: &[&str]) -> (bool, String) {
        let Output { status, stderr, .. } =
            self.dsql_local(&[&["reset"], arguments].concat()).output().unwrap();
        (status.success(), String::from_utf8(stderr).unwrap())
    }

    /// Runs statements as the superuser; returns the values of the last row.
    async fn ask(&self, sql: &str) -> Vec<String> {
        let control = fs::read_to_string(self.path.join(".dsql-local/control")).unwrap();
        let home = PathBuf::from(control.trim()).parent().unwrap().to_owned();
        let url = format!("host={} user=postgres dbname=postgres", home.display());
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut values = Vec::new();
        for message in client.simple_query(sql).await.unwrap() {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                values = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned()).collect();
            }
        }
        values
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
        // For root, the data is in another folder.
        let folder = self.path.join(".dsql-local");
        let mark = folder.to_string_lossy().replace(|c: char| !c.is_alphanumeric(), "-");
        let _ = fs::remove_dir_all(format!("/var/tmp/dsql-local{mark}"));
        let _ = fs::remove_dir_all(&self.path);
    }
}

const STATE: &str = "SELECT (SELECT count(*) FROM task), (SELECT string_agg(file, ' ' ORDER BY file) FROM \
    dsql_edge.migrations WHERE step = 0), (SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname !~ \
    '^pg_')";

#[tokio::test]
async fn running_database_is_made_again() {
    let mut package = Package::new("running");
    package.write("seed.sql", "CREATE TABLE seed (id int PRIMARY KEY);");
    package
        .write("migrations/1.sql", "CREATE TABLE task (id int PRIMARY KEY);\nGRANT SELECT ON task TO app;");
    package.write("migrations/2.sql", "INSERT INTO task VALUES (1);");
    let options = ["--keep", "--init", "seed.sql", "--migrations", "migrations", "--user", "app"];
    package.start(&options);
    package.ask("CREATE ROLE other; GRANT other TO admin; CREATE TABLE more (id int); INSERT INTO task VALUES (2)").await;
    assert_eq!(package.ask(STATE).await, ["2", "1.sql 2.sql", "admin app other postgres"]);

    // A file that was changed after it was applied, and a changed file of --init.
    package.write("migrations/1.sql", "CREATE TABLE task (id int PRIMARY KEY, title text);");
    package.write("seed.sql", "CREATE TABLE seed (id int PRIMARY KEY, more text);");
    let (done, printed) = package.reset(&[]);
    assert!(done && printed.contains("the database is reset"), "{printed}");
    assert!(printed.contains("2 files of migrations are applied, 1.sql to 2.sql"), "{printed}");
    assert_eq!(package.ask(STATE).await, ["1", "1.sql 2.sql", "admin app postgres"]);
    package.ask("SELECT title FROM task; SELECT more FROM seed").await;

    // A mistake in a file makes the command fail. The next reset begins again.
    package.write("migrations/2.sql", "INSERT INTO tusk VALUES (1);");
    let (done, printed) = package.reset(&["--folder", ".dsql-local"]);
    assert!(!done && printed.contains("2.sql:1:13: 42P01: relation \"tusk\" does not exist"), "{printed}");
    // Nothing is dropped before the files pass the rules.
    package.write("migrations/2.sql", "TRUNCATE task;");
    let (done, printed) = package.reset(&[]);
    assert!(!done && printed.contains("unsupported statement: Truncate"), "{printed}");
    assert_eq!(package.ask("SELECT count(*) FROM task").await, ["0"]);
    package.write("migrations/2.sql", "INSERT INTO task VALUES (3), (4);");
    assert!(package.reset(&[]).0);
    assert_eq!(package.ask(STATE).await, ["2", "1.sql 2.sql", "admin app postgres"]);

    // The file of migrations first creates the role of --user, and after a change no longer creates the role.
    for first in ["CREATE ROLE app WITH LOGIN;\n", ""] {
        let table = "CREATE TABLE task (id int PRIMARY KEY);\nGRANT SELECT ON task TO app;";
        package.write("migrations/1.sql", &format!("{first}{table}"));
        let (done, printed) = package.reset(&[]);
        assert!(done, "{printed}");
        assert_eq!(package.ask(STATE).await, ["2", "1.sql 2.sql", "admin app postgres"]);
    }

    // The data is kept as it is after the reset.
    package.ask("INSERT INTO task VALUES (5)").await;
    package.stop();
    package.start(&options);
    assert_eq!(package.ask(STATE).await, ["3", "1.sql 2.sql", "admin app postgres"]);
    package.stop();

    // Without a running dsql-local, the data is removed.
    let (done, printed) = package.reset(&[]);
    assert!(
        done && printed.contains("data is removed; the next start makes the database again"),
        "{printed}"
    );
    let (done, printed) = package.reset(&[]);
    assert!(
        done && printed.contains("does not run, and has no kept data: there is nothing to reset"),
        "{printed}"
    );
    package.start(&options);
    assert_eq!(package.ask(STATE).await, ["2", "1.sql 2.sql", "admin app postgres"]);
    package.stop();
}

/// The kept data has the statements before the mistake.
#[test]
fn data_of_a_first_start_that_failed_is_removed() {
    let package = Package::new("failed");
    let start = || {
        let options = ["run", "--no-dev-vars", "--keep", "--migrations", "migrations", "--", "true"];
        let Output { status, stderr, .. } = package.dsql_local(&options).output().unwrap();
        (status.success(), String::from_utf8(stderr).unwrap())
    };
    package
        .write("migrations/1.sql", "CREATE TABLE task (id int PRIMARY KEY);\nINSERT INTO tusk VALUES (1);");
    assert!(!start().0);
    package.write("migrations/1.sql", "CREATE TABLE task (id text PRIMARY KEY);");
    let (done, printed) = start();
    assert!(!done && printed.contains("run `dsql-local reset`"), "{printed}");
    let (done, printed) = package.reset(&[]);
    assert!(done, "{printed}");
    let (done, printed) = start();
    assert!(done, "{printed}");
}

#[test]
fn other_folder_is_not_reset() {
    let package = Package::new("other");
    let (done, printed) = package.reset(&[]);
    assert!(
        !done && printed.contains("no dsql-local was started in this package: nothing was reset"),
        "{printed}"
    );
    package.write("PG_VERSION", "16\n");
    fs::create_dir_all(package.path.join("data")).unwrap();
    package.write("data/PG_VERSION", "16\n");
    let (done, printed) = package.reset(&["--folder", "."]);
    assert!(!done && printed.contains(". is not the folder of a dsql-local: nothing was reset"), "{printed}");
    assert!(package.path.join("data/PG_VERSION").exists());
    assert!(!package.path.join("lock").exists());
}

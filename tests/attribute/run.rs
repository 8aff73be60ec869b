//! Runs the test programs of the package in a separate target folder, and checks which files and processes remain.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use dsql_edge_tests::binary::without_shell_variables;
use xtask::setup;

use crate::package::UserPackage;

/// A target folder with the test programs. The PostgreSQL of its tests is shared with no other folder.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("CACHEDIR.TAG"), "").unwrap();
        // If the test runs as root, PostgreSQL runs as another user, and this user must be able to read the data in
        // this folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Folder(folder)
    }

    pub(crate) fn command(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let package = UserPackage::built();
        let copy = self.0.path().join(program);
        if !copy.exists() {
            // `cp` makes the copy, because this process must not have the copy open for writing. Another thread could
            // start a program at that time. That program would keep the copy open, and Linux does not run a file that
            // is open for writing ("Text file busy").
            let copied = Command::new("cp").arg(package.program(program)).arg(&copy).status().unwrap();
            assert!(copied.success());
        }
        let mut command = Command::new(copy);
        without_shell_variables(&mut command)
            .args(arguments)
            .envs(variables.iter().copied())
            .env("DSQL_LOCAL_PG_BIN", postgres())
            .current_dir(package.path());
        command
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command(program, arguments, variables).output().unwrap()
    }

    /// Starts the test that runs until its process is killed, and waits until the test has begun.
    pub(crate) fn start_endless(&self) -> Child {
        let mark = self.0.path().join("runs");
        let variables = [("RUNS", mark.to_str().unwrap())];
        let mut command = self.command("fails", &["runs_until_it_is_killed"], &variables);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("the test begins", || mark.exists());
        fs::remove_file(mark).unwrap();
        child
    }

    /// Runs the command that a failed test printed, and returns the names of the authors in its database.
    pub(crate) fn open(&self, command: &str) -> Vec<String> {
        // psql is not installed everywhere, so a script replaces it. The script writes its argument to a file, and ends
        // when its input ends.
        let bin = self.0.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let psql = bin.join("psql");
        let connection = self.0.path().join("connection");
        let text = format!("#!/bin/sh\necho \"$1\" > {0}.new; mv {0}.new {0}; cat\n", connection.display());
        fs::write(&psql, text).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&psql).status().unwrap().success());
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env("PATH", path).env("DSQL_LOCAL_PG_BIN", postgres());
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        eventually("psql starts", || connection.exists());
        let names = authors(&fs::read_to_string(&connection).unwrap());
        shell.stdin.take().unwrap().write_all(b"").unwrap();
        assert!(shell.wait().unwrap().success());
        names
    }

    /// Returns the folder of the tests' data below the target folder. The name of this folder is a digest.
    fn version(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.0.path().join("dsql-edge-test")).unwrap();
        let version = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none());
        version
    }

    /// The names of the files and folders that the tests have left.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.version()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The folder of the socket of the shared server.
    pub(crate) fn home(&self) -> PathBuf {
        fs::read_to_string(self.version().join("shared/server")).unwrap().into()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.version().join("shared/postgres/data")
    }

    /// The process of the shared server, if it runs.
    pub(crate) fn server(&self) -> Option<String> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let pid = text.lines().next()?.to_owned();
        let runs = Command::new("kill").args(["-0", &pid]).stderr(Stdio::null()).status().unwrap().success();
        runs.then_some(pid)
    }

    /// Waits until no server of this folder runs, and the folder of its socket is removed.
    pub(crate) fn wait_for_the_end(&self) {
        let homes: Vec<PathBuf> = self
            .files()
            .iter()
            .filter_map(|name| fs::read_to_string(self.version().join(name).join("server")).ok())
            .map(PathBuf::from)
            .collect();
        eventually("the server ends", || self.server().is_none() && homes.iter().all(|home| !home.exists()));
    }

    /// Runs a statement on the data of the shared server, which must have ended.
    pub(crate) fn run_on_data(&self, sql: &str) {
        run_single(&self.data(), sql);
    }

    /// The number of databases of the shared server that are neither PostgreSQL's nor templates. The server must have
    /// ended, because this function starts a single-user server to list the databases.
    pub(crate) fn databases_of_tests(&self) -> usize {
        let names = run_single(&self.data(), "SELECT datname FROM pg_database WHERE datname LIKE 'test%'");
        names.matches("datname = ").count()
    }
}

fn postgres() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        if std::env::var_os("DSQL_LOCAL_PG_BIN").is_none() {
            setup::runtime().unwrap();
        }
        setup::postgres().unwrap()
    })
}

/// Runs a statement on the data of a server that has ended.
fn run_single(data: &Path, sql: &str) -> String {
    let mut single = Command::new(postgres().join("postgres"));
    single.args(["--single", "-D"]).arg(data).arg("postgres").current_dir("/");
    as_owner(&mut single, data);
    let mut single =
        single.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    single.stdin.take().unwrap().write_all(format!("{sql}\n").as_bytes()).unwrap();
    let output = single.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// PostgreSQL does not run as root.
fn as_owner(command: &mut Command, data: &Path) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let owner = fs::metadata(data).unwrap();
    if fs::metadata("/proc/self").map_or(1, |it| it.uid()) == 0 {
        command.uid(owner.uid()).gid(owner.gid());
    }
}

/// The names of the authors in a database.
fn authors(connection: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, session) =
            tokio_postgres::connect(connection.trim(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(session);
        let rows = client.query("SELECT name FROM authors", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    })
}

/// Kills the shells that end the server of a socket.
pub(crate) fn kill_shells(home: &Path) {
    let output = Command::new("ps").args(["-eo", "pid=,args="]).output().unwrap();
    let processes = String::from_utf8_lossy(&output.stdout).into_owned();
    let home = home.to_str().unwrap();
    let mut shells = Vec::new();
    // The script of a shell has several lines, and its arguments are in the last one.
    let mut pid = "";
    for line in processes.lines() {
        if let Some((first, rest)) = line.trim_start().split_once(' ')
            && first.bytes().all(|it| it.is_ascii_digit())
        {
            pid = if rest.trim_start().starts_with("/bin/sh -c") { first } else { "" };
        }
        if !pid.is_empty() && line.contains(home) {
            shells.push(pid.to_owned());
        }
    }
    assert!(!shells.is_empty(), "{processes}");
    shells.into_iter().for_each(|pid| kill("KILL", pid));
}

pub(crate) fn kill(signal: &str, pid: String) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
}

/// Waits for a condition, for at most a minute.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: not after a minute");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn printed(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

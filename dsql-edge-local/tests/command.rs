//! Tests the binary `dsql-local`: the environment of the command that `dsql-local` runs, and that no process remains
//! when `dsql-local` has ended.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A separate working folder for one `dsql-local`.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("dsql-edge-local-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// A temporary folder for all accounts: for root, PostgreSQL runs as `nobody`.
    fn temporary(&self) -> PathBuf {
        let path = self.0.join("tmp");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        path
    }

    fn dsql_local(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dsql-local"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null()).stderr(Stdio::inherit());
        command
    }

    /// Starts `run` with a command that writes its process id and PostgreSQL's folder to a file, then sleeps.
    fn start_sleeper(&self, options: &[&str], stdin: Stdio) -> (Child, String, PathBuf) {
        let script =
            "echo $$ ${DSQL_LOCAL_POSTGRES_URL#host=} > written.new; mv written.new written; sleep 600; :";
        let arguments = [&["run"], options, &["--", "sh", "-c", script]].concat();
        let child = self.dsql_local(&arguments).stdin(stdin).spawn().unwrap();
        wait_until("the command has written", || self.0.join("written").exists());
        let written = fs::read_to_string(self.0.join("written")).unwrap();
        let mut words = written.split_whitespace();
        let (pid, home) = (words.next().unwrap().to_owned(), PathBuf::from(words.next().unwrap()));
        assert!(home.join(".s.PGSQL.5432").exists() && alive(&pid));
        (child, pid, home)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether the process runs. A zombie does not count: in a container whose first process reaps late, an ended process
/// stays a zombie for minutes.
fn alive(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn gone(pid: &str, home: &Path) {
    wait_until("the command has ended", || !alive(pid));
    wait_until("PostgreSQL has ended", || !home.exists());
}

#[test]
fn command_gets_bindings_and_its_exit_code_is_returned() {
    let folder = Folder::new("run");
    fs::write(folder.0.join("schema.sql"), "CREATE TABLE t (id int);").unwrap();
    fs::write(folder.0.join(".dev.vars"), "MINE=1\n").unwrap();
    fs::write(folder.0.join("other.crt"), "-----OTHER-----\n").unwrap();
    let script = r#"printf '%s|' "$DSQL_ENDPOINT" "$DSQL_REGION" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
        cmp -s "$DSQL_EDGE_CA" .dsql-local/ca.crt && cmp -s "$PGSSLROOTCERT" .dsql-local/ca.crt || exit 4
        cat "$NODE_EXTRA_CA_CERTS"; exit 3"#;
    let output = folder
        .dsql_local(&["run", "--init", "schema.sql", "--region", "eu-west-1", "--", "sh", "-c", script])
        .env("NODE_EXTRA_CA_CERTS", folder.0.join("other.crt"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let printed = String::from_utf8(output.stdout).unwrap();
    let [endpoint, region, key, secret, certificates] =
        printed.splitn(5, '|').collect::<Vec<_>>().try_into().unwrap();
    assert!(endpoint.starts_with("localhost:") && region == "eu-west-1" && key.starts_with("DSQLLOCAL"));
    assert!(certificates.contains("BEGIN CERTIFICATE") && certificates.contains("OTHER"));
    let written = fs::read_to_string(folder.0.join(".dev.vars")).unwrap();
    let (sts, others): (Vec<&str>, Vec<&str>) =
        written.lines().partition(|line| line.starts_with("AWS_ENDPOINT_URL_STS="));
    assert!(matches!(sts[..], [line] if line.contains("https://localhost:")), "{written}");
    assert_eq!(
        others.join("\n"),
        format!(
            "MINE=1\nDSQL_ENDPOINT={endpoint}\nDSQL_REGION=eu-west-1\nAWS_ACCESS_KEY_ID={key}\n\
             AWS_SECRET_ACCESS_KEY={secret}"
        )
    );
}

/// After `kill -9`, PostgreSQL still needs time to shut down: the next start waits until PostgreSQL has shut down.
#[test]
fn kept_data_is_free_after_kill() {
    let folder = Folder::new("kill-kept");
    for _ in 0..3 {
        let (mut child, _, _) = folder.start_sleeper(&["--keep"], Stdio::null());
        signal(&child, "-KILL");
        child.wait().unwrap();
        fs::remove_file(folder.0.join("written")).unwrap();
        assert!(folder.dsql_local(&["run", "--keep", "--", "true"]).status().unwrap().success());
    }
    let folder = folder.0.canonicalize().unwrap().join(".dsql-local");
    let mark = folder.to_string_lossy().replace(|c: char| !c.is_alphanumeric(), "-");
    let _ = fs::remove_dir_all(format!("/var/tmp/dsql-local{mark}"));
}

/// Variables that the user has exported for AWS are not mixed with dsql-local's keys.
#[test]
fn run_removes_other_credentials_from_environment() {
    let folder = Folder::new("environment");
    let names = [
        "DSQL_USER",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_SECRET_KEY",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "REPORTS_DSQL_ENDPOINT",
        "REPORTS_AWS_SECRET_ACCESS_KEY",
    ];
    let mut command = folder.dsql_local(&["run", "--", "env"]);
    command
        .envs(names.map(|name| (name, "exported")))
        .env("AWS_SECRET_ACCESS_KEY", "exported")
        .env("KEPT", "yes");
    let output = command.output().unwrap();
    assert!(output.status.success());
    let environment = String::from_utf8(output.stdout).unwrap();
    assert!(!environment.contains("exported"), "{environment}");
    assert!(environment.contains("KEPT=yes\n") && environment.contains("AWS_SECRET_ACCESS_KEY=DSQLLOCAL"));
}

#[test]
fn second_start_in_a_folder_stops_and_changes_nothing() {
    let folder = Folder::new("second");
    for options in [&[][..], &["--keep"]] {
        let (mut child, pid, home) = folder.start_sleeper(&[], Stdio::null());
        let before = fs::read_to_string(folder.0.join(".dev.vars")).unwrap();
        let endpoint = before.lines().find_map(|line| line.strip_prefix("DSQL_ENDPOINT=")).unwrap();
        let arguments = [&["run"], options, &["--", "true"]].concat();
        let output = folder.dsql_local(&arguments).stderr(Stdio::piped()).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        let expected = format!("a dsql-local already runs in this folder ({endpoint})");
        assert!(!output.status.success() && printed.contains(&expected), "{printed}");
        assert_eq!(fs::read_to_string(folder.0.join(".dev.vars")).unwrap(), before);
        signal(&child, "-KILL");
        child.wait().unwrap();
        gone(&pid, &home);
        fs::remove_file(folder.0.join("written")).unwrap();
        // The folder is free after the first process has ended in any way.
        assert!(folder.dsql_local(&["run", "--", "true"]).status().unwrap().success());
    }
}

#[test]
fn command_gets_another_role_limits_and_faults() {
    let folder = Folder::new("user");
    let script = r#"printf '%s|' "$DSQL_USER" "$AWS_ACCESS_KEY_ID""#;
    let options =
        ["--user", "blog", "--user", "other", "--as", "blog", "--limit", "rows=5", "--fault", "waking-up=2"];
    let run = || {
        let arguments = [&["run"], &options[..], &["--", "sh", "-c", script]].concat();
        let output = folder.dsql_local(&arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = run();
    let keys = fs::read_to_string(folder.0.join(".dsql-local/credentials.blog")).unwrap();
    let key = printed.strip_prefix("blog|").and_then(|rest| rest.strip_suffix('|')).unwrap();
    assert!(key.starts_with("DSQLLOCAL") && keys.contains(key), "{printed}");
    assert!(folder.0.join(".dsql-local/credentials.other").exists());
    let written = fs::read_to_string(folder.0.join(".dev.vars")).unwrap();
    assert!(written.contains("DSQL_USER=blog\n") && written.contains(key), "{written}");
    assert_eq!(run(), printed, "the folder keeps the keys");
    // The next start is for admin again, and removes the other role's name from the file, because dsql-local wrote that
    // name.
    assert!(folder.dsql_local(&["run", "--", "true"]).status().unwrap().success());
    let written = fs::read_to_string(folder.0.join(".dev.vars")).unwrap();
    assert!(!written.contains("DSQL_USER") && !written.contains(key), "{written}");
}

#[test]
fn kept_data_is_there_at_the_next_start() {
    let folder = Folder::new("keep");
    fs::write(folder.0.join("schema.sql"), "CREATE TABLE t (id int);").unwrap();
    let mut data = String::new();
    for _ in 0..2 {
        // A relative folder. If the SQL ran again, the second start would fail, because the table exists.
        let arguments = ["run", "--keep", "--init", "schema.sql", "--", "true"];
        let output = folder.dsql_local(&arguments).stderr(Stdio::piped()).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{printed}");
        data = printed.lines().find_map(|line| line.strip_prefix("dsql-local: data in ")).unwrap().to_owned();
    }
    assert!(Path::new(&data).join("PG_VERSION").exists(), "{data}");
    let as_root = Path::new(&data).parent().unwrap();
    let _ = fs::remove_dir_all(as_root);
}

#[test]
fn wrong_options_fail_with_a_message() {
    let folder = Folder::new("errors");
    fs::write(folder.0.join("bad.sql"), "\nCREATE TABLE t (id nosuch);").unwrap();
    fs::write(folder.0.join("package.json"), "{}").unwrap();
    for (arguments, printed) in [
        (&["serve", "--init", "none.sql"][..], "none.sql: No such file or directory"),
        (&["serve", "--init", "bad.sql"], "bad.sql:2:20: 42704: type \"nosuch\" does not exist"),
        (&["serve", "--as", "blog"], "--as blog needs --user blog"),
        (&["serve", "--user", "admin", "--no-dev-vars"], "user \"admin\": this role exists already"),
        (&["serve", "--region", ""], "region \"\": a region has"),
        (&["serve", "--region", "x y\"z"], "region \"x y\\\"z\": a region has"),
        (&["serve", "--host", "a b"], "host \"a b\": a host name has"),
        (&["serve", "--dev-vars", "."], ". is a folder: name another with --dev-vars"),
        (&["serve", "--limit", "rows=3001"], "rows is at least 1, and at most DSQL's 3000"),
        (&["serve", "--fault", "rain"], "\"rain\" is not a fault; the faults are latency=N"),
        (&["serve", "--postgres", "/nowhere"], "no PostgreSQL 16 in /nowhere"),
        (&["run", "--", "/no/such/command"], "/no/such/command: No such file or directory"),
        (&["run", "--", "no-such-wrangler"], "if it is a package of package.json, run `npm install` first"),
    ] {
        let output = folder.dsql_local(arguments).stderr(Stdio::piped()).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(printed), "{error}");
    }
    for (text, name) in [
        ("DSQL_ENDPOINT=abc.dsql.us-east-1.on.aws\n", "DSQL_ENDPOINT (line 1)"),
        ("DSQL_REGION=eu-west-1", "DSQL_REGION (line 1)"),
        ("A=1\nAWS_SECRET_ACCESS_KEY=real\nAWS_SESSION_TOKEN=real", "AWS_SECRET_ACCESS_KEY (line 2)"),
        (
            "AWS_SECRET_ACCESS_KEY=DSQLLOCALx\nAWS_SECRET_ACCESS_KEY=\"re\nal\"",
            "AWS_SECRET_ACCESS_KEY (line 2)",
        ),
    ] {
        fs::write(folder.0.join(".dev.vars"), text).unwrap();
        let output = folder.dsql_local(&["run", "--", "true"]).stderr(Stdio::piped()).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(
            printed.contains(&format!(".dev.vars: {name} is not a value that dsql-local wrote")),
            "{printed}"
        );
        assert_eq!(fs::read_to_string(folder.0.join(".dev.vars")).unwrap(), text);
    }
}

#[test]
fn no_process_remains_after_dsql_local() {
    for (name, how) in [("int", "-INT"), ("term", "-TERM"), ("hup", "-HUP"), ("kill", "-KILL")] {
        let folder = Folder::new(name);
        let (mut child, pid, home) = folder.start_sleeper(&[], Stdio::null());
        signal(&child, how);
        child.wait().unwrap();
        gone(&pid, &home);
    }
    let folder = Folder::new("eof");
    let (mut child, pid, home) = folder.start_sleeper(&["--stop-on-eof", "--no-dev-vars"], Stdio::piped());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    gone(&pid, &home);
    assert!(!folder.0.join(".dev.vars").exists());
}

/// The folders of PostgreSQL in a temporary folder, and the processes that use them.
fn left_in(temporary: &Path) -> Vec<String> {
    let folders = fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path().display().to_string());
    let processes = Command::new("ps").args(["-A", "-ww", "-o", "stat=,args="]).output().unwrap().stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let mark = temporary.display().to_string();
    let of_folder = processes.lines().filter(|line| line.contains(&mark) && !line.starts_with('Z'));
    folders.chain(of_folder.map(str::to_owned)).collect()
}

#[test]
fn nothing_remains_after_a_signal_during_the_start() {
    let folder = Folder::new("early");
    let temporary = folder.temporary();
    for moment in 0..14 {
        for how in ["-INT", "-TERM"] {
            let mut command = folder.dsql_local(&["serve"]);
            command.env("TMPDIR", &temporary).env_remove("DSQL_LOCAL_INITDB_CACHE");
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(moment * 80));
            signal(&child, how);
            // A shell without job control starts its background jobs, for example these tests, with SIGINT ignored. If
            // the signal arrives before dsql-local has begun to listen for it, the signal is lost.
            let sent = Instant::now();
            while child.try_wait().unwrap().is_none() {
                if sent.elapsed() > Duration::from_secs(5) {
                    signal(&child, how);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            assert_eq!(left_in(&temporary), [""; 0], "{how} after {} ms", moment * 80);
        }
    }
}

#[test]
fn nothing_remains_after_kill_during_initdb() {
    let folder = Folder::new("early-kill");
    let temporary = folder.temporary();
    let mut command = folder.dsql_local(&["serve"]);
    command.env("TMPDIR", &temporary).env_remove("DSQL_LOCAL_INITDB_CACHE");
    let mut child = command.spawn().unwrap();
    wait_until("initdb has begun", || {
        fs::read_dir(&temporary).unwrap().any(|home| home.unwrap().path().join("data/PG_VERSION").exists())
    });
    signal(&child, "-KILL");
    child.wait().unwrap();
    wait_until("initdb has ended, and its folder is removed", || left_in(&temporary).is_empty());
}

//! The command line `dsql-edge` with a running `dsql-local`: as the command of `dsql-local run`, and in a second
//! terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use dsql_edge_tests::binary::{dsql_edge, dsql_local, without_shell_variables};
use dsql_edge_tests::scratch_package::write_files;

fn plain(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    without_shell_variables(&mut command);
    command.current_dir(folder).env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
    command
}

/// A package with one migration.
fn package() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let files = [
        ("Cargo.toml", "[package]\nname = \"links\"\n"),
        ("migrations/0001_links.sql", "CREATE TABLE links (id bigint PRIMARY KEY);"),
        ("src/lib.rs", ""),
    ];
    write_files(home.path(), &files);
    home
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// A `dsql-local` that runs until it is dropped.
struct Serving(Child);

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Serving {
        Serving::start_in(folder, ".dsql-local", arguments)
    }

    fn start_in(folder: &Path, own: &str, arguments: &[&str]) -> Serving {
        let mut command = plain(dsql_local(), folder);
        command.args(["serve", "--stop-on-eof", "--folder", own]).args(arguments).stdin(Stdio::piped());
        let serving = Serving(command.spawn().unwrap());
        let start = Instant::now();
        while !folder.join(own).join("bindings").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "dsql-local does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        serving
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_command_of_dsql_local_trusts_its_certificate() {
    let home = package();
    let mut command = plain(dsql_local(), home.path());
    command.args(["run", "--no-dev-vars", "--"]).arg(dsql_edge()).arg("migrate");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert!(fs::read_to_string(home.path().join("dsql-schema.sql")).unwrap().contains("links ("));
}

#[test]
fn command_in_a_second_terminal_finds_dsql_local() {
    let home = package();
    let edge = |folder: &str, arguments: &[&str]| {
        plain(dsql_edge(), &home.path().join(folder)).args(arguments).output().unwrap()
    };
    let serving = Serving::start(home.path(), &["--user", "blog", "--as", "blog"]);
    let bindings = fs::read_to_string(home.path().join(".dsql-local/bindings")).unwrap();
    let endpoint = bindings.lines().find_map(|line| line.strip_prefix("DSQL_ENDPOINT=")).unwrap();
    // `migrate` connects as admin, although the Worker has another role.
    let output = edge("src", &["migrate"]);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(&format!("connects to dsql-local at {endpoint}, found by its folder")), "{text}");
    assert!(fs::read_to_string(home.path().join("dsql-schema.sql")).unwrap().contains("links ("));
    for arguments in [&["pull", "--check"][..], &["check"], &["pull", "--check", "--endpoint", endpoint]] {
        let output = edge("", arguments);
        assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
    }
    // If the shell has no endpoint, its other variables may be for another cluster, and are not used. An empty variable
    // is treated as not set.
    for variables in [
        &[("DSQL_REGION", "eu-west-1")][..],
        &[("DSQL_EDGE_CA", "")],
        &[("DSQL_EDGE_CA", "/another/cluster/ca.crt")],
        &[("DSQL_USER", "reporter")],
        &[("DSQL_USER", "reporter"), ("DSQL_REGION", "eu-west-1"), ("DSQL_EDGE_CA", "/another/ca.crt")],
    ] {
        let mut command = plain(dsql_edge(), home.path());
        let output = command.args(["pull", "--check"]).envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{variables:?}: {}", printed(&output));
    }
    // If the shell has an endpoint, the other variables of the shell are for the same cluster, and the command uses
    // them.
    let mut command = plain(dsql_edge(), home.path());
    let output =
        command.args(["pull", "--check"]).env("DSQL_ENDPOINT", endpoint).env("DSQL_USER", "reporter");
    let text = printed(&output.output().unwrap());
    assert!(text.contains("access denied"), "{text}");
    // Another role signs with its own keys, and may connect.
    let text = printed(&edge("", &["pull", "--check", "--user", "blog"]));
    assert!(!text.contains("access denied"), "{text}");
    let output = edge("", &["pull", "--endpoint", "localhost:1", "--region", "us-east-1"]);
    assert!(
        !output.status.success() && !printed(&output).contains("found by its folder"),
        "the command line names another cluster"
    );
    drop(serving);
    let text = printed(&edge("", &["pull"]));
    assert!(
        text.contains("no dsql-local runs here (that of")
            && text.contains(&format!("does not answer at {endpoint}"))
            && text.contains("`dsql-local serve`")
            && text.contains("--endpoint"),
        "{text}"
    );
    // A dsql-local in a folder above the package is not found.
    write_files(home.path(), &[("inner/Cargo.toml", "")]);
    let text = printed(&edge("inner", &["pull"]));
    assert!(
        text.contains("no dsql-local runs here, and no cluster is named")
            && !text.contains("does not answer"),
        "{text}"
    );
}

#[test]
fn dsql_local_of_a_workspace_is_found_from_its_members() {
    let home = tempfile::tempdir().unwrap();
    let files = [
        ("Cargo.toml", "[workspace]\nmembers = [\"links\"]\n"),
        ("links/Cargo.toml", "[package]\nname = \"links\"\n"),
        ("links/migrations/0001_links.sql", "CREATE TABLE links (id bigint PRIMARY KEY);"),
        ("links/src/lib.rs", ""),
    ];
    write_files(home.path(), &files);
    let serving = Serving::start_in(home.path(), ".local-db", &["--no-dev-vars"]);
    let member = home.path().join("links");
    let edge =
        |folder: &Path, arguments: &[&str]| plain(dsql_edge(), folder).args(arguments).output().unwrap();
    let output = edge(&member, &["migrate"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(fs::read_to_string(member.join("dsql-schema.sql")).unwrap().contains("links ("));
    // The command line contains the path of the package; the working folder is another folder.
    let elsewhere = tempfile::tempdir().unwrap();
    let output = edge(elsewhere.path(), &["check", "--no-build", member.to_str().unwrap()]);
    assert!(output.status.success(), "{}", printed(&output));
    let bindings = fs::read_to_string(home.path().join(".local-db/bindings")).unwrap();
    let endpoint = bindings.lines().find_map(|line| line.strip_prefix("DSQL_ENDPOINT=")).unwrap();
    let output = edge(elsewhere.path(), &["pull", "--output", "-", "--endpoint", endpoint]);
    assert!(printed(&output).contains("no keys for localhost"), "{}", printed(&output));
    // `-` writes the snapshot to stdout.
    let output = edge(&member, &["pull", "--output", "-"]);
    let snapshot = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && snapshot.contains("CREATE TABLE public.links ("), "{snapshot}");
    assert!(!member.join("-").exists());
    drop(serving);
}

//! A smoke test of wrangler, because users run wrangler: the example's own configuration, a dry deployment, and
//! `dsql-local run -- wrangler dev`.
//!
//! The test uses its own bundle. From the configuration, the test leaves out `[build]`, which would run worker-build.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use dsql_edge_tests::workerd;
use xtask::{project, setup};

#[tokio::test]
async fn wrangler_deploys_the_example_and_develops_it() {
    let wrangler = tokio::task::spawn_blocking(|| setup::wrangler().unwrap()).await.unwrap();
    // The Worker of the pool example has a Durable Object whose class is in another crate.
    let pool = Folder::with_example("pool", workerd::pool_example().await);
    assert!(pool.deploys(&wrangler).contains("env.DSQL_POOL (DsqlPool)"));
    let folder = Folder::with_example("blog", workerd::blog().await);
    folder.deploys(&wrangler);

    let example = project::root().join("examples/blog");
    let mut develop = folder.command(&project::target().join("debug/dsql-local"));
    develop
        .args(["run", "--stop-on-eof", "--init"])
        .arg(example.join("dsql-schema.sql"))
        .arg(example.join("seed.sql"));
    develop.arg("--").arg(&wrangler).args([
        "dev",
        "--ip",
        "127.0.0.1",
        "--port",
        "0",
        "--inspector-port",
        "0",
    ]);
    develop.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = develop.spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (send, addresses) = mpsc::channel();
    std::thread::spawn(move || {
        lines.for_each(|line| {
            eprintln!("wrangler: {line}");
            if let Some((_, address)) = line.split_once("Ready on ") {
                let _ = send.send(address.trim().to_owned());
            }
        });
    });
    let address = addresses.recv_timeout(Duration::from_secs(120)).expect("wrangler is not ready");
    let body =
        ureq::get(format!("{address}/tags/Language")).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(body, r#"[{"tag_name":"Rust","usage_count":64},{"tag_name":"SQL","usage_count":51}]"#);
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
    assert!(ureq::get(&address).call().is_err(), "nothing is left running");
}

/// A folder with the example's configuration and the example's bundle, in the form in which worker-build writes the
/// bundle.
struct Folder(PathBuf);

impl Folder {
    fn with_example(name: &str, bundle: &Path) -> Folder {
        let folder = project::target().join("wrangler").join(format!("{name}-{}", std::process::id()));
        copy(bundle, &folder.join("build"));
        let text = std::fs::read_to_string(project::root().join("examples").join(name).join("wrangler.toml"))
            .unwrap();
        let (before, rest) = text.split_once("[build]\n").unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        std::fs::write(folder.join("wrangler.toml"), format!("{before}{after}")).unwrap();
        Folder(folder)
    }

    /// Runs a dry deployment, and returns wrangler's output.
    fn deploys(&self, wrangler: &Path) -> String {
        let mut deploy = self.command(wrangler);
        let output = deploy.args(["deploy", "--dry-run", "--outdir", "out"]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && printed.contains("Total Upload"), "{output:?}");
        assert!(!printed.contains("warning") && output.stderr.is_empty(), "{output:?}");
        printed
    }

    /// A command in the folder, with wrangler set not to ask questions.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .env("CI", "1")
            .env("WRANGLER_SEND_METRICS", "false");
        command
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .env("NODE_PATH", project::root().join("xtask/npm/node_modules"));
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

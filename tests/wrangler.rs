//! A smoke test of wrangler, because users run wrangler. With each example's own configuration, the test runs a dry
//! deployment and `dsql-local run -- wrangler dev` (for Hyperdrive, `wrangler dev` with a PostgreSQL).
//!
//! The test uses its own bundle. From the configuration, the test leaves out `[build]`, which would run worker-build.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dsql_edge_tests::new_worker::Developed;
use dsql_edge_tests::postgres_server::PostgresServer;
use dsql_edge_tests::workerd;
use xtask::{project, setup};

#[tokio::test]
async fn wrangler_deploys_and_develops_the_blog() {
    let wrangler = wrangler().await;
    let folder = Folder::with_example("blog", workerd::blog().await);
    folder.deploys(&wrangler);
    let developed = folder.develops(&wrangler, "blog");
    assert_eq!(
        ask(&developed, "GET", "/tags/Language", ""),
        r#"[{"tag_name":"Rust","usage_count":64},{"tag_name":"SQL","usage_count":51}]"#
    );
    developed.end_input();
}

/// The Worker of the pool example has a Durable Object whose class is in another crate.
#[tokio::test]
async fn wrangler_deploys_and_develops_the_pool() {
    let wrangler = wrangler().await;
    let folder = Folder::with_example("pool", workerd::pool_example().await);
    assert!(folder.deploys(&wrangler).contains("env.DSQL_POOL (DsqlPool)"));
    let developed = folder.develops(&wrangler, "pool");
    assert_eq!(ask(&developed, "POST", "/a", ""), r#"{"views":1}"#);
    assert_eq!(ask(&developed, "POST", "/a", ""), r#"{"views":2}"#);
    assert_eq!(ask(&developed, "GET", "/", ""), r#"[{"path":"/a","views":2}]"#);
    developed.end_input();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrangler_deploys_and_develops_hyperdrive() {
    let wrangler = wrangler().await;
    let hba = "host all app 127.0.0.1/32 password\n";
    let schema = include_str!("../examples/hyperdrive/dsql-schema.sql");
    let sql = format!("CREATE ROLE app LOGIN PASSWORD 'canary'; {schema}; GRANT ALL ON note TO app");
    let server = PostgresServer::start(&setup::postgres().unwrap(), hba, &sql).await;
    let folder = Folder::with_example("hyperdrive", workerd::hyperdrive_example().await);
    let printed = folder.deploys(&wrangler);
    assert!(printed.contains("env.DB (") && printed.contains("env.DB_UNCACHED ("), "{printed}");
    let mut develop = folder.command(&wrangler);
    for binding in ["DB", "DB_UNCACHED"] {
        let name = format!("CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_{binding}");
        develop.env(name, format!("postgres://app:canary@127.0.0.1:{}/postgres", server.port()));
    }
    // wrangler ends when its input ends.
    let developed = Developed::start_command(develop.stdin(Stdio::piped()).args(DEVELOP));
    assert_eq!(ask(&developed, "GET", "/", ""), "[]");
    let written = ask(&developed, "POST", "/", "往復");
    assert!(written.contains("往復"), "{written}");
    assert_eq!(ask(&developed, "GET", "/", ""), written);
    developed.stop();
    server.stop().await;
}

#[tokio::test]
async fn wrangler_runs_the_cron_trigger_of_edge_cache() {
    let wrangler = wrangler().await;
    let folder = Folder::with_example("edge-cache", workerd::edge_cache_example().await);
    let printed = folder.deploys(&wrangler);
    assert!(printed.contains("env.DB (edge-cache)"), "{printed}");
    let mut migrations = folder.command(&wrangler);
    let output = migrations.args(["d1", "migrations", "apply", "edge-cache", "--local"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let developed = folder.develops(&wrangler, "edge-cache");
    assert!(developed.request("GET", "/ranking", "").0 >= 400, "nothing was copied yet");
    ask(&developed, "GET", "/cdn-cgi/handler/scheduled", "");
    let copied = ask(&developed, "GET", "/ranking", "");
    assert!(copied.contains(r#""product":"分散システム入門""#), "{copied}");
    developed.end_input();
}

async fn wrangler() -> PathBuf {
    tokio::task::spawn_blocking(|| setup::wrangler().unwrap()).await.unwrap()
}

/// Any free port.
const DEVELOP: [&str; 7] = ["dev", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"];

/// Sends a request that succeeds, and returns the body of the answer.
fn ask(developed: &Developed, method: &str, path: &str, body: &str) -> String {
    let (status, answer) = developed.request(method, path, body);
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

/// A folder with the example's configuration and the example's bundle, which has the same form as a bundle of
/// worker-build.
struct Folder(PathBuf);

impl Folder {
    fn with_example(name: &str, bundle: &Path) -> Folder {
        let folder = project::target().join("wrangler").join(format!("{name}-{}", std::process::id()));
        copy(bundle, &folder.join("build"));
        let example = project::root().join("examples").join(name);
        if example.join("migrations").exists() {
            copy(&example.join("migrations"), &folder.join("migrations"));
        }
        let text = std::fs::read_to_string(example.join("wrangler.toml")).unwrap();
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

    /// Develops the example with its own tables and rows.
    fn develops(&self, wrangler: &Path, name: &str) -> Developed {
        let example = project::root().join("examples").join(name);
        let mut develop = self.command(&project::target().join("debug/dsql-local"));
        develop.args(["run", "--stop-on-eof", "--init"]).arg(example.join("dsql-schema.sql"));
        let rows = example.join("seed.sql");
        if rows.exists() {
            develop.arg(rows);
        }
        develop.stdin(Stdio::piped());
        Developed::start_command(develop.arg("--").arg(wrangler).args(DEVELOP))
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

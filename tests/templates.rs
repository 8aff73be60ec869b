//! Builds, runs and tests the Workers of `dsql-edge new`, as a user does: `npm run dev` and `cargo test`.
//!
//! The crates are not on crates.io, so a `.cargo/config.toml` names the crates of this clone. `worker-build` downloads
//! its tools, so a script with this name runs this workspace's bundler instead.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use dsql_edge_tests::binary::{dsql_edge, dsql_local, without_shell_variables};
use xtask::{project, setup, worker};

#[test]
fn template_api_answers_and_its_tests_pass() {
    let folder = Folder::new("api");
    let worker = folder.develops();
    tasks_are_added_and_listed(&worker);
    worker.stop();
    folder.is_tested(3);
}

#[test]
fn template_axum_answers_and_its_tests_pass() {
    let folder = Folder::new("axum");
    let worker = folder.develops();
    tasks_are_added_and_listed(&worker);
    worker.stop();
    folder.is_tested(3);
}

#[test]
fn template_cron_answers_and_its_tests_pass() {
    let folder = Folder::new("cron");
    let worker = folder.develops();
    assert!(worker.request("GET", "/", "").1.starts_with(r#"{"ok":true,"timestamp":"#));
    assert_eq!(worker.request("GET", "/cdn-cgi/handler/scheduled", "").0, 200);
    assert_eq!(worker.request("GET", "/tasks", ""), (200, r#"{"open":0,"tasks":[]}"#.to_owned()));
    worker.stop();
    folder.is_tested(4);
}

#[test]
fn template_pool_answers_and_its_tests_pass() {
    let folder = Folder::new("pool");
    let worker = folder.develops();
    tasks_are_added_and_listed(&worker);
    worker.stop();
    folder.is_tested(3);
}

fn tasks_are_added_and_listed(worker: &Developed) {
    let (status, now) = worker.request("GET", "/", "");
    assert!(status == 200 && now.starts_with(r#"{"ok":true,"timestamp":"#), "{status} {now}");
    let (status, added) = worker.request("POST", "/tasks", r#"{"title":"water the plants"}"#);
    assert_eq!(status, 201, "{added}");
    let (status, tasks) = worker.request("GET", "/tasks", "");
    let tasks: serde_json::Value = serde_json::from_str(&tasks).unwrap();
    let added: serde_json::Value = serde_json::from_str(&added).unwrap();
    assert_eq!((status, &tasks["open"], &tasks["tasks"][0]["id"]), (200, &1.into(), &added["id"]));
    assert_eq!(worker.request("POST", "/tasks", r#"{"title":""}"#).0, 400);
    assert_eq!(worker.request("POST", "/tasks", "{").0, 400);
    assert_eq!(worker.request("GET", "/nothing", "").0, 404);
}

/// The folder of a new Worker.
struct Folder {
    path: PathBuf,
    name: String,
}

impl Folder {
    fn new(template: &str) -> Folder {
        setup::wasm_target().unwrap();
        worker::tools().unwrap();
        let wrangler = setup::wrangler().unwrap();
        let name = format!("new-{template}");
        let path = project::target().join("templates").join(&name);
        let _ = fs::remove_dir_all(&path);
        let mut new = Command::new(dsql_edge());
        let created = without_shell_variables(&mut new).arg("new").arg(&path).args(["--template", template]);
        assert!(created.status().unwrap().success());
        let node_modules = wrangler.ancestors().nth(2).unwrap();
        symlink(node_modules, path.join("node_modules")).unwrap();
        let folder = Folder { path, name };
        folder.patch();
        folder.programs();
        folder
    }

    /// Makes cargo use the crates of this clone, and one target folder for all templates.
    fn patch(&self) {
        let members = fs::read_dir(project::root()).unwrap().map(|entry| entry.unwrap().path());
        let crates = members.filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("dsql-edge") && path.join("Cargo.toml").exists()
        });
        let patches = crates
            .map(|path| format!("{} = {{ path = {path:?} }}\n", path.file_name().unwrap().to_str().unwrap()));
        let text = format!(
            "[build]\ntarget-dir = {:?}\n\n[patch.crates-io]\n{}",
            Self::target(),
            patches.collect::<String>()
        );
        fs::create_dir(self.path.join(".cargo")).unwrap();
        fs::write(self.path.join(".cargo/config.toml"), text).unwrap();
    }

    fn target() -> PathBuf {
        project::target().join("tests/templates")
    }

    /// Writes the programs that replace downloads.
    fn programs(&self) {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let wasm = Self::target()
            .join(setup::WASM_TARGET)
            .join(format!("release/{}.wasm", self.name.replace('-', "_")));
        let bundler = project::target().join("debug/dsql-edge-bundler");
        let build = format!(
            "#!/bin/sh\nset -eu\nexport WASM_BINDGEN_USE_JS_SYS=1\n{cargo} build --release --target {} \
             --config \"profile.release.strip='debuginfo'\" 1>&2\nexec {} {} build\n",
            setup::WASM_TARGET,
            bundler.display(),
            wasm.display()
        );
        // The configuration of the Worker installs worker-build before each build.
        let install = format!("#!/bin/sh\n[ \"$1\" = install ] && exit 0\nexec {cargo} \"$@\"\n");
        let bin = self.path.join(".programs");
        fs::create_dir(&bin).unwrap();
        for (name, text) in [("worker-build", build), ("cargo", install)] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(dsql_local(), bin.join("dsql-local")).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        without_shell_variables(&mut command).current_dir(&self.path).stdin(Stdio::null());
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.path.join(".programs").display()));
        command.env("DSQL_LOCAL_PG_BIN", setup::postgres().unwrap()).env_remove("CARGO_TARGET_DIR");
        command
            .env("CI", "1")
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false");
        command
    }

    fn develops(&self) -> Developed {
        let mut npm = self.command("npm");
        npm.args(["run", "dev", "--", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"]);
        let mut process = npm.stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (send, addresses) = mpsc::channel();
        std::thread::spawn(move || {
            lines.for_each(|line| {
                eprintln!("npm run dev: {line}");
                if let Some((_, address)) = line.split_once("Ready on ") {
                    let _ = send.send(address.trim().to_owned());
                }
            });
        });
        let mut developed = Developed { process, address: String::new() };
        developed.address = addresses.recv_timeout(Duration::from_secs(600)).expect("wrangler is not ready");
        developed
    }

    /// Runs the tests of the Worker, of which this many must pass.
    fn is_tested(&self, expected: usize) {
        let output = self.command("cargo").args(["test", "--color", "never"]).output().unwrap();
        let printed =
            format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains(&format!("test result: ok. {expected} passed")), "{printed}");
        assert!(!printed.contains("warning"), "{printed}");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// A running `npm run dev`.
struct Developed {
    process: Child,
    address: String,
}

impl Developed {
    fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}{path}", self.address);
        let answer = if method == "POST" { agent.post(&url).send(body) } else { agent.get(&url).call() };
        let mut answer = answer.unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    fn stop(mut self) {
        self.interrupt();
        self.process.wait().unwrap();
        assert!(ureq::get(&self.address).call().is_err(), "nothing is left running");
    }

    /// Sends what Ctrl-C sends: SIGINT to each process of the group.
    fn interrupt(&self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-INT", "--", &group]).status();
    }
}

impl Drop for Developed {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.interrupt();
            let _ = self.process.wait();
        }
    }
}

//! The folder of a Worker that `dsql-edge new` created, prepared so that it builds and runs without downloads.
//!
//! The crates are not on crates.io, so a `.cargo/config.toml` refers to the crates of this clone, or to unpacked
//! packages. `worker-build` downloads its tools, so a script with this name runs this workspace's bundler instead.
//! wrangler is already installed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use xtask::{project, setup, worker};

use crate::binary::{dsql_edge, dsql_local, unpacked_packages};
use crate::console::{Shell, write_program};

/// Returns a shell in a folder, with the commands of this workspace. In this shell, scripts replace `worker-build` and
/// `cargo`, so that a Worker with this name is built without downloads.
pub fn shell(folder: &Path, name: &str) -> Shell {
    setup::wasm_target().unwrap();
    worker::tools().unwrap();
    let _ = fs::remove_dir_all(folder);
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).unwrap();
    symlink(dsql_edge(), programs.join("dsql-edge")).unwrap();
    symlink(dsql_local(), programs.join("dsql-local")).unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let wasm = target().join(setup::WASM_TARGET).join(format!("release/{}.wasm", name.replace('-', "_")));
    let bundler = project::target().join("debug/dsql-edge-bundler");
    let build = format!(
        "#!/bin/sh\nset -eu\nexport WASM_BINDGEN_USE_JS_SYS=1\n{cargo} build --release --target {} \
         --config \"profile.release.strip='debuginfo'\" 1>&2\nexec {} {} build\n",
        setup::WASM_TARGET,
        bundler.display(),
        wasm.display()
    );
    write_program(&programs, "worker-build", &build);
    // The configuration of a Worker installs worker-build before each build.
    write_program(
        &programs,
        "cargo",
        &format!("#!/bin/sh\n[ \"$1\" = install ] && exit 0\nexec {cargo} \"$@\"\n"),
    );
    Shell { folder: folder.to_owned(), home: folder.to_owned(), programs }
}

/// The target folder of all Workers.
fn target() -> PathBuf {
    project::target().join("tests/templates")
}

/// Makes cargo use the crates of this clone, or the unpacked packages, and one target folder for all Workers. Installs
/// wrangler.
pub fn prepare(worker: &Path) {
    let crates = unpacked_packages().unwrap_or_else(project::root);
    let members = fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path());
    let patches = members.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        // The command line is left out: a Worker does not depend on it, and cargo would warn about an unused patch.
        let is_crate =
            name.starts_with("dsql-edge") && name != "dsql-edge-codegen" && path.join("Cargo.toml").exists();
        is_crate.then(|| format!("{name} = {{ path = {path:?} }}\n"))
    });
    let text =
        format!("[build]\ntarget-dir = {:?}\n\n[patch.crates-io]\n{}", target(), patches.collect::<String>());
    fs::create_dir(worker.join(".cargo")).unwrap();
    fs::write(worker.join(".cargo/config.toml"), text).unwrap();
    let wrangler = setup::wrangler().unwrap();
    symlink(wrangler.ancestors().nth(2).unwrap(), worker.join("node_modules")).unwrap();
}

/// Sets the variables with which wrangler asks no questions and dsql-local finds its PostgreSQL.
pub fn with_variables(command: &mut Command) -> &mut Command {
    command.env("DSQL_LOCAL_PG_BIN", setup::postgres().unwrap());
    command.env("WRANGLER_SEND_METRICS", "false").env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
}

/// Prints the output of `wrangler dev`, and waits for the address of the Worker. wrangler builds the Worker first.
fn address_of_wrangler(output: ChildStdout) -> String {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    let (send, addresses) = mpsc::channel();
    std::thread::spawn(move || {
        lines.for_each(|line| {
            eprintln!("wrangler: {line}");
            if let Some((_, address)) = line.split_once("Ready on ") {
                let _ = send.send(address.trim().to_owned());
            }
        });
    });
    addresses.recv_timeout(Duration::from_secs(900)).expect("wrangler is not ready")
}

/// A running `npm run dev`, or another command that runs `wrangler dev`.
pub struct Developed {
    process: Child,
    /// The address of the Worker, such as `http://localhost:8787`.
    pub address: String,
}

impl Developed {
    /// Starts `npm run dev` with further arguments of wrangler, and waits until the Worker accepts requests.
    pub fn start(shell: &Shell, arguments: &[&str]) -> Developed {
        let mut npm = shell.command("npm");
        with_variables(&mut npm).args(["run", "dev", "--"]).args(arguments);
        Developed::start_command(&mut npm)
    }

    /// Starts a command that runs `wrangler dev`, and waits until the Worker accepts requests.
    pub fn start_command(command: &mut Command) -> Developed {
        let mut process = command.stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        let output = process.stdout.take().unwrap();
        let mut developed = Developed { process, address: String::new() };
        developed.address = address_of_wrangler(output);
        developed
    }

    /// Sends a request, and returns the status and the body of the answer.
    pub fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}{path}", self.address);
        let answer = if method == "POST" { agent.post(&url).send(body) } else { agent.get(&url).call() };
        let mut answer = answer.unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// Stops everything as Ctrl-C does; nothing may be left running.
    pub fn stop(mut self) {
        self.interrupt();
        self.process.wait().unwrap();
        assert!(ureq::get(&self.address).call().is_err(), "nothing is left running");
    }

    /// Ends the input of `dsql-local run --stop-on-eof`, which ends wrangler.
    pub fn end_input(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
        assert!(ureq::get(&self.address).call().is_err(), "nothing is left running");
    }

    /// Sends SIGINT to each process of the group.
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

//! `cargo xtask demo`: runs the example blog in workerd with a local DSQL, and sends requests to the blog over HTTP.
//!
//! The demo needs only a clone, Rust and Node. The demo starts one process, `dsql-local run`, which starts PostgreSQL
//! and workerd. `dsql-local` stops PostgreSQL and workerd when its standard input closes, that is, when this process
//! ends in any way. The command that `dsql-local` runs is `cargo xtask demo --serve`. `demo --serve` writes workerd's
//! configuration, which needs the certificate of the running dsql-local, and then becomes workerd.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use xtask::step::step;
use xtask::workerd::{self, Worker};
use xtask::{project, setup, worker};

/// The time limit for PostgreSQL and workerd to start.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// The bindings of the example's Worker.
const BINDINGS: [&str; 4] = ["DSQL_ENDPOINT", "DSQL_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The folder of the example's crate.
const EXAMPLE: &str = "examples/blog";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Stop after the requests instead of at Ctrl-C
    #[arg(long)]
    once: bool,
    /// Become workerd with the example; `demo` runs this through dsql-local
    #[arg(long, hide = true)]
    serve: bool,
}

pub(crate) fn demo(options: &Options) -> Result<()> {
    let folder = project::target().join("demo");
    if options.serve {
        return serve(&folder);
    }
    setup::runtime()?;
    let example = project::root().join(EXAMPLE);
    worker::tools()?;
    worker::bundle(&example, &[])?;

    let interrupted = interrupts()?;
    // Each demo begins with a new folder.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let running = step("starting PostgreSQL, dsql-local and workerd", || {
        Running::start(&folder, &example, &interrupted)
    })?;
    let address = format!("http://127.0.0.1:{}", running.port);
    requests(&address)?;
    if options.once {
        return running.stop();
    }
    eprintln!("\nThe blog is at {address} until Ctrl-C.");
    running.wait(&interrupted)
}

/// Becomes workerd with the example's Worker. The Worker trusts the certificate whose path dsql-local sets in the
/// environment. Returns only after an error.
fn serve(folder: &Path) -> Result<()> {
    let ca = env::var_os("DSQL_EDGE_CA").map(PathBuf::from).context("dsql-local sets DSQL_EDGE_CA")?;
    let config = folder.join("workerd.capnp");
    let worker = Worker {
        bundle: &worker::bundled(&project::root().join(EXAMPLE))?,
        ca: &ca,
        bindings: &BINDINGS,
        json: &[],
        stored: &[],
        durable_objects: &[],
        apart: false,
        triggers: false,
        compatibility_flags: &[],
        v8_flags: &[],
        hyperdrive: &[],
        d1: None,
    };
    workerd::write(&config, &worker)?;
    Err(Command::new(setup::workerd()?).args(workerd::SERVE).arg(&config).exec().into())
}

/// Ctrl-C, and requests to terminate. After this call, these signals no longer end this process by themselves.
fn interrupts() -> Result<Receiver<()>> {
    let (send, receive) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = send.send(());
    })?;
    Ok(receive)
}

/// A running `dsql-local run` whose Worker accepts requests.
struct Running {
    process: Child,
    /// The standard input of `dsql-local`: when it is closed, `dsql-local` stops.
    leash: Option<ChildStdin>,
    port: u16,
}

impl Running {
    fn start(folder: &Path, example: &Path, interrupted: &Receiver<()>) -> Result<Running> {
        let mut command = Command::new(project::target().join("debug/dsql-local"));
        command.args(["run", "--stop-on-eof", "--no-dev-vars", "--folder"]).arg(folder.join("dsql-local"));
        command.arg("--postgres").arg(setup::postgres()?);
        command.arg("--init").arg(example.join("dsql-schema.sql")).arg(example.join("seed.sql"));
        command.arg("--").arg(env::current_exe()?).args(["demo", "--serve"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let leash = process.stdin.take();
        let lines = follow(process.stdout.take());
        let mut running = Running { process, leash, port: 0 };
        let start = Instant::now();
        loop {
            if interrupted.try_recv().is_ok() {
                return Err(anyhow!("interrupted"));
            }
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(port) => running.port = port,
                Err(RecvTimeoutError::Timeout) if start.elapsed() < START_TIMEOUT => continue,
                Err(RecvTimeoutError::Timeout) => return Err(anyhow!("workerd does not listen")),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = running.process.wait()?;
                    return Err(anyhow!("dsql-local or workerd ended at its start ({status})"));
                }
            }
            return Ok(running);
        }
    }

    fn wait(mut self, interrupted: &Receiver<()>) -> Result<()> {
        while interrupted.recv_timeout(Duration::from_millis(100)).is_err() {
            if let Some(status) = self.process.try_wait()? {
                return Err(anyhow!("dsql-local or workerd ended ({status})"));
            }
        }
        self.stop()
    }

    fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        drop(self.leash.take());
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Prints the Worker's output. Sends the port to the receiver as soon as workerd has reported the port.
fn follow(output: Option<impl io::Read + Send + 'static>) -> Receiver<u16> {
    let (send, receive) = mpsc::channel();
    if let Some(output) = output {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                match workerd::listening(&line) {
                    Some(port) => {
                        let _ = send.send(port);
                    }
                    None => eprintln!("   worker: {line}"),
                }
            }
        });
    }
    receive
}

/// Sends the blog each request of its README, and prints the answers.
fn requests(address: &str) -> Result<()> {
    let tag = r#"{"tag_name":"ペアプログラミング","tag_category":"Methodology"}"#;
    for (method, path, body, expected) in [
        ("GET", "/", "", 200),
        ("GET", "/posts", "", 200),
        ("GET", "/tags/Methodology", "", 200),
        ("POST", "/tags", tag, 201),
        ("POST", "/tags", tag, 409),
        ("POST", "/tags", r#"{"tag_name":"#, 400),
    ] {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let start = Instant::now();
        let url = format!("{address}{path}");
        let mut response =
            if method == "POST" { agent.post(&url).send(body) } else { agent.get(&url).call() }?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string()?;
        println!("\n{method} {path} {body}");
        println!("{status} in {:.0} ms", start.elapsed().as_secs_f64() * 1000.0);
        println!("{}", lines(&text));
        if status != expected {
            return Err(anyhow!("{method} {path} answered {status}, not {expected}"));
        }
    }
    Ok(())
}

/// Returns the JSON with a line break between the objects of an array.
fn lines(json: &str) -> String {
    json.replace("},{", "},\n {")
}

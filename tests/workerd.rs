//! A real workerd that runs a bundle.
//!
//! Input: a Worker's folder, the authority to trust, its bindings. Output: answers over HTTP, and the Worker's log. The
//! workerd ends with the test, even if the test panics.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dsql_edge_local::Guarded;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::{OnceCell, mpsc};
use xtask::d1::D1;
use xtask::workerd::{Hyperdrive, Worker};
use xtask::{project, setup};

/// A time limit that only a hang exceeds.
const HANG: Duration = Duration::from_secs(60);

/// The bundle of the example blog.
pub async fn blog() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(|| bundle("examples/blog")).await
}

/// The bundle of `tests/probe`.
pub async fn probe() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(|| bundle("tests/probe")).await
}

/// The bundle of `tests/habits`.
pub async fn habits() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(|| bundle("tests/habits")).await
}

/// The bundle of `tests/pool`.
pub async fn pooled() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(|| bundle("tests/pool")).await
}

/// The bundle of `examples/hyperdrive`.
pub async fn hyperdrive_example() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(|| bundle("examples/hyperdrive")).await
}

/// The bundle of `examples/pool`.
pub async fn pool_example() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(|| bundle("examples/pool")).await
}

/// The bundle of `examples/edge-cache`.
pub async fn edge_cache_example() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(|| bundle("examples/edge-cache")).await
}

/// Builds and bundles a Worker of the project.
async fn bundle(folder: &'static str) -> PathBuf {
    let build = move || {
        setup::runtime().unwrap();
        xtask::worker::bundle(&project::root().join(folder), &[]).unwrap()
    };
    tokio::task::spawn_blocking(build).await.unwrap()
}

/// A running workerd.
pub struct Workerd {
    guard: Guarded,
    port: u16,
    log: Arc<Mutex<String>>,
    folder: PathBuf,
}

/// The options of a Worker other than text bindings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    /// Bindings that are secrets of a Secrets Store.
    pub stored: &'a [&'a str],
    /// Bindings that are not text: a name, and a value in JSON.
    pub json: &'a [(&'a str, &'a str)],
    /// Classes of Durable Objects, each bound by its own name, or `binding=class`.
    pub durable_objects: &'a [&'a str],
    /// Whether the Durable Objects run in a separate isolate, which can be restarted without the Worker's isolate: see
    /// `xtask::workerd`.
    pub apart: bool,
    /// Whether a POST request calls a handler: `/trigger/scheduled`, with a cron expression, or `/trigger/queue`, with
    /// a JSON message.
    pub triggers: bool,
    /// The Worker's compatibility flags.
    pub compatibility_flags: &'a [&'a str],
    /// Flags of V8.
    pub v8_flags: &'a [&'a str],
    /// The bindings of Hyperdrive.
    pub hyperdrive: &'a [Hyperdrive<'a>],
    /// A binding of D1, with another Worker between the Worker and D1.
    pub d1: Option<D1<'a>>,
}

/// The Worker's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Workerd {
    /// Starts a Worker's bundle. The Worker trusts `ca_pem` in addition to the authorities of browsers.
    pub async fn start(bundle: &Path, ca_pem: &str, bindings: &[(&'static str, String)]) -> Workerd {
        Workerd::start_with(bundle, ca_pem, bindings, &Extras::default()).await
    }

    /// Starts a Worker's bundle with further options.
    pub async fn start_with(
        bundle: &Path,
        ca_pem: &str,
        bindings: &[(&'static str, String)],
        extras: &Extras<'_>,
    ) -> Workerd {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = project::target().join("workerd").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let (ca, config) = (folder.join("ca.crt"), folder.join("workerd.capnp"));
        std::fs::write(&ca, ca_pem).unwrap();
        let is_json = |name: &str| extras.json.iter().any(|(other, _)| *other == name);
        let names = bindings.iter().map(|(name, _)| *name).filter(|name| !is_json(name));
        let (stored, names): (Vec<&str>, Vec<&str>) = names.partition(|name| extras.stored.contains(name));
        let worker = Worker {
            bundle,
            ca: &ca,
            bindings: &names,
            json: extras.json,
            stored: &stored,
            durable_objects: extras.durable_objects,
            apart: extras.apart,
            triggers: extras.triggers,
            compatibility_flags: extras.compatibility_flags,
            v8_flags: extras.v8_flags,
            hyperdrive: extras.hyperdrive,
            d1: extras.d1,
        };
        xtask::workerd::write(&config, &worker).unwrap();

        let program = setup::workerd().unwrap();
        let mut arguments: Vec<OsString> = xtask::workerd::SERVE.map(Into::into).into();
        arguments.extend(
            (extras.triggers || extras.apart || extras.d1.is_some())
                .then(|| xtask::workerd::EXPERIMENTAL.into()),
        );
        arguments.push(config.into_os_string());
        // SIGKILL: at SIGTERM, workerd would wait for its requests, and a request that hangs would keep workerd
        // running.
        let mut guard = Guarded::spawn(program.as_os_str(), arguments, "KILL", Some(&folder), |command| {
            command.envs(bindings.iter().map(|(name, value)| (name, value)));
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        })
        .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (ports, mut port) = mpsc::unbounded_channel();
        tokio::spawn(follow(guard.take_stdout().unwrap(), log.clone(), ports.clone()));
        tokio::spawn(follow(guard.take_stderr().unwrap(), log.clone(), ports));
        match tokio::time::timeout(HANG, port.recv()).await {
            Ok(Some(port)) => Workerd { guard, port, log, folder },
            _ => panic!("workerd does not listen: {}", log.lock().unwrap()),
        }
    }

    /// Sends a GET request. If no answer arrives in time, the test fails.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(path, None).await
    }

    /// Sends a POST request.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(path, Some(body.to_owned())).await
    }

    async fn ask(&self, path: &str, body: Option<String>) -> Answer {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let ask = move || {
            let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(HANG));
            let agent: ureq::Agent = config.build().into();
            let mut response = match body {
                Some(body) => agent.post(&url).send(body),
                None => agent.get(&url).call(),
            }
            .unwrap_or_else(|error| panic!("{url}: {error}"));
            let status = response.status().as_u16();
            Answer { status, body: response.body_mut().read_to_string().unwrap() }
        };
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    /// The port of the Worker.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process of workerd, if the system lists the children of a process below `/proc`.
    pub fn process(&self) -> Option<u32> {
        let guard = self.guard.id()?;
        let children = std::fs::read_to_string(format!("/proc/{guard}/task/{guard}/children")).ok()?;
        children.split_whitespace().filter_map(|child| child.parse().ok()).find(|child: &u32| {
            let name = std::fs::read_to_string(format!("/proc/{child}/comm"));
            name.is_ok_and(|name| name.trim_end() == "workerd")
        })
    }

    /// The resident memory of workerd, in kB, where [`Workerd::process`] is known.
    pub fn resident_kb(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// The log of the Worker and of workerd so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log contains a string, because this process may receive the answer of a Worker before the
    /// Worker's log line.
    pub async fn logged(&self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let log = self.log();
            if log.contains(text) {
                return log;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{text:?} is not in the log:\n{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops workerd and waits until the process has ended.
    pub async fn stop(self) {
        self.guard.stop().await.unwrap();
        let _ = std::fs::remove_dir_all(self.folder);
    }
}

async fn follow(output: impl AsyncRead + Unpin, log: Arc<Mutex<String>>, ports: mpsc::UnboundedSender<u16>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match xtask::workerd::listening(&line) {
            Some(port) => {
                let _ = ports.send(port);
            }
            None => {
                let mut log = log.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        }
    }
}

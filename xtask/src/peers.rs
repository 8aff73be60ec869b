//! The clients that `cargo xtask bench peers` compares, and their Workers.
//!
//! Input: `bench/peers`. Output: a folder for each client, as it would be uploaded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{pack, project, setup, step, worker, workerd};

/// The options that select what a run measures; the command passes these options on to the measuring program.
#[derive(Debug, clap::Args)]
pub struct Selection {
    /// Measure also round trips of 1 and 147 ms, every case with every round trip, and more rounds
    #[arg(long)]
    pub full: bool,
    /// Measure only these clients
    #[arg(long = "client", value_name = "NAME")]
    pub clients: Vec<String>,
    /// Measure only these parts: sizes, turns, isolate, processor, memory, conflicts, load
    #[arg(long = "part", value_name = "PART")]
    pub parts: Vec<String>,
    /// Measure only these cases: one, rows, three, transaction, megabytes-1, megabytes-10, insert-loop, …
    #[arg(long = "case", value_name = "CASE")]
    pub cases: Vec<String>,
    /// The connection rate of the cluster in the part `load`, at most DSQL's 100 per second; 25 in a default run
    #[arg(long, value_name = "N")]
    pub rate: Option<u64>,
}

impl Selection {
    /// Whether this part is measured.
    pub fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|named| named == part)
    }

    /// `full` in a full run, else `default`.
    pub fn either<T>(&self, default: T, full: T) -> T {
        if self.full { full } else { default }
    }

    /// The same options as arguments.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = self.full.then(|| "--full".to_owned()).into_iter().collect();
        for (name, values) in [("--client", &self.clients), ("--part", &self.parts), ("--case", &self.cases)]
        {
            arguments.extend(values.iter().flat_map(|value| [name.to_owned(), value.clone()]));
        }
        if let Some(rate) = self.rate {
            arguments.extend(["--rate".to_owned(), rate.to_string()]);
        }
        arguments
    }
}

/// One client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// A short name, for files and for `--client`.
    pub name: &'static str,
    /// The name in tables.
    pub title: &'static str,
    /// The source of the client's Worker.
    pub source: Source,
}

/// The source of a Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `bench/peers/dsql-edge`, with these features.
    DsqlEdge(&'static str),
    /// `xtask/size`, with these features: a Worker that answers with one row.
    OneRow(&'static str),
    /// Another crate in `bench/peers`.
    Rust(&'static str),
    /// A file in `bench/peers`.
    JavaScript(&'static str),
}

impl Client {
    /// Whether this client is a variant of dsql-edge.
    pub fn is_ours(&self) -> bool {
        matches!(self.source, Source::DsqlEdge(_))
    }

    /// Whether the Worker needs the Durable Object of the pool.
    pub fn is_pooled(&self) -> bool {
        matches!(self.source, Source::DsqlEdge(features) if features.contains("pool"))
    }

    /// The flags that the Worker needs.
    pub fn compatibility_flags(&self) -> &'static [&'static str] {
        if matches!(self.source, Source::JavaScript(_)) { &["nodejs_compat"] } else { &[] }
    }
}

/// The environment variable that contains the machine's load average before the builds, over one and five minutes.
pub const LOAD_BEFORE: &str = "BENCH_LOAD_BEFORE";

/// dsql-edge with its default features: the client with which all other clients are compared.
pub const OURS: Client =
    Client { name: "dsql-edge", title: "dsql-edge", source: Source::DsqlEdge("defaults") };

/// The clients, in the order of the tables.
pub const CLIENTS: [Client; 8] = [
    OURS,
    Client { name: "dsql-edge-slim", title: "dsql-edge, slim", source: Source::DsqlEdge("") },
    Client { name: "dsql-edge-pool", title: "dsql-edge, pooled", source: Source::DsqlEdge("defaults,pool") },
    Client {
        name: "postgres-js-tuned",
        title: "postgres.js, tuned",
        source: Source::JavaScript("postgres-js-tuned.js"),
    },
    Client { name: "postgres-js", title: "postgres.js", source: Source::JavaScript("postgres-js.js") },
    Client { name: "pg", title: "pg", source: Source::JavaScript("pg.js") },
    Client {
        name: "aws-connector",
        title: "AWS's connector",
        source: Source::JavaScript("aws-connector.js"),
    },
    Client { name: "tokio-postgres", title: "tokio-postgres", source: Source::Rust("tokio-postgres") },
];

/// A Worker without a client, which does only the work that every client must do: it opens a socket and TLS, sends the
/// user's name, and reads the server's request for a password. In the cases with many rows, this Worker also logs in,
/// and receives the rows without decoding them.
pub const SOCKET: Client =
    Client { name: "bare-socket", title: "bare TLS socket", source: Source::JavaScript("bare-socket.js") };

/// The same small Worker three times: once with constants, and twice with a query instead of the constants. The
/// difference between the first Worker and another Worker is the time that dsql-edge adds to the start of an isolate.
pub const ONE_ROW: [Client; 3] = [
    Client { name: "constants", title: "constants, without dsql-edge", source: Source::OneRow("") },
    Client { name: "one-query-slim", title: "one query, slim", source: Source::OneRow("query") },
    Client {
        name: "one-query",
        title: "one query, default features",
        source: Source::OneRow("query,aws-sigv4,serde"),
    },
];

/// The folder of the clients.
pub fn folder() -> PathBuf {
    project::root().join("bench/peers")
}

/// Builds and packs the Worker of a client; returns the folder that is uploaded.
///
/// # Errors
/// Returns an error if an installation or a build fails.
pub fn packed(client: &Client) -> Result<PathBuf> {
    setup::runtime()?;
    let _lock = project::lock("workers-of-peers")?;
    let packed = project::target().join("peers").join(client.name);
    let (source, arguments) = match client.source {
        Source::JavaScript(entry) => {
            setup::npm(&folder())?;
            pack::javascript(&folder().join(entry), &packed)?;
            return Ok(packed);
        }
        Source::DsqlEdge(features) => (folder().join("dsql-edge"), vec!["--features", features]),
        Source::OneRow(features) => (project::root().join("xtask/size"), vec!["--features", features]),
        Source::Rust(name) => (folder().join(name), vec![]),
    };
    // The previous bundle was built with other features. If the previous bundle is newer than this wasm, the bundle
    // would not be written again.
    let bundled = worker::bundled(&source)?;
    if bundled.exists() {
        fs::remove_dir_all(&bundled)?;
    }
    let bundle = worker::bundle(&source, &arguments)?;
    // If the Worker is unchanged, the packed folder is used again, because wasm-opt takes longer than all other steps.
    let stamp = packed.with_extension("bundle");
    let contents = contents(&bundle)?;
    if packed.exists() && fs::read(&stamp).is_ok_and(|last| last == contents) {
        return Ok(packed);
    }
    let done = step::step(&format!("packing the Worker of {}", client.title), || pack::pack(&bundle))?;
    if packed.exists() {
        fs::remove_dir_all(&packed)?;
    }
    fs::create_dir_all(packed.parent().context("the target folder has no parent")?)?;
    fs::rename(done, &packed)?;
    fs::write(&stamp, contents)?;
    Ok(packed)
}

/// The bytes of all files of a bundle.
fn contents(bundle: &Path) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    for file in workerd::files(bundle)? {
        contents.extend(fs::read(file)?);
    }
    Ok(contents)
}

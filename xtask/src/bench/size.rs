//! `cargo xtask bench size`: measures the size that dsql-edge adds to an uploaded Worker.
//!
//! Input: the Worker in `xtask/size`. This Worker answers with a row of three columns, from a query or as constants.
//! Output: the growth of the Worker's bundle with the query, and with each feature, in kB: `gzip -9` of the bundle's
//! wasm and of its JavaScript. The bundle is packed like a deployed Worker: the versions of esbuild and wasm-opt, and
//! their arguments, are those of worker-build 0.8.7.

use std::fs;

use anyhow::Result;
use clap::Args;
use xtask::{pack, project, worker};

use super::figures::Figures;

#[derive(Args)]
pub(crate) struct Options {
    /// Print one JSON object per figure
    #[arg(long)]
    json: bool,
}

/// The maximum size that the smallest useful configuration of dsql-edge may add to a Worker, in kB.
const MARK: f64 = 25.5;

/// For each feature of dsql-edge, and for `warm_up`: the name, the Worker's features with it, and the Worker's features
/// without it.
const FEATURES: [(&str, &str, &str); 10] = [
    ("feature aws-sigv4", "query,aws-sigv4", "query"),
    ("feature serde", "query,serde", "query"),
    ("feature pool", "query,pool", "query"),
    ("feature assume-role", "query,assume-role", "query"),
    ("feature direct-tls", "query,direct-tls", "query"),
    ("feature multi-region", "query,multi-region", "query"),
    ("feature websocket", "query,websocket", "query"),
    ("feature postgres, with a connection string", "query,postgres", "query"),
    ("feature tracing, without a subscriber", "query,tracing", "query"),
    ("a call of warm_up", "query,warm-up", "query"),
];

pub(crate) fn run(options: &Options) -> Result<()> {
    let figures = Figures::new("size", options.json);
    let mut weighed: Vec<(&str, f64)> = Vec::new();
    let mut weight = |features: &'static str| -> Result<f64> {
        if let Some((_, known)) = weighed.iter().find(|(of, _)| *of == features) {
            return Ok(*known);
        }
        let weight = weigh(features)?;
        weighed.push((features, weight));
        Ok(weight)
    };
    let constants = weight("")?;
    let query = weight("query")?;
    let default = weight("query,aws-sigv4,serde")?;

    figures.title("Size of a Worker, gzip -9 of its wasm and JavaScript, packed as by worker-build");
    figures.figure("the Worker, with constants", constants, "kB", None);
    figures.figure("with a query, default features", default, "kB", None);
    figures.figure("with a query, without default features", query, "kB", None);
    figures.title("The share of dsql-edge: one query of text, int4 and timestamptz");
    figures.figure("default features", default - constants, "kB", None);
    figures.figure("without default features", query - constants, "kB", Some(MARK));
    for (name, with, without) in FEATURES {
        let (with, without) = (weight(with)?, weight(without)?);
        figures.figure(name, with - without, "kB", None);
    }
    Ok(())
}

/// Builds the Worker with these features and returns the size of its bundle, in kB.
fn weigh(features: &str) -> Result<f64> {
    let folder = project::root().join("xtask/size");
    // The previous bundle was built with other features. If the previous bundle is newer than this wasm, the bundle
    // would not be written again.
    let bundled = project::target().join("worker/size");
    if bundled.exists() {
        fs::remove_dir_all(&bundled)?;
    }
    let packed = pack::pack(&worker::bundle(&folder, &["--features", features])?)?;
    let (_, compressed) = pack::size(&packed)?;
    #[allow(clippy::cast_precision_loss, reason = "kilobytes")]
    Ok(compressed as f64 / 1000.0)
}

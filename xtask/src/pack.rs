//! Packs a bundle as it is deployed, and measures its size.
//!
//! Input: the bundle of a Worker in Rust, or the entry of a Worker in JavaScript. Output: the folder that is uploaded.
//! The versions of esbuild and wasm-opt, and their arguments, are those of worker-build 0.8.7; the conditions for
//! packages are those of wrangler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{setup, step, workerd};

/// The features of wasm that rustc and wasm-bindgen's `catch` use. worker-build passes these features to wasm-opt
/// instead of allowing all features, so that wasm-opt writes only features that workerd can read.
const WASM_FEATURES: [&str; 7] = [
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "exception-handling",
];

/// Packs the bundle of a Worker in Rust as worker-build does; returns the folder that is uploaded.
///
/// # Errors
/// Returns an error if esbuild or wasm-opt fails.
pub fn pack(bundle: &Path) -> Result<PathBuf> {
    let packers = setup::packers()?;
    let packed = bundle.join("packed");
    fs::create_dir_all(&packed)?;
    let mut minify = Command::new(packers.esbuild);
    minify.arg(bundle.join("index.js")).args(["--bundle", "--minify", "--format=esm", "--log-level=warning"]);
    minify.args(["--external:./worker_bg.wasm", "--external:cloudflare:*"]);
    step::run(minify.arg(format!("--outfile={}", packed.join("index.js").display())))?;
    let wasm = "worker_bg.wasm";
    let mut optimise = Command::new(packers.wasm_opt);
    optimise.args(["-O", "--debuginfo"]);
    optimise.args(WASM_FEATURES.map(|feature| format!("--enable-{feature}")));
    step::run(optimise.arg(bundle.join(wasm)).arg("-o").arg(packed.join(wasm)))?;
    Ok(packed)
}

/// Modules of Node that packages import without the prefix `node:`. workerd provides these modules.
const NODE: [&str; 24] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "crypto",
    "dns",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "net",
    "os",
    "path",
    "process",
    "querystring",
    "stream",
    "string_decoder",
    "tls",
    "url",
    "util",
    "util/types",
    "zlib",
];

/// CommonJS packages call `require` for modules of Node; in an ES module, this line defines `require`.
const REQUIRE: &str = "import{createRequire as r}from\"node:module\";const require=r(\"/\");";

/// Packs a Worker in JavaScript, whose packages are installed next to `entry`, into `folder`.
///
/// # Errors
/// Returns an error if esbuild fails.
pub fn javascript(entry: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut bundle = Command::new(setup::packers()?.esbuild);
    bundle.arg(entry).args([
        "--bundle",
        "--minify",
        "--format=esm",
        "--log-level=warning",
        "--target=es2024",
    ]);
    bundle.args(["--conditions=workerd,worker,browser", "--external:node:*", "--external:cloudflare:*"]);
    bundle.arg("--define:process.env.NODE_ENV=\"production\"");
    bundle.arg("--define:navigator.userAgent=\"Cloudflare-Workers\"");
    bundle.args(NODE.map(|name| format!("--alias:{name}=node:{name}")));
    bundle.arg(format!("--banner:js={REQUIRE}"));
    step::run(bundle.arg(format!("--outfile={}", folder.join("index.js").display())))
}

/// The size of all files of a folder in bytes, and the sum of their sizes after `gzip -9`.
///
/// # Errors
/// Returns an error if a file cannot be read or gzip fails.
pub fn size(folder: &Path) -> Result<(u64, u64)> {
    let (mut raw, mut compressed) = (0, 0);
    for file in workerd::files(folder)? {
        raw += fs::metadata(&file)?.len();
        compressed += gzip(&file)?;
    }
    Ok((raw, compressed))
}

fn gzip(file: &Path) -> Result<u64> {
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "-n", "-c"]).arg(file).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = gzip.output().context("gzip cannot be started")?;
    ensure!(output.status.success(), "gzip failed on {}", file.display());
    Ok(u64::try_from(output.stdout.len())?)
}

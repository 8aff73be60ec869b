//! The configuration of a local D1 for a Worker in workerd: miniflare's D1, which `wrangler dev` uses, too.
//!
//! Input: miniflare's package, a folder for the data, a Worker in front. Output: parts of workerd's configuration.
//!
//! miniflare writes the same services when it runs a Worker with D1. This module writes the services itself, so that a
//! test can put its own Worker, the front, between a Worker's binding and D1. The front gets each batch, and may lose
//! or reject the batch.
//!
//! | service | what it is |
//! |---|---|
//! | `main` | the Worker; its D1 binding sends requests to `front` |
//! | `reader` | the same Worker, whose D1 binding sends requests to `d1` directly |
//! | `front` | the Worker in front, which gets HTTP requests from outside, and has the bindings `WORKER`, `READER`, `D1` |
//! | `d1` | miniflare's D1: passes requests to the object that has the database |

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::capnp::{COMPATIBILITY_DATE, literal};
use crate::setup;

/// A binding of D1.
#[derive(Debug, Clone, Copy)]
pub struct D1<'a> {
    /// The name of the binding.
    pub binding: &'a str,
    /// The folder with the database. It exists.
    pub folder: &'a Path,
    /// The source of `front.js`, the module of the Worker in front of D1.
    pub front: &'a str,
}

/// The folder of miniflare's own Workers, in the packages of wrangler.
///
/// # Errors
/// Returns an error if npm is missing or fails.
pub fn installed() -> Result<PathBuf> {
    let wrangler = setup::wrangler()?;
    let modules = wrangler.parent().and_then(Path::parent).context("wrangler has no folder")?;
    Ok(modules.join("miniflare/dist/src/workers"))
}

impl D1<'_> {
    /// The binding of the Worker, to the service `to`.
    pub(crate) fn binding_to(&self, to: &str) -> String {
        format!(
            "    (name = {}, wrapped = (moduleName = \"cloudflare-internal:d1-api\", innerBindings = [\
             (name = \"fetcher\", service = {})]))",
            literal(self.binding),
            literal(to)
        )
    }

    /// The services other than `main`.
    pub(crate) fn services(&self) -> String {
        let folder = literal(&self.folder.to_string_lossy());
        format!(
            "    (name = \"front\", worker = .front),
    (name = \"reader\", worker = .reader),
    (name = \"d1\", worker = .d1),
    (name = \"d1 objects\", worker = .d1Objects),
    (name = \"d1 storage\", disk = (path = {folder}, writable = true)),
"
        )
    }

    /// The Workers other than `main` and `reader`, and the modules that miniflare's Workers import.
    ///
    /// # Errors
    /// Returns an error if miniflare is not installed.
    pub(crate) fn scripts(&self) -> Result<String> {
        let miniflare = installed()?;
        let module = |path: &str| {
            let path = miniflare.join(path);
            fs::read_to_string(&path).with_context(|| path.display().to_string()).map(|text| literal(&text))
        };
        Ok(format!(
            r#"
const front :Workerd.Worker = (
  modules = [(name = "front.js", esModule = {front})],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [
    (name = "WORKER", service = "main"),
    (name = "READER", service = "reader"),
    (name = "D1", service = "d1")
  ]
);

const d1 :Workerd.Worker = (
  modules = [(name = "object-entry.worker.js", esModule = {entry})],
  compatibilityDate = "2023-07-24",
  bindings = [
    (name = "MINIFLARE_NAMESPACE", text = "database"),
    (name = "MINIFLARE_OBJECT",
      durableObjectNamespace = (className = "D1DatabaseObject", serviceName = "d1 objects"))
  ]
);

const d1Objects :Workerd.Worker = (
  modules = [(name = "database.worker.js", esModule = {database})],
  compatibilityDate = "2023-07-24",
  compatibilityFlags = ["nodejs_compat", "experimental"],
  bindings = [(name = "MINIFLARE_BLOBS", service = "d1 storage")],
  durableObjectNamespaces = [
    (className = "D1DatabaseObject", uniqueKey = "miniflare-D1DatabaseObject")
  ],
  durableObjectStorage = (localDisk = "d1 storage")
);

const miniflare :Workerd.Extension = (
  modules = [
    (name = "miniflare:shared", esModule = {shared}),
    (name = "miniflare:zod", esModule = {zod})
  ]
);
"#,
            front = literal(self.front),
            entry = module("shared/object-entry.worker.js")?,
            database = module("d1/database.worker.js")?,
            shared = module("shared/index.worker.js")?,
            zod = module("shared/zod.worker.js")?,
        ))
    }
}

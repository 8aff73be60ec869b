//! The schema snapshot: found, read, cached, and made known to cargo.
//!
//! In: the environment of the crate that is compiled. Out: the schema. A process that lives for hours
//! and serves many crates (an editor's) reads a snapshot again only when its time or length changed.

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::source::line_and_column;
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The name of the snapshot, beside Cargo.toml.
const FILE: &str = "dsql-schema.sql";
/// Overrides the search.
const VARIABLE: &str = "DSQL_EDGE_SCHEMA";

/// A schema and the file that it came from.
pub(crate) struct Snapshot {
    pub(crate) schema: Arc<Schema>,
    pub(crate) path: PathBuf,
}

type Cached = (Option<SystemTime>, u64, Result<Arc<Schema>, String>);

static CACHE: Mutex<Option<HashMap<PathBuf, Cached>>> = Mutex::new(None);

/// The snapshot of the crate that is compiled now.
///
/// # Errors
///
/// What is missing or cannot be read, and what to do.
pub(crate) fn snapshot() -> Result<Snapshot, String> {
    let path = find()?;
    let metadata = std::fs::metadata(&path)
        .map_err(|error| format!("the schema snapshot {} cannot be read: {error}", path.display()))?;
    if metadata.is_dir() {
        return Err(format!(
            "{} is a folder: a folder of migrations is not supported by dsql-edge yet; \
             run `dsql-edge pull` to write {FILE}",
            path.display()
        ));
    }
    let (time, length) = (metadata.modified().ok(), metadata.len());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = cache.get_or_insert_with(HashMap::new);
    let fresh = cache
        .get(&path)
        .is_some_and(|(known_time, known_length, _)| (*known_time, *known_length) == (time, length));
    if !fresh {
        cache.insert(path.clone(), (time, length, read(&path)));
    }
    match cache.get(&path) {
        Some((_, _, Ok(schema))) => Ok(Snapshot { schema: schema.clone(), path }),
        Some((_, _, Err(error))) => Err(error.clone()),
        None => Err(format!("the schema snapshot {} cannot be read", path.display())),
    }
}

fn read(path: &Path) -> Result<Arc<Schema>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the schema snapshot {} cannot be read: {error}", path.display()))?;
    Schema::parse(&text).map(Arc::new).map_err(|errors| {
        let shown = errors.iter().take(5).map(|error| {
            let (line, column) = line_and_column(&text, error.diagnostic.span.start as usize);
            let place = Place { file: Some(path.display().to_string()), line, column };
            render(&error.diagnostic, &text, Some(place))
        });
        let shown: Vec<String> = shown.collect();
        format!("the schema snapshot cannot be understood: {}", shown.join("\n"))
    })
}

/// `DSQL_EDGE_SCHEMA`; else beside the crate's Cargo.toml; else up to the workspace's.
fn find() -> Result<PathBuf, String> {
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    if let Some(given) = std::env::var_os(VARIABLE).filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        let path = match &crate_folder {
            Some(folder) if given.is_relative() => folder.join(given),
            _ => given,
        };
        if path.exists() {
            return Ok(path);
        }
        return Err(format!("{VARIABLE} names {}, which does not exist", path.display()));
    }
    let Some(crate_folder) = crate_folder else {
        return Err(format!("no schema snapshot: set {VARIABLE}, for CARGO_MANIFEST_DIR is not set either"));
    };
    for folder in crate_folder.ancestors() {
        let path = folder.join(FILE);
        if path.exists() {
            return Ok(path);
        }
        // The workspace's root has the lock file; nothing above it belongs to us.
        if folder.join("Cargo.lock").exists() {
            break;
        }
    }
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    Err(format!(
        "no schema snapshot: there is no {FILE} beside the Cargo.toml of {package}, nor further up to the \
         workspace's; run `dsql-edge pull` to write it, or set {VARIABLE}"
    ))
}

/// What tells cargo that the build depends on a file: once a process, not once a query.
pub(crate) fn tracked(path: &Path) -> TokenStream {
    match path.to_str() {
        Some(text) if first_use(path) => quote!(
            const _: &[u8] = ::core::include_bytes!(#text);
        ),
        _ => TokenStream::new(),
    }
}

fn first_use(path: &Path) -> bool {
    static TOLD: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let first = !told.iter().any(|known| known == path);
    if first {
        told.push(path.to_owned());
    }
    first
}

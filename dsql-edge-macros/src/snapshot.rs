//! The schema snapshot: found, read, cached, and made known to cargo.
//!
//! In: the environment of the crate that is compiled. Out: the schema. A process that lives for hours
//! and serves many crates (an editor's) reads a snapshot again only when its time or length changed.

use crate::record;
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::schema::SchemaError;
use dsql_edge_compiler::source::line_and_column;
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The name of the snapshot, beside Cargo.toml.
const FILE: &str = "dsql-schema.sql";
/// Overrides the search.
const VARIABLE: &str = "DSQL_EDGE_SCHEMA";
/// A folder of migrations; a build script sets it, for cargo would not see a new file otherwise.
const MIGRATIONS: &str = "DSQL_EDGE_MIGRATIONS";

/// A schema and the files that it came from.
pub(crate) struct Snapshot {
    pub(crate) schema: Arc<Schema>,
    files: Arc<[PathBuf]>,
}

/// A file, its time and its length.
type Stamp = (PathBuf, Option<SystemTime>, u64);

/// What was read, and what it was read from.
struct Cached {
    stamps: Vec<Stamp>,
    files: Arc<[PathBuf]>,
    schema: Result<Arc<Schema>, String>,
    looked_at: Instant,
}

/// A folder is not looked through for each of a hundred queries.
const FRESH: Duration = Duration::from_millis(200);

static CACHE: Mutex<Option<HashMap<PathBuf, Cached>>> = Mutex::new(None);

/// The snapshot of the crate that is compiled now.
///
/// # Errors
///
/// What is missing or cannot be read, and what to do.
pub(crate) fn snapshot() -> Result<Snapshot, String> {
    let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    read_or_cached().map_err(|error| once(&mut reported, error))
}

/// The error that the queries before this one met.
static REPORTED: Mutex<Option<String>> = Mutex::new(None);

/// The error in full for the first query that meets it; for the others its first words.
fn once(reported: &mut Option<String>, error: String) -> String {
    if reported.as_ref() != Some(&error) {
        *reported = Some(error.clone());
        return error;
    }
    let what = error.split(['\n', ':']).next().unwrap_or_default();
    format!("{what}: the first query of the crate that uses it has the error in full")
}

fn read_or_cached() -> Result<Snapshot, String> {
    let (path, is_folder) = find()?;
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = cache.get_or_insert_with(HashMap::new);
    if let Some(cached) = cache.get(&path).filter(|cached| is_folder && cached.looked_at.elapsed() < FRESH) {
        return cached.snapshot();
    }
    let stamps = if is_folder { stamps_of_folder(&path)? } else { vec![stamp(&path)?] };
    if let Some(cached) = cache.get_mut(&path).filter(|cached| cached.stamps == stamps) {
        cached.looked_at = Instant::now();
        return cached.snapshot();
    }
    let schema = read(&stamps);
    let files = stamps.iter().map(|(file, ..)| file.clone()).collect();
    let cached = Cached { stamps, files, schema, looked_at: Instant::now() };
    let snapshot = cached.snapshot();
    cache.insert(path, cached);
    snapshot
}

impl Cached {
    fn snapshot(&self) -> Result<Snapshot, String> {
        self.schema.clone().map(|schema| Snapshot { schema, files: self.files.clone() })
    }
}

fn read(files: &[Stamp]) -> Result<Arc<Schema>, String> {
    let mut texts = Vec::with_capacity(files.len());
    for (path, ..) in files {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        texts.push((path.display().to_string(), text));
    }
    let parsed = Schema::parse_files(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())), None);
    parsed.map(Arc::new).map_err(|errors| {
        let shown: Vec<String> = errors.iter().take(5).map(|error| shown(error, &texts)).collect();
        format!("the schema snapshot cannot be understood: {}", shown.join("\n"))
    })
}

fn shown(error: &SchemaError, texts: &[(String, String)]) -> String {
    let text = texts.iter().find(|(file, _)| *file == error.file).map_or("", |(_, text)| text);
    let (line, column) = line_and_column(text, error.diagnostic.span.start as usize);
    render(&error.diagnostic, text, Some(Place { file: Some(error.file.clone()), line, column }))
}

fn stamp(path: &Path) -> Result<Stamp, String> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    Ok((path.to_owned(), metadata.modified().ok(), metadata.len()))
}

/// The `.sql` files of a folder by name; those that undo (`.down.sql`) are left out.
fn stamps_of_folder(folder: &Path) -> Result<Vec<Stamp>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.ends_with(".sql") && !name.ends_with(".down.sql")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("{MIGRATIONS} names {}, which holds no .sql file", folder.display()));
    }
    files.iter().map(|file| stamp(file)).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("the schema snapshot {} cannot be read: {error}", path.display())
}

/// Where the snapshot is, and whether that is a folder: `DSQL_EDGE_SCHEMA`; else the folder of migrations that a
/// build script names; else beside the crate's Cargo.toml; else up to the workspace's.
fn find() -> Result<(PathBuf, bool), String> {
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let given = |variable: &str| {
        let given = std::env::var_os(variable).filter(|given| !given.is_empty()).map(PathBuf::from)?;
        Some(match &crate_folder {
            Some(folder) => folder.join(given),
            None => given,
        })
    };
    if let Some(path) = given(VARIABLE) {
        if path.is_dir() {
            return Err(format!("{VARIABLE} names the folder {}: {}", path.display(), build_script(&path)));
        }
        return if path.exists() {
            Ok((path, false))
        } else {
            Err(format!("{VARIABLE} names {}, which does not exist", path.display()))
        };
    }
    if let Some(path) = given(MIGRATIONS) {
        return if path.is_dir() {
            Ok((path, true))
        } else {
            Err(format!("{MIGRATIONS} names {}, which is no folder", path.display()))
        };
    }
    let Some(crate_folder) = crate_folder else {
        return Err(format!("no schema snapshot: set {VARIABLE}, for CARGO_MANIFEST_DIR is not set either"));
    };
    for folder in crate_folder.ancestors() {
        let path = folder.join(FILE);
        if path.is_dir() {
            return Err(format!("{} is a folder: {}", path.display(), build_script(&path)));
        }
        if path.exists() {
            return Ok((path, false));
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

fn build_script(folder: &Path) -> String {
    let name = folder.file_name().map_or_else(|| "migrations".into(), |name| name.to_string_lossy());
    format!(
        "cargo would not see a file that is added to it. Unset it, and let a build.rs beside Cargo.toml name the \
         folder:\nfn main() {{ println!(\"cargo::rustc-env={MIGRATIONS}={name}\\ncargo::rerun-if-changed={name}\") }}"
    )
}

impl Snapshot {
    /// What tells cargo that the build depends on the snapshot.
    pub(crate) fn tracked(&self) -> TokenStream {
        tracked(&self.files)
    }
}

/// What tells cargo that the build depends on files that are read together: once a process, not once a query.
pub(crate) fn tracked(files: &[PathBuf]) -> TokenStream {
    match files.first() {
        Some(first) if first_use(first) => files
            .iter()
            .filter_map(|file| file.to_str())
            .map(|file| {
                quote!(
                    const _: &[u8] = ::core::include_bytes!(#file);
                )
            })
            .chain([record::tracked()])
            .collect(),
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

#[cfg(test)]
mod tests {
    use super::once;

    #[test]
    fn error_of_the_snapshot_is_shown_in_full_once() {
        let mut reported = None;
        let mut told = |error: &str| once(&mut reported, error.to_owned());
        let error = "the schema snapshot cannot be understood: syntax error\n --> dsql-schema.sql:3:1";
        let short = "the schema snapshot cannot be understood: the first query of the crate that uses it has the error in full";
        assert_eq!(told(error), error);
        assert_eq!(told(error), short);
        assert_eq!(
            told("no schema snapshot: run `dsql-edge pull`"),
            "no schema snapshot: run `dsql-edge pull`"
        );
        assert_eq!(told(error), error);
    }
}

//! Finds, reads and caches the schema, and makes cargo track its files.
//!
//! Input: the environment of the crate that is compiled. Output: the schema. An editor's process runs for hours and
//! serves many crates: it reads a file again only if the file's modification time or length has changed.

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::schema::{Origin, SchemaError};
use dsql_edge_compiler::source::line_and_column;
use dsql_edge_macro_input::INVOCATIONS_VARIABLE;
use dsql_edge_macro_input::migration_files::migration_files;
use dsql_edge_macro_input::schema_path::{
    MIGRATIONS_VARIABLE, SCHEMA_VARIABLE, SchemaPath, no_schema, schema_path, without_build_script,
};
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A schema, and the files from which it was read.
pub(crate) struct Snapshot {
    pub(crate) schema: Arc<Schema>,
    files: Arc<[PathBuf]>,
    /// Whether the files are those of a folder of migrations.
    pub(crate) are_migrations: bool,
}

/// A file with its modification time and its length.
type Stamp = (PathBuf, Option<SystemTime>, u64);

/// A schema that was already read, and its files.
struct Cached {
    stamps: Vec<Stamp>,
    files: Arc<[PathBuf]>,
    are_migrations: bool,
    schema: Result<Arc<Schema>, String>,
    looked_at: Instant,
}

/// After a check of a folder of migrations, this process does not list the folder again for this time. Otherwise, a
/// crate with a hundred queries would list the folder of migrations a hundred times.
const FRESH: Duration = Duration::from_millis(200);

static CACHE: Mutex<Option<HashMap<PathBuf, Cached>>> = Mutex::new(None);

/// Returns the snapshot of the crate that is being compiled.
///
/// # Errors
///
/// Returns an error if the schema is missing or cannot be read. The text of the error describes what the user can do.
pub(crate) fn snapshot() -> Result<Snapshot, String> {
    let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    read_or_cached().map_err(|error| once(&mut reported, error, is_rustc()))
}

/// Whether the process is rustc, which compiles one crate. An editor's process expands the queries of many crates, and
/// expands each any number of times.
fn is_rustc() -> bool {
    std::env::args_os().any(|argument| argument == "--crate-name")
}

/// The error that was last reported in full.
static REPORTED: Mutex<Option<String>> = Mutex::new(None);

/// Returns the text of the error that a query reports. In a process of rustc, only the first query with this error
/// reports the whole text, and each later query reports only its first words. In any other process, such as an
/// editor's, every query reports the whole text.
fn once(reported: &mut Option<String>, error: String, is_rustc: bool) -> String {
    if !is_rustc || reported.as_ref() != Some(&error) {
        *reported = Some(error.clone());
        return error;
    }
    let what = error.split(['\n', ':']).next().unwrap_or_default();
    format!("{what}: see the error at the first query of this crate")
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
    let origin = if is_folder { Origin::Migrations } else { Origin::Snapshot };
    let schema = read(&stamps, origin);
    let files = stamps.iter().map(|(file, ..)| file.clone()).collect();
    let cached = Cached { stamps, files, are_migrations: is_folder, schema, looked_at: Instant::now() };
    let snapshot = cached.snapshot();
    cache.insert(path, cached);
    snapshot
}

impl Cached {
    fn snapshot(&self) -> Result<Snapshot, String> {
        let (files, are_migrations) = (self.files.clone(), self.are_migrations);
        self.schema.clone().map(|schema| Snapshot { schema, files, are_migrations })
    }
}

fn read(files: &[Stamp], origin: Origin) -> Result<Arc<Schema>, String> {
    let mut texts = Vec::with_capacity(files.len());
    for (path, ..) in files {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        texts.push((path.display().to_string(), text));
    }
    let parsed = Schema::parse_files(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())), None);
    parsed.map(|schema| Arc::new(schema.with_origin(origin))).map_err(|errors| {
        let shown: Vec<String> = errors.iter().take(5).map(|error| shown(error, &texts)).collect();
        format!("the schema has errors: {}", shown.join("\n"))
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

/// Returns the migrations of a folder, sorted by name.
fn stamps_of_folder(folder: &Path) -> Result<Vec<Stamp>, String> {
    let files =
        migration_files(folder).map_err(|error| format!("the schema cannot be read: {error}"))?.migrations;
    if files.is_empty() {
        return Err(format!(
            "{MIGRATIONS_VARIABLE} names {}, which contains no migration (a .sql file): add one",
            folder.display()
        ));
    }
    files.iter().map(|file| stamp(file)).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("the schema cannot be read: {}: {error}", path.display())
}

/// Returns, for the crate that rustc compiles, the path of the snapshot or of the folder of migrations.
pub(crate) fn path() -> Option<PathBuf> {
    find().ok().map(|(path, _)| path)
}

/// Returns the path of the schema, and whether it is a folder.
fn find() -> Result<(PathBuf, bool), String> {
    let variable = |name: &str| std::env::var_os(name);
    let Some(package) = variable("CARGO_MANIFEST_DIR") else {
        return Err("no schema: CARGO_MANIFEST_DIR, which cargo sets, is not set".to_owned());
    };
    let (path, is_folder) = match schema_path(Path::new(&package), &variable)? {
        Some(SchemaPath::File(path)) => (path, false),
        // Cargo sets OUT_DIR only if the package has a build script. Without a build script, cargo would not detect
        // that a file is added to the folder.
        Some(SchemaPath::Migrations(path)) if variable("OUT_DIR").is_none() => {
            return Err(without_build_script(&path));
        }
        Some(SchemaPath::Migrations(path)) => (path, true),
        None => {
            return Err(no_schema(Path::new(&package), variable("OUT_DIR").is_some()));
        }
    };
    match path.to_str() {
        Some(_) => Ok((path, is_folder)),
        None => Err(format!("cargo cannot track {}, whose path is not UTF-8", path.display())),
    }
}

impl Snapshot {
    /// Returns the files of the schema, in order.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns the tokens that make the build depend on the snapshot.
    pub(crate) fn tracked(&self) -> TokenStream {
        [tracked_variables(), tracked(&self.files)].into_iter().collect()
    }
}

/// Returns tokens that make the build depend on the environment variables that the macros read, including variables
/// that are not set. Only the first call in a process returns tokens. rustc reports to cargo the variables that
/// `option_env!` reads; on stable Rust, a macro has no other way to report a variable.
pub(crate) fn tracked_variables() -> TokenStream {
    static EMITTED: AtomicBool = AtomicBool::new(false);
    if EMITTED.swap(true, Ordering::Relaxed) {
        return TokenStream::new();
    }
    quote! {
        const _: ::core::option::Option<&::core::primitive::str> = ::core::option_env!(#SCHEMA_VARIABLE);
        const _: ::core::option::Option<&::core::primitive::str> = ::core::option_env!(#MIGRATIONS_VARIABLE);
        const _: ::core::option::Option<&::core::primitive::str> = ::core::option_env!(#INVOCATIONS_VARIABLE);
    }
}

/// Returns tokens that make the build depend on all of `files`. The tokens are needed once in a crate, so a second call
/// with the same files returns no tokens.
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
            .collect(),
        _ => TokenStream::new(),
    }
}

fn first_use(path: &Path) -> bool {
    static USED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let first = !used.iter().any(|known| known == path);
    if first {
        used.push(path.to_owned());
    }
    first
}

#[cfg(test)]
mod tests {
    use super::once;

    #[test]
    fn error_of_the_snapshot_is_shown_in_full_once() {
        let mut reported = None;
        let mut shown = |error: &str| once(&mut reported, error.to_owned(), true);
        let error = "the schema has errors: syntax error\n --> dsql-schema.sql:3:1";
        let short = "the schema has errors: see the error at the first query of this crate";
        assert_eq!(shown(error), error);
        assert_eq!(shown(error), short);
        assert_eq!(shown("no schema: run `dsql-edge pull`"), "no schema: run `dsql-edge pull`");
        assert_eq!(shown(error), error);
        let mut shown = |error: &str| once(&mut reported, error.to_owned(), false);
        assert_eq!((shown(error), shown(error)), (error.to_owned(), error.to_owned()));
    }
}

//! Reads the two schemas that are compared: the one that a package's build reads, and the candidate.
//!
//! Input: paths. Output: schemas, each with the statements whose effect cannot be determined.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::diagnostic::render::{Place, headline, render};
use dsql_edge_compiler::schema::{Dialect, Origin, SchemaError, directives};
use dsql_edge_compiler::source::line_and_column;
use dsql_edge_macro_input::schema_path::SchemaPath;
use dsql_edge_migrations::lint::{Sent, lint, schema_changes};

use super::dropped::{Dropped, dropped};
use crate::package_schema;
use crate::schema_files::{self, SqlFile};

/// The schema that queries are compared with.
pub enum Candidate {
    /// A file of DDL, or a folder, that contains the whole schema.
    Schema(PathBuf),
    /// A folder of migrations, applied from the first one.
    Migrations(PathBuf),
    /// The current schema with these files applied to it.
    Apply(Vec<PathBuf>),
    /// The schema of a database, as `pull` writes it.
    Cluster(String),
}

/// A statement in a schema's files that DSQL rejects, or whose effect `check` cannot determine.
#[derive(Clone)]
pub struct OfSchema {
    /// The name of the rule or of the code.
    pub code: &'static str,
    /// Its place.
    pub place: Place,
    /// The message, one line.
    pub message: String,
    /// The report for people: the message, the source with the error underlined, and a hint.
    pub rendered: String,
}

/// A schema, and the statements for which `check` cannot determine the effect.
pub(crate) struct Folded {
    pub(crate) schema: Schema,
    pub(crate) unfollowed: Vec<OfSchema>,
    /// The names that the schema's files drop or rename.
    pub(super) dropped: Vec<Dropped>,
    /// The hint for a name that the current schema has and this schema does not have.
    pub(super) missing: &'static str,
}

/// The current schema: the one that the package's build reads.
pub(super) struct AsItIs {
    /// The snapshot, or the folder of migrations.
    pub(super) path: PathBuf,
    pub(super) is_folder: bool,
    pub(super) folded: Folded,
    files: Vec<SqlFile>,
}

impl AsItIs {
    /// Returns the text of a snapshot.
    pub(super) fn text(&self) -> &str {
        self.files.first().map_or("", |file| &file.text)
    }
}

/// Returns the current schema, or `None` if the package has none yet. In a folder of migrations, the files that the
/// candidate applies are not a part of the current schema.
pub(super) fn as_it_is(
    package: &Path,
    snapshot: Option<&Path>,
    candidate: &Candidate,
) -> Result<Option<AsItIs>> {
    let Some(path) = path(package, snapshot)? else { return Ok(None) };
    let is_folder = path.is_dir();
    let files = if is_folder { schema_files::migrations(&path)? } else { schema_files::read(&path)? };
    let coming = match candidate {
        Candidate::Apply(paths) if is_folder => applied_files(paths)?,
        _ => Vec::new(),
    };
    let is_coming = |file: &SqlFile| is_one_of(file, &coming);
    let before: Vec<SqlFile> = files.iter().filter(|file| !is_coming(file)).cloned().collect();
    let origin = schema_files::origin_of(&path);
    let folded = |files: &[SqlFile]| folded_as(files, None, origin);
    let folded = match folded(&before) {
        Ok(folded) => folded,
        // A later migration needs a file that the candidate applies. So the current schema consists of the files before
        // the first file that the candidate applies.
        Err(_) if before.len() < files.len() => {
            let first = files.iter().take_while(|file| !is_coming(file)).cloned();
            folded_as(&first.collect::<Vec<_>>(), None, origin)?
        }
        Err(error) => return Err(error),
    };
    Ok(Some(AsItIs { path, is_folder, folded, files }))
}

/// Returns the path `snapshot` if it is set, or else the path of the schema that `sql!` finds.
pub(super) fn path(package: &Path, snapshot: Option<&Path>) -> Result<Option<PathBuf>> {
    Ok(match snapshot {
        Some(path) => Some(path.to_owned()),
        None => package_schema::of(package)?.map(|found| match found {
            SchemaPath::File(path) | SchemaPath::Migrations(path) => path,
        }),
    })
}

/// Returns the files that `--apply` lists; for a folder, the files in the folder.
fn applied_files(paths: &[PathBuf]) -> Result<Vec<SqlFile>> {
    let files = paths.iter().map(|path| schema_files::read(path)).collect::<Result<Vec<_>>>()?;
    Ok(files.into_iter().flatten().collect())
}

/// Whether `others` contains `file`, even if `others` has the file under a path that is written differently.
fn is_one_of(file: &SqlFile, others: &[SqlFile]) -> bool {
    let real =
        |file: &SqlFile| std::fs::canonicalize(&file.name).unwrap_or_else(|_| PathBuf::from(&file.name));
    others.iter().any(|other| real(other) == real(file))
}

/// Returns the schema of the candidate. A candidate without a directive for the dialect has the dialect of the current
/// schema.
pub(super) fn coming(candidate: &Candidate, now: Option<&AsItIs>) -> Result<Folded> {
    let dialect = now.map(|now| now.folded.schema.dialect);
    let folded = |files: &[SqlFile], origin| {
        let is_named = files.iter().any(|file| schema_files::dialect(&file.text).is_some());
        folded_as(files, dialect.filter(|_| !is_named), origin)
    };
    match candidate {
        Candidate::Schema(path) => folded(&schema_files::read(path)?, schema_files::origin_of(path)),
        Candidate::Migrations(folder) => {
            let mut files = head_of(now);
            let migrations = schema_files::migrations(folder)?;
            if migrations.is_empty() {
                bail!("{} has no .sql file", folder.display());
            }
            files.extend(migrations);
            folded(&files, Origin::Migrations)
        }
        Candidate::Apply(paths) => {
            let mut files: Vec<SqlFile> = now.into_iter().flat_map(|now| now.files.iter().cloned()).collect();
            // A migration that is also in the folder is applied only once, at its position in the folder.
            let mut more = applied_files(paths)?;
            more.retain(|file| !now.is_some_and(|now| now.is_folder) || !is_one_of(file, &files));
            files.extend(more);
            folded(&files, Origin::Migrations)
        }
        Candidate::Cluster(text) => {
            let file = SqlFile { name: "the database's schema".to_owned(), text: text.clone() };
            let is_folder = now.is_some_and(|now| now.is_folder);
            let missing = if is_folder { NOT_IN_DATABASE_OF_FOLDER } else { NOT_IN_DATABASE };
            Ok(Folded { missing, ..folded(&[file], Origin::Database)? })
        }
    }
}

/// Returns the directives at the head of a snapshot. They also apply to a candidate that is a folder of migrations.
fn head_of(now: Option<&AsItIs>) -> Vec<SqlFile> {
    let Some(now) = now.filter(|now| !now.is_folder) else { return Vec::new() };
    let text = schema_files::canonical(now.text());
    let text: String =
        directives(&text).filter(|it| it.is_in_head).map(|it| format!("{}\n", it.line)).collect();
    vec![SqlFile { name: now.path.display().to_string(), text }]
}

const DROPPED: &str = "the current schema has it: the candidate drops or renames it, perhaps by CASCADE";
const NOT_IN_DATABASE: &str = "the schema of the build has this name, but the database does not";
const NOT_IN_DATABASE_OF_FOLDER: &str = "the folder of migrations has it, and the database does not: `dsql-edge migrate status` shows what is pending";

/// Applies files to an empty schema, in order; `dialect` takes precedence over their directives.
pub(crate) fn folded_as(files: &[SqlFile], dialect: Option<Dialect>, origin: Origin) -> Result<Folded> {
    let texts = files.iter().map(|file| (file.name.as_str(), file.text.as_str()));
    let schema = Schema::parse_files(texts, dialect).map_err(|errors| unreadable(files, &errors))?;
    let of = |error: &SchemaError| {
        let (place, text) = place(files, error);
        let rendered = render(&error.diagnostic, text, Some(place.clone()));
        let code = error.diagnostic.code.name();
        OfSchema { code, place, message: error.diagnostic.message.clone(), rendered }
    };
    let mut unfollowed: Vec<OfSchema> = schema.unfollowed.iter().map(of).collect();
    let is_known = |error: &SchemaError| {
        let is_it = |it: &SchemaError| it.file == error.file && it.diagnostic.span == error.diagnostic.span;
        schema.unfollowed.iter().any(is_it)
    };
    // `lint` finds more statements that change the schema and whose effect is unknown.
    let texts: Vec<&str> = files.iter().map(|file| file.text.as_str()).collect();
    let more = schema_changes(&texts)
        .into_iter()
        .filter_map(|(at, diagnostic)| Some(SchemaError { file: files.get(at)?.name.clone(), diagnostic }));
    unfollowed.extend(more.filter(|error| !is_known(error)).map(|error| of(&error)));
    Ok(Folded { schema: schema.with_origin(origin), unfollowed, dropped: dropped(files), missing: DROPPED })
}

/// Returns the statements of both schemas for which `check` cannot determine the effect, without duplicates.
pub(super) fn unfollowed(now: Option<&Folded>, coming: &Folded) -> Vec<OfSchema> {
    let mut all: Vec<OfSchema> = Vec::new();
    for it in now.into_iter().chain([coming]).flat_map(|folded| &folded.unfollowed) {
        if !all.iter().any(|known| known.rendered == it.rendered) {
            all.push(it.clone());
        }
    }
    all
}

/// Returns the statements of the `--apply` files that DSQL rejects; `migrate` would reject the same statements before
/// it sends anything.
pub(super) fn rejected(
    candidate: &Candidate,
    now: Option<&Schema>,
    dialect: Dialect,
) -> Result<Vec<OfSchema>> {
    let Candidate::Apply(paths) = candidate else { return Ok(Vec::new()) };
    if dialect == Dialect::Postgres {
        return Ok(Vec::new());
    }
    let files = applied_files(paths)?.into_iter().map(|file| (file.name, file.text));
    let mut rejected = Vec::new();
    for file in lint(files, now, Sent::Migrate) {
        for finding in file.findings.iter().filter(|it| it.diagnostic.is_error()) {
            let Some(rule) = finding.rule else { continue };
            let (line, column) = line_and_column(&file.text, finding.diagnostic.span.start as usize);
            let place = Place { file: Some(file.name.clone()), line, column };
            let rendered = render(&finding.diagnostic, &file.text, Some(place.clone()));
            let message = headline(&finding.diagnostic);
            rejected.push(OfSchema { code: rule.id, place, message, rendered });
        }
    }
    Ok(rejected)
}

/// Returns the location of an error, and the text of its file.
fn place<'f>(files: &'f [SqlFile], error: &SchemaError) -> (Place, &'f str) {
    let text = files.iter().find(|file| file.name == error.file).map_or("", |file| file.text.as_str());
    let (line, column) = line_and_column(text, error.diagnostic.span.start as usize);
    (Place { file: Some(error.file.clone()), line, column }, text)
}

/// Describes the errors of a schema, each with its file and position.
fn unreadable(files: &[SqlFile], errors: &[SchemaError]) -> anyhow::Error {
    let shown = errors.iter().map(|error| {
        let (place, text) = place(files, error);
        render(&error.diagnostic, text, Some(place))
    });
    anyhow!("the schema has errors, fix these first:\n{}", shown.collect::<Vec<_>>().join("\n"))
}

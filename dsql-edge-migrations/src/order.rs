//! Finds pending files that would fail in the order of the file names, although this database, to which later files are
//! already applied, accepts them.
//!
//! Input: a folder, and the names of the files that are applied. Output: the error. The build, the tests and each new
//! database read the files in the order of their names. The database of this ledger reads them in another order: first
//! the applied files, then the pending files. So the files are linted in both orders. An error that occurs only in the
//! order of the names is reported. An error that occurs in both orders is ignored, because the database may have a
//! table that no file creates.

use std::collections::HashSet;

use crate::folder::{File, Folder, shown};
use crate::lint::{LintedFile, Sent, empty_schema, lint, lint_postgres};
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::schema::Dialect;

/// Returns the error of a folder in which files that are not applied come before files that are applied.
pub(crate) fn fault(folder: &Folder, is_applied: &dyn Fn(&File) -> bool) -> Option<String> {
    let by_name: Vec<&File> = folder.files.iter().collect();
    let (mut as_run, pending): (Vec<&File>, Vec<&File>) =
        by_name.iter().copied().partition(|file| is_applied(file));
    let last = as_run.last()?.name.clone();
    let mut misplaced: Vec<&File> = pending.clone();
    misplaced.retain(|file| file.name < last && !file.has_nothing_to_apply());
    if misplaced.is_empty() {
        return None;
    }
    as_run.extend(pending);
    let key = |(file, error): &(&File, Diagnostic)| (file.name.clone(), error.code, error.message.clone());
    let known: HashSet<(String, Code, String)> = errors(folder, &as_run).iter().map(key).collect();
    let mut new = errors(folder, &by_name);
    new.retain(|error| !known.contains(&key(error)));
    let has_error = |file: &&File| new.iter().any(|(of, _)| of.name == file.name);
    // If no misplaced file has an error, a misplaced file causes the error of an applied file: for example, both files
    // create the same name.
    if misplaced.iter().any(has_error) {
        misplaced.retain(has_error);
    }
    let names: Vec<&str> = misplaced.iter().map(|file| file.name.as_str()).collect();
    let new: Vec<String> = new.iter().map(|(file, error)| shown(error, &file.path, &file.text)).collect();
    let (come, rename) = match names.len() {
        1 => ("comes", "rename the file, so that it comes"),
        _ => ("come", "rename the files, so that they come"),
    };
    (!new.is_empty()).then(|| {
        format!(
            "nothing was sent: {} {come} before files that are applied already, and the folder has errors in the order of its \
             names, in which the build and each new database read it\n\n{}\n\n{rename} after {last}",
            names.join(", "),
            new.join("\n\n")
        )
    })
}

/// Returns the errors of files that run in this order on an empty database, without the errors of DSQL's rules.
fn errors<'f>(folder: &Folder, files: &[&'f File]) -> Vec<(&'f File, Diagnostic)> {
    let schema = empty_schema(files.iter().map(|file| file.text.as_str()), folder.dialect);
    let texts = files.iter().map(|file| (file.name.clone(), file.text.clone()));
    let linted = match folder.dialect {
        Dialect::Dsql => lint(texts, Some(&schema), Sent::Migrate),
        Dialect::Postgres => lint_postgres(texts, Some(&schema), Sent::Migrate),
    };
    let of_file = |(file, linted): (&&'f File, LintedFile)| {
        let file = *file;
        let errors = linted.findings.into_iter().filter(|it| it.rule.is_none() && it.diagnostic.is_error());
        errors.map(move |it| (file, it.diagnostic)).collect::<Vec<_>>()
    };
    files.iter().zip(linted).flat_map(of_file).collect()
}

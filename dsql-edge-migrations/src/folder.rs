//! Reads a folder of migrations.
//!
//! Input: files of SQL, and the dialect of the server. Output: the steps of these files; the server accepts each step
//! as one transaction. Every file must pass the rules before anything is sent. Files that the ledger lists as applied
//! need not pass the rules: for example, the schema of an existing database is recorded in the ledger and never sent.
//!
//! A different line ending or byte-order mark is not a change of a file: git and editors may change both.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_compiler::source::{Lines, line_and_column};

use crate::files;
use crate::steps::divide::divide;
use crate::steps::{Checksum, Step, postgres, steps};

/// A function of the caller that finds further errors in the files, for example with the linter's rules. Input: the
/// path and the text of each file. Output: for each path, the errors as they are shown to people.
pub type Problems<'p> = &'p dyn Fn(Vec<(String, String)>) -> BTreeMap<String, Vec<String>>;

/// The files of a folder, by name.
pub struct Folder {
    /// The files, in the order in which they are applied.
    pub files: Vec<File>,
    /// The dialect of the server.
    pub dialect: Dialect,
}

/// A file of a folder.
pub struct File {
    /// The name of the file within the folder. The ledger uses this name as the key of the file.
    pub name: String,
    /// The path of the file as messages show it.
    pub path: String,
    /// The text that is sent: without a byte-order mark, with `\n` as line ending.
    pub text: String,
    /// The offsets at which the lines of the file start; from these, `line_and_column` computes a line and a column.
    lines: Lines,
    /// The checksum of the text.
    pub checksum: Checksum,
    /// Its steps.
    pub steps: Vec<Step>,
    /// On PostgreSQL, the reasons why the file is more than one transaction. Empty on DSQL.
    pub notes: Vec<String>,
    /// The errors of the rules. If there are errors, `steps` may be empty.
    pub problems: Vec<String>,
    /// The word for a step in messages: "statement" on DSQL, where nearly every statement is a step, otherwise "part".
    pub unit: &'static str,
}

impl File {
    /// Returns the text of a step.
    pub fn sql(&self, step: &Step) -> &str {
        step.span.text(&self.text)
    }

    /// Returns the line and the column, in characters, of a byte of the text; both begin with 1.
    pub fn line_and_column(&self, place: u32) -> (usize, usize) {
        self.lines.place(&self.text, place as usize)
    }

    /// Whether the file has no statement, for example because it was created but not yet written.
    pub fn has_nothing_to_apply(&self) -> bool {
        self.steps.is_empty() && self.problems.is_empty()
    }

    /// Returns `file:line:column` of a step.
    pub fn place(&self, step: &Step) -> String {
        let (line, column) = self.line_and_column(step.span.start);
        format!("{}:{line}:{column}", self.path)
    }
}

impl Folder {
    /// Reads a folder, all of whose files must pass the rules.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read. If all files can be read, returns an error that lists all statements
    /// that the server rejects or that are not allowed in a migration.
    pub fn read(folder: &Path, dialect: Dialect, problems: Problems<'_>) -> Result<Folder> {
        Folder::open(folder, dialect, problems)?.passed()
    }

    /// Reads a folder. A file that was recorded as applied need not pass the rules, so the errors are not returned here
    /// but by [`Folder::rejection`].
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn open(folder: &Path, dialect: Dialect, problems: Problems<'_>) -> Result<Folder> {
        let files = files::migrations(folder)?;
        Folder::divided(files.into_iter().map(|file| (file.name, file.text)).collect(), dialect, problems)
    }

    /// Creates a folder with these files, each with its path. Every file must pass the rules.
    ///
    /// # Errors
    /// Returns an error that lists everything that the server rejects or that is not allowed in a migration.
    pub fn of(texts: Vec<(String, String)>, dialect: Dialect, problems: Problems<'_>) -> Result<Folder> {
        Folder::divided(texts, dialect, problems)?.passed()
    }

    fn passed(self) -> Result<Folder> {
        match self.rejection(&self.files.iter().collect::<Vec<_>>()) {
            Some(rejection) => bail!(rejection),
            None => Ok(self),
        }
    }

    /// Returns the error of the files that do not pass the rules.
    pub fn rejection(&self, files: &[&File]) -> Option<String> {
        let problems: Vec<&str> = files.iter().flat_map(|file| &file.problems).map(String::as_str).collect();
        let more = match self.dialect {
            Dialect::Dsql => {
                "`dsql-edge lint --for-migrate` also shows warnings, and its `--fix` applies safe rewrites"
            }
            Dialect::Postgres => "`dsql-edge lint --dialect postgres` also checks names and types",
        };
        let all = problems.join("\n\n");
        (!problems.is_empty())
            .then(|| format!("nothing was sent: fix these problems first\n\n{all}\n\n{more}"))
    }

    pub(crate) fn divided(
        texts: Vec<(String, String)>,
        dialect: Dialect,
        problems: Problems<'_>,
    ) -> Result<Folder> {
        let texts: Vec<(String, String, String)> =
            texts.into_iter().map(|(path, raw)| (path, files::canonical(&raw).into_owned(), raw)).collect();
        // The rules read the text with its byte-order mark, because a second byte-order mark after the first is an
        // error, which the rules must find.
        let as_written =
            texts.iter().map(|(path, _, raw)| (path.clone(), files::unix_lines(raw).into_owned()));
        let mut of_rules = problems(as_written.collect());
        let mut files: Vec<File> = Vec::with_capacity(texts.len());
        for (path, text, raw) in texts {
            let earlier: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
            let division = divided(&text, dialect).and_then(|(mut steps, notes)| {
                divide(&mut steps, &text, &earlier, dialect)?;
                Ok((steps, notes))
            });
            let mut problems = of_rules.remove(&path).unwrap_or_default();
            let (steps, notes) = division.unwrap_or_else(|errors| {
                // If the caller's rules have already reported errors of this file, the errors of the division are not
                // reported, because the messages of the rules are clearer.
                if problems.is_empty() {
                    problems.extend(errors.iter().map(|error| shown(error, &path, &text)));
                }
                (Vec::new(), Vec::new())
            });
            files.push(File::of(path, text, &raw, (steps, notes), problems, dialect)?);
        }
        Ok(Folder { files, dialect })
    }
}

impl File {
    /// `raw` is the unchanged text of the file.
    fn of(
        path: String,
        text: String,
        raw: &str,
        (mut steps, notes): (Vec<Step>, Vec<String>),
        problems: Vec<String>,
        dialect: Dialect,
    ) -> Result<File> {
        let name = Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.with_context(|| format!("{path} has no name"))?;
        let mut checksum = Checksum::of(&text);
        if raw != text {
            checksum.also_of(raw);
            let (as_written, _) = divided(raw, dialect).unwrap_or_default();
            for (step, as_written) in steps.iter_mut().zip(as_written) {
                step.checksum.also_of(as_written.span.text(raw));
            }
        }
        if !problems.is_empty() {
            steps.clear();
        }
        let unit = if dialect == Dialect::Dsql { "statement" } else { "part" };
        let lines = Lines::of(&text);
        Ok(File { name, checksum, path, text, lines, steps, notes, problems, unit })
    }
}

/// Returns the steps of a file, and the reasons why the file is divided.
fn divided(text: &str, dialect: Dialect) -> Result<(Vec<Step>, Vec<String>), Vec<Diagnostic>> {
    Ok(match dialect {
        Dialect::Dsql => (steps(text)?, Vec::new()),
        Dialect::Postgres => {
            let division = postgres::steps(text)?;
            (division.steps, division.notes)
        }
    })
}

/// Renders an error in a file for people.
pub fn shown(diagnostic: &Diagnostic, name: &str, text: &str) -> String {
    let (line, column) = line_and_column(text, diagnostic.span.start as usize);
    format!("error: {}", render(diagnostic, text, Some(Place { file: Some(name.to_owned()), line, column })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_rules(_: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
        BTreeMap::new()
    }

    fn folder(text: &str) -> Folder {
        Folder::of(vec![("1.sql".to_owned(), text.to_owned())], Dialect::Dsql, &no_rules).unwrap()
    }

    const LF: &str =
        "-- Authors.\nCREATE TABLE a (\n    id int PRIMARY KEY\n);\nINSERT INTO a VALUES\n(1);\n";

    #[test]
    fn line_endings_and_a_byte_order_mark_change_no_checksum() {
        let crlf = LF.replace('\n', "\r\n");
        let mixed = LF.replacen('\n', "\r\n", 3);
        let plain = folder(LF);
        for text in [crlf.as_str(), &mixed, &format!("\u{feff}{LF}"), &format!("\u{feff}{crlf}")] {
            let other = folder(text);
            assert_eq!(other.files[0].checksum.text, plain.files[0].checksum.text, "{text:?}");
            for (one, other) in plain.files[0].steps.iter().zip(&other.files[0].steps) {
                assert_eq!(one.checksum.text, other.checksum.text, "{text:?}");
            }
            assert_eq!(other.files[0].text, LF, "what is sent");
        }
    }

    #[test]
    fn each_file_that_does_not_pass_has_its_own_errors() {
        let batches = "-- dsql-edge: in batches of 5\nDELETE FROM unknown;";
        for dialect in [Dialect::Dsql, Dialect::Postgres] {
            let texts = [("1.sql", "SET a = 1;"), ("2.sql", batches), ("3.sql", "SELECT 1;")];
            let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
            let folder = Folder::divided(texts, dialect, &no_rules).unwrap();
            let counts = folder.files.iter().map(|file| (file.problems.len(), file.steps.len()));
            assert_eq!(counts.collect::<Vec<_>>(), [(1, 0), (1, 0), (0, 1)]);
        }
    }

    #[test]
    fn checksums_that_earlier_versions_recorded_still_match() {
        let crlf = LF.replace('\n', "\r\n");
        let mixed = LF.replacen('\n', "\r\n", 3);
        // An earlier version of `migrate` recorded the SHA-256 of the file's bytes, and of the bytes of each statement
        // in the file.
        let recorded = |text: &str| {
            let steps =
                steps(text).unwrap().iter().map(|step| Checksum::of(step.span.text(text)).text).collect();
            (Checksum::of(text).text, steps)
        };
        for (was, is) in [(LF, LF), (LF, &crlf), (&crlf, &crlf), (&crlf, LF), (&mixed, &mixed)] {
            let (of_file, of_steps): (String, Vec<String>) = recorded(was);
            let now = &folder(is).files[0];
            assert!(now.checksum.matches(&of_file), "{was:?} {is:?}");
            for (step, recorded) in now.steps.iter().zip(of_steps) {
                assert!(step.checksum.matches(&recorded), "{was:?} {is:?}");
            }
        }
        let other = recorded("-- Authors.\nCREATE TABLE a (id int PRIMARY KEY);\n").0;
        assert!(!folder(LF).files[0].checksum.matches(&other));
    }
}

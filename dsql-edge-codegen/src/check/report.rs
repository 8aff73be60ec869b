//! Prints the result of `check`: how a snapshot differs from a database, and which queries break.
//!
//! Input: findings. Output: lines for people, JSON, or annotations of a GitHub workflow.

use serde_json::{Value, json};
use similar::TextDiff;

use crate::{format, schema_files};

use super::compare::{Finding, Severity};
use super::package::Unread;
use super::schemas::{AsItIs, OfSchema};

/// The result of a check.
pub struct Report {
    pub(super) drift: Option<Drift>,
    /// The statements of the files to apply that DSQL rejects.
    pub rejected: Vec<OfSchema>,
    /// The statements for which `check` cannot determine the effect on the schema, from both schemas.
    pub unfollowed: Vec<OfSchema>,
    /// The package's Cargo.toml.
    pub(super) manifest: String,
    /// The differences for queries.
    pub findings: Vec<Finding>,
    /// The number of queries.
    pub queries: usize,
    /// Invocations and files that could not be read.
    pub unread: Vec<Unread>,
    /// Invocations and files that could not be read and are not compiled, and invocations that were read, but that the
    /// compiler does not expand and that may be of another crate's macro.
    pub unused: Vec<Unread>,
    /// Invocations in the examples of doc comments.
    pub examples: Vec<Unread>,
    /// Files with queries that are not modules, so that they are not compiled.
    pub not_modules: Vec<Unread>,
    /// The result of comparing the queries in the sources with the invocations that the compiler expands.
    pub expansion: Expansion,
    /// If the checked package is the root of the workspace: the other packages that have queries and were not checked.
    pub members: Vec<String>,
}

/// How the queries in the sources compare with the queries that the compiler expands.
pub enum Expansion {
    /// `--no-build`: the queries were not compared.
    NotAsked,
    /// The queries were compared.
    Compared {
        /// The number of queries that only the compiler saw; they are included in the report's number of queries.
        more: usize,
        /// If the tests, examples or benches do not compile, the first error; the queries of these targets were not
        /// compared.
        tests_fail: Option<String>,
    },
    /// The build and `check` read different schemas.
    OtherSchema(String),
    /// The reason why the queries could not be compared.
    Unknown(String),
}

/// A difference between a snapshot and the database.
pub(super) struct Drift {
    snapshot: String,
    diff: String,
    first_line: usize,
}

impl Drift {
    /// Compares the current schema with `live`, the database's schema; returns `None` if the two are equal.
    pub(super) fn of(now: &AsItIs, live: &str) -> Option<Drift> {
        let text = schema_files::canonical(now.text());
        let text = text.as_ref();
        if text == live {
            return None;
        }
        let snapshot = now.path.display().to_string();
        let diff = TextDiff::from_lines(text, live);
        let first_line = text.lines().zip(live.lines()).take_while(|(a, b)| a == b).count() + 1;
        let diff = diff.unified_diff().context_radius(3).header(&snapshot, "the database").to_string();
        Some(Drift { snapshot, diff, first_line })
    }
}

impl Report {
    /// Whether the command fails.
    pub fn fails(&self) -> bool {
        self.drift.is_some()
            || !self.rejected.is_empty()
            || !self.unfollowed.is_empty()
            || self.findings.iter().any(|finding| finding.severity != Severity::Note)
            || !self.unread.is_empty()
            || self.not_compared().is_some()
    }

    fn not_compared(&self) -> Option<String> {
        match &self.expansion {
            Expansion::Unknown(why) => Some(format!(
                "{why}, so `check` may have missed queries. Fix it, or use --no-build to read the sources alone"
            )),
            Expansion::OtherSchema(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Describes the part of the package that was not compared, if the other parts were compared.
    fn partly_compared(&self) -> Option<String> {
        let Expansion::Compared { tests_fail: Some(error), .. } = &self.expansion else { return None };
        Some(format!(
            "tests, examples and benches do not compile (first error: {error}): their queries were read from the sources alone"
        ))
    }

    /// Names the packages of the workspace that were not checked.
    fn other_packages(&self) -> Option<String> {
        let names = self.members.join(", ");
        (!self.members.is_empty()).then(|| {
            format!("other packages of this workspace have queries, which were not looked at: {names}. Run `dsql-edge check` with the folder of each")
        })
    }

    /// Returns the report for people.
    pub fn human(&self) -> String {
        let mut out = String::new();
        if let Some(drift) = &self.drift {
            out += &format!(
                "error: {} differs from the database: run `dsql-edge pull`\n\n{}\n",
                drift.snapshot, drift.diff
            );
        }
        let of_schema = self.rejected.iter().chain(&self.unfollowed);
        out.extend(of_schema.map(|it| format!("error: {}\n\n", it.rendered)));
        for finding in &self.findings {
            let level = match finding.severity {
                Severity::Broken if finding.was_wrong => "error, with the current schema too",
                Severity::Broken => "error",
                Severity::Changed => "changed",
                Severity::Note => "note",
            };
            out += &format!("{level}: {}\n\n", finding.rendered);
        }
        out.extend(self.unread.iter().map(|unread| format!("not looked at: {unread}\n")));
        out.extend(
            self.unused.iter().map(|unread| format!("note: not compiled, and not checked: {unread}\n")),
        );
        out.extend(self.examples.iter().map(|unread| format!("note: not looked at: {unread}\n")));
        out.extend(self.not_modules.iter().map(|file| format!("note: {file}\n")));
        out.extend(self.not_compared().map(|why| format!("error: {why}\n")));
        let notes = self.partly_compared().into_iter().chain(self.other_packages());
        out.extend(notes.map(|why| format!("note: {why}\n")));
        out
    }

    /// Returns the last line of the report.
    pub fn summary(&self) -> String {
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (broken, changed) = (count(Severity::Broken), count(Severity::Changed));
        let mut queries = amount(self.queries, "query", "queries");
        match self.expansion {
            Expansion::Compared { more: 0, .. } | Expansion::Unknown(_) | Expansion::OtherSchema(_) => {}
            Expansion::Compared { more, .. } => queries += &format!(" ({more} seen by the compiler alone)"),
            Expansion::NotAsked => queries += " found in the sources",
        }
        let unread = self.unread.len();
        match (broken, changed) {
            (0, 0) if unread > 0 => {
                format!("{queries}: {} could not be looked at", amount(unread, "place", "places"))
            }
            (0, 0) if !self.rejected.is_empty() => {
                format!("{queries}: DSQL rejects {}", amount(self.rejected.len(), "statement", "statements"))
            }
            (0, 0) if !self.unfollowed.is_empty() => {
                let count = amount(self.unfollowed.len(), "statement", "statements");
                format!("{queries}: {count} of the schema could not be followed")
            }
            (0, 0) if self.queries == 0 => {
                format!("{queries}: the package has no sql!, sql_file! or sql_unchecked!")
            }
            (0, 0) if self.not_compared().is_some() => format!("{queries}: not compared with the compiler"),
            (0, 0) => format!("{queries}: all compile, with the same types"),
            _ => format!(
                "{queries}: {}, {}",
                amount(broken, "error", "errors"),
                amount(changed, "change of types", "changes of types")
            ),
        }
    }

    /// Returns the report as one JSON object. `version` is increased if the meaning of a field changes, and stays the
    /// same if a field is added.
    pub fn json(&self) -> String {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "severity": severity(finding),
                "code": finding.code,
                "message": finding.message,
                "file": finding.place.file,
                "line": finding.place.line,
                "column": finding.place.column,
                "rendered": finding.rendered,
                "wrong_before": finding.was_wrong,
            })
        });
        let report = json!({
            "version": 1,
            "ok": !self.fails(),
            "snapshot": self.drift.as_ref().map(|drift| json!({ "file": drift.snapshot, "diff": drift.diff })),
            "rejected": self.rejected.iter().map(of_schema).collect::<Vec<_>>(),
            "unfollowed": self.unfollowed.iter().map(of_schema).collect::<Vec<_>>(),
            "queries": self.queries,
            "findings": findings.collect::<Vec<_>>(),
            "unread": self.unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "not_compiled": self.unused.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "examples": self.examples.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "not_modules": self.not_modules.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "compared_with_the_compiler": matches!(self.expansion, Expansion::Compared { .. }),
            "not_compared": self.not_compared(),
            "partly_compared": self.partly_compared(),
            "packages_not_looked_at": self.members,
        });
        format::json(&report)
    }

    /// Returns the report as annotations of a GitHub workflow, one per line.
    pub fn github(&self) -> String {
        let mut out = String::new();
        if let Some(drift) = &self.drift {
            let message =
                format!("the snapshot differs from the database: run `dsql-edge pull`\n{}", drift.diff);
            out += &annotation("error", &drift.snapshot, drift.first_line, 1, "stale snapshot", &message);
        }
        for it in self.rejected.iter().chain(&self.unfollowed) {
            let file = it.place.file.as_deref().unwrap_or_default();
            out += &annotation("error", file, it.place.line, it.place.column, it.code, &it.message);
        }
        for finding in &self.findings {
            let level = if finding.severity == Severity::Note { "notice" } else { "error" };
            let file = finding.place.file.as_deref().unwrap_or_default();
            let (line, column) = (finding.place.line, finding.place.column);
            out += &annotation(level, file, line, column, finding.code, &finding.message);
        }
        let notices = self.unused.iter().chain(&self.examples).map(|it| ("notice", it));
        for (level, unread) in self.unread.iter().map(|it| ("error", it)).chain(notices) {
            let (line, column) = (unread.line.max(1), unread.column.max(1));
            out += &annotation(level, &unread.file, line, column, "not looked at", &unread.why);
        }
        for (level, why) in [("error", self.not_compared()), ("notice", self.partly_compared())] {
            out.extend(why.map(|why| annotation(level, &self.manifest, 1, 1, "not compared", &why)));
        }
        let files = self.not_modules.iter();
        out.extend(files.map(|file| annotation("notice", &file.file, 1, 1, "not compiled", &file.why)));
        let others = self.other_packages();
        out.extend(others.map(|why| annotation("notice", &self.manifest, 1, 1, "not looked at", &why)));
        out
    }
}

fn amount(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn of_schema(it: &OfSchema) -> Value {
    json!({
        "code": it.code,
        "message": it.message,
        "file": it.place.file,
        "line": it.place.line,
        "column": it.place.column,
        "rendered": it.rendered,
    })
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Broken => "broken",
        Severity::Changed => "changed",
        Severity::Note => "note",
    }
}

fn annotation(level: &str, file: &str, line: usize, column: usize, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!(
        "::{level} file={},line={line},col={column},title={}::{}\n",
        property(file),
        property(title),
        data(message)
    )
}

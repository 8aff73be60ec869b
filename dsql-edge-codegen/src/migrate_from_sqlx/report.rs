//! Prints the result of `migrate-from-sqlx`.
//!
//! Input: the verdicts. Output: lines for people, JSON, or one diff of all changes.

use serde_json::{Value, json};
use similar::TextDiff;

use super::sources::{FunctionCall, SourceFile};
use super::verdict::{Edit, Judged, Verdict, applied};
use crate::check::{OfSchema, Unread};
use crate::{format, lint};
use dsql_edge_migrations::lint::LintedFile;

/// The result of the command.
pub struct Report {
    pub(super) files: Vec<SourceFile>,
    pub(super) findings: Vec<Finding>,
    pub(super) functions: Vec<FunctionCall>,
    pub(super) unread: Vec<Unread>,
    /// The statements of the migrations whose effect is not known.
    pub(super) unfollowed: Vec<OfSchema>,
    /// The migrations with the findings of the linter; empty if DSQL's rules do not apply.
    pub(super) migrations: Vec<LintedFile>,
    pub(super) schema: String,
    pub(super) dialect: &'static str,
}

/// The verdict about an invocation, with the invocation's location.
pub(super) struct Finding {
    pub(super) file: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) name: String,
    pub(super) judged: Judged,
}

impl Report {
    /// Whether some query cannot be changed, or could not be read, or a migration has an error.
    pub fn fails(&self) -> bool {
        self.count(Verdict::Cannot) > 0
            || !self.unread.is_empty()
            || !self.unfollowed.is_empty()
            || self.errors_of_migrations() > 0
    }

    fn errors_of_migrations(&self) -> usize {
        let findings = self.migrations.iter().flat_map(|file| &file.findings);
        findings.filter(|finding| finding.diagnostic.is_error()).count()
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.judged.verdict == verdict).count()
    }

    fn file(&self, at: usize) -> (&str, &str) {
        self.files.get(at).map_or(("", ""), |file| (&file.name, &file.text))
    }

    /// Returns the report for people.
    pub fn human(&self) -> String {
        let mut out = String::new();
        out.extend(self.unfollowed.iter().map(|it| format!("error: {}\n\n", it.rendered)));
        out += &lint::for_people(&self.migrations);
        for finding in self.findings.iter().filter(|finding| finding.judged.verdict != Verdict::AsItIs) {
            let (file, text) = self.file(finding.file);
            match finding.judged.verdict {
                Verdict::Cannot => {
                    for reason in &finding.judged.reasons {
                        out += &format!("error: {}!: {reason}\n", finding.name);
                    }
                }
                _ => {
                    out += &format!("change: {}! at {file}:{}\n", finding.name, finding.line);
                    out += &diff(file, text, finding.judged.edits.iter());
                }
            }
            out.extend(finding.judged.notes.iter().map(|note| format!("note: {note}\n")));
            out.push('\n');
        }
        for finding in self.findings.iter().filter(|finding| finding.judged.verdict == Verdict::AsItIs) {
            let (file, _) = self.file(finding.file);
            out += &format!("as it is: {}! at {file}:{}\n", finding.name, finding.line);
            out.extend(finding.judged.notes.iter().map(|note| format!("note: {note}\n")));
        }
        if !self.functions.is_empty() {
            out += "\nnot checked by sqlx today, and not by this command (the SQL is made at run time, or an argument of a function):\n";
            out.extend(self.functions_by_file().iter().map(|line| format!("  {line}\n")));
        }
        out.extend(self.unread.iter().map(|unread| format!("not looked at: {unread}\n")));
        out
    }

    /// Returns the calls of sqlx's functions, a line for each file.
    fn functions_by_file(&self) -> Vec<String> {
        let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
        for call in &self.functions {
            let place = format!("{} {}", call.line, call.name);
            match lines.last_mut() {
                Some((file, places)) if *file == call.file => places.push(place),
                _ => lines.push((&call.file, vec![place])),
            }
        }
        lines
            .iter()
            .map(|(file, places)| format!("{file} ({}): {}", places.len(), places.join(", ")))
            .collect()
    }

    /// Returns the last line of the report.
    pub fn summary(&self) -> String {
        let (total, functions) = (self.findings.len(), self.functions.len());
        let errors = self.errors_of_migrations();
        if total == 0 && functions == 0 && self.unread.is_empty() && errors == 0 {
            return "the package has no query!, query_as!, query_scalar! or query_file! of sqlx".to_owned();
        }
        let amount =
            |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let mut out = format!(
            "{}: {} as it is with `dsql_edge::sql!`, {} with the change shown, {} cannot be changed; {} not checked",
            amount(total, "query", "queries"),
            self.count(Verdict::AsItIs),
            self.count(Verdict::Change),
            self.count(Verdict::Cannot),
            amount(functions, "call of a function", "calls of functions"),
        );
        if !self.unread.is_empty() {
            out += &format!("; {} not looked at", amount(self.unread.len(), "place", "places"));
        }
        if !self.migrations.is_empty() {
            out += &format!("; {} in the migrations", amount(errors, "error", "errors"));
        }
        out
    }

    /// Returns the changes of all queries that compile with them, for `git apply`.
    pub fn patch(&self) -> String {
        let mut out = String::new();
        for (at, file) in self.files.iter().enumerate() {
            let kept =
                self.findings.iter().filter(|it| it.file == at && it.judged.verdict != Verdict::Cannot);
            let mut edits: Vec<&Edit> = kept.flat_map(|finding| &finding.judged.edits).collect();
            edits.sort_by_key(|edit| edit.at.start);
            out += &diff(&file.name, &file.text, edits.into_iter());
        }
        out
    }

    /// Returns the report as one JSON object. `version` is increased if the meaning of a field changes, and stays the
    /// same if a field is added.
    pub fn json(&self) -> String {
        let queries: Vec<Value> = self.findings.iter().map(|finding| self.query(finding)).collect();
        let functions: Vec<Value> = self
            .functions
            .iter()
            .map(|call| json!({ "file": call.file, "line": call.line, "function": call.name }))
            .collect();
        let unfollowed: Vec<Value> = self
            .unfollowed
            .iter()
            .map(|it| json!({ "file": it.place.file, "line": it.place.line, "message": it.message }))
            .collect();
        let unread: Vec<Value> = self
            .unread
            .iter()
            .map(|it| json!({ "file": it.file, "line": it.line, "column": it.column, "reason": it.why }))
            .collect();
        format::json(&json!({
            "version": 1,
            "schema": self.schema,
            "dialect": self.dialect,
            "queries": queries,
            "unchecked_functions": functions,
            "unfollowed": unfollowed,
            "migrations": lint::as_json(&self.migrations),
            "unread": unread,
            "as_it_is": self.count(Verdict::AsItIs),
            "change": self.count(Verdict::Change),
            "cannot": self.count(Verdict::Cannot),
            "passed": !self.fails(),
        }))
    }

    fn query(&self, finding: &Finding) -> Value {
        let (file, text) = self.file(finding.file);
        let verdict = match finding.judged.verdict {
            Verdict::AsItIs => "as_it_is",
            Verdict::Change => "change",
            Verdict::Cannot => "cannot",
        };
        let is_possible = finding.judged.verdict != Verdict::Cannot;
        json!({
            "file": file,
            "line": finding.line,
            "column": finding.column,
            "macro": finding.name,
            "verdict": verdict,
            "diff": is_possible.then(|| diff(file, text, finding.judged.edits.iter())),
            "reasons": finding.judged.reasons,
            "notes": finding.judged.notes,
        })
    }
}

/// Returns the unified diff of a file; empty without edits.
fn diff<'e>(file: &str, text: &str, edits: impl Iterator<Item = &'e Edit>) -> String {
    let new = applied(text, edits);
    if new == text {
        return String::new();
    }
    let diff = TextDiff::from_lines(text, new.as_str());
    diff.unified_diff().context_radius(1).header(&format!("a/{file}"), &format!("b/{file}")).to_string()
}

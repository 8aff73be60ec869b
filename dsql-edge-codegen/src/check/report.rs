//! What `check` says: how a snapshot differs from a cluster, which queries break. Findings in; lines for people, JSON, or
//! annotations of a GitHub workflow out.

use serde_json::json;
use similar::TextDiff;

use crate::{format, schema_files};

use super::compare::{Finding, Severity};
use super::schemas::AsItIs;

/// What came of a check.
pub struct Report {
    pub(super) drift: Option<Drift>,
    /// What differs for queries.
    pub findings: Vec<Finding>,
    /// How many queries were looked at.
    pub queries: usize,
    /// Invocations and files that could not be read.
    pub unread: Vec<String>,
}

/// How a snapshot is not what the cluster has.
pub(super) struct Drift {
    snapshot: String,
    diff: String,
    first_line: usize,
}

impl Drift {
    /// Nothing where they are the same.
    pub(super) fn of(now: &AsItIs, live: &str) -> Option<Drift> {
        let text = schema_files::canonical(now.text());
        let text = text.as_ref();
        if text == live {
            return None;
        }
        let snapshot = now.path.display().to_string();
        let diff = TextDiff::from_lines(text, live);
        let first_line = text.lines().zip(live.lines()).take_while(|(a, b)| a == b).count() + 1;
        let diff = diff.unified_diff().context_radius(3).header(&snapshot, "the cluster").to_string();
        Some(Drift { snapshot, diff, first_line })
    }
}

impl Report {
    /// Whether CI is to stop.
    pub fn fails(&self) -> bool {
        self.drift.is_some() || self.findings.iter().any(|finding| finding.severity != Severity::Note)
    }

    /// For people.
    pub fn human(&self) -> String {
        let mut out = String::new();
        if let Some(drift) = &self.drift {
            out += &format!(
                "error: {} is not what the cluster has: run `dsql-edge pull`\n\n{}\n",
                drift.snapshot, drift.diff
            );
        }
        for finding in &self.findings {
            let level = match finding.severity {
                Severity::Broken if finding.was_wrong => "error, and not only with this schema",
                Severity::Broken => "error",
                Severity::Changed => "changed",
                Severity::Note => "note",
            };
            out += &format!("{level}: {}\n\n", finding.rendered);
        }
        out.extend(self.unread.iter().map(|unread| format!("not looked at: {unread}\n")));
        out
    }

    /// The last line.
    pub fn summary(&self) -> String {
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (broken, changed) = (count(Severity::Broken), count(Severity::Changed));
        let queries = amount(self.queries, "query", "queries");
        match (broken, changed) {
            (0, 0) => format!("{queries}: all compile, with the same types"),
            _ => format!(
                "{queries}: {}, {}",
                amount(broken, "error", "errors"),
                amount(changed, "change of types", "changes of types")
            ),
        }
    }

    /// One object; `version` grows when a field changes its meaning, fields may be added.
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
            "queries": self.queries,
            "findings": findings.collect::<Vec<_>>(),
            "unread": self.unread,
        });
        format::json(&report)
    }

    /// Annotations of a GitHub workflow, a line each.
    pub fn github(&self) -> String {
        let mut out = String::new();
        if let Some(drift) = &self.drift {
            let message =
                format!("the snapshot is not what the cluster has: run `dsql-edge pull`\n{}", drift.diff);
            out += &annotation("error", &drift.snapshot, drift.first_line, 1, "stale snapshot", &message);
        }
        for finding in &self.findings {
            let level = if finding.severity == Severity::Note { "notice" } else { "error" };
            let file = finding.place.file.as_deref().unwrap_or_default();
            let (line, column) = (finding.place.line, finding.place.column);
            out += &annotation(level, file, line, column, finding.code, &finding.message);
        }
        out
    }
}

fn amount(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
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

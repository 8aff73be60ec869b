//! Prints findings as one JSON object.
//!
//! Input: files with their findings. Output: an object. `version` is increased if the meaning of a field changes, and
//! stays the same if a field is added.

use serde_json::{Value, json};

use crate::format;

use dsql_edge_migrations::lint::{Finding, LintedFile};

pub(super) fn report(files: &[LintedFile], count_fixed: usize) -> String {
    let findings = || files.iter().flat_map(|file| &file.findings);
    let errors = findings().filter(|finding| finding.diagnostic.is_error()).count();
    let files = self::files(files);
    let summary = json!({ "errors": errors, "warnings": findings_of(&files) - errors, "fixed": count_fixed });
    let report = json!({ "version": 1, "files": files, "summary": summary });
    format::json(&report)
}

/// Returns an object for each file.
pub(crate) fn files(files: &[LintedFile]) -> Vec<Value> {
    let of = |file: &LintedFile| {
        let findings: Vec<Value> = file.findings.iter().map(|finding| one(file, finding)).collect();
        json!({ "file": file.name, "findings": findings })
    };
    files.iter().map(of).collect()
}

fn findings_of(files: &[Value]) -> usize {
    files.iter().filter_map(|file| file["findings"].as_array()).map(Vec::len).sum()
}

fn one(file: &LintedFile, finding: &Finding) -> Value {
    let diagnostic = &finding.diagnostic;
    let (start, end) = (diagnostic.span.start as usize, diagnostic.span.end as usize);
    let (line, column) = file.lines.place(&file.text, start);
    let (end_line, end_column) = file.lines.place(&file.text, end);
    let fix = finding.fix.as_ref().map(|fix| {
        let edits = fix
            .edits
            .iter()
            .map(|(span, text)| json!({ "offset": span.start, "end": span.end, "text": text }));
        json!({ "title": fix.title, "meaning": fix.meaning.name(), "edits": edits.collect::<Vec<_>>() })
    });
    json!({
        "rule": finding.rule.map(|rule| rule.id),
        "code": diagnostic.code.name(),
        "sqlstate": diagnostic.sqlstate(),
        "severity": if diagnostic.is_error() { "error" } else { "warning" },
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "known": finding.rule.map(|rule| rule.known.name()),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "offset": start,
        "end": end,
        "fix": fix,
    })
}

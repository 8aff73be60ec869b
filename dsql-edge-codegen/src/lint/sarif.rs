//! Prints findings as SARIF 2.1.0 (OASIS), a format that forges and editors read for code scanning.
//!
//! Input: files with their findings. Output: one JSON object.

use dsql_edge_compiler::diagnostic::Code;
use dsql_edge_compiler::dsql::{self, Meaning, Rule};
use dsql_edge_compiler::source::Span;
use serde_json::{Value, json};

use crate::format;

use dsql_edge_migrations::lint::{Finding, LintedFile};

/// The rule id for a statement that cannot be read, and for every finding that has no other rule id.
const SYNTAX: &str = "syntax_error";

/// The rule id for a statement that `dsql-edge migrate` does not accept.
const MISPLACED: &str = "misplaced_statement";

/// The rule id for code that may run statements that `lint` does not read.
const UNFOLLOWED: &str = "unfollowed_statement";

/// The rule id for a schema that does not exist.
const UNKNOWN_SCHEMA: &str = "unknown_schema";

pub(super) fn report(files: &[LintedFile]) -> String {
    let rules: Vec<&'static Rule> =
        dsql::tables().iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    let mut described: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.what },
                "help": { "text": rule.general_advice() },
                "properties": { "sqlstate": rule.sqlstate, "known": rule.known.name() },
            })
        })
        .collect();
    described
        .push(json!({ "id": SYNTAX, "shortDescription": { "text": "a statement that cannot be read" } }));
    for (id, what) in [
        (MISPLACED, "a statement that `dsql-edge migrate` does not accept"),
        (UNFOLLOWED, "code that may run statements that lint does not read"),
        (UNKNOWN_SCHEMA, "a schema that does not exist"),
    ] {
        described.push(json!({ "id": id, "shortDescription": { "text": what } }));
    }
    let results: Vec<Value> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(|finding| one(file, finding, &rules)))
        .collect();
    let report = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dsql-edge lint",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": described,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format::json(&report)
}

fn one(file: &LintedFile, finding: &Finding, rules: &[&'static Rule]) -> Value {
    let diagnostic = &finding.diagnostic;
    let (id, at) = match finding.rule {
        Some(rule) => (rule.id, rules.iter().position(|it| it.id == rule.id).unwrap_or(rules.len())),
        None if diagnostic.code == Code::MisplacedStatement => (MISPLACED, rules.len() + 1),
        None if diagnostic.code == Code::UnfollowedStatement => (UNFOLLOWED, rules.len() + 2),
        None if diagnostic.code == Code::UnknownSchema => (UNKNOWN_SCHEMA, rules.len() + 3),
        None => (SYNTAX, rules.len()),
    };
    let mut message = diagnostic.message.clone();
    if let Some(hint) = &diagnostic.hint {
        message += &format!("\n{hint}");
    }
    // SARIF identifies a file by a URI, with slashes.
    let artifact = json!({ "uri": uri(&file.name) });
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": at,
        "level": if diagnostic.is_error() { "error" } else { "warning" },
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": artifact,
            "region": region(file, diagnostic.span),
        } }],
    });
    // Only fixes with which the script has the same effect are written, because tools that read SARIF apply a fix
    // without confirmation.
    if let Some(fix) = finding.fix.as_ref().filter(|fix| fix.meaning == Meaning::Same) {
        let replacements = fix.edits.iter().map(|(span, text)| {
            json!({ "deletedRegion": region(file, *span), "insertedContent": { "text": text } })
        });
        let change =
            json!({ "artifactLocation": artifact, "replacements": replacements.collect::<Vec<_>>() });
        result["fixes"] = json!([{ "description": { "text": fix.title }, "artifactChanges": [change] }]);
    }
    result
}

/// Returns a path as a relative URI (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into())
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

fn region(file: &LintedFile, span: Span) -> Value {
    let (line, column) = file.lines.place(&file.text, span.start as usize);
    let (end_line, end_column) = file.lines.place(&file.text, span.end as usize);
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

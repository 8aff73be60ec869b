//! Prints findings as SARIF 2.1.0 (OASIS), a format that forges and editors read for code scanning.
//!
//! Input: files with their findings. Output: one JSON object.

use dsql_edge_compiler::diagnostic::Code;
use dsql_edge_compiler::dsql::{self, Meaning, Rule};
use dsql_edge_compiler::source::Span;
use serde_json::{Value, json};

use crate::format;

use dsql_edge_migrations::lint::{Finding, LintedFile};

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
    let is_found = |code: &Code| {
        let mut all = files.iter().flat_map(|file| &file.findings);
        all.any(|finding| finding.rule.is_none() && finding.diagnostic.code == *code)
    };
    let codes: Vec<Code> = Code::ALL.iter().copied().filter(is_found).collect();
    described.extend(codes.iter().map(|code| {
        json!({
            "id": id_of(*code),
            "shortDescription": { "text": first_sentence(code.page()) },
            "help": { "text": format!("dsql-edge explain {}", code.name()) },
        })
    }));
    let results: Vec<Value> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(|finding| one(file, finding, (&rules, &codes))))
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

/// Returns the id of a code among the rules.
fn id_of(code: Code) -> String {
    code.name().replace('-', "_")
}

/// Returns the first sentence of a code's page, which begins with the name of the code as its heading.
fn first_sentence(page: &str) -> String {
    let text = page.split("\n\n").nth(1).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

fn one(file: &LintedFile, finding: &Finding, (rules, codes): (&[&'static Rule], &[Code])) -> Value {
    let diagnostic = &finding.diagnostic;
    let (id, at) = match finding.rule {
        Some(rule) => (rule.id.to_owned(), rules.iter().position(|it| it.id == rule.id)),
        None => {
            let at = codes.iter().position(|code| *code == diagnostic.code);
            (id_of(diagnostic.code), at.map(|at| rules.len() + at))
        }
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

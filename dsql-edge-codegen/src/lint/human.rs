//! Findings for people: the compiler's own rendering, the rule's name below it.

use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::source::line_and_column;

use super::{Finding, LintedFile};

pub(super) fn report(files: &[LintedFile]) -> String {
    files.iter().flat_map(|file| file.findings.iter().map(|finding| one(file, finding))).collect()
}

fn one(file: &LintedFile, finding: &Finding) -> String {
    let (line, column) = line_and_column(&file.text, finding.diagnostic.span.start as usize);
    let place = Place { file: Some(file.name.clone()), line, column };
    let level = if finding.diagnostic.is_error() { "error" } else { "warning" };
    let mut out = format!("{level}: {}\n", render(&finding.diagnostic, &file.text, Some(place)));
    let margin = " ".repeat(line.to_string().len());
    if let Some(fix) = &finding.fix {
        out += &format!("{margin} = fix: {}\n", fix.title);
    }
    if let Some(rule) = finding.rule {
        out += &format!("{margin} = rule: {}, {}\n", rule.id, rule.known.name());
    }
    out + "\n"
}

/// The last line: how many there are. `mended` of them are gone already.
pub(super) fn summary(files: &[LintedFile], mended: Option<usize>) -> String {
    let findings = || files.iter().flat_map(|file| &file.findings);
    let errors = findings().filter(|finding| finding.diagnostic.is_error()).count();
    let warnings = findings().count() - errors;
    let fixable = findings().filter(|finding| finding.fix.is_some()).count();
    let mut out = format!("{} in {}", amount(errors, "error"), amount(files.len(), "file"));
    if warnings > 0 {
        out += &format!(", {}", amount(warnings, "warning"));
    }
    match mended {
        Some(mended) => out += &format!("; {mended} mended"),
        None if fixable > 0 => out += &format!("; --fix mends {fixable}"),
        None => {}
    }
    out
}

fn amount(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

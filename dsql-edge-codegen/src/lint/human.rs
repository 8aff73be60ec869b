//! Prints findings for people.
//!
//! Input: files with their findings. Output: the compiler's rendering of each finding, and the rule's name below it.

use dsql_edge_compiler::diagnostic::render::{Place, render_of_many};
use dsql_edge_compiler::dsql::Meaning;

use dsql_edge_migrations::lint::{Finding, LintedFile};

pub(crate) fn report(files: &[LintedFile]) -> String {
    files.iter().flat_map(|file| file.findings.iter().map(|finding| one(file, finding))).collect()
}

fn one(file: &LintedFile, finding: &Finding) -> String {
    let (line, column) = file.lines.place(&file.text, finding.diagnostic.span.start as usize);
    let place = Place { file: Some(file.name.clone()), line, column };
    let level = if finding.diagnostic.is_error() { "error" } else { "warning" };
    let mut diagnostic = finding.diagnostic.clone();
    // A hint that is the same as the title of the rewrite is left out, because the title is printed below.
    diagnostic.hint = diagnostic.hint.filter(|hint| finding.fix.as_ref().is_none_or(|fix| fix.title != hint));
    let mut out = format!("{level}: {}\n", render_of_many(&diagnostic, &file.text, &file.lines, Some(place)));
    let margin = " ".repeat(line.to_string().len());
    if let Some(fix) = &finding.fix {
        let condition = match fix.meaning {
            Meaning::Same => "",
            Meaning::SameIfAllSucceed => ", the same only if every statement succeeds: --assume-success",
        };
        out += &format!("{margin} = fix: {}{condition}\n", fix.title);
    }
    if let Some(rule) = finding.rule {
        out += &format!("{margin} = rule: {}, {}\n", rule.id, rule.known.name());
    }
    out + "\n"
}

/// Returns the last line: the number of findings. `fixed` is the number of findings that are already fixed and not in
/// `files`.
pub(super) fn summary(files: &[LintedFile], fixed: Option<usize>) -> String {
    let findings = || files.iter().flat_map(|file| &file.findings);
    let errors = findings().filter(|finding| finding.diagnostic.is_error()).count();
    let warnings = findings().count() - errors;
    let fixable = |meaning| {
        findings().filter(|finding| finding.fix.as_ref().is_some_and(|fix| fix.meaning == meaning)).count()
    };
    let (same, if_all_succeed) = (fixable(Meaning::Same), fixable(Meaning::SameIfAllSucceed));
    let mut out = format!("{} in {}", amount(errors, "error"), amount(files.len(), "file"));
    if warnings > 0 {
        out += &format!(", {}", amount(warnings, "warning"));
    }
    match fixed {
        Some(fixed) => out += &format!("; {fixed} fixed"),
        None if same > 0 => out += &format!("; --fix fixes {same}"),
        None => {}
    }
    if if_all_succeed > 0 {
        out += &format!(
            "; --fix --assume-success fixes {}{if_all_succeed}",
            if same > 0 { "another " } else { "" }
        );
    }
    out
}

fn amount(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

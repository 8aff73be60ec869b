//! Prints findings as annotations of a GitHub workflow.
//!
//! Input: files with their findings. Output: one line per finding, in the form of GitHub's workflow commands.

use dsql_edge_migrations::lint::{Finding, LintedFile};

pub(super) fn report(files: &[LintedFile]) -> String {
    files.iter().flat_map(|file| file.findings.iter().map(|finding| one(file, finding))).collect()
}

fn one(file: &LintedFile, finding: &Finding) -> String {
    let diagnostic = &finding.diagnostic;
    let (line, column) = file.lines.place(&file.text, diagnostic.span.start as usize);
    let (end_line, end_column) = file.lines.place(&file.text, diagnostic.span.end as usize);
    let level = if diagnostic.is_error() { "error" } else { "warning" };
    let title = finding.rule.map_or(diagnostic.code.name(), |rule| rule.id);
    let mut message = diagnostic.message.clone();
    // 00000 means success: the SQLSTATE of a warning about SQL that DSQL accepts.
    if diagnostic.sqlstate() != "00000" {
        message += &format!(" [{}]", diagnostic.sqlstate());
    }
    if let Some(hint) = &diagnostic.hint {
        message += &format!("\n{hint}");
    }
    format!(
        "::{level} file={},line={line},col={column},endLine={end_line},endColumn={end_column},title={}::{}\n",
        property(&file.name),
        property(title),
        data(&message)
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

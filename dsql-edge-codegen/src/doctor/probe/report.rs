//! Writes the report of the probe in Markdown.

use super::probed::Probed;
use super::questions::Answered;
use crate::doctor::certificate;
use crate::doctor::clock::unix_time;

/// Returns the report. The report does not contain the host name.
pub(super) fn markdown(probed: &Probed, version: &str, answers: &[Answered]) -> String {
    let cluster =
        if probed.target.is_on_this_machine() { "a dsql-local (not a cluster)" } else { "a cluster" };
    let day = certificate::day(unix_time());
    let mut out = format!(
        "# Answers of {cluster}\n\nWritten by `dsql-edge doctor --probe`, version {}, on {day}. Region {}, server_version \
         {version}, role {}.\n\n| question | answer |\n|---|---|\n",
        env!("CARGO_PKG_VERSION"),
        probed.region,
        if probed.target.user == "admin" { "admin" } else { "other than admin" },
    );
    out.extend(answers.iter().map(|it| format!("| {} | {} |\n", it.question, it.answer.replace('|', "\\|"))));
    out += "\n## Messages\n\n`→` is what was sent in one flight, and `←` the messages of the server.\n";
    for it in answers.iter().filter(|it| !it.evidence.is_empty()) {
        out += &format!("\n### {}\n\n```text\n{}\n```\n", it.question, it.evidence.join("\n"));
    }
    out += "\nThe probe does not test what needs a Worker, or SQLSTATE 53400, which needs more than 1,000 connections in a second.\n";
    out.replace(probed.host(), "<host>").replace(&probed.schema, "<schema>")
}

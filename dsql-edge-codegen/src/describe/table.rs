//! Prints an answer of `describe` as a table for people.
//!
//! Input: an answer. Output: text.

use dsql_edge_compiler::diagnostic::render::render as render_diagnostic;

use super::answer::Answer;

/// Returns the query, its description, and an empty line.
pub(super) fn render(query: &str, answer: &Answer) -> String {
    let query = query.trim_end();
    let mut out = match answer {
        Answer::Described { params, columns, cardinality, remarks, .. } => {
            let mut out = format!("{query}\n");
            let params: Vec<[&str; 3]> = params
                .iter()
                .map(|it| [it.name.as_str(), it.type_name.as_str(), null(it.nullable)])
                .collect();
            let columns: Vec<[&str; 3]> = columns
                .iter()
                .map(|it| [it.name.as_str(), it.type_name.as_str(), null(it.nullable)])
                .collect();
            out += &rows("parameter", &params);
            out += &rows("column", &columns);
            out += &format!("  rows: {cardinality}\n");
            out.extend(remarks.iter().map(|it| render_diagnostic(it, query, None) + "\n"));
            out
        }
        Answer::Refused { remarks, .. } => {
            remarks.iter().map(|diagnostic| render_diagnostic(diagnostic, query, None) + "\n").collect()
        }
    };
    out.push('\n');
    out
}

fn null(nullable: bool) -> &'static str {
    if nullable { "may be NULL" } else { "NOT NULL" }
}

fn rows(heading: &str, rows: &[[&str; 3]]) -> String {
    let width = |at: usize| rows.iter().map(|row| row.get(at).map_or(0, |text| text.chars().count())).max();
    let name = width(0).unwrap_or(0);
    let type_name = width(1).unwrap_or(0);
    rows.iter()
        .map(|[first, second, third]| {
            format!("  {heading:<9}  {first:<name$}  {second:<type_name$}  {third}\n")
        })
        .collect()
}

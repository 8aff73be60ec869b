//! Prints an answer of `describe` as a table for people.
//!
//! Input: an answer. Output: text.

use dsql_edge_compiler::diagnostic::render::render as render_diagnostic;

use super::answer::Answer;

/// Returns the query, its description, and an empty line.
pub(super) fn render(query: &str, answer: &Answer) -> String {
    let query = query.trim_end();
    let mut out = match answer {
        Answer::Described { params, columns, cardinality, idempotency_key, remarks, .. } => {
            let mut out = format!("{query}\n");
            let params: Vec<[&str; 4]> = params
                .iter()
                .map(|it| {
                    [it.name.as_str(), it.shown_type.as_str(), null(it.nullable), it.rust_type.as_str()]
                })
                .collect();
            let columns: Vec<[&str; 4]> = columns
                .iter()
                .map(|it| {
                    let rust_type = it.rust_type.as_deref().unwrap_or("-");
                    [it.field.as_str(), it.shown_type.as_str(), null(it.nullable), rust_type]
                })
                .collect();
            out += &rows("parameter", &params);
            out += &rows("column", &columns);
            out += &format!("  rows: {cardinality}\n");
            if let Some(key) = idempotency_key {
                let answer = match &key.reason {
                    Some(reason) => format!("no: {reason}"),
                    None => "yes".to_owned(),
                };
                out += &format!("  can be an idempotency key: {answer}\n");
            }
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

fn rows(heading: &str, rows: &[[&str; 4]]) -> String {
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|text| text.chars().count()).max();
    let [name, type_name, null] = [0, 1, 2].map(|at| width(at).unwrap_or(0));
    rows.iter()
        .map(|[first, second, third, fourth]| {
            format!("  {heading:<9}  {first:<name$}  {second:<type_name$}  {third:<null$}  {fourth}\n")
        })
        .collect()
}

//! Tables of text: for a terminal, and as Markdown. A table is plain data; `report` fills it.

use std::fmt::Write;

/// A table with a title.
pub(super) struct Table {
    pub(super) title: String,
    /// A note that explains how to read the figures.
    pub(super) note: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// All tables, for a terminal.
pub(super) fn for_people(tables: &[Table]) -> String {
    let mut out = String::new();
    for table in tables {
        let _ = writeln!(out, "\n{}", table.title);
        let all: Vec<&Vec<String>> = [&table.head].into_iter().chain(&table.rows).collect();
        let width = |column: usize| {
            let cells = all.iter().filter_map(|row| row.get(column));
            cells.map(|cell| plain(cell).chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..table.head.len()).map(width).collect();
        for row in all {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cell = plain(cell);
                let _ = match column {
                    0 => write!(out, "  {cell:<width$}"),
                    _ => write!(out, "  {cell:>width$}"),
                };
            }
            out.push('\n');
        }
    }
    out
}

/// A cell without the marks of Markdown.
fn plain(cell: &str) -> String {
    cell.replace(['*', '`'], "")
}

/// One table as Markdown.
pub(super) fn markdown(table: &Table) -> String {
    let mut out = format!("### {}\n\n", table.title);
    if !table.note.is_empty() {
        let _ = writeln!(out, "{}\n", table.note);
    }
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    out.push_str(&line(&table.head));
    let marks: Vec<String> =
        (0..table.head.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()).collect();
    out.push_str(&line(&marks).replace(' ', ""));
    for row in &table.rows {
        out.push_str(&line(row));
    }
    out.push('\n');
    out
}

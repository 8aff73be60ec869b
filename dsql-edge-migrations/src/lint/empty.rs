//! The schema before the first file.
//!
//! Input: the texts of files. Output: an empty schema with the search path of the directives of these files.

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::schema::{Dialect, directives};

/// Returns the schema before the first of these files: it is empty, and has the search path of their directives.
pub fn empty_schema<'t>(texts: impl Iterator<Item = &'t str>, dialect: Dialect) -> Schema {
    let texts: Vec<&str> = texts.collect();
    let lines = texts.iter().flat_map(|text| directives(text));
    let paths = lines.filter(|it| it.is_in_head && it.directive.starts_with("search_path"));
    let head: String = paths.map(|it| format!("{}\n", it.line)).collect();
    // A wrong directive is ignored here, because the build reports it.
    Schema::parse_files([("", head.as_str())], Some(dialect)).unwrap_or_default()
}

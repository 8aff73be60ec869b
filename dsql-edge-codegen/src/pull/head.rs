//! Writes the head of a snapshot.
//!
//! Input: the head of the snapshot that is replaced, and the dialect of the server. Output: the new head. The user's
//! directives are kept; the rest of the head is written again. Without a directive, `sql!` applies DSQL's rules, so the
//! snapshot of a PostgreSQL gets the directive `dialect postgres`, unless the old head already has a directive for the
//! dialect.

use anyhow::{Result, bail};
use dsql_edge_compiler::schema::{Dialect, directives};

use crate::schema_files;

/// The lines that `pull` writes first, the same every time.
const TITLE: &str = "-- The schema that `sql!` checks against, written by `dsql-edge pull`.\n\
                     -- `dsql-edge pull` keeps the `-- dsql-edge:` lines before the first statement and writes the rest again.\n";

/// The directive of a PostgreSQL's snapshot.
const DIALECT: &str = "-- dsql-edge: dialect postgres\n";

/// Returns the new head, with the directives of the old file.
///
/// # Errors
/// Returns an error if a directive follows the first statement: the directive has no effect there, and the new file
/// would not contain it.
pub(super) fn head(old: &str, dialect: Dialect) -> Result<String> {
    let mut head = TITLE.to_owned();
    let old = schema_files::canonical(old);
    if dialect == Dialect::Postgres && schema_files::dialect(&old).is_none() {
        head += DIALECT;
    }
    for found in directives(&old) {
        if !found.is_in_head {
            bail!(
                "line {} of the snapshot, `{}`: a directive has no effect after a statement, and would be lost; move it \
                 above the first statement",
                found.number,
                found.line
            );
        }
        head += found.line;
        head.push('\n');
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directives_of_the_old_head_are_kept() {
        let old = "-- old title\n\n-- dsql-edge: dialect postgres  \n--dsql-edge: search_path app, public\nCREATE TABLE t ();\n";
        let late = format!("{old}-- dsql-edge: type t.a = A\n");
        let late = head(&late, Dialect::Dsql).unwrap_err().to_string();
        assert!(late.starts_with("line 6 of the snapshot, `-- dsql-edge: type t.a = A`"), "{late}");
        let head = |old: &str| head(old, Dialect::Dsql).unwrap();
        let new = head(old);
        assert_eq!(
            new,
            format!("{TITLE}-- dsql-edge: dialect postgres\n--dsql-edge: search_path app, public\n")
        );
        assert_eq!(head(&new), new);
        assert_eq!(head(&format!("\u{feff}{}", new.replace('\n', "\r\n"))), new);
        assert_eq!(
            head("\u{feff}-- dsql-edge: dialect postgres\r\n"),
            head("-- dsql-edge: dialect postgres\n")
        );
        assert_eq!(head(""), TITLE);
    }

    #[test]
    fn snapshot_of_a_postgresql_names_its_dialect() {
        let postgres = |old: &str| head(old, Dialect::Postgres).unwrap();
        assert_eq!(postgres(""), format!("{TITLE}{DIALECT}"));
        assert_eq!(postgres(&postgres("")), postgres(""));
        let path = "-- dsql-edge: search_path app\n";
        assert_eq!(postgres(path), format!("{TITLE}{DIALECT}{path}"));
        let chosen = "-- dsql-edge: dialect dsql\n";
        assert_eq!(postgres(chosen), format!("{TITLE}{chosen}"));
    }
}

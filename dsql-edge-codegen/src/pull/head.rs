//! Writes the head of a snapshot.
//!
//! Input: the head of the snapshot that is replaced. Output: the new one. Directives are the user's and stay;
//! everything else is written again.

use crate::schema_files;

/// The lines that `pull` writes first, the same every time.
const TITLE: &str = "-- The schema that `sql!` checks against, written by `dsql-edge pull`.\n\
                     -- Lines that open with `-- dsql-edge:` are kept; everything else is written anew.\n";

/// The head, with the directives of the file as it was.
pub(super) fn head(old: &str) -> String {
    let mut head = TITLE.to_owned();
    for line in schema_files::canonical(old)
        .lines()
        .take_while(|line| line.trim().is_empty() || line.trim_start().starts_with("--"))
    {
        if line.trim_start().trim_start_matches('-').trim_start().starts_with("dsql-edge:") {
            head += line.trim_end();
            head.push('\n');
        }
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_stay_and_nothing_else() {
        let old = "-- old title\n\n-- dsql-edge: dialect postgres  \n--dsql-edge: search_path app, public\nCREATE TABLE t ();\n\
                   -- dsql-edge: too late\n";
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
}

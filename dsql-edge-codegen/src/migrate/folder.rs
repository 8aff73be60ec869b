//! Reads a folder of migrations with the rules of `lint --for-migrate`.
//!
//! Input: files of SQL, and the dialect of the server. Output: the folder. On DSQL, nothing is sent before all files
//! pass the linter, except for files that the ledger records as applied.

use std::path::Path;

use anyhow::Result;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::lint::errors_of_migrations;
use dsql_edge_migrations::{Folder, Problems};

use crate::schema_files;

/// Reads a folder, all of whose files must pass the rules.
///
/// # Errors
/// Returns an error if a file cannot be read. If all files can be read, returns an error that lists all statements that
/// the server rejects or that a migration must not contain.
pub fn read_folder(folder: &Path, dialect: Dialect) -> Result<Folder> {
    schema_files::report_left_out(folder)?;
    Folder::read(folder, dialect, rules(dialect))
}

/// Reads a folder. A file that was recorded as applied need not pass the rules.
pub(super) fn open_folder(folder: &Path, dialect: Dialect) -> Result<Folder> {
    schema_files::report_left_out(folder)?;
    Folder::open(folder, dialect, rules(dialect))
}

/// Creates a folder with these files, each with its path. All these files must pass the rules.
///
/// # Errors
/// Returns an error that lists everything that the server rejects or that a migration must not contain.
pub fn folder_of(texts: Vec<(String, String)>, dialect: Dialect) -> Result<Folder> {
    Folder::of(texts, dialect, rules(dialect))
}

/// Returns the rules of a dialect. DSQL has the linter's rules for migrations, and PostgreSQL has none.
pub(crate) fn rules(dialect: Dialect) -> Problems<'static> {
    match dialect {
        Dialect::Dsql => &errors_of_migrations,
        Dialect::Postgres => &|_| Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsql_edge_migrations::lint::{Sent, lint};

    fn folder(text: &str) -> Result<Folder> {
        folder_of(vec![("1.sql".to_owned(), text.to_owned())], Dialect::Dsql)
    }

    #[test]
    fn second_byte_order_mark_is_an_error_as_in_lint() {
        let text = "\u{feff}\u{feff}CREATE TABLE a (id int PRIMARY KEY);\n".to_owned();
        let error = folder(&text).err().unwrap().to_string();
        assert!(error.contains("1.sql:1:1"), "{error}");
        let linted = lint([("1.sql".to_owned(), text.clone())], None, Sent::Migrate);
        assert!(linted[0].findings.iter().any(|finding| finding.diagnostic.is_error()));
        assert!(dsql_edge_compiler::Schema::parse(&text).is_err());
    }

    #[test]
    fn seed_with_backslashes_and_ddl_in_literals_passes() {
        let seed = "INSERT INTO a VALUES ('\n\\d\nit''s\nCREATE INDEX i ON a (b);\n\\.\n');\n";
        assert_eq!(folder(seed).unwrap().files[0].steps.len(), 1);
    }

    #[test]
    fn file_that_breaks_a_rule_has_only_the_error_of_the_rule() {
        let texts = [("1.sql", "TRUNCATE a; SET a = 1;"), ("2.sql", "SELECT 1;")];
        let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        let folder = Folder::of(texts, Dialect::Dsql, rules(Dialect::Dsql));
        let error = folder.err().unwrap().to_string();
        assert!(error.contains("1.sql:1:1") && !error.contains("2.sql"), "{error}");
    }
}

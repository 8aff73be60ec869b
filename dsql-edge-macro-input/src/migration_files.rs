//! Finds the files of a folder of migrations: one rule for the macros and for the command line.
//!
//! Input: a folder. Output: the paths of its migrations, in the order in which they are applied. The module opens no
//! file.
//!
//! A file that undoes a migration is not a migration. The name of a file that undoes a migration contains `.down`,
//! `.undo` or `.rollback` before `.sql`, or has Flyway's form `U2__name.sql`. A name such as `0001_rollback.sql` is not
//! certain: the file may undo the migration `0001_users.sql`, or may itself be a migration. If the folder also contains
//! the migration that such a file may undo, the name is an error.

use std::path::{Path, PathBuf};

/// The `.sql` files of a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MigrationFiles {
    /// The migrations, sorted by name.
    pub migrations: Vec<PathBuf>,
    /// The files that undo a migration, sorted by name.
    pub undo: Vec<PathBuf>,
}

/// The words in a file's name that show that the file undoes a migration.
const WORDS: [&str; 3] = ["down", "undo", "rollback"];

/// Returns the files of a folder. Subfolders are not read.
///
/// # Errors
///
/// Returns an error if the folder cannot be read, or if the name of a file is not UTF-8 or does not show whether the
/// file undoes a migration.
pub fn migration_files(folder: &Path) -> Result<MigrationFiles, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut named: Vec<(String, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name() else { continue };
        match name.to_str() {
            Some(name) if name.ends_with(".sql") && path.is_file() => named.push((name.to_owned(), path)),
            // The ledger identifies a migration by its file name as a string; two names that are not UTF-8 could become
            // the same string.
            None if name.to_string_lossy().ends_with(".sql") => {
                return Err(format!("the name of {} is not UTF-8: rename the file", path.display()));
            }
            _ => {}
        }
    }
    named.sort();
    let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    if let Some((name, other)) = names.iter().find_map(|name| Some((name, undone(name, &names)?))) {
        let stem = stem(name);
        return Err(format!(
            "{}: does {name} undo {other}? If so, rename it to {stem}.down.sql; if not, give it another name",
            folder.display()
        ));
    }
    let (undo, migrations) = named.into_iter().partition(|(name, _)| undoes(name));
    let paths = |named: Vec<(String, PathBuf)>| named.into_iter().map(|(_, path)| path).collect();
    Ok(MigrationFiles { migrations: paths(migrations), undo: paths(undo) })
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".sql").unwrap_or(name)
}

/// Whether the name of a file shows that the file undoes a migration.
fn undoes(name: &str) -> bool {
    let has_word = stem(name).rsplit_once('.').is_some_and(|(_, last)| is_word(last));
    let of_flyway =
        name.strip_prefix('U').and_then(|rest| rest.split_once("__")).is_some_and(|(version, _)| {
            let is_of_version = |it: char| it.is_ascii_digit() || it == '.' || it == '_';
            version.starts_with(|it: char| it.is_ascii_digit()) && version.chars().all(is_of_version)
        });
    has_word || of_flyway
}

fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Returns the migration that a file may undo. A file may undo a migration if its name ends with a word such as
/// `rollback` and one of two conditions is true: both names begin with the same number, or the file's name without the
/// word is the name of the migration.
fn undone<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let (before, word) = stem(name).rsplit_once(['_', '-'])?;
    if !is_word(word) || undoes(name) {
        return None;
    }
    let number = |name: &str| -> String { name.chars().take_while(char::is_ascii_digit).collect() };
    let is_undone = |other: &&&str| {
        let same_number = !number(name).is_empty() && number(name) == number(other);
        **other != name && !undoes(other) && (same_number || stem(other) == before)
    };
    names.iter().find(is_undone).copied()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_that_undo_a_migration_are_found_by_name() {
        for name in
            ["1.down.sql", "0001.undo.sql", "a.Rollback.sql", "U2__b.sql", "U2.1_3__b.sql", "1_a.down.sql"]
        {
            assert!(undoes(name), "{name}");
        }
        for name in
            ["1.sql", "V2__b.sql", "Up2__b.sql", "U__b.sql", "0007_scale_down.sql", "down.sql", "Users.sql"]
        {
            assert!(!undoes(name), "{name}");
        }
        let names = [
            "0001_a.sql",
            "0001_rollback.sql",
            "7_scale_down.sql",
            "init-undo.sql",
            "init.sql",
            "0001_a.down.sql",
        ];
        for (name, expected) in [
            ("0001_rollback.sql", Some("0001_a.sql")),
            ("init-undo.sql", Some("init.sql")),
            ("7_scale_down.sql", None),
            ("0001_a.sql", None),
            ("0001_a.down.sql", None),
        ] {
            assert_eq!(undone(name, &names), expected, "{name}");
        }
    }

    #[test]
    fn folder_is_read_in_the_order_of_names() {
        let folder = std::env::temp_dir().join(format!("dsql-edge-migration-files-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner.sql")).unwrap();
        for name in ["2.sql", "1.sql", "U2__b.sql", "1.down.sql", "notes.txt"] {
            fs::write(folder.join(name), "").unwrap();
        }
        let expected = MigrationFiles {
            migrations: vec![folder.join("1.sql"), folder.join("2.sql")],
            undo: vec![folder.join("1.down.sql"), folder.join("U2__b.sql")],
        };
        assert_eq!(migration_files(&folder), Ok(expected));
        fs::write(folder.join("1_undo.sql"), "").unwrap();
        let error = migration_files(&folder).unwrap_err();
        assert!(error.contains("does 1_undo.sql undo 1.sql? If so, rename it to 1_undo.down.sql"), "{error}");
        fs::remove_file(folder.join("1_undo.sql")).unwrap();
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::ffi::OsStrExt;
            fs::write(folder.join(std::ffi::OsStr::from_bytes(b"3\xff.sql")), "").unwrap();
            assert!(migration_files(&folder).unwrap_err().contains("is not UTF-8: rename the file"));
        }
        fs::remove_dir_all(folder).unwrap();
    }
}

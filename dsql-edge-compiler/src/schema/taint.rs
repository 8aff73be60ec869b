//! Records the names in those statements of a schema that have an unknown effect.
//!
//! Input: a statement and its text. Output: a [`Taint`]. If a query has an error about a name, a statement that
//! contains this name and whose effect is not known may be the reason. So the error message shows this statement and
//! its location.

use std::collections::BTreeSet;

use crate::source::{Lines, Span};

/// A statement whose effect on the schema is not known.
#[derive(Clone, Debug)]
pub struct Taint {
    /// The file.
    pub file: String,
    /// The number of the line in the file; the first line is 1.
    pub line: usize,
    /// The statement's first words: `DO $$`.
    pub statement: String,
    /// The words of the statement, in lower case.
    words: BTreeSet<String>,
}

impl Taint {
    /// Collects the names in a statement of a file. `lines` are the lines of `text`.
    pub(super) fn of(file: &str, text: &str, lines: &Lines, statement: Span) -> Taint {
        const LONGEST: usize = 40;
        let (line, _) = lines.place(text, statement.start as usize);
        let written = statement.text(text);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let words = written.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        let first = written.lines().next().unwrap_or("");
        let shown: String = first.chars().take(LONGEST).collect();
        let statement = if shown.len() < written.len() { format!("{} …", shown.trim_end()) } else { shown };
        Taint { file: file.to_owned(), line, statement, words: words.map(str::to_lowercase).collect() }
    }

    /// Whether the statement contains this name; a name in a string counts too.
    pub fn names(&self, name: &str) -> bool {
        self.words.contains(&name.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Source, compile};

    #[test]
    fn unknown_name_is_traced_to_the_unfollowed_statement() {
        let ddl =
            "CREATE TABLE t (id int);\nDO $$ BEGIN\n  PERFORM f(); ALTER TABLE t ADD extra int;\nEND $$;\n";
        let schema = Schema::parse_files([("schema.sql", ddl)], None).unwrap();
        let detail = |sql: &str| {
            let errors = compile(&Source::numbered(sql), &schema).unwrap_err();
            errors.errors().find_map(|error| error.detail.clone())
        };
        let expected = "schema.sql, line 2, may change this, and its effect is not known: DO $$ BEGIN …";
        assert_eq!(detail("SELECT extra FROM t").as_deref(), Some(expected));
        assert_eq!(detail("SELECT other FROM t"), None);
        assert_eq!(detail("SELECT id FROM u"), None);
    }
}

//! The seal on the statements of dsql-local that replace a client's statements. A function that requires a seal runs
//! only statements of this process.
//!
//! A seal is the digest of the statement between two copies of a key. Only this process and a table of PostgreSQL's
//! superuser contain the key. A client that finds a seal can use it only for the same statement.

use sha2::{Digest, Sha256};

use crate::Error;

/// The number of bytes of a key.
const LENGTH: usize = 32;

/// The key of a running server.
pub(crate) struct SealKey([u8; LENGTH]);

impl SealKey {
    pub(crate) fn random() -> Result<SealKey, Error> {
        let mut key = [0; LENGTH];
        getrandom::fill(&mut key).map_err(|error| Error::Random(error.to_string()))?;
        Ok(SealKey(key))
    }

    /// The SQL that stores the key in PostgreSQL.
    pub(crate) fn to_sql(&self) -> String {
        let key = hex(&self.0);
        format!(
            "DELETE FROM pg_catalog.dsql_local_seal_key;
             INSERT INTO pg_catalog.dsql_local_seal_key VALUES ('\\x{key}')"
        )
    }

    /// The seal of a statement. Each run of characters outside ASCII counts as one `?`, because the seal may be made
    /// before the encoding of the statement is known.
    pub(crate) fn of(&self, statement: &str) -> String {
        let mut ascii = String::with_capacity(statement.len());
        let mut inside = false;
        for c in statement.chars() {
            match c.is_ascii() {
                true => ascii.push(c),
                false if inside => {}
                false => ascii.push('?'),
            }
            inside = !c.is_ascii();
        }
        hex(&Sha256::new().chain_update(self.0).chain_update(ascii).chain_update(self.0).finalize())
    }
}

/// Joins the statements that share one seal into one string with unambiguous boundaries. `dsql_local_build_index` joins
/// the statements in the same way.
pub(crate) fn joined(statements: [&str; 3]) -> String {
    statements.map(|statement| statement.replace('\u{1}', "\u{1}\u{1}")).join("\u{1}.")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seal_is_of_one_key_and_one_statement() {
        let (one, other) = (SealKey([1; LENGTH]), SealKey([2; LENGTH]));
        assert_eq!(one.of("a"), one.of("a"));
        assert!(one.of("a") != one.of("b") && one.of("a") != other.of("a"));
        assert_eq!(one.of("a é"), one.of("a \u{F7C3}\u{F7A9}"));
    }

    #[test]
    fn joined_statements_keep_their_bounds() {
        let joins =
            [["ab", "c", ""], ["a", "bc", ""], ["a", "b", "c"], ["a\u{1}.b", "c", ""], ["a\u{1}", ".b", "c"]];
        for (at, one) in joins.iter().enumerate() {
            for other in joins.iter().skip(at + 1) {
                assert_ne!(joined(*one), joined(*other));
            }
        }
    }
}

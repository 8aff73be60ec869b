//! Computes the SHA-256 by which the ledger recognizes a migration's text; the checksum does not depend on the line
//! endings.
//!
//! Input: a text. Output: the checksum that this version records, and the checksums that earlier versions recorded for
//! the same text.

use sha2::{Digest, Sha256};

/// The checksums with which the ledger may identify a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The checksum of the text with `\n` as line ending, in hexadecimal: the ledger records this checksum.
    pub text: String,
    /// The checksums of the text with other line endings or a byte-order mark: earlier versions recorded the checksum
    /// of the file's bytes.
    earlier: Vec<String>,
}

impl Checksum {
    /// Computes the checksums of a text whose line ending is `\n`.
    pub(crate) fn of(text: &str) -> Checksum {
        let mut checksum = Checksum { text: sha256(text), earlier: Vec::new() };
        if text.contains('\n') {
            checksum.also_of(&text.replace('\n', "\r\n"));
        }
        checksum
    }

    /// Adds the checksum of the text as it is in the file.
    pub(crate) fn also_of(&mut self, as_written: &str) {
        self.earlier.push(sha256(as_written));
    }

    /// Whether `recorded`, a checksum from the ledger, belongs to this text.
    pub fn matches(&self, recorded: &str) -> bool {
        self.text == recorded || self.earlier.iter().any(|earlier| earlier == recorded)
    }
}

/// Returns the SHA-256 of a text, in hexadecimal.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Decodes a client's SQL from its `client_encoding`, so that the parser finds the same tokens as PostgreSQL.
//!
//! Input: bytes that PostgreSQL will convert from the client's encoding. Output: a `String`, which can be encoded to
//! the same bytes. Tokens depend only on ASCII: in every encoding except UTF-8 and LATIN1, each byte of a character
//! outside ASCII becomes a private character. PostgreSQL rejects the whole message if its text is not valid in the
//! client's encoding.

/// The first character of the private range whose characters replace bytes: each byte has its own character.
const PRIVATE: u32 = 0xF700;

/// Encodings in which an ASCII byte can be the second byte of a character.
const WITH_ASCII_SECOND: [&str; 7] = ["SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB"];

/// The encoding of a client's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, and SQL_ASCII, which PostgreSQL treats as the server's UTF-8.
    Utf8,
    Latin1,
    /// An encoding in which no ASCII byte is a part of a longer character.
    HighBytes,
    /// A byte from 0x81 begins a character of two bytes. In Shift JIS, 0xA0 to 0xDF are characters of one byte.
    Double {
        shift_jis: bool,
    },
}

impl Encoding {
    /// Returns the encoding that ParameterStatus reports as `name`.
    pub(super) fn named(name: &str) -> Encoding {
        match name {
            "UTF8" | "UNICODE" | "SQL_ASCII" => Encoding::Utf8,
            "LATIN1" => Encoding::Latin1,
            _ if WITH_ASCII_SECOND.contains(&name) => Encoding::Double { shift_jis: name.starts_with('S') },
            _ => Encoding::HighBytes,
        }
    }

    /// Whether a statement may change the encoding, as far as the words in its SQL show. A statement without these
    /// words may still call `set_config` (in a function, a view or a default). The function `dsql_local_check_setting`
    /// searches for the same words, and rejects such a call.
    pub(super) fn may_change(text: &[u8]) -> bool {
        ["client_encoding", "NAMES", "set_config", "pg_settings", "U&\""]
            .iter()
            .any(|word| super::message::contains(text, word))
    }

    /// Returns the text of `bytes`, or the first byte that makes the text invalid.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<String, u8> {
        match self {
            Encoding::Utf8 => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|error| bytes.get(error.valid_up_to()).copied().unwrap_or_default()),
            Encoding::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Encoding::HighBytes | Encoding::Double { .. } => {
                let mut second = false;
                Ok(bytes
                    .iter()
                    .map(|byte| {
                        let inside = std::mem::take(&mut second);
                        second = !inside && self.leads(*byte);
                        if inside || !byte.is_ascii() { private(*byte) } else { char::from(*byte) }
                    })
                    .collect())
            }
        }
    }

    /// The bytes of a text. A character that the encoding does not have becomes `?`.
    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        let byte = |c: char| match self {
            Encoding::Latin1 => u8::try_from(u32::from(c)).unwrap_or(b'?'),
            _ if c.is_ascii() => u8::try_from(c).unwrap_or(b'?'),
            _ => u32::from(c).checked_sub(PRIVATE).and_then(|byte| u8::try_from(byte).ok()).unwrap_or(b'?'),
        };
        match self {
            Encoding::Utf8 => text.as_bytes().to_vec(),
            _ => text.chars().map(byte).collect(),
        }
    }

    fn leads(self, byte: u8) -> bool {
        match self {
            Encoding::Double { shift_jis } => byte > 0x80 && !(shift_jis && (0xA0..0xE0).contains(&byte)),
            _ => false,
        }
    }
}

fn private(byte: u8) -> char {
    char::from_u32(PRIVATE + u32::from(byte)).unwrap_or('\u{FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_encoded_back_and_ascii_is_found() {
        let all: Vec<u8> = (0..=255).collect();
        for name in ["LATIN1", "WIN1252", "EUC_JP", "SJIS", "BIG5", "GB18030", "KOI8R"] {
            let encoding = Encoding::named(name);
            let text = encoding.decode(&all).unwrap();
            assert_eq!(encoding.encode(&text), all, "{name}");
        }
        assert_eq!(Encoding::Utf8.decode(b"a\xe9"), Err(0xe9));
        assert_eq!(Encoding::Latin1.decode(b"a\xe9").unwrap(), "aé");
        // The byte `\` is the second byte of a character in SJIS and BIG5, and a backslash in EUC_JP and WIN1252.
        for (name, backslashes) in [("SJIS", 0), ("BIG5", 0), ("EUC_JP", 1), ("WIN1252", 1)] {
            let text = Encoding::named(name).decode(b"'\x83\\'").unwrap();
            assert_eq!(text.matches('\\').count(), backslashes, "{name}");
        }
        // In SJIS, the byte 0xB1 is a complete character, so the byte after it is a backslash.
        assert!(Encoding::named("SJIS").decode(b"\xb1\\").unwrap().ends_with('\\'));
        assert_eq!(Encoding::Latin1.encode("a€"), b"a?");
    }
}

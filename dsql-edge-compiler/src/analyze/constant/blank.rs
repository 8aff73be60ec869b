//! The blanks that input functions skip: `isspace` in the C locale.

pub(super) fn is_blank(character: char) -> bool {
    character.is_ascii_whitespace() || character == '\x0b'
}

pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

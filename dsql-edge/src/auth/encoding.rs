//! Percent-encoding in the form that signatures require.

/// Encodes all characters except letters, digits and `-_.~` (RFC 3986).
pub(super) fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(nibble + if nibble < 10 { b'0' } else { b'A' - 10 }));
            }
        }
    }
}

//! Percent-encoding and hexadecimal digits, as signatures want them.

/// RFC 3986, as the signature wants it: all but letters, digits and `-_.~`.
pub(super) fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            push_hex(byte, b"0123456789ABCDEF", out);
        }
    }
}

/// Two digits of these sixteen.
pub(super) fn push_hex(byte: u8, digits: &[u8; 16], out: &mut String) {
    for nibble in [byte >> 4, byte & 15] {
        out.extend(digits.get(usize::from(nibble)).map(|digit| char::from(*digit)));
    }
}

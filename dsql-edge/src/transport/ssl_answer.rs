//! Checks the answer to SSLRequest, the only bytes that a connection with TLS receives in plain text.
//!
//! Input: the bytes of one read. Output: whether the connection uses TLS, or the error that ends the connection.

use super::contract::{TransportError, TransportErrorKind};

/// Whether a server that was asked for TLS uses it. Accepts a single `S`, and, if plain text is allowed
/// (`sslmode=prefer`), a single `N`.
#[cfg(feature = "postgres")]
pub(super) fn uses_tls(answer: &[u8], allows_plain_text: bool) -> Result<bool, TransportError> {
    if allows_plain_text && answer == b"N" {
        return Ok(false);
    }
    check_ssl_answer(answer).map(|()| true)
}

/// Accepts a single `S` only. More than one byte would be plain text that an attacker injected before TLS began
/// (CVE-2021-23222).
pub(super) fn check_ssl_answer(answer: &[u8]) -> Result<(), TransportError> {
    use TransportErrorKind::{Lost, NoTls};
    let (kind, text) = match answer {
        [b'S'] => return Ok(()),
        [] => (Lost, "the server closed the connection after SSLRequest"),
        // An ErrorResponse in plain text could come from an attacker, so its text is not shown.
        [b'E', ..] => (Lost, "the server answered SSLRequest with an error"),
        [b'N'] => (NoTls, "the server does not offer TLS"),
        [b'S' | b'N', ..] => (NoTls, "the server sent data in plain text"),
        _ => (NoTls, "the server does not use PostgreSQL's protocol"),
    };
    Err(TransportError::new(kind, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests every first byte, alone and followed by more bytes.
    #[test]
    fn only_a_single_s_accepts_tls_and_eof_is_transient() {
        assert_eq!(check_ssl_answer(b"").unwrap_err().kind, TransportErrorKind::Lost);
        for first in 0..=255_u8 {
            for answer in [&[first][..], &[first, first], &[first, 0], &[first, b'S', b'S']] {
                let checked = check_ssl_answer(answer);
                let expected = match answer {
                    b"S" => None,
                    [b'E', ..] => Some(TransportErrorKind::Lost),
                    _ => Some(TransportErrorKind::NoTls),
                };
                assert_eq!(checked.err().map(|error| error.kind), expected, "{answer:?}");
            }
        }
        #[cfg(feature = "postgres")]
        for (answer, strict, lax) in [
            (&b"S"[..], Some(true), Some(true)),
            (b"N", None, Some(false)),
            (b"Nx", None, None),
            (b"", None, None),
        ] {
            assert_eq!(uses_tls(answer, false).ok(), strict, "{answer:?}");
            assert_eq!(uses_tls(answer, true).ok(), lax, "{answer:?}");
        }
        let error = check_ssl_answer(b"Ecanary\0").unwrap_err();
        assert!(!error.text.contains("canary"), "{}", error.text);
    }
}

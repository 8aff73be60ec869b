//! Reads the two messages of a server in SCRAM (RFC 5802), which may come from an attacker.
//!
//! Input: the bytes of a message. Output: the checked parts of the message, or the reason why the login ends. A reason
//! never repeats the bytes.

use std::borrow::Cow;

/// The maximum number of iterations. PostgreSQL's default is 4,096. WebCrypto on Workers, and `postgres-protocol`,
/// accept at most 100,000. Without a limit, a server could keep a client busy for as long as it likes.
pub(super) const MAX_ITERATIONS: u32 = 100_000;

/// The maximum length of the salt in base64, and of the nonce.
const MAX_PART: usize = 1024;

/// The server's first message: nonce, salt, number of iterations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerFirst<'m> {
    pub(super) nonce: &'m str,
    /// In base64.
    pub(super) salt: &'m str,
    pub(super) iterations: u32,
}

impl<'m> ServerFirst<'m> {
    /// Reads `r=…,s=…,i=…`. The nonce must continue the client's nonce.
    pub(super) fn read(message: &'m [u8], client_nonce: &str) -> Result<Self, Cow<'static, str>> {
        let text = core::str::from_utf8(message).map_err(|_| MALFORMED)?;
        let parts: Option<Vec<&str>> = text
            .split([','])
            .zip(["r=", "s=", "i=", ""])
            .map(|(part, name)| if name.is_empty() { None } else { part.strip_prefix(name) })
            .collect();
        let Some([nonce, salt, iterations]) = parts.as_deref() else { return Err(MALFORMED.into()) };
        if nonce.len() > MAX_PART || salt.len() > MAX_PART {
            return Err("the server's nonce or salt in SCRAM is longer than 1,024 characters".into());
        }
        if !nonce.bytes().all(|byte| byte.is_ascii_graphic()) || !is_base64(salt) {
            return Err(MALFORMED.into());
        }
        // The server's nonce must be the client's nonce followed by at least one more character (RFC 5802). Because the
        // nonce begins with the client's part, which is new for each login, the messages of an older login are
        // rejected.
        if nonce.strip_prefix(client_nonce).is_none_or(str::is_empty) {
            return Err("the server's nonce in SCRAM does not continue the client's nonce".into());
        }
        Ok(ServerFirst { nonce, salt, iterations: iterations_of(iterations)? })
    }
}

fn iterations_of(text: &str) -> Result<u32, Cow<'static, str>> {
    let is_number = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = text.parse().ok().filter(|_| is_number).ok_or(MALFORMED)?;
    match u32::try_from(number) {
        Ok(iterations @ 1..=MAX_ITERATIONS) => Ok(iterations),
        _ => Err(format!(
            "the server requests {number} iterations of SCRAM, and from 1 to 100,000 are accepted: set \
             scram_iterations on the server, and set the password again"
        )
        .into()),
    }
}

/// Reads the server's final message, and returns its signature in base64.
pub(super) fn server_signature(message: &[u8]) -> Result<&str, Cow<'static, str>> {
    let text = core::str::from_utf8(message).map_err(|_| MALFORMED)?;
    if let Some(error) = text.strip_prefix("e=") {
        let known = ERRORS.iter().find(|known| **known == error);
        return Err(["the server ends SCRAM with the error ", known.unwrap_or(&"other-error")]
            .concat()
            .into());
    }
    let signature = text.strip_prefix("v=").filter(|signature| is_base64(signature));
    signature.ok_or_else(|| MALFORMED.into())
}

/// The errors of RFC 5802. Other error messages of the server are not shown.
const ERRORS: [&str; 11] = [
    "invalid-encoding",
    "extensions-not-supported",
    "invalid-proof",
    "channel-bindings-dont-match",
    "server-does-support-channel-binding",
    "channel-binding-not-supported",
    "unsupported-channel-binding-type",
    "unknown-user",
    "invalid-username-encoding",
    "no-resources",
    "other-error",
];

const MALFORMED: &str = "a message of SCRAM from the server is malformed";

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches(['=']);
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !digits.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn first_message_is_read_and_others_are_rejected() {
        let read = |text: &str| {
            ServerFirst::read(text.as_bytes(), "abc").map(|first| first.iterations).map_err(Cow::into_owned)
        };
        assert_eq!(read("r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"), Ok(4096));
        assert_eq!(read("r=abcdef,s=QQ==,i=100000"), Ok(100_000));
        for (text, reason) in [
            ("", "malformed"),
            ("r=abcdef,s=QQ==", "malformed"),
            ("r=abcdef,s=QQ==,i=", "malformed"),
            ("r=abcdef,s=QQ==,i=x", "malformed"),
            ("r=abcdef,s=QQ==,i=+1", "malformed"),
            ("r=abcdef,s=QQ==,i=99999999999", "malformed"),
            ("r=abcdef,s=,i=1", "malformed"),
            ("r=abcdef,s=Q,i=1", "malformed"),
            ("r=abc\u{e9}f,s=QQ==,i=1", "malformed"),
            ("m=ext,r=abcdef,s=QQ==,i=1", "malformed"),
            ("r=abcdef,s=QQ==,i=1,x=y", "malformed"),
            ("s=QQ==,r=abcdef,i=1", "malformed"),
            ("r=abc,s=QQ==,i=4096", "does not continue"),
            ("r=xyz,s=QQ==,i=4096", "does not continue"),
            ("r=abcdef,s=QQ==,i=0", "0 iterations"),
            ("r=abcdef,s=QQ==,i=100001", "100001 iterations of SCRAM, and from 1 to 100,000"),
            ("r=abcdef,s=QQ==,i=4294967296", "4294967296 iterations"),
        ] {
            assert!(read(text).unwrap_err().contains(reason), "{text}: {:?}", read(text));
        }
        let long = format!("r=abc{},s=QQ==,i=1", "x".repeat(MAX_PART));
        assert!(read(&long).unwrap_err().contains("1,024"));
    }

    #[test]
    fn final_message_is_a_signature_or_a_known_error() {
        assert_eq!(server_signature(b"v=QQ=="), Ok("QQ=="));
        for (message, reason) in [
            (&b"e=invalid-proof"[..], "invalid-proof"),
            (b"e=canary", "other-error"),
            (b"v=canary", "malformed"),
            (b"v=", "malformed"),
            (b"v=QQ==,x=y", "malformed"),
            (b"", "malformed"),
            (b"\xff", "malformed"),
        ] {
            let shown = server_signature(message).unwrap_err();
            assert!(shown.contains(reason) && !shown.contains("canary"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..80), text in "[rsivem=,abcQ0-9+/]{0,40}") {
            for message in [&bytes[..], text.as_bytes()] {
                if let Ok(first) = ServerFirst::read(message, "a") {
                    prop_assert!((1..=MAX_ITERATIONS).contains(&first.iterations));
                }
                let _ = server_signature(message);
            }
        }
    }
}

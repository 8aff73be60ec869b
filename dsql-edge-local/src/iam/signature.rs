//! The SigV4 signature of a token, or of a request, computed with the secret.
//!
//! Input: the parts that are signed, and the secret. Output: 64 hexadecimal digits. The canonical request is built from
//! the decoded parameters, so the client's encoding of them does not matter.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::token::{Scope, Token};

/// SHA-256 of an empty body: a presigned GET does not have a body.
const EMPTY_PAYLOAD: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(super) fn of(token: &Token, secret: &str) -> String {
    sign(&canonical_request(token), &token.stamp, &token.scope, secret)
}

/// Computes the signature of a canonical request, for a presigned URL as well as for a header.
pub(super) fn sign(canonical: &str, stamp: &str, scope: &Scope, secret: &str) -> String {
    let string_to_sign = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n{}/{}/{}/aws4_request\n{}",
        scope.day,
        scope.region,
        scope.service,
        hex(&Sha256::digest(canonical))
    );
    let key = [&scope.day, &scope.region, &scope.service, "aws4_request"]
        .into_iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part: &str| hmac(&key, part));
    hex(&hmac(&key, &string_to_sign))
}

/// The digest of a body in a canonical request.
pub(super) fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

fn canonical_request(token: &Token) -> String {
    let mut parameters: Vec<String> =
        token.signed.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    parameters.sort_unstable();
    format!("GET\n/\n{}\nhost:{}\n\nhost\n{EMPTY_PAYLOAD}", parameters.join("&"), token.host)
}

/// Encodes all characters except the unreserved characters (RFC 3986).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC accepts a key of any length, so this error does not occur.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

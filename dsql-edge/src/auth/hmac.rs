//! Computes signatures outside Workers. On Workers, the platform's cryptography computes the signatures.
//!
//! Input: a secret, a scope, a canonical request. Output: the same result as `transport/sign.js`, without waiting.

use core::future::ready;

use hmac_sha256::{HMAC, Hash};

use crate::credentials::{AuthFuture, Secret};

/// Returns `text`, followed by the signature in hexadecimal digits. `request` is the canonical request without the
/// digest of its payload.
pub(super) fn sign(
    secret: &str,
    time: &str,
    scope: &str,
    request: &str,
    payload: &str,
    text: &str,
) -> AuthFuture<'static, Secret> {
    let digest = |text: &str| hex(&Hash::hash(text.as_bytes()));
    let digested = digest(&[request, &digest(payload)].concat());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digested}");
    let mut key = ["AWS4", secret].concat().into_bytes();
    for part in scope.split('/').chain([&*to_sign]) {
        key = HMAC::mac(part, key).into();
    }
    Box::pin(ready(Ok(Secret::new([text, &hex(&key)].concat()))))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Signatures outside of Workers, where no platform has cryptography for us.
//!
//! Input: a secret, a scope, a canonical request. Output: what `transport/sign.js` gives on Workers, at once.

use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};

use hmac_sha256::{HMAC, Hash};

/// AWS's signature, in hexadecimal digits.
pub(super) struct Signature(String);

impl Signature {
    /// `request` is canonical up to the digest of its payload.
    pub(super) fn new(secret: &str, time: &str, scope: &str, request: &str, payload: &str) -> Self {
        let digest = |text: &str| hex(&Hash::hash(text.as_bytes()));
        let digested = digest(&[request, &digest(payload)].concat());
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digested}");
        let mut key = ["AWS4", secret].concat().into_bytes();
        for part in scope.split('/').chain([&*to_sign]) {
            key = HMAC::mac(part, key).into();
        }
        Signature(hex(&key))
    }
}

impl Future for Signature {
    type Output = Option<String>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Some(mem::take(&mut self.0)))
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

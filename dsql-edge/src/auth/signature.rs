//! AWS Signature Version 4: what its query form and its header form have in common.
//!
//! Goes in: a canonical request, with the time, the region and the service it is for, and a secret. Comes out: the
//! signature. Never asks a clock.

use chrono::{DateTime, Datelike, Timelike};
use hmac_sha256::{HMAC, Hash};

use super::encoding::push_hex;

/// What a signature is for, beside the request itself.
pub(super) struct Scope<'a> {
    /// `yyyymmddThhmmssZ`
    time: String,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    /// `now` in seconds since 1970-01-01 UTC.
    pub(super) fn new(now: u64, region: &'a str, service: &'a str) -> Self {
        let now = DateTime::from_timestamp(i64::try_from(now).unwrap_or(i64::MAX), 0).unwrap_or_default();
        // Asked of a DateTime each part would bring the offset in anew.
        let now = now.naive_utc();
        let mut time = String::with_capacity(16);
        push_number(now.year().unsigned_abs(), 4, &mut time);
        push_number(now.month(), 2, &mut time);
        push_number(now.day(), 2, &mut time);
        time.push('T');
        push_number(now.hour(), 2, &mut time);
        push_number(now.minute(), 2, &mut time);
        push_number(now.second(), 2, &mut time);
        time.push('Z');
        Scope { time, region, service }
    }

    /// The time as X-Amz-Date has it.
    pub(super) fn time(&self) -> &str {
        &self.time
    }

    /// What stands behind the access key in a credential.
    pub(super) fn name(&self) -> String {
        [self.day(), "/", self.region, "/", self.service, "/aws4_request"].concat()
    }

    fn day(&self) -> &str {
        self.time.get(..8).unwrap_or_default()
    }

    /// The signature of a canonical request, in hexadecimal digits.
    pub(super) fn sign(&self, canonical: &str, secret_access_key: &str) -> String {
        let to_sign =
            ["AWS4-HMAC-SHA256\n", &self.time, "\n", &self.name(), "\n", &sha256(canonical)].concat();
        let mut key = hmac(["AWS4", secret_access_key].concat().as_bytes(), self.day());
        for part in [self.region, self.service, "aws4_request", &to_sign] {
            key = hmac(&key, part);
        }
        hex(&key)
    }
}

/// The digest of a text, in hexadecimal digits.
pub(super) fn sha256(text: &str) -> String {
    hex(&Hash::hash(text.as_bytes()))
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    HMAC::mac(message.as_bytes(), key)
}

fn hex(digest: &[u8; 32]) -> String {
    let mut digits = String::with_capacity(64);
    digest.iter().for_each(|byte| push_hex(*byte, b"0123456789abcdef", &mut digits));
    digits
}

/// A decimal number of at least so many digits.
pub(super) fn push_number(number: u32, width: u32, out: &mut String) {
    let digits = number.checked_ilog10().unwrap_or(0) + 1;
    for place in (0..digits.max(width)).rev() {
        let digit = u8::try_from(number / 10_u32.pow(place) % 10).unwrap_or(0);
        out.push(char::from(b'0' + digit));
    }
}

//! AWS Signature Version 4: the common part of its query form and its header form.
//!
//! Input: a canonical request, its time, its region, its service, and a secret. Output: the signature, which is
//! computed by the platform's cryptography on Workers and by [`hmac`](super::hmac) elsewhere. The time is an input;
//! this module does not read a clock.

#[cfg(not(target_arch = "wasm32"))]
use super::hmac::sign;
use super::token_request::LAST_SECOND;
use crate::credentials::{AuthFuture, Secret};
#[cfg(target_arch = "wasm32")]
use crate::transport::sign;
use crate::types::date_time::civil;

/// The scope of a signature: time, region and service.
pub(super) struct Scope {
    /// In the format of X-Amz-Date: `yyyymmddThhmmssZ`.
    pub(super) time: String,
    /// The part of a credential after the access key.
    pub(super) name: String,
}

impl Scope {
    /// `now` in seconds since 1970-01-01 UTC.
    pub(super) fn new(now: u64, region: &str, service: &str) -> Self {
        const FROM_0000_03_01: u32 = 719_468;
        let now = now.min(LAST_SECOND);
        let days = u32::try_from(now / 86_400).unwrap_or_default() + FROM_0000_03_01;
        let second = u32::try_from(now % 86_400).unwrap_or_default();
        let (year_of_era, month, day) = civil(days % 146_097);
        let year = days / 146_097 * 400 + year_of_era;
        let date = (year * 100 + month) * 100 + day;
        let clock = (second / 3600 * 100 + second / 60 % 60) * 100 + second % 60;
        Scope {
            time: format!("{date:08}T{clock:06}Z"),
            name: format!("{date:08}/{region}/{service}/aws4_request"),
        }
    }

    /// Returns `text`, followed by the signature of a request. `request` is the canonical request without the digest of
    /// its payload.
    pub(super) fn sign(
        &self,
        request: &str,
        payload: &str,
        secret_access_key: &str,
        text: &str,
    ) -> AuthFuture<'static, Secret> {
        sign(secret_access_key, &self.time, &self.name, request, payload, text)
    }
}

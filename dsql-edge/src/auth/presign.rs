//! The built-in signer: AWS Signature Version 4 in its query form, for DSQL's one request.
//!
//! Goes in: credentials and a [`TokenRequest`]. Comes out: the token. The query's names are written in the
//! order that the canonical form wants, so nothing is sorted. It is held to `aws-sigv4` by property tests.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::encoding::{hex_digit, percent_encode};
use super::{Credentials, Secret, TokenRequest};

pub(super) fn token(credentials: &Credentials, request: &TokenRequest<'_>) -> Secret {
    let (date, time) = date_and_time(request.now);
    let scope = [&date, "/", request.region, "/dsql/aws4_request"].concat();

    let mut query = String::with_capacity(512);
    query.push_str("Action=");
    query.push_str(request.action.name());
    query.push_str("&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
    percent_encode(credentials.access_key_id(), &mut query);
    query.push_str("%2F");
    percent_encode(&scope, &mut query);
    query.push_str("&X-Amz-Date=");
    query.push_str(&time);
    query.push_str("&X-Amz-Expires=");
    query.push_str(&request.expires.to_string());
    let mut token_in_query = String::new();
    if let Some(session_token) = credentials.session_token() {
        token_in_query.push_str("&X-Amz-Security-Token=");
        percent_encode(session_token, &mut token_in_query);
    }
    query.push_str(&token_in_query);
    query.push_str("&X-Amz-SignedHeaders=host");

    let no_payload = hex(&Sha256::digest(b""));
    let canonical = ["GET\n/\n", &query, "\nhost:", request.host, "\n\nhost\n", &no_payload].concat();
    let to_sign =
        ["AWS4-HMAC-SHA256\n", &time, "\n", &scope, "\n", &hex(&Sha256::digest(&canonical))].concat();
    let mut key = hmac(&["AWS4", credentials.secret_access_key()].concat().into_bytes(), date.as_bytes());
    for part in [request.region, "dsql", "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let signature = hex(&hmac(&key, to_sign.as_bytes()));
    Secret::new([request.host, "/?", &query, "&X-Amz-Signature=", &signature].concat())
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length: the error cannot occur.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.chain_update(message).finalize().into_bytes().into()
}

/// `yyyymmdd` and `yyyymmddThhmmssZ`.
fn date_and_time(now: u64) -> (String, String) {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let time = chrono::DateTime::from_timestamp(now, 0).unwrap_or_default();
    let number = |value: u32, width: usize| {
        let digits = value.to_string();
        ["0".repeat(width.saturating_sub(digits.len())), digits].concat()
    };
    use chrono::{Datelike, Timelike};
    let date =
        [number(time.year().unsigned_abs(), 4), number(time.month(), 2), number(time.day(), 2)].concat();
    let clock = [number(time.hour(), 2), number(time.minute(), 2), number(time.second(), 2)].concat();
    let time = [&date, "T", &clock, "Z"].concat();
    (date, time)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [hex_digit(byte >> 4), hex_digit(byte & 15)]).collect()
}

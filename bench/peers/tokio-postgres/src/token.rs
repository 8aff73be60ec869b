//! The token: a presigned request, AWS Signature Version 4. Written by hand with the crates of HMAC and SHA-256 that
//! tokio-postgres itself uses, because AWS's crate would add 50 kB to the compressed Worker.

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use worker::{Date, Env, Result};

/// The SHA-256 of an empty body.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A token of `admin` for `host`, valid for 15 minutes.
pub(crate) fn token(env: &Env, host: &str) -> Result<String> {
    let [region, id, secret] = ["DSQL_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .map(|name| env.var(name).map(|value| value.to_string()));
    let (region, id, secret) = (region?, id?, secret?);
    let now = i64::try_from(Date::now().as_millis()).ok().and_then(DateTime::from_timestamp_millis);
    let now = now.ok_or("the clock is outside the range of dates")?;
    let (day, time) = (now.format("%Y%m%d").to_string(), now.format("%Y%m%dT%H%M%SZ").to_string());
    let query = format!(
        "Action=DbConnectAdmin&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential={id}%2F{day}%2F{region}%2Fdsql%2Faws4_request\
         &X-Amz-Date={time}&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
    );
    let canonical = format!("GET\n/\n{query}\nhost:{host}\n\nhost\n{EMPTY}");
    let scope = format!("{day}/{region}/dsql/aws4_request");
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(Sha256::digest(canonical.as_bytes()).as_ref()));
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), &day)?;
    for part in [region.as_str(), "dsql", "aws4_request", to_sign.as_str()] {
        key = hmac(&key, part)?;
    }
    Ok(format!("{host}/?{query}&X-Amz-Signature={}", hex(&key)))
}

fn hmac(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

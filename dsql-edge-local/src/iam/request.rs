//! Verifies that a request to STS is signed by keys of the endpoint: AWS Signature Version 4 in its header form.
//!
//! Input: the request and the keys. Output: the access key that signed the request, or AWS's error. Pure.

use subtle::ConstantTimeEq;
use time::OffsetDateTime;

use super::key_ring::{KeyLookup, KeyRing};
use super::token::{date, scope};
use super::{AmzDate, SIGNATURE_DIFFERS, SKEW, UNKNOWN_KEY, signature};
use crate::sts::answer::StsError;
use crate::sts::http::Request;

/// The service that requests are signed for.
const SERVICE: &str = "sts";

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";

/// An Authorization header.
struct Authorization<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// Verifies a request, and returns the access key that signed the request.
pub(crate) fn verify(
    request: &Request,
    region: &str,
    keys: &KeyRing,
    now: OffsetDateTime,
) -> Result<String, StsError> {
    let header = request.header("authorization").ok_or_else(|| {
        StsError::forbidden("MissingAuthenticationToken", "Request is missing Authentication Token")
    })?;
    let authorization = Authorization::parse(header).ok_or_else(|| {
        StsError::bad(
            "IncompleteSignature",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
        )
    })?;
    let missing_date = || {
        let words = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        StsError::bad("IncompleteSignature", words)
    };
    let stamp = request.header("x-amz-date").ok_or_else(missing_date)?;
    let signed_at = date(stamp).ok_or_else(missing_date)?;
    let scope = scope(authorization.credential, stamp).map_err(|_| {
        let words =
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term";
        StsError::bad("IncompleteSignature", words)
    })?;
    if scope.service != SERVICE || scope.region != region {
        let words = if scope.service == SERVICE {
            format!("Credential should be scoped to a valid region, not '{}'.", scope.region)
        } else {
            format!("Credential should be scoped to correct service: '{SERVICE}'.")
        };
        return Err(StsError::forbidden("SignatureDoesNotMatch", words));
    }
    let credentials = match keys.find(&scope.access_key_id, now) {
        KeyLookup::Current(identity) => identity.credentials,
        KeyLookup::Expired => {
            return Err(StsError::forbidden(
                "ExpiredToken",
                "The security token included in the request is expired",
            ));
        }
        KeyLookup::Never => return Err(StsError::forbidden("InvalidClientTokenId", UNKNOWN_KEY)),
    };
    if request.header("x-amz-security-token") != credentials.session_token() {
        return Err(StsError::forbidden("InvalidClientTokenId", UNKNOWN_KEY));
    }
    in_time(signed_at, now)?;
    let differs = || StsError::forbidden("SignatureDoesNotMatch", SIGNATURE_DIFFERS);
    let canonical = canonical(request, &authorization, credentials.session_token()).ok_or_else(differs)?;
    let computed = signature::sign(&canonical, stamp, &scope, credentials.secret_access_key());
    if bool::from(computed.as_bytes().ct_eq(authorization.signature.as_bytes())) {
        Ok(scope.access_key_id)
    } else {
        Err(differs())
    }
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let parameters = header.strip_prefix(ALGORITHM)?;
        let find = |name: &str| {
            let mut parts = parameters.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        Some(Authorization {
            credential: find("Credential")?,
            signed_headers: find("SignedHeaders")?,
            signature: find("Signature")?,
        })
    }
}

/// The canonical request. `None` if a header that must be signed is not signed, if the list of signed headers is not
/// sorted, or if a signed header is missing.
fn canonical(
    request: &Request,
    authorization: &Authorization<'_>,
    session_token: Option<&str>,
) -> Option<String> {
    let signed: Vec<&str> = authorization.signed_headers.split(';').collect();
    let must = ["host", "x-amz-date"].into_iter().chain(session_token.map(|_| "x-amz-security-token"));
    if !must.into_iter().all(|name| signed.contains(&name)) || !signed.is_sorted() {
        return None;
    }
    let mut headers = String::new();
    for name in &signed {
        let value: Vec<&str> = request.header(name)?.split_ascii_whitespace().collect();
        headers.push_str(&format!("{name}:{}\n", value.join(" ")));
    }
    let digest = signature::digest(&request.body);
    Some(format!("POST\n/\n\n{headers}\n{}\n{digest}", authorization.signed_headers))
}

fn in_time(signed_at: OffsetDateTime, now: OffsetDateTime) -> Result<(), StsError> {
    let (earliest, latest) = (now.saturating_sub(SKEW), now.saturating_add(SKEW));
    let words = if signed_at < earliest {
        format!(
            "Signature expired: {} is now earlier than {} ({} - 5 min.)",
            AmzDate(signed_at),
            AmzDate(earliest),
            AmzDate(now)
        )
    } else if signed_at > latest {
        format!(
            "Signature not yet current: {} is still later than {} ({} + 5 min.)",
            AmzDate(signed_at),
            AmzDate(latest),
            AmzDate(now)
        )
    } else {
        return Ok(());
    };
    Err(StsError::forbidden("SignatureDoesNotMatch", words))
}

//! The built-in signer: AWS Signature Version 4 in its query form, for DSQL's one request.
//!
//! Goes in: credentials and a [`TokenRequest`]. Comes out: the token. The query's names are written in the
//! order that the canonical form wants, so nothing is sorted. It is held to `aws-sigv4` by property tests.

use super::encoding::percent_encode;
use super::signature::{Scope, push_number, sha256};
use super::{Credentials, Secret, TokenRequest};

pub(super) fn token(credentials: &Credentials, request: &TokenRequest<'_>) -> Secret {
    let scope = Scope::new(request.now, request.region, "dsql");

    let mut query = String::with_capacity(512);
    query.push_str("Action=");
    query.push_str(request.action.name());
    query.push_str("&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
    percent_encode(credentials.access_key_id(), &mut query);
    percent_encode("/", &mut query);
    percent_encode(&scope.name(), &mut query);
    query.push_str("&X-Amz-Date=");
    query.push_str(scope.time());
    query.push_str("&X-Amz-Expires=");
    push_number(request.expires, 1, &mut query);
    if let Some(session_token) = credentials.session_token() {
        query.push_str("&X-Amz-Security-Token=");
        percent_encode(session_token, &mut query);
    }
    query.push_str("&X-Amz-SignedHeaders=host");

    let no_payload = sha256("");
    let canonical = ["GET\n/\n", &query, "\nhost:", request.host, "\n\nhost\n", &no_payload].concat();
    let signature = scope.sign(&canonical, credentials.secret_access_key());
    Secret::new([request.host, "/?", &query, "&X-Amz-Signature=", &signature].concat())
}

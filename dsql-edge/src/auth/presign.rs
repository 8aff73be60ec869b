//! The built-in signer: AWS Signature Version 4 in its query form, for the one kind of request that DSQL accepts as a
//! token.
//!
//! Input: credentials and a [`TokenRequest`]. Output: a future that returns the token. The query's names are written in
//! the order that the canonical form requires, so nothing is sorted. Property tests compare the result with
//! `aws-sigv4`.

use super::encoding::percent_encode;
use super::signature::Scope;
use super::token_request::TokenRequest;
use crate::credentials::{AuthFuture, Credentials, Secret};

pub(super) fn token(credentials: &Credentials, request: &TokenRequest<'_>) -> AuthFuture<'static, Secret> {
    let scope = Scope::new(request.now, request.region, "dsql");

    let mut query = "Action=".to_owned();
    query.push_str(request.action.name());
    query.push_str("&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
    percent_encode(credentials.access_key_id(), &mut query);
    query.push_str("%2F");
    percent_encode(&scope.name, &mut query);
    query.push_str("&X-Amz-Date=");
    query.push_str(&scope.time);
    query.push_str("&X-Amz-Expires=");
    query.push_str(&request.expires.to_string());
    if let Some(session_token) = credentials.session_token() {
        query.push_str("&X-Amz-Security-Token=");
        percent_encode(session_token, &mut query);
    }
    query.push_str("&X-Amz-SignedHeaders=host");

    let mut canonical = "GET\n/\n".to_owned();
    canonical.push_str(&query);
    canonical.push_str("\nhost:");
    canonical.push_str(request.host);
    canonical.push_str("\n\nhost\n");
    let mut unsigned = request.host.to_owned();
    unsigned.push_str("/?");
    unsigned.push_str(&query);
    unsigned.push_str("&X-Amz-Signature=");
    scope.sign(&canonical, "", credentials.secret_access_key(), &unsigned)
}

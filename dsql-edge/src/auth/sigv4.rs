//! Signs the token with AWS's own crate, `aws-sigv4`.

use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;

use super::encoding::percent_encode;
use super::token_request::{LAST_SECOND, TokenRequest};
use crate::credentials::{AuthFuture, Credentials, Secret};
use crate::error::Error;

pub(super) fn token(credentials: &Credentials, request: &TokenRequest<'_>) -> AuthFuture<'static, Secret> {
    let signed = sign_now(credentials, request);
    Box::pin(async { Ok(signed?) })
}

fn sign_now(credentials: &Credentials, request: &TokenRequest<'_>) -> Result<Secret, Error> {
    // The message that replaces all error messages of `aws-sigv4`, because those messages could quote the input.
    // `aws-sigv4` returns no error for the values that Config accepts.
    const FAILED: &str = "the token cannot be signed: check the endpoint and the credentials";

    let identity = aws_credential_types::Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        credentials.session_token().map(str::to_owned),
        None,
        "dsql-edge",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(Duration::from_secs(u64::from(request.expires)));
    settings.signature_location = SignatureLocation::QueryParams;
    // This code does not read the clock, because `SystemTime::now` panics on wasm32.
    let time = UNIX_EPOCH + Duration::from_secs(request.now.min(LAST_SECOND));
    let params = SigningParams::builder()
        .identity(&identity)
        .region(request.region)
        .name("dsql")
        .time(time)
        .settings(settings)
        .build()
        .map_err(|_| Error::config(FAILED))?
        .into();

    let mut token = [request.host, "/?Action=", request.action.name()].concat();
    let uri = ["https://", &token].concat();
    let signable = SignableRequest::new("GET", uri, std::iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|_| Error::config(FAILED))?;
    let (instructions, _signature) = sign(signable, &params).map_err(|_| Error::config(FAILED))?.into_parts();
    for (name, value) in instructions.params() {
        token.push('&');
        token.push_str(name);
        token.push('=');
        percent_encode(value, &mut token);
    }
    Ok(Secret::new(token))
}

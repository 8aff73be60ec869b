//! Makes the token that DSQL accepts as a password.
//!
//! Input: credentials, the cluster, the role, the time. Output: the token, signed here. The token is returned as a
//! future, because Workers' own cryptography is asynchronous.

#[cfg(not(feature = "aws-sigv4"))]
use super::presign;
#[cfg(feature = "aws-sigv4")]
use super::sigv4;
use super::token_request::{Action, LAST_SECOND, MAX_EXPIRES_SECONDS, TokenRequest};
use crate::credentials::{AuthFuture, Credentials, Secret};
use crate::error::Error;
use crate::settings::Settings;

/// The number of seconds for which the token of a connection is valid. The token is used at once; a minute allows for a
/// difference between the clocks.
const CONNECTION_TOKEN: u32 = 60;

/// Returns the token that is sent to the server as a password: a presigned request of AWS Signature Version 4.
///
/// ```
/// use dsql_edge::auth::{Action, TokenRequest, token};
/// use dsql_edge::{Credentials, Error};
///
/// # async fn signed(now: u64) -> Result<(), Error> {
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// let host = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";
/// let request =
///     TokenRequest { host, region: "us-east-1", action: Action::for_user("blog"), now, expires: 900 };
/// let token = token(&credentials, &request).await?;
/// assert!(token.expose().starts_with(&format!("{host}/?Action=DbConnect&")));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Returns an error if the token would be valid for 0 seconds or for more than [`MAX_EXPIRES_SECONDS`], or if the time
/// is after the year 9999.
pub async fn token(credentials: &Credentials, request: &TokenRequest<'_>) -> Result<Secret, Error> {
    if request.expires == 0 || request.expires > MAX_EXPIRES_SECONDS {
        return Err(Error::config("a token is valid from one second to a week (604,800 seconds)"));
    }
    if request.now > LAST_SECOND {
        return Err(Error::config("the signing time is after the year 9999"));
    }
    sign(credentials, request).await.map_err(|unavailable| unavailable.error)
}

/// Signs the token with which the user connects to the cluster; `now` in seconds since 1970-01-01 UTC.
pub(super) fn token_for(
    settings: &Settings,
    now: u64,
    credentials: &Credentials,
) -> AuthFuture<'static, Secret> {
    let request = TokenRequest {
        host: settings.endpoint.signing_host(),
        region: &settings.endpoint.region,
        action: Action::for_user(&settings.user),
        now,
        expires: CONNECTION_TOKEN,
    };
    sign(credentials, &request)
}

fn sign(credentials: &Credentials, request: &TokenRequest<'_>) -> AuthFuture<'static, Secret> {
    #[cfg(feature = "aws-sigv4")]
    return sigv4::token(credentials, request);
    #[cfg(not(feature = "aws-sigv4"))]
    return presign::token(credentials, request);
}

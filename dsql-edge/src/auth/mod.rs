//! Who we are, and the proof of it: AWS credentials and the token that DSQL takes as a password.
//!
//! Goes in: credentials or where they come from, the cluster, the role, the time. Comes out: a token, signed here: a
//! future, for Workers' own cryptography is one. The network is asked only where a role is to be assumed. Never shows a
//! secret.
//!
//! A token is a presigned `GET https://host/?Action=DbConnect` (`DbConnectAdmin` for the role `admin`) of the
//! service `dsql`, without its `https://` (AWS Signature Version 4, query form; as `aws-sdk-dsql` makes it).

#[cfg(feature = "assume-role")]
mod assume_role;
mod cache;
mod credentials;
mod encoding;
#[cfg(all(not(target_arch = "wasm32"), any(test, not(feature = "aws-sigv4"), feature = "assume-role")))]
mod hmac;
#[cfg(any(test, not(feature = "aws-sigv4")))]
mod presign;
#[cfg(any(test, not(feature = "aws-sigv4"), feature = "assume-role"))]
mod signature;
#[cfg(feature = "aws-sigv4")]
mod sigv4;
mod source;

#[cfg(test)]
mod tests;

#[cfg(feature = "assume-role")]
pub use assume_role::AssumeRole;
#[cfg(all(fuzzing, feature = "assume-role"))]
pub(crate) use assume_role::shown_of;
#[cfg(test)]
pub(crate) use cache::Cache;
pub use credentials::{Credentials, Secret};
pub(crate) use source::{Asking, Source};
pub use source::{CredentialsProvider, ProvidedCredentials};

use crate::config::Config;
use crate::error::Error;
use crate::transport;

/// The longest life AWS lets a token have: a week.
pub const MAX_EXPIRES_SECONDS: u32 = 604_800;

/// The last second of the year 9999: later ones have no place in a signature.
const LAST_SECOND: u64 = 253_402_300_799;

/// What the token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To connect as a role of your own (`dsql:DbConnect`).
    DbConnect,
    /// To connect as `admin` (`dsql:DbConnectAdmin`).
    DbConnectAdmin,
}

impl Action {
    /// The action that a role needs.
    pub fn for_user(user: &str) -> Self {
        if user == "admin" { Action::DbConnectAdmin } else { Action::DbConnect }
    }

    /// The name in the token.
    pub fn name(self) -> &'static str {
        match self {
            Action::DbConnect => "DbConnect",
            Action::DbConnectAdmin => "DbConnectAdmin",
        }
    }
}

/// What a token is for.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// The host name of the cluster, without a port.
    pub host: &'a str,
    /// The AWS region of the cluster.
    pub region: &'a str,
    /// What it allows.
    pub action: Action,
    /// The time, in seconds since 1970-01-01 UTC.
    pub now: u64,
    /// How long it may be used to connect, in seconds; a session that is open outlives it.
    pub expires: u32,
}

/// The token: what goes to the server as a password.
///
/// # Errors
/// When it would live longer than [`MAX_EXPIRES_SECONDS`], or the time is past the year 9999.
pub async fn token(credentials: &Credentials, request: &TokenRequest<'_>) -> Result<Secret, Error> {
    if request.expires == 0 || request.expires > MAX_EXPIRES_SECONDS {
        return Err(Error::config("a token lives from one second to one week (604,800 seconds)"));
    }
    if request.now > LAST_SECOND {
        return Err(Error::config("the time to sign for is past the year 9999"));
    }
    sign(credentials, request).await.map_err(|unavailable| unavailable.error)
}

/// The token with which the user of this cluster connects now.
fn token_for(config: &Config, credentials: &Credentials) -> Asking<'static, Secret> {
    let request = TokenRequest {
        host: config.signing_host(),
        region: config.region(),
        action: Action::for_user(config.user_name()),
        now: transport::unix_time(config),
        expires: config.token_seconds(),
    };
    sign(credentials, &request)
}

fn sign(credentials: &Credentials, request: &TokenRequest<'_>) -> Asking<'static, Secret> {
    #[cfg(feature = "aws-sigv4")]
    return sigv4::token(credentials, request);
    #[cfg(not(feature = "aws-sigv4"))]
    return presign::token(credentials, request);
}

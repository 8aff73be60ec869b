//! Authentication: AWS credentials, and the token that DSQL accepts as a password.
//!
//! Input: credentials (or a [source](CredentialsProvider) of credentials), the cluster, the role, the time. Output: a
//! token, signed here. This module uses the network only to assume a role. No secret is ever shown.
//!
//! A token is the URL of a presigned `GET` request to the service `dsql`, `https://host/?Action=DbConnect`
//! (`DbConnectAdmin` for the role `admin`), without the `https://` (AWS Signature Version 4, query form; as
//! `aws-sdk-dsql` makes it).

#[cfg(feature = "assume-role")]
mod assume_role;
mod encoding;
#[cfg(all(not(target_arch = "wasm32"), any(test, not(feature = "aws-sigv4"), feature = "assume-role")))]
mod hmac;
#[cfg(all(feature = "postgres", not(target_arch = "wasm32")))]
mod md5;
#[cfg(feature = "postgres")]
mod password_login;
#[cfg(any(test, not(feature = "aws-sigv4")))]
mod presign;
#[cfg(feature = "postgres")]
mod scram;
#[cfg(any(test, not(feature = "aws-sigv4"), feature = "assume-role"))]
mod signature;
#[cfg(feature = "aws-sigv4")]
mod sigv4;
mod source;
mod token;
mod token_request;

#[cfg(test)]
mod tests;

#[cfg(feature = "assume-role")]
pub use assume_role::AssumeRole;
#[cfg(all(fuzzing, feature = "assume-role"))]
pub(crate) use assume_role::shown_of;
#[cfg(feature = "postgres")]
pub(crate) use password_login::PasswordLogin;
pub(crate) use source::Source;
pub use source::{CredentialsProvider, ProvidedCredentials};
pub use token::token;
pub use token_request::{Action, MAX_EXPIRES_SECONDS, TokenRequest};

pub use crate::credentials::{Credentials, Secret};

//! Computes the answer of PostgreSQL's MD5 login outside Workers, with `postgres-protocol`.

use std::future::ready;

use postgres_protocol::authentication::md5_hash;

use crate::credentials::{AuthFuture, Secret};

/// Returns the answer to AuthenticationMD5Password.
pub(super) fn md5_password(user: &str, password: &str, salt: [u8; 4]) -> AuthFuture<'static, Secret> {
    Box::pin(ready(Ok(Secret::new(md5_hash(user.as_bytes(), password.as_bytes(), salt)))))
}

//! The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, as in PostgreSQL's
//! `auth-scram.c`).
//!
//! Input: a password, the channel binding, the server's two messages. Output: the client's two messages, or the reason
//! why the login ends. The login has succeeded only after [`Proof::verify`] has returned `Ok`: then the server has
//! proved that it has the verifier of the password.
//!
//! `messages` checks each message of the server before anything else reads it. Outside Workers, `native` gives the
//! messages to `postgres-protocol`. On Workers, `own` writes the client's messages, and the platform's cryptography
//! computes the proof. `postgres-protocol` is not used on Workers, for two reasons. For 4,096 iterations,
//! `postgres-protocol` takes 6 to 12 ms of CPU time, but a request may take only 10 ms on Workers' free plan (WebCrypto
//! takes 1.1 ms). And `postgres-protocol` would add 95 kB to a compressed Worker, mostly the tables of `stringprep`.
//! (Measured with Node 20, optimized for size.)

mod messages;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(any(test, target_arch = "wasm32"))]
mod own;

#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::{Proof, Scram};
#[cfg(target_arch = "wasm32")]
pub(super) use own::{Proof, Scram};

/// The flag for channel binding in the client's first message.
pub(crate) enum Binding {
    /// The client does not support channel binding (`n`).
    Unsupported,
    /// The client supports channel binding, and the server has not offered it (`y`). If an attacker has removed the
    /// server's offer, the server rejects the login.
    NotOffered,
    /// The login is bound to this digest of the server's certificate (`p`).
    #[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "Workers do not show the certificate"))]
    ServerEndPoint(Vec<u8>),
}

const WRONG_SIGNATURE: &str =
    "the server's signature in SCRAM is wrong: the server does not have the password";

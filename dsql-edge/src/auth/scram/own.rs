//! SCRAM on Workers: the client's messages, with the cryptography of the platform.
//!
//! A socket of a Worker does not show the server's certificate, so channel binding is not possible.

use std::borrow::Cow;

use super::Binding;
use super::messages::{ServerFirst, server_signature};
use crate::credentials::{AuthFuture, Secret};
#[cfg(target_arch = "wasm32")]
use crate::transport::scram as platform;

/// An exchange that has begun.
pub(crate) struct Scram {
    password: Secret,
    nonce: String,
}

/// An exchange after the client's proof has been computed.
pub(crate) struct Proof {
    message: String,
    /// The signature that only a server that has the password can send, in base64.
    server_signature: String,
}

impl Scram {
    pub(crate) fn new(password: &Secret, _: Binding) -> Self {
        Scram { password: password.clone(), nonce: platform::nonce() }
    }

    /// The client's first message.
    pub(crate) fn first(&self) -> String {
        ["n,,n=,r=", &self.nonce].concat()
    }

    /// Computes the proof for the server's first message.
    pub(crate) fn prove(self, server_first: &[u8]) -> Result<AuthFuture<'static, Proof>, Cow<'static, str>> {
        let ServerFirst { nonce, salt, iterations } = ServerFirst::read(server_first, &self.nonce)?;
        // `biws` is the header `n,,` in base64.
        let without_proof = ["c=biws,r=", nonce].concat();
        let server_first = core::str::from_utf8(server_first).unwrap_or_default();
        let signed = ["n=,r=", &self.nonce, ",", server_first, ",", &without_proof].concat();
        let computed = platform::prove(self.password.expose(), salt, iterations, &signed);
        Ok(Box::pin(async move {
            let (proof, server_signature) = computed.await?;
            Ok(Proof { message: [&without_proof, ",p=", &proof].concat(), server_signature })
        }))
    }
}

impl Proof {
    /// The client's final message.
    pub(crate) fn message(&self) -> Vec<u8> {
        self.message.clone().into_bytes()
    }

    /// Verifies the server's final message.
    pub(crate) fn verify(self, server_final: &[u8]) -> Result<(), Cow<'static, str>> {
        if server_signature(server_final)? == self.server_signature {
            Ok(())
        } else {
            Err(super::WRONG_SIGNATURE.into())
        }
    }
}

/// Replaces the platform's functions in tests, with the cryptography of another crate.
#[cfg(test)]
mod platform {
    use std::future::ready;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac_sha256::{HMAC, Hash};

    use crate::credentials::AuthFuture;

    pub(super) fn nonce() -> String {
        "9IZ2O01zb9IgiIZ1WJ/zgpJB".to_owned()
    }

    pub(super) fn prove(
        password: &str,
        salt: &str,
        iterations: u32,
        signed: &str,
    ) -> AuthFuture<'static, (String, String)> {
        let salt = STANDARD.decode(salt).unwrap();
        let mut block = HMAC::mac([&salt[..], &[0, 0, 0, 1]].concat(), password);
        let mut salted = block;
        for _ in 1..iterations {
            block = HMAC::mac(block, password);
            salted.iter_mut().zip(block).for_each(|(sum, next)| *sum ^= next);
        }
        let client_key = HMAC::mac("Client Key", salted);
        let mut proof = HMAC::mac(signed, Hash::hash(&client_key));
        proof.iter_mut().zip(client_key).for_each(|(signature, key)| *signature ^= key);
        let signature = HMAC::mac(signed, HMAC::mac("Server Key", salted));
        Box::pin(ready(Ok((STANDARD.encode(proof), STANDARD.encode(signature)))))
    }
}

#[cfg(test)]
mod tests {
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use super::*;

    /// A recorded exchange of libpq with a PostgreSQL. The test data of the crate `postgres-protocol` contains the same
    /// exchange.
    #[test]
    fn messages_are_those_of_libpq() {
        let scram = Scram::new(&Secret::new("foobar"), Binding::Unsupported);
        assert_eq!(scram.first(), "n,,n=,r=9IZ2O01zb9IgiIZ1WJ/zgpJB");
        let first = b"r=9IZ2O01zb9IgiIZ1WJ/zgpJBjx/oIRLs02gGSHcw1KEty3eY,s=fs3IXBy7U7+IvVjZ,i=4096";
        let mut proving = pin!(scram.prove(first).unwrap());
        let Poll::Ready(Ok(proof)) = proving.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the proof is missing")
        };
        let expected = "c=biws,r=9IZ2O01zb9IgiIZ1WJ/zgpJBjx/oIRLs02gGSHcw1KEty3eY,\
                        p=AmNKosjJzS31NTlQYNs5BTeQjdHdk7lOflDo5re2an8=";
        assert_eq!(String::from_utf8(proof.message()).unwrap(), expected);
        assert!(proof.verify(b"v=U+ppxD5XUKtradnv8e2MkeupiA8FU87Sg8CXzXHDAzw=").is_ok());
    }

    #[test]
    fn wrong_signature_of_the_server_is_rejected() {
        let proof = Proof { message: String::new(), server_signature: "QUJD".to_owned() };
        assert!(proof.verify(b"v=QUJE").unwrap_err().contains("does not have the password"));
    }
}

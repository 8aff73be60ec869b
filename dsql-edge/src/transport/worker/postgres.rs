//! The parts of a PostgreSQL login that only Workers provide: the bindings of Hyperdrive, and answers that the
//! platform's cryptography computes (SCRAM, MD5).

use worker::js_sys::{Array, Promise, Reflect};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

use super::one_thread::OneThread;
use super::socket::text_at;
use crate::transport::contract::HyperdriveBinding;

/// Reads a binding of Hyperdrive; `None` if a value is missing.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
pub(crate) fn hyperdrive(env: &worker::Env, name: &str) -> Option<HyperdriveBinding> {
    let binding = Reflect::get(env, &JsValue::from_str(name)).ok().filter(JsValue::is_object)?;
    let port = Reflect::get(&binding, &JsValue::from_str("port")).ok()?.as_f64()?;
    Some(HyperdriveBinding {
        host: text_at(&binding, "host")?,
        port: port as u16,
        user: text_at(&binding, "user")?,
        password: text_at(&binding, "password")?,
        database: text_at(&binding, "database")?,
    })
}

/// The login of a PostgreSQL, by the platform's own cryptography.
pub(crate) mod scram {
    use super::*;
    use crate::credentials::{AuthFuture, Secret};
    use crate::error::Error;

    #[wasm_bindgen(module = "/src/transport/scram.js")]
    extern "C" {
        #[wasm_bindgen(js_name = nonce)]
        fn random_nonce() -> String;
        #[wasm_bindgen(js_name = prove)]
        fn proof_of(password: &str, salt: &str, iterations: u32, signed: &str) -> Promise;
        #[wasm_bindgen(js_name = md5)]
        fn md5_of(user: &str, password: &str, salt: &[u8]) -> Promise;
    }

    /// A random text in base64.
    pub(crate) fn nonce() -> String {
        random_nonce()
    }

    /// Computes the client's proof and the server's signature, in base64. `salt` is in base64; `signed` is the
    /// AuthMessage of RFC 5802.
    pub(crate) fn prove(
        password: &str,
        salt: &str,
        iterations: u32,
        signed: &str,
    ) -> AuthFuture<'static, (String, String)> {
        let computed = JsFuture::from(proof_of(password, salt, iterations, signed));
        Box::pin(OneThread(async move {
            let both = computed.await.map(|both| both.unchecked_into::<Array>());
            let text = |at| both.as_ref().ok().and_then(|both| both.get(at).as_string());
            match (text(0), text(1)) {
                (Some(proof), Some(signature)) => Ok((proof, signature)),
                _ => Err(Error::connect(NOT_COMPUTED).into()),
            }
        }))
    }

    /// Returns the answer to AuthenticationMD5Password.
    pub(crate) fn md5_password(user: &str, password: &str, salt: [u8; 4]) -> AuthFuture<'static, Secret> {
        let computed = JsFuture::from(md5_of(user, password, &salt));
        Box::pin(OneThread(async move {
            let text = computed.await.ok().and_then(|text| text.as_string());
            text.map(Secret::new).ok_or_else(|| Error::connect(NOT_COMPUTED).into())
        }))
    }

    const NOT_COMPUTED: &str =
        "crypto.subtle did not compute the answer to the server's request for a password";
}

//! The certificate authority of a local DSQL, and the TLS of its listener.
//!
//! Input: the folder that keeps the authority (or none, for an authority of this run only), and the names for the
//! certificate. Output: the authority's certificate as PEM, for clients to trust, and a rustls configuration. The
//! server's own key is never written to disk.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::NoServerSessionStorage;

use crate::Error;
use crate::keys::write_private;

/// The protocol name that PostgreSQL's clients send in a direct TLS handshake (ALPN).
pub(crate) const ALPN: &[u8] = b"postgresql";

/// The protocol name that the clients of a WebSocket send (ALPN).
pub(crate) const HTTP: &[u8] = b"http/1.1";

/// The number of characters of a cluster's id.
const CLUSTER_ID: usize = 26;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A certificate authority: its certificate as PEM, and the key to issue with.
pub(crate) struct Authority {
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// Reads the folder's authority (`ca.crt`, `ca.key`). If the folder does not contain an authority yet, makes the
    /// authority first.
    pub(crate) fn of_folder(folder: &Path) -> Result<Authority, Error> {
        let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
        let kept = |path: &Path| match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { path: path.to_owned(), source }),
        };
        if let (Some(pem), Some(key_pem)) = (kept(&certificate)?, kept(&key)?) {
            let key_pair = KeyPair::from_pem(&key_pem).map_err(|error| {
                Error::Certificate(format!(
                    "{}: {error}; delete it, and the next start writes a new one",
                    key.display()
                ))
            })?;
            return Ok(Authority { pem, key: key_pair });
        }
        let made = Authority::made()?;
        write_private(&key, made.key.serialize_pem().as_bytes())?;
        fs::write(&certificate, &made.pem).map_err(Error::file(&certificate))?;
        Ok(made)
    }

    /// Makes an authority for this run only.
    pub(crate) fn made() -> Result<Authority, Error> {
        let key = KeyPair::generate().map_err(failed)?;
        let pem = params(&key)?.self_signed(&key).map_err(failed)?.pem();
        Ok(Authority { pem, key })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A name in the form of a cluster's id, 26 letters and digits. The name stays the same as long as the authority is
    /// kept.
    pub(crate) fn cluster_id(&self) -> String {
        let digest = Sha256::digest(self.key.public_key_raw());
        digest.iter().take(CLUSTER_ID).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
    }

    /// The configuration for TLS 1.2 and 1.3, with a new certificate for `names` (host names and addresses).
    ///
    /// No session tickets are sent, because they arrive when the client does not expect bytes, and would make it
    /// impossible to count round trips.
    pub(crate) fn server_config(&self, names: &[String]) -> Result<Arc<ServerConfig>, Error> {
        let issuer = Issuer::new(params(&self.key)?, &self.key);
        let key = KeyPair::generate().map_err(failed)?;
        let mut leaf = CertificateParams::new(names).map_err(failed)?;
        leaf.distinguished_name = named("dsql-local");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = valid_for(365);
        let leaf = leaf.signed_by(&key, &issuer).map_err(failed)?;

        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .map_err(failed)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![ALPN.to_vec(), HTTP.to_vec()];
        Ok(Arc::new(config))
    }
}

/// The fields of the authority's certificate. Except for the dates, the fields depend only on the key, so a kept key is
/// enough to issue certificates: the kept certificate is only passed on to clients.
fn params(key: &KeyPair) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    // NODE_EXTRA_CA_CERTS may contain the authorities of two projects: their names must differ.
    let mark: String = key.public_key_raw().iter().rev().take(6).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = named(&format!("dsql-local authority {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = valid_for(3650);
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// The first and the last date of a certificate that is valid for this number of days. The validity begins yesterday,
/// because clocks differ.
fn valid_for(days: i64) -> (OffsetDateTime, OffsetDateTime) {
    let from = OffsetDateTime::now_utc() - Duration::DAY;
    (from, from + Duration::days(days))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Certificate(error.to_string())
}

//! Certificates for servers of the tests.
//!
//! Output: a certificate for `localhost`, its key, and the certificate of the authority that issued it.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A certificate for `localhost`.
pub struct Certificate {
    /// The certificate of the authority, PEM.
    pub ca_pem: String,
    /// The certificate, PEM.
    pub pem: String,
    /// The key of the certificate.
    pub key: KeyPair,
}

impl Certificate {
    /// Creates an authority, and issues a certificate from this authority.
    pub fn issue() -> Certificate {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // If the subject and the issuer of a certificate have the same name, the oldest workerd treats it as
        // self-signed.
        authority.distinguished_name.push(DnType::CommonName, "authority of the tests");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let pem = leaf.signed_by(&key, &authority).unwrap().pem();
        Certificate { ca_pem: authority.pem(), pem, key }
    }
}

//! The digest of a server's certificate, to which SCRAM-SHA-256-PLUS binds a login (`tls-server-end-point`, RFC 5929).
//!
//! Input: a certificate (DER) that rustls has verified. Output: its digest, by the hash function of the certificate's
//! own signature, or by SHA-256 instead of MD5 and SHA-1. `None` if the signature's algorithm does not name a hash
//! function (Ed25519), or if its digest is not defined (RSASSA-PSS): PostgreSQL does not offer channel binding with
//! such a certificate either (`be_tls_get_certificate_hash`), or accepts a login without it.

use sha2::{Digest, Sha256, Sha384, Sha512};

pub(super) fn digest(certificate: &[u8]) -> Option<Vec<u8>> {
    // Certificate: SEQUENCE { SEQUENCE { … }, SEQUENCE { OBJECT IDENTIFIER, … }, BIT STRING }
    let (certificate_fields, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(certificate_fields, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    let (identifier, _) = element(algorithm, OBJECT_IDENTIFIER)?;
    let (_, hash) = SIGNATURES.iter().find(|(known, _)| *known == identifier)?;
    Some(match hash {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The object identifiers of signatures, and their hash functions: 1.2.840.113549.1.1.x with RSA, 1.2.840.10045.4.x
/// with ECDSA.
const SIGNATURES: [(&[u8], Hash); 9] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", Hash::Sha256), // MD5
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", Hash::Sha256), // SHA-1
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", Hash::Sha256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", Hash::Sha384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", Hash::Sha512),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", Hash::Sha256), // SHA-1
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", Hash::Sha256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", Hash::Sha384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", Hash::Sha512),
];

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// Splits the first element, which must have this tag, into its content and the bytes after it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let ([first, length], rest) = bytes.split_first_chunk()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Makes a certificate with this signature algorithm and with a placeholder for all other fields.
    fn certificate(identifier: &[u8]) -> Vec<u8> {
        let wrapped = |tag: u8, content: &[u8]| {
            [&[tag, 0x82, 0, u8::try_from(content.len()).unwrap()][..], content].concat()
        };
        let algorithm = wrapped(SEQUENCE, &wrapped(OBJECT_IDENTIFIER, identifier));
        wrapped(SEQUENCE, &[wrapped(SEQUENCE, b"fields"), algorithm, b"\x03\x01\0".to_vec()].concat())
    }

    #[test]
    fn digest_has_the_hash_function_of_the_signature() {
        for (identifier, length) in
            SIGNATURES.iter().map(|known| known.0).zip([32, 32, 32, 48, 64, 32, 32, 48, 64])
        {
            assert_eq!(digest(&certificate(identifier)).unwrap().len(), length);
        }
        // Ed25519, RSASSA-PSS
        for identifier in [&b"\x2b\x65\x70"[..], b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"] {
            assert_eq!(digest(&certificate(identifier)), None);
        }
        let whole = certificate(SIGNATURES[2].0);
        assert_eq!(digest(&whole).unwrap(), Sha256::digest(&whole).to_vec());
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_digest_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = digest(&bytes);
            let _ = digest(&[&[SEQUENCE, 0x10][..], &bytes].concat());
        }
    }
}

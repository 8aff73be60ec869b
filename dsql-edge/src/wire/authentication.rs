//! Reads the requests of a server that authenticates a client, and writes the answers.
//!
//! Input: the body of an Authentication message. Output: an [`AuthenticationRequest`]. The caller decides which
//! requests the client answers. (`message.rs` distinguishes only the requests that DSQL sends.)

use super::Malformed;
use super::frame::Frame;

/// A request of the server, or a part of an exchange that the server began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthenticationRequest {
    CleartextPassword,
    Md5Password {
        salt: [u8; 4],
    },
    /// The names of the mechanisms that the server offers.
    Sasl(Vec<String>),
    SaslContinue(Vec<u8>),
    SaslFinal(Vec<u8>),
    /// The name of a kind of authentication that this client does not support, such as Kerberos.
    Unsupported(&'static str),
}

/// The maximum number of bytes of an Authentication message. An Authentication message of SCRAM has about a hundred
/// bytes.
pub(crate) const MAX_BODY: usize = 4096;

/// Reads the body of an Authentication message, except AuthenticationOk.
pub(crate) fn request(body: &[u8]) -> Result<AuthenticationRequest, Malformed> {
    const MALFORMED: Malformed = Malformed("an Authentication message is malformed");
    if body.len() > MAX_BODY {
        return Err(Malformed("an Authentication message is longer than 4,096 bytes"));
    }
    let (kind, data) = body.split_first_chunk().ok_or(MALFORMED)?;
    Ok(match (u32::from_be_bytes(*kind), data) {
        (2, _) => AuthenticationRequest::Unsupported("Kerberos V5"),
        (3, []) => AuthenticationRequest::CleartextPassword,
        (5, &[a, b, c, d]) => AuthenticationRequest::Md5Password { salt: [a, b, c, d] },
        (6, _) => AuthenticationRequest::Unsupported("an SCM credential"),
        (7 | 8, _) => AuthenticationRequest::Unsupported("GSSAPI"),
        (9, _) => AuthenticationRequest::Unsupported("SSPI"),
        (10, _) => AuthenticationRequest::Sasl(mechanisms(data).ok_or(MALFORMED)?),
        (11, _) => AuthenticationRequest::SaslContinue(data.to_vec()),
        (12, _) => AuthenticationRequest::SaslFinal(data.to_vec()),
        _ => return Err(MALFORMED),
    })
}

/// Reads names, each of which ends with a NUL; an empty name ends the list.
fn mechanisms(data: &[u8]) -> Option<Vec<String>> {
    let names = data.strip_suffix(&[0, 0])?;
    let mut mechanisms = Vec::new();
    for name in names.split(|byte| *byte == 0) {
        let is_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(byte);
        // A name of SASL has at most 20 characters (RFC 4422).
        if name.is_empty() || name.len() > 20 || !name.iter().all(is_name) {
            return None;
        }
        mechanisms.push(String::from_utf8(name.to_vec()).ok()?);
    }
    Some(mechanisms)
}

/// Writes SASLInitialResponse.
pub(crate) fn sasl_initial_response(
    mechanism: &str,
    response: &str,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut frame = Frame::new(b'p', out);
    frame.string(mechanism);
    frame.value(Some(response.as_bytes()));
    frame.end(TOO_LONG)
}

/// Writes SASLResponse.
pub(crate) fn sasl_response(response: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut frame = Frame::new(b'p', out);
    frame.bytes(response);
    frame.end(TOO_LONG)
}

const TOO_LONG: Malformed = Malformed("an answer to an Authentication message is too long");

#[cfg(test)]
mod tests {
    use postgres_protocol::message::frontend;

    use super::*;

    #[test]
    fn requests_are_distinguished_and_others_are_malformed() {
        use AuthenticationRequest::*;
        let sasl = |names: &[&str]| Sasl(names.iter().map(|name| (*name).to_owned()).collect());
        for (body, expected) in [
            (&b"\0\0\0\x03"[..], Ok(CleartextPassword)),
            (b"\0\0\0\x05abcd", Ok(Md5Password { salt: *b"abcd" })),
            (b"\0\0\0\x07", Ok(Unsupported("GSSAPI"))),
            (b"\0\0\0\x09", Ok(Unsupported("SSPI"))),
            (
                b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0",
                Ok(sasl(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])),
            ),
            (b"\0\0\0\x0bv=x", Ok(SaslContinue(b"v=x".to_vec()))),
            (b"\0\0\0\x0c", Ok(SaslFinal(Vec::new()))),
            (b"", Err(())),
            (b"\0\0\0", Err(())),
            (b"\0\0\0\x03x", Err(())),
            (b"\0\0\0\x05abc", Err(())),
            (b"\0\0\0\x0a", Err(())),
            (b"\0\0\0\x0a\0\0", Err(())),
            (b"\0\0\0\x0aSCRAM-SHA-256\0", Err(())),
            (b"\0\0\0\x0aSCRAM sha\0\0", Err(())),
            (b"\0\0\0\x0d", Err(())),
        ] {
            assert_eq!(request(body).map_err(drop), expected, "{body:?}");
        }
        assert!(request(&[&b"\0\0\0\x0b"[..], &[b'x'; MAX_BODY]].concat()).is_err());
    }

    #[test]
    fn responses_are_what_postgres_protocol_writes() {
        let (mut own, mut theirs) = (Vec::new(), bytes::BytesMut::new());
        sasl_initial_response("SCRAM-SHA-256", "n,,n=,r=x", &mut own).unwrap();
        sasl_response(b"c=biws", &mut own).unwrap();
        frontend::sasl_initial_response("SCRAM-SHA-256", b"n,,n=,r=x", &mut theirs).unwrap();
        frontend::sasl_response(b"c=biws", &mut theirs).unwrap();
        assert_eq!(own, theirs);
        assert!(sasl_initial_response("SCRAM\0", "", &mut own).is_err());
    }
}

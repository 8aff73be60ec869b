//! What the client says: SSLRequest, StartupMessage, PasswordMessage, and the five frames of a query.
//!
//! Goes in: text and encoded parameters. Comes out: frames, appended to a buffer. A NUL inside a string, or a
//! frame that is too long, is an error, never a cut or a second string.

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use super::Malformed;

#[cfg_attr(all(not(feature = "tokio"), not(target_arch = "wasm32")), allow(dead_code))]
/// SSLRequest: length 8, code 80877103.
pub(crate) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// More parameters cannot be counted in Bind.
pub(crate) const MAX_PARAMETERS: usize = u16::MAX as usize;

/// Whom to be.
#[derive(Debug, Clone)]
pub(crate) struct Startup<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    pub(crate) application_name: &'a str,
    /// The schemas in which names are looked up, if not the role's own.
    pub(crate) search_path: Option<&'a str>,
}

/// The parameters of a query, encoded one behind the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    pub(crate) bytes: Vec<u8>,
    /// Of each parameter: where it ends in `bytes`, or that it is NULL; and its format code.
    pub(crate) each: Vec<(Option<usize>, i16)>,
}

pub(crate) fn startup(startup: &Startup<'_>, out: &mut BytesMut) -> Result<(), Malformed> {
    let parameters = [
        ("user", startup.user),
        ("database", startup.database),
        ("application_name", startup.application_name),
        ("client_encoding", "UTF8"),
    ];
    let search_path = startup.search_path.map(|path| ("search_path", path));
    frontend::startup_message(parameters.into_iter().chain(search_path), out)
        .map_err(|_| Malformed("the user or the application's name has a NUL character"))
}

pub(crate) fn password(password: &[u8], out: &mut BytesMut) -> Result<(), Malformed> {
    frontend::password_message(password, out).map_err(|_| Malformed("the token has a NUL character"))
}

const NUL: Malformed = Malformed("the SQL has a NUL character");
const TOO_LONG: Malformed = Malformed("the query and its parameters are longer than one message may be");
const TOO_MANY: Malformed = Malformed("a query has at most 65,535 parameters");

/// Parse, as the unnamed statement.
pub(crate) fn parse(
    sql: &str,
    parameter_types: &[u32],
    max_frame: usize,
    out: &mut BytesMut,
) -> Result<(), Malformed> {
    if parameter_types.len() > MAX_PARAMETERS {
        return Err(TOO_MANY);
    }
    if sql.len() > max_frame {
        return Err(TOO_LONG);
    }
    let start = out.len();
    frontend::parse("", sql, parameter_types.iter().copied(), out).map_err(|_| NUL)?;
    if out.len() - start > max_frame { Err(TOO_LONG) } else { Ok(()) }
}

/// Bind, Describe if it is wanted, Execute: the unnamed statement, through the unnamed portal. The formats are one for
/// each column, or one for all, or none: all text.
pub(crate) fn execute(
    parameters: &Parameters,
    result_formats: &[i16],
    described: bool,
    max_frame: usize,
    out: &mut BytesMut,
) -> Result<(), Malformed> {
    bind(parameters, result_formats, max_frame, out)?;
    if described {
        frontend::describe(b'P', "", out).map_err(|_| NUL)?;
    }
    frontend::execute("", 0, out).map_err(|_| NUL)
}

/// Sync.
pub(crate) fn sync(out: &mut BytesMut) {
    frontend::sync(out);
}

fn bind(
    parameters: &Parameters,
    result_formats: &[i16],
    max_frame: usize,
    out: &mut BytesMut,
) -> Result<(), Malformed> {
    if parameters.each.len() > MAX_PARAMETERS {
        return Err(TOO_MANY);
    }
    if parameters.bytes.len() > max_frame {
        return Err(TOO_LONG);
    }
    let start = out.len();
    let mut begin = 0;
    frontend::bind(
        "",
        "",
        parameters.each.iter().map(|(_, format)| *format),
        parameters.each.iter().map(|(end, _)| *end),
        |end, out| {
            let Some(end) = end else { return Ok(IsNull::Yes) };
            out.extend_from_slice(parameters.bytes.get(begin..end).unwrap_or_default());
            begin = end;
            Ok(IsNull::No)
        },
        result_formats.iter().copied(),
        out,
    )
    .map_err(|_| TOO_LONG)?;
    if out.len() - start > max_frame { Err(TOO_LONG) } else { Ok(()) }
}

/// Terminate.
pub(crate) const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_what_postgres_protocol_writes() {
        let mut out = BytesMut::new();
        frontend::ssl_request(&mut out);
        assert_eq!(&out[..], &SSL_REQUEST);
        out.clear();
        frontend::terminate(&mut out);
        assert_eq!(&out[..], &TERMINATE);
    }

    #[test]
    fn a_nul_never_ends_a_string_early() {
        let mut out = BytesMut::new();
        let forged = Startup {
            user: "x\0user\0admin",
            database: "postgres",
            application_name: "a",
            search_path: None,
        };
        assert!(startup(&forged, &mut out).is_err());
        assert!(password(b"token\0", &mut out).is_err());
        assert!(parse("SELECT 1\0", &[], 1 << 20, &mut out).is_err());
    }

    #[test]
    fn a_startup_says_who_and_where_and_nothing_that_dsql_refuses() {
        let mut out = BytesMut::new();
        let who = Startup {
            user: "u",
            database: "postgres",
            application_name: "a",
            search_path: Some("app, public"),
        };
        startup(&who, &mut out).unwrap();
        let expected: &[u8] = b"\0\0\0\x62\0\x03\0\0user\0u\0database\0postgres\0application_name\0a\0\
            client_encoding\0UTF8\0search_path\0app, public\0\0";
        assert_eq!(&out[..], expected);
    }

    #[test]
    fn a_query_is_five_frames() {
        let parameters = Parameters {
            bytes: b"abcd".to_vec(),
            each: vec![(Some(3), 1), (None, 1), (Some(3), 0), (Some(4), 1)],
        };
        let mut out = BytesMut::new();
        parse("S", &[25, 0], 1 << 20, &mut out).unwrap();
        execute(&parameters, &[1], true, 1 << 20, &mut out).unwrap();
        sync(&mut out);
        let mut expected = Vec::new();
        expected.extend_from_slice(b"P\0\0\0\x11\0S\0\0\x02\0\0\0\x19\0\0\0\0");
        expected.extend_from_slice(b"B\0\0\0\x2a\0\0\0\x04\0\x01\0\x01\0\0\0\x01\0\x04");
        expected.extend_from_slice(b"\0\0\0\x03abc\xff\xff\xff\xff\0\0\0\0\0\0\0\x01d\0\x01\0\x01");
        expected.extend_from_slice(b"D\0\0\0\x06P\0E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04");
        assert_eq!(&out[..], &expected[..]);
        assert!(execute(&parameters, &[1], true, 40, &mut BytesMut::new()).is_err());
        assert!(parse("SELECT 1", &[], 10, &mut BytesMut::new()).is_err());
    }
}

//! Writes the client's messages: SSLRequest, StartupMessage, PasswordMessage, and the five frames of a query.
//!
//! Input: text and encoded parameters. Output: frames, appended to a buffer. A NUL inside a string, or a frame that is
//! too long, is an error; a string is never truncated or split.

use super::Malformed;
use super::frame::Frame;

#[cfg_attr(all(not(feature = "tokio"), not(target_arch = "wasm32")), allow(dead_code))]
/// SSLRequest: length 8, code 80877103.
pub(crate) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Protocol 3.0.
const PROTOCOL: u32 = 3 << 16;

/// Describe of the unnamed portal, and Execute.
const DESCRIBE_AND_EXECUTE: [u8; 17] = [b'D', 0, 0, 0, 6, b'P', 0, b'E', 0, 0, 0, 9, 0, 0, 0, 0, 0];

/// Execute of the unnamed portal, for all its rows.
const EXECUTE: [u8; 10] = [b'E', 0, 0, 0, 9, 0, 0, 0, 0, 0];

const SYNC: [u8; 5] = [b'S', 0, 0, 0, 4];

/// The maximum number of parameters: the message Bind contains the number of parameters in 16 bits.
pub(crate) const MAX_PARAMETERS: usize = u16::MAX as usize;

/// The parameters of StartupMessage.
#[derive(Debug, Clone)]
pub(crate) struct Startup<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    pub(crate) application_name: &'a str,
    /// The schemas in which names are looked up; `None` for the role's own setting.
    pub(crate) search_path: Option<&'a str>,
    /// Settings in the form of the server's command line.
    #[cfg(feature = "postgres")]
    pub(crate) options: Option<&'a str>,
}

/// The encoded parameters of a query, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    pub(crate) bytes: Vec<u8>,
    /// For each parameter: its end in `bytes` (`None` for NULL) and its format code.
    pub(crate) each: Vec<(Option<usize>, i16)>,
}

pub(crate) fn startup(startup: &Startup<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let parameters = [
        ("user", startup.user),
        ("database", startup.database),
        ("application_name", startup.application_name),
        ("client_encoding", "UTF8"),
        ("search_path", startup.search_path.unwrap_or_default()),
        #[cfg(feature = "postgres")]
        ("options", startup.options.unwrap_or_default()),
    ];
    let mut frame = Frame::untyped(out);
    frame.u32(PROTOCOL);
    for (name, value) in parameters {
        // An empty search_path and empty options are not sent: the session then has its role's own settings.
        #[cfg(feature = "postgres")]
        if name == "options" && value.is_empty() {
            continue;
        }
        if !(name == "search_path" && value.is_empty()) {
            frame.string(name);
            frame.string(value);
        }
    }
    frame.bytes(&[0]);
    frame.end(Malformed(
        "the user, the application's name or another setting of the login has a NUL character",
    ))
}

pub(crate) fn password(password: &str, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut frame = Frame::new(b'p', out);
    frame.string(password);
    frame.end(Malformed("the token or the password has a NUL character"))
}

const NUL: Malformed = Malformed("the SQL has a NUL character");
pub(crate) const EXCEEDS_LIMIT: &str = "the query and its parameters exceed Config::max_message";
const TOO_LONG: Malformed = Malformed(EXCEEDS_LIMIT);
const TOO_MANY: Malformed = Malformed("a query has at most 65,535 parameters");

/// Writes Parse of the unnamed statement.
pub(crate) fn parse(
    sql: &str,
    parameter_types: &[u32],
    max_frame: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    if parameter_types.len() > MAX_PARAMETERS {
        return Err(TOO_MANY);
    }
    if sql.len() > max_frame {
        return Err(TOO_LONG);
    }
    let start = out.len();
    write_parse(sql, parameter_types, out)?;
    if out.len() - start > max_frame { Err(TOO_LONG) } else { Ok(()) }
}

/// Writes Bind, Describe if `described`, and Execute, for the unnamed statement and the unnamed portal.
/// `result_formats` has one format for each column, one format for all columns, or no format; without a format, all
/// columns are text.
pub(crate) fn execute(
    parameters: &Parameters,
    result_formats: &[i16],
    described: bool,
    max_frame: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    if parameters.each.len() > MAX_PARAMETERS {
        return Err(TOO_MANY);
    }
    if parameters.bytes.len() > max_frame {
        return Err(TOO_LONG);
    }
    let start = out.len();
    write_bind(parameters, result_formats, out)?;
    if out.len() - start > max_frame {
        return Err(TOO_LONG);
    }
    out.extend_from_slice(if described { &DESCRIBE_AND_EXECUTE } else { &EXECUTE });
    Ok(())
}

/// Writes Sync.
pub(crate) fn sync(out: &mut Vec<u8>) {
    out.extend_from_slice(&SYNC);
}

fn write_parse(sql: &str, parameter_types: &[u32], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut frame = Frame::new(b'P', out);
    frame.string("");
    frame.string(sql);
    frame.count(parameter_types.len());
    parameter_types.iter().for_each(|oid| frame.u32(*oid));
    frame.end(NUL)
}

fn write_bind(parameters: &Parameters, result_formats: &[i16], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut frame = Frame::new(b'B', out);
    frame.string("");
    frame.string("");
    frame.count(parameters.each.len());
    parameters.each.iter().for_each(|(_, format)| frame.u16(format.cast_unsigned()));
    frame.count(parameters.each.len());
    let mut begin = 0;
    for (end, _) in &parameters.each {
        frame.value(end.map(|end| parameters.bytes.get(begin..end).unwrap_or_default()));
        begin = end.unwrap_or(begin);
    }
    frame.count(result_formats.len());
    result_formats.iter().for_each(|format| frame.u16(format.cast_unsigned()));
    frame.end(TOO_LONG)
}

/// Terminate.
pub(crate) const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_what_postgres_protocol_writes() {
        let mut out = bytes::BytesMut::new();
        postgres_protocol::message::frontend::ssl_request(&mut out);
        assert_eq!(&out[..], &SSL_REQUEST);
        out.clear();
        postgres_protocol::message::frontend::terminate(&mut out);
        assert_eq!(&out[..], &TERMINATE);
    }

    #[test]
    fn a_nul_never_ends_a_string_early() {
        let mut out = Vec::new();
        let forged = Startup {
            user: "x\0user\0admin",
            database: "postgres",
            application_name: "a",
            search_path: None,
            #[cfg(feature = "postgres")]
            options: None,
        };
        assert!(startup(&forged, &mut out).is_err());
        assert!(password("token\0", &mut out).is_err());
        assert!(parse("SELECT 1\0", &[], 1 << 20, &mut out).is_err());
    }

    #[test]
    fn startup_has_only_parameters_that_dsql_accepts() {
        let mut out = Vec::new();
        let who = Startup {
            user: "u",
            database: "postgres",
            application_name: "a",
            search_path: Some("app, public"),
            #[cfg(feature = "postgres")]
            options: None,
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
        let mut out = Vec::new();
        parse("S", &[25, 0], 1 << 20, &mut out).unwrap();
        execute(&parameters, &[1], true, 1 << 20, &mut out).unwrap();
        sync(&mut out);
        let mut expected = Vec::new();
        expected.extend_from_slice(b"P\0\0\0\x11\0S\0\0\x02\0\0\0\x19\0\0\0\0");
        expected.extend_from_slice(b"B\0\0\0\x2a\0\0\0\x04\0\x01\0\x01\0\0\0\x01\0\x04");
        expected.extend_from_slice(b"\0\0\0\x03abc\xff\xff\xff\xff\0\0\0\0\0\0\0\x01d\0\x01\0\x01");
        expected.extend_from_slice(b"D\0\0\0\x06P\0E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04");
        assert_eq!(&out[..], &expected[..]);
        assert!(execute(&parameters, &[1], true, 40, &mut Vec::new()).is_err());
        assert!(parse("SELECT 1", &[], 10, &mut Vec::new()).is_err());
    }
}

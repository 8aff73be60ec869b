//! Reports to a client why its pool did not grant a lease, or ended the lease.
//!
//! Input: an error, its signal for `retry.rs`, and the point that the flight had reached. Output: bytes, from which the
//! client reads the same values. With these values, the client decides whether the flight may run again, in the same
//! way as after a failure of its own connection. A report that cannot be read is treated as the worst failure.

use std::borrow::Cow;

use crate::error::{Error, Kind};
use crate::login_rejection::LoginRejection;
use crate::retry::{Reached, Signal};
use crate::session::FLIGHT_DROPPED;
#[cfg(test)]
use crate::wire::DatabaseError;
use crate::wire::backend;

/// How a lease failed.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) reached: Reached,
    pub(crate) signal: Signal,
    pub(crate) error: Error,
}

impl Report {
    pub(crate) fn write(&self) -> Vec<u8> {
        let reached = match self.reached {
            Reached::Nothing => b'n',
            Reached::Login => b'l',
            Reached::Session => b's',
        };
        let signal = match self.signal {
            Signal::Local => b'c',
            Signal::LoginRejected { pipelined: true, .. } => b'p',
            Signal::LoginRejected { pipelined: false, .. } => b'r',
            // The pool's next connection begins with SSLRequest, so the client can treat this case as a lost
            // connection.
            Signal::Lost | Signal::DirectTlsRejected(_) => b'l',
            Signal::Timeout => b't',
            Signal::Answered => b'a',
            _ => b'x',
        };
        let mut bytes = vec![reached, signal];
        let (kind, text) = match self.error.kind() {
            Kind::LoginRejected(error) => {
                bytes.push(b'r');
                backend::write_error(error, &mut bytes);
                return bytes;
            }
            // Only one violation of the protocol proves that nothing was executed: the server processed the login, and
            // dropped the flight that was sent with the login.
            Kind::Protocol(_) if matches!(self.signal, Signal::LoginRejected { .. }) => {
                bytes.push(b'd');
                return bytes;
            }
            Kind::Config(text) => (b'c', text),
            Kind::Credentials(text) => (b'k', text),
            Kind::Connect(text) => (b'n', text),
            Kind::Lost(text) => (b'l', text),
            Kind::Timeout(text) => (b't', text),
            Kind::Overloaded(text) => (b'o', text),
            // All other kinds, such as a violation of the protocol by the server: the client cannot read this byte, so
            // it treats the report as the worst failure.
            _ => (b'x', &Cow::Borrowed("")),
        };
        bytes.push(kind);
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    /// Reads the output of [`write`](Report::write).
    pub(crate) fn read(bytes: &[u8]) -> Report {
        Report::try_read(bytes).unwrap_or_else(|| Report {
            reached: Reached::Session,
            signal: Signal::Protocol,
            error: Error::new(Kind::Protocol("the pool reported a failure that this client cannot read")),
        })
    }

    fn try_read(bytes: &[u8]) -> Option<Report> {
        let ([reached, signal, kind], text) = bytes.split_first_chunk()?;
        let reached = match reached {
            b'n' => Reached::Nothing,
            b'l' => Reached::Login,
            b's' => Reached::Session,
            _ => return None,
        };
        if *kind == b'r' {
            let error = backend::read_error(text)?;
            let signal =
                Signal::LoginRejected { rejection: LoginRejection::of(&error), pipelined: *signal == b'p' };
            return Some(Report { reached, signal, error: Error::new(Kind::LoginRejected(Box::new(error))) });
        }
        if *kind == b'd' {
            let signal =
                Signal::LoginRejected { rejection: LoginRejection::Protocol, pipelined: *signal == b'p' };
            return Some(Report { reached, signal, error: Error::new(Kind::Protocol(FLIGHT_DROPPED)) });
        }
        let signal = match signal {
            b'c' => Signal::Local,
            b'l' => Signal::Lost,
            b't' => Signal::Timeout,
            b'a' => Signal::Answered,
            _ => return None,
        };
        let text: Cow<'static, str> = core::str::from_utf8(text).ok()?.to_owned().into();
        let kind = match kind {
            b'c' => Kind::Config(text),
            b'k' => Kind::Credentials(text),
            b'n' => Kind::Connect(text),
            b'l' => Kind::Lost(text),
            b't' => Kind::Timeout(text),
            b'o' => Kind::Overloaded(text),
            _ => return None,
        };
        Some(Report { reached, signal, error: Error::new(kind) })
    }

    /// Returns the report of a failure that occurred before any byte of the flight was sent.
    pub(crate) fn nothing(error: Error, signal: Signal) -> Report {
        Report { reached: Reached::Nothing, signal, error }
    }

    /// Returns the report that the server rejected the pool's login.
    #[cfg(test)]
    fn login_rejected(error: DatabaseError, pipelined: bool) -> Report {
        let signal = Signal::LoginRejected { rejection: LoginRejection::of(&error), pipelined };
        Report { reached: Reached::Login, signal, error: Error::new(Kind::LoginRejected(Box::new(error))) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sqlstate::SqlState;

    #[test]
    fn what_was_written_is_read() {
        let denied = DatabaseError {
            fatal: true,
            sqlstate: SqlState::from_bytes(b"08006"),
            message: "unable to accept connection, access denied".to_owned(),
            hint: Some("Signature expired".to_owned()),
            ..DatabaseError::default()
        };
        // If a proxy echoes the token, the report contains the token, but `Display` does not print it.
        let echoing = DatabaseError {
            message: "X-Amz-Signature=canary".to_owned(),
            detail: Some("canary".to_owned()),
            ..denied.clone()
        };
        let text = || Cow::Borrowed("ü");
        let reports = [
            Report::nothing(Error::new(Kind::Config(text())), Signal::Local),
            Report::nothing(Error::new(Kind::Credentials(text())), Signal::Lost),
            Report::nothing(Error::new(Kind::Overloaded(text())), Signal::Lost),
            Report::nothing(Error::new(Kind::Timeout(text())), Signal::Answered),
            Report {
                reached: Reached::Login,
                signal: Signal::Timeout,
                error: Error::new(Kind::Connect(text())),
            },
            Report { reached: Reached::Session, signal: Signal::Lost, error: Error::new(Kind::Lost(text())) },
            Report::login_rejected(denied.clone(), true),
            Report::login_rejected(denied, false),
            Report {
                reached: Reached::Session,
                signal: Signal::LoginRejected { rejection: LoginRejection::Protocol, pipelined: true },
                error: Error::new(Kind::Protocol(FLIGHT_DROPPED)),
            },
            Report::login_rejected(echoing, false),
        ];
        for report in reports {
            let read = Report::read(&report.write());
            assert_eq!((read.reached, read.signal), (report.reached, report.signal));
            assert_eq!(read.error.to_string(), report.error.to_string());
            assert_eq!(read.error.message(), report.error.message());
            assert!(!format!("{read:?} {report:?}").contains("canary"), "{read:?}");
        }
        let bug = Report {
            reached: Reached::Nothing,
            signal: Signal::Protocol,
            error: Error::new(Kind::Protocol("x")),
        };
        let read = Report::read(&bug.write());
        assert_eq!((read.reached, read.signal), (Reached::Session, Signal::Protocol));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_report(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Report::read(&bytes);
            let _ = Report::read(&[b"npr", &bytes[..]].concat());
        }
    }
}

//! A session that sends single messages of the simple and the extended protocol, and the server's answers.

use dsql_edge_local::Local;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::client::{dial, message, startup, token};

/// A session that sends single messages.
pub(crate) struct Session {
    pub(crate) tls: TlsStream<TcpStream>,
}

/// The server's answers to one message or pipeline: the tags of its messages, the errors, the statuses.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) tags: String,
    /// SQLSTATE and message.
    pub(crate) errors: Vec<(String, String)>,
    /// The position in the last error.
    pub(crate) place: Option<usize>,
    /// The tags of CommandComplete.
    pub(crate) done: Vec<String>,
    /// The first column of the rows.
    pub(crate) values: Vec<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) status: Vec<char>,
    /// All errors, notices and rows.
    pub(crate) texts: String,
    /// Whether an error had a severity other than ERROR.
    pub(crate) fatal: bool,
    /// Whether the connection ended.
    pub(crate) ended: bool,
}

impl Session {
    pub(crate) async fn open(local: &Local) -> Session {
        let mut session = Session::send_login(local, b"").await;
        assert_eq!(session.answers(1).await.status, ['I']);
        session
    }

    /// Sends the login and a first flight in one write, and reads nothing.
    pub(crate) async fn send_login(local: &Local, flight: &[u8]) -> Session {
        let mut tls = dial(local).to(local).await.unwrap();
        let password = message(b'p', format!("{}\0", token(local, |_| {})).as_bytes());
        tls.write_all(&[startup("admin", &[]), password, flight.to_vec()].concat()).await.unwrap();
        tls.flush().await.unwrap();
        Session { tls }
    }

    /// Reads the settings that are reported before the first ReadyForQuery (`name=value`), or the fields of an error.
    pub(crate) async fn begins(&mut self) -> Result<Vec<String>, String> {
        let mut reported = Vec::new();
        loop {
            let tag = self.tls.read_u8().await.unwrap();
            let mut body = vec![0; self.tls.read_u32().await.unwrap() as usize - 4];
            self.tls.read_exact(&mut body).await.unwrap();
            let body = String::from_utf8_lossy(&body).into_owned();
            match tag {
                b'S' => reported.push(body.trim_end_matches('\0').replacen('\0', "=", 1)),
                b'E' => return Err(body),
                b'Z' => return Ok(reported),
                _ => {}
            }
        }
    }

    /// Reads the answers up to this number of ReadyForQuery messages.
    pub(crate) async fn answers(&mut self, ends: usize) -> Answers {
        let answer = self.read(ends).await;
        assert!(!answer.ended && !answer.fatal, "{answer:?}");
        answer
    }

    async fn message(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let tag = self.tls.read_u8().await?;
        let mut body = vec![0; self.tls.read_u32().await? as usize - 4];
        self.tls.read_exact(&mut body).await?;
        Ok((tag, body))
    }

    /// Does the same as `answers`, but also returns the answers if the connection ends before all of them have arrived.
    pub(crate) async fn read(&mut self, ends: usize) -> Answers {
        let mut answer = Answers::default();
        while answer.status.len() < ends {
            let Ok((tag, body)) = self.message().await else {
                answer.ended = true;
                return answer;
            };
            let length = body.len();
            if !matches!(tag, b'R' | b'S' | b'K') {
                answer.tags.push(char::from(tag));
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if matches!(tag, b'E' | b'N' | b'D') {
                answer.texts += &text(&body);
            }
            match tag {
                b'Z' => answer.status.push(char::from(body[0])),
                b'C' => answer.done.push(text(&body[..length - 1])),
                b'T' => answer.columns.push(text(body[2..].split(|byte| *byte == 0).next().unwrap())),
                b'D' if length > 6 => answer.values.push(text(&body[6..])),
                b'E' => {
                    let found =
                        |code: u8| body.split(|byte| *byte == 0).find_map(|it| it.strip_prefix(&[code]));
                    let field = |code: u8| found(code).unwrap();
                    answer.fatal |= field(b'S') != b"ERROR";
                    answer.errors.push((text(field(b'C')), text(field(b'M'))));
                    answer.place = found(b'P').and_then(|place| text(place).parse().ok());
                }
                _ => {}
            }
        }
        answer
    }

    pub(crate) async fn send(&mut self, bytes: &[u8], ends: usize) -> Answers {
        self.tls.write_all(bytes).await.unwrap();
        self.tls.flush().await.unwrap();
        self.answers(ends).await
    }

    pub(crate) async fn simple(&mut self, sql: &str) -> Answers {
        self.send(&message(b'Q', format!("{sql}\0").as_bytes()), 1).await
    }

    /// Runs one statement on one of the protocols.
    pub(crate) async fn run(&mut self, extended: bool, sql: &str) -> Answers {
        if extended { self.extended(sql).await } else { self.simple(sql).await }
    }

    pub(crate) async fn extended(&mut self, sql: &str) -> Answers {
        self.send(&[run(sql), sync()].concat(), 1).await
    }
}

pub(crate) fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', format!("{name}\0{sql}\0\0\0").as_bytes())
}

pub(crate) fn execute(name: &str) -> Vec<u8> {
    let bind = message(b'B', format!("\0{name}\0\0\0\0\0\0\0").as_bytes());
    [bind, message(b'D', b"P\0"), message(b'E', b"\0\0\0\0\0")].concat()
}

pub(crate) fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), execute("")].concat()
}

pub(crate) fn sync() -> Vec<u8> {
    message(b'S', b"")
}

pub(crate) fn error(sqlstate: &str, message: &str) -> Vec<(String, String)> {
    vec![(sqlstate.to_owned(), message.to_owned())]
}

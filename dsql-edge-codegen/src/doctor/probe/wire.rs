//! A session of PostgreSQL's protocol in which the probe decides which messages one flight has.
//!
//! Input: messages. Output: a line for each message of the server. The client of dsql-edge never sends some of these
//! flights, because it is not known how a cluster answers such flights. The probe finds this out.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use dsql_edge::auth::{Action, TokenRequest, token};
use dsql_edge::diagnosis::{self, ByteStream, Negotiation};
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{ErrorFields, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, timeout};

use super::probed::Probed;

/// The time without a message after which the server is regarded as silent.
const SILENCE: Duration = Duration::from_secs(5);

/// The maximum number of bytes of one message: the probe sends no request with a long answer.
const MAX_MESSAGE: usize = 1 << 20;

/// The seconds for which a token is valid.
const TOKEN: u32 = 60;

/// A connection with TLS.
pub(super) struct Wire {
    stream: Box<dyn ByteStream>,
    received: BytesMut,
}

impl Wire {
    /// Opens a connection. Nothing is sent inside TLS.
    pub(super) async fn open(probed: &Probed, negotiation: Negotiation) -> Result<Wire> {
        let stream = diagnosis::open_stream(&probed.config, negotiation).await?;
        Ok(Wire { stream: Box::new(stream), received: BytesMut::new() })
    }

    /// Opens a connection and logs in.
    pub(super) async fn logged_in(probed: &Probed) -> Result<Wire> {
        let mut wire = Wire::open(probed, Negotiation::SslRequest).await?;
        wire.send(&Flight::login(probed).await?).await?;
        let answers = wire.until_ready(1).await;
        match answers.last() {
            Some(last) if last == READY => Ok(wire),
            last => bail!("the login ended with {}", last.map_or("no message", String::as_str)),
        }
    }

    pub(super) async fn send(&mut self, flight: &Flight) -> Result<()> {
        self.stream.write_all(&flight.0).await.context("sending")?;
        self.stream.flush().await.context("sending")
    }

    /// Sends a flight that ends with Sync, and returns the answer.
    pub(super) async fn ask(&mut self, flight: &Flight) -> Result<Vec<String>> {
        self.send(flight).await?;
        Ok(self.until_ready(1).await)
    }

    /// Receives messages until the `number`th ReadyForQuery has arrived, no message arrives in time, or the connection
    /// ends.
    pub(super) async fn until_ready(&mut self, number: usize) -> Vec<String> {
        let mut ready = 0;
        self.until(|line| {
            ready += usize::from(line.starts_with("ReadyForQuery"));
            ready == number
        })
        .await
    }

    /// Receives messages until `ends` returns true for a message, no message arrives in time, or the connection ends.
    pub(super) async fn until(&mut self, mut ends: impl FnMut(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = match timeout(SILENCE, self.next()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => continue,
                Ok(Err(error)) => {
                    lines.push(format!("({error:#})"));
                    return lines;
                }
                Err(_) => {
                    lines.push(format!("(no message for {} s)", SILENCE.as_secs()));
                    return lines;
                }
            };
            let is_last = ends(&line);
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }

    /// Receives the next message and returns it as a line; `None` if it is not of interest.
    async fn next(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(message) = Message::parse(&mut self.received).context("a malformed message")? {
                return Ok(line(&message));
            }
            if self.received.len() > MAX_MESSAGE {
                bail!("a message is longer than {MAX_MESSAGE} bytes");
            }
            if self.stream.read_buf(&mut self.received).await.context("the connection broke")? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

pub(super) const READY: &str = "ReadyForQuery I";

/// Returns a message as a line.
fn line(message: &Message) -> Option<String> {
    Some(match message {
        Message::AuthenticationCleartextPassword => "AuthenticationCleartextPassword".to_owned(),
        Message::AuthenticationOk => "AuthenticationOk".to_owned(),
        Message::BindComplete => "BindComplete".to_owned(),
        Message::CommandComplete(body) => format!("CommandComplete {}", body.tag().unwrap_or("?")),
        Message::DataRow(body) => {
            let first = body.ranges().next().ok().flatten().flatten();
            let value = first.and_then(|range| body.buffer().get(range));
            format!("DataRow {}", value.map_or("NULL".into(), |value| String::from_utf8_lossy(value)))
        }
        Message::ErrorResponse(body) => format!("ErrorResponse {}", error(body.fields())),
        Message::NoData => "NoData".to_owned(),
        Message::ParseComplete => "ParseComplete".to_owned(),
        Message::ReadyForQuery(body) => format!("ReadyForQuery {}", char::from(body.status())),
        Message::RowDescription(_) => "RowDescription".to_owned(),
        Message::ParameterStatus(_) | Message::BackendKeyData(_) | Message::NoticeResponse(_) => return None,
        _ => "another message".to_owned(),
    })
}

/// Returns the SQLSTATE and the primary message of an error.
fn error(mut fields: ErrorFields<'_>) -> String {
    let mut out = [String::new(), String::new()];
    while let Ok(Some(field)) = fields.next() {
        let [code, message] = &mut out;
        let place = match field.type_() {
            b'C' => code,
            b'M' => message,
            _ => continue,
        };
        *place = String::from_utf8_lossy(field.value_bytes()).into_owned();
    }
    out.join(" ")
}

/// Messages that are sent together.
#[derive(Clone, Default)]
pub(super) struct Flight(BytesMut);

impl Flight {
    /// Returns StartupMessage alone.
    pub(super) fn startup(probed: &Probed) -> Result<Flight> {
        let mut flight = Flight::default();
        let parameters =
            [("user", probed.target.user.as_str()), ("database", "postgres"), ("client_encoding", "UTF8")];
        frontend::startup_message(parameters, &mut flight.0)?;
        Ok(flight)
    }

    /// Returns StartupMessage and PasswordMessage, with a new token.
    pub(super) async fn login(probed: &Probed) -> Result<Flight> {
        let mut flight = Flight::startup(probed)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request = TokenRequest {
            host: probed.host(),
            region: &probed.region,
            action: Action::for_user(&probed.target.user),
            now,
            expires: TOKEN,
        };
        let token = token(&probed.credentials, &request).await?;
        frontend::password_message(token.expose().as_bytes(), &mut flight.0)?;
        Ok(flight)
    }

    /// Returns the statements, each with Parse, Bind and Execute, without an end.
    pub(super) fn statements(statements: &[&str]) -> Result<Flight> {
        Flight::default().and(statements)
    }

    /// Adds statements.
    pub(super) fn and(mut self, statements: &[&str]) -> Result<Flight> {
        for sql in statements {
            frontend::parse("", sql, [], &mut self.0)?;
            let bound = frontend::bind(
                "",
                "",
                [],
                std::iter::empty::<()>(),
                |(), _| Ok(IsNull::Yes),
                [],
                &mut self.0,
            );
            bound.map_err(|_| anyhow::anyhow!("a message is too long"))?;
            frontend::execute("", 0, &mut self.0)?;
        }
        Ok(self)
    }

    /// Adds Sync.
    pub(super) fn sync(mut self) -> Flight {
        frontend::sync(&mut self.0);
        self
    }

    /// Adds Flush.
    pub(super) fn flush(mut self) -> Flight {
        frontend::flush(&mut self.0);
        self
    }
}

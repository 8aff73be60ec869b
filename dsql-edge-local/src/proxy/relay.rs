//! Relays a session between a client and PostgreSQL until one of them ends.
//!
//! A client's bytes are forwarded as complete messages with their lengths checked, after DSQL's rules. PostgreSQL's
//! bytes are forwarded as they arrive, except for the few messages that the rules change.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, Notify};

use super::frame::{self, Frame, FrontendTag};
use crate::cluster::Cluster;
use crate::postgres::Database;
use crate::rules::{Session, catalog};

const CHUNK: usize = 64 * 1024;

/// Up to this length, applying the rules to a message takes less time than starting work on another thread.
const SHORT: usize = 16 * 1024;

/// The interval at which a connection that should end checks whether its transaction has ended.
const LOOKS_AGAIN: Duration = Duration::from_millis(50);

/// Relays until one side ends. `session` is the state after PostgreSQL's first ParameterStatus. `rules` is the database
/// of the session if DSQL's statement rules apply to the session; the log then contains, for each rejected statement,
/// the alternative that DSQL accepts.
///
/// # Errors
/// Returns an error for a client message that is longer than DSQL accepts, or for an error of a socket. The session is
/// then closed, as on a cluster.
pub(super) async fn relay<S>(
    client: &mut S,
    postgres: &mut UnixStream,
    rules: Option<&Database>,
    cluster: &Arc<Cluster>,
    session: Box<Session>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_postgres, mut to_postgres) = postgres.split();
    let session = Arc::new(Mutex::new(*session));
    let login = Login {
        drops_flight: cluster.faults.drops_flight(),
        done: AtomicBool::new(false),
        answered: Notify::new(),
    };
    // `messages` is polled first, so that the bytes that arrived with the login are read before the login is done.
    let ended = tokio::select! {
        biased;
        ended = messages(&mut from_client, &mut to_postgres, &session, rules, &login) => ended,
        ended = answers(&mut from_postgres, &mut to_client, rules.map(|_| &*session), cluster, &login) => ended,
        () = lives(cluster, &session) => Ok(()),
    };
    let _ = to_client.shutdown().await;
    ended
}

/// Waits until the connection is as old as DSQL allows, or until the fault `expired-hour` is set. A transaction that is
/// open at that time may continue, but not for longer than a transaction may last.
async fn lives(cluster: &Cluster, session: &Mutex<Session>) {
    let end = after(cluster.clock.now(), cluster.limits.life);
    tokio::select! {
        () = cluster.clock.until(end) => {}
        () = cluster.faults.hour() => {}
    }
    let end = after(cluster.clock.now(), cluster.limits.age);
    while session.lock().await.is_busy() && cluster.clock.now() < end {
        cluster.clock.until(after(cluster.clock.now(), LOOKS_AGAIN)).await;
    }
    (cluster.log)("connection closed: it has reached DSQL's maximum age");
}

/// Returns the time that is `by` after `now`, limited to the last date that the type can hold: the clock can be set
/// forward to that date.
fn after(now: OffsetDateTime, by: Duration) -> OffsetDateTime {
    now.saturating_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX))
}

/// Forwards a CancelRequest to PostgreSQL. PostgreSQL does not answer such a request.
pub(super) async fn cancel(postgres: &Path, packet: &[u8]) -> io::Result<()> {
    let mut stream = UnixStream::connect(postgres).await?;
    stream.write_all(packet).await?;
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// The state of the login and of the answers. `answers` and `messages` share this state.
struct Login {
    /// Whether the fault `drop-flight` is set: messages that arrive before the login is done are dropped, up to their
    /// Sync.
    drops_flight: bool,
    /// Whether the first ReadyForQuery has arrived.
    done: AtomicBool,
    /// Notified when a ReadyForQuery, an error or a CopyInResponse has arrived.
    answered: Notify,
}

async fn messages<R, W>(
    from: &mut R,
    to: &mut W,
    session: &Arc<Mutex<Session>>,
    rules: Option<&Database>,
    login: &Login,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pending: Vec<u8> = Vec::with_capacity(CHUNK);
    let mut dropping = DroppedFlight { drops: login.drops_flight, awaits_sync: false };
    loop {
        let mut ready = Vec::new();
        let mut whole = 0;
        let mut cut = false;
        while let Some(length) = frame::first_length(pending.get(whole..).unwrap_or_default())? {
            let Some(bytes) = pending.get(whole..whole + length) else { break };
            let frame = Frame { bytes: bytes.to_vec() };
            whole += length;
            if dropping.drops(&frame) {
                continue;
            }
            let Some(database) = rules else {
                ready.extend(frame.bytes);
                continue;
            };
            let (frame, waits) = on_message(session, frame, |session, frame| {
                let waits = session.must_wait(&frame);
                (frame, waits)
            })
            .await;
            if waits {
                if to.write_all(&std::mem::take(&mut ready)).await.is_err() {
                    return std::future::pending().await;
                }
                while session.lock().await.still_waits(&frame) {
                    login.answered.notified().await;
                }
            }
            match checked(frame, session, database).await {
                Some(sent) => ready.extend(sent),
                None => {
                    cut = true;
                    break;
                }
            }
        }
        if !ready.is_empty() && to.write_all(&ready).await.is_err() {
            // PostgreSQL has ended, and may have sent the reason: `answers` forwards the reason, and ends the session.
            return std::future::pending().await;
        }
        if cut {
            if session.lock().await.ends() {
                return Ok(());
            }
            // The earlier messages are still answered; after that, `answers` ends the session.
            return std::future::pending().await;
        }
        pending.drain(..whole);
        pending.reserve(CHUNK);
        let begun = !pending.is_empty();
        if from.read_buf(&mut pending).await? == 0 {
            return Ok(());
        }
        dropping.reads_on(login.done.load(Ordering::Relaxed), begun);
    }
}

/// Returns the bytes to send to PostgreSQL for a client's message; `None` if the connection must end instead.
async fn checked(frame: Frame, session: &Arc<Mutex<Session>>, database: &Database) -> Option<Vec<u8>> {
    let named = |session: &mut Session, frame: Frame| (session.named_tables(&frame), frame);
    let (tables, frame) = on_message(session, frame, named).await;
    let schema = if tables.is_empty() { None } else { catalog::tables(database, &tables).await };
    on_message(session, frame, move |session, frame| {
        let sent = session.client_message(frame, schema.as_ref());
        (!session.sends_no_more()).then_some(sent)
    })
    .await
}

/// Runs `work` with a message and the session of the message. A long message does not block the threads that serve
/// other sessions.
async fn on_message<T: Send + 'static>(
    session: &Arc<Mutex<Session>>,
    frame: Frame,
    work: impl FnOnce(&mut Session, Frame) -> T + Send + 'static,
) -> T {
    let mut session = session.clone().lock_owned().await;
    if frame.bytes.len() <= SHORT {
        return work(&mut session, frame);
    }
    match tokio::task::spawn_blocking(move || work(&mut session, frame)).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The work was cancelled because the runtime ends; this task then ends too.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The fault `drop-flight`: messages that arrive with the login are dropped, up to their Sync.
struct DroppedFlight {
    drops: bool,
    /// The flight has begun, but its Sync has not arrived. A simple query is complete without a Sync.
    awaits_sync: bool,
}

impl DroppedFlight {
    fn drops(&mut self, frame: &Frame) -> bool {
        let drops = self.drops;
        if drops {
            self.drops = frame.frontend() != FrontendTag::Sync;
            self.awaits_sync = frame.frontend() != FrontendTag::Query;
        }
        drops
    }

    /// Records that more bytes have arrived. `begun` is true if a message was incomplete before these bytes arrived. A
    /// message that begins after the end of the login is dropped only if its flight began before the end of the login.
    fn reads_on(&mut self, login_is_done: bool, begun: bool) {
        self.drops &= !login_is_done || self.awaits_sync || begun;
    }
}

/// The position in PostgreSQL's stream.
#[derive(Clone, Copy)]
enum StreamPosition {
    /// At the start of a message.
    Head,
    /// Inside a message that is forwarded or dropped in pieces: `left` bytes follow, and `passes` states whether the
    /// client gets them.
    Inside { left: usize, passes: bool },
}

/// PostgreSQL's bytes that have arrived and are not forwarded yet.
struct AnswerStream {
    pending: Vec<u8>,
    position: StreamPosition,
}

impl AnswerStream {
    /// Takes the bytes that the client gets now.
    fn take(&mut self, mut session: Option<&mut Session>, login: &Login) -> Vec<u8> {
        let mut ready = Vec::with_capacity(self.pending.len());
        let mut rest = self.pending.as_slice();
        while !rest.is_empty() {
            if let StreamPosition::Inside { left, passes } = self.position {
                let (part, behind) = rest.split_at(left.min(rest.len()));
                if passes {
                    ready.extend_from_slice(part);
                }
                rest = behind;
                self.position = match left - part.len() {
                    0 => StreamPosition::Head,
                    left => StreamPosition::Inside { left, passes },
                };
                continue;
            }
            let Some(&[tag, a, b, c, d]) = rest.first_chunk::<5>() else { break };
            let length = u32::from_be_bytes([a, b, c, d]) as usize + 1;
            if tag == b'Z' {
                login.done.store(true, Ordering::Relaxed);
            }
            if !session.as_deref_mut().is_some_and(|session| session.reads_whole(tag)) {
                let cut = session.as_deref_mut().is_some_and(Session::is_cut_after_commit);
                self.position = StreamPosition::Inside { left: length, passes: !cut };
                continue;
            }
            let (Some(session), Some(bytes)) = (session.as_deref_mut(), rest.get(..length)) else { break };
            ready.extend(session.postgres_message(Frame { bytes: bytes.to_vec() }));
            rest = rest.get(length..).unwrap_or_default();
            if matches!(tag, b'Z' | b'E' | b'G') {
                login.answered.notify_one();
            }
        }
        let left = rest.len();
        self.pending.drain(..self.pending.len() - left);
        ready
    }
}

async fn answers<R, W>(
    from: &mut R,
    to: &mut W,
    session: Option<&Mutex<Session>>,
    cluster: &Cluster,
    login: &Login,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut stream = AnswerStream { pending: Vec::with_capacity(CHUNK), position: StreamPosition::Head };
    loop {
        if from.read_buf(&mut stream.pending).await? == 0 {
            return Ok(());
        }
        let ready = match session {
            Some(session) => stream.take(Some(&mut *session.lock().await), login),
            None => stream.take(None, login),
        };
        stream.pending.reserve(CHUNK);
        if !ready.is_empty() {
            let latency = cluster.faults.latency();
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            to.write_all(&ready).await?;
            to.flush().await?;
        }
        if let Some(session) = session
            && session.lock().await.ends()
        {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::rules::tests::session;

    /// The test's runtime has one thread: work that blocked it would wait forever for the answer of another task.
    #[tokio::test]
    async fn work_on_a_long_message_lets_other_tasks_run() {
        let session = Arc::new(Mutex::new(session()));
        let (answer, answered) = mpsc::channel();
        let long = Frame { bytes: vec![b'Q'; SHORT + 1] };
        let work = on_message(&session, long, move |_, _| answered.recv_timeout(Duration::from_secs(20)));
        let other = async {
            tokio::task::yield_now().await;
            answer.send(())
        };
        let (worked, sent) = tokio::join!(work, other);
        assert!(worked.is_ok() && sent.is_ok());
    }
}

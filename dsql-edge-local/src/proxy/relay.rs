//! A session between a client and PostgreSQL, relayed until either ends.
//!
//! A client's bytes pass as whole messages with their lengths checked, after DSQL's rules. PostgreSQL's bytes pass as
//! they come, except for the few messages that the rules change.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::frame::{self, Frame, FrontendTag};
use crate::cluster::Cluster;
use crate::rules::{Session, catalog};

const CHUNK: usize = 64 * 1024;

/// How often a connection that should end checks whether its transaction is over.
const LOOKS_AGAIN: Duration = Duration::from_millis(50);

/// Relays until one side ends. `reported` is PostgreSQL's first ParameterStatus. With `rules`, the socket of the same
/// PostgreSQL, DSQL's statement rules hold, and the log has the alternative for each rejected statement.
///
/// # Errors
/// A client message longer than DSQL accepts, or a socket's own error. The session is then closed, as a cluster
/// does.
pub(super) async fn relay<S>(
    client: &mut S,
    postgres: &mut UnixStream,
    rules: Option<&Path>,
    cluster: &Arc<Cluster>,
    reported: &Frame,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_postgres, mut to_postgres) = postgres.split();
    let session = Mutex::new(Session::new(cluster.clone()));
    locked(&session).reported(reported);
    let login = Login {
        drops_flight: cluster.faults.drops_flight(),
        done: AtomicBool::new(false),
        answered: Notify::new(),
    };
    // `messages` first: the bytes that came with the login are read before the login is done.
    let ended = tokio::select! {
        biased;
        ended = messages(&mut from_client, &mut to_postgres, &session, rules, &login) => ended,
        ended = answers(&mut from_postgres, &mut to_client, rules.map(|_| &session), cluster, &login) => ended,
        () = lives(cluster, &session) => Ok(()),
    };
    let _ = to_client.shutdown().await;
    ended
}

/// Waits until the connection is as old as DSQL allows. A transaction that is open then has the time of any other.
async fn lives(cluster: &Cluster, session: &Mutex<Session>) {
    let end = after(cluster.clock.now(), cluster.limits.life);
    tokio::select! {
        () = cluster.clock.until(end) => {}
        () = cluster.faults.hour() => {}
    }
    let end = after(cluster.clock.now(), cluster.limits.age);
    while locked(session).is_busy() && cluster.clock.now() < end {
        cluster.clock.until(after(cluster.clock.now(), LOOKS_AGAIN)).await;
    }
    (cluster.log)("connection closed: it is as old as DSQL allows");
}

/// So much later, at the latest at the end of time: a clock can be put forward to there.
fn after(now: OffsetDateTime, by: Duration) -> OffsetDateTime {
    now.saturating_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX))
}

/// Passes a CancelRequest to PostgreSQL, which answers nothing.
pub(super) async fn cancel(postgres: &Path, packet: &[u8]) -> io::Result<()> {
    let mut stream = UnixStream::connect(postgres).await?;
    stream.write_all(packet).await?;
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// The state of the login and of the answers, which `answers` shares with `messages`.
struct Login {
    /// A fault: messages that come before the login is done are dropped, up to their Sync.
    drops_flight: bool,
    /// The first ReadyForQuery has come.
    done: AtomicBool,
    /// A ReadyForQuery has come, an error or CopyInResponse.
    answered: Notify,
}

async fn messages<R, W>(
    from: &mut R,
    to: &mut W,
    session: &Mutex<Session>,
    rules: Option<&Path>,
    login: &Login,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pending: Vec<u8> = Vec::with_capacity(CHUNK);
    let mut dropping = login.drops_flight;
    // A simple query is whole without a Sync.
    let mut awaits_sync = false;
    loop {
        let mut ready = Vec::new();
        let mut whole = 0;
        let mut cut = false;
        while let Some(length) = frame::first_length(pending.get(whole..).unwrap_or_default())? {
            let Some(bytes) = pending.get(whole..whole + length) else { break };
            let frame = Frame { bytes: bytes.to_vec() };
            whole += length;
            if dropping {
                dropping = frame.frontend() != FrontendTag::Sync;
                awaits_sync = frame.frontend() != FrontendTag::Query;
                continue;
            }
            let Some(socket) = rules else {
                ready.extend(frame.bytes);
                continue;
            };
            if locked(session).must_wait(&frame) {
                if to.write_all(&ready).await.is_err() {
                    return std::future::pending().await;
                }
                ready.clear();
                while locked(session).must_wait(&frame) {
                    login.answered.notified().await;
                }
            }
            let tables = locked(session).named_tables(&frame);
            let schema = if tables.is_empty() { None } else { catalog::tables(socket, &tables).await };
            let sent = locked(session).client_message(frame, schema.as_ref());
            if locked(session).sends_no_more() {
                cut = true;
                break;
            }
            ready.extend(sent);
        }
        if !ready.is_empty() && to.write_all(&ready).await.is_err() {
            // PostgreSQL has ended, and may have sent the reason: `answers` passes it on, and ends the session.
            return std::future::pending().await;
        }
        if cut {
            if locked(session).ends() {
                return Ok(());
            }
            // The messages before are still answered: `answers` then ends the session.
            return std::future::pending().await;
        }
        pending.drain(..whole);
        pending.reserve(CHUNK);
        let continues = awaits_sync || !pending.is_empty();
        if from.read_buf(&mut pending).await? == 0 {
            return Ok(());
        }
        // Messages that the client sends after the login have not come with it.
        dropping &= !login.done.load(Ordering::Relaxed) || continues;
    }
}

fn locked(session: &Mutex<Session>) -> std::sync::MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The position in PostgreSQL's stream.
enum StreamPosition {
    /// Before a message.
    Head,
    /// Inside of one that is passed as it comes: so many bytes are left.
    Passing(usize),
    /// Inside of one that the client does not get.
    Dropping(usize),
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
    let mut pending: Vec<u8> = Vec::with_capacity(CHUNK);
    let mut at = StreamPosition::Head;
    loop {
        if from.read_buf(&mut pending).await? == 0 {
            return Ok(());
        }
        let mut ready = Vec::with_capacity(pending.len());
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            match at {
                StreamPosition::Passing(left) => {
                    let (passed, behind) = rest.split_at(left.min(rest.len()));
                    ready.extend_from_slice(passed);
                    rest = behind;
                    at = if left > passed.len() {
                        StreamPosition::Passing(left - passed.len())
                    } else {
                        StreamPosition::Head
                    };
                }
                StreamPosition::Dropping(left) => {
                    let dropped = left.min(rest.len());
                    rest = rest.get(dropped..).unwrap_or_default();
                    at = if left > dropped {
                        StreamPosition::Dropping(left - dropped)
                    } else {
                        StreamPosition::Head
                    };
                }
                StreamPosition::Head => {
                    let Some(&[tag, a, b, c, d]) = rest.first_chunk::<5>() else { break };
                    let length = u32::from_be_bytes([a, b, c, d]) as usize + 1;
                    if tag == b'Z' {
                        login.done.store(true, Ordering::Relaxed);
                    }
                    let Some(session) = session.filter(|session| locked(session).reads_whole(tag)) else {
                        let cut = session.is_some_and(|session| locked(session).is_cut_after_commit());
                        at = if cut {
                            StreamPosition::Dropping(length)
                        } else {
                            StreamPosition::Passing(length)
                        };
                        continue;
                    };
                    let Some(bytes) = rest.get(..length) else { break };
                    let frame = Frame { bytes: bytes.to_vec() };
                    rest = rest.get(length..).unwrap_or_default();
                    ready.extend(locked(session).postgres_message(frame));
                    if matches!(tag, b'Z' | b'E' | b'G') {
                        login.answered.notify_one();
                    }
                }
            }
        }
        let left = rest.len();
        pending.drain(..pending.len() - left);
        pending.reserve(CHUNK);
        if !ready.is_empty() {
            let latency = cluster.faults.latency();
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            to.write_all(&ready).await?;
            to.flush().await?;
        }
        if session.is_some_and(|session| locked(session).ends()) {
            return Ok(());
        }
    }
}

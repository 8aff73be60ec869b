//! Tests a pool between clients and a model server, on an executor that polls a task only after it was woken.
//!
//! Input: frames of clients. Output: the server's answers, and the number of connections. The other executor, that of
//! `src/harness`, polls all tasks all the time, so it cannot detect a task that is never woken again. On the executor
//! of these tests, such a task never runs again, and its client receives no answer.

mod leases;
mod memory;
mod sizes;
mod stream;

use core::future::{Future, poll_fn};
use core::task::{Context, Poll};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Wake;

use super::Pool;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::millis::Millis;
use crate::transport::memory::Network;
use crate::transport::{BoxFuture, Transport};
use crate::wire::lease::Ask;
use crate::wire::{Parameters, frontend};
use stream::End;

/// The tasks, and the network whose clock they share.
#[derive(Clone, Default)]
struct World {
    network: Network,
    spawned: Arc<Mutex<Vec<BoxFuture<()>>>>,
    tasks: Arc<Mutex<Vec<Task>>>,
    server: Arc<Server>,
}

/// The state of the model server: how many connections were opened and closed, and how its streams behave.
#[derive(Default)]
struct Server {
    connections: AtomicUsize,
    closed: AtomicUsize,
    /// The maximum number of bytes of a read; `usize::MAX` for no limit.
    piece: AtomicUsize,
    /// Whether the server stops reading.
    stalls: AtomicBool,
}

type Task = (BoxFuture<()>, Arc<Woken>);

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl World {
    /// A world in which each read from a stream returns at most this number of bytes.
    fn of(piece: usize) -> Self {
        let world = World::default();
        world.server.piece.store(piece, Ordering::Relaxed);
        let dialed = world.clone();
        world.network.serve(move |_| {
            let (ours, theirs) = stream::pair(piece);
            dialed.server.connections.fetch_add(1, Ordering::Relaxed);
            dialed.spawn(serve(theirs, dialed.server.clone()));
            Ok(Box::new(ours))
        });
        world
    }

    fn pool(&self) -> Pool {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret");
        Pool::within(Config::local("localhost:1234", "us-east-1", credentials).unwrap(), self.network.clone())
    }

    /// A client that is connected to the pool.
    fn client(&self, pool: &Pool) -> Client {
        let (ours, theirs) = stream::pair(self.server.piece.load(Ordering::Relaxed));
        self.spawn(pool.receive(Box::new(theirs)));
        Client { end: ours, received: Vec::new() }
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.spawned.lock().unwrap().push(Box::pin(future));
    }

    /// Runs every woken task, until none is left.
    fn run(&self) {
        let mut tasks = core::mem::take(&mut *self.tasks.lock().unwrap());
        loop {
            let spawned = core::mem::take(&mut *self.spawned.lock().unwrap());
            let new = spawned.into_iter().chain(self.network.spawned());
            tasks.extend(new.map(|future| (future, Arc::new(Woken(AtomicBool::new(true))))));
            let before = tasks.len();
            let mut ran = false;
            tasks.retain_mut(|(future, woken)| {
                if !woken.0.swap(false, Ordering::Relaxed) {
                    return true;
                }
                ran = true;
                let waker = woken.clone().into();
                future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
            });
            if !ran && tasks.len() == before && self.spawned.lock().unwrap().is_empty() {
                break;
            }
        }
        *self.tasks.lock().unwrap() = tasks;
    }

    /// Advances the clock, and polls every task, because the end of a timer does not wake a task in this network.
    fn pass(&self, time: Millis) {
        self.run();
        self.network.elapse(core::time::Duration::from_millis(time));
        for (_, woken) in &*self.tasks.lock().unwrap() {
            woken.0.store(true, Ordering::Relaxed);
        }
        self.run();
    }

    /// Runs a client's future until it ends. `None` if the future waits forever.
    fn finish<T: Send + 'static>(&self, part: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        self.spawn(async move {
            let output = part.await;
            *slot.lock().unwrap() = Some(output);
        });
        self.run();
        result.lock().unwrap().take()
    }

    /// Makes a client read up to a frame of this type. The result contains the types of all frames, once the last frame
    /// has arrived.
    fn expects(&self, mut client: Client, last: u8) -> Arc<Mutex<Option<String>>> {
        let reported = Arc::new(Mutex::new(None));
        let slot = reported.clone();
        self.spawn(async move {
            let (tags, _) = client.exchange(Vec::new(), last).await;
            *slot.lock().unwrap() = Some(tags);
        });
        self.run();
        reported
    }

    fn connections(&self) -> usize {
        self.server.connections.load(Ordering::Relaxed)
    }

    fn closed(&self) -> usize {
        self.server.closed.load(Ordering::Relaxed)
    }
}

/// A client that sends and receives raw frames.
struct Client {
    end: End,
    received: Vec<u8>,
}

/// The request for a lease in these tests.
fn ask(open: bool) -> Ask {
    Ask {
        open,
        serially: false,
        spent: false,
        wait: 10_000,
        limit: 30_000,
        prefix: String::new(),
        search_path: String::new(),
    }
}

fn asking(ask: &Ask) -> Vec<u8> {
    let mut bytes = Vec::new();
    ask.write(&mut bytes).unwrap();
    bytes
}

/// Statements and a Sync.
fn flight(statements: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for sql in statements {
        frontend::parse(sql, &[], usize::MAX, &mut bytes).unwrap();
        frontend::execute(&Parameters::default(), &[], false, usize::MAX, &mut bytes).unwrap();
    }
    frontend::sync(&mut bytes);
    bytes
}

impl Client {
    async fn write(&mut self, bytes: Vec<u8>) {
        self.end.start_write(bytes);
        // If the pool has ended the lease, the write fails, but the client can still read its answer.
        let _ = poll_fn(|context| self.end.poll_write(context)).await;
    }

    /// Writes `bytes` and reads at the same time, until a frame of the type `last` has arrived. Returns the types of
    /// all frames that arrived, followed by `.` if the stream ended, and the length of the longest frame.
    async fn exchange(&mut self, bytes: Vec<u8>, last: u8) -> (String, usize) {
        self.end.start_write(bytes);
        let (mut tags, mut longest, mut read) = (String::new(), 0, Vec::new());
        poll_fn(|context| {
            let _ = self.end.poll_write(context);
            loop {
                while let Some((tag, length)) = first_frame(&self.received) {
                    self.received.drain(..length);
                    tags.push(char::from(tag));
                    longest = longest.max(length);
                    if tag == last {
                        return Poll::Ready(());
                    }
                }
                match self.end.poll_read(context, &mut read) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) if !read.is_empty() => self.received.extend_from_slice(&read),
                    Poll::Ready(_) => {
                        tags.push('.');
                        return Poll::Ready(());
                    }
                }
            }
        })
        .await;
        (tags, longest)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end.abort();
    }
}

fn first_frame(bytes: &[u8]) -> Option<(u8, usize)> {
    let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().unwrap()) as usize + 1;
    (bytes.len() >= length).then(|| (bytes[0], length))
}

/// The server's side of a connection: every login succeeds, and each statement is answered as soon as it has arrived.
async fn serve(mut end: End, server: Arc<Server>) {
    let (mut received, mut read, mut answer) = (Vec::<u8>::new(), Vec::new(), Vec::new());
    let (mut started, mut status) = (false, b'I');
    loop {
        let came = poll_fn(|context| match server.stalls.load(Ordering::Relaxed) {
            true => Poll::Pending,
            false => end.poll_read(context, &mut read),
        });
        if came.await.is_err() || read.is_empty() {
            break;
        }
        received.extend_from_slice(&read);
        // Only StartupMessage has no type.
        if !started && received.len() >= 4 {
            received.insert(0, b'0');
            started = true;
        }
        while let Some((tag, length)) = first_frame(&received) {
            let message: Vec<u8> = received.drain(..length).collect();
            match tag {
                b'0' => answer.extend(frame(b'R', &3_u32.to_be_bytes())),
                b'p' => answer.extend([frame(b'R', &[0; 4]), frame(b'Z', b"I")].concat()),
                b'P' => execute(&String::from_utf8_lossy(&message[6..]), &mut status, &mut answer),
                b'S' => answer.extend(frame(b'Z', &[status])),
                _ => {}
            }
        }
        if !answer.is_empty() {
            end.start_write(core::mem::take(&mut answer));
            let _ = poll_fn(|context| end.poll_write(context)).await;
        }
    }
    server.closed.fetch_add(1, Ordering::Relaxed);
}

/// The answer to a statement: `DOWN n` returns a row of n bytes, `SET TimeZone` reports the parameter.
fn execute(sql: &str, status: &mut u8, answer: &mut Vec<u8>) {
    let mut words = sql.split(['\0', ' ']);
    match (words.next(), words.next()) {
        (Some("BEGIN"), _) => *status = b'T',
        (Some("COMMIT" | "ROLLBACK"), _) => *status = b'I',
        (Some("DOWN"), Some(bytes)) => {
            let bytes = bytes.parse().unwrap();
            answer.extend(frame(b'D', &vec![b'x'; bytes]));
        }
        (Some("SET"), Some("TimeZone")) => answer.extend(frame(b'S', b"TimeZone\0UTC\0")),
        _ => {}
    }
    answer.extend(frame(b'C', b"DONE\0"));
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(u32::try_from(body.len()).unwrap() + 4).to_be_bytes(), body].concat()
}

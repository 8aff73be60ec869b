//! The scenarios that clients run, and the outcomes that were reported to them.
//!
//! Input: a [`Dsql`] whose connections may fail. Output: a [`Ledger`] with the reported outcome of each write:
//! committed, nothing changed, or unknown.

use core::cmp::Ordering;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::server::{ROWS, key_token};
use crate::arguments::Arguments;
use crate::error::Error;
use crate::many_rows::rows;
use crate::query::{BulkCommand, Command, KeyInsert, Query};
use crate::statement::{ColumnDesc, Effect, KeyConstraints, SessionEffect, Statement};
use crate::transport::memory::Network;
use crate::types::{NotNull, sql};
use crate::{Dsql, Executor, Transaction};

/// The reported outcome of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientReport {
    Committed,
    Nothing,
    /// Not reported, or reported as unknown.
    Unknown,
}

/// All reports to the client.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) writes: BTreeMap<i32, ClientReport>,
    /// Wrong results: rows that differ from the table's rows, or a result that reports success although the server or
    /// the closure failed.
    pub(super) misread: Vec<String>,
    /// How many reads of the whole table ended with an error.
    pub(super) failed_reads: usize,
    /// The clock.
    pub(super) network: Network,
}

/// The ledger of one run.
pub(super) type Book = Arc<Mutex<Ledger>>;

/// An operation of a client.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// The number of commits that have a conflict.
    pub(super) conflicts: u32,
    /// The number of COMMITs that are answered with ROLLBACK.
    pub(super) rollbacks: u32,
    /// The number of logins whose flights the server drops, beginning with the first login.
    pub(super) drops: u32,
    /// How the server answers direct TLS. If this field is `Some`, the client begins with direct TLS.
    pub(super) direct: Option<DirectTls>,
    /// Whether the outcome of each write must be known in two cases: without a fault, and, for a client without a
    /// pool, if the first connection ends right after the client has opened it.
    pub(super) is_certain: bool,
    pub(super) run: for<'d> fn(&'d Dsql, Book) -> BoxFutureOf<'d>,
}

/// How the server answers direct TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "direct-tls"), allow(dead_code))]
pub(super) enum DirectTls {
    Accepts,
    /// The server closes the connection after the handshake, without a message.
    Closes,
    /// The handshake fails.
    Fails,
}

type BoxFutureOf<'d> = Pin<Box<dyn Future<Output = ()> + Send + 'd>>;

impl Scenario {
    const fn new(name: &'static str, run: for<'d> fn(&'d Dsql, Book) -> BoxFutureOf<'d>) -> Self {
        Scenario { name, conflicts: 0, rollbacks: 0, drops: 0, direct: None, is_certain: false, run }
    }

    #[cfg(feature = "direct-tls")]
    const fn direct(
        name: &'static str,
        direct: DirectTls,
        run: for<'d> fn(&'d Dsql, Book) -> BoxFutureOf<'d>,
    ) -> Self {
        Scenario { direct: Some(direct), is_certain: true, ..Scenario::new(name, run) }
    }
}

/// All scenarios. In almost all of them, the client receives a result of several rows, and an error of the server.
pub(super) const ALL: &[Scenario] = &[
    Scenario::new("connect, query", |dsql, book| Box::pin(queries(dsql, book))),
    Scenario::new("autocommit writes", |dsql, book| Box::pin(writes(dsql, book))),
    Scenario {
        conflicts: 2,
        ..Scenario::new("writes in conflict", |dsql, book| Box::pin(writes(dsql, book)))
    },
    Scenario::new("session", |dsql, book| Box::pin(session(dsql, book))),
    Scenario::new("pipeline", |dsql, book| Box::pin(pipeline(dsql, book))),
    Scenario { conflicts: 1, ..Scenario::new("many rows", |dsql, book| Box::pin(many(dsql, book))) },
    Scenario { conflicts: 1, ..Scenario::new("chunks", |dsql, book| Box::pin(chunks(dsql, book, false))) },
    Scenario {
        rollbacks: 1,
        ..Scenario::new("chunks, ROLLBACK", |dsql, book| Box::pin(chunks(dsql, book, false)))
    },
    Scenario {
        conflicts: 1,
        ..Scenario::new("fused chunks", |dsql, book| Box::pin(chunks(dsql, book, true)))
    },
    Scenario {
        conflicts: 1,
        rollbacks: 1,
        ..Scenario::new("fused chunks, ROLLBACK", |dsql, book| Box::pin(chunks(dsql, book, true)))
    },
    Scenario::new("stream", |dsql, book| Box::pin(stream(dsql, book))),
    Scenario::new("transaction", |dsql, book| Box::pin(transaction(dsql, book))),
    Scenario {
        conflicts: 2,
        ..Scenario::new("transaction in conflict", |dsql, book| Box::pin(transaction(dsql, book)))
    },
    Scenario {
        rollbacks: 1,
        ..Scenario::new("COMMIT, ROLLBACK", |dsql, book| Box::pin(transaction(dsql, book)))
    },
    Scenario::new("a swallowed error", |dsql, book| Box::pin(swallowed(dsql, book))),
    Scenario::new("a closure that fails", |dsql, book| Box::pin(closure_fails(dsql, book))),
    Scenario::new("idempotency key", |dsql, book| Box::pin(once(dsql, book, key))),
    Scenario::new("key, DO NOTHING", |dsql, book| Box::pin(once(dsql, book, key_or_nothing))),
    Scenario::new("key alone", |dsql, book| Box::pin(key_alone(dsql, book))),
    Scenario::new("key, session, swallowed", |dsql, book| Box::pin(key_in_a_session(dsql, book))),
    Scenario {
        drops: 1,
        ..Scenario::new("flight dropped in login", |dsql, book| Box::pin(writes(dsql, book)))
    },
    Scenario {
        drops: 1,
        ..Scenario::new("key dropped in login", |dsql, book| Box::pin(once(dsql, book, key)))
    },
    Scenario::new("two at once", |dsql, book| Box::pin(two_at_once(dsql, book))),
    Scenario {
        is_certain: true,
        ..Scenario::new("warm-up", |dsql, book| Box::pin(after_warm_up(dsql, book, 2)))
    },
    Scenario::new("warm-up, old", |dsql, book| {
        Box::pin(async move {
            dsql.warm_up();
            let pause = book.lock().unwrap().network.sleep(31_000);
            pause.await;
            writes(dsql, book).await;
        })
    }),
    Scenario::new("warm-up, two at once", |dsql, book| {
        Box::pin(async move {
            dsql.warm_up();
            two_at_once(dsql, book).await;
        })
    }),
    #[cfg(feature = "direct-tls")]
    Scenario::direct("direct TLS", DirectTls::Accepts, |dsql, book| Box::pin(writes(dsql, book))),
    #[cfg(feature = "direct-tls")]
    Scenario::direct("direct TLS, closed", DirectTls::Closes, |dsql, book| Box::pin(writes(dsql, book))),
    #[cfg(feature = "direct-tls")]
    Scenario::direct("direct TLS, failing", DirectTls::Fails, |dsql, book| Box::pin(transaction(dsql, book))),
    #[cfg(feature = "direct-tls")]
    Scenario::direct("direct TLS, once", DirectTls::Closes, |dsql, book| Box::pin(once(dsql, book, key))),
    #[cfg(feature = "direct-tls")]
    Scenario::direct("direct TLS, read first", DirectTls::Accepts, |dsql, book| {
        Box::pin(async move {
            let _ = read(dsql, &book).await;
            let mut session = dsql.session();
            // The endpoint has accepted direct TLS, so this write is sent with the login.
            write(&mut session, &book, 1).await;
            write(dsql, &book, 2).await;
        })
    }),
    #[cfg(feature = "direct-tls")]
    Scenario::direct("direct TLS, warm-up", DirectTls::Closes, |dsql, book| {
        Box::pin(after_warm_up(dsql, book, 2))
    }),
];

static SELECT: Statement = Statement {
    columns: &[ColumnDesc { name: "n", type_oid: 23, type_name: "int4" }],
    ..statement("SELECT n FROM t", Effect::Read)
};
static INSERT: Statement = statement("INSERT INTO t VALUES ($1)", Effect::Write);
static KEY: Statement = statement("KEY $1", Effect::Write);
static KEY_OR_NOTHING: Statement = statement("KEY $1 DO NOTHING", Effect::Write);
static CONSTRAINTS: KeyConstraints = KeyConstraints { names: &[], all: true, does_nothing: false };
static BAD: Statement = statement("BAD", Effect::Write);

const fn statement(sql: &'static str, effect: Effect) -> Statement {
    Statement {
        sql,
        name: "",
        file: "src/lib.rs",
        line: 1,
        column: 1,
        params: &[],
        columns: &[],
        formats: &[],
        effect,
        session: SessionEffect::Keeps,
        tables: &["t"],
        search_path: "",
    }
}

fn select() -> Query<i32> {
    Query::new(&SELECT, Arguments::default(), |row| row.column::<sql::Int4, NotNull, i32>(0))
}

fn insert(token: i32) -> Command {
    Command::new(&INSERT, arguments(token))
}

fn bad() -> Command {
    Command::new(&BAD, Arguments::default())
}

fn key(key: i32) -> KeyInsert {
    KeyInsert::new(&KEY, arguments(key), &CONSTRAINTS)
}

fn key_or_nothing(key: i32) -> KeyInsert {
    static DOES_NOTHING: KeyConstraints = KeyConstraints { does_nothing: true, ..CONSTRAINTS };
    KeyInsert::new(&KEY_OR_NOTHING, arguments(key), &DOES_NOTHING)
}

fn arguments(value: i32) -> Arguments {
    let mut arguments = Arguments::with_capacity(1);
    arguments.bind::<sql::Int4, NotNull, i32>(&value);
    arguments
}

/// Reads the table, and checks that the result has exactly the rows of the table.
pub(super) async fn read(executor: impl Executor, book: &Book) -> Result<(), Error> {
    let rows = match select().fetch_all(executor).await {
        Ok(rows) => rows,
        Err(error) => {
            book.lock().unwrap().failed_reads += 1;
            return Err(error);
        }
    };
    if rows != ROWS {
        book.lock().unwrap().misread.push(format!("{rows:?}"));
    }
    Ok(())
}

/// An error of the server must be reported as an error, never as success.
async fn fail(executor: impl Executor, book: &Book) {
    if bad().execute(executor).await.is_ok() {
        book.lock().unwrap().misread.push("an error was reported as success".to_owned());
    }
}

/// Records that the outcome of these writes is not reported yet.
fn begin(book: &Book, tokens: &[i32]) {
    book.lock().unwrap().writes.extend(tokens.iter().map(|token| (*token, ClientReport::Unknown)));
}

/// Records the reported outcome of these writes.
fn reported<T>(book: &Book, tokens: &[i32], result: &Result<T, Error>) {
    let reported = match result {
        Ok(_) => ClientReport::Committed,
        Err(error) if error.is_executed() => ClientReport::Committed,
        Err(error) if error.is_outcome_unknown() => ClientReport::Unknown,
        Err(_) => ClientReport::Nothing,
    };
    book.lock().unwrap().writes.extend(tokens.iter().map(|token| (*token, reported)));
}

async fn queries(dsql: &Dsql, book: Book) {
    let _ = read(dsql, &book).await;
    fail(dsql, &book).await;
    let _ = read(dsql, &book).await;
}

async fn write(executor: impl Executor, book: &Book, token: i32) {
    begin(book, &[token]);
    let result = insert(token).execute(executor).await;
    reported(book, &[token], &result);
}

async fn writes(dsql: &Dsql, book: Book) {
    write(dsql, &book, 1).await;
    write(dsql, &book, 2).await;
    fail(dsql, &book).await;
    let _ = read(dsql, &book).await;
    write(dsql, &book, 3).await;
}

/// Writes on a connection that was opened some moments before.
async fn after_warm_up(dsql: &Dsql, book: Book, moments: usize) {
    dsql.warm_up();
    let mut passed = 0;
    poll_fn(|_| {
        passed += 1;
        if passed > moments { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    writes(dsql, book).await;
}

async fn session(dsql: &Dsql, book: Book) {
    let mut session = dsql.session();
    let _ = read(&mut session, &book).await;
    write(&mut session, &book, 1).await;
    fail(&mut session, &book).await;
    write(&mut session, &book, 2).await;
}

async fn pipeline(dsql: &Dsql, book: Book) {
    begin(&book, &[1, 2]);
    let result = dsql.pipeline((insert(1), select(), insert(2))).await;
    reported(&book, &[1, 2], &result);
    if let Ok((1, rows, 1)) = &result
        && rows[..] == ROWS
    {
    } else if result.is_ok() {
        book.lock().unwrap().misread.push(format!("{result:?}"));
    }
    begin(&book, &[3, 4]);
    let result = dsql.pipeline((insert(3), bad(), insert(4))).await;
    reported(&book, &[3, 4], &result);
    if let Ok((rows, first)) = dsql.pipeline((select(), select().optional())).await {
        book.lock().unwrap().misread.push(format!("not one row: {rows:?} {first:?}"));
    }
}

async fn many(dsql: &Dsql, book: Book) {
    let tokens = [1, 2, 3, 4];
    begin(&book, &tokens);
    let result = insert_all(&tokens).execute(dsql).await;
    reported(&book, &tokens, &result);
    let fused = [5, 6, 7];
    begin(&book, &fused);
    let result = insert_all(&fused).fused().execute(dsql).await;
    reported(&book, &fused, &result);
    fail(dsql, &book).await;
    let _ = read(dsql, &book).await;
}

/// Writes chunks of two rows. An error is about one chunk: the earlier chunks are committed, and the later chunks are
/// not. But fused chunks are sent together, so if the outcome of a chunk is unknown, the outcomes of all later chunks
/// are unknown too.
async fn chunks(dsql: &Dsql, book: Book, fused: bool) {
    let tokens = [1, 2, 3, 4, 5, 6];
    begin(&book, &tokens);
    let mut all = insert_all(&tokens);
    all.bulk.max_rows = 2;
    all.bulk.fused = fused;
    let result = all.execute(dsql).await;
    if let Ok(affected) = &result
        && *affected != 6
    {
        book.lock().unwrap().misread.push(format!("{affected} of 6 rows"));
    }
    let committed = result.as_ref().err().and_then(Error::committed_rows).unwrap_or(0) as usize;
    for (at, chunk) in tokens.chunks(2).enumerate() {
        match (&result, (at * 2).cmp(&committed)) {
            (Err(_), Ordering::Less) => reported(&book, chunk, &Ok(())),
            (Err(error), Ordering::Greater) if !(fused && error.is_outcome_unknown()) => {
                reported::<()>(&book, chunk, &Err(Error::new(crate::error::Kind::NoRows)));
            }
            _ => reported(&book, chunk, &result),
        }
    }
    let _ = read(dsql, &book).await;
}

fn insert_all(tokens: &[i32]) -> BulkCommand<'_> {
    let bind = |token: &i32, arguments: &mut Arguments| arguments.bind::<sql::Int4, NotNull, i32>(token);
    BulkCommand::new(&INSERT, rows(tokens, bind))
}

/// Streams all rows, then writes, then streams only the first row.
async fn stream(dsql: &Dsql, book: Book) {
    let mut stream = select().fetch(dsql);
    let mut rows = Vec::new();
    let ended = loop {
        match stream.next().await {
            Some(Ok(row)) => rows.push(row),
            Some(Err(_)) => break false,
            None => break true,
        }
    };
    drop(stream);
    if (ended && rows != ROWS) || !ROWS.starts_with(&rows) {
        book.lock().unwrap().misread.push(format!("{rows:?}"));
    }
    begin(&book, &[1]);
    let result = insert(1).execute(dsql).await;
    reported(&book, &[1], &result);
    let mut stream = select().fetch(dsql);
    let _ = stream.next().await;
    drop(stream);
    fail(dsql, &book).await;
}

async fn transaction(dsql: &Dsql, book: Book) {
    begin(&book, &[1, 2]);
    let result = dsql
        .transaction(async |tx| {
            read(tx, &book).await?;
            insert(1).execute(tx).await?;
            insert(2).execute(tx).await
        })
        .await;
    reported(&book, &[1, 2], &result);
    begin(&book, &[3]);
    let result = dsql.transaction(async |tx| insert(3).execute(tx).await).await;
    reported(&book, &[3], &result);
    fail(dsql, &book).await;
}

async fn swallowed(dsql: &Dsql, book: Book) {
    begin(&book, &[1, 2]);
    let result = dsql
        .transaction(async |tx| {
            insert(1).execute(tx).await?;
            let _ = bad().execute(tx).await;
            let _ = insert(2).execute(tx).await;
            Ok::<_, Error>(())
        })
        .await;
    reported(&book, &[1, 2], &result);
    let _ = read(dsql, &book).await;
    write(dsql, &book, 3).await;
}

async fn closure_fails(dsql: &Dsql, book: Book) {
    begin(&book, &[1]);
    let result: Result<(), Option<Error>> = dsql
        .transaction(async |tx| {
            insert(1).execute(tx).await.map_err(GivenUp::from)?;
            Err::<(), _>(GivenUp(None))
        })
        .await
        .map_err(|GivenUp(error)| error);
    match result {
        Err(Some(error)) => reported(&book, &[1], &Err::<(), _>(error)),
        Err(None) => drop(book.lock().unwrap().writes.insert(1, ClientReport::Nothing)),
        Ok(()) => {
            book.lock().unwrap().misread.push("a closure that failed was reported as success".to_owned())
        }
    }
    let _ = read(dsql, &book).await;
    fail(dsql, &book).await;
    write(dsql, &book, 2).await;
}

struct GivenUp(Option<Error>);

impl From<Error> for GivenUp {
    fn from(error: Error) -> Self {
        GivenUp(Some(error))
    }
}

async fn once(dsql: &Dsql, book: Book, key: fn(i32) -> KeyInsert) {
    // A user whose answer was lost runs the same operation again. So after a success, this code runs the operation a
    // second time.
    let tokens = [1, key_token(5)];
    for is_first in [true, false] {
        begin(&book, &tokens);
        let result = dsql
            .transaction(async |tx| {
                read(tx, &book).await?;
                insert(1).execute(tx).await
            })
            .idempotency_key(key(5))
            .await;
        // An error of the second run does not show the outcome of the first run, so the error is not recorded.
        if is_first || result.is_ok() {
            reported(&book, &tokens, &result);
        }
        if result.is_err() {
            return;
        }
    }
    fail(dsql, &book).await;
}

/// Runs a closure without a statement, so that only the key's row shows whether the transaction was committed.
async fn key_alone(dsql: &Dsql, book: Book) {
    let tokens = [key_token(6)];
    begin(&book, &tokens);
    let nothing = async |_: Transaction<'_>| Ok::<_, Error>(());
    let result = dsql.transaction(nothing).idempotency_key(key(6)).await;
    reported(&book, &tokens, &result);
    fail(dsql, &book).await;
    let _ = read(dsql, &book).await;
}

/// Runs a transaction on a session. The closure of the transaction ignores the error of a statement and returns `Ok`.
async fn key_in_a_session(dsql: &Dsql, book: Book) {
    let tokens = [key_token(7)];
    let mut session = dsql.session();
    let _ = read(&mut session, &book).await;
    begin(&book, &tokens);
    let swallows = async |tx: Transaction<'_>| {
        let _ = read(tx, &book).await;
        Ok::<_, Error>(())
    };
    let result = session.transaction(swallows).idempotency_key(key(7)).await;
    reported(&book, &tokens, &result);
    fail(&mut session, &book).await;
}

async fn two_at_once(dsql: &Dsql, book: Book) {
    let mut one = pin!(writes(dsql, book.clone()));
    let mut other = pin!(async {
        let _ = read(dsql, &book).await;
        begin(&book, &[11]);
        let result = dsql.transaction(async |tx| insert(11).execute(tx).await).await;
        reported(&book, &[11], &result);
    });
    let (mut one_is_done, mut other_is_done) = (false, false);
    poll_fn(|context| {
        one_is_done = one_is_done || one.as_mut().poll(context).is_ready();
        other_is_done = other_is_done || other.as_mut().poll(context).is_ready();
        if one_is_done && other_is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

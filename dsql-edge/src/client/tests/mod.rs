//! Tests the client with a scripted network. This file contains the scripted answers of a server, and helpers that wait
//! for a result.

mod bulk;
mod chunks;
mod credentials;
#[cfg(feature = "direct-tls")]
mod direct_tls;
mod keys;
mod outcomes;
mod pipelines;
#[cfg(feature = "postgres")]
mod postgres;
mod queries;
mod refresh;
#[cfg(feature = "multi-region")]
mod regions;
mod reports;
mod retries;
mod streams;
#[cfg(feature = "tracing")]
mod traces;
mod transactions;
mod warm_up;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use super::*;
use crate::arguments::Arguments;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::millis::Millis;
use crate::query::{Command, KeyInsert, Query};
use crate::row::DataRow;
use crate::statement::{ColumnDesc, Effect, KeyConstraints, SessionEffect, Statement};
use crate::transport::TransportErrorKind;
use crate::transport::memory::{Network, Step};
use crate::types::{Column, ConversionError, NotNull, Nullable, sql};

const CANARY: &str = "canary";
const SOON: Millis = 10_000;

static READ: Statement = statement("SELECT n FROM t", Effect::Read);
static WRITE: Statement = statement("INSERT INTO t VALUES (1) RETURNING n", Effect::Write);
static DELETE: Statement = Statement { columns: &[], ..statement("DELETE FROM t", Effect::Write) };

const fn statement(sql: &'static str, effect: Effect) -> Statement {
    Statement {
        sql,
        name: "numbers",
        file: "src/lib.rs",
        line: 7,
        column: 1,
        params: &[],
        columns: &[ColumnDesc { name: "n", type_oid: 23, type_name: "int4" }],
        formats: &[1],
        effect,
        session: SessionEffect::Keeps,
        tables: &["t"],
        search_path: "",
    }
}

fn query(statement: &'static Statement) -> Query<i32> {
    Query::new(statement, Arguments::with_capacity(0), |row| row.column::<sql::Int4, NotNull, i32>(0))
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

fn login() -> Vec<u8> {
    [frame(b'R', &[0, 0, 0, 3]), frame(b'R', &[0; 4]), frame(b'K', &[0; 8]), frame(b'Z', b"I")].concat()
}

/// ParseComplete, BindComplete, CommandComplete: the answer to a statement without Describe.
fn control(tag: &str) -> Vec<u8> {
    [frame(b'1', b""), frame(b'2', b""), frame(b'C', format!("{tag}\0").as_bytes())].concat()
}

/// The answer to a statement without columns.
fn done(tag: &str) -> Vec<u8> {
    [frame(b'1', b""), frame(b'2', b""), frame(b'n', b""), frame(b'C', format!("{tag}\0").as_bytes())]
        .concat()
}

/// ReadyForQuery, with its status: idle, in a transaction, or in a failed transaction.
fn ready(status: &[u8; 1]) -> Vec<u8> {
    frame(b'Z', status)
}

/// The answer to [`READ`] or [`WRITE`], without ReadyForQuery.
fn found(values: &[i32]) -> Vec<u8> {
    let mut answer = rows("n", 23, values);
    answer.truncate(answer.len() - ready(b"I").len());
    answer
}

fn rows(name: &str, oid: u32, values: &[i32]) -> Vec<u8> {
    let column =
        [name.as_bytes(), b"\0", &[0; 6], &oid.to_be_bytes(), &[0, 4, 255, 255, 255, 255, 0, 1]].concat();
    let mut answer =
        [frame(b'1', b""), frame(b'2', b""), frame(b'T', &[&[0, 1][..], &column].concat())].concat();
    for value in values {
        answer.extend(frame(b'D', &[&[0, 1, 0, 0, 0, 4][..], &value.to_be_bytes()].concat()));
    }
    answer.extend(frame(b'C', format!("SELECT {}\0", values.len()).as_bytes()));
    answer.extend(frame(b'Z', b"I"));
    answer
}

fn error(severity: &str, code: &str) -> Vec<u8> {
    let fields =
        format!("S{severity}\0V{severity}\0C{code}\0Msorry\0DKey (n)=({CANARY})\0nt_pkey\0tt\0cn\0\0");
    frame(b'E', fields.as_bytes())
}

fn failure(code: &str) -> Vec<u8> {
    [error("ERROR", code), frame(b'Z', b"I")].concat()
}

/// A server that accepts the login and then sends these answers, one for each flight.
fn answers(answers: impl IntoIterator<Item = Vec<u8>>) -> Vec<Step> {
    let mut steps = vec![Step::AwaitWrite, Step::Send(login())];
    for (position, answer) in answers.into_iter().enumerate() {
        if position > 0 {
            steps.push(Step::AwaitWrite);
        }
        steps.push(Step::Send(answer));
    }
    steps.push(Step::Stall);
    steps
}

/// A server that requests the password, and then sends `answer` to the flight that arrives together with the password.
fn serial_login(answer: Vec<u8>) -> Vec<Step> {
    vec![
        Step::AwaitWrite,
        Step::Send(frame(b'R', &[0, 0, 0, 3])),
        Step::AwaitWrite,
        Step::Send([frame(b'R', &[0; 4]), ready(b"I"), answer].concat()),
        Step::Stall,
    ]
}

fn config() -> Config {
    let credentials = Credentials::new(format!("{CANARY}-id"), format!("{CANARY}-key"))
        .with_session_token(format!("{CANARY}-token"));
    Config::local("localhost:1234", "us-east-1", credentials).unwrap().max_attempts(1)
}

/// The configuration of [`config`], with the default number of attempts.
fn retrying() -> Config {
    config().max_attempts(5)
}

/// Polls the future until it is ready, at most ten times.
fn settle<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..10).map(|_| future.as_mut().poll(&mut context)).find(Poll::is_ready).unwrap_or(Poll::Pending)
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match settle(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Polls until the future ends; when the future waits for a timer, the clock is advanced.
fn eventually<T>(network: &Network, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        network.advance();
    }
    panic!("it waits");
}

/// The client's writes, one by one: `login` for StartupMessage, the SQL of each Parse, `|` for Sync, `X` for Terminate.
fn sent(network: &Network) -> Vec<String> {
    let written = network.written();
    written.iter().filter(|bytes| !bytes.is_empty()).map(|bytes| statements_in(bytes)).collect()
}

fn statements_in(mut bytes: &[u8]) -> String {
    let mut words = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        // Only StartupMessage has no tag.
        let (tag, rest) = if *tag == 0 { (b'0', bytes) } else { (*tag, rest) };
        let length = u32::from_be_bytes(*rest.first_chunk().unwrap()) as usize;
        let body = &rest[4..length];
        match tag {
            b'0' => words.push("login".to_owned()),
            b'P' => {
                let sql = body[1..].split(|byte| *byte == 0).next().unwrap();
                words.push(String::from_utf8(sql.to_vec()).unwrap());
            }
            b'S' => words.push("|".to_owned()),
            b'X' => words.push("X".to_owned()),
            _ => {}
        }
        bytes = &rest[length..];
    }
    words.join(" ")
}

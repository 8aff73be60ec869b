//! A model of the server: a table, unique keys, and sessions with the protocol.
//!
//! Input: bytes of a client, in any pieces. Output: complete frames, and the committed rows. The model recognizes the
//! statements of [`scenario`](super::scenario) by their text. Like DSQL, it detects a conflict at COMMIT, and sends
//! CommandComplete before an implicit transaction commits.

use std::collections::{BTreeMap, BTreeSet};

/// The rows of every SELECT.
pub(super) const ROWS: [i32; 4] = [7, -1, 65_536, 1_000_000];

/// The committed rows.
#[derive(Default)]
pub(super) struct Database {
    /// The number of times that each token was inserted.
    pub(super) tokens: BTreeMap<i32, u32>,
    keys: BTreeSet<i32>,
    /// How many of the next writing transactions get a conflict at their commit.
    pub(super) conflicts: u32,
    /// How many of the next COMMITs of writing transactions are answered with ROLLBACK.
    pub(super) rollbacks: u32,
    /// The number of the next logins for which the server drops the frames that arrive with the login, up to and
    /// including the first Sync.
    pub(super) drops: u32,
    /// Describes the first message that a correct client would not have sent.
    pub(super) nonsense: Option<String>,
}

impl Database {
    fn wonder(&mut self, at: &str) {
        self.nonsense.get_or_insert_with(|| format!("the server receives nonsense: {at}"));
    }
}

/// A session of the server.
#[derive(Default)]
pub(super) struct Session {
    unread: Vec<u8>,
    authenticated: bool,
    started: bool,
    gone: bool,
    sql: String,
    arguments: Vec<i32>,
    block: Block,
    /// The rows that this transaction would commit.
    pending: Vec<Effect>,
    skipping: bool,
    /// Whether frames up to the next Sync are dropped.
    dropping: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Block {
    #[default]
    None,
    Open,
    Failed,
}

#[derive(Clone, Copy)]
enum Effect {
    Token(i32),
    Key(i32),
}

impl Session {
    /// Returns the server's answers to these bytes, frame by frame.
    pub(super) fn receive(&mut self, bytes: &[u8], database: &mut Database) -> Vec<Vec<u8>> {
        self.unread.extend_from_slice(bytes);
        let mut out = Vec::new();
        while !self.gone {
            // Only StartupMessage has no tag.
            let header = usize::from(self.started);
            let Some(length) = self.unread.get(header..header + 4) else { break };
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize + header;
            // Seeded bugs send halves of frames.
            if length < header + 4 {
                database.wonder("a length");
                self.gone = true;
                break;
            }
            if self.unread.len() < length {
                break;
            }
            let message: Vec<u8> = self.unread.drain(..length).collect();
            match (self.started, self.authenticated) {
                (false, _) => {
                    self.started = true;
                    out.push(frame(b'R', &3_u32.to_be_bytes()));
                }
                (true, false) => {
                    assert_eq!(message[0], b'p', "a password is due");
                    self.authenticated = true;
                    self.dropping = database.drops > 0;
                    database.drops = database.drops.saturating_sub(1);
                    out.push(frame(b'R', &[0; 4]));
                    out.push(frame(b'S', b"server_version\x0016.13\0"));
                    out.push(frame(b'K', &[0; 8]));
                    out.push(frame(b'Z', b"I"));
                }
                (true, true) => self.message(message[0], &message[5..], database, &mut out),
            }
        }
        out
    }

    fn message(&mut self, tag: u8, body: &[u8], database: &mut Database, out: &mut Vec<Vec<u8>>) {
        match tag {
            _ if self.dropping => self.dropping = tag != b'S',
            b'S' => self.sync(database, out),
            b'X' => self.gone = true,
            _ if self.skipping => {}
            b'P' => {
                let mut sql = body.get(1..).unwrap_or_default().split(|byte| *byte == 0);
                self.sql = String::from_utf8_lossy(sql.next().unwrap_or_default()).into_owned();
                out.push(frame(b'1', b""));
            }
            b'B' => {
                self.arguments = arguments(body).unwrap_or_else(|| {
                    database.wonder("Bind");
                    Vec::new()
                });
                out.push(frame(b'2', b""));
            }
            b'D' => out.push(match self.sql.starts_with("SELECT") {
                true => frame(b'T', b"\x00\x01n\x00\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01"),
                false => frame(b'n', b""),
            }),
            b'E' => self.execute(database, out),
            _ => database.wonder(&format!("{:?}", char::from(tag))),
        }
    }

    fn execute(&mut self, database: &mut Database, out: &mut Vec<Vec<u8>>) {
        let sql = self.sql.clone();
        if self.block == Block::Failed && !matches!(sql.as_str(), "COMMIT" | "ROLLBACK") {
            return self.fail("25P02", out);
        }
        let complete = |tag: &str| frame(b'C', format!("{tag}\0").as_bytes());
        match sql.split(' ').next().unwrap() {
            "BEGIN" => {
                self.block = Block::Open;
                out.push(complete("BEGIN"));
            }
            "COMMIT" if self.block == Block::Failed => {
                self.end();
                out.push(complete("ROLLBACK"));
            }
            "COMMIT" if database.rollbacks > 0 && !self.pending.is_empty() => {
                database.rollbacks -= 1;
                self.end();
                out.push(complete("ROLLBACK"));
            }
            "COMMIT" => match self.commit(database) {
                true => out.push(complete("COMMIT")),
                false => self.fail("40001", out),
            },
            "ROLLBACK" => {
                self.end();
                out.push(complete("ROLLBACK"));
            }
            "SELECT" => {
                for row in ROWS {
                    out.push(frame(b'D', &[&[0, 1, 0, 0, 0, 4][..], &row.to_be_bytes()].concat()));
                }
                out.push(complete(&format!("SELECT {}", ROWS.len())));
            }
            "INSERT" => {
                self.pending.extend(self.arguments.iter().map(|token| Effect::Token(*token)));
                out.push(complete("INSERT 0 1"));
            }
            "KEY" => {
                let key = self.arguments[0];
                if database.keys.contains(&key) {
                    if sql.ends_with("DO NOTHING") {
                        return out.push(complete("INSERT 0 0"));
                    }
                    return self.fail("23505", out);
                }
                self.pending.push(Effect::Key(key));
                out.push(complete("INSERT 0 1"));
            }
            "BAD" => self.fail("22012", out),
            other => database.wonder(other),
        }
    }

    fn sync(&mut self, database: &mut Database, out: &mut Vec<Vec<u8>>) {
        let failed = std::mem::take(&mut self.skipping);
        // At Sync, an implicit transaction ends.
        if self.block == Block::None && !failed && !self.commit(database) {
            out.push(error("40001"));
        }
        out.push(frame(
            b'Z',
            match self.block {
                Block::None => b"I",
                Block::Open => b"T",
                Block::Failed => b"E",
            },
        ));
    }

    /// Ends the transaction. Returns whether the transaction was committed.
    fn commit(&mut self, database: &mut Database) -> bool {
        let effects = std::mem::take(&mut self.pending);
        self.end();
        let taken = |effect: &Effect| matches!(effect, Effect::Key(key) if database.keys.contains(key));
        if effects.iter().any(taken) {
            return false;
        }
        if !effects.is_empty() && database.conflicts > 0 {
            database.conflicts -= 1;
            return false;
        }
        for effect in effects {
            match effect {
                Effect::Token(token) => *database.tokens.entry(token).or_default() += 1,
                Effect::Key(key) => {
                    database.keys.insert(key);
                    *database.tokens.entry(key_token(key)).or_default() += 1;
                }
            }
        }
        true
    }

    fn end(&mut self) {
        self.block = Block::None;
        self.pending.clear();
    }

    fn fail(&mut self, state: &str, out: &mut Vec<Vec<u8>>) {
        self.skipping = true;
        self.pending.clear();
        if self.block == Block::Open {
            self.block = Block::Failed;
        }
        out.push(error(state));
    }
}

/// Returns the token of the row that this idempotency key inserts.
pub(super) fn key_token(key: i32) -> i32 {
    1000 + key
}

/// The parameters of a Bind, each an int4.
fn arguments(body: &[u8]) -> Option<Vec<i32>> {
    let short = |at: usize| Some(usize::from(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?)));
    // Skips the names of the portal and the statement, and the formats.
    let mut at = 2 + 2 + 2 * short(2)?;
    let count = short(at)?;
    at += 2;
    let value = |_| {
        let value = body.get(at + 4..at + 8)?.try_into().ok()?;
        at += 8;
        Some(i32::from_be_bytes(value))
    };
    (0..count).map(value).collect()
}

/// The error of a server that shuts down.
pub(super) fn fatal() -> Vec<u8> {
    frame(b'E', b"SFATAL\0VFATAL\0C57P01\0Msorry\0\0")
}

fn error(state: &str) -> Vec<u8> {
    frame(b'E', format!("SERROR\0VERROR\0C{state}\0Msorry\0\0").as_bytes())
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(u32::try_from(body.len()).unwrap() + 4).to_be_bytes(), body].concat()
}

//! Replays the answers of a real PostgreSQL 16: whole, byte by byte, and cut off after every byte.
//!
//! Input: `transcripts/*.txt`, one file for each of the [`SCENARIOS`], one frame per line: `>` a frame that the client
//! sent, `<` a frame of the server's answer, `=` the resulting event. `DSQL_EDGE_RECORD=host:port:password cargo test
//! -p dsql-edge transcripts` records the files again from a server that requests a cleartext password from the user
//! `postgres`, without TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::wire::Parameters;

/// A statement, and the values of its only parameter: the statement is executed once for each value.
type Executions = (&'static str, &'static [&'static str]);

/// No parameters, executed once.
const ONCE: &[&str] = &[];

struct Scenario {
    name: &'static str,
    pipelined: bool,
    /// A password that the server rejects.
    password: Option<&'static str>,
    /// For each flight, the statements that are sent before its Sync.
    flights: &'static [&'static [Executions]],
}

const fn scenario(name: &'static str, flights: &'static [&'static [Executions]]) -> Scenario {
    Scenario { name, pipelined: true, password: None, flights }
}

/// Input: the number of the turn, and the bytes that were sent in it. Output: the pieces of the server's answer, and
/// whether the server closes the connection after this answer.
type Answering<'a> = &'a mut dyn FnMut(usize, &[u8]) -> (Vec<Vec<u8>>, bool);

const MADE: Executions = ("CREATE TEMPORARY TABLE things (id int4 PRIMARY KEY, name text)", ONCE);

const SCENARIOS: &[Scenario] = &[
    scenario(
        "rows",
        &[&[("SELECT n, NULL::text AS t, now() - now() AS i FROM generate_series(1, 3) n", ONCE)]],
    ),
    Scenario { pipelined: false, ..scenario("password_when_asked", &[&[("SELECT 1 AS n", ONCE)]]) },
    Scenario { password: Some("wrong"), ..scenario("wrong_password", &[&[("SELECT 1 AS n", ONCE)]]) },
    scenario(
        "many_times",
        &[&[MADE], &[("INSERT INTO things VALUES ($1, 'x') RETURNING id", &["1", "2", "3"])]],
    ),
    scenario(
        "error_in_a_pipeline",
        &[
            &[MADE],
            &[("BEGIN", ONCE), ("INSERT INTO things VALUES ($1, 'x')", &["1", "1", "2"]), ("COMMIT", ONCE)],
            &[("ROLLBACK", ONCE)],
            &[("SELECT count(*) FROM things", ONCE)],
        ],
    ),
    scenario(
        "transaction",
        &[
            &[("BEGIN", ONCE), MADE],
            &[("INSERT INTO things SELECT n, 'x' FROM generate_series(1, 2) n", ONCE)],
            &[("COMMIT", ONCE)],
        ],
    ),
    scenario(
        "commit_that_rolls_back",
        &[
            &[("BEGIN", ONCE)],
            &[("SELECT 1 / 0 AS n", ONCE)],
            &[("SELECT 1 AS n", ONCE)],
            &[("COMMIT", ONCE)],
        ],
    ),
    scenario(
        "notices",
        &[
            &[("SELECT 1 AS n", ONCE), ("ROLLBACK", ONCE)],
            &[("", ONCE)],
            &[("SET TimeZone = 'Asia/Tokyo'", ONCE)],
        ],
    ),
    scenario(
        "notifications",
        &[&[("LISTEN things", ONCE)], &[("NOTIFY things, 'said'", ONCE)], &[("SELECT 1 AS n", ONCE)]],
    ),
    scenario("syntax_error", &[&[("SELEKT 1", ONCE)], &[("SELECT nothing FROM nowhere", ONCE)]]),
    scenario(
        "stopped",
        &[&[("SELECT 1 AS n", ONCE)], &[("SELECT pg_terminate_backend(pg_backend_pid())", ONCE)]],
    ),
];

/// One turn of a recording: the bytes that the client sent at once, the server's answer, and the events.
#[derive(Default)]
struct Turn {
    sent: Vec<u8>,
    answered: Vec<u8>,
    events: Vec<String>,
}

impl Scenario {
    fn path(&self) -> PathBuf {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/session/transcripts");
        PathBuf::from(folder).join(self.name).with_extension("txt")
    }

    fn begin(&self, password: &str) -> Connection {
        let mut connection = Connection::new(Limits { message: 1 << 20, row: 1 << 20 });
        let startup = Startup {
            user: "postgres",
            database: "postgres",
            application_name: "dsql-edge",
            search_path: None,
            #[cfg(feature = "postgres")]
            options: None,
        };
        connection.start(&startup, self.password.unwrap_or(password), self.pipelined).unwrap();
        connection
    }

    fn fly(&self, connection: &mut Connection, flight: usize) {
        for (sql, values) in self.flights[flight] {
            connection.statement(sql, &[]).unwrap();
            let one_nothing = [""];
            let times = if values.is_empty() { &one_nothing[..] } else { values };
            for (time, value) in times.iter().enumerate() {
                let mut parameters = Parameters::default();
                if !values.is_empty() {
                    parameters.bytes.extend_from_slice(value.as_bytes());
                    parameters.each.push((Some(value.len()), 0));
                }
                connection.execute(&parameters, &[0], time == 0).unwrap();
            }
        }
        connection.sync().unwrap();
    }

    /// Runs the whole conversation with the answers that `answer` returns.
    fn converse(&self, password: &str, answer: Answering<'_>) -> Vec<Turn> {
        let mut connection = self.begin(password);
        let mut turns: Vec<Turn> = Vec::new();
        let mut flights = 0;
        loop {
            // The first flight is sent with the login.
            if (flights == 0 || connection.is_settled()) && flights < self.flights.len() {
                self.fly(&mut connection, flights);
                flights += 1;
            }
            let Some(sent) = connection.poll_transmit() else { return turns };
            let mut turn = Turn { sent: sent.to_vec(), ..Turn::default() };
            let (pieces, leaves) = answer(turns.len(), &sent);
            let mut alive = true;
            for piece in pieces {
                turn.answered.extend_from_slice(&piece);
                connection.handle_input(&piece);
                alive = alive && drain(&mut connection, &mut turn.events);
            }
            if leaves && alive {
                connection.handle_eof();
                drain(&mut connection, &mut turn.events);
            }
            turns.push(turn);
        }
    }

    fn read(&self) -> Vec<Turn> {
        let text = std::fs::read_to_string(self.path()).expect("it is recorded");
        let mut turns: Vec<Turn> = Vec::new();
        let mut sending = false;
        for line in text.lines() {
            let (mark, rest) = line.split_at_checked(2).expect("a mark and a space");
            if mark == "> " && !sending {
                turns.push(Turn::default());
            }
            sending = mark == "> ";
            let turn = turns.last_mut().expect("the client sends first");
            match mark {
                "> " => turn.sent.extend(unescaped(rest)),
                "< " => turn.answered.extend(unescaped(rest)),
                "= " => turn.events.push(rest.to_owned()),
                _ => panic!("{line}"),
            }
        }
        turns
    }
}

/// Adds all available events. Returns `false` after a fault, which is the last event.
fn drain(connection: &mut Connection, events: &mut Vec<String>) -> bool {
    loop {
        match connection.poll_event() {
            Ok(Some(event)) => events.push(format!("{event:?}")),
            Ok(None) => return true,
            Err(fault) => {
                events.push(format!("{fault:?}"));
                return false;
            }
        }
    }
}

/// Writes the frames, one per line. `untyped`: the first frame has no type, like StartupMessage.
fn frames(mut bytes: &[u8], mark: &str, untyped: bool, out: &mut String) {
    let mut untyped = untyped;
    while !bytes.is_empty() {
        let header = usize::from(!std::mem::take(&mut untyped));
        let length = u32::from_be_bytes(bytes[header..header + 4].try_into().unwrap()) as usize;
        let (frame, rest) = bytes.split_at(header + length);
        out.push_str(&format!("{mark} {}\n", frame.escape_ascii()));
        bytes = rest;
    }
}

/// Reads the output of `escape_ascii`.
fn unescaped(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().expect("something is escaped") {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    out
}

/// Records each scenario with a real server. A turn of the server ends when the server pauses for 300 ms, or closes the
/// connection.
fn record(server: &str) {
    let (address, password) = server.rsplit_once(':').expect("host:port:password");
    for scenario in SCENARIOS {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let turns = scenario.converse(password, &mut |_, sent| {
            socket.write_all(sent).unwrap();
            let mut received = Vec::new();
            let mut piece = [0; 4096];
            loop {
                match socket.read(&mut piece) {
                    Ok(0) => return (vec![received], true),
                    Ok(length) => received.extend_from_slice(&piece[..length]),
                    Err(_) => return (vec![received], false),
                }
            }
        });
        let mut text = String::new();
        for (at, turn) in turns.iter().enumerate() {
            frames(&turn.sent, ">", at == 0, &mut text);
            frames(&turn.answered, "<", false, &mut text);
            turn.events.iter().for_each(|event| text.push_str(&format!("= {event}\n")));
        }
        std::fs::write(scenario.path(), text).unwrap();
        // The first byte of the fuzz target's input selects the client's messages. If this byte is 0, the client sends
        // the password at once, and one statement.
        let answers = turns.iter().flat_map(|turn| &turn.answered).copied();
        let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/backend");
        let seed = PathBuf::from(seed).join(scenario.name);
        std::fs::write(seed, std::iter::once(0).chain(answers).collect::<Vec<u8>>()).unwrap();
    }
}

/// Replays each answer in pieces of this size, and checks that the sent bytes and the events are the recorded ones.
fn replay(piece: usize) {
    for scenario in SCENARIOS {
        let recorded = scenario.read();
        let turns = scenario.converse(PASSWORD, &mut |at, _| {
            let Some(turn) = recorded.get(at) else { return (Vec::new(), true) };
            (turn.answered.chunks(piece).map(<[u8]>::to_vec).collect(), at + 1 == recorded.len())
        });
        assert_eq!(turns.len(), recorded.len(), "{}", scenario.name);
        for (at, (turn, recorded)) in turns.iter().zip(&recorded).enumerate() {
            let name = scenario.name;
            assert_eq!(
                turn.sent.escape_ascii().to_string(),
                recorded.sent.escape_ascii().to_string(),
                "{name} {at}"
            );
            let left = turns.len() == at + 1 && turn.events.len() > recorded.events.len();
            let events = &turn.events[..turn.events.len() - usize::from(left)];
            assert_eq!(events, recorded.events, "{name}, turn {at}, in pieces of {piece}");
            // After the recorded events, the only other event may be the end of the connection.
            assert!(!left || turn.events.last().is_some_and(|last| last == "Closed"), "{name}");
        }
    }
}

/// The password in the recordings.
const PASSWORD: &str = "recorded";

#[test]
fn recordings_give_the_same_events_in_any_pieces() {
    if let Ok(server) = std::env::var("DSQL_EDGE_RECORD") {
        record(&server);
    }
    for piece in [usize::MAX, 1, 2, 3, 5, 64] {
        replay(piece);
    }
}

#[test]
fn recordings_cut_at_any_byte_are_never_complete() {
    let mut cuts = 0;
    for scenario in SCENARIOS {
        let recorded = scenario.read();
        for (last, turn) in recorded.iter().enumerate() {
            for cut in 0..turn.answered.len() {
                let turns = scenario.converse(PASSWORD, &mut |at, _| {
                    let answered = &recorded[at].answered;
                    let length = if at == last { cut } else { answered.len() };
                    (vec![answered[..length].to_vec()], at == last)
                });
                let (name, events) = (scenario.name, &turns[last].events);
                assert_eq!(turns.len(), last + 1, "{name}: no turn follows the cut");
                let (end, before) = events.split_last().expect("an event for the end");
                assert!(turn.events.starts_with(before), "{name}, turn {last}, cut at {cut}: {events:#?}");
                let less = turn.events.is_empty() || before.len() < turn.events.len();
                assert!(less, "{name}, turn {last}, cut at {cut}: {events:#?}");
                assert_eq!(end, "Closed", "{name}, turn {last}, cut at {cut}");
                cuts += 1;
            }
        }
    }
    assert!(cuts > 3000, "{cuts}");
}

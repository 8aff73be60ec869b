//! The entry points of the fuzz targets (`fuzz/`) to this crate's private code, compiled only with `--cfg fuzzing`.
//!
//! Input: hostile bytes. Output: nothing, or a panic that names the broken invariant.

#![allow(missing_docs, clippy::panic, reason = "a fuzz target fails by panicking")]

use crate::session::{Connection, SessionEvent};
use crate::wire::{Limits, Parameters, Startup};

/// Fuzzes a server's answers to the first query of a connection and to the transactions after it. The first byte
/// selects what the client sends.
pub fn backend(data: &[u8]) {
    let Some((ours, answers)) = data.split_first() else { return };
    let whole = conversation(*ours, [answers].into_iter());
    let bytewise = conversation(*ours, answers.chunks(1));
    assert_eq!(whole, bytewise, "the events depend on how the bytes are split");
}

/// The events, as text.
fn conversation<'d>(ours: u8, pieces: impl Iterator<Item = &'d [u8]>) -> Vec<String> {
    let mut connection = Connection::new(Limits { message: 1 << 16, row: 1 << 12 });
    let startup = Startup {
        user: "admin",
        database: "postgres",
        application_name: "fuzz",
        search_path: None,
        #[cfg(feature = "postgres")]
        options: None,
    };
    let begun = connection.start(&startup, "token", ours & 1 == 0);
    assert!(begun.is_ok());
    let mut events = Vec::new();
    let mut flights = 0;
    fly(&mut connection, ours, &mut flights);
    for piece in pieces {
        connection.handle_input(piece);
        if !drain(&mut connection, ours, &mut flights, &mut events) {
            return events;
        }
    }
    connection.handle_eof();
    drain(&mut connection, ours, &mut flights, &mut events);
    events
}

/// Takes all events, and sends the next flight when everything is answered. Returns `false` after a fault.
fn drain(connection: &mut Connection, ours: u8, flights: &mut u32, events: &mut Vec<String>) -> bool {
    loop {
        match connection.poll_event() {
            Ok(Some(event)) => {
                let ready = matches!(event, SessionEvent::Ready(_));
                events.push(format!("{event:?}"));
                // The next flight is sent now, so that in both runs the following bytes belong to that flight. (If all
                // bytes arrive in one piece, the following bytes have already arrived.)
                if ready {
                    fly(connection, ours, flights);
                }
            }
            Ok(None) => return true,
            Err(fault) => {
                events.push(format!("{fault:?}"));
                assert!(!connection.is_idle(), "a failed connection is idle");
                return false;
            }
        }
    }
}

fn fly(connection: &mut Connection, ours: u8, flights: &mut u32) {
    let answers: &[(&str, usize)] = match (ours >> 1) % 4 {
        0 => &[("SELECT 1", 1)],
        1 => &[("INSERT INTO t VALUES ($1)", 3)],
        2 => &[("BEGIN", 1), ("SELECT 1", 2), ("COMMIT", 1)],
        _ if *flights == 0 => &[("BEGIN", 1), ("SELECT 1", 1)],
        _ => &[("COMMIT", 1)],
    };
    *flights += 1;
    for (sql, times) in answers {
        if connection.statement(sql, &[]).is_err() {
            return;
        }
        for time in 0..*times {
            let executed = connection.execute(&Parameters::default(), &[1], time == 0);
            assert!(executed.is_ok(), "a short frame was rejected as too long");
        }
    }
    assert!(connection.sync().is_ok());
    let _sent = connection.poll_transmit();
}

/// Fuzzes the answer to AssumeRole, from STS or from a server in its place. The first byte selects the status.
#[cfg(feature = "assume-role")]
pub fn assumed_role(data: &[u8]) {
    let Some((status, body)) = data.split_first() else { return };
    let Ok(body) = core::str::from_utf8(body) else { return };
    let status = if *status < 128 { 200 } else { 300 + u16::from(*status) };
    let shown = crate::auth::shown_of(status, body, &["canary"]);
    assert!(!shown.contains("canary"), "{shown}");
}

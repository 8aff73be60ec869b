//! Finds a PostgreSQL 16, and shows on stderr that one is being installed: a spinner on a terminal, a line otherwise.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use dsql_edge_local::{Error, Installation, find_or_install};

/// The time between two frames of the spinner.
const FRAME: Duration = Duration::from_millis(100);

const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

const TEXT: &str = "installing PostgreSQL 16 with npm, once";

pub(super) async fn find(wanted: Option<&Path>) -> Result<Installation, Error> {
    let begun: Cell<Option<Instant>> = Cell::new(None);
    let is_terminal = stderr().is_terminal();
    let installing = || {
        begun.set(Some(Instant::now()));
        if !is_terminal {
            eprintln!("dsql-local: {TEXT}");
        }
    };
    let found = tokio::select! {
        found = find_or_install(wanted, installing) => found,
        never = spin(&begun, is_terminal) => match never {},
    };
    if let Some(begun) = begun.get() {
        if is_terminal {
            eprint!("\r\u{1b}[K");
        }
        if let Ok(found) = &found {
            let seconds = begun.elapsed().as_secs();
            eprintln!("dsql-local: PostgreSQL {} is installed ({seconds} s)", found.version);
        }
    }
    found
}

/// Shows the spinner while an installation runs.
async fn spin(begun: &Cell<Option<Instant>>, is_terminal: bool) -> Infallible {
    for frame in FRAMES.iter().cycle() {
        if let Some(begun) = begun.get().filter(|_| is_terminal) {
            eprint!("\r{frame} dsql-local: {TEXT} ({} s)", begun.elapsed().as_secs());
        }
        tokio::time::sleep(FRAME).await;
    }
    std::future::pending().await
}

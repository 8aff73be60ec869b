//! The process that `run` starts beside its command, and that ends the command if `run` itself is killed.
//!
//! In, on standard input: `done` when all is over, or nothing, when the pipe breaks because `run` died.

use std::io::{self, Read};
use std::process::{ExitCode, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::Outcome;
use super::process_tree::{self, Process};

/// What `run` says when the command needs no watching any more.
const DONE: &[u8] = b"done";

pub(crate) fn watch(pid: u32) -> Outcome<ExitCode> {
    let mut said = Vec::new();
    let read = io::stdin().take(64).read_to_end(&mut said);
    if read.is_err() || said != DONE {
        process_tree::of(pid).iter().for_each(Process::kill);
    }
    Ok(ExitCode::SUCCESS)
}

/// The watching process, seen from `run`.
pub(crate) struct Watcher(Child);

impl Watcher {
    pub(crate) fn start(pid: u32) -> io::Result<Watcher> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["watch", &pid.to_string()]).stdin(Stdio::piped()).stdout(Stdio::null());
        // Out of the terminal's reach: Ctrl-C must not end it before its time.
        command.stderr(Stdio::null()).process_group(0);
        command.spawn().map(Watcher)
    }

    pub(crate) async fn dismiss(mut self) {
        if let Some(mut input) = self.0.stdin.take() {
            let _ = input.write_all(DONE).await;
            let _ = input.shutdown().await;
        }
        let _ = self.0.wait().await;
    }
}

//! The process that `run` starts in addition to its command, and that ends the command if `run` itself is killed.
//!
//! `run` writes `done` to the standard input of this process when the command has ended. If `run` was killed, the
//! standard input ends without `done`.

use std::io::{self, Read};
use std::process::{ExitCode, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::CommandResult;
use super::process_tree::{self, Process};

/// The text that `run` writes to standard input after the command's end.
const DONE: &[u8] = b"done";

pub(crate) fn watch(pid: u32) -> CommandResult<ExitCode> {
    let mut input = Vec::new();
    let read = io::stdin().take(64).read_to_end(&mut input);
    if read.is_err() || input != DONE {
        process_tree::of(pid).iter().for_each(Process::kill);
    }
    Ok(ExitCode::SUCCESS)
}

/// The handle with which `run` controls the watching process.
pub(crate) struct Watcher(Child);

impl Watcher {
    pub(crate) fn start(pid: u32) -> io::Result<Watcher> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["watch", &pid.to_string()]).stdin(Stdio::piped()).stdout(Stdio::null());
        // The watcher is outside the terminal's process group, because Ctrl-C must not end it before the command.
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

//! The requests of other processes to a running dsql-local: `dsql-local reset`.
//!
//! Input: a connection to a Unix socket, whose path is in `FOLDER/control`. Output: lines for people, and then the line
//! `done`, or the line `failed` and the lines of the error. Only the user of dsql-local can reach the socket.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dsql_edge_local::Local;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::CommandResult;
use super::replace_file::replace_file;

const FILE: &str = "control";

const RESET: &str = "reset";

/// The line after the lines for people. The lines of the error follow `FAILED`.
const DONE: &str = "done";
const FAILED: &str = "failed";

/// The maximum length of a request, in bytes.
const LONGEST: u64 = 64;

/// The pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes lines for people.
type Report<'r> = &'r (dyn Fn(&str) + Sync);

/// The socket of a running dsql-local.
pub(crate) struct Control(UnixListener);

impl Control {
    pub(super) fn listen(local: &Local, folder: &Path) -> CommandResult<Control> {
        let socket = local.control_socket();
        let of_socket = |error: io::Error| format!("{}: {error}", socket.display());
        let listener = UnixListener::bind(&socket).map_err(of_socket)?;
        let file = folder.join(FILE);
        replace_file(&file, &format!("{}\n", socket.display()), 0o600)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Control(listener))
    }

    /// Answers requests, one after the other. `reset` resets the database, and passes each line of its output to the
    /// function that it receives as its argument.
    pub(crate) async fn serve(self, reset: impl AsyncFn(Report<'_>) -> CommandResult<()>) -> Infallible {
        loop {
            match self.0.accept().await {
                // The other process may have ended.
                Ok((stream, _)) => drop(answer(stream, &reset).await),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

async fn answer(stream: UnixStream, reset: &impl AsyncFn(Report<'_>) -> CommandResult<()>) -> io::Result<()> {
    let (reads, mut writes) = stream.into_split();
    let mut request = String::new();
    BufReader::new(reads.take(LONGEST)).read_line(&mut request).await?;
    if request.trim() != RESET {
        let text = format!("{FAILED}\nthis dsql-local is of another version: stop it, and start it again\n");
        return writes.write_all(text.as_bytes()).await;
    }
    let (lines, mut reported) = mpsc::unbounded_channel::<String>();
    let report = move |line: &str| {
        eprintln!("dsql-local: {line}");
        // The other process may have ended: the reset continues.
        let _ = lines.send(format!("{line}\n"));
    };
    let reset = async move { reset(&report).await.map_err(|error| error.to_string()) };
    let print = async {
        while let Some(line) = reported.recv().await {
            let _ = writes.write_all(line.as_bytes()).await;
        }
    };
    let (done, ()) = tokio::join!(reset, print);
    let last = match done {
        Ok(()) => format!("{DONE}\n"),
        Err(error) => {
            eprintln!("dsql-local: {error}");
            format!("{FAILED}\n{error}\n")
        }
    };
    writes.write_all(last.as_bytes()).await
}

/// Asks the dsql-local of a folder to reset its database, and prints the lines of the answer.
pub(super) async fn request_reset(folder: &Path) -> CommandResult<()> {
    let file = folder.join(FILE);
    let socket = fs::read_to_string(&file).map_err(|error| {
        format!("{}: {error}: the running dsql-local is starting, or of an earlier version", file.display())
    })?;
    let socket = PathBuf::from(socket.trim());
    let stream = UnixStream::connect(&socket).await;
    let stream =
        stream.map_err(|error| format!("the dsql-local of {} does not answer: {error}", folder.display()))?;
    let (reads, mut writes) = stream.into_split();
    writes.write_all(format!("{RESET}\n").as_bytes()).await?;
    let mut lines = BufReader::new(reads).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            DONE => return Ok(()),
            FAILED => {
                let mut error = Vec::new();
                while let Some(line) = lines.next_line().await? {
                    error.push(line);
                }
                return Err(error.join("\n").into());
            }
            _ => eprintln!("dsql-local: {line}"),
        }
    }
    Err("the dsql-local ended during the reset: start it again".into())
}

//! The shell that ends a test server after its last process.
//!
//! The shell reads from a named pipe, `members`. Each process of tests keeps this pipe open for writing, and writes its
//! own name into the pipe. The shell answers with an empty file, `joined.<name>`. If no process has the pipe open, the
//! shell reads the end of the stream; after some time without a new process, the shell closes the pipe and ends
//! PostgreSQL. A process that wrote its name in that moment gets no answer, and its next write fails (`EPIPE`): the
//! process then starts a new server.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use tokio::process::{Child, Command};

use crate::Error;

/// $1: the folder of the socket, which is removed at the end. $2: for how many tenths of a second the shell waits for
/// another process. The other arguments: the command that starts PostgreSQL. Standard input: the pipe.
const SCRIPT: &str = r#"
home=$1; patience=$2; shift 2
exec 3<&0 0</dev/null
"$@" 3<&- &
server=$!
(
    quiet=0
    while [ "$quiet" -lt "$patience" ]; do
        if read -r name <&3; then
            quiet=0
            case $name in
                ''|*[!a-z0-9]*) ;;
                *) : >"$home/joined.$name" ;;
            esac
        else
            quiet=$((quiet + 1))
            sleep 0.1
        fi
    done
    exec 3<&-
    kill -INT "$server"
) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher" 2>/dev/null
tries=0
while ! rm -rf "$home" && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
"#;

/// How long a process waits for the shell's answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The pipe, in the folder of the socket.
const PIPE: &str = "members";

/// The membership of this process. The server runs as long as some process has a `Member`.
#[derive(Debug)]
pub(super) struct Member(#[expect(dead_code, reason = "the pipe must stay open")] File);

/// Joins the server of a folder. `None` if no server runs.
///
/// # Errors
/// Returns an error if the shell does not answer.
pub(super) async fn join(home: &Path) -> Result<Option<Member>, Error> {
    let Some(mut pipe) = open(home) else { return Ok(None) };
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let answer = home.join(format!("joined.{name}"));
    let start = Instant::now();
    if writeln!(pipe, "{name}").is_err() {
        return Ok(None);
    }
    while !answer.exists() {
        // An empty line means nothing to the shell. The write fails if the shell has stopped reading.
        if pipe.write_all(b"\n").is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(None);
        }
        if start.elapsed() > ANSWER {
            return Err(Error::TestServer(format!(
                "the shell that watches {} does not answer: end the processes that use this folder",
                home.display()
            )));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _ = fs::remove_file(answer);
    Ok(Some(Member(pipe)))
}

/// Whether a shell reads the pipe of a server.
pub(super) fn is_watched(home: &Path) -> bool {
    open(home).is_some()
}

/// Opens the pipe for writing; `None` if no shell has it open.
fn open(home: &Path) -> Option<File> {
    OpenOptions::new().write(true).custom_flags(nonblocking()).open(home.join(PIPE)).ok()
}

fn nonblocking() -> i32 {
    OFlags::NONBLOCK.bits().cast_signed()
}

/// Makes the pipe, and returns its two ends. The order of the calls matters: no `open` waits for the other end of the
/// pipe.
pub(super) async fn pipe(home: &Path) -> Result<(Member, File), Error> {
    let path = home.join(PIPE);
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(&path).stdin(Stdio::null()).output().await;
    let made = made.map_err(|error| Error::TestServer(format!("mkfifo: {error}")))?;
    if !made.status.success() {
        let printed = String::from_utf8_lossy(&made.stderr);
        return Err(Error::TestServer(format!("mkfifo: {}", printed.trim())));
    }
    let ends = || {
        let _first = OpenOptions::new().read(true).custom_flags(nonblocking()).open(&path)?;
        let writes = OpenOptions::new().write(true).open(&path)?;
        // Reads of the shell must block, so the reading end is opened again without `NONBLOCK`.
        Ok((Member(writes), File::open(&path)?))
    };
    ends().map_err(Error::file(&path))
}

/// Starts the shell, and PostgreSQL under it. `tenths`: for how many tenths of a second the server waits for another
/// process.
pub(super) fn spawn(
    home: &Path,
    tenths: u32,
    reads: File,
    command: impl IntoIterator<Item = std::ffi::OsString>,
    prepare: impl FnOnce(&mut Command),
) -> io::Result<Child> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "dsql-edge-test"]).arg(home).arg(tenths.to_string()).args(command);
    prepare(&mut shell);
    // Ctrl-C in the terminal ends the tests, and then the shell ends PostgreSQL.
    shell.stdin(reads).process_group(0).spawn()
}

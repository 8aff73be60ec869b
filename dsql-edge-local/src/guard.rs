//! A child process that always ends when this process ends, even if SIGKILL kills this process.
//!
//! A shell runs between this process and the child. The shell's standard input is a pipe whose other end only this
//! process has, so the system closes the pipe when this process ends. When the pipe is closed, the shell kills the
//! child and removes the child's folder. (Linux's parent-death signal needs unsafe code, and other systems do not have
//! one.)

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, ChildStdin, Command};

/// $1: the signal that ends the child. $2: a folder to remove afterwards, or empty. $3: `kept` if the folder remains
/// after a success of the child. The rest: the command.
const SCRIPT: &str = r#"
signal=$1; folder=$2; success=$3; shift 3
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
(cat <&3; kill "-$signal" "$child") >/dev/null 2>&1 &
watcher=$!
wait "$child"; status=$?
kill "$watcher" 2>/dev/null
# The watcher is a copy of this shell. Without this wait, it could outlive this shell.
wait "$watcher" 2>/dev/null
[ "$status$success" = 0kept ] && folder=
# A grandchild that is still ending may write once more: then the folder is not empty yet.
tries=0
while [ -n "$folder" ] && ! rm -rf "$folder" && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
exit "$status"
"#;

/// The time limit for the end of a child whose guard waits in `drop`.
const END: Duration = Duration::from_secs(10);

/// The time at which the guard removes the folder of its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// When the child has ended.
    AtTheEnd,
    /// When the child has ended, if its status is not 0.
    AfterFailure,
}

/// A guarded child process.
#[derive(Debug)]
pub struct Guarded {
    shell: Child,
    leash: Option<ChildStdin>,
}

impl Guarded {
    /// Starts `program` with `arguments`. `signal` (`KILL`, `INT`, …) ends the child when [`Guarded::stop`] is called,
    /// when the returned value is dropped, or when this process ends; `folder` is removed once the child has ended.
    /// `prepare` sets the environment, the output and the working folder; standard input is empty.
    ///
    /// # Errors
    /// Returns an error if no shell can be started. A `program` that cannot be started ends with status 126 or 127.
    pub fn spawn<I>(
        program: &OsStr,
        arguments: I,
        signal: &str,
        folder: Option<&Path>,
        prepare: impl FnOnce(&mut Command),
    ) -> io::Result<Guarded>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let folder = folder.map(|path| (path, Removed::AtTheEnd));
        Guarded::spawn_with(program, arguments, signal, folder, prepare)
    }

    /// Does the same as [`Guarded::spawn`], with the time at which the folder is removed.
    pub(crate) fn spawn_with<I>(
        program: &OsStr,
        arguments: I,
        signal: &str,
        folder: Option<(&Path, Removed)>,
        prepare: impl FnOnce(&mut Command),
    ) -> io::Result<Guarded>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "guard", signal])
            .arg(folder.map_or(OsStr::new(""), |(path, _)| path.as_os_str()))
            .arg(if folder.is_some_and(|(_, removed)| removed == Removed::AfterFailure) {
                "kept"
            } else {
                ""
            })
            .arg(program)
            .args(arguments);
        prepare(&mut command);
        // The child has its own process group, so the terminal's Ctrl-C reaches only this process. After Ctrl-C, this
        // process ends the child in an orderly way.
        command.stdin(Stdio::piped()).process_group(0);
        let mut shell = command.spawn()?;
        let leash = shell.stdin.take();
        Ok(Guarded { shell, leash })
    }

    /// The child's standard output, if `prepare` connected it to a pipe.
    pub fn take_stdout(&mut self) -> Option<tokio::process::ChildStdout> {
        self.shell.stdout.take()
    }

    /// The child's standard error, if `prepare` connected it to a pipe.
    pub fn take_stderr(&mut self) -> Option<tokio::process::ChildStderr> {
        self.shell.stderr.take()
    }

    /// The process id of the shell, whose child is the guarded process. `None` after the shell's end.
    pub fn id(&self) -> Option<u32> {
        self.shell.id()
    }

    /// The exit status, if the child has ended by itself.
    ///
    /// # Errors
    /// Returns an error if the system does not report the exit status.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.shell.try_wait()
    }

    /// Waits until the child ends by itself.
    ///
    /// # Errors
    /// Returns an error if the system does not report the exit status.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.shell.wait().await
    }

    /// Ends the child, and waits for its end, but not longer than `END`. Blocks the thread: for `drop`.
    pub(crate) fn end(mut self) {
        drop(self.leash.take());
        let start = Instant::now();
        while matches!(self.shell.try_wait(), Ok(None)) && start.elapsed() < END {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the child, and waits for its end.
    ///
    /// # Errors
    /// Returns an error if the system does not report the child's end.
    pub async fn stop(mut self) -> io::Result<ExitStatus> {
        drop(self.leash.take());
        self.shell.wait().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alive(pid: &str) -> bool {
        std::process::Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().unwrap().success()
    }

    async fn gone(pid: &str) -> bool {
        let start = Instant::now();
        while alive(pid) {
            if start.elapsed() > Duration::from_secs(20) {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    #[tokio::test]
    async fn dropped_child_ends_and_its_folder_is_removed() {
        let folder = std::env::temp_dir().join(format!("dsql-local-guard-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        let pid_file = std::env::temp_dir().join(format!("dsql-local-guard-{}.pid", std::process::id()));
        let script = format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600", pid_file.display());
        let guarded =
            Guarded::spawn(OsStr::new("/bin/sh"), ["-c", &script], "KILL", Some(&folder), |_| {}).unwrap();
        let pid = loop {
            match std::fs::read_to_string(&pid_file) {
                Ok(text) => break text.trim().to_owned(),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        assert!(alive(&pid));
        drop(guarded);
        assert!(gone(&pid).await, "{pid} still runs after its guard has ended");
        let start = Instant::now();
        while folder.exists() && start.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!folder.exists());
        std::fs::remove_file(pid_file).unwrap();
    }

    #[tokio::test]
    async fn child_that_ends_by_itself_reports_its_status() {
        let guarded = Guarded::spawn(OsStr::new("/bin/sh"), ["-c", "exit 7"], "KILL", None, |_| {}).unwrap();
        let mut guarded = guarded;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = guarded.ended().unwrap() {
                break status;
            }
            assert!(start.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(status.code(), Some(7));
    }
}

//! Waits until a data folder is free: after `kill -9` of a dsql-local, its PostgreSQL takes some time to shut down.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::error::Error;

/// The time limit for the shutdown of a PostgreSQL.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Waits until no PostgreSQL uses the data.
///
/// # Errors
/// Returns an error if a PostgreSQL still uses the data after `SHUTDOWN`.
pub(crate) async fn wait(data: &Path) -> Result<(), Error> {
    let start = Instant::now();
    while let Some(pid) = server(data) {
        if start.elapsed() > SHUTDOWN {
            let data = data.display();
            return Err(Error::Postgres(format!(
                "the data in {data} is in use by process {pid}: stop it if it is a PostgreSQL; otherwise the file \
                 {data}/postmaster.pid is old: remove it"
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until no PostgreSQL uses the data, but not longer than `time`. Returns whether the data is free.
pub(crate) async fn ends_within(data: &Path, time: Duration) -> bool {
    let start = Instant::now();
    while server(data).is_some() {
        if start.elapsed() > time {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

/// Ends the PostgreSQL that uses the data, without a checkpoint.
pub(crate) fn quit(data: &Path) {
    if let Some(pid) = server(data).and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::QUIT);
    }
}

/// The number of bytes of `postmaster.pid` that are read: only its first line, a number, is needed.
const LONGEST: u64 = 32;

/// The process id of the server that uses the data: the first line of `postmaster.pid` in the data folder. This file
/// may contain anything. As in PostgreSQL (`CreateLockFile` in `miscinit.c` of PostgreSQL 16), a process to which this
/// user may not send a signal cannot be a server with this user's data: the file is old, and another process now has
/// this process id.
pub(crate) fn server(data: &Path) -> Option<i32> {
    let path = data.join("postmaster.pid");
    if !fs::metadata(&path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    let line = std::str::from_utf8(text.split(|byte| *byte == b'\n').next()?).ok()?;
    // A negative number is PostgreSQL's mark of a server without other processes (`postgres --single`).
    let pid = line.trim().parse::<i32>().ok()?.checked_abs().filter(|pid| *pid > 0)?;
    let is_ours = u32::try_from(pid) == Ok(std::process::id());
    match test_kill_process(Pid::from_raw(pid)?) {
        Err(Errno::SRCH | Errno::PERM) => None,
        _ if is_ours || is_of_another_user(pid, data) => None,
        _ => Some(pid),
    }
}

/// Whether the owner of a process differs from the owner of the data. For root, a permitted signal proves nothing, and
/// PostgreSQL runs as the owner of the data, so the owners are compared. Without `/proc`, returns false.
fn is_of_another_user(pid: i32, data: &Path) -> bool {
    let owner = |path: &Path| fs::metadata(path).map(|it| it.uid()).ok();
    let process = owner(&Path::new("/proc").join(pid.to_string()));
    process.is_some_and(|process| owner(data).is_some_and(|data| process != data))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn hostile_pid_file_is_not_a_server() {
        let folder = std::env::temp_dir().join(format!("dsql-local-in-use-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut other = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let running = i32::try_from(other.id()).unwrap();
        let own = std::process::id().to_string();
        let minimum = i32::MIN.to_string();
        let (one, single) = (running.to_string(), format!("-{running}\n/data\n"));
        let with_lines = format!("{running}\n/data\n17\n");
        for (text, server_of) in [
            (&b""[..], None),
            (b"\n", None),
            (b"0\n", None),
            (minimum.as_bytes(), None),
            (b"2147483648\n", None),
            (b"99999999999999999999999999999999999999999999\n", None),
            (b"1\xff\n", None),
            (own.as_bytes(), None),
            (one.as_bytes(), Some(running)),
            (with_lines.as_bytes(), Some(running)),
            (single.as_bytes(), Some(running)),
        ] {
            fs::write(folder.join("postmaster.pid"), text).unwrap();
            assert_eq!(server(&folder), server_of, "{:?}", String::from_utf8_lossy(text));
        }
        // The process of another user: for root, PostgreSQL runs as the owner of the data.
        if std::os::unix::fs::chown(&folder, Some(65_534), None).is_ok() {
            fs::write(folder.join("postmaster.pid"), &one).unwrap();
            assert_eq!(server(&folder), None);
        }
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(server(&folder), None);
        fs::remove_file(folder.join("postmaster.pid")).unwrap();
        fs::create_dir(folder.join("postmaster.pid")).unwrap();
        assert_eq!(server(&folder), None);
        fs::remove_dir_all(folder).unwrap();
    }
}

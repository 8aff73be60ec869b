//! Waits until a data folder is free: after `kill -9` of a dsql-local, its PostgreSQL takes some time to shut down.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::error::Error;

/// How long the shutdown of a PostgreSQL may take.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Waits until no PostgreSQL runs on the data.
///
/// # Errors
/// A PostgreSQL still runs on it after `SHUTDOWN`.
pub(super) async fn wait(data: &Path) -> Result<(), Error> {
    let start = Instant::now();
    while let Some(pid) = server(data) {
        if start.elapsed() > SHUTDOWN {
            let data = data.display();
            return Err(Error::Postgres(format!("the data in {data} is in use by process {pid}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The process id of the server that runs on the data: the first line of its `postmaster.pid`.
fn server(data: &Path) -> Option<i32> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    match test_kill_process(Pid::from_raw(pid)?) {
        Err(Errno::SRCH) => None,
        _ => Some(pid),
    }
}

//! A process and its descendants: `npx` starts a shell, which starts node, which starts workerd.
//!
//! Input: a process id. Output: the current descendants of the process, each with its start time, so that a signal
//! never reaches another process that later gets the same process id.

use rustix::process::{Pid, Signal, kill_process};

/// A process that was alive when the list was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pid: u32,
    parent: u32,
    started: String,
}

/// The process and its descendants, the process itself first.
pub(crate) fn of(pid: u32) -> Vec<Process> {
    let all = all();
    let mut tree: Vec<Process> = all.iter().filter(|process| process.pid == pid).cloned().collect();
    let mut at = 0;
    while let Some(parent) = tree.get(at).map(|process| process.pid) {
        at += 1;
        let children = all.iter().filter(|process| process.parent == parent && !tree.contains(process));
        let children: Vec<Process> = children.cloned().collect();
        tree.extend(children);
    }
    tree
}

impl Process {
    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let same = all().into_iter().any(|now| now.pid == self.pid && now.started == self.started);
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let (true, Some(pid)) = (same, pid) {
            let _ = kill_process(pid, signal);
        }
    }
}

#[cfg(target_os = "linux")]
fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // "pid (name) state parent … starttime …": a name may contain any characters, so the fields are counted
            // from the end of the name.
            let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
            let (state, parent, started) = (fields.first()?, fields.get(1)?, fields.get(19)?);
            (*state != "Z").then_some(())?;
            Some(Process { pid, parent: parent.parse().ok()?, started: (*started).to_owned() })
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn all() -> Vec<Process> {
    let Ok(output) = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid=,lstart="]).output()
    else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (pid, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Process { pid, parent, started: fields.collect::<Vec<_>>().join(" ") })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    #[test]
    fn all_descendants_are_found_and_end() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "sh -c 'sleep 600; :' ; :"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let tree = loop {
            let tree = of(child.id());
            if tree.len() >= 3 {
                break tree;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{tree:?}");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(tree[0].pid, child.id());
        let mut other = tree[2].clone();
        other.started.push('0');
        other.kill();
        assert_eq!(of(child.id()).len(), 3, "a process with another start time is not included");
        tree.iter().rev().for_each(Process::kill);
        child.wait().unwrap();
        let start = Instant::now();
        while all().iter().any(|process| tree.contains(process)) {
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

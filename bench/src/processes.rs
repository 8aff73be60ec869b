//! The processor time of a process, from `/proc`.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

/// The processor time of a process since its start, in milliseconds: in user mode and in the system.
pub fn processor_ms(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may contain spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() * 1000.0 / ticks_per_second())
}

fn ticks_per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let output = Command::new("getconf").arg("CLK_TCK").output();
        let text = output.ok().and_then(|output| String::from_utf8(output.stdout).ok());
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(100.0)
    })
}

/// Returns the share of the processor time since `before` that was idle, and the counters to pass to the next call.
pub fn idle_share(before: Option<(f64, f64)>) -> (Option<f64>, Option<(f64, f64)>) {
    let now = counters();
    let share = before
        .zip(now)
        .map(|((idle, all), (idle_now, all_now))| (idle_now - idle) / (all_now - all).max(1.0));
    (share, now)
}

/// The idle time and the whole time of all processors, in ticks.
fn counters() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let times: Vec<f64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    Some((times.get(3)? + times.get(4)?, times.iter().take(8).sum()))
}

//! The measurements as the measuring program (`bench/src/main.rs`) records them.

use anyhow::{Context, Result};
use serde::Deserialize;
use xtask::peers::{CLIENTS, Client, ONE_ROW, SOCKET};

/// One line of the measuring program.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Machine(Machine),
    Size(Size),
    Turns(Turns),
    Isolate(Isolate),
    Processor(Processor),
    Memory(Memory),
    Conflicts(Conflicts),
    Load(Load),
    End { seconds: f64 },
}

/// Where and when the measurements were taken.
#[derive(Deserialize)]
pub(super) struct Machine {
    pub(super) date: String,
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) load_before: String,
    pub(super) system: String,
    pub(super) versions: Vec<(String, String)>,
    arguments: String,
    /// `http_ms` is the time of a request without a query; `network` has each configured round trip and the measured
    /// one. All times are in milliseconds.
    pub(super) http_ms: f64,
    pub(super) network: Vec<(u64, f64)>,
}

/// The size of a Worker, in bytes.
#[derive(Deserialize)]
pub(super) struct Size {
    pub(super) client: String,
    pub(super) raw: f64,
    pub(super) gzip: f64,
}

/// The times of one client in one case.
#[derive(Deserialize)]
pub(super) struct Turns {
    pub(super) case: String,
    pub(super) title: String,
    pub(super) client: String,
    pub(super) round_trip: u64,
    pub(super) ms: Vec<f64>,
    pub(super) connections: usize,
    pub(super) round_trips: usize,
    pub(super) sent: f64,
    pub(super) received: f64,
}

/// The times of the first answers of fresh isolates. The case `one` is a request with a query, and `nothing` is a
/// request without a query.
#[derive(Deserialize)]
pub(super) struct Isolate {
    pub(super) case: String,
    pub(super) client: String,
    pub(super) ms: Vec<f64>,
}

/// Processor time of workerd for one request, for each round.
#[derive(Deserialize)]
pub(super) struct Processor {
    pub(super) case: String,
    pub(super) title: String,
    pub(super) client: String,
    pub(super) ms: Vec<f64>,
}

/// The resident memory of workerd: before many requests, after half of these requests, and after all of these requests.
#[derive(Deserialize)]
pub(super) struct Memory {
    pub(super) client: String,
    pub(super) requests: f64,
    pub(super) before_kb: f64,
    pub(super) half_kb: f64,
    pub(super) after_kb: f64,
}

impl Memory {
    /// Growth per request in kB, over all requests.
    pub(super) fn growth(&self) -> f64 {
        (self.after_kb - self.before_kb) / self.requests
    }

    /// Growth per request in kB, over the second half of the requests.
    pub(super) fn later_growth(&self) -> f64 {
        (self.after_kb - self.half_kb) / (self.requests / 2.0)
    }
}

/// The results of transactions while every third commit conflicts.
#[derive(Deserialize)]
pub(super) struct Conflicts {
    pub(super) client: String,
    pub(super) requests: u64,
    pub(super) answered: u64,
    pub(super) rows: u64,
    pub(super) error: Option<String>,
}

/// The results of requests that exceed the cluster's connection rate.
#[derive(Deserialize)]
pub(super) struct Load {
    pub(super) client: String,
    pub(super) rate: u64,
    pub(super) times: u64,
    pub(super) requests: u64,
    pub(super) seconds: u64,
    pub(super) round_trip: u64,
    pub(super) sending_s: f64,
    pub(super) whole_s: f64,
    pub(super) ms: Vec<f64>,
    pub(super) errors: u64,
    pub(super) error: Option<String>,
    pub(super) idle: Option<f64>,
    pub(super) harness: Option<f64>,
}

/// All measurements of one run.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) machine: Option<Machine>,
    /// The arguments of each run from which figures were taken.
    pub(super) arguments: Vec<String>,
    pub(super) sizes: Vec<Size>,
    pub(super) turns: Vec<Turns>,
    pub(super) isolates: Vec<Isolate>,
    pub(super) processor: Vec<Processor>,
    pub(super) memory: Vec<Memory>,
    pub(super) conflicts: Vec<Conflicts>,
    pub(super) loads: Vec<Load>,
    pub(super) seconds: f64,
}

impl Measured {
    /// Reads the lines of the measuring program.
    pub(super) fn read(lines: &str) -> Result<Measured> {
        let mut all = Measured::default();
        for line in lines.lines() {
            match serde_json::from_str(line).with_context(|| line.to_owned())? {
                Line::Machine(machine) => {
                    all.arguments.push(machine.arguments.clone());
                    all.machine = Some(machine);
                }
                Line::Size(size) => all.sizes.push(size),
                Line::Turns(turns) => all.turns.push(turns),
                Line::Isolate(isolate) => all.isolates.push(isolate),
                Line::Processor(processor) => all.processor.push(processor),
                Line::Memory(memory) => all.memory.push(memory),
                Line::Conflicts(conflicts) => all.conflicts.push(conflicts),
                Line::Load(load) => all.loads.push(load),
                Line::End { seconds } => all.seconds += seconds,
            }
        }
        Ok(all)
    }
}

/// Returns the lines of the later run, and the lines of the earlier run whose kind the later run has not measured. The
/// times and the arguments of both runs are kept, because the page shows them.
pub(super) fn merged(before: &str, new: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let kind = |line: &str| -> Result<String> {
        Ok(serde_json::from_str::<Kind>(line).with_context(|| line.to_owned())?.kind)
    };
    let measured = new.lines().map(kind).collect::<Result<Vec<String>>>()?;
    let mut out = String::new();
    for line in before.lines() {
        let kind = kind(line)?;
        if kind == "end" || kind == "machine" || !measured.contains(&kind) {
            out.extend([line, "\n"]);
        }
    }
    Ok(out + new)
}

/// The client with this name.
pub(super) fn client(name: &str) -> Option<&'static Client> {
    CLIENTS.iter().chain([&SOCKET]).chain(&ONE_ROW).find(|client| client.name == name)
}

/// The name of a client in tables.
pub(super) fn title(name: &str) -> &str {
    client(name).map_or(name, |client| client.title)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn later_run_replaces_the_kinds_that_it_measured() {
        let before = "{\"kind\":\"machine\"}\n{\"kind\":\"size\",\"n\":1}\n{\"kind\":\"load\",\"n\":1}\n{\"kind\":\"end\",\"seconds\":1}\n";
        let new = "{\"kind\":\"machine\"}\n{\"kind\":\"load\",\"n\":2}\n{\"kind\":\"end\",\"seconds\":2}\n";
        let kept = "{\"kind\":\"machine\"}\n{\"kind\":\"size\",\"n\":1}\n{\"kind\":\"end\",\"seconds\":1}\n"
            .to_owned();
        assert_eq!(merged(before, new).unwrap(), kept + new);
        assert!(merged("", "no JSON").is_err());
    }
}

//! Chooses the figures that the charts of a run show.

use xtask::peers::{CLIENTS, Client, SOCKET};

use super::chart::{Bar, Panel};
use super::measured::{Measured, Memory};
use super::report::{number, per_second};
use super::statistics::{median, percentile};

/// The median time of each client in each case, or only in the cases that are named.
pub(super) fn times(measured: &Measured, round_trip: u64, cases: &[&str]) -> Vec<Panel> {
    let of_round_trip = || measured.turns.iter().filter(|turns| turns.round_trip == round_trip);
    let mut panels: Vec<Panel> = Vec::new();
    let mut seen = Vec::new();
    for turns in of_round_trip() {
        if seen.contains(&&turns.case) || !(cases.is_empty() || cases.contains(&turns.case.as_str())) {
            continue;
        }
        seen.push(&turns.case);
        let of = |client: &Client| {
            let turns = of_round_trip().find(|it| it.case == turns.case && it.client == client.name)?;
            Some(median(&turns.ms))
        };
        panels.push(panel(&format!("{}, ms", turns.title), CLIENTS.iter(), of));
    }
    panels
}

/// Size, first answer, processor time and memory.
pub(super) fn costs(measured: &Measured) -> Vec<Panel> {
    let with_socket = || CLIENTS.iter().chain([&SOCKET]);
    let size = |client: &Client| {
        measured.sizes.iter().find(|size| size.client == client.name).map(|size| size.gzip / 1000.0)
    };
    let isolate = |client: &Client| {
        let mut isolates = measured.isolates.iter();
        isolates.find(|it| it.case == "one" && it.client == client.name).map(|it| median(&it.ms))
    };
    let mut panels = vec![
        panel("size of the Worker, gzip -9, kB", CLIENTS.iter(), size),
        panel("first answer of a fresh isolate, ms", CLIENTS.iter(), isolate),
    ];
    let mut seen = Vec::new();
    for processor in &measured.processor {
        if seen.contains(&&processor.case) {
            continue;
        }
        seen.push(&processor.case);
        let of = |client: &Client| {
            let mut all = measured.processor.iter();
            all.find(|it| it.case == processor.case && it.client == client.name).map(|it| median(&it.ms))
        };
        panels.push(panel(&format!("processor, {}, ms", processor.title), with_socket(), of));
    }
    let memory = |client: &Client| {
        measured.memory.iter().find(|memory| memory.client == client.name).map(Memory::growth)
    };
    panels.push(panel("memory that workerd keeps for a request, kB", with_socket(), memory));
    panels
}

/// The charts of requests that exceed the connection rate, and of rows that were not written because of a conflict.
pub(super) fn loads(measured: &Measured) -> Vec<Panel> {
    let load = |client: &Client| measured.loads.iter().find(|load| load.client == client.name);
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let errors = |client: &Client| {
        let load = load(client)?;
        Some(load.errors as f64 * 100.0 / load.requests as f64)
    };
    #[allow(clippy::cast_precision_loss, reason = "small counts")]
    let missing = |client: &Client| {
        let conflicts = measured.conflicts.iter().find(|it| it.client == client.name)?;
        let missing = conflicts.requests.saturating_sub(conflicts.rows);
        Some(missing as f64 * 100.0 / conflicts.requests as f64)
    };
    vec![
        panel("correct answers per second", CLIENTS.iter(), |client| load(client).map(per_second)),
        panel("errors, % of the requests", CLIENTS.iter(), errors),
        panel("p99 of the answers, ms", CLIENTS.iter(), |client| {
            load(client).map(|load| percentile(&load.ms, 0.99))
        }),
        panel("missing rows, conflict on every third commit, %", CLIENTS.iter(), missing),
    ]
}

/// A bar for each client that has a value.
fn panel<'a>(
    title: &str,
    clients: impl Iterator<Item = &'a Client>,
    value: impl Fn(&Client) -> Option<f64>,
) -> Panel {
    let bar = |client: &Client| {
        value(client).map(|value| Bar {
            label: client.title.to_owned(),
            value: value.max(0.0),
            text: number(value),
            is_ours: client.is_ours(),
        })
    };
    let mut letters = title.chars();
    let title = letters.next().map(|first| first.to_uppercase().chain(letters).collect());
    Panel { title: title.unwrap_or_default(), bars: clients.filter_map(bar).collect() }
}

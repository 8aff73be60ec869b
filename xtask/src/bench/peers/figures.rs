//! The figures of a run as JSON lines, in the form of the other benchmarks.

use xtask::peers::OURS;

use super::measured::{Measured, Turns, title};
use super::report::per_second;
use super::statistics::{median, paired_ratio, percentile};
use crate::bench::figures::Figures;

pub(super) fn print(measured: &Measured) {
    let figures = Figures::new("peers", true);
    let figure = |case: &str, value: f64, unit: &str| figures.figure(case, value, unit, None);
    for size in &measured.sizes {
        figure(&format!("size, {}, raw", title(&size.client)), size.raw / 1000.0, "kB");
        figure(&format!("size, {}, gzip -9", title(&size.client)), size.gzip / 1000.0, "kB");
    }
    for turns in &measured.turns {
        let case = format!("{} ms, {}, {}", turns.round_trip, turns.title, title(&turns.client));
        figure(&format!("{case}, median"), median(&turns.ms), "ms");
        figure(&format!("{case}, p95"), percentile(&turns.ms, 0.95), "ms");
        if let Some(ours) = ours(measured, turns) {
            figure(&format!("{case}, dsql-edge divided by it"), paired_ratio(&ours.ms, &turns.ms), "ratio");
        }
        figure(&format!("{case}, round trips"), count(turns.round_trips), "round trips");
        figure(&format!("{case}, connections"), count(turns.connections), "connections");
        figure(&format!("{case}, sent"), turns.sent / 1000.0, "kB");
        figure(&format!("{case}, received"), turns.received / 1000.0, "kB");
    }
    for isolate in &measured.isolates {
        let case = format!("first answer ({}), {}", isolate.case, title(&isolate.client));
        figure(&format!("{case}, median"), median(&isolate.ms), "ms");
        figure(&format!("{case}, p95"), percentile(&isolate.ms, 0.95), "ms");
    }
    for processor in &measured.processor {
        let case = format!("processor time, {}, {}", processor.title, title(&processor.client));
        figure(&case, median(&processor.ms), "ms");
    }
    for memory in &measured.memory {
        let case = format!("memory for a request, {}", title(&memory.client));
        figure(&case, memory.growth(), "kB");
        figure(&format!("{case}, in the second half"), memory.later_growth(), "kB");
    }
    for conflicts in &measured.conflicts {
        let case = format!("conflicts, {}", title(&conflicts.client));
        figure(&format!("{case}, requests"), number(conflicts.requests), "requests");
        figure(&format!("{case}, succeeded"), number(conflicts.answered), "requests");
        figure(&format!("{case}, rows"), number(conflicts.rows), "rows");
    }
    for load in &measured.loads {
        let case = format!("{} times the connection rate, {}", load.times, title(&load.client));
        figure(&format!("{case}, answers a second"), per_second(load), "1/s");
        figure(&format!("{case}, errors"), number(load.errors), "errors");
        figure(&format!("{case}, p99"), percentile(&load.ms, 0.99), "ms");
    }
}

/// Returns dsql-edge's turns of the same case with the same round trip, if `turns` are the turns of another client.
fn ours<'a>(measured: &'a Measured, turns: &Turns) -> Option<&'a Turns> {
    let same =
        |it: &&Turns| it.client == OURS.name && it.case == turns.case && it.round_trip == turns.round_trip;
    measured.turns.iter().find(same).filter(|ours| ours.client != turns.client)
}

#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn count(value: usize) -> f64 {
    value as f64
}

#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn number(value: u64) -> f64 {
    value as f64
}

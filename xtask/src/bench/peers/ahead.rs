//! Collects the figures in which another client is ahead of dsql-edge in a separate table, so that nobody has to search
//! for these figures.

use xtask::peers::{OURS, SOCKET};

use super::measured::{Measured, Memory, client, title};
use super::report::{number, per_second};
use super::statistics::{median, paired_ratio};
use super::table::Table;

/// One figure of two clients. The smaller value is better.
struct Pair {
    what: String,
    name: String,
    ours: f64,
    other: f64,
    ratio: f64,
}

/// The table of all figures in which a client other than dsql-edge is ahead.
pub(super) fn table(measured: &Measured) -> Table {
    let mut pairs = Vec::new();
    times(measured, &mut pairs);
    costs(measured, &mut pairs);
    pairs.retain(|pair| {
        let is_other =
            !client(&pair.name).is_some_and(xtask::peers::Client::is_ours) && pair.name != SOCKET.name;
        is_other && pair.ratio > 1.0
    });
    let row = |pair: &Pair| {
        let ratio = format!("{:.2}", pair.ratio);
        vec![pair.what.clone(), title(&pair.name).to_owned(), number(pair.ours), number(pair.other), ratio]
    };
    Table {
        title: "Where another client is ahead of dsql-edge".to_owned(),
        note: "Every figure of this run in which the default dsql-edge is behind a client that is not ours."
            .to_owned(),
        head: ["", "client", "dsql-edge", "the client", "ratio"].map(str::to_owned).to_vec(),
        rows: pairs.iter().map(row).collect(),
    }
}

/// Compares the medians, and the ratio of the times of each round.
fn times(measured: &Measured, pairs: &mut Vec<Pair>) {
    let mut compare = |what: String, name: &str, ours: Option<&Vec<f64>>, other: &[f64]| {
        if let Some(ours) = ours {
            let (name, ratio) = (name.to_owned(), paired_ratio(ours, other));
            pairs.push(Pair { what, name, ours: median(ours), other: median(other), ratio });
        }
    };
    for other in &measured.turns {
        let mut all = measured.turns.iter();
        let same = |it: &&super::measured::Turns| {
            it.client == OURS.name && it.case == other.case && it.round_trip == other.round_trip
        };
        let what = format!("{} ms: {}, ms", other.round_trip, other.title);
        compare(what, &other.client, all.find(same).map(|it| &it.ms), &other.ms);
    }
    for other in &measured.isolates {
        let ours = measured.isolates.iter().find(|it| it.client == OURS.name && it.case == other.case);
        let with = if other.case == "one" { "with" } else { "without" };
        let what = format!("first answer of a fresh isolate, {with} a query, ms");
        compare(what, &other.client, ours.map(|it| &it.ms), &other.ms);
    }
    for other in &measured.processor {
        let ours = measured.processor.iter().find(|it| it.client == OURS.name && it.case == other.case);
        let what = format!("processor time, {}, ms", other.title);
        compare(what, &other.client, ours.map(|it| &it.ms), &other.ms);
    }
}

/// Figures that are measured once.
fn costs(measured: &Measured, pairs: &mut Vec<Pair>) {
    let mut compare = |what: &str, name: &str, ours: Option<f64>, other: f64| {
        if let Some(ours) = ours {
            let (what, name) = (what.to_owned(), name.to_owned());
            pairs.push(Pair { what, name, ours, other, ratio: ours / other });
        }
    };
    let sizes = measured.sizes.iter();
    let ours = sizes.clone().find(|it| it.client == OURS.name);
    for other in sizes {
        compare("size, gzip -9, kB", &other.client, ours.map(|it| it.gzip / 1000.0), other.gzip / 1000.0);
    }
    let ours = measured.memory.iter().find(|it| it.client == OURS.name);
    for other in &measured.memory {
        compare("memory for a request, kB", &other.client, ours.map(Memory::growth), other.growth());
    }
    let ours = measured.loads.iter().find(|it| it.client == OURS.name);
    for other in &measured.loads {
        // In this table, smaller values are better, so the number of answers per second is converted to the time per
        // answer.
        let time = |load| 1000.0 / per_second(load);
        compare("overload: ms for each correct answer", &other.client, ours.map(time), time(other));
        #[allow(clippy::cast_precision_loss, reason = "thousands")]
        compare("overload: errors", &other.client, ours.map(|it| it.errors as f64), other.errors as f64);
        let p99 = |load: &super::measured::Load| super::statistics::percentile(&load.ms, 0.99);
        compare("overload: p99 of the answers, ms", &other.client, ours.map(p99), p99(other));
    }
}

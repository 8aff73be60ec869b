//! The tables of a run: which figure is in which row and column.
//!
//! A ratio is the value of dsql-edge divided by the other client's value in the same round. A ratio above 1 is bold,
//! because the other client is ahead, unless that client is a variant of dsql-edge or the bare socket.

use xtask::peers::{Client, ONE_ROW, OURS};

use super::measured::{Conflicts, Load, Measured, Memory, Turns, client, title};
use super::statistics::{median, paired_ratio, percentile};
use super::table::Table;

/// All tables that the measurements fill.
pub(super) fn of(measured: &Measured) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut round_trips: Vec<u64> = measured.turns.iter().map(|turns| turns.round_trip).collect();
    round_trips.dedup();
    for round_trip in round_trips {
        let turns: Vec<&Turns> =
            measured.turns.iter().filter(|turns| turns.round_trip == round_trip).collect();
        tables.push(times(round_trip, &turns));
        tables.push(ratios(round_trip, &turns));
    }
    let mut counted = measured.turns.iter().map(|turns| turns.round_trip).collect::<Vec<_>>();
    counted.sort_unstable();
    // Flights are counted only with the longest delay, because with that delay the bytes of one flight are never
    // counted as two flights.
    if let Some(longest) = counted.last() {
        let turns: Vec<&Turns> = measured.turns.iter().filter(|turns| turns.round_trip == *longest).collect();
        tables.push(traffic(&turns, *longest));
    }
    tables.extend(costs(measured));
    if !measured.conflicts.is_empty() {
        tables.push(conflicts(&measured.conflicts));
    }
    if !measured.loads.is_empty() {
        tables.push(loads(&measured.loads));
    }
    tables
}

/// A row for each case and a column for each client.
fn by_case(turns: &[&Turns], cell: impl Fn(&Turns) -> String) -> (Vec<String>, Vec<Vec<String>>) {
    let mut cases: Vec<(&str, &str)> = Vec::new();
    let mut clients: Vec<&str> = Vec::new();
    for turns in turns {
        if !cases.iter().any(|(case, _)| *case == turns.case) {
            cases.push((&turns.case, &turns.title));
        }
        if !clients.contains(&turns.client.as_str()) {
            clients.push(&turns.client);
        }
    }
    let head = [String::new()].into_iter().chain(clients.iter().map(|name| title(name).to_owned())).collect();
    let row = |(case, title): &(&str, &str)| {
        let of = |name: &&str| turns.iter().find(|turns| turns.case == *case && turns.client == **name);
        let cells = clients.iter().map(|name| of(name).map_or(String::new(), |turns| cell(turns)));
        [(*title).to_owned()].into_iter().chain(cells).collect()
    };
    (head, cases.iter().map(row).collect())
}

fn times(round_trip: u64, turns: &[&Turns]) -> Table {
    let (mut head, mut rows) = by_case(turns, |turns| {
        format!("{} ({})", number(median(&turns.ms)), number(percentile(&turns.ms, 0.95)))
    });
    head.push("turns".to_owned());
    let mut cases: Vec<&str> = turns.iter().map(|turns| turns.case.as_str()).collect();
    cases.dedup();
    let mut seen = Vec::new();
    for turns in turns {
        if !seen.iter().any(|(case, _)| *case == turns.case) {
            seen.push((turns.case.clone(), turns.ms.len()));
        }
    }
    for (row, (_, count)) in rows.iter_mut().zip(seen) {
        row.push(count.to_string());
    }
    Table {
        title: format!("Time at a round trip of {round_trip} ms: median (p95), in ms"),
        note: "From the request to the last byte of the Worker's answer. Every request of a client without a pool opens \
               a connection."
            .to_owned(),
        head,
        rows,
    }
}

fn ratios(round_trip: u64, turns: &[&Turns]) -> Table {
    let others: Vec<&Turns> = turns.iter().copied().filter(|turns| turns.client != OURS.name).collect();
    let (head, rows) = by_case(&others, |other| {
        let ours = turns.iter().find(|turns| turns.case == other.case && turns.client == OURS.name);
        ours.map_or(String::new(), |ours| ratio(paired_ratio(&ours.ms, &other.ms), &other.client))
    });
    Table {
        title: format!("dsql-edge ÷ the other client at a round trip of {round_trip} ms"),
        note: "In each round, dsql-edge's time is divided by the other client's time; the figure is the median of these \
               ratios. Below 1, dsql-edge is faster; above 1, **the other client is**."
            .to_owned(),
        head,
        rows,
    }
}

fn traffic(turns: &[&Turns], round_trip: u64) -> Table {
    let (head, rows) = by_case(turns, |turns| {
        let connections =
            if turns.connections > 1 { format!(" ×{}", turns.connections) } else { String::new() };
        format!(
            "{}{connections}, {}↑ {}↓",
            turns.round_trips,
            kilobytes(turns.sent),
            kilobytes(turns.received)
        )
    });
    Table {
        title: "Round trips, and bytes to and from the cluster, in kB".to_owned(),
        note: format!(
            "The simulated network counts them, at a round trip of {round_trip} ms and with the handshakes of TCP and TLS. \
             Round trips that happen at the same time on several connections (×n) count once. A pool has its connections already."
        ),
        head,
        rows,
    }
}

/// Size, first answers, processor time, memory: a row for each client.
fn costs(measured: &Measured) -> Vec<Table> {
    let mut tables = Vec::new();
    let ours = |client: &str| client == OURS.name;
    if !measured.sizes.is_empty() {
        let of_ours =
            measured.sizes.iter().find(|size| ours(&size.client)).map_or(f64::NAN, |size| size.gzip);
        let row = |size: &super::measured::Size| {
            vec![
                title(&size.client).to_owned(),
                kilobytes(size.raw),
                kilobytes(size.gzip),
                if ours(&size.client) { String::new() } else { ratio(of_ours / size.gzip, &size.client) },
            ]
        };
        tables.push(Table {
            title: "Size of the Worker, minified, in kB".to_owned(),
            note: "The whole upload: the client, the cases, and for Rust the runtime of workers-rs."
                .to_owned(),
            head: ["", "raw", "gzip -9", "dsql-edge ÷ it"].map(str::to_owned).to_vec(),
            rows: measured.sizes.iter().map(row).collect(),
        });
    }
    for (case, name) in [("one", "with a query"), ("nothing", "without a query")] {
        let of_case: Vec<_> = measured.isolates.iter().filter(|isolate| isolate.case == case).collect();
        let samples = of_case.iter().map(|isolate| (isolate.client.as_str(), isolate.ms.as_slice()));
        if !of_case.is_empty() {
            let title = format!("First answer of a fresh isolate, {name}, in ms");
            let note = "workerd is started again for each answer; the network adds no delay.";
            tables.push(samples_by_client(title, note, samples));
        }
    }
    tables.extend(added_start(measured));
    let mut cases: Vec<(&str, &str)> = Vec::new();
    for processor in &measured.processor {
        if !cases.iter().any(|(case, _)| *case == processor.case) {
            cases.push((&processor.case, &processor.title));
        }
    }
    for (case, name) in cases {
        let of_case = measured.processor.iter().filter(|processor| processor.case == case);
        let samples = of_case.map(|processor| (processor.client.as_str(), processor.ms.as_slice()));
        let title = format!("Processor time of workerd for a request: {name}, in ms");
        let socket = match case {
            "one" => " The bare TLS socket sends no query: it only reads the request for a password.",
            "megabytes-10" => {
                " The bare TLS socket receives the bytes of the rows, and does not decode them."
            }
            _ => "",
        };
        let note = &format!(
            "User and system time of the whole process, without delay; TLS is the largest part of a small answer.{socket}"
        );
        tables.push(samples_by_client(title, note, samples));
    }
    if !measured.memory.is_empty() {
        tables.push(memory(&measured.memory));
    }
    tables
}

/// Returns the time until the first answer of a small Worker. The answer needs no query. The Worker contains either
/// constants, or a query in place of the constants.
fn added_start(measured: &Measured) -> Option<Table> {
    let of = |name: &str| {
        let mut all = measured.isolates.iter();
        all.find(|it| it.case == "start" && it.client == name).map(|it| it.ms.as_slice())
    };
    let [constants, ..] = &ONE_ROW;
    let base = of(constants.name)?;
    let row = |client: &Client| {
        let ms = of(client.name)?;
        let ratio =
            if client == constants { String::new() } else { format!("{:.2}", paired_ratio(ms, base)) };
        Some(vec![client.title.to_owned(), number(median(ms)), number(percentile(ms, 0.95)), ratio])
    };
    Some(Table {
        title: "What dsql-edge adds to the first answer of a fresh isolate, in ms".to_owned(),
        note: "A small Worker that answers with constant rows, or with the rows of one query. The measured request gets \
               \"not found\", so no query runs."
            .to_owned(),
        head: ["", "median", "p95", "÷ constants"].map(str::to_owned).to_vec(),
        rows: ONE_ROW.iter().filter_map(row).collect(),
    })
}

/// Median, p95 and ratio for each client.
fn samples_by_client<'a>(
    title_of_table: String,
    note: &str,
    samples: impl Iterator<Item = (&'a str, &'a [f64])>,
) -> Table {
    let samples: Vec<_> = samples.collect();
    let ours = samples.iter().find(|(name, _)| *name == OURS.name).map(|(_, ms)| *ms);
    let row = |(name, ms): &(&str, &[f64])| {
        let compared = ours.filter(|_| *name != OURS.name);
        vec![
            title(name).to_owned(),
            number(median(ms)),
            number(percentile(ms, 0.95)),
            compared.map_or(String::new(), |ours| ratio(paired_ratio(ours, ms), name)),
        ]
    };
    Table {
        title: title_of_table,
        note: note.to_owned(),
        head: ["", "median", "p95", "dsql-edge ÷ it"].map(str::to_owned).to_vec(),
        rows: samples.iter().map(row).collect(),
    }
}

fn memory(memory: &[Memory]) -> Table {
    let row = |memory: &Memory| {
        vec![
            title(&memory.client).to_owned(),
            number(memory.before_kb / 1000.0),
            number(memory.after_kb / 1000.0),
            number(memory.growth()),
            number(memory.later_growth()),
        ]
    };
    let requests = memory.first().map_or(0.0, |memory| memory.requests);
    Table {
        title: format!("Resident memory of workerd over {requests:.0} cold queries"),
        note: "After a warm-up. workerd frees the memory of a connection late, also of a bare socket."
            .to_owned(),
        head: ["", "before, MB", "after, MB", "growth for a request, kB", "in the second half, kB"]
            .map(str::to_owned)
            .to_vec(),
        rows: memory.iter().map(row).collect(),
    }
}

fn conflicts(conflicts: &[Conflicts]) -> Table {
    let row = |it: &Conflicts| {
        vec![
            title(&it.client).to_owned(),
            it.requests.to_string(),
            it.answered.to_string(),
            it.rows.to_string(),
            it.requests.saturating_sub(it.rows).to_string(),
            it.error.as_deref().map_or("–".to_owned(), short),
        ]
    };
    Table {
        title: "A conflict on every third commit".to_owned(),
        note: "Each request is a transaction that inserts one row and changes a balance. Afterwards the rows are counted. A \
               client that does not retry returns the error, and its row is missing."
            .to_owned(),
        head: ["", "requests", "succeeded", "rows", "missing", "error"].map(str::to_owned).to_vec(),
        rows: conflicts.iter().map(row).collect(),
    }
}

fn loads(loads: &[Load]) -> Table {
    let row = |load: &Load| {
        vec![
            title(&load.client).to_owned(),
            load.requests.to_string(),
            load.ms.len().to_string(),
            load.errors.to_string(),
            number(per_second(load)),
            number(median(&load.ms)),
            number(percentile(&load.ms, 0.99)),
            load.idle.map_or(String::new(), |idle| format!("{:.0} %", idle * 100.0)),
            load.harness.map_or(String::new(), |own| format!("{:.2}", own)),
            load.error.as_deref().map_or("–".to_owned(), short),
        ]
    };
    let of = loads.first();
    let (rate, times) = of.map_or((0, 0), |load| (load.rate, load.times));
    let (seconds, round_trip) = of.map_or((0, 0), |load| (load.seconds, load.round_trip));
    Table {
        title: format!("{seconds} seconds at {times} times the cluster's connection rate"),
        note: format!(
            "{} requests per second, for a cluster that accepts {rate} new connections per second, at a round trip of \
             {round_trip} ms (DSQL's own rate is 100; a lower rate keeps two cores from being the limit). The requests do \
             not wait for each other, so two thirds of them exceed the rate. Answers per second: until the last answer. Idle: \
             of all processors; harness: processors that the network, the local DSQL's proxy and the measuring program \
             used together.",
            rate * times
        ),
        head: [
            "",
            "requests",
            "answers",
            "errors",
            "answers/s",
            "p50, ms",
            "p99, ms",
            "idle",
            "harness",
            "first error",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: loads.iter().map(row).collect(),
    }
}

/// Correct answers per second, until the last answer.
#[allow(clippy::cast_precision_loss, reason = "thousands")]
pub(super) fn per_second(load: &Load) -> f64 {
    load.ms.len() as f64 / load.whole_s.max(load.sending_s)
}

/// Returns the beginning of an error's first line.
fn short(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default().replace('|', "/");
    let cut: String = line.chars().take(90).collect();
    format!("`{}`", cut.replace('`', "'"))
}

/// A ratio, bold if another client is ahead of ours.
fn ratio(ratio: f64, name: &str) -> String {
    let is_ours = client(name).is_some_and(xtask::peers::Client::is_ours);
    let is_ahead = ratio > 1.0 && !is_ours && name != xtask::peers::SOCKET.name;
    if is_ahead { format!("**{ratio:.2}**") } else { format!("{ratio:.2}") }
}

/// Formats a number with about three digits.
pub(super) fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "–".to_owned(),
        value if value.abs() >= 100.0 => thousands(value),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A whole number with commas.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

fn kilobytes(bytes: f64) -> String {
    number(bytes / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits() {
        let shown = [0.123, 9.994, 12.34, 345.6, 1234.5, -2_500_000.0].map(number);
        assert_eq!(shown, ["0.12", "9.99", "12.3", "346", "1,234", "-2,500,000"]);
    }

    #[test]
    fn only_a_peer_that_is_ahead_is_bold() {
        assert_eq!(
            [ratio(1.2, "pg"), ratio(0.8, "pg"), ratio(1.2, "dsql-edge-pool")],
            ["**1.20**", "0.80", "1.20"]
        );
    }
}

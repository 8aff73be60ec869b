//! The checks of a Worker's settings: the file, the compatibility date, the placement. `build`, `pool` and `bindings`
//! have the other checks.
//!
//! Input: the package's folder, and the server that the options of the command line determine. Output: the checks.
//! Secrets that exist only on Cloudflare are not visible here.

use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use super::bindings::{Server, bindings};
use super::build::build;
use super::check::Check;
use super::environment::Environment;
use super::pool;
use crate::settings_file::{LocalBindings, Settings, text};

/// The compatibility date with which dsql-edge is tested.
const TESTED_DATE: &str = "2026-04-01";

/// Returns the checks of a package's settings.
pub(super) fn checks(package: &Path, server: &Server<'_>) -> Vec<Check> {
    let Some(settings) = Settings::of(package) else {
        let why = "the package has no wrangler.toml, wrangler.json or wrangler.jsonc";
        return vec![Check::left_out("wrangler", why)];
    };
    let file = settings.file;
    let values = match settings.values {
        Ok(values) => values,
        Err(error) => {
            return vec![Check::wrong("wrangler", format!("{file}: {error}"), "fix the syntax of the file")];
        }
    };
    let workers = Environment::all(&values);
    let local = LocalBindings::of(package);
    let mut checks = vec![of_file(file, &values), compatibility(&values)];
    checks.extend(builds(package, &workers));
    let is_called = pool::is_called(package);
    if !is_called && !pool::is_used(&values) {
        checks.push(placement(&values, server));
    }
    checks.extend(pool::checks(&pool::Site { file, workers: &workers, local: local.as_ref(), is_called }));
    checks.extend(bindings(package, file, &values, server));
    checks
}

/// Returns the check of the build at the top level, and the check of each environment whose build has a different
/// result.
fn builds(package: &Path, workers: &[Environment]) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for worker in workers {
        let check = build(package, &worker.values);
        if checks.first() != Some(&check) {
            checks.push(worker.check(check));
        }
    }
    checks
}

fn of_file(file: &str, values: &Value) -> Check {
    let name = text(values, &["name"]);
    match (name, text(values, &["main"])) {
        (Some(name), Some(main)) => Check::ok("wrangler", format!("{file}: the Worker {name}, {main}")),
        (None, _) => Check::wrong("wrangler", format!("{file} has no name"), "add name = \"my-worker\""),
        (_, None) => Check::wrong(
            "wrangler",
            format!("{file} has no main"),
            "add main = \"build/index.js\", the file that worker-build writes",
        ),
    }
}

fn compatibility(values: &Value) -> Check {
    const NAME: &str = "compatibility";
    match text(values, &["compatibility_date"]) {
        None => Check::wrong(
            NAME,
            "no compatibility_date: the Worker gets the oldest behavior of the runtime",
            format!("add compatibility_date = \"{TESTED_DATE}\""),
        ),
        // Dates in this form can be compared as strings.
        Some(date) if date < TESTED_DATE => Check::warning(
            NAME,
            format!("compatibility_date is {date}, older than the date with which dsql-edge is tested"),
            format!("set compatibility_date = \"{TESTED_DATE}\" or later"),
        ),
        Some(date) if is_after_today(date) => Check::wrong(
            NAME,
            format!("compatibility_date is {date}, in the future: Cloudflare rejects it"),
            format!("set compatibility_date = \"{TESTED_DATE}\""),
        ),
        Some(date) => Check::ok(NAME, format!("compatibility_date is {date}")),
    }
}

/// Whether a date, in the form 2026-04-01, is after the present day in UTC.
fn is_after_today(date: &str) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    date > day((now.as_secs() / 86_400).try_into().unwrap_or(0)).as_str()
}

/// Returns the date of a day after 1970-01-01, in the form 2026-04-01. A year of this calculation begins on the first
/// of March, so that a leap day is its last day.
fn day(since_1970: i64) -> String {
    let days = since_1970 + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + next)
}

fn placement(values: &Value, server: &Server<'_>) -> Check {
    const NAME: &str = "placement";
    let (region, host) = (text(values, &["placement", "region"]), text(values, &["placement", "host"]));
    let mode = text(values, &["placement", "mode"]);
    let wanted = server.region.map(|region| format!("aws:{region}"));
    let add = format!(
        "add [placement] region = \"{}\" (the guide: Where the Worker runs)",
        wanted.as_deref().unwrap_or("aws:<the region of the database>")
    );
    match (region, host, &wanted) {
        (Some(region), ..) if !is_placement(region) => Check::wrong(
            NAME,
            format!("placement.region is {region}, which is not of the form aws:us-east-1"),
            format!(
                "set [placement] region = \"{}\"",
                wanted.as_deref().unwrap_or("aws:<the region of the database>")
            ),
        ),
        (Some(region), _, Some(wanted)) if region != wanted => Check::warning(
            NAME,
            format!(
                "the Worker runs near {region}, but the cluster is in {wanted}: every round trip is long"
            ),
            format!("set [placement] region = \"{wanted}\""),
        ),
        (Some(region), _, _) => Check::ok(NAME, format!("the Worker runs near {region}")),
        (None, Some(host), _) => Check::ok(NAME, format!("the Worker runs near {host}")),
        (None, None, _) if mode == Some("smart") => Check::warning(
            NAME,
            "Smart Placement considers `fetch` requests; it is not known whether it considers sockets",
            add.replacen("add", "instead, set", 1),
        ),
        (None, None, _) => Check::warning(
            NAME,
            "no placement: the Worker runs near the visitor, and every round trip to the database is long",
            add,
        ),
    }
}

/// Whether a region of `placement` has the form that Cloudflare documents: a cloud, and its name of a region.
fn is_placement(region: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
    };
    region
        .split_once(':')
        .is_some_and(|(cloud, name)| matches!(cloud, "aws" | "gcp" | "azure") && is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_is_a_date() {
        for (since, date) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (11_017, "2000-03-01"), (20_543, "2026-03-31")]
        {
            assert_eq!(day(since), date);
        }
        assert!(is_after_today("2999-01-01") && !is_after_today("2026-04-01"));
    }

    #[test]
    fn region_of_a_placement_names_a_cloud() {
        for (region, expected) in [
            ("aws:us-east-1", true),
            ("gcp:us-east4", true),
            ("us-east-1", false),
            ("aws:", false),
            ("aws:US", false),
        ] {
            assert_eq!(is_placement(region), expected, "{region}");
        }
    }
}

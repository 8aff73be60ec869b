//! Prints the checks of `doctor`: a line for each check, or JSON.

use serde_json::{Value, json};

use super::check::{Check, Outcome};
use crate::format;

/// The width of the column with the outcome, and of the column with the name.
const OUTCOME: usize = 9;
const NAME: usize = 15;

/// Returns the report for people: aligned lines, each followed by its remedy, if there is one.
pub(super) fn human(checks: &[Check]) -> String {
    let mut out = String::new();
    for check in checks {
        let line = format!("{:OUTCOME$}{:NAME$}{}", check.outcome.word(), check.name, check.detail);
        out += line.trim_end();
        out.push('\n');
        if let Some(remedy) = &check.remedy {
            out += &format!("{:width$}= help: {remedy}\n", "", width = OUTCOME + NAME);
        }
    }
    out
}

/// Returns the report for machines.
pub(super) fn json(checks: &[Check]) -> String {
    let shown: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name,
                "outcome": check.outcome.word(),
                "detail": check.detail,
                "remedy": check.remedy,
            })
        })
        .collect();
    format::json(&json!({ "version": 1, "ok": !is_wrong(checks), "checks": shown }))
}

/// Whether the command fails.
pub(super) fn is_wrong(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.outcome == Outcome::Wrong)
}

/// Describes the result in one line.
pub(super) fn summary(checks: &[Check]) -> String {
    let number = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let [wrong, warnings] = [number(Outcome::Wrong), number(Outcome::Warning)];
    match (wrong, warnings) {
        (0, 0) => "everything is ok".to_owned(),
        (0, _) => format!("nothing is wrong; {warnings} to look at"),
        _ => format!("{wrong} wrong, {warnings} to look at, {} skipped", number(Outcome::Skipped)),
    }
}

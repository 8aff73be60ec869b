//! Prints figures, for people or as JSON lines, and failures. The only figures that this module itself computes are
//! shares.

use std::collections::BTreeMap;

/// Prints figures as they are measured, and collects failures.
pub(super) struct Report {
    json: bool,
    show_failures: bool,
    reasons: BTreeMap<String, usize>,
}

/// A share of a total: `part` of `whole`.
#[derive(Default, Clone, Copy)]
pub(super) struct Share {
    pub(super) part: usize,
    pub(super) whole: usize,
}

impl Share {
    pub(super) fn count(&mut self, yes: bool) {
        self.whole += 1;
        self.part += usize::from(yes);
    }

    pub(super) fn add(&mut self, other: Share) {
        self.whole += other.whole;
        self.part += other.part;
    }

    pub(super) fn percent(self) -> f64 {
        if self.whole == 0 { 100.0 } else { self.part as f64 * 100.0 / self.whole as f64 }
    }
}

impl Report {
    pub(super) fn new(json: bool, show_failures: bool) -> Self {
        Self { json, show_failures, reasons: BTreeMap::new() }
    }

    /// Prints a share.
    pub(super) fn share(&self, bench: &str, case: &str, share: Share) {
        if self.json {
            self.line(bench, case, format!("{:.3}", share.percent()), "%");
        } else {
            println!("{bench:<30}{case:<58}{:>7.2} %  {:>5} of {}", share.percent(), share.part, share.whole);
        }
    }

    /// Prints a number.
    pub(super) fn number(&self, bench: &str, case: &str, number: usize, unit: &str) {
        if self.json {
            self.line(bench, case, number.to_string(), unit);
        } else {
            println!("{bench:<30}{case:<58}{number:>7} {unit}");
        }
    }

    /// Records a failure. Failures are grouped by `reason`; `story` has the details.
    pub(super) fn failure(&mut self, reason: &str, story: impl FnOnce() -> String) {
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        if self.show_failures {
            eprintln!("--- {reason}\n{}\n", story());
        }
    }

    /// Prints the reasons of the failures, the most frequent first.
    pub(super) fn finish(&self) {
        if self.json || self.reasons.is_empty() {
            return;
        }
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), *reason));
        println!("\nfailures by reason{}:", if self.show_failures { "" } else { " (--failures shows each)" });
        for (reason, count) in reasons.iter().take(60) {
            println!("{count:>7}  {reason}");
        }
        if let Some(more) = reasons.len().checked_sub(60).filter(|more| *more > 0) {
            println!("         and {more} more reasons");
        }
    }

    fn line(&self, bench: &str, case: &str, value: String, unit: &str) {
        println!(
            "{{\"bench\":{},\"case\":{},\"value\":{value},\"unit\":{}}}",
            serde_json::json!(bench),
            serde_json::json!(case),
            serde_json::json!(unit)
        );
    }
}

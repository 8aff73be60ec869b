//! Compares decimal numbers of any length.

use std::cmp::Ordering;

/// A decimal number of any length, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// The number of digits before the decimal point; 0 for zero. For a number below 0.1, the weight is minus the
    /// number of zeros after the point: -2 for 0.001.
    pub(super) weight: i64,
    /// The digits, without zeros at the start and the end; empty for zero.
    digits: String,
}

impl Decimal {
    pub(super) fn new(negative: bool, whole: &str, fraction: &str, exponent: i64) -> Self {
        let all = format!("{whole}{fraction}");
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_owned();
        let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let weight = length(whole.len()).saturating_sub(length(leading)).saturating_add(exponent);
        if digits.is_empty() {
            return Self { negative: false, weight: 0, digits };
        }
        Self { negative, weight, digits }
    }

    /// Whether the number, rounded to `scale` digits after the point, has at most `precision` digits: `apply_typmod`.
    /// For example, with the precision 2 and the scale 0, the smallest number that does not fit is 99.5.
    pub(super) fn fits(&self, precision: i32, scale: i32) -> bool {
        let nines = "9".repeat(usize::try_from(precision).unwrap_or_default());
        let too_large = (i64::from(precision) - i64::from(scale), format!("{nines}5"));
        (self.weight, self.digits.as_str()) < (too_large.0, too_large.1.as_str())
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |it: &Decimal| match (it.digits.is_empty(), it.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = self.weight.cmp(&other.weight).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then(if self.negative { size.reverse() } else { size })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

//! Medians, percentiles, and ratios of measurements that were taken in pairs. Pure.

/// Returns the smallest value for which a share of at least `share` of all values is smaller or equal (nearest-rank
/// method). Returns NaN without values.
pub(super) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small"
    )]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// The value in the middle, or the mean of the two values in the middle.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match (sorted.get(half), sorted.get(half.wrapping_sub(1))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => f64::midpoint(*upper, *lower),
        (Some(middle), _) => *middle,
        (None, _) => f64::NAN,
    }
}

/// Divides our value by the other value in each round, and returns the median of these ratios.
pub(super) fn paired_ratio(ours: &[f64], others: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(others).map(|(ours, other)| ours / other).collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_percentile_of_few_values() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
        assert!(median(&[]).is_nan() && percentile(&[], 0.95).is_nan());
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&hundred, 0.95), percentile(&hundred, 0.99)), (95.0, 99.0));
        assert_eq!((percentile(&[7.0], 0.95), percentile(&[1.0, 2.0], 0.5)), (7.0, 1.0));
    }

    #[test]
    fn ratio_of_pairs_is_not_moved_by_drift() {
        // In the second half, the machine is ten times slower. The ratio of each pair of values is nevertheless the
        // same.
        let ours = [1.0, 1.0, 10.0, 10.0];
        let others = [2.0, 2.0, 20.0, 20.0];
        assert_eq!(paired_ratio(&ours, &others), 0.5);
    }
}

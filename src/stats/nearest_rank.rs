//! Percentiles of values at hand.

/// The 1-based rank of percentile `p` (0–100) among `count` values: the smallest rank with at least `p` % at or below.
/// The nearest-rank definition (NIST/SEMATECH e-Handbook 7.2.6.2; NumPy's `method='inverted_cdf'`).
pub fn rank_of(p: f64, count: u64) -> u64 {
    // `p * n` of two whole numbers is exact, and so is its division by 100 when it comes out whole.
    ((p * count as f64 / 100.0).ceil() as u64).clamp(1, count.max(1))
}

/// The percentile `p` (0–100) of ascending `values` by nearest rank: always one of them; 0 when there are none. O(1).
pub fn nearest_rank(values: &[f64], p: f64) -> f64 {
    values
        .get(rank_of(p, values.len() as u64) as usize - 1)
        .copied()
        .unwrap_or(0.0)
}

/// Percentiles by nearest rank of values in any order, at ascending `ps`. O(n) each.
pub fn nearest_ranks<const N: usize>(values: &[f64], ps: [f64; N]) -> [f64; N] {
    if values.is_empty() {
        return [0.0; N];
    }
    let mut rest = &mut values.to_vec()[..];
    let (mut passed, mut last) = (0, 0.0);
    ps.map(|p| {
        let index = rank_of(p, values.len() as u64) as usize - 1;
        if index >= passed {
            let (_, found, above) =
                std::mem::take(&mut rest).select_nth_unstable_by(index - passed, f64::total_cmp);
            (passed, last, rest) = (index + 1, *found, above);
        }
        last
    })
}

/// `values` in ascending order. O(n log n).
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut ordered = values.to_vec();
    ordered.sort_unstable_by(f64::total_cmp);
    ordered
}

/// The middle value, or the mean of the two middle ones; 0 when there are none. O(n).
pub fn median(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let mut values = values.to_vec();
    let half = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if !odd => f64::midpoint(lower, *upper),
        _ => *upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_twenty_values_p95_is_the_nineteenth() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(
            [50.0, 95.0, 99.0, 0.0, 100.0].map(|p| nearest_rank(&values, p)),
            [10.0, 19.0, 20.0, 1.0, 20.0]
        );
        assert_eq!(nearest_rank(&[], 50.0), 0.0);
        assert_eq!(nearest_ranks(&[], [25.0, 75.0]), [0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn it_is_the_smallest_value_with_enough_at_or_below(
            values in prop::collection::vec(0.0..100.0, 1..200),
            p in 1u32..=100,
        ) {
            let ordered = sorted(&values);
            let found = nearest_rank(&ordered, f64::from(p));
            let below = |limit: f64| ordered.iter().filter(|v| **v <= limit).count() * 100;
            let needed = p as usize * ordered.len();
            prop_assert!(below(found) >= needed);
            prop_assert_eq!(nearest_ranks(&values, [0.0, f64::from(p), f64::from(p), 100.0]), [ordered[0], found, found, ordered[ordered.len() - 1]]);
            let lower = ordered.iter().rev().find(|v| **v < found);
            prop_assert!(lower.is_none_or(|v| below(*v) < needed));
        }
    }
}

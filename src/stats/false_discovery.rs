//! The false discovery rate of many tests made together.

/// The smallest false discovery rates at which each of `p` is still a discovery, in the order given: 0–1, never below its p-value.
/// Y. Benjamini and Y. Hochberg, *Controlling the false discovery rate*, Journal of the Royal Statistical Society B 57, 1995;
/// SciPy's `false_discovery_control(method='bh')`. O(n log n).
pub fn false_discovery(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_unstable_by(|a, b| p[*b].total_cmp(&p[*a]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (larger, index) in order.into_iter().enumerate() {
        let rank = (p.len() - larger) as f64;
        least = least.min(p[index] * (p.len() as f64 / rank));
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn discoveries_are_those_of_the_step_up_procedure(p in prop::collection::vec(0.0..1.0, 1..40), rate in 0.001..0.5) {
            let adjusted = false_discovery(&p);
            // As published: the largest k with p(k) ≤ k/n · rate; everything up to it is a discovery.
            let mut ascending = p.clone();
            ascending.sort_unstable_by(f64::total_cmp);
            let n = p.len() as f64;
            let last = (0..p.len()).rev().find(|k| ascending[*k] <= (k + 1) as f64 / n * rate);
            for (p, adjusted) in p.iter().zip(adjusted) {
                let is_discovery = last.is_some_and(|last| *p <= ascending[last]);
                prop_assert!(adjusted >= *p && adjusted <= 1.0);
                prop_assert!((adjusted <= rate) == is_discovery || (adjusted - rate).abs() < 1e-12);
            }
        }
    }
}

//! Similarity of embeddings.

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::packed_numbers::unpack;
use serde::Deserialize;

/// The scorer of [`cosine`]. Each text is a packed vector; both have the same length.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    minimum: f64,
}

impl Kernel for Cosine {
    fn figures(&self) -> Vec<String> {
        vec!["cosine".to_owned()]
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let expected = pair.expected.first().map_or_else(Vec::new, |units| unpack(units));
        let cosine = cosine(&expected, &unpack(pair.actual));
        figures[0] = cosine.unwrap_or(f64::NAN);
        Ok(cosine.map_or(0.0, |cosine| score(cosine, self.minimum)))
    }
}

/// The cosine of the angle between two vectors of the same length, from −1 to 1; `None` where one of them is all zeros or
/// empty. Entries are scaled first, so neither large nor tiny ones overflow or vanish. Linear.
pub fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let (largest_a, largest_b) = (largest(a), largest(b));
    if largest_a == 0.0 || largest_b == 0.0 {
        return None;
    }
    if a == b {
        return Some(1.0);
    }
    let (mut dot, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x / largest_a, y / largest_b);
        dot += x * y;
        square_a += x * x;
        square_b += y * y;
    }
    Some((dot / (square_a.sqrt() * square_b.sqrt())).clamp(-1.0, 1.0))
}

fn largest(vector: &[f64]) -> f64 {
    vector.iter().fold(0.0, |most, x| x.abs().max(most))
}

/// A score from a cosine: negative ones are 0, and, with `minimum` m below 1, `(cos − m) / (1 − m)`.
pub fn score(cosine: f64, minimum: f64) -> f64 {
    ((cosine - minimum) / (1.0 - minimum)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::{cosine, score};
    use proptest::prelude::*;

    #[test]
    fn vectors_without_direction_have_no_cosine() {
        assert_eq!(cosine(&[], &[]), None);
        assert_eq!(cosine(&[0.0, -0.0], &[1.0, 1.0]), None);
    }

    #[test]
    fn huge_and_tiny_entries_neither_overflow_nor_vanish() {
        assert_eq!(cosine(&[1e-200, 0.0], &[1e-200, 0.0]), Some(1.0));
        let half = cosine(&[1e200, 1e200], &[1e200, 0.0]).unwrap_or(f64::NAN);
        assert!((half - 0.5f64.sqrt()).abs() < 1e-15);
        assert_eq!(
            cosine(&[f64::MAX, f64::MAX], &[-f64::MAX, -f64::MAX]).map(f64::round),
            Some(-1.0)
        );
    }

    #[test]
    fn a_minimum_stretches_the_scale() {
        assert_eq!(score(-0.5, 0.0), 0.0);
        assert_eq!(score(0.8, 0.6), 0.500_000_000_000_000_1);
        assert_eq!(score(0.3, 0.6), 0.0);
        assert_eq!(score(1.0, 0.6), 1.0);
    }

    proptest! {
        #[test]
        fn the_cosine_is_symmetric_in_range_and_blind_to_length(a in proptest::collection::vec(-1e3f64..1e3, 1..20), factor in 1e-3f64..1e3) {
            let b: Vec<f64> = a.iter().rev().copied().collect();
            prop_assert_eq!(cosine(&a, &b), cosine(&b, &a));
            if let Some(value) = cosine(&a, &b) {
                prop_assert!((-1.0..=1.0).contains(&value));
                let scaled: Vec<f64> = b.iter().map(|x| x * factor).collect();
                prop_assert!((cosine(&a, &scaled).unwrap_or(f64::NAN) - value).abs() < 1e-9);
            }
        }
    }
}

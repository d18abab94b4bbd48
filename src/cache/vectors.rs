//! The cached vectors as unit vectors side by side, for similarity search.
//!
//! Vectors of one length are the rows of one block of `f32`; a removed row is filled by the last one, so that a search
//! reads memory from end to end. What always holds: a slot has at most one row; a row is the vector divided by its
//! length (all zeros for a zero vector), so that a dot product of two rows is their cosine. Cosines are within 10⁻⁶ of
//! what `f64` arithmetic gives: components are rounded to 2⁻²⁴, and lanes are summed in `f32` over eight terms at most.
//!
//! Cost: O(length) to insert or remove, O(rows × length) to search. 4 bytes per component.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use multiversion::multiversion;

use super::entry::Slot;

/// Terms summed at a time: AVX2 has two registers of eight.
const LANES: usize = 16;
/// Components summed in `f32` before their sum goes to `f64`.
const BLOCK: usize = 8 * LANES;

type Map<K, V> = HashMap<K, V, std::hash::RandomState>;

#[derive(Debug, Default)]
struct Rows {
    data: Vec<f32>,
    slots: Vec<Slot>,
}

/// Vectors by slot. See the module.
#[derive(Debug, Default)]
pub struct Vectors {
    by_length: Map<usize, Rows>,
    /// Length and row of each slot.
    places: Map<Slot, (usize, usize)>,
}

impl Vectors {
    /// Keeps `vector`, of finite numbers, for `slot`, in place of an earlier one.
    pub fn insert(&mut self, slot: Slot, vector: &[f64]) {
        self.remove(slot);
        let rows = self.by_length.entry(vector.len()).or_default();
        self.places.insert(slot, (vector.len(), rows.slots.len()));
        rows.slots.push(slot);
        rows.data.extend(unit(vector).map(|component| component as f32));
    }

    /// Returns true if `slot` has a vector.
    pub fn contains(&self, slot: Slot) -> bool {
        self.places.contains_key(&slot)
    }

    /// Forgets the vector of `slot`, if it has one.
    pub fn remove(&mut self, slot: Slot) {
        let Some((length, row)) = self.places.remove(&slot) else {
            return;
        };
        let Entry::Occupied(mut entry) = self.by_length.entry(length) else {
            return;
        };
        let rows = entry.get_mut();
        rows.slots.swap_remove(row);
        let last = rows.slots.len();
        if row < last {
            rows.data.copy_within(last * length.., row * length);
            self.places.insert(rows.slots[row], (length, row));
        }
        rows.data.truncate(last * length);
        if rows.slots.is_empty() {
            entry.remove();
        }
    }

    /// The `k` vectors of the same length most similar to `vector` for which `allowed` holds, most similar first, with
    /// their cosines; equal ones by slot. `None` when there is no such vector.
    pub fn nearest(
        &self,
        vector: &[f64],
        k: usize,
        allowed: impl Fn(Slot) -> bool,
    ) -> Option<Vec<(Slot, f64)>> {
        let rows = self.by_length.get(&vector.len())?;
        let query: Vec<f32> = unit(vector).map(|component| component as f32).collect();
        let row = |at: usize| &rows.data[at * query.len()..(at + 1) * query.len()];
        let mut best: Vec<(Slot, f64)> = rows
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| allowed(**slot))
            .map(|(at, slot)| (*slot, dot(row(at), &query).clamp(-1.0, 1.0)))
            .collect();
        let by_similarity = |a: &(Slot, f64), b: &(Slot, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if k < best.len() {
            best.select_nth_unstable_by(k, by_similarity);
            best.truncate(k);
        }
        best.sort_unstable_by(by_similarity);
        (!best.is_empty()).then_some(best)
    }

    /// Memory, in bytes.
    pub fn allocated(&self) -> usize {
        let rows = self
            .by_length
            .values()
            .map(|rows| rows.data.capacity() * 4 + rows.slots.capacity() * 4);
        rows.sum::<usize>() + self.places.allocation_size()
    }
}

/// The cosine of the angle between two vectors of finite numbers and of the same length; 0 when one of them is zero.
/// In `f64` throughout. O(length).
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let (a, b): (Vec<f64>, Vec<f64>) = (unit(a).collect(), unit(b).collect());
    dot_f64(&a, &b).clamp(-1.0, 1.0)
}

/// The components of `vector` divided by its length; scaled first, so that no square overflows or vanishes.
fn unit(vector: &[f64]) -> impl Iterator<Item = f64> {
    let largest = vector
        .iter()
        .fold(0.0, |largest: f64, component| largest.max(component.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let squares: f64 = vector.iter().map(|component| (component / scale).powi(2)).sum();
    let length = if squares > 0.0 { squares.sqrt() } else { 1.0 };
    vector.iter().map(move |component| component / scale / length)
}

#[multiversion(targets("x86_64+avx2", "aarch64+neon"))]
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut lanes = [0f32; LANES];
        let (mut terms_a, mut terms_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        for (a, b) in (&mut terms_a).zip(&mut terms_b) {
            for lane in 0..LANES {
                lanes[lane] += a[lane] * b[lane];
            }
        }
        sum += lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
        let rest = terms_a.remainder().iter().zip(terms_b.remainder());
        sum += rest.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    }
    sum
}

#[multiversion(targets("x86_64+avx2", "aarch64+neon"))]
fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0f64; LANES];
    let (mut terms_a, mut terms_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut terms_a).zip(&mut terms_b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest = terms_a.remainder().iter().zip(terms_b.remainder());
    lanes.iter().sum::<f64>() + rest.map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Vectors, cosine};

    /// The textbook loop.
    fn plain(a: &[f64], b: &[f64]) -> f64 {
        let (mut dot, mut aa, mut bb) = (0.0, 0.0, 0.0);
        for (x, y) in a.iter().zip(b) {
            dot += x * y;
            aa += x * x;
            bb += y * y;
        }
        if aa * bb == 0.0 {
            0.0
        } else {
            dot / (aa.sqrt() * bb.sqrt())
        }
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Insert(u32, Vec<f64>),
        Remove(u32),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        let vector = (1..4usize).prop_flat_map(|n| proptest::collection::vec(-1.0..1.0f64, n * 3));
        prop_oneof![
            4 => (0..30u32, vector).prop_map(|(slot, vector)| Operation::Insert(slot, vector)),
            1 => (0..30u32).prop_map(Operation::Remove),
        ]
    }

    proptest! {
        #[test]
        fn cosines_are_those_of_a_plain_loop(
            pair in (1..2000usize).prop_flat_map(|n| (
                proptest::collection::vec(-1.0..1.0f64, n), proptest::collection::vec(-1.0..1.0f64, n),
            )),
        ) {
            let (a, b) = pair;
            prop_assert!((cosine(&a, &b) - plain(&a, &b)).abs() < 1e-12);
            let mut vectors = Vectors::default();
            vectors.insert(7, &a);
            let found = vectors.nearest(&b, 1, |_| true).unwrap();
            prop_assert!((found[0].1 - plain(&a, &b)).abs() < 1e-6);
        }

        #[test]
        fn the_nearest_are_those_a_full_sort_finds(
            operations in proptest::collection::vec(operation(), 1..80), k in 1..10usize, banned in 0..30u32,
        ) {
            let mut vectors = Vectors::default();
            let mut model = std::collections::BTreeMap::new();
            for operation in operations {
                match operation {
                    Operation::Insert(slot, vector) => {
                        vectors.insert(slot, &vector);
                        model.insert(slot, vector);
                    }
                    Operation::Remove(slot) => {
                        vectors.remove(slot);
                        model.remove(&slot);
                    }
                }
            }
            let query = [0.3, -0.2, 0.9, 0.1, 0.5, -0.7];
            let mut expected: Vec<_> = model.iter()
                .filter(|(slot, vector)| vector.len() == query.len() && **slot != banned)
                .map(|(slot, vector)| (*slot, plain(vector, &query)))
                .collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1));
            expected.truncate(k);
            let found = vectors.nearest(&query, k, |slot| slot != banned).unwrap_or_default();
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found.1 - expected.1).abs() < 1e-6);
            }
            prop_assert!(model.keys().all(|slot| vectors.contains(*slot)));
        }
    }

    #[test]
    fn zero_huge_and_tiny_vectors_have_a_cosine() {
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 2.0]), 0.0);
        assert!((cosine(&[1e300, 1e300], &[1e-300, 1e-300]) - 1.0).abs() < 1e-12);
        assert!((cosine(&[5e-324], &[-1e308]) + 1.0).abs() < 1e-12);
        assert_eq!(cosine(&[], &[]), 0.0);
        assert!(Vectors::default().nearest(&[1.0], 3, |_| true).is_none());
    }
}

//! Percentiles of a stream in bounded memory.

use super::rank_of;
use std::collections::BTreeMap;

/// Bits of the mantissa that tell buckets apart: 1024 buckets between a power of two and the next.
const PRECISION: u32 = 10;
const SHIFT: u32 = 52 - PRECISION;
/// Buckets that are allocated together.
const PAGE: usize = 64;

/// A log-linear histogram in the manner of HdrHistogram (G. Tene): a bucket is a power of two and the next
/// [`PRECISION`] bits of the value, which are simply the upper bits of the IEEE 754 representation. A value is reported
/// as the middle of its bucket, at most 0.05 % from what was recorded, over the whole range of positive normal numbers
/// (zeros and subnormals count as 0).
///
/// O(1) a value. Buckets are allocated in pages of 64 (512 bytes) where values fall: one decade of spread costs 28 KB
/// at most, a narrow peak one page, and never more than what the range of values asks for, however many there are.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    zeros: u64,
    pages: BTreeMap<u32, Box<Page>>,
    count: u64,
}

/// Neighbouring buckets, and how many values they hold together.
#[derive(Clone, Debug)]
struct Page {
    count: u64,
    buckets: [u64; PAGE],
}

impl Page {
    fn empty() -> Box<Self> {
        Box::new(Self {
            count: 0,
            buckets: [0; PAGE],
        })
    }
}

impl Histogram {
    /// Adds `times` occurrences of `value`. Negative values and NaN count as 0.
    pub fn record(&mut self, value: f64, times: u64) {
        self.count += times;
        if value >= f64::MIN_POSITIVE {
            let bucket = (value.min(f64::MAX).to_bits() >> SHIFT) as u32;
            let page = self.pages.entry(bucket / PAGE as u32).or_insert_with(Page::empty);
            page.count += times;
            page.buckets[bucket as usize % PAGE] += times;
        } else {
            self.zeros += times;
        }
    }

    /// Adds everything `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.zeros += other.zeros;
        for (key, theirs) in &other.pages {
            let ours = self.pages.entry(*key).or_insert_with(Page::empty);
            ours.count += theirs.count;
            ours.buckets
                .iter_mut()
                .zip(&theirs.buckets)
                .for_each(|(a, b)| *a += b);
        }
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Every bucket that holds values, ascending: its middle and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let zeros = (self.zeros > 0).then_some((0.0, self.zeros));
        let paged = self.pages.iter().flat_map(|(key, page)| {
            let first = u64::from(*key) * PAGE as u64;
            page.buckets
                .iter()
                .enumerate()
                .map(move |(i, times)| (middle(first + i as u64), *times))
        });
        zeros.into_iter().chain(paged.filter(|(_, times)| *times > 0))
    }

    /// The percentiles `wanted` (0–100) by nearest rank; 0 when empty. O(pages).
    pub fn percentiles<const N: usize>(&self, wanted: [f64; N]) -> [f64; N] {
        wanted.map(|p| self.value_at(rank_of(p, self.count)))
    }

    /// The value of the 1-based `rank`.
    fn value_at(&self, rank: u64) -> f64 {
        let Some(mut left) = rank.checked_sub(self.zeros).filter(|left| *left > 0) else {
            return 0.0;
        };
        for (key, page) in &self.pages {
            if left > page.count {
                left -= page.count;
                continue;
            }
            for (i, times) in page.buckets.iter().enumerate() {
                if left <= *times {
                    return middle(u64::from(*key) * PAGE as u64 + i as u64);
                }
                left -= times;
            }
        }
        0.0
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.pages.len() * (PAGE * 8 + 24)
    }
}

fn middle(bucket: u64) -> f64 {
    f64::from_bits((bucket << SHIFT) | (1 << (SHIFT - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{nearest_rank, sorted};
    use proptest::prelude::*;

    #[test]
    fn an_empty_histogram_has_zero_percentiles() {
        assert_eq!(Histogram::default().percentiles([50.0, 99.0]), [0.0, 0.0]);
    }

    #[test]
    fn ten_million_values_take_no_more_memory_than_ten_thousand() {
        let mut state = 1u64;
        let mut value = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            1.0 + (state >> 40) as f64 / (1u64 << 24) as f64 * 9.0
        };
        let mut histogram = Histogram::default();
        (0..10_000).for_each(|_| histogram.record(value(), 1));
        let early = histogram.memory();
        (0..9_990_000).for_each(|_| histogram.record(value(), 1));
        assert_eq!((histogram.count(), histogram.memory()), (10_000_000, early));
        assert!(early < 32_000, "{early}");
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_thousandth_of_exact(
            values in prop::collection::vec(prop_oneof![0.0..1e-3, 1e-3..10.0, 10.0..1e9], 1..400),
            split in 0usize..400,
        ) {
            let mut histogram = Histogram::default();
            let mut second = Histogram::default();
            for (i, value) in values.iter().enumerate() {
                if i < split { histogram.record(*value, 1) } else { second.record(*value, 1) }
            }
            histogram.merge(&second);
            let wanted = [0.0, 50.0, 95.0, 99.0, 100.0];
            let ordered = sorted(&values);
            for (p, found) in wanted.iter().zip(histogram.percentiles(wanted)) {
                let exact = nearest_rank(&ordered, *p);
                prop_assert!((found - exact).abs() <= exact * 0.000_5, "p{p}: {found} for {exact}");
            }
        }
    }
}

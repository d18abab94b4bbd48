//! Count, sum, mean, variance and extremes of a stream.

/// Welford's streaming moments (B. P. Welford, *Note on a method for calculating corrected sums of squares and products*,
/// Technometrics 4, 1962), merged after Chan, Golub and LeVeque (1979). The sum is kept apart with Neumaier's
/// compensation (1974), so that a total over millions of values is the correctly rounded one to within an ulp or two.
/// 72 bytes; O(1) a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    count: u64,
    sum: f64,
    carry: f64,
    /// The first value: what `mean` is relative to, so that a large offset costs the variance no digits.
    origin: f64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            carry: 0.0,
            origin: 0.0,
            mean: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// Adds one value.
    pub fn record(&mut self, value: f64) {
        if self.count == 0 {
            self.origin = value;
        }
        self.count += 1;
        self.add_to_sum(value);
        let from_origin = value - self.origin;
        let from_old = from_origin - self.mean;
        self.mean += from_old / self.count as f64;
        self.squares += from_old * (from_origin - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds everything `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        let count = (self.count + other.count) as f64;
        let apart = (other.origin - self.origin) + (other.mean - self.mean);
        let share = other.count as f64 / count;
        self.squares += other.squares + apart * apart * self.count as f64 * share;
        self.mean += apart * share;
        self.count += other.count;
        self.add_to_sum(other.sum);
        self.add_to_sum(other.carry);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn add_to_sum(&mut self, value: f64) {
        let sum = self.sum + value;
        self.carry += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum; 0 when empty.
    pub fn sum(&self) -> f64 {
        self.sum + self.carry
    }

    /// Sum over count, never outside the extremes; 0 when empty.
    pub fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            (self.sum() / self.count as f64).clamp(self.min, self.max)
        }
    }

    /// Sample variance (divisor n − 1); 0 for fewer than two values.
    pub fn variance(&self) -> f64 {
        if self.count < 2 {
            0.0
        } else {
            (self.squares / (self.count - 1) as f64).max(0.0)
        }
    }

    /// Sample standard deviation; 0 for fewer than two values.
    pub fn std_deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Smallest value; 0 when empty.
    pub fn min(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.min }
    }

    /// Largest value; 0 when empty.
    pub fn max(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.max }
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.record(value));
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_stream_is_all_zeros() {
        let empty = Moments::default();
        let figures = [
            empty.sum(),
            empty.mean(),
            empty.variance(),
            empty.min(),
            empty.max(),
        ];
        assert_eq!(figures, [0.0; 5]);
    }

    #[test]
    fn the_sum_of_ten_million_tenths_is_exact() {
        let sum = (0..10_000_000).map(|_| 0.1).collect::<Moments>().sum();
        assert!((sum - 1_000_000.0).abs() < 1e-9, "{sum}");
    }

    proptest! {
        #[test]
        fn merging_parts_equals_recording_all(a in prop::collection::vec(0.0..1e6, 0..50), b in prop::collection::vec(0.0..1e6, 0..50)) {
            let mut merged: Moments = a.iter().copied().collect();
            merged.merge(&b.iter().copied().collect());
            let whole: Moments = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(merged.count(), whole.count());
            prop_assert!((merged.sum() - whole.sum()).abs() <= 1e-9 * whole.sum().max(1.0));
            prop_assert!((merged.variance() - whole.variance()).abs() <= 1e-9 * whole.variance().max(1.0));
            prop_assert_eq!((merged.min(), merged.max()), (whole.min(), whole.max()));
        }
    }
}

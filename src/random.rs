//! The crate's one generator of pseudorandom numbers.

/// `SplitMix64` (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014). One seed gives one
/// sequence on every platform. Not for secrets. O(1) a number.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator that starts from `seed`; any seed is as good as another.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to below 1, a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number below `bound` (0 when that is 0), by the high half of a 128-bit product. The bias is below 2⁻⁴⁰ for any
    /// bound that a memory can hold.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// A standard normal number (G. E. P. Box and M. E. Muller, Annals of Mathematical Statistics 29, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_reference_implementation() {
        // The first outputs of Vigna's splitmix64.c from a state of 1234567.
        let mut random = SplitMix64::new(1_234_567);
        let first = [(); 3].map(|()| random.next_u64());
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn numbers_stay_within_their_range_and_have_the_moments_they_should() {
        let mut random = SplitMix64::new(7);
        let n = 100_000;
        let (mut uniform, mut normal, mut squares) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let number = random.uniform();
            assert!((0.0..1.0).contains(&number) && random.below(3) < 3);
            uniform += number;
            let number = random.normal();
            normal += number;
            squares += number * number;
        }
        let n = f64::from(n);
        assert!(
            (uniform / n - 0.5).abs() < 0.005
                && (normal / n).abs() < 0.02
                && (squares / n - 1.0).abs() < 0.03
        );
        assert_eq!(random.below(0), 0);
    }
}

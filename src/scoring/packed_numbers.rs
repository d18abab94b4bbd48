//! Numbers in a text: four UTF-16 units each, the bytes of an `f64` in little-endian order. Lists of numbers cross from
//! JavaScript in the same run of units as texts do, without being written out and parsed.

/// Packs numbers.
pub fn pack(numbers: &[f64]) -> Vec<u16> {
    let units = numbers.iter().flat_map(|number| {
        let bits = number.to_bits();
        [bits, bits >> 16, bits >> 32, bits >> 48].map(|bits| bits as u16)
    });
    units.collect()
}

/// Reads packed numbers; units left over at the end are dropped.
pub fn unpack(units: &[u16]) -> Vec<f64> {
    let numbers = units.chunks_exact(4).map(|four| {
        let bits = four
            .iter()
            .rev()
            .fold(0u64, |bits, unit| bits << 16 | u64::from(*unit));
        f64::from_bits(bits)
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back_bit_for_bit(numbers in proptest::collection::vec(any::<f64>(), 0..8)) {
            let back: Vec<u64> = unpack(&pack(&numbers)).into_iter().map(f64::to_bits).collect();
            prop_assert_eq!(back, numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>());
        }
    }
}

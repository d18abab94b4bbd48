//! The id of a result: a function of run, case and repeat, so that the primary key refuses a second one on every machine.

/// Base-36 digits of an id, behind its letter.
const DIGITS: usize = 24;

/// Returns `e` and 24 base-36 digits: blake3 over the three parts, each behind its length in bytes (64 bits, little endian),
/// of which the first 16 bytes are read as a big-endian number. The digits hold 124 bits of it.
pub fn result_id(run_id: &str, test_case_id: &str, repeat: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    let repeat = repeat.to_string();
    for part in [run_id, test_case_id, &repeat] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    let mut id = String::with_capacity(1 + DIGITS);
    id.push('e');
    push_base_36(&mut id, u128::from_be_bytes(bytes), DIGITS);
    id
}

/// Appends the last `digits` base-36 digits of a number.
pub fn push_base_36(text: &mut String, mut number: u128, digits: usize) {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut reversed = Vec::with_capacity(digits);
    for _ in 0..digits {
        reversed.push(ALPHABET[(number % 36) as usize]);
        number /= 36;
    }
    text.extend(reversed.iter().rev().map(|byte| char::from(*byte)));
}

#[cfg(test)]
mod tests {
    use super::result_id;

    #[test]
    fn ids_are_the_same_on_every_machine() {
        let id = result_id("run", "case", 0);
        assert_eq!(id.len(), 25);
        assert!(id.starts_with('e'));
        assert_eq!(id, result_id("run", "case", 0));
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let ids: std::collections::HashSet<_> = [
            ("a", "bc", 0),
            ("ab", "c", 0),
            ("a", "b", 0),
            ("a", "b", 1),
            ("a", "b1", 0),
        ]
        .map(|(run, case, repeat)| result_id(run, case, repeat))
        .into();
        assert_eq!(ids.len(), 5);
    }
}

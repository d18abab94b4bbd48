//! N-grams: how many of an answer's occur in its references.

use hashbrown::HashMap;

/// Numbers of words, equal for equal words.
#[derive(Debug, Default)]
pub struct Vocabulary {
    numbers: HashMap<Vec<u32>, u32>,
}

impl Vocabulary {
    /// The number of a word. A text has fewer than 2³² words.
    pub fn number(&mut self, word: &[u32]) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry_ref(word).or_insert(next)
    }

    /// The numbers of several words.
    pub fn numbers<'a>(&mut self, words: impl IntoIterator<Item = &'a [u32]>) -> Vec<u32> {
        words.into_iter().map(|word| self.number(word)).collect()
    }
}

/// Number of n-grams in a sequence of `length` symbols.
pub fn count(length: usize, n: usize) -> usize {
    (length + 1).saturating_sub(n)
}

/// No reference has this n-gram.
const ABSENT: u32 = u32::MAX;

/// Returns, for n = 1 to `most`, the number of the answer's n-grams that occur in a reference, each counted at most as
/// often as in the reference that has it most often. O(`most` · length) time.
pub fn clipped_matches(references: &[&[u32]], answer: &[u32], most: usize) -> Vec<usize> {
    // An n-gram is its first n − 1 symbols, by their number among the (n−1)-grams, and the last one.
    let mut heads: Vec<Vec<u32>> = references
        .iter()
        .map(|reference| vec![0; reference.len() + 1])
        .collect();
    let mut answer_heads = vec![0; answer.len() + 1];
    let mut matches = Vec::with_capacity(most);
    let mut numbers: HashMap<u64, u32> = HashMap::new();
    let mut allowed: Vec<u32> = Vec::new();
    for n in 1..=most {
        numbers.clear();
        allowed.clear();
        let key = |head: u32, last: u32| u64::from(head) << 32 | u64::from(last);
        for (reference, heads) in references.iter().zip(&mut heads) {
            let mut counts: Vec<u32> = vec![0; allowed.len()];
            for at in 0..count(reference.len(), n) {
                let next = numbers.len() as u32;
                let number = *numbers
                    .entry(key(heads[at], reference[at + n - 1]))
                    .or_insert(next);
                heads[at] = number;
                if number as usize >= counts.len() {
                    counts.resize(number as usize + 1, 0);
                }
                counts[number as usize] += 1;
            }
            allowed.resize(counts.len(), 0);
            for (allowed, count) in allowed.iter_mut().zip(counts) {
                *allowed = (*allowed).max(count);
            }
        }
        let mut found = 0;
        for at in 0..count(answer.len(), n) {
            if answer_heads[at] == ABSENT {
                continue;
            }
            let number = numbers.get(&key(answer_heads[at], answer[at + n - 1])).copied();
            answer_heads[at] = number.unwrap_or(ABSENT);
            if let Some(left) = number.map(|number| &mut allowed[number as usize])
                && *left > 0
            {
                *left -= 1;
                found += 1;
            }
        }
        matches.push(found);
    }
    matches
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn counted(text: &[u32], n: usize) -> HashMap<&[u32], usize> {
        let mut counts = HashMap::new();
        for gram in text.windows(n) {
            *counts.entry(gram).or_insert(0) += 1;
        }
        counts
    }

    proptest! {
        #[test]
        fn matches_are_those_of_counted_windows(
            references in prop::collection::vec(prop::collection::vec(0u32..3, 0..20), 1..4),
            answer in prop::collection::vec(0u32..4, 0..20),
        ) {
            let references: Vec<&[u32]> = references.iter().map(Vec::as_slice).collect();
            let expected: Vec<usize> = (1..=5).map(|n| {
                let most = |gram: &[u32]| references.iter().map(|r| counted(r, n).get(gram).copied().unwrap_or(0)).max().unwrap();
                counted(&answer, n).into_iter().map(|(gram, count)| count.min(most(gram))).sum()
            }).collect();
            prop_assert_eq!(clipped_matches(&references, &answer, 5), expected);
        }
    }
}

//! Jaro and Jaro–Winkler similarity, in linear time.

use hashbrown::HashMap;

use super::match_bits::Symbol;

/// Longest common prefix that Winkler's bonus counts.
const PREFIX: usize = 4;
/// Similarity above which Winkler's bonus is given.
const BONUS_ABOVE: f64 = 0.7;

/// Returns the Jaro similarity: common symbols at most ⌊longer/2⌋ − 1 apart, less half their transpositions.
///
/// Each symbol of `b` takes the first free equal symbol of `a` in its window. The window moves forward only, so the free
/// positions of each symbol are a queue, and the whole is O(n).
pub fn similarity<T: Symbol>(a: &[T], b: &[T]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return if a.len() == b.len() { 1.0 } else { 0.0 };
    }
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    // Positions of equal symbols of a, as a chain from each to the next.
    let mut first: HashMap<u32, usize> = HashMap::with_capacity(a.len().min(256));
    let mut next = vec![usize::MAX; a.len()];
    for (at, symbol) in a.iter().enumerate().rev() {
        next[at] = first.insert(symbol.number(), at).unwrap_or(usize::MAX);
    }
    let mut taken = vec![false; a.len()];
    let mut common_of_b = Vec::with_capacity(a.len().min(b.len()));
    for (at, &symbol) in b.iter().enumerate() {
        let Some(free) = first.get_mut(&symbol.number()) else {
            continue;
        };
        while *free < at.saturating_sub(window) {
            *free = next[*free];
        }
        if *free <= at + window && *free < a.len() {
            taken[*free] = true;
            *free = next[*free];
            common_of_b.push(symbol);
        }
    }
    let common = common_of_b.len();
    if common == 0 {
        return 0.0;
    }
    let common_of_a = a
        .iter()
        .zip(&taken)
        .filter(|(_, taken)| **taken)
        .map(|(symbol, _)| symbol);
    let unequal = common_of_a.zip(&common_of_b).filter(|(a, b)| a != b).count();
    let common_count = common as f64;
    (common_count / a.len() as f64
        + common_count / b.len() as f64
        + (common_count - (unequal / 2) as f64) / common_count)
        / 3.0
}

/// Returns the Jaro–Winkler similarity: Jaro's, with a bonus for a common prefix of up to four symbols.
pub fn with_prefix_bonus<T: Symbol>(a: &[T], b: &[T], prefix_weight: f64) -> f64 {
    let jaro = similarity(a, b);
    if jaro <= BONUS_ABOVE {
        return jaro;
    }
    let prefix = a.iter().zip(b).take(PREFIX).take_while(|(a, b)| a == b).count();
    jaro + prefix as f64 * prefix_weight * (1.0 - jaro)
}

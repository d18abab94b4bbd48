//! Ends of sentences.

/// Abbreviations whose full stop ends no sentence.
const ABBREVIATIONS: &[&str] = &[
    "approx", "ca", "c", "no", "nos", "rs", "vs", "eq", "fig", "mr", "mrs", "ms", "dr", "st", "est", "abt",
    "g", "e",
];

/// Returns the end of the sentence that `start` stands in. O(n).
pub fn end(chars: &[char], start: usize) -> usize {
    for i in start..chars.len() {
        let ends = match chars[i] {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => {
                chars.get(i + 1).is_none_or(|c| c.is_whitespace()) && !is_abbreviation(&chars[start..i])
            }
            _ => false,
        };
        if ends {
            return i;
        }
    }
    chars.len()
}

fn is_abbreviation(before: &[char]) -> bool {
    let letters = before.iter().rev().take_while(|c| c.is_alphabetic()).count();
    let word: String = before[before.len() - letters..]
        .iter()
        .collect::<String>()
        .to_lowercase();
    ABBREVIATIONS.contains(&word.as_str())
}

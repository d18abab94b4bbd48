//! Scanning of characters.

/// Tells whether a character is a blank or emphasises text.
pub fn is_emphasis(c: char) -> bool {
    matches!(c, ' ' | '*' | '_' | '\u{a0}')
}

/// Tells whether the characters begin with `prefix`.
pub fn starts_with(chars: &[char], prefix: &str) -> bool {
    let mut chars = chars.iter();
    prefix.chars().all(|p| chars.next() == Some(&p))
}

/// Tells whether `word` (lower case) stands at `i` in any case and ends there.
pub fn word_at(chars: &[char], i: usize, word: &str) -> bool {
    let end = i + word.len();
    chars
        .get(i..end)
        .is_some_and(|found| word.chars().zip(found).all(|(w, c)| w == c.to_ascii_lowercase()))
        && !chars.get(end).is_some_and(|c| c.is_alphanumeric())
}

/// Returns the first place from `from` on whose character fails `test`.
pub fn skip(chars: &[char], from: usize, test: impl Fn(char) -> bool) -> usize {
    from + chars[from..].iter().take_while(|&&c| test(c)).count()
}

/// Returns the end of the line that `from` stands in.
pub fn line_end(chars: &[char], from: usize) -> usize {
    skip(chars, from, |c| c != '\n')
}

//! The final number of an answer: which of the numbers in a text is meant, by rules a person can follow.
//!
//! 1. **A marked answer wins.** Marks are `####` with no letters after it in its line, `A:` at the start of a line,
//!    `answer` or `ans` followed by `:`, `=` or `is` (any case), and `\boxed{…}`. The last mark that a number follows
//!    counts. Its number is looked for in the rest of its line, or in the next non-blank line when nothing follows it
//!    there; after the last `=` or `≈` of that line when a number follows that (`A: 5 × 3 = 15` is 15), otherwise the
//!    first (`A: 18 dollars for 7 eggs` is 18). The text of a mark ends where the next mark begins.
//! 2. **Otherwise the last number** of the text is meant.
//!
//! How a number may be written is said in [`super::numeral`]. Linear in the length of the text.

use super::decimal::Number;
use super::numeral::Numerals;

/// The final number of `text`, or `None` when it has none.
pub fn find(text: &str) -> Option<Number> {
    let chars: Vec<char> = text.chars().collect();
    let marks = marks(&chars);
    // What follows the next mark is that mark's: no character is looked at twice.
    let limits = marks.iter().skip(1).copied().chain([chars.len()]);
    let spans: Vec<_> = marks
        .iter()
        .zip(limits)
        .map(|(&mark, limit)| answer_span(&chars[..limit], mark))
        .collect();
    let marked = spans.into_iter().rev().find_map(|span| {
        let equals = chars[span.clone()].iter().rposition(|c| matches!(c, '=' | '≈'));
        let after_equals = equals.and_then(|at| Numerals::new(&chars, span.start + at + 1..span.end).next());
        after_equals.or_else(|| Numerals::new(&chars, span).next())
    });
    marked.or_else(|| Numerals::new(&chars, 0..chars.len()).last())
}

/// Where the text after each mark begins, in order.
fn marks(chars: &[char]) -> Vec<usize> {
    let mut marks = Vec::new();
    let mut line_start = true;
    let mut i = 0;
    while i < chars.len() {
        if let Some(end) = mark_at(chars, i, line_start) {
            marks.push(end);
            line_start = false;
            i = end;
            continue;
        }
        // Emphasis, quotes and headings may come before a mark at the start of a line.
        line_start = chars[i] == '\n'
            || line_start && (chars[i].is_whitespace() || matches!(chars[i], '*' | '_' | '>' | '#'));
        i += 1;
    }
    marks
}

/// The end of the mark that starts at `i`, if one does.
fn mark_at(chars: &[char], i: usize, line_start: bool) -> Option<usize> {
    let rest = &chars[i..];
    if starts_with(rest, "####") {
        // `#### Step 2` and `#### 1. Setup` are headings; `#### $18` is an answer.
        let line = rest[4..].iter().take_while(|c| !matches!(c, '\n' | '#'));
        return (!line.clone().any(|c| c.is_alphabetic())).then_some(i + 4);
    }
    if starts_with(rest, "\\boxed{") {
        return Some(i + 7);
    }
    if line_start && starts_with(rest, "A") {
        let end = skip_emphasis(chars, i + 1);
        if chars.get(end) == Some(&':') {
            return Some(end + 1);
        }
    }
    if i > 0 && chars[i - 1].is_alphanumeric() {
        return None;
    }
    let word = ["answer", "ans"].into_iter().find(|word| {
        rest.len() >= word.len() && word.chars().zip(rest).all(|(w, c)| w == c.to_ascii_lowercase())
    })?;
    let end = skip_emphasis(chars, i + word.len());
    let after = &chars[end..];
    if matches!(after.first(), Some(':' | '=')) {
        return Some(end + 1);
    }
    let is = end > i + word.len()
        && starts_with(after, "is")
        && !after.get(2).is_some_and(|c| c.is_alphanumeric());
    is.then_some(end + 2)
}

fn starts_with(chars: &[char], prefix: &str) -> bool {
    let mut chars = chars.iter();
    prefix.chars().all(|p| chars.next() == Some(&p))
}

fn skip_emphasis(chars: &[char], from: usize) -> usize {
    let end = chars[from..].iter().position(|c| !matches!(c, ' ' | '*' | '_'));
    end.map_or(chars.len(), |n| from + n)
}

/// The rest of the line from `start`, or the next non-blank line when only punctuation and emphasis follow.
fn answer_span(chars: &[char], start: usize) -> std::ops::Range<usize> {
    let line_end = |from: usize| {
        chars[from..]
            .iter()
            .position(|&c| c == '\n')
            .map_or(chars.len(), |n| from + n)
    };
    let mut end = line_end(start);
    if !chars[start..end].iter().any(|c| c.is_alphanumeric()) {
        let next = chars[end..]
            .iter()
            .position(|c| !c.is_whitespace())
            .map_or(chars.len(), |n| end + n);
        end = line_end(next);
    }
    start..end
}

//! The final number of an answer: which of the numbers in a text is meant, by rules a person can follow.
//!
//! 1. **A box decides.** The content of the last `\boxed{…}` has to be one number.
//! 2. **Otherwise a marked answer wins.** The last mark that anything with digits follows counts; the marks are those of
//!    [`super::answer_mark`]. The first number behind it is meant, or the result of the calculation that begins with it
//!    (`A: 5 × 3 = 15 eggs` is 15, `A: 12 since 20 - 8 = 12` and `A: 18 dollars for 7 eggs` are 12 and 18).
//! 3. **Otherwise the last number** of the text is meant.
//!
//! An expected text is read more strictly: without a mark, it has to be one number.
//!
//! The ways to write a number, and texts that hold digits without being one number, are in [`super::numeral`]. Linear in
//! the length of the text.

use super::answer_mark::{self, Marked};
use super::number::Number;
use super::numeral::{Quantities, Quantity};
use super::plain_text::plain;
use std::ops::Range;

/// Returns the final number of an answer, or `None` when it has none.
pub fn of_answer(text: &str) -> Option<Number> {
    marked_or(text, |chars| only(chars, 0..chars.len()).or_else(|| last(chars)))
}

/// Returns the number that an expected text means, or `None` when it is not one number.
pub fn of_expected(text: &str) -> Option<Number> {
    marked_or(text, |chars| only(chars, 0..chars.len()))
}

/// The number that a mark points at, or that of `unmarked` where nothing with digits is marked.
fn marked_or(text: &str, unmarked: impl Fn(&[char]) -> Option<Number>) -> Option<Number> {
    let chars = plain(text);
    let spans = match answer_mark::find(&chars) {
        Marked::Boxed(range) => return only(&chars, range),
        Marked::Spans(spans) => spans,
    };
    for span in spans.into_iter().rev() {
        let mut quantities = Quantities::new(&chars, span).peekable();
        let has_digits = quantities.peek().is_some();
        // A calculation without a result is followed by one that has it.
        while quantities.peek().is_some() {
            if let Some(result) = calculation(&chars, &mut quantities) {
                return Some(result);
            }
        }
        if has_digits {
            return None;
        }
    }
    unmarked(&chars)
}

/// The last number of the text; `2 + 3i` holds none.
fn last(chars: &[char]) -> Option<Number> {
    let (mut last, mut before): (Option<Quantity>, Option<Quantity>) = (None, None);
    for found in Quantities::new(chars, 0..chars.len()) {
        if found.number.is_some() {
            before = last.replace(found);
        } else if last
            .as_ref()
            .is_some_and(|last| joined(&chars[last.end..found.start]) == Some(Join::Operator))
        {
            last = before.take();
        }
    }
    last?.number
}

/// The one number in `range`, or the result of its one calculation; a factorial is none.
fn only(chars: &[char], range: Range<usize>) -> Option<Number> {
    let factorial = chars[..range.end].ends_with(&['!']);
    let mut quantities = Quantities::new(chars, range).peekable();
    let number = calculation(chars, &mut quantities);
    if factorial || quantities.peek().is_some() {
        None
    } else {
        number
    }
}

/// Takes the calculation that comes next and returns its result: of the sides that are joined by `=`, the last one that is
/// a single number.
fn calculation(chars: &[char], quantities: &mut std::iter::Peekable<Quantities>) -> Option<Number> {
    let mut last = quantities.next()?;
    let mut result = None;
    let mut side = Some(last.clone());
    while let Some(next) = quantities
        .next_if(|next| joined(&chars[last.end..next.start]).is_some() || signed(chars, &last, next))
    {
        if joined(&chars[last.end..next.start]) == Some(Join::Equals) {
            result = side.and_then(|side| side.number).or(result);
            side = Some(next.clone());
        } else {
            side = None;
        }
        last = next;
    }
    match side {
        Some(side) => side.number,
        None => result,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Join {
    Equals,
    Operator,
}

/// Tells how two quantities with `between` them belong to one calculation: an operator right before the second, and behind the
/// first nothing but its unit.
fn joined(between: &[char]) -> Option<Join> {
    let is_opening = |c: &char| c.is_whitespace() || "($€£¥{[_".contains(*c);
    let end = between.iter().rposition(|c| !is_opening(c))?;
    // Emphasis of the second number may hide the operator: `12 = **3 · 4**`.
    let emphasised = between[..=end].iter().rposition(|c| !is_opening(c) && *c != '*');
    let end = if between[end] == '*' && end > 0 && between[end - 1] == '*' {
        emphasised?
    } else {
        end
    };
    let join = match between[end] {
        '=' | '≈' | '→' | '⇒' => Join::Equals,
        '+' | '-' | '×' | '·' | '*' | '/' | '÷' | '^' | ':' => Join::Operator,
        'x' if end == 0 || !between[end - 1].is_alphanumeric() => Join::Operator,
        _ => return None,
    };
    let unit: String = between[..end].iter().collect::<String>().to_lowercase();
    let clause = unit.contains([',', ';', '(', '\n', '?', '!', '"']) || unit.contains(". ");
    let words = unit
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty());
    let conjunction = words.clone().any(|word| CONJUNCTIONS.contains(&word));
    (!clause && !conjunction && words.count() <= 6).then_some(join)
}

/// Tells whether `next` is subtracted from `last` although its sign was read as its own: `5 -3`.
fn signed(chars: &[char], last: &Quantity, next: &Quantity) -> bool {
    matches!(chars[next.start], '+' | '-') && chars[last.end..next.start].iter().all(|c| *c == ' ')
}

/// Words that begin another thought.
const CONJUNCTIONS: &[&str] = &[
    "because",
    "since",
    "as",
    "so",
    "and",
    "or",
    "but",
    "check",
    "checking",
    "which",
    "where",
    "when",
    "if",
    "then",
    "that",
    "is",
    "are",
    "therefore",
    "thus",
    "hence",
    "where",
    "with",
    "from",
    "while",
];

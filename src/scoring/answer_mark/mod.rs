//! Marks of an answer: the places where a text says that its answer comes now.
//!
//! | mark | where the answer is |
//! |---|---|
//! | `\boxed{…}` (`\fbox`, `\framebox`) | within the braces; the last one that is not empty decides, whatever else is marked |
//! | `####` without letters behind it in its line | behind it in its line |
//! | `A:` at the start of a line | behind it in its line |
//! | `answer:`, `answer =`, `ans:`, `"answer":`, `<answer>` in any case | behind it in its line |
//! | `answer is` (`was`, `would be`, `equals`, …) | behind it in its sentence |
//!
//! If only punctuation and emphasis follow a mark in its line, the answer is in the next line that is not blank. The text
//! of a mark ends where the next mark begins.
//!
//! Talk about the answer is no mark: `let us find what the answer is in 3 steps`, `to find the answer: …`, `if the answer
//! is 5`, `the answer is not 5`, `the answer is the sum of 5 and 3`.

mod boxed;
mod scan;
mod sentence;
mod statement;

use self::scan::{is_emphasis, line_end, skip, starts_with, word_at};
use std::ops::Range;

/// Says where the answers of a text are marked.
#[derive(Debug, PartialEq, Eq)]
pub enum Marked {
    /// In a box: the whole of it is the answer.
    Boxed(Range<usize>),
    /// In these spans, in order: an answer begins each of them.
    Spans(Vec<Range<usize>>),
}

/// Finds the marks of a text.
pub fn find(chars: &[char]) -> Marked {
    if let Some(range) = boxed::last(chars) {
        return Marked::Boxed(range);
    }
    let marks = marks(chars);
    // What follows the next mark is that mark's: no character is looked at twice.
    let limits = marks.iter().skip(1).map(|mark| mark.start).chain([chars.len()]);
    let spans = marks
        .iter()
        .zip(limits)
        .map(|(mark, limit)| mark.span(&chars[..limit.max(mark.end)]));
    Marked::Spans(spans.collect())
}

/// A mark in a text.
struct Mark {
    start: usize,
    /// The place where the answer may begin.
    end: usize,
    /// `true` when the answer has to stand in the same sentence.
    sentence: bool,
}

impl Mark {
    /// The part of `chars` that holds the answer.
    fn span(&self, chars: &[char]) -> Range<usize> {
        let mut end = line_end(chars, self.end);
        if !chars[self.end..end].iter().any(|c| c.is_alphanumeric()) {
            end = line_end(chars, skip(chars, end, char::is_whitespace));
        } else if self.sentence {
            end = sentence::end(&chars[..end], self.end);
        }
        self.end..end
    }
}

/// The marks that are no boxes, in order.
fn marks(chars: &[char]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut line_start = true;
    let mut i = 0;
    while i < chars.len() {
        if let Some(mark) = mark_at(chars, i, line_start) {
            i = mark.end;
            line_start = false;
            marks.push(mark);
            continue;
        }
        // Emphasis, quotes and headings may come before a mark at the start of a line.
        line_start = chars[i] == '\n'
            || line_start && (chars[i].is_whitespace() || matches!(chars[i], '*' | '_' | '>' | '#'));
        i += 1;
    }
    marks
}

/// The mark that starts at `i`, if one does.
fn mark_at(chars: &[char], i: usize, line_start: bool) -> Option<Mark> {
    let rest = &chars[i..];
    if starts_with(rest, "####") {
        // `#### Step 2` and `#### 1. Setup` are headings; `#### $18` is an answer.
        let heading = rest[4..]
            .iter()
            .take_while(|c| !matches!(c, '\n' | '#'))
            .any(|c| c.is_alphabetic());
        return (!heading).then_some(Mark {
            start: i,
            end: i + 4,
            sentence: false,
        });
    }
    if line_start && starts_with(rest, "A") {
        let end = skip(chars, i + 1, is_emphasis);
        if chars.get(end) == Some(&':') {
            return Some(Mark {
                start: i,
                end: end + 1,
                sentence: false,
            });
        }
    }
    if i > 0 && chars[i - 1].is_alphanumeric() {
        return None;
    }
    let word = ["answer", "ans"]
        .into_iter()
        .find(|word| word_at(chars, i, word))?;
    let mark = statement::find(chars, i, i + word.len())?;
    (!statement::is_talk(chars, i)).then_some(mark)
}

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

use std::ops::Range;

/// Says where the answers of a text are marked.
#[derive(Debug, PartialEq, Eq)]
pub enum Marked {
    /// In a box: the whole of it is the answer.
    Boxed(Range<usize>),
    /// In these spans, in order: an answer begins each of them.
    Spans(Vec<Range<usize>>),
}

/// Words between "the" and "answer".
const ADJECTIVES: &[&str] = &[
    "the",
    "a",
    "an",
    "my",
    "our",
    "your",
    "this",
    "final",
    "correct",
    "right",
    "numerical",
    "numeric",
    "exact",
    "actual",
    "required",
    "full",
    "complete",
    "best",
    "desired",
    "overall",
    "total",
    "simplified",
];
/// Words before "the answer" in talk about it.
const ASKING: &[&str] = &[
    "what",
    "whatever",
    "whether",
    "if",
    "how",
    "why",
    "where",
    "when",
    "unless",
    "until",
    "once",
    "to",
    "of",
    "for",
    "about",
    "towards",
    "without",
    "finding",
    "calculating",
    "computing",
    "determining",
    "checking",
    "verifying",
    "seeking",
];
/// Verbs that plan behind "to", "let us" and "please".
const SEEKING: &[&str] = &[
    "find",
    "get",
    "reach",
    "calculate",
    "compute",
    "determine",
    "give",
    "obtain",
    "know",
    "see",
    "guess",
    "check",
    "verify",
    "explain",
    "write",
    "provide",
    "present",
    "state",
    "derive",
    "work",
    "box",
];
/// Words after "answer is" that make it no statement of the answer.
const NO_VALUE: &[&str] = &[
    "not",
    "never",
    "in",
    "found",
    "obtained",
    "given",
    "computed",
    "calculated",
    "determined",
    "derived",
    "reached",
    "by",
    "between",
    "at",
    "under",
    "below",
    "above",
    "over",
    "more",
    "less",
    "greater",
    "fewer",
    "larger",
    "smaller",
    "bigger",
    "within",
    "right",
    "wrong",
    "correct",
    "incorrect",
    "true",
    "false",
    "clear",
    "reasonable",
    "valid",
    "consistent",
    "rounded",
    "written",
    "expressed",
    "asked",
    "required",
    "needed",
    "expected",
    "supposed",
    "unknown",
    "unclear",
    "when",
    "where",
    "what",
    "why",
    "how",
    "whether",
    "if",
    "because",
    "based",
    "divided",
    "checked",
    "verified",
    "one",
    "sum",
    "product",
    "difference",
    "quotient",
    "average",
    "mean",
    "ratio",
    "remainder",
    "same",
    "first",
    "last",
];
/// Words that may come between "is" and the answer.
const ADVERBS: &[&str] = &[
    "then",
    "thus",
    "therefore",
    "simply",
    "just",
    "now",
    "clearly",
    "obviously",
    "also",
    "indeed",
    "hence",
    "actually",
    "really",
    "again",
    "the",
    "a",
    "an",
];
/// Verbs that state the answer, the longest first.
const STATING: &[&[&str]] = &[
    &["is"],
    &["was"],
    &["equals"],
    &["becomes"],
    &["would", "be"],
    &["will", "be"],
    &["should", "be"],
    &["must", "be"],
];
/// Abbreviations whose full stop ends no sentence.
const ABBREVIATIONS: &[&str] = &[
    "approx", "ca", "c", "no", "nos", "rs", "vs", "eq", "fig", "mr", "mrs", "ms", "dr", "st", "est", "abt",
    "g", "e",
];
/// The characters of a sentence that are looked at before and behind the word "answer".
const REACH: usize = 80;

/// Finds the marks of a text.
pub fn find(chars: &[char]) -> Marked {
    if let Some(range) = last_box(chars) {
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

/// The content of the last box that is not empty.
fn last_box(chars: &[char]) -> Option<Range<usize>> {
    const NAME: &str = "\\boxed";
    let mut found = None;
    // Ends of the boxes that are open, by the depth of their brace.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut complete = |range: Range<usize>| {
        // Most are passed over without a look at their content, or the boxes within boxes would cost their square.
        let later = found
            .as_ref()
            .is_none_or(|last: &Range<usize>| range.start > last.start);
        if later
            && chars[range.clone()]
                .iter()
                .any(|c| c.is_alphanumeric() || *c == '∞')
        {
            found = Some(range);
        }
    };
    let mut i = 0;
    while i < chars.len() {
        if starts_with(&chars[i..], NAME) {
            let start = skip(chars, i + NAME.len(), |c| c == ' ');
            if chars.get(start) == Some(&'{') {
                open.push(Some(start + 1));
                i = start + 1;
                continue;
            }
            // `\boxed 5`, `\boxed\frac12`
            let end = skip(chars, start, |c| {
                !c.is_whitespace() && !matches!(c, '$' | ')' | ']' | ',')
            });
            let end = start
                + chars[start..end]
                    .iter()
                    .rposition(|c| !matches!(c, '.' | ';'))
                    .map_or(0, |last| last + 1);
            complete(start..end);
            i = end.max(i + 1);
            continue;
        }
        match chars[i] {
            '{' => open.push(None),
            '}' => {
                if let Some(Some(start)) = open.pop() {
                    complete(start..i);
                }
            }
            _ => {}
        }
        i += 1;
    }
    // An answer that was cut off.
    if let Some(start) = open.into_iter().flatten().last() {
        complete(start..line_end(chars, start));
    }
    found
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
            end = sentence_end(&chars[..end], self.end);
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
    let mark = stated(chars, i, i + word.len())?;
    (!is_talk(chars, i)).then_some(mark)
}

/// The mark that the word "answer" at `start..end` makes with what follows it.
fn stated(chars: &[char], start: usize, end: usize) -> Option<Mark> {
    let near = skip(chars, end, |c| is_emphasis(c) || matches!(c, '"' | '\'' | '`'));
    let tagged = start > 0 && chars[start - 1] == '<' && chars.get(near) == Some(&'>');
    if tagged || matches!(chars.get(near), Some(':' | '=' | '：')) {
        return Some(Mark {
            start,
            end: near + 1,
            sentence: false,
        });
    }
    let near = skip(chars, end, is_emphasis);
    let near = phrase_end(chars, near);
    let end = STATING.iter().find_map(|verb| {
        let mut at = near;
        for (n, word) in verb.iter().enumerate() {
            at = if n == 0 { at } else { skip(chars, at, |c| c == ' ') };
            if !word_at(chars, at, word) {
                return None;
            }
            at += word.len();
        }
        Some(at)
    })?;
    let mut at = skip(chars, end, is_emphasis);
    while let Some(adverb) = ADVERBS.iter().find(|word| word_at(chars, at, word)) {
        at = skip(chars, at + adverb.len(), |c| is_emphasis(c) || c == ',');
    }
    let is_value = !NO_VALUE.iter().any(|word| word_at(chars, at, word));
    is_value.then_some(Mark {
        start,
        end,
        sentence: true,
    })
}

/// The end of a phrase between "answer" and its verb: `to the question`, `for part b`, `(in dollars)`, `, then,`.
fn phrase_end(chars: &[char], start: usize) -> usize {
    let opens = chars.get(start).is_some_and(|c| matches!(c, '(' | ','))
        || [
            "to",
            "for",
            "of",
            "in",
            "here",
            "then",
            "now",
            "therefore",
            "thus",
            "that",
        ]
        .iter()
        .any(|word| word_at(chars, start, word));
    if !opens {
        return start;
    }
    let mut at = start;
    while at < chars.len().min(start + REACH) && !matches!(chars[at], '.' | '!' | '?' | ':' | ';' | '\n') {
        if STATING.iter().any(|verb| word_at(chars, at, verb[0])) && chars[at - 1] == ' ' {
            return at;
        }
        at += 1;
    }
    start
}

/// Tells whether the sentence before "answer" at `i` talks about it without stating it.
fn is_talk(chars: &[char], i: usize) -> bool {
    let before: String = chars[i.saturating_sub(REACH)..i]
        .iter()
        .collect::<String>()
        .to_lowercase();
    let clause = before
        .rsplit(['.', '!', '?', ':', ';', ',', '\n'])
        .next()
        .unwrap_or("");
    let mut words = clause
        .split(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '"' | '('))
        .filter(|word| !word.is_empty())
        .rev()
        .skip_while(|word| ADJECTIVES.contains(word));
    let Some(last) = words.next() else { return false };
    let before_last = words.next().unwrap_or("");
    ASKING.contains(&last)
        || SEEKING.contains(&last) && ["to", "us", "let's", "let’s", "lets", "please"].contains(&before_last)
}

/// The end of the sentence that `start` stands in.
fn sentence_end(chars: &[char], start: usize) -> usize {
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

fn is_emphasis(c: char) -> bool {
    matches!(c, ' ' | '*' | '_' | '\u{a0}')
}

fn starts_with(chars: &[char], prefix: &str) -> bool {
    let mut chars = chars.iter();
    prefix.chars().all(|p| chars.next() == Some(&p))
}

/// Tells whether `word` (lower case) stands at `i` in any case and ends there.
fn word_at(chars: &[char], i: usize, word: &str) -> bool {
    let end = i + word.len();
    chars
        .get(i..end)
        .is_some_and(|found| word.chars().zip(found).all(|(w, c)| w == c.to_ascii_lowercase()))
        && !chars.get(end).is_some_and(|c| c.is_alphanumeric())
}

fn skip(chars: &[char], from: usize, test: impl Fn(char) -> bool) -> usize {
    from + chars[from..].iter().take_while(|&&c| test(c)).count()
}

fn line_end(chars: &[char], from: usize) -> usize {
    skip(chars, from, |c| c != '\n')
}

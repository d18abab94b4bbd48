//! Statements of the answer (`answer: 5`, `the answer is 5`), told from talk about it (`to find the answer: …`).

use super::Mark;
use super::scan::{is_emphasis, skip, word_at};

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
/// The characters of a sentence that are looked at before and behind the word "answer".
const REACH: usize = 80;

/// Returns the mark that the word "answer" at `start..end` makes with what follows it.
pub fn find(chars: &[char], start: usize, end: usize) -> Option<Mark> {
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

/// Returns the end of a phrase between "answer" and its verb: `to the question`, `for part b`, `(in dollars)`, `, then,`.
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
pub fn is_talk(chars: &[char], i: usize) -> bool {
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

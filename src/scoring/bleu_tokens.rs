//! Tokenizers of BLEU, as in sacrebleu 2.6.

use serde::Deserialize;
use unicode_properties::GeneralCategoryGroup;

use super::text::{self, category, is_ascii_digit, is_punctuation};

/// The ways to cut a text into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum BleuTokenizer {
    /// The tokenizer of mteval-v13a.
    #[serde(rename = "13a")]
    V13a,
    /// The tokenizer of mteval-v14: punctuation and symbols of all of Unicode.
    #[serde(rename = "intl")]
    International,
    /// A token for each character.
    #[serde(rename = "char")]
    Character,
    /// A token for each Chinese character, and 13a's for the rest.
    #[serde(rename = "zh")]
    Chinese,
    /// The words between space.
    #[serde(rename = "none")]
    None,
}

const BLANK: u32 = 0x20;
const NEW_LINE: u32 = 0x0A;
const DASH: u32 = 0x2D;

impl BleuTokenizer {
    /// Returns the text with space between its tokens.
    pub fn spaced(self, text: &[u32]) -> Vec<u32> {
        match self {
            Self::V13a => {
                let mut line = Vec::with_capacity(text.len() + 2);
                line.push(BLANK);
                line.extend_from_slice(text);
                line.push(BLANK);
                western(unescaped(joined_lines(line)))
            }
            Self::International => international(text.to_vec()),
            Self::Character => text.iter().flat_map(|&point| [point, BLANK]).collect(),
            Self::Chinese => western(around(text::trim(text).to_vec(), is_chinese)),
            Self::None => text.to_vec(),
        }
    }
}

/// Deletes `<skipped>` and line breaks behind a hyphen; other line breaks become blanks.
fn joined_lines(text: Vec<u32>) -> Vec<u32> {
    let text = replaced(text, "<skipped>", &[]);
    let mut text = replaced(text, "-\n", &[]);
    for point in &mut text {
        if *point == NEW_LINE {
            *point = BLANK;
        }
    }
    text
}

/// Replaces four entities, one kind after the other: `&amp;lt;` becomes `<`.
pub fn unescaped(text: Vec<u32>) -> Vec<u32> {
    [("&quot;", '"'), ("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
        .into_iter()
        .fold(text, |text, (entity, mark)| {
            replaced(text, entity, &[u32::from(mark)])
        })
}

/// Replaces an ASCII text, from left to right without overlap.
pub fn replaced(text: Vec<u32>, from: &str, to: &[u32]) -> Vec<u32> {
    let from = text::points_of(from);
    let Some(&first) = from.first().filter(|first| text.contains(first)) else {
        return text;
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] == first && text[at..].starts_with(&from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

/// Puts blanks around the symbols that `separate` names.
pub fn around(text: Vec<u32>, separate: impl Fn(u32) -> bool) -> Vec<u32> {
    let Some(first) = text.iter().position(|&point| separate(point)) else {
        return text;
    };
    let mut out = with_room(&text, first);
    for &point in &text[first..] {
        if separate(point) {
            out.extend([BLANK, point, BLANK]);
        } else {
            out.push(point);
        }
    }
    out
}

/// Rewrites neighbours for which `both` holds, from left to right without overlap.
fn rewritten(text: Vec<u32>, both: impl Fn(u32, u32) -> bool, to: impl Fn(u32, u32) -> [u32; 4]) -> Vec<u32> {
    let Some(first) = text.windows(2).position(|two| both(two[0], two[1])) else {
        return text;
    };
    let mut out = with_room(&text, first);
    let mut at = first;
    while at < text.len() {
        match text.get(at + 1) {
            Some(&next) if both(text[at], next) => {
                out.extend(to(text[at], next));
                at += 2;
            }
            _ => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

/// The first `length` symbols, with room for the others and for blanks.
fn with_room(text: &[u32], length: usize) -> Vec<u32> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    out.extend_from_slice(&text[..length]);
    out
}

/// A blank before and behind the second of two.
const fn second_apart(first: u32, second: u32) -> [u32; 4] {
    [first, BLANK, second, BLANK]
}

/// A blank before and behind the first of two.
const fn first_apart(first: u32, second: u32) -> [u32; 4] {
    [BLANK, first, BLANK, second]
}

fn is_point_or_comma(point: u32) -> bool {
    point == 0x2E || point == 0x2C
}

/// ASCII punctuation but for `'`, `-`, `.` and `,`. The references put blanks around blanks too, which changes no token.
pub fn is_separate(point: u32) -> bool {
    matches!(point, 0x7B..=0x7E | 0x5B..=0x60 | 0x21..=0x26 | 0x28..=0x2B | 0x3A..=0x40 | 0x2F)
}

/// The passes over numbers of 13a: `.` and `,` apart but within numbers, and `-` behind a digit.
pub fn number_passes(text: Vec<u32>) -> Vec<u32> {
    let text = rewritten(
        text,
        |before, mark| is_point_or_comma(mark) && !is_ascii_digit(before),
        second_apart,
    );
    let text = rewritten(
        text,
        |mark, behind| is_point_or_comma(mark) && !is_ascii_digit(behind),
        first_apart,
    );
    rewritten(
        text,
        |digit, dash| dash == DASH && is_ascii_digit(digit),
        second_apart,
    )
}

fn western(line: Vec<u32>) -> Vec<u32> {
    number_passes(around(line, is_separate))
}

fn international(text: Vec<u32>) -> Vec<u32> {
    let is_number = |point| category(point) == GeneralCategoryGroup::Number;
    let text = rewritten(
        text,
        |before, mark| is_punctuation(mark) && !is_number(before),
        second_apart,
    );
    let text = rewritten(
        text,
        |mark, behind| is_punctuation(mark) && !is_number(behind),
        first_apart,
    );
    around(text, |point| category(point) == GeneralCategoryGroup::Symbol)
}

/// The table of sacrebleu's `zh`. Two of its ranges are mistyped there, and mean U+2001–2A6D and U+2F81–2FA1.
fn is_chinese(point: u32) -> bool {
    matches!(
        point,
        0x3400..=0x4DB5
            | 0x4E00..=0x9FBB
            | 0xF900..=0xFA2D
            | 0xFA30..=0xFA6A
            | 0xFA70..=0xFAD9
            | 0x2001..=0x2A6D
            | 0x2F81..=0x2FA1
            | 0xFF00..=0xFFEF
            | 0x2E80..=0x2EFF
            | 0x3000..=0x303F
            | 0x31C0..=0x31EF
            | 0x2F00..=0x2FDF
            | 0x2FF0..=0x2FFF
            | 0x3100..=0x312F
            | 0x31A0..=0x31BF
            | 0xFE10..=0xFE1F
            | 0xFE30..=0xFE4F
            | 0x3200..=0x33FF
    )
}

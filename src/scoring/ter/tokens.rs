//! Tercom's tokenizer, as in sacrebleu 2.6.

use super::Ter;
use crate::scoring::bleu_tokens::{around, is_separate, number_passes, replaced, unescaped};
use crate::scoring::ngrams::Vocabulary;
use crate::scoring::text;

const BLANK: u32 = 0x20;

impl Ter {
    /// Returns the numbers of the tokens of an answer.
    pub(super) fn answer_tokens(&self, units: &[u16], vocabulary: &mut Vocabulary) -> Vec<u32> {
        vocabulary.numbers(text::words(&self.spaced(&text::code_points(units))))
    }

    /// Returns the numbers of the tokens of a reference, which sacrebleu tokenizes twice: `,1,` behind a comma is cut
    /// further the second time.
    pub(super) fn reference_tokens(&self, units: &[u16], vocabulary: &mut Vocabulary) -> Vec<u32> {
        let once = self.spaced(&text::code_points(units));
        let words: Vec<&[u32]> = text::words(&once).collect();
        vocabulary.numbers(text::words(&self.spaced(&words.join(&BLANK))))
    }

    /// The text with space between its tokens.
    fn spaced(&self, text: &[u32]) -> Vec<u32> {
        let mut text = text::trim_end(text).to_vec();
        if !self.case_sensitive {
            text = text::lower(&text);
        }
        if self.normalized && !text.is_empty() {
            text = western(text);
            if self.asian_support {
                text = around(text, |point| is_asian(point) || is_asian_mark(point));
            }
        }
        if self.no_punctuation {
            text.retain(|&point| !(is_mark(point) || self.asian_support && is_asian_mark(point)));
        }
        text
    }
}

fn western(text: Vec<u32>) -> Vec<u32> {
    let mut line = vec![BLANK];
    line.extend(unescaped(replaced(text, "\n-", &[])));
    line.push(BLANK);
    for point in &mut line {
        if *point == 0x0A {
            *point = BLANK;
        }
    }
    let line = around(line, is_separate);
    let possessive: Vec<u32> = text::points_of(" 's ");
    number_passes(replaced(line, "'s ", &possessive))
}

/// The marks that `noPunctuation` deletes.
fn is_mark(point: u32) -> bool {
    char::from_u32(point).is_some_and(|mark| ".,?:;!\"()".contains(mark))
}

/// Characters that are tokens of their own. One range is mistyped in the original: U+3200–3F22.
fn is_asian(point: u32) -> bool {
    matches!(
        point,
        0x4E00..=0x9FFF
            | 0x3200..=0x4DBF
            | 0x31C0..=0x31EF
            | 0x2E80..=0x2EFF
            | 0xF900..=0xFAFF
            | 0xFE30..=0xFE4F
    )
}

/// Asian and full-width punctuation.
fn is_asian_mark(point: u32) -> bool {
    matches!(
        point,
        0x3001
            | 0x3002
            | 0x3008..=0x3011
            | 0x3014..=0x301F
            | 0xFF61..=0xFF65
            | 0x30FB
            | 0xFF0E
            | 0xFF0C
            | 0xFF1F
            | 0xFF1A
            | 0xFF1B
            | 0xFF01
            | 0xFF02
            | 0xFF08
            | 0xFF09
    )
}

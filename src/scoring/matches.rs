//! Matches of texts, all or nothing: the same text, or one within the other. O(m + n).

use memchr::memmem;
use serde::Deserialize;

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::text::{self, Form};
use super::token_overlap::without_articles;

/// The byte order mark, which editors and shells leave at the ends of texts.
const BYTE_ORDER_MARK: u32 = 0xFEFF;
const NEW_LINE: u32 = 0x0A;
const RETURN: u32 = 0x0D;
const BLANK: u32 = 0x20;

fn verdict(same: bool) -> f64 {
    f64::from(u8::from(same))
}

/// A scorer by equality of the texts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // they are the options of the match
pub struct ExactMatch {
    normalize: Form,
    ignore_case: bool,
    ignore_punctuation: bool,
    ignore_articles: bool,
    collapse_space: bool,
}

impl Kernel for ExactMatch {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let actual = self.normalized(pair.actual);
        Ok(verdict(
            pair.expected
                .iter()
                .any(|expected| self.normalized(expected) == actual),
        ))
    }
}

impl ExactMatch {
    /// Applies the options, in their documented order.
    fn normalized(&self, units: &[u16]) -> Vec<u32> {
        let mut points = unified_lines(text::normalize(text::code_points(units), self.normalize));
        if self.ignore_case {
            points = text::normalize(text::fold(&points), self.normalize);
        }
        if self.ignore_punctuation {
            points.retain(|&point| !text::is_punctuation(point));
        }
        if self.ignore_articles {
            points = without_articles(&points);
        }
        if self.ignore_articles || self.collapse_space {
            let mut blank = false;
            points.retain_mut(|point| {
                let repeated = std::mem::replace(&mut blank, is_white_space(*point));
                if blank {
                    *point = BLANK;
                }
                !(blank && repeated)
            });
        }
        let outer = |&point: &u32| is_white_space(point) || point == BYTE_ORDER_MARK;
        let end = points
            .iter()
            .rposition(|point| !outer(point))
            .map_or(0, |at| at + 1);
        points.truncate(end);
        let start = points.iter().position(|point| !outer(point)).unwrap_or(0);
        points.drain(..start);
        points
    }
}

/// Unicode's `White_Space`, which is not Python's space.
fn is_white_space(point: u32) -> bool {
    char::from_u32(point).is_some_and(char::is_whitespace)
}

/// Turns `\r\n` and `\r` into `\n`.
fn unified_lines(mut points: Vec<u32>) -> Vec<u32> {
    let mut after_return = false;
    points.retain_mut(|point| {
        let second = *point == NEW_LINE && after_return;
        after_return = *point == RETURN;
        if after_return {
            *point = NEW_LINE;
        }
        !second
    });
    points
}

/// The place where the expected text is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// Anywhere in the answer.
    Anywhere,
    /// At its start.
    Start,
    /// At its end.
    End,
}

/// A scorer by the occurrence of the expected text in the answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Occurrence {
    place: Place,
    normalize: Form,
    ignore_case: bool,
}

impl Kernel for Occurrence {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let actual = self.encoded(pair.actual);
        Ok(verdict(pair.expected.iter().any(|expected| {
            let expected = self.encoded(expected);
            match self.place {
                Place::Anywhere => memmem::find(&actual, &expected).is_some(),
                Place::Start => actual.starts_with(&expected),
                Place::End => actual.ends_with(&expected),
            }
        })))
    }
}

impl Occurrence {
    /// The text in generalised UTF-8: no code point's bytes occur within another's, so bytes can be searched.
    fn encoded(&self, units: &[u16]) -> Vec<u8> {
        let mut points = text::normalize(text::code_points(units), self.normalize);
        if self.ignore_case {
            points = text::normalize(text::fold(&points), self.normalize);
        }
        let mut bytes = Vec::with_capacity(points.len());
        for point in points {
            match char::from_u32(point) {
                Some(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                // A lone surrogate takes three bytes, like its neighbours.
                None => bytes.extend([
                    0xE0 | (point >> 12) as u8,
                    0x80 | (point >> 6 & 0x3F) as u8,
                    0x80 | (point & 0x3F) as u8,
                ]),
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(kernel: &dyn Kernel, expected: &[u16], actual: &[u16]) -> bool {
        let pair = Pair {
            expected: &[expected],
            actual,
        };
        kernel.score(pair, &mut [], Interrupt::never()).unwrap() == 1.0
    }

    fn exact(normalize: Form, options: [bool; 4]) -> ExactMatch {
        let [ignore_case, ignore_punctuation, ignore_articles, collapse_space] = options;
        ExactMatch {
            normalize,
            ignore_case,
            ignore_punctuation,
            ignore_articles,
            collapse_space,
        }
    }

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn same(kernel: &ExactMatch, expected: &str, actual: &str) -> bool {
        matches(kernel, &units(expected), &units(actual))
    }

    #[test]
    fn each_option_ignores_one_thing() {
        let plain = exact(Form::Nfc, [false; 4]);
        assert!(same(&plain, "caf\u{e9}\none", "\u{feff} cafe\u{301}\r\none\r"));
        for (at, expected, actual) in [
            (0, "STRASSE ΣΊΣΥΦΟΣ", "straße σίσυφος"),
            (1, "no. 5, “ok”", "no 5 ok"),
            (2, "the cat  sat", "cat sat"),
            (3, "a \t\u{3000}b", "a b"),
        ] {
            let mut options = [false; 4];
            options[at] = true;
            assert!(same(&exact(Form::Nfc, options), expected, actual), "{expected}");
            assert!(!same(&plain, expected, actual), "{expected}");
        }
        assert!(same(&exact(Form::Nfkc, [false; 4]), "ﬁ①", "fi1"));
        assert!(!same(&plain, "ﬁ①", "fi1"));
    }

    #[test]
    fn a_lone_surrogate_is_found_as_itself_alone() {
        let anywhere = Occurrence {
            place: Place::Anywhere,
            normalize: Form::Nfc,
            ignore_case: true,
        };
        assert!(matches(&anywhere, &[0xD800], &[97, 0xD800, 98]));
        assert!(!matches(&anywhere, &[0xD800], &[97, 0xD801, 98]));
        // The first half of a pair is no lone surrogate.
        assert!(!matches(&anywhere, &[0xD83D], &units("😀")));
        assert!(matches(&anywhere, &[], &[]));
    }
}

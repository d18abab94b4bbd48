//! JSON match: whether an answer is, or holds, the expected JSON value; see [`super::json`] and [`super::json_in_text`].

use serde::Deserialize;

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::{Matcher, Score, json, utf16};

/// A scorer by JSON equality.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonMatch {
    /// Looks for the value in fences and prose too.
    extract: bool,
}

impl Kernel for JsonMatch {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let actual = utf16::text(pair.actual);
        let score = |expected: &str| {
            if self.extract {
                return match Matcher::Json.score(expected, &actual) {
                    Score::Matched(score) => score,
                    Score::Unusable => f64::NAN,
                };
            }
            let Some(expected) = whole(expected) else {
                return f64::NAN;
            };
            f64::from(u8::from(whole(&actual) == Some(expected)))
        };
        // A JSON scorer has one expected value: a list is a value.
        Ok(pair
            .expected
            .first()
            .map_or(f64::NAN, |expected| score(&utf16::text(expected))))
    }
}

/// The value that the whole text is, with JSON's own white space around it at most.
fn whole(text: &str) -> Option<json::Value> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let (value, end) = json::parse_at(text, 0).ok()?;
    (end == text.len()).then_some(value)
}

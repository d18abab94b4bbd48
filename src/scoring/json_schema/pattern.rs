//! Patterns of `pattern` and `patternProperties`.

use crate::scoring::interrupt::Interrupt;
use crate::scoring::json_text::units;
use crate::scoring::kernel::{Kernel, Pair};
use crate::scoring::pattern;
use serde::Deserialize;
use serde_json::json;

/// A compiled pattern that may match anywhere in a text, in linear time.
#[derive(Debug)]
pub struct Pattern {
    source: String,
    matcher: pattern::Pattern,
}

impl Pattern {
    /// Compiles an ECMA-262 regular expression, read with the flag `u`.
    ///
    /// # Errors
    /// In words, when the syntax is wrong or cannot be matched in linear time (lookaround, back-references).
    pub fn new(source: &str) -> Result<Self, String> {
        let options = json!({ "source": source, "flags": "u" });
        let options = pattern::PatternOptions::deserialize(options).map_err(|error| error.to_string())?;
        let matcher = pattern::Pattern::new(&options).map_err(|error| {
            let message = error.to_string();
            message
                .split_once(": ")
                .map_or(message.clone(), |(_, reason)| reason.to_owned())
        })?;
        Ok(Self {
            source: source.to_owned(),
            matcher,
        })
    }

    /// Returns true if it matches somewhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        let pair = Pair {
            expected: &[],
            actual: &units(text),
        };
        self.matcher.score(pair, &mut [], Interrupt::never()) == Ok(1.0)
    }

    /// The text it was written as.
    pub fn source(&self) -> &str {
        &self.source
    }
}

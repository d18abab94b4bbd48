//! JSON lines, and the rules of JSON text for every format that holds some.
//!
//! A line is one JSON value, exactly as strict as `JSON.parse`. Empty lines do not count.

use memchr::memchr;
use serde::de::IgnoredAny;

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;
use crate::stream::source::window::Window;
use crate::stream::source::{Record, Records};

/// Returns whether JSON takes `byte` for white space.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Returns `text` without the white space around it.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .position(|byte| !is_space(*byte))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|byte| !is_space(*byte))
        .map_or(start, |at| at + 1);
    &text[start..end]
}

/// Checks that `text` is one JSON value in UTF-8, or returns the reason why not. O(bytes), no recursion, any depth.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(format!(
            "not valid UTF-8 at byte {} of the record",
            error.valid_up_to() + 1
        ));
    }
    serde_json::from_slice::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| reason(&error))
}

/// Returns whether `text` may end in the middle of a number, where the parser cannot tell that it ends too early.
pub(super) fn ends_within_number(text: &[u8]) -> bool {
    matches!(text.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// Returns the sentence for a syntax error.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("not valid JSON: {what} at column {}", error.column())
}

/// The records of a JSON lines file. O(bytes), one pass to find the line and one to validate it.
#[derive(Debug, Default)]
pub(super) struct JsonLines;

impl Records for JsonLines {
    fn next(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<Record, DatasetError> {
        loop {
            let mut searched = 0;
            let (length, consumed) = loop {
                let available = window.available();
                if let Some(at) = memchr(b'\n', &available[searched..]) {
                    break (searched + at, searched + at + 1);
                }
                if window.at_end() {
                    break (available.len(), available.len());
                }
                if window.would_wait(batch) {
                    return Ok(Record::Later);
                }
                searched = available.len();
                window.fill()?;
            };
            if consumed == 0 {
                return Ok(Record::End);
            }
            let (line, offset) = (window.line(), window.offset());
            let text = trim(&window.available()[..length]);
            let newlines = u64::from(consumed > length);
            if text.is_empty() {
                window.consume_lines(consumed, newlines);
                continue;
            }
            let outcome = check(text).and_then(|()| batch.item(|out| out.extend_from_slice(text)));
            window.consume_lines(consumed, newlines);
            return match outcome {
                Ok(()) => Ok(Record::Item),
                Err(reason) => Ok(Record::Invalid(DatasetError::at(line, offset, reason))),
            };
        }
    }
}

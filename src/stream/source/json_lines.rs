//! JSON lines: one JSON value per line; empty lines do not count.

use memchr::memchr;

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;
use crate::stream::source::json_text::{check, trim};
use crate::stream::source::window::Window;
use crate::stream::source::{Record, Records};

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

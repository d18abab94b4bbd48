//! A batch of records as the text of one JSON array.

use crate::stream::source::error::DatasetError;

/// Reports of skipped records kept per batch; more are only counted.
const MAX_REPORTS: usize = 1000;

/// Text in the form a JavaScript engine stores it, so that handing it over is a copy.
#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// Only characters below 128.
    Ascii(String),
    /// Any other text.
    Utf16(Vec<u16>),
}

/// What one read of a [`DatasetReader`](super::DatasetReader) gives.
#[derive(Debug)]
pub struct Batch {
    /// A JSON array of the items.
    pub text: Text,
    /// How many items the array has.
    pub items: u64,
    /// Records left out because they are invalid.
    pub skipped: u64,
    /// What was wrong with the first of them (at most 1000).
    pub reports: Vec<DatasetError>,
    /// Whether nothing follows.
    pub done: bool,
}

/// Collects records.
#[derive(Debug)]
pub(super) struct BatchBuilder {
    text: Vec<u8>,
    items: u64,
    skipped: u64,
    reports: Vec<DatasetError>,
}

impl BatchBuilder {
    pub(super) fn new(capacity: usize) -> Self {
        let mut text = Vec::with_capacity(capacity);
        text.push(b'[');
        Self {
            text,
            items: 0,
            skipped: 0,
            reports: Vec::new(),
        }
    }

    /// Starts the next item; what is written to the returned buffer until the next call must be one JSON value.
    pub(super) fn item(&mut self) -> &mut Vec<u8> {
        if self.items > 0 {
            self.text.push(b',');
        }
        self.items += 1;
        &mut self.text
    }

    pub(super) fn skip(&mut self, report: DatasetError) {
        self.skipped += 1;
        if self.reports.len() < MAX_REPORTS {
            self.reports.push(report);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items == 0 && self.skipped == 0
    }

    pub(super) fn finish(mut self, done: bool) -> Result<Batch, DatasetError> {
        self.text.push(b']');
        let text = String::from_utf8(self.text)
            .map_err(|error| DatasetError::of_file(format!("a record is not valid UTF-8: {error}")))?;
        let text = if text.is_ascii() {
            Text::Ascii(text)
        } else {
            Text::Utf16(text.encode_utf16().collect())
        };
        Ok(Batch {
            text,
            items: self.items,
            skipped: self.skipped,
            reports: self.reports,
            done,
        })
    }
}

//! A batch of records as texts of JSON arrays.

use crate::stream::source::error::DatasetError;
use crate::stream::source::text::Text;

/// Reports of skipped records kept per batch; more are only counted.
const MAX_REPORTS: usize = 1000;

/// A text ends with the record that makes it this long: parsing one takes well under a millisecond, and V8 keeps strings
/// below 128 KB in its young generation, where they cost neither a mapping nor a page fault each.
const TEXT_BYTES: usize = 64 << 10;

/// What one read of a [`DatasetReader`](super::DatasetReader) gives.
#[derive(Debug)]
pub struct Batch {
    /// The items, in order: each text is a JSON array of some of them, none is empty.
    pub texts: Vec<Text>,
    /// How many items there are in all.
    pub items: u64,
    /// Records left out because they are invalid.
    pub skipped: u64,
    /// What was wrong with the first of them (at most 1000).
    pub reports: Vec<DatasetError>,
    /// Whether nothing follows.
    pub done: bool,
    /// For formats with values that JSON lacks: what makes them of the parsed ones, as JSON (see `parquet`); else empty.
    pub plan: String,
}

/// Collects records.
#[derive(Debug, Default)]
pub(super) struct BatchBuilder {
    texts: Vec<Text>,
    text: Vec<u8>,
    /// Bytes of records so far.
    bytes: usize,
    items: u64,
    skipped: u64,
    reports: Vec<DatasetError>,
}

impl BatchBuilder {
    /// Takes the next item: `write` appends one JSON value in UTF-8.
    pub(super) fn item(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.text.is_empty() {
            self.text.reserve(TEXT_BYTES + TEXT_BYTES / 4);
            self.text.push(b'[');
        } else {
            self.text.push(b',');
        }
        let before = self.text.len();
        write(&mut self.text);
        self.items += 1;
        self.bytes += self.text.len() - before;
        if self.text.len() >= TEXT_BYTES {
            self.end_text();
        }
    }

    pub(super) fn skip(&mut self, report: DatasetError) {
        self.skipped += 1;
        if self.reports.len() < MAX_REPORTS {
            self.reports.push(report);
        }
    }

    /// Bytes of the items' text.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items == 0 && self.skipped == 0
    }

    pub(super) fn finish(mut self, done: bool, plan: &str) -> Batch {
        self.end_text();
        Batch {
            texts: self.texts,
            items: self.items,
            skipped: self.skipped,
            reports: self.reports,
            done,
            plan: plan.to_owned(),
        }
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.text.push(b']');
            self.texts.push(Text::of(std::mem::take(&mut self.text)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_records_make_texts_of_about_sixty_four_kilobytes() {
        let mut batch = BatchBuilder::default();
        for i in 0..1200 {
            batch.item(|out| out.extend_from_slice(format!("\"{i:0>400}\"").as_bytes()));
        }
        let batch = batch.finish(true, "");
        let texts: Vec<_> = batch.texts.iter().map(Text::read).collect();
        let sizes: Vec<_> = texts.iter().map(String::len).collect();
        assert!(sizes.iter().all(|size| *size < 66 << 10), "{sizes:?}");
        assert_eq!(sizes.len(), 8);
        let items = texts
            .iter()
            .flat_map(|text| serde_json::from_str::<Vec<String>>(text).unwrap());
        assert!(
            items
                .map(|item| item.trim_start_matches('0').parse().unwrap_or(0))
                .eq(0..1200)
        );
    }
}

//! A batch of records as texts of JSON arrays.

use crate::stream::source::error::DatasetError;
use crate::stream::source::window::too_long;

/// Reports of skipped records kept per batch; more are only counted.
const MAX_REPORTS: usize = 1000;

/// A text ends with the record that makes it this long. Parsing one takes well under a millisecond. V8 keeps strings below
/// 128 KB in its young generation, where they cost neither a mapping nor a page fault each.
const TEXT_BYTES: usize = 64 << 10;

/// The outcome of one read of a [`DatasetReader`](super::DatasetReader).
#[derive(Debug)]
pub struct Batch {
    /// The items, in order: each text is a JSON array of some of them, none is empty.
    pub texts: Vec<Text>,
    /// The number of items in all.
    pub items: u64,
    /// Records left out because they are invalid.
    pub skipped: u64,
    /// The problems of the first of them (at most 1000).
    pub reports: Vec<DatasetError>,
    /// True when nothing follows.
    pub done: bool,
    /// The progress of reading the file.
    pub progress: Progress,
    /// True when a number in the texts may have more digits than a double keeps.
    pub long_numbers: bool,
    /// For formats with values that JSON lacks: what makes them of the parsed ones, as JSON (see `parquet`); else empty.
    pub plan: String,
}

/// The progress of reading a file. A batch that was read ahead counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read of the file, as it is on disk.
    pub bytes_read: u64,
    /// Bytes of the file, where that is known.
    pub bytes_total: Option<u64>,
    /// Records in the file, where that is known before all are read.
    pub items_total: Option<u64>,
}

/// The fewest digits of a whole number that a double may not hold.
const LONG_NUMBER: usize = 16;

/// Collects records.
#[derive(Debug)]
pub(super) struct BatchBuilder {
    /// The longest text of an item.
    limit: usize,
    texts: Vec<Text>,
    text: Vec<u8>,
    /// Bytes of records so far.
    bytes: usize,
    items: u64,
    skipped: u64,
    reports: Vec<DatasetError>,
    long_numbers: bool,
}

impl BatchBuilder {
    /// An empty batch whose items may have texts of up to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            texts: Vec::new(),
            text: Vec::new(),
            bytes: 0,
            items: 0,
            skipped: 0,
            reports: Vec::new(),
            long_numbers: false,
        }
    }

    /// Takes the next item: `write` appends one JSON value in UTF-8.
    ///
    /// # Errors
    /// When its text is longer than an item may be. It is then left out.
    pub(super) fn item(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), String> {
        let start = self.text.len();
        if self.text.is_empty() {
            self.text.reserve(TEXT_BYTES + TEXT_BYTES / 4);
            self.text.push(b'[');
        } else {
            self.text.push(b',');
        }
        let before = self.text.len();
        write(&mut self.text);
        let length = self.text.len() - before;
        if length > self.limit {
            self.text.truncate(start);
            self.text.shrink_to(2 * TEXT_BYTES);
            return Err(too_long(self.limit));
        }
        self.items += 1;
        self.bytes += length;
        if self.text.len() >= TEXT_BYTES {
            self.end_text();
        }
        Ok(())
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
            progress: Progress::default(),
            long_numbers: self.long_numbers,
            plan: plan.to_owned(),
        }
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.text.push(b']');
            self.long_numbers = self.long_numbers || has_long_number(&self.text);
            self.texts.push(Text::of(std::mem::take(&mut self.text)));
        }
    }
}

/// Returns whether `text` has a run of digits that is longer than those of any number a double always holds. O(bytes / 16).
fn has_long_number(text: &[u8]) -> bool {
    let digit = |byte: &&u8| byte.is_ascii_digit();
    let mut at = LONG_NUMBER - 1;
    while at < text.len() {
        let before = text[..at].iter().rev().take_while(digit).count();
        let from = text[at..].iter().take_while(digit).count();
        if from > 0 && before + from >= LONG_NUMBER {
            return true;
        }
        at += from.max(1) - 1 + LONG_NUMBER;
    }
    false
}

/// The longest text, in bytes of UTF-8 per character beyond Latin-1, that is kept at one byte a character: an escape takes
/// six bytes where the two-byte form takes one byte more for every character of the text.
const BYTES_PER_ESCAPE: usize = 16;

/// Text in the form a JavaScript engine stores it, so that handing it over is a copy. One byte a character where that pays:
/// engines parse it at about twice the speed.
#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// Characters below 256, one byte each; others are `\u` escapes.
    Latin1(Vec<u8>),
    /// UTF-16 units, for any text.
    Utf16(Vec<u16>),
}

impl Text {
    /// The form for `json`, which must be valid JSON in UTF-8: there every character beyond ASCII is inside a string, where an
    /// escape means the same. O(bytes).
    pub(super) fn of(json: Vec<u8>) -> Self {
        if json.is_ascii() {
            return Self::Latin1(json);
        }
        let text = String::from_utf8_lossy(&json);
        // Characters beyond Latin-1 start with a byte above 0xC3.
        let beyond = json.iter().filter(|byte| **byte > 0xC3).count();
        if beyond > json.len() / BYTES_PER_ESCAPE {
            return Self::Utf16(text.encode_utf16().collect());
        }
        let mut out = Vec::with_capacity(json.len() + 5 * beyond);
        let mut rest: &str = &text;
        while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            let mut characters = rest[at..].chars();
            if let Some(character) = characters.next() {
                match u8::try_from(character) {
                    Ok(byte) => out.push(byte),
                    Err(_) => {
                        for unit in character.encode_utf16(&mut [0; 2]) {
                            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                        }
                    }
                }
            }
            rest = characters.as_str();
        }
        out.extend_from_slice(rest.as_bytes());
        Self::Latin1(out)
    }
}

#[cfg(test)]
impl Text {
    /// Returns the text that an engine makes of it.
    pub(super) fn read(&self) -> String {
        match self {
            Self::Latin1(bytes) => bytes.iter().copied().map(char::from).collect(),
            Self::Utf16(units) => String::from_utf16(units).unwrap(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_long_number_is_found_wherever_it_is(text in "[0-9,a]{0,80}|[0-9]{10,20},[0-9]{10,20}") {
            let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
            prop_assert_eq!(has_long_number(text.as_bytes()), longest >= LONG_NUMBER);
        }
    }

    #[test]
    fn an_item_beyond_the_limit_is_left_out_and_says_so() {
        let mut batch = BatchBuilder::new(3);
        let mut take = |text: &str| batch.item(|out| out.extend_from_slice(text.as_bytes()));
        assert_eq!(take("123"), Ok(()));
        assert_eq!(take("1234"), Err("the record is longer than 3 bytes".into()));
        assert_eq!(take("4"), Ok(()));
        let texts = batch.finish(true, "").texts;
        assert_eq!(texts.iter().map(Text::read).collect::<Vec<_>>(), ["[123,4]"]);
    }

    #[test]
    fn many_records_make_texts_of_about_sixty_four_kilobytes() {
        let mut batch = BatchBuilder::new(1000);
        for i in 0..1200 {
            let text = format!("\"{i:0>400}\"");
            batch.item(|out| out.extend_from_slice(text.as_bytes())).unwrap();
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

    /// Text as files have it: mostly ASCII, now and then other characters, of which some take two UTF-16 units.
    fn prose() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![8 => "[ -~]{0,60}", 1 => "[é日😀\u{ff}\u{100}\\\\\"]{1,3}"],
            0..30,
        )
        .prop_map(|parts| parts.concat())
    }

    #[test]
    fn text_has_one_byte_a_character_unless_most_are_beyond_latin_1() {
        let of = |json: &str| Text::of(json.as_bytes().to_vec());
        assert_eq!(of("[\"abc\"]"), Text::Latin1(b"[\"abc\"]".to_vec()));
        assert_eq!(of("[\"caf\u{e9}\"]"), Text::Latin1(b"[\"caf\xe9\"]".to_vec()));
        let rare = format!("[\"{}\u{65e5}\u{1f600}\"]", "x".repeat(100));
        let escaped = format!("[\"{}\\u65e5\\ud83d\\ude00\"]", "x".repeat(100));
        assert_eq!(of(&rare), Text::Latin1(escaped.into_bytes()));
        assert!(matches!(of("[\"\u{65e5}\u{672c}\"]"), Text::Utf16(_)));
    }

    proptest! {
        #[test]
        fn text_means_the_same_in_either_form(strings in prop::collection::vec(prose(), 1..4)) {
            let json = serde_json::to_vec(&strings).unwrap();
            let read: Vec<String> = serde_json::from_str(&Text::of(json).read()).unwrap();
            prop_assert_eq!(read, strings);
        }
    }
}

//! The format of a file: by what was asked for, then its name, then its first bytes.

use std::path::Path;

use crate::stream::source::csv::Dialect;
use crate::stream::source::error::DatasetError;
use crate::stream::source::json_document::MEMBER;
use crate::stream::source::json_lines::{check, is_space, trim};
use crate::stream::source::signature::{foreign, may_be_foreign};
use crate::stream::source::window::Window;

/// The first bytes of a file looked at to tell text from anything else.
const HEAD_BYTES: usize = 8192;

/// A file with NULs is no text when at least one in so many of its first bytes is none.
const BYTES_PER_OTHER: usize = 8;

/// The longest first line that decides whether a file that starts with an object is JSON lines.
const FIRST_LINE_BYTES: usize = 16 << 20;

const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// The first and the last four bytes of a Parquet file.
pub(super) const PARQUET: &[u8] = b"PAR1";

/// A format of datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON lines: a value per line.
    JsonLines,
    /// A JSON array, or an object whose `testCases` is one.
    Json,
    /// Rows of fields between commas.
    Csv,
    /// Rows of fields between tabs.
    Tsv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Returns the format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "jsonl" => Some(Self::JsonLines),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// Returns what the name of `path` says, compression aside.
    pub(super) fn from_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let plain = [".gz", ".gzip", ".zst", ".zstd"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        match plain.rsplit_once('.')?.1 {
            "jsonl" | "ndjson" | "jsonlines" => Some(Self::JsonLines),
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "parquet" | "parq" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// Returns the dialect of the rows, where there are rows.
    pub fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Csv => Some(Dialect::CSV),
            Self::Tsv => Some(Dialect::TSV),
            Self::JsonLines | Self::Json | Self::Parquet => None,
        }
    }
}

/// Decides from the first text of a file whose name does not tell. It reads on to the end of the first line when that may be
/// a whole object. A JSON document shows before it is read whole, by a line feed in the object or by its `testCases`.
pub(super) fn detect(path: &Path, window: &mut Window) -> Result<Format, DatasetError> {
    loop {
        let text = trim_start(window.available());
        match text.first() {
            Some(b'[') => return Ok(Format::Json),
            Some(b'{') => {
                let line_end = memchr::memchr(b'\n', text);
                if let Some(line_end) = line_end.or_else(|| window.at_end().then_some(text.len())) {
                    let line = trim(&text[..line_end]);
                    if check(line).is_err() {
                        return Ok(Format::Json);
                    }
                    // A whole object, which is a row unless it is all there is and a document.
                    if !trim(&text[line_end..]).is_empty() || !(is_json(path) || names_items(line)) {
                        return Ok(Format::JsonLines);
                    }
                    if window.at_end() {
                        return Ok(Format::Json);
                    }
                    window.fill()?;
                    continue;
                }
                if text.len() > FIRST_LINE_BYTES || names_items(text) {
                    return Ok(Format::Json);
                }
            }
            Some(_) => {
                return Err(DatasetError::of_file(
                    "the format cannot be told from the name or the content; \
                     pass `format: 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet'`",
                ));
            }
            None if !window.at_end() => {}
            None if is_json(path) => return Ok(Format::Json),
            None => return Ok(Format::JsonLines),
        }
        window.fill()?;
    }
}

/// Returns whether the name of `path` is that of a JSON document.
fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Returns whether the object that `text` starts with has the member of a JSON document, as far as `text` goes.
fn names_items(text: &[u8]) -> bool {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some(end) = string_end(text, at + 1) else {
                    return false;
                };
                if depth == 1 && text[at + 1..end] == *MEMBER.as_bytes() {
                    let value = trim_start(&text[end + 1..]).strip_prefix(b":");
                    if value.is_some_and(|value| trim_start(value).first() == Some(&b'[')) {
                        return true;
                    }
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// Returns the place of the closing quote of the string whose text starts at `at`.
fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte));
    start.map_or(&[], |start| &text[start..])
}

/// Reads as much as it takes to tell what the file is, and goes past a byte order mark. Returns whether it is Parquet.
///
/// # Errors
/// When it is neither text in UTF-8 nor Parquet, with what it is as far as that can be told.
pub(super) fn start(window: &mut Window) -> Result<bool, DatasetError> {
    let unclear = |head: &[u8]| {
        let parquet = head.len() < PARQUET.len() && PARQUET.starts_with(head);
        let mark = head.len() < UTF8_MARK.len() && UTF8_MARK.starts_with(head);
        parquet || mark || may_be_foreign(head)
    };
    while !window.at_end() && unclear(window.available()) {
        window.fill()?;
    }
    if window.available().starts_with(PARQUET) {
        return Ok(true);
    }
    let mark = text_start(window.available())?;
    window.consume(mark);
    Ok(false)
}

/// Refuses what is not UTF-8 text by its first bytes, and returns the length of a byte order mark. One NUL among much text
/// makes only its record invalid.
pub(super) fn text_start(head: &[u8]) -> Result<usize, DatasetError> {
    if head.starts_with(UTF8_MARK) {
        return Ok(UTF8_MARK.len());
    }
    if let Some(what) = foreign(head) {
        return Err(DatasetError::of_file(what));
    }
    let head = &head[..head.len().min(HEAD_BYTES)];
    if let Some(at) = memchr::memchr(0, head) {
        let invalid: usize = head.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
        let others = invalid + memchr::memchr_iter(0, head).count();
        if others * BYTES_PER_OTHER > head.len() {
            return Err(DatasetError::of_file(format!(
                "is a binary file (a NUL at byte {at}); a dataset must be UTF-8 text or Parquet"
            )));
        }
    }
    Ok(0)
}

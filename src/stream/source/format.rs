//! Which format a file has: by what was asked for, then its name, then its first bytes.

use std::io::{self, Read};
use std::path::Path;

use crate::stream::source::error::DatasetError;
use crate::stream::source::gzip::GzipMembers;
use crate::stream::source::json_document::MEMBER;
use crate::stream::source::json_text::{check, is_space, trim};
use crate::stream::source::window::Window;

/// The first bytes of a file looked at to tell text from anything else.
const HEAD_BYTES: usize = 8192;

/// A file with NULs is no text when at least one in so many of its first bytes is none.
const BYTES_PER_OTHER: usize = 8;

/// The longest first line that decides whether a file that starts with an object is JSON lines.
const FIRST_LINE_BYTES: usize = 16 << 20;

const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// A frame that zstd tools pass over; the first byte is 0x50 to 0x5F.
const ZSTD_SKIPPABLE: &[u8] = &[0x2A, 0x4D, 0x18];

/// How a dataset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value per line.
    JsonLines,
    /// One JSON array, or an object whose `testCases` is one.
    Json,
    /// A header row and rows, with this delimiter.
    Csv(u8),
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "jsonl" => Some(Self::JsonLines),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv(b',')),
            "tsv" => Some(Self::Csv(b'\t')),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// What the name of `path` says, compression aside.
    pub(super) fn from_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let plain = [".gz", ".gzip", ".zst", ".zstd"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        match plain.rsplit_once('.')?.1 {
            "jsonl" | "ndjson" | "jsonlines" => Some(Self::JsonLines),
            "csv" => Some(Self::Csv(b',')),
            "tsv" => Some(Self::Csv(b'\t')),
            "parquet" | "parq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Decides from the first text of a file whose name does not tell. Reads on to the end of the first line when that may be a
/// whole object; a JSON document shows before it is read whole, by a line feed in the object or by its `testCases`.
pub(super) fn detect(path: &Path, window: &mut Window) -> Result<Format, DatasetError> {
    loop {
        let text = trim_start(window.available());
        match text.first() {
            Some(b'[') => return Ok(Format::Json),
            Some(b'{') => {
                let line_end = memchr::memchr(b'\n', text);
                if let Some(line_end) = line_end.or_else(|| window.at_end().then_some(text.len())) {
                    // One whole object on the first line and more behind it: JSON lines, whatever the name says.
                    let more = !window.at_end() || !trim(&text[line_end..]).is_empty();
                    let lines = more && check(trim(&text[..line_end])).is_ok();
                    return Ok(if lines { Format::JsonLines } else { Format::Json });
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
            None if path.extension().is_some_and(|extension| extension == "json") => return Ok(Format::Json),
            None => return Ok(Format::JsonLines),
        }
        window.fill()?;
    }
}

/// Whether the object that `text` starts with has the member of a JSON document, as far as `text` goes.
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

/// Where the string whose text starts at `at` has its closing quote.
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

/// Refuses what is not UTF-8 text by its first bytes, and gives the length of a byte order mark. A NUL among much text is
/// none of the file's matter: it makes its record invalid.
pub(super) fn text_start(head: &[u8]) -> Result<usize, DatasetError> {
    if head.starts_with(UTF8_MARK) {
        return Ok(UTF8_MARK.len());
    }
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Err(DatasetError::of_file(
            "is UTF-16 text; a dataset must be UTF-8 (convert it: `iconv -t utf-8`)",
        ));
    }
    let head = &head[..head.len().min(HEAD_BYTES)];
    if let Some(at) = memchr::memchr(0, head) {
        let invalid: usize = head.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
        let others = invalid + memchr::memchr_iter(0, head).count();
        if others * BYTES_PER_OTHER > head.len() {
            return Err(DatasetError::of_file(format!(
                "is a binary file or UTF-16 text (a NUL at byte {at}); a dataset must be UTF-8 text"
            )));
        }
    }
    Ok(0)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

/// The compression that the first bytes of a file show.
pub(super) fn compression(head: &[u8]) -> Option<Compression> {
    let skippable = matches!(head, [0x50..=0x5F, rest @ ..] if rest.starts_with(ZSTD_SKIPPABLE));
    if head.starts_with(GZIP) {
        return Some(Compression::Gzip);
    }
    (skippable || head.starts_with(ZSTD)).then_some(Compression::Zstd)
}

/// Whether `head` may be the start of compressed data.
fn may_be_compressed(head: &[u8]) -> bool {
    let skippable = match head {
        [] | [0x50..=0x5F] => true,
        [0x50..=0x5F, rest @ ..] => ZSTD_SKIPPABLE.starts_with(rest),
        _ => false,
    };
    skippable || ZSTD.starts_with(head) || (head.len() < GZIP.len() && GZIP.starts_with(head))
}

/// The reader that undoes the compression that the first bytes show (gzip of any number of members, zstd of any number of
/// frames), or `input` itself.
pub(super) fn decompressed(mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    // Byte by byte, and no further than it matters: a pipe may have no fourth byte for long.
    while magic.len() < 4 && may_be_compressed(&magic) {
        if (&mut input).take(1).read_to_end(&mut magic)? == 0 {
            break;
        }
    }
    let compression = compression(&magic);
    let whole = io::Cursor::new(magic).chain(input);
    Ok(match compression {
        Some(Compression::Gzip) => Box::new(GzipMembers::new(whole)),
        Some(Compression::Zstd) => Box::new(zstd::stream::read::Decoder::new(whole)?),
        None => Box::new(whole),
    })
}

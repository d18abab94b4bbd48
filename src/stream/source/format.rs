//! Which format a file has: by what was asked for, then its name, then its first bytes.

use std::io::{self, Read};
use std::path::Path;

use crate::stream::source::error::DatasetError;
use crate::stream::source::json_text::{check, is_space, trim};

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

/// Decides from the name and the first text of a file (`whole` says that `head` is all of it).
pub(super) fn detect(path: &Path, head: &[u8], whole: bool) -> Result<Format, DatasetError> {
    if let Some(format) = Format::from_path(path) {
        return Ok(format);
    }
    let text = head
        .iter()
        .position(|byte| !is_space(*byte))
        .map_or(&[][..], |start| &head[start..]);
    match text.first() {
        Some(b'[') => Ok(Format::Json),
        Some(b'{') => {
            // One whole object on the first line and more behind it: JSON lines, whatever the name says.
            let line_end = memchr::memchr(b'\n', text).unwrap_or(text.len());
            let more = !trim(&text[line_end..]).is_empty() || (!whole && line_end < text.len());
            let lines = more && check(trim(&text[..line_end])).is_ok();
            Ok(if lines { Format::JsonLines } else { Format::Json })
        }
        None if path.extension().is_some_and(|extension| extension == "json") => Ok(Format::Json),
        None => Ok(Format::JsonLines),
        Some(_) => Err(DatasetError::of_file(
            "the format cannot be told from the name or the content; \
             pass `format: 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet'`",
        )),
    }
}

/// Refuses what is not UTF-8 text by its first bytes, and gives the length of a byte order mark.
pub(super) fn text_start(head: &[u8]) -> Result<usize, DatasetError> {
    if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return Ok(3);
    }
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Err(DatasetError::of_file(
            "is UTF-16 text; a dataset must be UTF-8 (convert it: `iconv -t utf-8`)",
        ));
    }
    if let Some(at) = memchr::memchr(0, &head[..head.len().min(8192)]) {
        return Err(DatasetError::of_file(format!(
            "is a binary file or UTF-16 text (a NUL at byte {at}); a dataset must be UTF-8 text"
        )));
    }
    Ok(0)
}

/// The reader that undoes the compression that the first bytes show (gzip of any number of members, zstd of any number of
/// frames), or `input` itself.
pub(super) fn decompressed(mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    (&mut input).take(4).read_to_end(&mut magic)?;
    let gzip = magic.starts_with(&[0x1F, 0x8B]);
    let zstd = magic.starts_with(&[0x28, 0xB5, 0x2F, 0xFD])
        || (magic.len() == 4 && magic[0] & 0xF0 == 0x50 && magic[1..] == [0x2A, 0x4D, 0x18]);
    let whole = io::Cursor::new(magic).chain(input);
    Ok(if gzip {
        Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(
            128 << 10,
            whole,
        )))
    } else if zstd {
        Box::new(zstd::stream::read::Decoder::new(whole)?)
    } else {
        Box::new(whole)
    })
}

//! The point of a file where rows can be appended, by the rules by which the readers of this module read it.
//!
//! Invariants:
//! - Nothing is cut off that a reader takes for a record.
//! - At most the beginning of one last record that was never finished is cut off. Where more would have to go, finding the
//!   point is an error. Zeros at the end, as a power failure leaves them, count as unfinished.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::de::IgnoredAny;

use crate::stream::source::compression::compression;
use crate::stream::source::csv::{Dialect, Parsed, Row, RowEnd, header, parse_row, swallows_rows, unclosed};
use crate::stream::source::error::DatasetError;
use crate::stream::source::format::text_start;
use crate::stream::source::json_lines::{check, ends_within_number, trim};
use crate::stream::source::window::{MAX_RECORD_BYTES, Window};

/// Bytes looked at to tell what a file is, and taken at a time when it is read backwards.
const STEP: usize = 64 << 10;

/// The longest header that is read while the caller waits.
const HEADER_BYTES: usize = 1 << 20;

/// The kind of file that is appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendTarget {
    /// JSON lines.
    JsonLines,
    /// Rows of fields; the text of the header row that the file would get if it had none, as far as that is known.
    Rows(Dialect, Option<String>),
}

/// The place of the next row.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AppendPoint {
    /// Bytes of the file that stay. Anything behind them is the beginning of a record that was never finished.
    pub position: u64,
    /// The line end that is missing between them and the next row.
    pub line_end: &'static str,
    /// The columns of a CSV file that has a header.
    pub columns: Option<Vec<String>>,
}

impl AppendPoint {
    /// Finds the point in the file at `path`. O(last line) for JSON lines, O(file) for CSV; memory is one record.
    ///
    /// # Errors
    /// When the file cannot be read, is not such a file, or rows would be lost.
    pub fn find(path: &Path, target: &AppendTarget) -> Result<Self, DatasetError> {
        let unreadable = |error: std::io::Error| DatasetError::of_file(format!("could not be read: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        let mut start = Vec::with_capacity(STEP);
        file.by_ref()
            .take(STEP as u64)
            .read_to_end(&mut start)
            .map_err(unreadable)?;
        if compression(&start).is_some() {
            return Err(DatasetError::of_file("is compressed"));
        }
        let mark = text_start(trim_zeros(&start))?;
        match target {
            AppendTarget::JsonLines => json_lines(&mut file, mark).map_err(unreadable)?,
            AppendTarget::Rows(dialect, expected) => {
                file.seek(SeekFrom::Start(mark as u64)).map_err(unreadable)?;
                rows(file, mark, *dialect, expected.as_deref())
            }
        }
    }
}

/// Returns the columns of the CSV file at `path`, when its first row is whole, its line end included, and below 1 MB.
pub fn finished_header(path: &Path, dialect: Dialect) -> Option<Vec<String>> {
    let mut window = Window::new(Box::new(File::open(path).ok()?), false);
    window.fill().ok()?;
    let mark = text_start(window.available()).ok()?;
    window.consume(mark);
    loop {
        match parse_row(window.available(), dialect, window.at_end()) {
            Parsed::Incomplete if window.available().len() < HEADER_BYTES => window.fill().ok()?,
            Parsed::Blank { consumed } if consumed > 0 => window.consume(consumed),
            Parsed::Row(row) if row.end != RowEnd::Text => return header(&row).ok(),
            _ => return None,
        }
    }
}

/// Finds the point in a file of rows. `file` gives its text behind a byte order mark of `mark` bytes.
fn rows(
    file: File,
    mark: usize,
    dialect: Dialect,
    expected: Option<&str>,
) -> Result<AppendPoint, DatasetError> {
    let mut window = Window::new(Box::new(file), false);
    let mut columns: Option<Vec<String>> = None;
    let mut end = RowEnd::Text;
    let at = |window: &Window| mark as u64 + window.offset();
    loop {
        let parsed = match parse_row(window.available(), dialect, window.at_end()) {
            Parsed::Incomplete => {
                window.fill()?;
                continue;
            }
            parsed => parsed,
        };
        let (start, line) = (at(&window), window.line());
        let unfinished = |columns| AppendPoint {
            position: start,
            columns,
            ..AppendPoint::default()
        };
        let stays = |position, line_end, columns| {
            Ok(AppendPoint {
                position,
                line_end,
                columns,
            })
        };
        match parsed {
            Parsed::Incomplete | Parsed::Blank { consumed: 0 } => return stays(start, "", columns),
            Parsed::Blank { consumed } => window.consume_lines(consumed, 1),
            Parsed::Broken {
                consumed,
                lines,
                field,
            } => {
                if columns.is_none() {
                    let reason = format!("text follows the closing quote of field {field}");
                    return Err(DatasetError::at(line, start, reason));
                }
                let whole = matches!(window.available()[consumed - 1], b'\n' | b'\r');
                window.consume_lines(consumed, lines);
                if !whole {
                    return stays(at(&window), "\r\n", columns);
                }
            }
            Parsed::Unclosed { quote } => {
                let text = window.available();
                if columns.is_none() && begins(text, expected) {
                    return Ok(unfinished(None));
                }
                let cut = columns
                    .as_ref()
                    .is_some_and(|columns| !swallows_rows(&text[quote..], dialect, columns.len(), end));
                if cut {
                    return Ok(unfinished(columns));
                }
                let reason = unclosed(line, text, quote);
                return Err(DatasetError::at(line, start, reason));
            }
            Parsed::Row(row) => {
                if row.end == RowEnd::Text {
                    let text = &window.available()[..row.consumed];
                    match &columns {
                        None if begins(text, expected) => return Ok(unfinished(None)),
                        Some(columns) if is_unfinished(text, &row, columns.len()) => {
                            return Ok(unfinished(Some(columns.clone())));
                        }
                        _ => {}
                    }
                }
                if columns.is_none() {
                    let names = header(&row).map_err(|reason| DatasetError::at(line, start, reason))?;
                    columns = Some(names);
                }
                window.consume_lines(row.consumed, row.lines);
                let last = window.at_end() && window.available().is_empty();
                match row.end {
                    RowEnd::Text => return stays(at(&window), "\r\n", columns),
                    // A carriage return alone is half of a line end, unless the rows before have no more.
                    RowEnd::CarriageReturn if last && end != RowEnd::CarriageReturn => {
                        return stays(at(&window), "\n", columns);
                    }
                    ended => end = ended,
                }
            }
        }
    }
}

/// Returns whether `text`, all there is of a CSV file, is the beginning of the header row that it would get.
fn begins(text: &[u8], expected: Option<&str>) -> bool {
    let text = trim_zeros(text);
    expected.is_some_and(|header| header.as_bytes().starts_with(text))
}

/// Returns whether `text`, the last row of a CSV file and without a line end, is the beginning of one with more in it.
fn is_unfinished(text: &[u8], row: &Row, columns: usize) -> bool {
    row.fields.len() < columns || text.ends_with(&[0]) || whole_characters(text).len() < text.len()
}

fn json_lines(file: &mut File, mark: usize) -> std::io::Result<Result<AppendPoint, DatasetError>> {
    let size = file.seek(SeekFrom::End(0))?;
    let mut line = Vec::new();
    let mut start = size;
    // From the end of the file to the line feed before the last line.
    while start > mark as u64 {
        if line.len() > MAX_RECORD_BYTES {
            let reason = format!(
                "has a last line that is longer than {} MB",
                MAX_RECORD_BYTES >> 20
            );
            return Ok(Err(DatasetError::of_file(reason)));
        }
        // The more was read in vain, the more at a time: each time what was read moves.
        let step = (STEP.max(line.len()) as u64).min(start - mark as u64) as usize;
        let mut part = vec![0; step];
        file.seek(SeekFrom::Start(start - step as u64))?;
        file.read_exact(&mut part)?;
        let found = memchr::memrchr(b'\n', &part).map_or(0, |at| at + 1);
        start -= (step - found) as u64;
        part.drain(..found);
        part.append(&mut line);
        line = part;
        if found > 0 {
            break;
        }
    }
    let text = trim(trim_zeros(&line));
    let position = |position, line_end| {
        Ok(AppendPoint {
            position,
            line_end,
            columns: None,
        })
    };
    Ok(match check(text) {
        // A number may go on behind its last digit, all other values show their end.
        Ok(()) if !matches!(text.first(), Some(b'-' | b'0'..=b'9')) => position(size - zeros(&line), "\n"),
        Err(_) if !text.is_empty() && !is_beginning(text) => Err(DatasetError::of_file(
            "has a last line that is neither a JSON value nor the beginning of one: it is not a JSON lines file",
        )),
        _ => position(start, ""),
    })
}

/// Returns whether `text`, which is not a JSON value, is the beginning of one.
fn is_beginning(text: &[u8]) -> bool {
    let text = whole_characters(text);
    let goes_on = |text: &[u8]| match serde_json::from_slice::<IgnoredAny>(text) {
        Ok(_) => true,
        Err(error) => error.is_eof(),
    };
    goes_on(text) || (ends_within_number(text) && goes_on(&[text, b"0"].concat()))
}

/// Returns `text` without the first bytes of a character at its end.
fn whole_characters(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Err(error) if error.error_len().is_none() => &text[..error.valid_up_to()],
        _ => text,
    }
}

fn trim_zeros(text: &[u8]) -> &[u8] {
    &text[..text.len() - zeros(text) as usize]
}

/// Returns the number of zeros that `text` ends with.
fn zeros(text: &[u8]) -> u64 {
    text.iter().rev().take_while(|byte| **byte == 0).count() as u64
}

#[cfg(test)]
#[path = "append_point_tests.rs"]
mod tests;

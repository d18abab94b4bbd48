//! CSV (RFC 4180): a header row names the members, every later row is an object of strings.

use std::collections::HashSet;

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;
use crate::stream::source::window::Window;
use crate::stream::source::{Record, Records};

/// One row: its fields and how many bytes and line feeds it takes, its line end included.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    fields: Vec<Vec<u8>>,
    consumed: usize,
    newlines: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Row(Row),
    /// The row goes on behind the text.
    Incomplete,
    /// The text breaks the rules; the row ends, as far as can be told, after so many bytes and line feeds.
    Broken {
        consumed: usize,
        newlines: u64,
        reason: String,
    },
}

/// The rows of a CSV file. O(bytes); memory is one row.
#[derive(Debug)]
pub(super) struct Csv {
    delimiter: u8,
    /// `"name":` for each column, once the header was read.
    columns: Option<Vec<Vec<u8>>>,
}

impl Csv {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            columns: None,
        }
    }
}

impl Records for Csv {
    fn next(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<Record, DatasetError> {
        loop {
            let parsed = loop {
                match parse_row(window.available(), self.delimiter, window.at_end()) {
                    Parsed::Incomplete => window.fill()?,
                    parsed => break parsed,
                }
            };
            let (line, offset) = (window.line(), window.offset());
            let row = match parsed {
                Parsed::Row(row) => row,
                Parsed::Broken {
                    consumed,
                    newlines,
                    reason,
                } => {
                    window.consume_lines(consumed, newlines);
                    let error = DatasetError::at(line, offset, reason);
                    return if self.columns.is_some() {
                        Ok(Record::Invalid(error))
                    } else {
                        Err(error)
                    };
                }
                Parsed::Incomplete => return Ok(Record::End),
            };
            window.consume_lines(row.consumed, row.newlines);
            if row.consumed == 0 {
                return Ok(Record::End);
            }
            if row.fields.len() == 1 && row.fields[0].is_empty() {
                continue;
            }
            let Some(columns) = &self.columns else {
                self.columns = Some(header(&row).map_err(|reason| DatasetError::at(line, offset, reason))?);
                continue;
            };
            return Ok(match write_object(columns, &row, batch) {
                Ok(()) => Record::Item,
                Err(reason) => Record::Invalid(DatasetError::at(line, offset, reason)),
            });
        }
    }
}

fn header(row: &Row) -> Result<Vec<Vec<u8>>, String> {
    let mut seen = HashSet::new();
    let mut columns = Vec::with_capacity(row.fields.len());
    for field in &row.fields {
        let name = std::str::from_utf8(field).map_err(|_| "the header is not valid UTF-8".to_owned())?;
        if !seen.insert(name) {
            return Err(format!("the header names the column `{name}` twice"));
        }
        let mut key = quoted(name);
        key.push(b':');
        columns.push(key);
    }
    Ok(columns)
}

fn write_object(columns: &[Vec<u8>], row: &Row, batch: &mut BatchBuilder) -> Result<(), String> {
    if row.fields.len() != columns.len() {
        return Err(format!(
            "the row has {} fields, the header {}",
            row.fields.len(),
            columns.len()
        ));
    }
    let mut texts = Vec::with_capacity(columns.len());
    for (at, field) in row.fields.iter().enumerate() {
        texts.push(std::str::from_utf8(field).map_err(|_| format!("field {} is not valid UTF-8", at + 1))?);
    }
    batch.item(|out| {
        for (at, (key, text)) in columns.iter().zip(texts).enumerate() {
            out.push(if at == 0 { b'{' } else { b',' });
            out.extend_from_slice(key);
            out.extend_from_slice(&quoted(text));
        }
        out.push(b'}');
    });
    Ok(())
}

/// `text` as a JSON string.
fn quoted(text: &str) -> Vec<u8> {
    // A string always has a JSON form; an empty one would only show a bug in the serializer.
    serde_json::to_vec(text).unwrap_or_else(|_| b"\"\"".to_vec())
}

/// Parses the row at the start of `text`; `at_end` says that no more text follows.
fn parse_row(text: &[u8], delimiter: u8, at_end: bool) -> Parsed {
    let mut row = Row::default();
    if text.is_empty() {
        return if at_end {
            Parsed::Row(row)
        } else {
            Parsed::Incomplete
        };
    }
    let mut at = 0;
    loop {
        let (field, next) = if text.get(at) == Some(&b'"') {
            match quoted_field(text, at + 1) {
                Some(found) => found,
                None if at_end => {
                    let newlines = memchr::memchr_iter(b'\n', text).count() as u64;
                    let reason = "a quote is opened and never closed".into();
                    return Parsed::Broken {
                        consumed: text.len(),
                        newlines,
                        reason,
                    };
                }
                None => return Parsed::Incomplete,
            }
        } else {
            let end = memchr::memchr3(delimiter, b'\n', b'\r', &text[at..]).map_or(text.len(), |n| at + n);
            (text[at..end].to_vec(), end)
        };
        row.newlines += memchr::memchr_iter(b'\n', &text[at..next]).count() as u64;
        row.fields.push(field);
        at = next;
        match text.get(at) {
            Some(byte) if *byte == delimiter => at += 1,
            Some(b'\n') => {
                row.newlines += 1;
                row.consumed = at + 1;
                return Parsed::Row(row);
            }
            Some(b'\r') if text.get(at + 1) == Some(&b'\n') => {
                row.newlines += 1;
                row.consumed = at + 2;
                return Parsed::Row(row);
            }
            Some(b'\r') if at + 1 == text.len() && !at_end => return Parsed::Incomplete,
            Some(b'\r') => {
                row.consumed = at + 1;
                return Parsed::Row(row);
            }
            Some(_) => {
                let Some(line_end) = memchr::memchr(b'\n', &text[at..]) else {
                    if !at_end {
                        return Parsed::Incomplete;
                    }
                    return broken(text.len(), row.newlines, row.fields.len());
                };
                return broken(at + line_end + 1, row.newlines + 1, row.fields.len());
            }
            None if at_end => {
                row.consumed = at;
                return Parsed::Row(row);
            }
            None => return Parsed::Incomplete,
        }
    }
}

fn broken(consumed: usize, newlines: u64, field: usize) -> Parsed {
    Parsed::Broken {
        consumed,
        newlines,
        reason: format!("text follows the closing quote of field {field}"),
    }
}

/// The quoted field whose text starts at `start`, and where it ends; `None` when its closing quote is not there.
fn quoted_field(text: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let mut field = Vec::new();
    let mut at = start;
    loop {
        let quote = at + memchr::memchr(b'"', text.get(at..)?)?;
        field.extend_from_slice(&text[at..quote]);
        if text.get(quote + 1) == Some(&b'"') {
            field.push(b'"');
            at = quote + 2;
        } else {
            return Some((field, quote + 1));
        }
    }
}

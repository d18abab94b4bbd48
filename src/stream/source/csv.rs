//! CSV (RFC 4180): a header row names the members, every later row is an object of strings.

use std::collections::HashSet;

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::csv_row::{Parsed, Row, RowEnd, line_ends, parse_row, swallows_rows};
use crate::stream::source::error::DatasetError;
use crate::stream::source::window::Window;
use crate::stream::source::{Record, Records};

/// The rows of a CSV file. O(bytes); memory is one row.
#[derive(Debug)]
pub(super) struct Csv {
    delimiter: u8,
    /// `"name":` for each column, once the header was read.
    columns: Option<Vec<Vec<u8>>>,
    /// What ended the row before.
    end: RowEnd,
}

impl Csv {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            columns: None,
            end: RowEnd::Text,
        }
    }
}

impl Records for Csv {
    fn next(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<Record, DatasetError> {
        loop {
            let parsed = loop {
                match parse_row(window.available(), self.delimiter, window.at_end()) {
                    Parsed::Incomplete if window.would_wait(batch) => return Ok(Record::Later),
                    Parsed::Incomplete => window.fill()?,
                    parsed => break parsed,
                }
            };
            let (line, offset) = (window.line(), window.offset());
            let wrong = |reason: String| DatasetError::at(line, offset, reason);
            match parsed {
                Parsed::Incomplete | Parsed::Blank { consumed: 0 } => return Ok(Record::End),
                Parsed::Blank { consumed } => window.consume_lines(consumed, 1),
                Parsed::Broken {
                    consumed,
                    lines,
                    field,
                } => {
                    window.consume_lines(consumed, lines);
                    let error = wrong(format!("text follows the closing quote of field {field}"));
                    return self
                        .columns
                        .as_ref()
                        .map_or(Err(error.clone()), |_| Ok(Record::Invalid(error)));
                }
                Parsed::Unclosed { quote } => {
                    let error = wrong(unclosed(line, window.available(), quote));
                    let Some(columns) = &self.columns else {
                        return Err(error);
                    };
                    // Rows that it would go over are not one invalid row.
                    let rest = &window.available()[quote..];
                    if swallows_rows(rest, self.delimiter, columns.len(), self.end) {
                        return Err(error);
                    }
                    window.consume(window.available().len());
                    return Ok(Record::Invalid(error));
                }
                Parsed::Row(row) => {
                    window.consume_lines(row.consumed, row.lines);
                    self.end = row.end;
                    let Some(columns) = &self.columns else {
                        let names = header(&row).map_err(wrong)?;
                        self.columns = Some(names.iter().map(|name| key(name)).collect());
                        continue;
                    };
                    return Ok(match write_object(columns, &row, batch) {
                        Ok(()) => Record::Item,
                        Err(reason) => Record::Invalid(wrong(reason)),
                    });
                }
            }
        }
    }
}

/// What is wrong with a row that starts on `line` with `text`, in which the quote at `quote` is never closed.
pub(super) fn unclosed(line: u64, text: &[u8], quote: usize) -> String {
    let line = line + line_ends(&text[..quote]);
    format!("a quote is opened on line {line} and never closed")
}

/// The names in a header row.
pub(super) fn header(row: &Row) -> Result<Vec<String>, String> {
    let mut seen = HashSet::new();
    let mut names = Vec::with_capacity(row.fields.len());
    for field in &row.fields {
        let name = std::str::from_utf8(field).map_err(|_| "the header is not valid UTF-8".to_owned())?;
        if !seen.insert(name) {
            return Err(format!("the header names the column `{name}` twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// `name` as the start of a JSON member.
fn key(name: &str) -> Vec<u8> {
    let mut key = quoted(name);
    key.push(b':');
    key
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

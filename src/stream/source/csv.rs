//! Rows of separated fields: CSV, TSV and their relatives.

use std::collections::HashSet;

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::csv_row::{Dialect, Parsed, Row, RowEnd, line_ends, parse_row, swallows_rows};
use crate::stream::source::error::DatasetError;
use crate::stream::source::window::Window;
use crate::stream::source::{Record, Records};

/// Delimiters that other programs write, looked for where a header comes out as one column.
const OTHER_DELIMITERS: [u8; 4] = [b';', b'\t', b'|', b','];

/// The names of the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Header {
    /// The first row holds them.
    #[default]
    FirstRow,
    /// There are none: every row is an array.
    None,
    /// These; the first row is data.
    Names(Vec<String>),
}

/// The words of a caller about a file of rows. Anything left out is as its format has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// The byte between two fields.
    pub delimiter: Option<u8>,
    /// The byte around a field. `Some(None)`: no byte quotes.
    pub quote: Option<Option<u8>>,
    /// The first byte of lines that are left out.
    pub comment: Option<u8>,
    /// The names of the columns.
    pub header: Header,
}

impl CsvOptions {
    /// The options of a caller who says nothing.
    pub const DEFAULT: Self = Self {
        delimiter: None,
        quote: None,
        comment: None,
        header: Header::FirstRow,
    };

    /// Returns `base` with what is said here.
    pub fn dialect(&self, base: Dialect) -> Dialect {
        Dialect {
            delimiter: self.delimiter.unwrap_or(base.delimiter),
            quote: self.quote.unwrap_or(base.quote),
            comment: self.comment,
        }
    }
}

/// The form of an item made of a row.
#[derive(Debug)]
enum Shape {
    /// An object; `"name":` for each column.
    Object(Vec<Vec<u8>>),
    /// An array of so many fields.
    Array(usize),
}

impl Shape {
    fn columns(&self) -> usize {
        match self {
            Self::Object(keys) => keys.len(),
            Self::Array(columns) => *columns,
        }
    }
}

/// The rows of a file. O(bytes); memory is one row.
#[derive(Debug)]
pub(super) struct Csv {
    dialect: Dialect,
    header: Header,
    /// True when the caller chose the delimiter, so that it is not doubted.
    sure: bool,
    /// Known once the first row was read.
    shape: Option<Shape>,
    /// The end of the row before.
    end: RowEnd,
}

impl Csv {
    pub(super) fn new(base: Dialect, options: &CsvOptions) -> Self {
        let shape = match &options.header {
            Header::Names(names) => Some(Shape::Object(names.iter().map(|name| key(name)).collect())),
            Header::FirstRow | Header::None => None,
        };
        Self {
            dialect: options.dialect(base),
            header: options.header.clone(),
            sure: options.delimiter.is_some(),
            shape,
            end: RowEnd::Text,
        }
    }

    /// Takes the first row, as far as no row was expected to be data. Returns the row when it is data.
    fn first_row(&mut self, row: Row) -> Result<Option<Row>, String> {
        if self.shape.is_some() {
            return Ok(Some(row));
        }
        if self.header == Header::None {
            self.shape = Some(Shape::Array(row.fields.len()));
            return Ok(Some(row));
        }
        let names = header(&row)?;
        if let ([name], false) = (names.as_slice(), self.sure) {
            self.doubt(name)?;
        }
        self.shape = Some(Shape::Object(names.iter().map(|name| key(name)).collect()));
        Ok(None)
    }

    /// Refuses the only column of a header that looks like several.
    fn doubt(&self, name: &str) -> Result<(), String> {
        let own = self.dialect.delimiter;
        let other = OTHER_DELIMITERS
            .into_iter()
            .find(|other| *other != own && name.as_bytes().contains(other));
        let Some(other) = other else {
            return Ok(());
        };
        let show = |delimiter: u8| match delimiter {
            b'\t' => "\\t".to_owned(),
            other => char::from(other).to_string(),
        };
        let (own, other) = (show(own), show(other));
        let name: String = name.chars().take(80).collect();
        Err(format!(
            "the header is a single column, `{name}`: the delimiter seems to be `{other}`; \
             pass `delimiter: '{other}'` (or `delimiter: '{own}'` if it is one column)"
        ))
    }
}

impl Records for Csv {
    fn next(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<Record, DatasetError> {
        loop {
            let parsed = loop {
                match parse_row(window.available(), self.dialect, window.at_end()) {
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
                        .shape
                        .as_ref()
                        .map_or(Err(error.clone()), |_| Ok(Record::Invalid(error)));
                }
                Parsed::Unclosed { quote } => {
                    let error = wrong(unclosed(line, window.available(), quote));
                    let Some(shape) = &self.shape else {
                        return Err(error);
                    };
                    // Rows that it would go over are not one invalid row.
                    let rest = &window.available()[quote..];
                    if swallows_rows(rest, self.dialect, shape.columns(), self.end) {
                        return Err(error);
                    }
                    window.consume(window.available().len());
                    return Ok(Record::Invalid(error));
                }
                Parsed::Row(row) => {
                    window.consume_lines(row.consumed, row.lines);
                    self.end = row.end;
                    let Some(row) = self.first_row(row).map_err(wrong)? else {
                        continue;
                    };
                    let Some(shape) = &self.shape else {
                        continue;
                    };
                    return Ok(match write_row(shape, &row, batch) {
                        Ok(()) => Record::Item,
                        Err(reason) => Record::Invalid(wrong(reason)),
                    });
                }
            }
        }
    }
}

/// The sentence for a row that starts on `line` with `text`, in which the quote at `quote` is never closed.
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

fn write_row(shape: &Shape, row: &Row, batch: &mut BatchBuilder) -> Result<(), String> {
    let columns = shape.columns();
    if row.fields.len() != columns {
        let whose = match shape {
            Shape::Object(_) => "header",
            Shape::Array(_) => "first row",
        };
        return Err(format!(
            "the row has {} fields, the {whose} {columns}",
            row.fields.len()
        ));
    }
    let mut texts = Vec::with_capacity(columns);
    for (at, field) in row.fields.iter().enumerate() {
        texts.push(std::str::from_utf8(field).map_err(|_| format!("field {} is not valid UTF-8", at + 1))?);
    }
    batch.item(|out| {
        let (open, close) = match shape {
            Shape::Object(_) => (b'{', b'}'),
            Shape::Array(_) => (b'[', b']'),
        };
        for (at, text) in texts.iter().enumerate() {
            out.push(if at == 0 { open } else { b',' });
            if let Shape::Object(keys) = shape {
                out.extend_from_slice(&keys[at]);
            }
            out.extend_from_slice(&quoted(text));
        }
        out.push(close);
    })
}

/// `text` as a JSON string.
fn quoted(text: &str) -> Vec<u8> {
    // A string always has a JSON form; an empty one would only show a bug in the serializer.
    serde_json::to_vec(text).unwrap_or_else(|_| b"\"\"".to_vec())
}

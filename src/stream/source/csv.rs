//! Rows of separated fields: CSV (RFC 4180), TSV (IANA `text/tab-separated-values`) and their relatives.
//!
//! - A quote opens a quoted field only as the first byte of the field. In TSV a quote is text.
//! - A row ends with a line feed, a carriage return, both, or the text.
//! - A line without a byte is no row, nor is one that starts with the byte of a comment.

use std::collections::HashSet;

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;
use crate::stream::source::window::Window;
use crate::stream::source::{Record, Records};

/// The bytes that tell the fields of a row apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between two fields.
    pub delimiter: u8,
    /// The byte around a field that holds delimiters or line ends. `None`: there is no such byte.
    pub quote: Option<u8>,
    /// The first byte of lines that are no rows.
    pub comment: Option<u8>,
}

impl Dialect {
    /// Commas and double quotes, as RFC 4180 has them.
    pub const CSV: Self = Self {
        delimiter: b',',
        quote: Some(b'"'),
        comment: None,
    };
    /// Tabs and no quotes, as IANA's `text/tab-separated-values` has them.
    pub const TSV: Self = Self {
        delimiter: b'\t',
        quote: None,
        comment: None,
    };
}

/// The end of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RowEnd {
    LineFeed,
    CarriageReturn,
    Both,
    /// The end of the text.
    #[default]
    Text,
}

/// A row: its fields, and the bytes and lines that it takes with its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub fields: Vec<Vec<u8>>,
    pub consumed: usize,
    pub lines: u64,
    pub end: RowEnd,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Row(Row),
    /// A line without a byte, or the end of the text (which consumes nothing).
    Blank {
        consumed: usize,
    },
    /// The row goes on behind the text.
    Incomplete,
    /// Text follows the closing quote of a field; the row ends with its line, as far as can be told.
    Broken {
        consumed: usize,
        lines: u64,
        field: usize,
    },
    /// The quote at `quote` is closed nowhere in the text, and no more text follows.
    Unclosed {
        quote: usize,
    },
}

/// Parses the row at the start of `text`; `at_end` says that no more text follows. O(bytes of the row).
pub(super) fn parse_row(text: &[u8], dialect: Dialect, at_end: bool) -> Parsed {
    let Dialect { delimiter, quote, .. } = dialect;
    if text.is_empty() {
        return if at_end {
            Parsed::Blank { consumed: 0 }
        } else {
            Parsed::Incomplete
        };
    }
    if dialect.comment == Some(text[0]) {
        return comment(text, at_end);
    }
    let mut row = Row::default();
    let mut at = 0;
    loop {
        let next;
        if let Some(quote) = quote.filter(|quote| text.get(at) == Some(quote)) {
            let Some((field, end)) = quoted_field(text, at + 1, quote) else {
                return if at_end {
                    Parsed::Unclosed { quote: at }
                } else {
                    Parsed::Incomplete
                };
            };
            row.lines += line_ends(&text[at..end]);
            row.fields.push(field);
            next = end;
        } else {
            next = memchr::memchr3(delimiter, b'\n', b'\r', &text[at..]).map_or(text.len(), |n| at + n);
            row.fields.push(text[at..next].to_vec());
        }
        if text.get(next) == Some(&delimiter) {
            at = next + 1;
            continue;
        }
        let Some((end, length)) = row_end(text, next, at_end) else {
            // What is here must be behind a closing quote.
            let Some(line_end) = memchr::memchr2(b'\n', b'\r', &text[next..]).map(|n| next + n) else {
                if next < text.len() && at_end {
                    return Parsed::Broken {
                        consumed: text.len(),
                        lines: row.lines,
                        field: row.fields.len(),
                    };
                }
                return Parsed::Incomplete;
            };
            return match row_end(text, line_end, at_end) {
                Some((_, length)) if line_end > next => Parsed::Broken {
                    consumed: line_end + length,
                    lines: row.lines + 1,
                    field: row.fields.len(),
                },
                _ => Parsed::Incomplete,
            };
        };
        if next == 0 && length > 0 {
            return Parsed::Blank { consumed: length };
        }
        row.lines += u64::from(length > 0);
        row.consumed = next + length;
        row.end = end;
        return Parsed::Row(row);
    }
}

/// Parses the line of a comment at the start of `text`.
fn comment(text: &[u8], at_end: bool) -> Parsed {
    let line_end = memchr::memchr2(b'\n', b'\r', text).unwrap_or(text.len());
    row_end(text, line_end, at_end).map_or(Parsed::Incomplete, |(_, length)| Parsed::Blank {
        consumed: line_end + length,
    })
}

/// Returns the end of a row at `at` and its length. `None`: there is none, or it cannot be told yet.
fn row_end(text: &[u8], at: usize, at_end: bool) -> Option<(RowEnd, usize)> {
    match (text.get(at), text.get(at + 1)) {
        (Some(b'\n'), _) => Some((RowEnd::LineFeed, 1)),
        (Some(b'\r'), Some(b'\n')) => Some((RowEnd::Both, 2)),
        (Some(b'\r'), Some(_)) => Some((RowEnd::CarriageReturn, 1)),
        (Some(b'\r'), None) if at_end => Some((RowEnd::CarriageReturn, 1)),
        (None, _) if at_end => Some((RowEnd::Text, 0)),
        _ => None,
    }
}

/// Returns the quoted field whose text starts at `start`, and the place behind it. `None`: its closing quote is not there.
fn quoted_field(text: &[u8], start: usize, quote_byte: u8) -> Option<(Vec<u8>, usize)> {
    let mut field = Vec::new();
    let mut at = start;
    loop {
        let quote = at + memchr::memchr(quote_byte, text.get(at..)?)?;
        field.extend_from_slice(&text[at..quote]);
        if text.get(quote + 1) == Some(&quote_byte) {
            field.push(quote_byte);
            at = quote + 2;
        } else {
            return Some((field, quote + 1));
        }
    }
}

/// Returns the number of lines that end in `text`, by any of the line ends that a row may have.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let lone = |at: usize| text.get(at + 1) != Some(&b'\n');
    let returns = memchr::memchr_iter(b'\r', text).filter(|at| lone(*at)).count();
    (returns + memchr::memchr_iter(b'\n', text).count()) as u64
}

/// Returns whether the text behind a quote that is never closed looks like rows. It does when a line behind the one of the
/// quote has as many fields as the header and ends as the row before did. Else it is the text of one field, cut off.
///
/// O(bytes): quotes in `text` are all doubled, so that no row of it is searched to the end in vain.
pub(super) fn swallows_rows(text: &[u8], dialect: Dialect, columns: usize, end: RowEnd) -> bool {
    let Some(first) = memchr::memchr2(b'\n', b'\r', text) else {
        return false;
    };
    let mut rest = &text[first..];
    if let Some((_, length)) = row_end(rest, 0, true) {
        rest = &rest[length..];
    }
    loop {
        let consumed = match parse_row(rest, dialect, true) {
            Parsed::Row(row) if row.end == end && row.fields.len() == columns => return true,
            Parsed::Row(Row { consumed, .. })
            | Parsed::Blank { consumed }
            | Parsed::Broken { consumed, .. } => consumed,
            Parsed::Unclosed { .. } | Parsed::Incomplete => 0,
        };
        if consumed == 0 {
            return false;
        }
        rest = &rest[consumed..];
    }
}

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
    /// The names of the caller; the first row is data.
    Names(Vec<String>),
}

/// The options of a file of rows. A field that is left out is as its format has it.
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
    /// No option given.
    pub const DEFAULT: Self = Self {
        delimiter: None,
        quote: None,
        comment: None,
        header: Header::FirstRow,
    };

    /// Returns `base` with the options given.
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
    /// The form of the items; `None` before the first row was read.
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

    /// Takes the first row, which may hold the names of the columns. Returns the row when it is data.
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

/// Returns the sentence for a row that starts on `line` with `text`, in which the quote at `quote` is never closed.
pub(super) fn unclosed(line: u64, text: &[u8], quote: usize) -> String {
    let line = line + line_ends(&text[..quote]);
    format!("a quote is opened on line {line} and never closed")
}

/// Returns the names in a header row.
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

/// Returns `name` as the start of a JSON member.
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

/// Returns `text` as a JSON string.
fn quoted(text: &str) -> Vec<u8> {
    // A string always has a JSON form; an empty one would only show a bug in the serializer.
    serde_json::to_vec(text).unwrap_or_else(|_| b"\"\"".to_vec())
}

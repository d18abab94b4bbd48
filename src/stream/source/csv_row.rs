//! The rules of a row of CSV (RFC 4180) or TSV (IANA `text/tab-separated-values`).
//!
//! - A quote opens a quoted field only as the first byte of the field. In TSV a quote is text.
//! - A row ends with a line feed, a carriage return, both, or the text.
//! - A line without a byte is no row, nor is one that starts with the byte of a comment.

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

/// One row: its fields, how many bytes it takes and how many lines, its end included.
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

/// The line of a comment at the start of `text`.
fn comment(text: &[u8], at_end: bool) -> Parsed {
    let line_end = memchr::memchr2(b'\n', b'\r', text).unwrap_or(text.len());
    row_end(text, line_end, at_end).map_or(Parsed::Incomplete, |(_, length)| Parsed::Blank {
        consumed: line_end + length,
    })
}

/// The end of a row at `at` and its length; `None` when there is none, or it cannot be told yet.
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

/// The quoted field whose text starts at `start`, and where it ends; `None` when its closing quote is not there.
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

/// Returns whether what follows a quote that is never closed looks like rows: a line behind the one of the quote that has as many
/// fields as the header and ends as the row before did. Else it is the text of one field, cut off. O(bytes): quotes in `text`
/// are all doubled, so that no row of it is searched to the end in vain.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str, at_end: bool) -> Option<(Vec<String>, usize, RowEnd)> {
        match parse_row(text.as_bytes(), Dialect::CSV, at_end) {
            Parsed::Row(row) => {
                let fields = row
                    .fields
                    .into_iter()
                    .map(|field| String::from_utf8(field).unwrap());
                Some((fields.collect(), row.consumed, row.end))
            }
            _ => None,
        }
    }

    #[test]
    fn a_row_ends_with_its_line_end_or_the_text() {
        let row = |fields: &[&str], consumed, end| {
            Some((fields.iter().map(|&f| f.to_owned()).collect(), consumed, end))
        };
        assert_eq!(fields("a,b\nc", false), row(&["a", "b"], 4, RowEnd::LineFeed));
        assert_eq!(fields("a,b\r\nc", false), row(&["a", "b"], 5, RowEnd::Both));
        assert_eq!(
            fields("a,b\rc", false),
            row(&["a", "b"], 4, RowEnd::CarriageReturn)
        );
        assert_eq!(fields("a,b", true), row(&["a", "b"], 3, RowEnd::Text));
        assert_eq!(
            fields("a,\"\"\r", true),
            row(&["a", ""], 5, RowEnd::CarriageReturn)
        );
        for text in ["a,b\r", "a,b", "a,", "\"a\n", "\"a\"", "\"a\"x", "\"a\"x\r"] {
            assert_eq!(
                parse_row(text.as_bytes(), Dialect::CSV, false),
                Parsed::Incomplete,
                "{text}"
            );
        }
    }

    #[test]
    fn a_quote_inside_a_field_is_text() {
        assert_eq!(
            fields("5\" disk,\"x\"\"\"\n", false).unwrap().0,
            ["5\" disk", "x\""]
        );
    }

    #[test]
    fn an_empty_line_is_no_row_and_a_quoted_empty_field_is() {
        assert_eq!(
            parse_row(b"\r\na", Dialect::CSV, false),
            Parsed::Blank { consumed: 2 }
        );
        assert_eq!(fields("\"\"\n", false).unwrap().0, [""]);
    }

    #[test]
    fn text_behind_a_closing_quote_takes_its_line_whatever_ends_it() {
        for (text, consumed) in [("\"a\"b\rc,d\r", 5), ("\"a\"b\r\nc,d", 6), ("\"a\"b\nc", 5)] {
            let broken = Parsed::Broken {
                consumed,
                lines: 1,
                field: 1,
            };
            assert_eq!(
                parse_row(text.as_bytes(), Dialect::CSV, false),
                broken,
                "{text:?}"
            );
        }
    }

    #[test]
    fn lines_are_counted_by_all_their_ends() {
        assert_eq!(line_ends(b"a\nb\r\nc\rd\r\r\n"), 5);
    }

    #[test]
    fn a_quote_is_text_where_the_dialect_has_none() {
        let Parsed::Row(row) = parse_row(b"\"a\tb\"\t\"\n", Dialect::TSV, false) else {
            panic!("a row");
        };
        assert_eq!(row.fields, [&b"\"a"[..], b"b\"", b"\""]);
    }

    #[test]
    fn a_comment_takes_its_line() {
        let dialect = Dialect {
            comment: Some(b'#'),
            ..Dialect::CSV
        };
        for (text, at_end, expected) in [
            ("# \"x\na", false, Parsed::Blank { consumed: 5 }),
            ("#\r\na", false, Parsed::Blank { consumed: 3 }),
            ("#\r", false, Parsed::Incomplete),
            ("# x", false, Parsed::Incomplete),
            ("# x", true, Parsed::Blank { consumed: 3 }),
        ] {
            assert_eq!(parse_row(text.as_bytes(), dialect, at_end), expected, "{text:?}");
        }
        assert!(matches!(parse_row(b"a,#b\n", dialect, false), Parsed::Row(row) if row.fields[1] == b"#b"));
    }
}

use proptest::prelude::*;

use crate::stream::source::csv::{Dialect, Parsed, RowEnd, line_ends, parse_row};
use crate::stream::source::tests::{OPTIONS, error, items, read_all, read_with};
use crate::stream::source::{CsvOptions, Format, Header, ReaderOptions};

#[test]
fn csv_with_quotes_newlines_and_empty_rows() {
    let text = "id,text\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n\r\n2,\n3,x";
    assert_eq!(
        items("a.csv", text),
        r#"[{"id":"1","text":"a, \"b\"\r\nc"},{"id":"2","text":""},{"id":"3","text":"x"}]"#
    );
    assert_eq!(items("a.tsv", "a\tb\n1,2\t3\n"), r#"[{"a":"1,2","b":"3"}]"#);
    assert_eq!(items("a.csv", ""), "[]");
    assert_eq!(items("a.csv", "a,b\n"), "[]");
}

#[test]
fn a_bad_csv_row_names_its_first_line() {
    let (before, text) = error("a.csv", b"a,b\n1,\"x\ny\"\n1\n2,3\n");
    assert_eq!(
        (before, text.as_str()),
        (1, "line 4 (byte offset 12): the row has 1 fields, the header 2")
    );
    assert!(
        error("a.csv", b"a,b\n1,\"x\n")
            .1
            .contains("line 2 (byte offset 4): a quote is opened on line 2 and never closed")
    );
    assert!(
        error("a.csv", b"a,b\n\"1\"x,2\n")
            .1
            .contains("text follows the closing quote of field 1")
    );
    assert!(error("a.csv", b"a,a\n1,2\n").1.contains("the column `a` twice"));
    let options = ReaderOptions {
        skip_invalid: true,
        ..OPTIONS
    };
    let (items, reports, error) = read_with("a.csv", b"a,b\n\"1\"x,2\n3,4\n5\n6,7", options);
    assert_eq!((items.len(), reports.len(), error), (2, 2, None));
}

#[test]
fn lines_of_a_csv_file_are_counted_by_the_line_ends_it_has() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["a,b", "1,2", "", "\"x", "y\",z", "5", "6,7"].join(end);
        let (before, message) = error("a.csv", text.as_bytes());
        assert_eq!(before, 2);
        assert!(message.starts_with("line 6 "), "{end:?}: {message}");
    }
}

#[test]
fn a_quoted_empty_field_is_a_row_of_a_file_with_one_column() {
    assert_eq!(
        items("a.csv", "x\n1\n\"\"\n\n2\n\"\""),
        r#"[{"x":"1"},{"x":""},{"x":"2"},{"x":""}]"#
    );
}

#[test]
fn a_quote_that_is_never_closed_is_one_invalid_row_only_when_it_takes_no_rows_with_it() {
    let (items, reports, failure) = read_all("a.csv", b"a,b\r\n1,2\r\n3,\"torn, text\nof, lines\nand");
    assert_eq!((items.len(), reports.len(), failure), (1, 1, None));
    let rows = "5,6\n".repeat(50_000);
    let (items, reports, failure) = read_all("a.csv", format!("a,b\n1,2\n\"3\n\",\"oops\n{rows}").as_bytes());
    assert_eq!((items.len(), reports.len()), (1, 0));
    assert_eq!(
        failure.unwrap().to_string(),
        "line 3 (byte offset 8): a quote is opened on line 4 and never closed"
    );
}

proptest! {
    #[test]
    fn csv_fields_come_back_as_written(rows in prop::collection::vec(prop::collection::vec("[a\"\\n\\r, é]{0,5}", 3), 0..8)) {
        let mut text = String::from("x,y,z\n");
        for row in &rows {
            let fields: Vec<_> = row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            text.push_str(&(fields.join(",") + "\r\n"));
        }
        let (items, _, error) = read_with("a.csv", text.as_bytes(), OPTIONS);
        prop_assert_eq!(error, None);
        let read: Vec<Vec<String>> = items
            .iter()
            .map(|item| ["x", "y", "z"].iter().map(|key| item[key].as_str().unwrap().to_owned()).collect())
            .collect();
        prop_assert_eq!(read, rows);
    }
}

fn rows(text: &str, format: Option<Format>, csv: CsvOptions) -> String {
    let options = ReaderOptions {
        format,
        csv,
        ..OPTIONS
    };
    match read_with("a.txt", text.as_bytes(), options) {
        (items, _, None) => serde_json::to_string(&items).unwrap(),
        (_, _, Some(error)) => error.to_string(),
    }
}

#[test]
fn tsv_has_no_quotes() {
    let text = "id\tsaid\n1\t\"a\n2\tb\"c\"\n";
    assert_eq!(
        items("a.tsv", text),
        r#"[{"id":"1","said":"\"a"},{"id":"2","said":"b\"c\""}]"#
    );
    let quoted = CsvOptions {
        quote: Some(Some(b'"')),
        ..CsvOptions::DEFAULT
    };
    assert_eq!(
        rows("a\n\"x\ty\"\n", Some(Format::Tsv), quoted),
        r#"[{"a":"x\ty"}]"#
    );
}

#[test]
fn delimiter_quote_and_comment_are_what_the_caller_says() {
    let csv = CsvOptions {
        delimiter: Some(b';'),
        quote: Some(Some(b'\'')),
        comment: Some(b'#'),
        header: Header::FirstRow,
    };
    let text = "# made by hand\na;b\n1,5;'x;''y'\n#2;3\n\"2;4\n";
    assert_eq!(
        rows(text, None, csv),
        r#"[{"a":"1,5","b":"x;'y"},{"a":"\"2","b":"4"}]"#
    );
}

#[test]
fn a_file_without_a_header_has_arrays_or_the_names_given() {
    let without = |header| CsvOptions {
        header,
        ..CsvOptions::DEFAULT
    };
    assert_eq!(
        rows("1,2\n3,4\n", None, without(Header::None)),
        r#"[["1","2"],["3","4"]]"#
    );
    assert_eq!(
        rows("1,2\n3\n", None, without(Header::None)),
        "line 2 (byte offset 4): the row has 1 fields, the first row 2"
    );
    let names = Header::Names(vec!["a".into(), "b".into()]);
    assert_eq!(
        rows("1,2\n", None, without(names.clone())),
        r#"[{"a":"1","b":"2"}]"#
    );
    assert_eq!(rows("", None, without(names)), "[]");
}

#[test]
fn a_header_of_one_column_with_another_delimiter_is_an_error_that_says_what_to_pass() {
    for (name, text, other) in [
        ("a.csv", "a;b\n1;2\n", ";"),
        ("a.csv", "a\tb\n1\t2\n", "\\t"),
        ("a.csv", "a|b\n1|2\n", "|"),
        ("a.tsv", "a,b\n1,2\n", ","),
    ] {
        let (_, message) = error(name, text.as_bytes());
        assert!(
            message.contains(&format!("pass `delimiter: '{other}'`")),
            "{message}"
        );
    }
    let sure = CsvOptions {
        delimiter: Some(b','),
        ..CsvOptions::DEFAULT
    };
    assert_eq!(rows("a;b\nx\n", None, sure), r#"[{"a;b":"x"}]"#);
    assert_eq!(items("a.csv", "a;b,c\n1,2\n"), r#"[{"a;b":"1","c":"2"}]"#);
}

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

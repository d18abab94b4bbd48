use std::io::Read;
use std::path::Path;

use proptest::prelude::*;

use super::*;

pub(super) const OPTIONS: ReaderOptions = ReaderOptions {
    format: None,
    skip_invalid: false,
    batch_bytes: 64,
    csv: CsvOptions::DEFAULT,
    max_record_bytes: MAX_RECORD_BYTES,
    spool_directory: None,
};

/// Gives its bytes a few at a time, as pipes do.
struct Trickle(Vec<u8>, usize);

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(self.1).min(out.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

pub(super) fn values(batch: &Batch) -> Vec<serde_json::Value> {
    let parse = |part: &Text| serde_json::from_str::<Vec<serde_json::Value>>(&part.read()).unwrap();
    let arrays: Vec<_> = batch.texts.iter().map(parse).collect();
    assert!(arrays.iter().all(|array| !array.is_empty()));
    let values = arrays.concat();
    assert_eq!(values.len() as u64, batch.items);
    values
}

pub(super) type Outcome = (Vec<serde_json::Value>, Vec<DatasetError>, Option<DatasetError>);

pub(super) fn read_with(name: &str, bytes: &[u8], options: ReaderOptions) -> Outcome {
    let mut items = Vec::new();
    let mut reports = Vec::new();
    let mut reader = match DatasetReader::read(
        Box::new(Trickle(bytes.to_vec(), 7)),
        false,
        Path::new(name),
        options,
    ) {
        Ok(reader) => reader,
        Err(error) => return (items, reports, Some(error)),
    };
    loop {
        match reader.next_batch() {
            Ok(batch) => {
                items.extend(values(&batch));
                reports.extend(batch.reports);
                if batch.done {
                    return (items, reports, None);
                }
            }
            Err(error) => {
                assert_eq!(reader.next_batch().unwrap_err(), error);
                return (items, reports, Some(error));
            }
        }
    }
}

/// Reads a whole file, invalid records left out.
pub(super) fn read_all(name: &str, bytes: &[u8]) -> Outcome {
    let options = ReaderOptions {
        skip_invalid: true,
        ..OPTIONS
    };
    read_with(name, bytes, options)
}

pub(super) fn items(name: &str, text: &str) -> String {
    let (items, _, error) = read_with(name, text.as_bytes(), OPTIONS);
    assert_eq!(error, None);
    serde_json::to_string(&items).unwrap()
}

pub(super) fn error(name: &str, bytes: &[u8]) -> (usize, String) {
    let (items, _, error) = read_with(name, bytes, OPTIONS);
    (items.len(), error.expect("an error").to_string())
}

#[test]
fn json_lines_with_mark_crlf_empty_lines_and_no_last_line_end() {
    assert_eq!(
        items("a.jsonl", "\u{feff}{\"a\":1}\r\n\r\n  \n[2]\n \"x\" \n3"),
        r#"[{"a":1},[2],"x",3]"#
    );
    assert_eq!(items("a.jsonl", ""), "[]");
    assert_eq!(items("a.jsonl", "\n\r\n"), "[]");
}

#[test]
fn a_bad_line_names_line_and_byte_and_comes_after_the_good_ones() {
    let (before, text) = error("a.jsonl", b"{\"a\":1}\n\n{\"b\":}\n{\"c\":1}\n");
    assert_eq!(before, 1);
    assert!(
        text.starts_with("line 3 (byte offset 9): not valid JSON: expected value at column"),
        "{text}"
    );
    for bad in [
        "1 2",
        "[1",
        "2]",
        "{\"a\":1},{\"b\":2}",
        "NaN",
        "'x'",
        "\"a\u{1}\"",
        "01",
        "{a:1}",
    ] {
        let (before, text) = error("a.jsonl", format!("0\n{bad}\n").as_bytes());
        assert_eq!(before, 1, "{bad}");
        assert!(
            text.starts_with("line 2 (byte offset 2): not valid JSON"),
            "{bad}: {text}"
        );
    }
}

#[test]
fn invalid_lines_can_be_skipped_and_are_reported() {
    let options = ReaderOptions {
        skip_invalid: true,
        ..OPTIONS
    };
    let (items, reports, error) = read_with("a.jsonl", b"1\nx\n\xff\n{\"a\":2}\n[", options);
    assert_eq!(error, None);
    assert_eq!(serde_json::to_string(&items).unwrap(), r#"[1,{"a":2}]"#);
    let lines: Vec<_> = reports
        .iter()
        .map(|report| (report.line, report.byte_offset))
        .collect();
    assert_eq!(
        lines,
        [(Some(2), Some(2)), (Some(3), Some(4)), (Some(5), Some(14))]
    );
    assert!(reports[1].reason.contains("UTF-8"));
}

#[test]
fn a_json_array_and_the_test_cases_of_an_object() {
    assert_eq!(
        items("a.json", " [ 1 , {\"a\":[1,\"],\"]} ,\n\"x\"]\n"),
        r#"[1,{"a":[1,"],"]},"x"]"#
    );
    assert_eq!(items("a.json", "[]"), "[]");
    let object = r#"{"name":"a\"}b","n":{"testCases":[9]},"x":12,"testCases":[1,{"b":2}],"more":[[{}],"]"]}"#;
    assert_eq!(items("a.json", object), r#"[1,{"b":2}]"#);
    assert_eq!(items("a.json", "{\"testCases\":[]}"), "[]");
    let odd_names = r#"{"\ud800":1,"test\u0043ases":[1],"z":"\ud800"}"#;
    assert_eq!(items("a.json", odd_names), "[1]");
    assert_eq!(
        items("a.json", "{\n  \"testCases\": [\n    {\"id\": 1}\n  ]\n}\n"),
        r#"[{"id":1}]"#
    );
}

#[test]
fn a_json_document_that_is_none_is_refused() {
    for (text, expected) in [
        ("", "is empty"),
        (
            "{\"cases\":[1], \"n\": 2}",
            "has no member `testCases` (it has `cases`, `n`)",
        ),
        ("{}", "it has no members"),
        ("{\"testCases\":{}}", "`testCases` must be an array"),
        ("{\"testCases\":[1],\"testCases\":[2]}", "two members"),
        ("[1,2", "ends within the array"),
        ("[1,]", "not valid JSON"),
        ("[1 2]", "expected `,` or `]`"),
        ("[1] 2", "text follows the end"),
        ("[1,{\"a\":]", "not valid JSON"),
        ("[{\"a\":1}", "ends within the array"),
        ("{\"a\":\"", "the document ends"),
        ("{\"a\":[1,", "the document ends within a member"),
        ("{\"testCases\":[],\"a\": !!!garbage }", "not valid JSON"),
        ("{\"testCases\":[],\"a\":[1,]}", "not valid JSON"),
        ("{\"a\":{\"b\":01},\"testCases\":[]}", "not valid JSON"),
        ("{\"a\":tru,\"testCases\":[]}", "not valid JSON"),
        ("{\"a\":1 2,\"testCases\":[]}", "expected `,` or `}`"),
    ] {
        let (_, message) = error("a.json", text.as_bytes());
        assert!(message.contains(expected), "{text}: {message}");
    }
    let (before, message) = error("a.json", b"[1,\n {\"a\": tru}]");
    assert_eq!(before, 1);
    assert!(message.starts_with("line 2 (byte offset 5)"), "{message}");
}

#[test]
fn the_format_is_told_by_content_when_the_name_does_not() {
    assert_eq!(
        items("a.json", "{\"id\":1}\n{\"id\":2}\n"),
        r#"[{"id":1},{"id":2}]"#
    );
    assert_eq!(items("a", "[1]"), "[1]");
    assert_eq!(items("a", "{\"testCases\":[1]}\n"), "[1]");
    assert_eq!(
        items("a.data", "{\"id\":1}\n{\"id\":2}"),
        r#"[{"id":1},{"id":2}]"#
    );
    assert!(error("a.txt", b"hello").1.contains("pass `format"));
    // A first line that is longer than what is read at a time.
    let long = "x".repeat(600_000);
    let lines = format!("{{\"id\":\"{long}\"}}\n{{\"id\":2}}\n");
    for name in ["a.json", "a.txt", "a"] {
        assert_eq!(
            items(name, &lines),
            format!("[{{\"id\":\"{long}\"}},{{\"id\":2}}]")
        );
    }
    let document = format!("{{\"n\":\"{long}\",\"testCases\":[1,\"{long}\"]}}");
    assert_eq!(items("a", &document), format!("[1,\"{long}\"]"));
    let pretty = format!("{{\n\"n\":\"{long}\",\"testCases\":[1]}}\n");
    assert_eq!(items("a", &pretty), "[1]");
}

pub(super) fn lines<V: std::fmt::Display>(values: impl IntoIterator<Item = V>) -> String {
    values
        .into_iter()
        .fold(String::new(), |text, value| text + &value.to_string() + "\n")
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_ten_megabyte_record_passes_in_every_format() {
    let long = "x".repeat(10 << 20);
    for (name, text) in [
        ("a.jsonl", format!("1\n\"{long}\"\n2\n")),
        ("a.json", format!("[1,\"{long}\",2]")),
        ("a.csv", format!("a\n1\n\"{long}\"\n2\n")),
    ] {
        let mut reader = DatasetReader::read(
            Box::new(std::io::Cursor::new(text)),
            false,
            Path::new(name),
            OPTIONS,
        )
        .unwrap();
        let mut count = 0;
        loop {
            let batch = reader.next_batch().unwrap();
            count += batch.items;
            if batch.done {
                break;
            }
        }
        assert_eq!(count, 3, "{name}");
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\]{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_was_written_is_read(
        values in prop::collection::vec(json(), 0..12), pretty: bool, live: bool, step in 1_usize..50,
        batch_bytes in 1_usize..200,
    ) {
        let options = ReaderOptions { batch_bytes, ..OPTIONS };
        let lines = lines(&values);
        let array = if pretty { serde_json::to_string_pretty(&values) } else { serde_json::to_string(&values) }.unwrap();
        let object = format!("{{\"a\":{array},\"testCases\":{array},\"b\":{array}}}");
        for (name, text) in [("a.jsonl", lines), ("a.json", array), ("a.json", object)] {
            let mut reader =
                DatasetReader::read(Box::new(Trickle(text.into_bytes(), step)), live, Path::new(name), options.clone()).unwrap();
            let mut read: Vec<serde_json::Value> = Vec::new();
            loop {
                let batch = reader.next_batch().unwrap();
                read.extend(super::tests::values(&batch));
                if batch.done {
                    break;
                }
            }
            prop_assert_eq!(&read, &values);
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..300), name in 0_usize..4) {
        let name = ["a.jsonl", "a.json", "a.csv", "a"][name];
        for (skip_invalid, live) in [(false, false), (true, false), (true, true)] {
            let options = ReaderOptions { skip_invalid, ..OPTIONS };
            if let Ok(mut reader) = DatasetReader::read(Box::new(Trickle(bytes.clone(), 5)), live, Path::new(name), options) {
                let mut calls = 0;
                while reader.next_batch().is_ok_and(|batch| !batch.done) {
                    calls += 1;
                    prop_assert!(calls < 1000);
                }
            }
        }
    }
}

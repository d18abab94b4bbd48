use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::stream::source::tests::{lines, read_all};

fn find(bytes: &[u8], target: &AppendTarget) -> Result<AppendPoint, DatasetError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    AppendPoint::find(file.path(), target)
}

/// Returns the file once `row` was appended to it, and a header when there is none.
fn appended(bytes: &[u8], header: Option<&str>, row: &str) -> Result<Vec<u8>, DatasetError> {
    let target = header.map_or(AppendTarget::JsonLines, |header| {
        AppendTarget::Rows(Dialect::CSV, Some(header.to_owned()))
    });
    let point = find(bytes, &target)?;
    let mut out = bytes[..point.position as usize].to_vec();
    out.extend_from_slice(point.line_end.as_bytes());
    if let Some(header) = header.filter(|_| point.columns.is_none()) {
        out.extend_from_slice(header.as_bytes());
    }
    out.extend_from_slice(row.as_bytes());
    Ok(out)
}

fn csv_appended(text: &str) -> String {
    match appended(text.as_bytes(), Some("a,b\r\n"), "8,9\r\n") {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn csv_quotes_count_only_where_the_reader_counts_them() {
    let text = "a,b\n5\" disk,1\nx,2\n";
    assert_eq!(csv_appended(text), format!("{text}8,9\r\n"));
}

#[test]
fn a_csv_row_that_is_whole_but_for_its_line_end_stays() {
    assert_eq!(csv_appended("a,b\n1,2\n3,4"), "a,b\n1,2\n3,4\r\n8,9\r\n");
    assert_eq!(csv_appended("a,b\r\n1,2\r"), "a,b\r\n1,2\r\n8,9\r\n");
    assert_eq!(csv_appended("a,b\r1,2\r"), "a,b\r1,2\r8,9\r\n");
    // What no reader takes, and what is no beginning of a row either, is not ours to cut.
    for row in ["1,2,3", "\"1\"x,2"] {
        assert_eq!(
            csv_appended(&format!("a,b\n{row}")),
            format!("a,b\n{row}\r\n8,9\r\n")
        );
    }
}

#[test]
fn the_beginning_of_a_csv_row_is_cut_off() {
    for torn in ["1", "1,\"x", "1,\"x\ny, z\n", "1,2\0\0\0", "\0\0", "\"x\r\ny"] {
        let text = format!("a,b\r\n0,0\r\n{torn}");
        assert_eq!(csv_appended(&text), "a,b\r\n0,0\r\n8,9\r\n", "{torn:?}");
    }
    let half = [b"a,b\r\n1,\xe6\x97".as_slice()].concat();
    assert_eq!(
        appended(&half, Some("a,b\r\n"), "8,9\r\n").unwrap(),
        b"a,b\r\n8,9\r\n"
    );
}

#[test]
fn a_csv_file_of_the_beginning_of_its_header_is_started_afresh() {
    for torn in ["", "a", "a,", "a,b", "a,b\0\0"] {
        assert_eq!(csv_appended(torn), "a,b\r\n8,9\r\n", "{torn:?}");
    }
    assert_eq!(csv_appended("a,b\r"), "a,b\r\n8,9\r\n");
    let other = find(b"a,c", &AppendTarget::Rows(Dialect::CSV, Some("a,b\r\n".into()))).unwrap();
    assert_eq!(other.columns.unwrap(), ["a", "c"]);
}

#[test]
fn a_quote_that_would_take_rows_with_it_is_an_error() {
    let rows = "1,2\n".repeat(50_000);
    let message = csv_appended(&format!("a,b\n3,\"oops\n{rows}"));
    assert_eq!(
        message,
        "line 2 (byte offset 4): a quote is opened on line 2 and never closed"
    );
    let message = csv_appended(&format!("a,b\n\"3\n4\",\"oops\n{rows}"));
    assert!(message.ends_with("on line 3 and never closed"), "{message}");
}

fn json_appended(text: &str) -> String {
    match appended(text.as_bytes(), None, "9\n") {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_last_json_line_without_its_end_stays_when_it_is_whole() {
    for last in ["{\"a\":1}", "[2]", "\"x\"", "true", "null", "{}\r", "{} "] {
        assert_eq!(json_appended(&format!("1\n{last}")), format!("1\n{last}\n9\n"));
        assert_eq!(json_appended(last), format!("{last}\n9\n"));
    }
    assert_eq!(json_appended("\u{feff}{\"a\":1}"), "\u{feff}{\"a\":1}\n9\n");
    assert_eq!(json_appended("{\"a\":1}\0\0"), "{\"a\":1}\n9\n");
}

#[test]
fn the_beginning_of_a_json_line_is_cut_off_and_so_is_a_number_that_may_go_on() {
    let long = "x".repeat(3 * STEP);
    for torn in [
        "12",
        "-",
        "1.",
        "1e",
        "tru",
        "{\"a",
        "{\"a\":-",
        "[1.",
        "\"\\u12",
        "{\"a\":\"\\",
        "\0\0",
        &format!("\"{long}"),
    ] {
        assert_eq!(json_appended(&format!("{{}}\n{torn}")), "{}\n9\n", "{torn}");
        assert_eq!(json_appended(torn), "9\n", "{torn}");
    }
    assert_eq!(appended(b"1\n\"\xe6\x97", None, "9\n").unwrap(), b"1\n9\n");
}

#[test]
fn what_is_not_a_file_of_such_records_is_not_touched() {
    use crate::stream::source::tests::gzip;
    for (bytes, reason) in [
        (b"[\n{},\n{}\n]".to_vec(), "not a JSON lines file"),
        (b"hello".to_vec(), "not a JSON lines file"),
        (gzip(b"{}\n"), "is compressed"),
        (vec![0x89, b'P', b'N', b'G', 0, 0, 13], "binary"),
        (vec![0xFF, 0xFE, b'1', 0], "UTF-16"),
    ] {
        let message = appended(&bytes, None, "9\n").unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    let twice = csv_appended("a,a\n1,2\n");
    assert!(twice.contains("the column `a` twice"), "{twice}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Cuts any text off after any byte. The reader gives the same rows of it after an append, and then the new row.
    #[test]
    fn no_csv_row_is_lost_wherever_the_file_is_cut_off(
        columns in 1_usize..4, end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "\"", "\"\"", "\",", ",\"", ",", ",", "é", " ", "\n", "\r\n", "\r", "END", "END",
        ]), 0..30),
    ) {
        let header = ["x", "\"y\"", "z"][..columns].join(",") + end;
        let text = header.clone() + &parts.concat().replace("END", end);
        let row = vec!["9"; columns].join(",") + "\r\n";
        for length in 0..=text.len() {
            let torn = &text.as_bytes()[..length];
            let (before, _, failure) = read_all("a.csv", torn);
            let Ok(after) = appended(torn, Some(&header), &row) else {
                prop_assert!(failure.is_some(), "refused what can be read: {:?}", &text[..length]);
                continue;
            };
            // The beginning of the header is no header for the reader, and no loss.
            prop_assert!(failure.is_none() || length < header.len());
            let (mut items, _, failure) = read_all("a.csv", &after);
            prop_assert_eq!(failure, None);
            let last = items.pop().unwrap();
            prop_assert_eq!(last.as_object().unwrap().len(), columns);
            prop_assert!(last.as_object().unwrap().values().all(|value| value == "9"));
            prop_assert_eq!(items, before, "{:?} became {:?}", String::from_utf8_lossy(torn), String::from_utf8_lossy(&after));
        }
    }

    #[test]
    fn no_json_line_is_lost_or_invented_wherever_the_file_is_cut_off(
        values in prop::collection::vec(prop_oneof![
            any::<i32>().prop_map(serde_json::Value::from),
            "[a-z\"\\\\é\n]{0,5}".prop_map(serde_json::Value::from),
            any::<f64>().prop_map(|n| serde_json::json!({ "n": n, "t": [true, null, -1.5e-7] })),
            Just(serde_json::Value::Null),
        ], 1..5),
    ) {
        let text = lines(&values);
        for length in 0..=text.len() {
            let after = appended(&text.as_bytes()[..length], None, "\"new\"\n").unwrap();
            let (mut items, _, failure) = read_all("a.jsonl", &after);
            prop_assert_eq!(failure, None);
            prop_assert_eq!(items.pop().unwrap(), "new");
            let ended = memchr::memchr_iter(b'\n', &text.as_bytes()[..length]).count();
            prop_assert!(items.len() >= ended);
            prop_assert_eq!(&items[..], &values[..items.len()]);
        }
    }
}

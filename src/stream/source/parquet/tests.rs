use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use crate::stream::source::tests::values;
use crate::stream::source::{DatasetError, DatasetReader, Format, ReaderOptions};

const OPTIONS: ReaderOptions = ReaderOptions {
    format: None,
    skip_invalid: false,
    batch_bytes: 1000,
};

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("__test__/stream/parquet");
    std::fs::read(folder.join(name)).unwrap()
}

fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read(name: &str, bytes: &[u8], options: ReaderOptions) -> (Vec<serde_json::Value>, Option<DatasetError>) {
    let (_folder, path) = file(name, bytes);
    let mut items = Vec::new();
    let mut reader = match DatasetReader::open(&path, options) {
        Ok(reader) => reader,
        Err(error) => return (items, Some(error)),
    };
    loop {
        match reader.next_batch() {
            Ok(batch) => {
                items.extend(values(&batch));
                if batch.done {
                    return (items, None);
                }
            }
            Err(error) => {
                assert_eq!(reader.next_batch().unwrap_err(), error);
                return (items, Some(error));
            }
        }
    }
}

/// A file with this schema and one row group, which `write` fills.
fn written(schema: &str, write: impl FnOnce(&mut SerializedRowGroupWriter<'_, &mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    write(&mut group);
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

fn numbers(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: &[i32],
    levels: Option<(&[i16], &[i16])>,
) {
    let mut column = group.next_column().unwrap().unwrap();
    let (defined, repeated) = levels.unzip();
    column
        .typed::<Int32Type>()
        .write_batch(values, defined, repeated)
        .unwrap();
    column.close().unwrap();
}

fn items(bytes: &[u8]) -> String {
    let (items, error) = read("a.parquet", bytes, OPTIONS);
    assert_eq!(error, None);
    serde_json::to_string(&items).unwrap()
}

fn error(name: &str, bytes: &[u8], options: ReaderOptions) -> String {
    let (items, error) = read(name, bytes, options);
    assert_eq!(items.len(), 0);
    error.expect("an error").to_string()
}

#[test]
fn the_forms_of_lists_that_older_writers_have_are_lists() {
    let levels: (&[i16], &[i16]) = (&[1, 1, 0], &[0, 1, 0]);
    for schema in [
        "message m { required group l (LIST) { repeated group list { required int32 element; } } }",
        "message m { required group l (LIST) { repeated int32 element; } }",
        "message m { repeated int32 l; }",
    ] {
        let bytes = written(schema, |group| numbers(group, &[1, 2], Some(levels)));
        assert_eq!(items(&bytes), r#"[{"l":[1,2]},{"l":[]}]"#, "{schema}");
    }
    let pairs = "message m { required group l (LIST) { repeated group array { required int32 a; required int32 b; } } }";
    let bytes = written(pairs, |group| {
        numbers(group, &[1, 2], Some(levels));
        numbers(group, &[3, 4], Some(levels));
    });
    assert_eq!(items(&bytes), r#"[{"l":[{"a":1,"b":3},{"a":2,"b":4}]},{"l":[]}]"#);
}

#[test]
fn numbers_beyond_those_that_are_safe_are_text_for_a_big_int() {
    let bytes = written("message m { required int64 n; }", |group| {
        let mut column = group.next_column().unwrap().unwrap();
        let values = [(1 << 53) - 1, 1 << 53, i64::MIN];
        column
            .typed::<Int64Type>()
            .write_batch(&values, None, None)
            .unwrap();
        column.close().unwrap();
    });
    assert_eq!(
        items(&bytes),
        r#"[{"n":9007199254740991},{"n":"9007199254740992"},{"n":"-9223372036854775808"}]"#
    );
}

#[test]
fn a_type_that_is_not_read_is_named_with_its_column() {
    let bytes = written(
        "message m { required fixed_len_byte_array(12) span (INTERVAL); }",
        |group| {
            group.next_column().unwrap().unwrap().close().unwrap();
        },
    );
    assert_eq!(
        error("a.parquet", &bytes, OPTIONS),
        "the column `span` has the type INTERVAL, which is not read"
    );
}

#[test]
fn text_that_is_not_what_its_column_says_names_the_row() {
    for (kind, bad, expected) in [("UTF8", &b"\xff"[..], "UTF8"), ("JSON", b"{", "not valid JSON")] {
        let bytes = written(&format!("message m {{ required binary t ({kind}); }}"), |group| {
            let mut column = group.next_column().unwrap().unwrap();
            let values = [ByteArray::from("1"), ByteArray::from(bad.to_vec())];
            column
                .typed::<ByteArrayType>()
                .write_batch(&values, None, None)
                .unwrap();
            column.close().unwrap();
        });
        let (items, error) = read("a.parquet", &bytes, OPTIONS);
        assert_eq!(items.len(), 1);
        let message = error.expect("an error").to_string();
        assert!(
            message.starts_with("row 2 of the Parquet file cannot be read"),
            "{message}"
        );
        assert!(
            message.to_lowercase().contains(&expected.to_lowercase()),
            "{message}"
        );
    }
}

#[test]
fn a_file_is_told_by_its_content_and_what_is_no_parquet_is_refused() {
    let bytes = fixture("codec-none.parquet");
    for name in ["a.parquet", "a.data", "a"] {
        assert_eq!(read(name, &bytes, OPTIONS).0.len(), 500);
    }
    for bad in [&b""[..], b"PAR", b"{\"id\":1}\n", &[0x1F, 0x8B, 8, 0]] {
        assert!(error("a.parquet", bad, OPTIONS).starts_with("is not a Parquet file"));
    }
    let asked = |format| ReaderOptions {
        format: Some(format),
        ..OPTIONS
    };
    assert!(error("a", b"[1]", asked(Format::Parquet)).starts_with("is not a Parquet file"));
    assert!(error("a", &bytes, asked(Format::JsonLines)).contains("binary"));
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let bytes = fixture("codec-snappy.parquet");
    for length in (4..bytes.len()).step_by(97) {
        let message = error("a.parquet", &bytes[..length], OPTIONS);
        assert!(message.starts_with("is not a whole Parquet file"), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damage_ends_in_rows_or_one_error(
        name in prop::sample::select(vec!["values", "codec-zstd", "codec-gzip"]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        near_end: bool,
    ) {
        let mut bytes = fixture(&format!("{name}.parquet"));
        let start = if near_end { bytes.len().saturating_sub(3000) } else { 0 };
        for (index, value) in damage {
            let at = start + index.index(bytes.len() - start);
            bytes[at] = value;
        }
        let (items, error) = read("a.parquet", &bytes, OPTIONS);
        prop_assert!(items.len() <= 500 || error.is_some());
    }
}

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use crate::stream::source::tests::values;
use crate::stream::source::{
    CsvOptions, DatasetError, DatasetReader, Format, MAX_RECORD_BYTES, ReaderOptions,
};

const OPTIONS: ReaderOptions = ReaderOptions {
    format: None,
    skip_invalid: false,
    batch_bytes: 1000,
    csv: CsvOptions::DEFAULT,
    max_record_bytes: MAX_RECORD_BYTES,
    spool_directory: None,
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
    let mut reader = match DatasetReader::open(&path, options, None) {
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
fn a_64_bit_number_has_all_of_its_digits() {
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
        r#"[{"n":9007199254740991},{"n":9007199254740992},{"n":-9223372036854775808}]"#
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
    for bad in [&b""[..], b"PAR", b"{\"id\":1}\n"] {
        assert!(error("a.parquet", bad, OPTIONS).starts_with("is not a Parquet file"));
    }
    let asked = |format| ReaderOptions {
        format: Some(format),
        ..OPTIONS
    };
    assert!(error("a", b"[1]", asked(Format::Parquet)).starts_with("is not a Parquet file"));
    assert!(error("a", &bytes, asked(Format::JsonLines)).contains("is a Parquet file, a binary format"));
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

/// `bytes` with the footer that `change` makes of theirs.
fn with_footer(bytes: &[u8], change: impl FnOnce(&ParquetMetaData) -> ParquetMetaData) -> Vec<u8> {
    let (_folder, path) = file("a.parquet", bytes);
    let footer = ParquetMetaDataReader::new()
        .parse_and_finish(&std::fs::File::open(path).unwrap())
        .unwrap();
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    let mut out = bytes[..bytes.len() - 8 - length].to_vec();
    let footer = change(&footer);
    ParquetMetaDataWriter::new(&mut out, &footer).finish().unwrap();
    out
}

#[test]
fn a_footer_that_counts_no_rows_is_read_by_its_row_groups() {
    let whole = fixture("codec-none.parquet");
    let bytes = with_footer(&whole, |footer| {
        let about = footer.file_metadata();
        let about = FileMetaData::new(
            about.version(),
            0,
            None,
            None,
            about.schema_descr_ptr(),
            about.column_orders().cloned(),
        );
        ParquetMetaData::new(about, footer.row_groups().to_vec())
    });
    assert_eq!(
        read("a.parquet", &bytes, OPTIONS),
        read("a.parquet", &whole, OPTIONS)
    );
}

#[test]
fn a_dictionary_page_at_offset_zero_is_none() {
    let whole = written("message m { required int32 n; }", |group| {
        numbers(group, &[1, 2, 3], None);
    });
    for offset in [0, -1, i64::MAX] {
        let bytes = with_footer(&whole, |footer| {
            let group = footer.row_group(0);
            let column = group.column(0).clone().into_builder();
            let start = group.column(0).byte_range().0.cast_signed();
            let column = column
                .set_data_page_offset(start)
                .set_dictionary_page_offset(Some(offset))
                .build()
                .unwrap();
            let group = group.clone().into_builder().set_column_metadata(vec![column]);
            ParquetMetaData::new(footer.file_metadata().clone(), vec![group.build().unwrap()])
        });
        assert_eq!(items(&bytes), r#"[{"n":1},{"n":2},{"n":3}]"#, "{offset}");
    }
}

#[test]
fn nested_forms_of_older_writers_are_read_as_they_were_meant() {
    type Levels = (&'static [i32], &'static [i16], &'static [i16]);
    let cases: &[(&str, &[Levels], &str)] = &[
        (
            "optional group l (LIST) { repeated group array (LIST) { repeated int32 array; } }",
            &[(&[1, 2, 3], &[3, 3, 3, 1, 0, 2], &[0, 2, 1, 0, 0, 0])],
            r#"[{"l":[[1,2],[3]]},{"l":[]},{"l":null},{"l":[[]]}]"#,
        ),
        (
            "optional group l (LIST) { repeated group bag { optional int32 array_element; } }",
            &[(&[1], &[3, 2, 1, 0], &[0, 1, 0, 0])],
            r#"[{"l":[1,null]},{"l":[]},{"l":null}]"#,
        ),
        (
            "repeated group l { required int32 a; }",
            &[(&[1, 2], &[1, 1, 0], &[0, 1, 0])],
            r#"[{"l":[{"a":1},{"a":2}]},{"l":[]}]"#,
        ),
        (
            "optional group l (LIST) { repeated group l_tuple { required int32 a; } }",
            &[(&[1, 2], &[2, 2, 1, 0], &[0, 1, 0, 0])],
            r#"[{"l":[{"a":1},{"a":2}]},{"l":[]},{"l":null}]"#,
        ),
        (
            "optional group l (LIST) { repeated group array { required int32 a; } }",
            &[(&[1, 2], &[2, 2, 1, 0], &[0, 1, 0, 0])],
            r#"[{"l":[{"a":1},{"a":2}]},{"l":[]},{"l":null}]"#,
        ),
        (
            "optional group l (LIST) { repeated group element { required int32 a; } }",
            &[(&[1, 2], &[2, 2, 1, 0], &[0, 1, 0, 0])],
            r#"[{"l":[1,2]},{"l":[]},{"l":null}]"#,
        ),
        (
            "optional group l (LIST) { repeated int32 element; }",
            &[(&[1, 2], &[2, 2, 1, 0], &[0, 1, 0, 0])],
            r#"[{"l":[1,2]},{"l":[]},{"l":null}]"#,
        ),
        (
            "optional group m (MAP_KEY_VALUE) { repeated group map { required int32 key; optional int32 value; } }",
            &[(&[1, 2], &[2, 2, 1], &[0, 1, 0]), (&[10], &[3, 2, 1], &[0, 1, 0])],
            r#"[{"m":[[1,10],[2,null]]},{"m":[]}]"#,
        ),
        (
            "optional group m (MAP) { repeated group key_value { required int32 key; } }",
            &[(&[1, 2], &[2, 2, 1], &[0, 1, 0])],
            r#"[{"m":[1,2]},{"m":[]}]"#,
        ),
        (
            "optional group s { repeated int32 x; }",
            &[(&[1, 2], &[2, 2, 1, 0], &[0, 1, 0, 0])],
            r#"[{"s":{"x":[1,2]}},{"s":{"x":[]}},{"s":null}]"#,
        ),
        (
            "repeated group l { repeated int32 x; }",
            &[(&[1, 2], &[2, 2, 1, 0], &[0, 2, 1, 0])],
            r#"[{"l":[{"x":[1,2]},{"x":[]}]},{"l":[]}]"#,
        ),
        (
            "optional group l (LIST) { repeated group list { repeated int32 element; } }",
            &[(&[1, 2, 3], &[3, 3, 3, 1], &[0, 2, 1, 0])],
            r#"[{"l":[[1,2],[3]]},{"l":[]}]"#,
        ),
    ];
    for (schema, columns, expected) in cases {
        let bytes = written(&format!("message m {{ {schema} }}"), |group| {
            for (values, defined, repeated) in *columns {
                numbers(group, values, Some((defined, repeated)));
            }
        });
        assert_eq!(items(&bytes), *expected, "{schema}");
    }
}

#[test]
fn a_value_beyond_the_limit_names_its_row_after_the_rows_before() {
    let bytes = fixture("codec-none.parquet");
    let options = ReaderOptions {
        max_record_bytes: 59,
        ..OPTIONS
    };
    let (rows, error) = read("a.parquet", &bytes, options);
    let message = error.expect("an error").to_string();
    let row = rows.len() + 1;
    assert!(row > 1);
    assert_eq!(
        message,
        format!("row {row} of the Parquet file cannot be read: the record is longer than 59 bytes")
    );
}

#[test]
fn no_bit_of_a_small_file_can_make_it_panic_or_hang() {
    let bytes = fixture("int96.parquet");
    for at in 4..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let (rows, error) = read("a.parquet", &damaged, OPTIONS);
            assert!(rows.len() <= 3 || error.is_some());
        }
    }
}

#[test]
fn an_empty_page_is_passed_over() {
    assert_eq!(
        items(&fixture("empty-page.parquet")),
        r#"[{"l":[1,null,3]},{"l":[]},{"l":null}]"#
    );
    assert_eq!(items(&fixture("no-rows.parquet")), "[]");
}

//! Parquet files of many columns and of many row groups.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::stream::source::tests::values;
use crate::stream::source::{CsvOptions, DatasetReader, MAX_RECORD_BYTES, ReaderOptions};

/// Names the file that a process of this test reads, and nothing else, so that its peak is that of the reading.
const FILE: &str = "AI_EVALS_PARQUET_FILE";

const OPTIONS: ReaderOptions = ReaderOptions {
    format: None,
    skip_invalid: false,
    batch_bytes: 1 << 20,
    csv: CsvOptions::DEFAULT,
    max_record_bytes: MAX_RECORD_BYTES,
    spool_directory: None,
};

/// `groups` row groups of `rows` rows with `columns` columns, in which every value says where it is.
fn write_wide(path: &Path, columns: i32, groups: i32, rows: i32) {
    let fields: Vec<_> = (0..columns)
        .map(|column| format!("REQUIRED INT32 c{column};"))
        .collect();
    let schema = format!("message m {{ {} }}", fields.join(" "));
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    for group in 0..groups {
        let mut writer = file.next_row_group().unwrap();
        for column in 0..columns {
            let cells: Vec<_> = (0..rows)
                .map(|row| (group * rows + row) * 10_000 + column)
                .collect();
            let mut out = writer.next_column().unwrap().unwrap();
            out.typed::<Int32Type>().write_batch(&cells, None, None).unwrap();
            out.close().unwrap();
        }
        writer.close().unwrap();
    }
    file.close().unwrap();
}

/// `groups` row groups of `rows` texts of 1 KB, no two of them alike.
fn write_long(path: &Path, groups: u64, rows: u64) {
    let schema = Arc::new(parse_message_type("message m { REQUIRED BYTE_ARRAY t (UTF8); }").unwrap());
    let file = std::fs::File::create(path).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    for group in 0..groups {
        let text = |row| format!("{:0>1000}", group * rows + row);
        let texts: Vec<_> = (0..rows).map(|row| ByteArray::from(text(row).as_str())).collect();
        let mut writer = file.next_row_group().unwrap();
        let mut out = writer.next_column().unwrap().unwrap();
        out.typed::<ByteArrayType>()
            .write_batch(&texts, None, None)
            .unwrap();
        out.close().unwrap();
        writer.close().unwrap();
    }
    file.close().unwrap();
}

#[test]
fn two_thousand_columns_in_three_row_groups_give_every_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.parquet");
    write_wide(&path, 2000, 3, 50);
    let mut reader = DatasetReader::open(&path, OPTIONS, None).unwrap();
    let mut rows = 0_i64;
    loop {
        let batch = reader.next_batch().unwrap();
        for item in values(&batch) {
            let row = item.as_object().unwrap();
            assert_eq!(row.len(), 2000);
            for column in [0, 1, 999, 1999] {
                assert_eq!(row[&format!("c{column}")], rows * 10_000 + column);
            }
            rows += 1;
        }
        if batch.done {
            break;
        }
    }
    assert_eq!(rows, 150);
}

/// A figure of this process in KB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg_attr(not(target_os = "linux"), ignore = "the peak of a process is read from /proc")]
#[test]
fn reading_takes_a_page_per_column_however_many_row_groups_there_are() {
    if let Some(path) = std::env::var_os(FILE) {
        let before = memory("VmRSS:");
        let mut reader = DatasetReader::open(Path::new(&path), OPTIONS, None).unwrap();
        let mut rows = 0;
        loop {
            let batch = reader.next_batch().unwrap();
            rows += batch.items;
            if batch.done {
                break;
            }
        }
        println!("\nread {rows} {}", memory("VmHWM:") - before);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.parquet");
    let read = || -> (u64, u64) {
        let name = "stream::source::parquet::size_tests::reading_takes_a_page_per_column_however_many_row_groups_there_are";
        let mut test = Command::new(std::env::current_exe().unwrap());
        let output = test
            .args(["--exact", "--nocapture", name])
            .env(FILE, &path)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("read "))
            .expect(&said);
        let (rows, kilobytes) = line.split_once(' ').unwrap();
        (rows.parse().unwrap(), kilobytes.parse().unwrap())
    };
    // 8 row groups of 8 MB.
    write_long(&path, 8, 8000);
    assert!(std::fs::metadata(&path).unwrap().len() > 60 << 20);
    let (rows, kilobytes) = read();
    assert_eq!(rows, 64_000);
    assert!(kilobytes < 16 << 10, "{kilobytes} KB for a file of 64 MB");
    // 8 row groups of 8 MB, in pages of 4 KB; what is held besides is mostly metadata of 16,000 pieces of columns.
    write_wide(&path, 2000, 8, 1000);
    let (rows, kilobytes) = read();
    assert_eq!(rows, 8000);
    assert!(kilobytes < 48 << 10, "{kilobytes} KB for 2,000 columns");
}

//! Tests of the bytes that a file may have, whatever the records in them.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use crate::stream::source::tests::{OPTIONS, error, gzip, items, lines, read_all, read_with};
use crate::stream::source::{DatasetReader, ReaderOptions};

#[test]
fn a_nul_makes_its_record_invalid_wherever_it_is() {
    for before in [0, 1000] {
        let good = "{\"a\":1}\n".repeat(before);
        let text = format!("{good}{{\"a\":\"x\0y\"}}\n{{\"a\":3}}\n");
        let (items, reports, failure) = read_all("a.jsonl", text.as_bytes());
        assert_eq!((items.len(), reports.len(), failure), (before + 1, 1, None));
    }
}

#[test]
fn other_encodings_and_binary_files_are_named() {
    assert!(error("a.jsonl", &[0xFF, 0xFE, b'1', 0]).1.contains("UTF-16"));
    assert!(
        error("a.jsonl", &[0x7F, b'E', b'L', b'F', 0, 0])
            .1
            .contains("binary")
    );
    assert!(
        error("a.jsonl", b"\"\xe9\"\n")
            .1
            .contains("line 1 (byte offset 0): not valid UTF-8 at byte 2")
    );
    assert!(error("a.json", b"[\"\xe9\"]").1.contains("not valid UTF-8"));
    assert_eq!(items("a.jsonl", "\"é\"\n\"日本😀\"\n"), "[\"é\",\"日本😀\"]");
}

#[test]
fn gzip_and_zstd_are_told_by_content() {
    let plain = b"1\n2\n";
    let two_members = [gzip(plain), gzip(b"3\n")].concat();
    let two_frames = [
        zstd::stream::encode_all(&plain[..], 1).unwrap(),
        zstd::stream::encode_all(&b"3\n"[..], 1).unwrap(),
    ]
    .concat();
    let padded = [gzip(plain), vec![0; 600], gzip(b"3\n"), vec![0; 200_000]].concat();
    for bytes in [two_members, two_frames, padded] {
        for name in ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"] {
            let (items, _, error) = read_with(name, &bytes, OPTIONS);
            assert_eq!(
                (serde_json::to_string(&items).unwrap().as_str(), error),
                ("[1,2,3]", None)
            );
        }
    }
}

#[test]
fn truncated_compressed_data_is_an_error_after_what_could_be_read() {
    let plain = lines((0..50_000_u32).map(|i| i.wrapping_mul(2_654_435_761)));
    for whole in [
        gzip(plain.as_bytes()),
        zstd::stream::encode_all(plain.as_bytes(), 1).unwrap(),
    ] {
        let (before, text) = error("a.jsonl", &whole[..whole.len() / 2]);
        assert!(before > 1000 && before < 50_000, "{before}");
        assert!(text.contains("truncated"), "{text}");
    }
    let trash = [gzip(b"1\n"), vec![0; 10], b"this is no member".to_vec()].concat();
    assert!(error("a.jsonl", &trash).1.contains("damaged"));
    let mut damaged = gzip(plain.as_bytes());
    let end = damaged.len();
    damaged[end - 6] ^= 0xFF;
    assert!(error("a.jsonl", &damaged).1.contains("damaged"));
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let missing = DatasetReader::open(Path::new("/nowhere/a.jsonl"), OPTIONS, None)
        .err()
        .unwrap();
    assert_eq!(missing.to_string(), "no such file");
    let directory = DatasetReader::open(&std::env::temp_dir(), OPTIONS, None)
        .err()
        .unwrap();
    assert!(directory.to_string().contains("is a directory"));
}

/// Says when it is asked for more than it gave so far.
struct Pipe(Vec<&'static [u8]>, Arc<AtomicUsize>);

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        if self.0.is_empty() {
            return Ok(0);
        }
        let part = &mut self.0[0];
        let count = part.len().min(out.len());
        out[..count].copy_from_slice(&part[..count]);
        *part = &part[count..];
        if part.is_empty() {
            self.0.remove(0);
        }
        Ok(count)
    }
}

#[test]
fn a_pipe_gives_each_line_before_it_is_asked_for_the_next() {
    for (name, parts) in [
        ("a.jsonl", vec![b"1\n" as &[u8], b"2\n3\n", b"4", b"\n5"]),
        ("a.csv", vec![b"n\n1\n", b"2\n3\n", b"\"4", b"\"\n5"]),
    ] {
        let reads = Arc::default();
        let pipe = Pipe(parts, Arc::clone(&reads));
        let options = ReaderOptions {
            batch_bytes: 1 << 20,
            ..OPTIONS
        };
        let mut reader = DatasetReader::read(Box::new(pipe), true, Path::new(name), options).unwrap();
        let mut batches = Vec::new();
        loop {
            let batch = reader.next_batch().unwrap();
            batches.push((batch.items, reads.load(Ordering::Relaxed)));
            if batch.done {
                break;
            }
        }
        let counts: Vec<_> = batches.iter().map(|(items, _)| *items).collect();
        assert_eq!(counts[..3], [1, 2, 1], "{name}: {batches:?}");
        // One read for the first line, or more when each byte of it may still be compression.
        let reads: Vec<_> = batches.iter().map(|(_, reads)| reads - batches[0].1).collect();
        assert_eq!(reads[..3], [0, 1, 3], "{name}: {batches:?}");
    }
}

#[test]
fn bytes_behind_compressed_data_are_named_after_what_was_read() {
    for (whole, format) in [
        (gzip(b"1\n2\n"), "gzip"),
        (zstd::stream::encode_all(&b"1\n2\n"[..], 1).unwrap(), "zstd"),
    ] {
        let (before, message) = error("a.jsonl", &[whole, b"<html>oops".to_vec()].concat());
        assert_eq!(before, 2);
        assert!(
            message.contains(&format!("bytes that are no {format} data follow its end")),
            "{message}"
        );
    }
}

#[test]
fn a_parquet_file_of_another_name_or_format_is_named() {
    let bytes = std::fs::read("__test__/stream/parquet/codec-none.parquet").unwrap();
    assert_eq!(read_with("a.jsonl", &bytes, OPTIONS).0.len(), 500);
    assert_eq!(read_with("a.jsonl.gz", &gzip(&bytes), OPTIONS).0.len(), 500);
    let options = ReaderOptions {
        format: Some(crate::stream::source::Format::JsonLines),
        ..OPTIONS
    };
    assert!(
        read_with("a", &bytes, options)
            .2
            .unwrap()
            .reason
            .contains("is a Parquet file")
    );
}

proptest! {
    #[test]
    fn damage_ends_in_records_or_one_error(
        which in 0_usize..6,
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let rows = lines((0..40).map(|i| format!("{{\"id\":{i},\"t\":\"a\\\"b {i}\"}}")));
        let csv = lines((0..40).map(|i| format!("{i},\"a \"\"{i}\"\"\"")));
        let (name, bytes) = match which {
            0 => ("a.jsonl", rows.into_bytes()),
            1 => ("a.json", format!("[{}]", rows.trim().replace('\n', ",")).into_bytes()),
            2 => ("a.csv", csv.into_bytes()),
            3 => ("a.jsonl.gz", gzip(rows.as_bytes())),
            4 => ("a.csv.zst", zstd::stream::encode_all(csv.as_bytes(), 1).unwrap()),
            _ => ("a.tsv", csv.replace(',', "\t").into_bytes()),
        };
        let mut bytes = bytes;
        for (index, bit) in damage {
            let at = index.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        for outcome in [read_with(name, &bytes, OPTIONS), read_all(name, &bytes)] {
            prop_assert!(outcome.0.len() <= 200);
        }
    }
}

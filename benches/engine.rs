//! Benchmarks of the engine alone: no Node, no facade. `cargo bench --no-default-features` runs them; `npm test` compiles
//! them. Figures of a call from JavaScript are in `benches/js`.

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;

use ai_evals::cache::{Cache, Limits as CacheLimits, Policy};
use ai_evals::executor::{Action, Scheduler};
use ai_evals::key::{Key, KeySecret};
use ai_evals::limiter::{Entry, Limits, MILLISECOND, Nanos, Size, Spent};
use ai_evals::stream::source::{CsvOptions, DatasetReader, Format, MAX_RECORD_BYTES, ReaderOptions};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const ENTRIES: usize = 10_000;

fn cache(policy: Policy) -> Cache {
    Cache::new(CacheLimits {
        max_entries: ENTRIES,
        max_bytes: u64::MAX,
        ttl: 3_600_000.0,
        stale: 0.0,
        policy,
        report_all: false,
    })
}

fn key(number: u64) -> Key {
    // Spread as a hash spreads them: Fibonacci hashing of the number.
    let high = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Key { high, low: !high }
}

fn caches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cache");
    for (name, policy) in [("lru", Policy::Lru), ("tiny_lfu", Policy::TinyLfu)] {
        let mut full = cache(policy);
        for number in 0..ENTRIES as u64 {
            full.set(key(number), 100, None, 0.0);
        }
        let mut next = 0;
        group.bench_function(format!("{name}/get"), |bencher| {
            bencher.iter(|| {
                next = (next + 7919) % ENTRIES as u64;
                black_box(full.get(key(next), 1.0))
            });
        });
        let mut fresh = ENTRIES as u64;
        group.bench_function(format!("{name}/set that evicts"), |bencher| {
            bencher.iter(|| {
                fresh += 1;
                black_box(full.set(key(fresh), 100, None, 1.0));
                full.take_dropped(usize::MAX).for_each(drop);
            });
        });
    }
    group.finish();
}

fn keys(criterion: &mut Criterion) {
    let secret = KeySecret::of_process();
    let mut group = criterion.benchmark_group("key");
    for length in [60, 1_000, 10_000] {
        let text: Vec<u16> = "the quick brown fox "
            .encode_utf16()
            .cycle()
            .take(length)
            .collect();
        group.throughput(Throughput::Bytes(length as u64 * 2));
        group.bench_function(format!("{length} characters"), |bencher| {
            bencher.iter(|| secret.key(black_box(&[1, 2, 3, 4]), black_box(&text)));
        });
    }
    group.finish();
}

fn task(index: u64) -> Entry {
    Entry::new(0, index, Size::tokens(500, 500))
}

/// Runs `tasks` tasks of a second each through `slots` slots in virtual time.
fn run_all(limits: &Limits, slots: usize, tasks: u64) -> u64 {
    let mut scheduler = Scheduler::new(slots, 1);
    let line = scheduler.add_line(limits);
    for index in 0..tasks {
        scheduler.enqueue(line, task(index), 0);
    }
    let mut actions = Vec::new();
    let mut running: VecDeque<(Nanos, usize)> = VecDeque::new();
    let (mut now, mut done) = (0, 0);
    while done < tasks {
        while running.front().is_some_and(|&(end, _)| end <= now) {
            let (_, slot) = running.pop_front().expect("a task runs: it was looked at");
            scheduler.succeed(slot, Spent::Unknown, 1_000.0, now);
            done += 1;
        }
        actions.clear();
        let turn = scheduler.turn(now, &mut actions, 256);
        for action in &actions {
            if let Action::Start { slot, .. } = *action {
                scheduler.stamp(slot, now);
                running.push_back((now + 1_000 * MILLISECOND, slot));
            }
        }
        if !turn.more {
            let ends = running.front().map_or(Nanos::MAX, |&(end, _)| end);
            now = turn.wake.min(ends).max(now);
        }
    }
    now
}

fn scheduling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scheduler");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("1,000 tasks without a limit", |bencher| {
        bencher.iter(|| run_all(&Limits::default(), 50, 1_000));
    });
    let limits = Limits {
        requests: 500.0,
        tokens: 450_000.0,
        ..Limits::default()
    };
    group.bench_function("1,000 tasks under two limits", |bencher| {
        bencher.iter(|| run_all(&limits, 50, 1_000));
    });
    group.finish();
}

const ROWS: usize = 10_000;

fn read_all(mut reader: DatasetReader) -> u64 {
    let mut items = 0;
    loop {
        let batch = reader.next_batch().expect("the rows are valid");
        items += batch.items;
        if batch.done {
            return items;
        }
    }
}

fn options(format: Format) -> ReaderOptions {
    ReaderOptions {
        format: Some(format),
        csv: CsvOptions::DEFAULT,
        skip_invalid: false,
        batch_bytes: 256 * 1024,
        max_record_bytes: MAX_RECORD_BYTES,
        spool_directory: None,
    }
}

fn text_formats(criterion: &mut Criterion) {
    let mut json = Vec::new();
    let mut csv = b"id,input,expected\n".to_vec();
    for row in 0..ROWS {
        let expected = 2 * row;
        writeln!(
            json,
            r#"{{"id":"{row}","input":"What is \"{row} + {row}\"?","expected":{expected}}}"#
        )
        .expect("memory takes any text");
        writeln!(csv, r#"{row},"What is {row} + {row}, and why?",{expected}"#)
            .expect("memory takes any text");
    }
    let mut group = criterion.benchmark_group("stream");
    for (name, text, format) in [("JSON lines", json, Format::JsonLines), ("CSV", csv, Format::Csv)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || Cursor::new(text.clone()),
                |input| {
                    let reader =
                        DatasetReader::read(Box::new(input), false, Path::new("rows"), options(format));
                    read_all(reader.expect("the format is given"))
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// A Parquet file of [`ROWS`] rows, each a text and a number.
fn parquet_file(path: &Path) {
    let schema = parse_message_type("message row { required binary input (UTF8); required int64 expected; }");
    let file = std::fs::File::create(path).expect("a temporary file can be written");
    let mut writer = SerializedFileWriter::new(
        file,
        Arc::new(schema.expect("the schema is valid")),
        Arc::default(),
    )
    .expect("the schema can be written");
    let mut group = writer.next_row_group().expect("a row group can be begun");
    let texts: Vec<ByteArray> = (0..ROWS)
        .map(|row| ByteArray::from(format!("What is {row} + {row}, and why?").into_bytes()))
        .collect();
    let numbers: Vec<i64> = (0..ROWS).map(|row| 2 * row.cast_signed() as i64).collect();
    let mut column = group.next_column().expect("a column").expect("the texts");
    column
        .typed::<ByteArrayType>()
        .write_batch(&texts, None, None)
        .expect("texts are written");
    column.close().expect("the column ends");
    let mut column = group.next_column().expect("a column").expect("the numbers");
    column
        .typed::<Int64Type>()
        .write_batch(&numbers, None, None)
        .expect("numbers are written");
    column.close().expect("the column ends");
    group.close().expect("the row group ends");
    writer.close().expect("the file ends");
}

fn parquet_rows(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rows.parquet");
    parquet_file(&path);
    let mut group = criterion.benchmark_group("stream");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("Parquet rows", |bencher| {
        bencher.iter(|| {
            read_all(DatasetReader::open(&path, options(Format::Parquet), None).expect("the file is valid"))
        });
    });
    group.finish();
}

criterion_group!(engine, caches, keys, scheduling, text_formats, parquet_rows);
criterion_main!(engine);

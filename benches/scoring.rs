//! Benchmarks of the scoring kernels: one pair of texts at a time, on one thread, and a batch of short pairs.
//! `cargo bench --no-default-features --bench scoring` runs them; `npm test` compiles them.

use std::hint::black_box;
use std::sync::atomic::AtomicUsize;

use ai_evals::scoring::batch::Batch;
use ai_evals::scoring::interrupt::Interrupt;
use ai_evals::scoring::kernel::{Kernel, MOST_FIGURES, Pair, build};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;

/// Pseudo-random numbers that are the same in every run (Lehmer 1951).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 as usize % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const LETTERS: &[u8] = b"etaoinshrdlucmfwypvbgkjqxz ";

fn letters(length: usize, random: &mut Random) -> String {
    (0..length).map(|_| char::from(random.pick(LETTERS))).collect()
}

/// A text, and a copy of it of which every tenth letter is replaced.
fn alike_letters(length: usize, random: &mut Random) -> [String; 2] {
    let expected = letters(length, random);
    let change = |letter| {
        if random.below(10) == 0 {
            char::from(random.pick(LETTERS))
        } else {
            letter
        }
    };
    let actual = expected.chars().map(change).collect();
    [expected, actual]
}

/// Sentences of 12 words of a vocabulary of 500, and a copy of which three words in ten are replaced.
fn alike_words(count: usize, random: &mut Random) -> [String; 2] {
    let vocabulary: Vec<String> = (0..500)
        .map(|_| {
            let length = 2 + random.below(8);
            letters(length, random).replace(' ', "e")
        })
        .collect();
    let expected: Vec<&str> = (0..count)
        .map(|_| vocabulary[random.below(500)].as_str())
        .collect();
    let actual: Vec<&str> = expected
        .iter()
        .map(|word| {
            if random.below(10) < 3 {
                vocabulary[random.below(500)].as_str()
            } else {
                word
            }
        })
        .collect();
    let sentences = |words: &[&str]| {
        let lines: Vec<String> = words.chunks(12).map(|line| line.join(" ") + ".").collect();
        lines.join("\n")
    };
    [sentences(&expected), sentences(&actual)]
}

fn kernel(specification: &str) -> Box<dyn Kernel> {
    build(specification).expect("the specification is one of the facade's")
}

/// Measures a kernel on one pair.
fn pair(criterion: &mut Criterion, group: &str, name: &str, specification: &str, texts: &[String; 2]) {
    let kernel = kernel(specification);
    let [expected, actual] = texts
        .each_ref()
        .map(|text| text.encode_utf16().collect::<Vec<u16>>());
    let mut figures = [0.0; MOST_FIGURES];
    let figures = &mut figures[..kernel.figures().len()];
    let mut group = criterion.benchmark_group(group);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let pair = Pair {
                expected: &[black_box(&expected)],
                actual: black_box(&actual),
            };
            kernel.score(pair, figures, Interrupt::never())
        });
    });
    group.finish();
}

fn edit_distances(criterion: &mut Criterion) {
    let random = &mut Random(42);
    for length in [20, 100, 1_000, 10_000] {
        let unrelated = [letters(length, random), letters(length, random)];
        let alike = alike_letters(length, random);
        for measure in ["levenshtein", "osa", "indel", "damerauLevenshtein", "jaroWinkler"] {
            if measure == "damerauLevenshtein" && length > 1_000 {
                continue;
            }
            let specification = format!(
                r#"{{"kernel":"editDistance","measure":"{measure}","prefixWeight":0.1,"maxCells":1e11}}"#
            );
            for (kind, texts) in [("unrelated", &unrelated), ("a tenth changed", &alike)] {
                let name = format!("{length} characters, {kind}");
                pair(criterion, measure, &name, &specification, texts);
            }
        }
    }
}

fn word_scorers(criterion: &mut Criterion) {
    let random = &mut Random(42);
    let texts = alike_words(400, random);
    for (name, specification) in [
        (
            "BLEU",
            r#"{"kernel":"bleu","tokenize":"13a","smoothing":"exp","smoothingValue":1,"lowercase":false,
            "maxOrder":4,"effectiveOrder":true}"#,
        ),
        (
            "chrF",
            r#"{"kernel":"chrf","charOrder":6,"wordOrder":0,"beta":2,"lowercase":false,"whitespace":false}"#,
        ),
        (
            "TER",
            r#"{"kernel":"ter","normalized":false,"noPunctuation":false,"asianSupport":false,
            "caseSensitive":false,"maxCells":1e9}"#,
        ),
        (
            "ROUGE-1",
            r#"{"kernel":"rouge","overlap":{"n":1},"stemmer":false,"measure":"f1","maxCells":1e11}"#,
        ),
        (
            "ROUGE-1, stemmed",
            r#"{"kernel":"rouge","overlap":{"n":1},"stemmer":true,"measure":"f1","maxCells":1e11}"#,
        ),
        (
            "ROUGE-L",
            r#"{"kernel":"rouge","overlap":"l","stemmer":false,"measure":"f1","maxCells":1e11}"#,
        ),
        (
            "ROUGE-Lsum",
            r#"{"kernel":"rouge","overlap":"lsum","stemmer":false,"measure":"f1","maxCells":1e11}"#,
        ),
        (
            "METEOR",
            r#"{"kernel":"meteor","tokenize":"13a","alpha":0.9,"beta":3,"gamma":0.5,"maxCells":1e9}"#,
        ),
        ("token F1", r#"{"kernel":"tokenOverlap","measure":"f1"}"#),
        (
            "fuzzy, weighted",
            r#"{"kernel":"fuzzy","method":"weighted","process":false,"maxCells":1e11}"#,
        ),
        (
            "exact match",
            r#"{"kernel":"exactMatch","normalize":"NFC","ignoreCase":true,"ignorePunctuation":true,
            "ignoreArticles":true,"collapseSpace":true}"#,
        ),
    ] {
        pair(criterion, "400 words", name, specification, &texts);
    }
}

fn structures(criterion: &mut Criterion) {
    let random = &mut Random(42);
    let record = |random: &mut Random| {
        let name = letters(12, random);
        let price = random.below(10_000);
        format!(
            r#"{{"name":"{name}","price":{price},"tags":["a","b"],"stock":{{"in":true,"count":{price}}}}}"#
        )
    };
    let list = |random: &mut Random| {
        let records: Vec<String> = (0..50).map(|_| record(random)).collect();
        format!("[{}]", records.join(","))
    };
    let records = [list(random), list(random)];
    let words = |random: &mut Random| {
        let words: Vec<String> = (0..50).map(|_| format!(r#""{}""#, letters(12, random))).collect();
        format!("[{}]", words.join(","))
    };
    let lists = [words(random), words(random)];
    let strings = r#"{"kernel":"editDistance","measure":"levenshtein","unit":"utf16","maxCells":1e11}"#;
    let difference = format!(
        r#"{{"kernel":"jsonDiff","strings":{strings},"numbers":{{"kernel":"numericDiff"}},"preserveStrings":false}}"#
    );
    let overlap =
        format!(r#"{{"kernel":"listOverlap","pairwise":{strings},"allowExtra":false,"maxCells":25e6}}"#);
    let schema = r#"{"type":"array","items":{"type":"object","required":["name","price"],"properties":{
        "name":{"type":"string","pattern":"^[a-z ]+$"},"price":{"type":"number","minimum":0},
        "tags":{"type":"array","uniqueItems":true}}}}"#;
    let schema =
        json!({ "kernel": "jsonSchema", "schema": schema, "draft": "2020-12", "schemas": [], "extract": false })
            .to_string();
    for (name, specification, texts) in [
        ("JSON match", r#"{"kernel":"jsonMatch","extract":true}"#, &records),
        ("JSON difference", &difference, &records),
        ("JSON Schema", &schema, &records),
        ("list overlap", &overlap, &lists),
    ] {
        pair(criterion, "50 elements", name, specification, texts);
    }
}

/// Pairs of a batch.
const PAIRS: usize = 10_000;

fn batches(criterion: &mut Criterion) {
    let random = &mut Random(42);
    let units: Vec<u16> = letters(2 * PAIRS * 20, random).encode_utf16().collect();
    let batch = Batch::new(units, &vec![20; 2 * PAIRS], &vec![2; PAIRS]).expect("the lengths add up");
    let kernel = kernel(r#"{"kernel":"editDistance","measure":"levenshtein","maxCells":1e11}"#);
    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(PAIRS as u64));
    group.bench_function("levenshtein, 20 characters", |bencher| {
        bencher.iter(|| batch.score(&*kernel, false, Interrupt::never(), &AtomicUsize::new(0)));
    });
    group.finish();
}

criterion_group!(scoring, edit_distances, word_scorers, structures, batches);
criterion_main!(scoring);

//! The reference vectors of `shared/data/scoring`: what rapidfuzz, sacrebleu, rouge-score and nltk say on the same texts.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::interrupt::Interrupt;
use super::kernel::{Kernel, Pair, build};
use super::porter;
use super::text;

/// The folder of the vectors, or nothing outside a checkout beside the shared data.
fn vectors() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let candidates = [
        std::env::var_os("AI_EVALS_SHARED_DATA").map(PathBuf::from),
        Some(beside),
    ];
    let found = candidates
        .into_iter()
        .flatten()
        .map(|data| data.join("scoring/vectors"))
        .find(|dir| dir.exists());
    if found.is_none() {
        eprintln!("skipped: no shared data; set AI_EVALS_SHARED_DATA to its folder");
    }
    found
}

fn load(folder: &Path, name: &str) -> Value {
    let file = std::fs::File::open(folder.join(format!("{name}.json.gz"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    // serde_json refuses lone surrogates: a private character stands for each until `units`.
    let escapes =
        regex::Regex::new(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u(d[89a-f][0-9a-f]{2})").unwrap();
    let text = escapes.replace_all(&text, |found: &regex::Captures<'_>| match found.get(1) {
        None => found[0].to_owned(),
        Some(lone) => {
            let unit = u32::from_str_radix(lone.as_str(), 16).unwrap();
            char::from_u32(STAND_INS + (unit - 0xD800)).unwrap().to_string()
        }
    });
    serde_json::from_str(&text).unwrap()
}

/// The first of the private characters that stand for lone surrogates.
const STAND_INS: u32 = 0x10_F800;

fn units(text: &Value) -> Vec<u16> {
    let mut units = Vec::new();
    for character in text.as_str().unwrap().chars() {
        match u32::from(character).checked_sub(STAND_INS) {
            Some(surrogate) => units.push(0xD800 + surrogate as u16),
            None => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
        }
    }
    units
}

#[derive(Clone, Copy)]
enum References {
    First,
    All,
}

struct Vectors {
    text: Value,
    failures: Vec<String>,
}

impl Vectors {
    /// Compares a column with a kernel. `read` takes the reference and returns what the score, or the figure, must be.
    fn check(
        &mut self,
        column: &str,
        specification: &Value,
        references: References,
        figure: Option<&str>,
        read: impl Fn(&Value) -> f64,
    ) {
        let kernel = build(&specification.to_string()).unwrap();
        let names = kernel.figures();
        let at = figure.map(|figure| names.iter().position(|name| name == figure).unwrap());
        let pairs = self.text["pairs"].as_array().unwrap();
        let column_values = self.text["metrics"][column].as_array().unwrap();
        let mut compared = 0;
        for (pair, reference) in pairs
            .iter()
            .zip(column_values)
            .filter(|(_, reference)| !reference.is_null())
        {
            let expected: Vec<Vec<u16>> = pair["refs"].as_array().unwrap().iter().map(units).collect();
            let taken = match references {
                References::First => 1,
                References::All => expected.len(),
            };
            let expected: Vec<&[u16]> = expected[..taken].iter().map(Vec::as_slice).collect();
            let actual = units(&pair["actual"]);
            let mut figures = vec![f64::NAN; names.len()];
            let pair_of = Pair {
                expected: &expected,
                actual: &actual,
            };
            let score = kernel.score(pair_of, &mut figures, Interrupt::never()).unwrap();
            let (value, wanted) = (at.map_or(score, |at| figures[at]), read(reference));
            compared += 1;
            if (value - wanted).abs() > 1e-9 {
                self.failures
                    .push(format!("{column} {}: {value} is not {wanted}", pair["id"]));
            }
        }
        assert!(compared > 0, "{column} has values");
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn share(value: &Value) -> f64 {
    number(value).clamp(0.0, 1.0)
}

#[test]
fn edit_distance_and_fuzzy_similarity_are_those_of_rapidfuzz() {
    let Some(folder) = vectors() else { return };
    let mut vectors = Vectors {
        text: load(&folder, "text"),
        failures: Vec::new(),
    };
    let edit = |measure: &str| json!({"kernel": "editDistance", "measure": measure, "maxCells": 1e11});
    for (name, measure) in [
        ("levenshtein", "levenshtein"),
        ("osa", "osa"),
        ("damerau", "damerauLevenshtein"),
        ("indel", "indel"),
        ("lcs", "lcs"),
    ] {
        vectors.check(
            &format!("{name}.similarity"),
            &edit(measure),
            References::First,
            None,
            number,
        );
        vectors.check(
            &format!("{name}.distance"),
            &edit(measure),
            References::First,
            Some("distance"),
            number,
        );
    }
    for unit in ["utf16", "grapheme"] {
        let specification =
            json!({"kernel": "editDistance", "measure": "levenshtein", "unit": unit, "maxCells": 1e11});
        vectors.check(
            &format!("levenshtein.{unit}"),
            &specification,
            References::First,
            Some("distance"),
            number,
        );
    }
    vectors.check(
        "levenshtein.best",
        &edit("levenshtein"),
        References::All,
        None,
        number,
    );
    vectors.check("jaro", &edit("jaro"), References::First, None, number);
    for (column, weight) in [("jaroWinkler", 0.1), ("jaroWinkler.p0.2", 0.2)] {
        let specification = json!({"kernel": "editDistance", "measure": "jaroWinkler", "prefixWeight": weight, "maxCells": 0});
        vectors.check(column, &specification, References::First, None, number);
    }
    for (column, method, process) in [
        ("ratio", "ratio", false),
        ("partial_ratio", "partial", false),
        ("token_sort_ratio", "tokenSort", false),
        ("token_set_ratio", "tokenSet", false),
        ("token_ratio", "token", false),
        ("WRatio", "weighted", false),
        ("WRatio.processed", "weighted", true),
    ] {
        let specification =
            json!({"kernel": "fuzzy", "method": method, "process": process, "maxCells": 1e11});
        vectors.check(
            &format!("fuzz.{column}"),
            &specification,
            References::First,
            None,
            number,
        );
    }
    assert_eq!(vectors.failures, Vec::<String>::new());
}

#[test]
fn matches_are_those_of_the_contract_and_squad() {
    let Some(folder) = vectors() else { return };
    let mut vectors = Vectors {
        text: load(&folder, "text"),
        failures: Vec::new(),
    };
    vectors.check(
        "squad.em",
        &json!({"kernel": "squadExact"}),
        References::All,
        None,
        number,
    );
    for measure in ["f1", "precision", "recall"] {
        let specification = json!({"kernel": "tokenOverlap", "measure": measure});
        vectors.check(
            &format!("squad.{measure}"),
            &specification,
            References::All,
            None,
            number,
        );
    }
    for (column, form, [case, punctuation, articles, space]) in [
        ("default", "NFC", [false; 4]),
        ("nfkc", "NFKC", [false; 4]),
        ("case", "NFC", [true, false, false, false]),
        ("punct", "NFC", [false, true, false, false]),
        ("space", "NFC", [false, false, false, true]),
        ("all", "NFKC", [true; 4]),
    ] {
        let specification = json!({"kernel": "exactMatch", "normalize": form, "ignoreCase": case,
            "ignorePunctuation": punctuation, "ignoreArticles": articles, "collapseSpace": space});
        vectors.check(
            &format!("exact.{column}"),
            &specification,
            References::All,
            None,
            number,
        );
    }
    for (column, place) in [
        ("contains", "anywhere"),
        ("startsWith", "start"),
        ("endsWith", "end"),
    ] {
        for (option, case) in [("default", false), ("case", true)] {
            let specification =
                json!({"kernel": "occurrence", "place": place, "normalize": "NFC", "ignoreCase": case});
            vectors.check(
                &format!("{column}.{option}"),
                &specification,
                References::All,
                None,
                number,
            );
        }
    }
    assert_eq!(vectors.failures, Vec::<String>::new());
}

fn bleu(tokenize: &str, smoothing: &str) -> Value {
    let value = match smoothing {
        "floor" => 0.1,
        _ => 1.0,
    };
    json!({"kernel": "bleu", "tokenize": tokenize, "smoothing": smoothing, "smoothingValue": value,
        "lowercase": false, "maxOrder": 4, "effectiveOrder": true})
}

fn with(mut specification: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        specification[name] = value.clone();
    }
    specification
}

fn chrf() -> Value {
    json!({"kernel": "chrf", "charOrder": 6, "wordOrder": 0, "beta": 2, "lowercase": false, "whitespace": false})
}

fn ter() -> Value {
    json!({"kernel": "ter", "normalized": false, "noPunctuation": false, "asianSupport": false,
        "caseSensitive": false, "maxCells": 1e9})
}

#[test]
fn overlap_scores_are_those_of_the_references() {
    let Some(folder) = vectors() else { return };
    let mut vectors = Vectors {
        text: load(&folder, "text"),
        failures: Vec::new(),
    };
    for tokenize in ["13a", "intl", "char", "zh", "none"] {
        for smoothing in ["exp", "floor", "add-k", "none"] {
            vectors.check(
                &format!("bleu.{tokenize}.{smoothing}"),
                &bleu(tokenize, smoothing),
                References::All,
                None,
                share,
            );
        }
    }
    for (column, smoothing, changes) in [
        ("exp.lowercase", "exp", json!({"lowercase": true})),
        ("exp.fixedOrder", "exp", json!({"effectiveOrder": false})),
        ("floor0.01", "floor", json!({"smoothingValue": 0.01})),
        ("add-k0.5", "add-k", json!({"smoothingValue": 0.5})),
    ] {
        vectors.check(
            &format!("bleu.13a.{column}"),
            &with(bleu("13a", smoothing), &changes),
            References::All,
            None,
            share,
        );
    }
    for (column, changes) in [
        ("chrf", json!({})),
        ("chrf++", json!({"wordOrder": 2})),
        ("chrf.lc", json!({"lowercase": true})),
        ("chrf.ws", json!({"whitespace": true})),
        ("chrf.b1c4", json!({"charOrder": 4, "beta": 1})),
    ] {
        vectors.check(column, &with(chrf(), &changes), References::All, None, share);
    }
    for (column, changes) in [
        ("ter", json!({})),
        ("ter.norm", json!({"normalized": true})),
        ("ter.nopunct", json!({"noPunctuation": true})),
        ("ter.case", json!({"caseSensitive": true})),
        ("ter.asian", json!({"normalized": true, "asianSupport": true})),
        (
            "ter.all",
            json!({"normalized": true, "noPunctuation": true, "asianSupport": true}),
        ),
    ] {
        vectors.check(
            column,
            &with(ter(), &changes),
            References::All,
            Some("ter"),
            number,
        );
    }
    for (name, overlap) in [
        ("rouge1", json!({"n": 1})),
        ("rouge2", json!({"n": 2})),
        ("rougeL", json!("l")),
        ("rougeLsum", json!("lsum")),
    ] {
        for (stem, stemmer) in [("", false), (".stem", true)] {
            for (at, measure) in ["precision", "recall", "f1"].into_iter().enumerate() {
                let specification = json!({"kernel": "rouge", "overlap": overlap, "stemmer": stemmer, "measure": measure, "maxCells": 1e11});
                vectors.check(
                    &format!("{name}{stem}"),
                    &specification,
                    References::All,
                    None,
                    |value| number(&value[at]),
                );
            }
        }
    }
    for tokenize in ["13a", "none"] {
        let specification = json!({"kernel": "meteor", "tokenize": tokenize, "alpha": 0.9, "beta": 3, "gamma": 0.5, "maxCells": 1e9});
        vectors.check(
            &format!("meteor.{tokenize}"),
            &specification,
            References::All,
            None,
            share,
        );
    }
    assert_eq!(vectors.failures, Vec::<String>::new());
}

#[test]
fn corpus_scores_are_those_of_sacrebleu() {
    let Some(folder) = vectors() else { return };
    let (texts, corpora) = (load(&folder, "text"), load(&folder, "corpora"));
    let fixed = |specification: Value| with(specification, &json!({"effectiveOrder": false}));
    let mut columns: Vec<(String, Value, Option<&str>)> = Vec::new();
    for (tokenize, smoothing) in [
        ("13a", "exp"),
        ("intl", "exp"),
        ("char", "exp"),
        ("zh", "exp"),
        ("none", "exp"),
        ("13a", "floor"),
        ("13a", "add-k"),
        ("13a", "none"),
    ] {
        columns.push((
            format!("bleu.{tokenize}.{smoothing}"),
            fixed(bleu(tokenize, smoothing)),
            None,
        ));
    }
    columns.push((
        "bleu.13a.exp.lowercase".into(),
        with(fixed(bleu("13a", "exp")), &json!({"lowercase": true})),
        None,
    ));
    columns.push(("chrf".into(), chrf(), None));
    columns.push(("chrf++".into(), with(chrf(), &json!({"wordOrder": 2})), None));
    columns.push(("chrf.lc".into(), with(chrf(), &json!({"lowercase": true})), None));
    columns.push(("ter".into(), ter(), Some("ter")));
    columns.push((
        "ter.norm".into(),
        with(ter(), &json!({"normalized": true})),
        Some("ter"),
    ));
    let by_id: std::collections::HashMap<&str, &Value> = texts["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["id"].as_str().unwrap(), pair))
        .collect();
    let mut failures = Vec::new();
    let mut compared = 0;
    for corpus in corpora["corpora"].as_array().unwrap() {
        let empty = corpus["emptyAnswers"].as_bool().unwrap_or(false);
        let pairs: Vec<(Vec<Vec<u16>>, Vec<u16>)> = corpus["pairs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| {
                let pair = by_id[id.as_str().unwrap()];
                let expected = pair["refs"].as_array().unwrap().iter().map(units).collect();
                (expected, if empty { Vec::new() } else { units(&pair["actual"]) })
            })
            .collect();
        let expected: Vec<Vec<&[u16]>> = pairs
            .iter()
            .map(|(expected, _)| expected.iter().map(Vec::as_slice).collect())
            .collect();
        let pairs: Vec<Pair<'_>> = expected
            .iter()
            .zip(&pairs)
            .map(|(expected, (_, actual))| Pair { expected, actual })
            .collect();
        for (column, specification, figure) in &columns {
            let Some(reference) = corpus["ref"].get(column.as_str()) else {
                continue;
            };
            let kernel: Box<dyn Kernel> = build(&specification.to_string()).unwrap();
            let names = kernel.figures();
            let mut figures = vec![0.0; names.len()];
            let score = kernel
                .score_corpus(&pairs, &mut figures, Interrupt::never())
                .unwrap()
                .unwrap();
            let value = figure.map_or(score, |figure| {
                figures[names.iter().position(|name| name == figure).unwrap()]
            });
            let wanted = if figure.is_some() {
                number(reference)
            } else {
                share(reference)
            };
            compared += 1;
            if (value - wanted).abs() > 1e-9 {
                failures.push(format!("{column} of {}: {value} is not {wanted}", corpus["name"]));
            }
        }
    }
    assert!(compared > 0);
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn stems_are_those_of_nltk() {
    let Some(folder) = vectors() else { return };
    let corpora = load(&folder, "corpora");
    for pair in corpora["stems"].as_array().unwrap() {
        let (word, wanted) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        let stem = porter::stem(&text::points_of(word));
        assert_eq!(stem, text::points_of(wanted), "{word}");
    }
}

use proptest::prelude::*;

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, MOST_FIGURES, Pair, build};

/// A specification of each kernel, with options that take other ways through it.
fn kernels() -> Vec<(String, Box<dyn Kernel>)> {
    let mut specifications = Vec::new();
    for measure in [
        "levenshtein",
        "osa",
        "damerauLevenshtein",
        "indel",
        "lcs",
        "jaro",
        "jaroWinkler",
    ] {
        for options in [
            r#""maxCells":1e6"#,
            r#""unit":"grapheme","normalize":"NFKC","ignoreCase":true,"maxCells":1e6"#,
        ] {
            specifications.push(format!(
                r#"{{"kernel":"editDistance","measure":"{measure}","prefixWeight":0.1,{options}}}"#
            ));
        }
    }
    for method in ["ratio", "partial", "tokenSort", "tokenSet", "token", "weighted"] {
        for process in [false, true] {
            specifications.push(format!(
                r#"{{"kernel":"fuzzy","method":"{method}","process":{process},"maxCells":1e6}}"#
            ));
        }
    }
    for tokenize in ["13a", "intl", "char", "zh", "none"] {
        for smoothing in ["exp", "floor", "add-k", "none"] {
            specifications.push(format!(
                r#"{{"kernel":"bleu","tokenize":"{tokenize}","smoothing":"{smoothing}","smoothingValue":0.5,
                "lowercase":true,"maxOrder":16,"effectiveOrder":false}}"#
            ));
        }
    }
    for overlap in [r#"{"n":1}"#, r#"{"n":9}"#, r#""l""#, r#""lsum""#] {
        specifications.push(format!(
            r#"{{"kernel":"rouge","overlap":{overlap},"stemmer":true,"measure":"recall","maxCells":1e6}}"#
        ));
    }
    specifications.extend(
        [
            r#"{"kernel":"exactMatch","normalize":"NFKC","ignoreCase":true,"ignorePunctuation":true,"ignoreArticles":true,"collapseSpace":true}"#,
            r#"{"kernel":"occurrence","place":"anywhere","normalize":"NFC","ignoreCase":true}"#,
            r#"{"kernel":"pattern","source":"(\\p{L}+|[^\\w-])*$","flags":"imu","capture":"all"}"#,
            r#"{"kernel":"tokenOverlap","measure":"f1"}"#,
            r#"{"kernel":"squadExact"}"#,
            r#"{"kernel":"chrf","charOrder":16,"wordOrder":16,"beta":0,"lowercase":true,"whitespace":true}"#,
            r#"{"kernel":"ter","normalized":true,"noPunctuation":true,"asianSupport":true,"caseSensitive":false,"maxCells":1e6}"#,
            r#"{"kernel":"meteor","tokenize":"13a","alpha":0,"beta":0,"gamma":1,"maxCells":1e6}"#,
        ]
        .map(str::to_owned),
    );
    specifications
        .into_iter()
        .map(|specification| {
            let kernel = build(&specification).unwrap();
            (specification, kernel)
        })
        .collect()
}

/// Any UTF-16: lone surrogates, controls, the marks that tokenizers look for, and words that repeat.
fn text() -> impl Strategy<Value = Vec<u16>> {
    let piece = prop_oneof![
        any::<u16>().prop_map(|unit| vec![unit]),
        (0xD7FEu16..0xE002).prop_map(|unit| vec![unit]),
        prop::sample::select(vec![
            "the",
            "running",
            "ran",
            " ",
            "\n",
            "-\n",
            "<skipped>",
            "&amp;",
            "'s ",
            ".",
            ",",
            "1,000",
            "中",
            "e\u{301}",
            "ΑΣ",
            "İ",
            "\u{85}",
            "😀",
        ])
        .prop_map(|text| text.encode_utf16().collect()),
    ];
    prop::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_every_score_is_from_0_to_1(expected in prop::collection::vec(text(), 1..3), actual in text()) {
        let expected: Vec<&[u16]> = expected.iter().map(Vec::as_slice).collect();
        let pair = Pair { expected: &expected, actual: &actual };
        for (specification, kernel) in kernels() {
            let mut figures = vec![f64::NAN; kernel.figures().len()];
            prop_assert!(figures.len() <= MOST_FIGURES);
            let score = kernel.score(pair, &mut figures, Interrupt::never()).unwrap();
            prop_assert!((0.0..=1.0).contains(&score), "{} gives {}", specification, score);
            prop_assert!(!figures.contains(&f64::INFINITY), "{} gives {:?}", specification, figures);
            let again = kernel.score(pair, &mut figures, Interrupt::never()).unwrap();
            prop_assert_eq!(score.to_bits(), again.to_bits());
        }
    }
}

#[test]
fn no_pair_takes_more_cells_than_allowed() {
    let words = |word: &str| word.repeat(2000).encode_utf16().collect::<Vec<u16>>();
    let (a, b) = (words("ab "), words("cd "));
    let pair = Pair {
        expected: &[&a],
        actual: &b,
    };
    for (specification, kernel) in kernels() {
        let bounded = specification.contains("maxCells")
            && !specification.contains("jaro")
            && !specification.contains(r#""n":"#);
        // The set of the tokens of such a text is one short word.
        if !bounded || specification.contains("tokenSet") {
            continue;
        }
        let mut figures = vec![0.0; kernel.figures().len()];
        let scored = kernel.score(pair, &mut figures, Interrupt::never());
        assert!(
            matches!(scored, Err(Stop::TooLarge { limit: 1e6, .. })),
            "{specification}: {scored:?}"
        );
    }
}

#[test]
fn a_specification_that_no_kernel_has_is_refused() {
    for specification in [
        "",
        "{}",
        r#"{"kernel":"telepathy"}"#,
        r#"{"kernel":"squadExact","more":1}"#,
    ] {
        assert!(build(specification).is_err(), "{specification}");
    }
}

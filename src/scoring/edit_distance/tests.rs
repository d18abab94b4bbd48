use proptest::prelude::*;

use super::match_bits::Symbol;
use super::*;

/// Distances of all prefixes, by definition.
fn table(a: &[u32], b: &[u32], substitution: bool, swap: bool) -> usize {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else if a[i - 1] == b[j - 1] {
                table[i - 1][j - 1]
            } else {
                let mut least = table[i - 1][j].min(table[i][j - 1]) + 1;
                if substitution {
                    least = least.min(table[i - 1][j - 1] + 1);
                }
                if swap && i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len()][b.len()]
}

/// Damerau–Levenshtein distance by its recurrence (Lowrance and Wagner 1975).
fn unrestricted(a: &[u32], b: &[u32]) -> usize {
    let infinity = a.len() + b.len();
    let mut table = vec![vec![infinity; b.len() + 2]; a.len() + 2];
    for i in 0..=a.len() {
        table[i + 1][1] = i;
    }
    for j in 0..=b.len() {
        table[1][j + 1] = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let row = (1..i).rev().find(|&k| a[k - 1] == b[j - 1]).unwrap_or(0);
            let column = (1..j).rev().find(|&l| b[l - 1] == a[i - 1]).unwrap_or(0);
            let cost = usize::from(a[i - 1] != b[j - 1]);
            table[i + 1][j + 1] = (table[i][j] + cost)
                .min(table[i + 1][j] + 1)
                .min(table[i][j + 1] + 1)
                .min(table[row][column] + (i - row - 1) + 1 + (j - column - 1));
        }
    }
    table[a.len() + 1][b.len() + 1]
}

fn all(a: &[u32], b: &[u32]) -> [usize; 4] {
    let never = Interrupt::never();
    [
        levenshtein::distance(a, b, never).unwrap(),
        osa::distance(a, b, never).unwrap(),
        damerau::distance(a, b, never).unwrap(),
        a.len() + b.len() - 2 * lcs::length(a, b, never).unwrap(),
    ]
}

fn by_definition(a: &[u32], b: &[u32]) -> [usize; 4] {
    [
        table(a, b, true, false),
        table(a, b, true, true),
        unrestricted(a, b),
        table(a, b, false, false),
    ]
}

fn symbols(alphabet: u32, most: usize) -> impl Strategy<Value = Vec<u32>> {
    // Symbols on both sides of 256, where the look-up changes.
    prop::collection::vec((0..alphabet).prop_map(move |n| 256 - alphabet / 2 + n), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn distances_are_those_of_the_table(
        (a, b) in (2u32..30).prop_flat_map(|alphabet| (symbols(alphabet, 90), symbols(alphabet, 90))),
    ) {
        prop_assert_eq!(all(&a, &b), by_definition(&a, &b));
    }

    #[test]
    fn distances_do_not_depend_on_the_order_of_the_texts(a in symbols(6, 400), b in symbols(6, 400)) {
        prop_assert_eq!(all(&a, &b), all(&b, &a));
    }

    #[test]
    fn cutting_common_ends_changes_no_distance(
        a in symbols(3, 30), b in symbols(3, 30), start in symbols(3, 40), end in symbols(3, 40),
    ) {
        let whole = |middle: &[u32]| [start.as_slice(), middle, end.as_slice()].concat();
        let (a, b) = (whole(&a), whole(&b));
        let (cut_a, cut_b) = without_common_ends(&a, &b);
        prop_assert_eq!(all(cut_a, cut_b), all(&a, &b));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn distances_across_strips_are_those_of_the_table(
        (a, b) in (2u32..40).prop_flat_map(|alphabet| (symbols(alphabet, 900), symbols(alphabet, 900))),
    ) {
        let [levenshtein, osa, _, indel] = all(&a, &b);
        let expected = [table(&a, &b, true, false), table(&a, &b, true, true), table(&a, &b, false, false)];
        prop_assert_eq!([levenshtein, osa, indel], expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    // From 1,280 symbols on, a band around the diagonal is looked at first, and from 2,560 on a wider one.
    #[test]
    fn distances_of_alike_texts_are_those_of_the_table(
        (text, edits) in (symbols(20, 3500), prop::collection::vec((any::<prop::sample::Index>(), 0u32..3), 0..250)),
    ) {
        let mut changed = text.clone();
        for (at, edit) in edits.into_iter().filter(|_| !text.is_empty()) {
            let at = at.index(changed.len().max(1)).min(changed.len());
            match edit {
                0 => changed.insert(at, 7),
                1 if at < changed.len() => drop(changed.remove(at)),
                _ if at + 1 < changed.len() => changed.swap(at, at + 1),
                _ => {}
            }
        }
        let never = Interrupt::never();
        prop_assert_eq!(levenshtein::distance(&text, &changed, never).unwrap(), table(&text, &changed, true, false));
        prop_assert_eq!(osa::distance(&text, &changed, never).unwrap(), table(&text, &changed, true, true));
    }
}

fn points(text: &str) -> Vec<u32> {
    text::points_of(text)
}

#[test]
fn osa_edits_a_swap_once_and_damerau_edits_it_again() {
    let (a, b) = (points("ca"), points("abc"));
    assert_eq!(all(&a, &b), [3, 3, 2, 3]);
}

#[test]
fn lengths_at_the_edges_of_blocks_and_strips() {
    for m in [
        63, 64, 65, 127, 128, 129, 191, 192, 193, 511, 512, 513, 1024, 1025,
    ] {
        let a: Vec<u32> = (0..m).map(|i| i * i % 7).collect();
        let b: Vec<u32> = (0..m + 3).map(|i| i * i * i % 7).collect();
        let [levenshtein, osa, damerau, indel] = all(&a, &b);
        let expected = [
            table(&a, &b, true, false),
            table(&a, &b, true, true),
            unrestricted(&a, &b),
            table(&a, &b, false, false),
        ];
        assert_eq!([levenshtein, osa, damerau, indel], expected, "{m} symbols");
    }
}

/// Jaro by its definition: a scan of the window for each symbol.
fn jaro_by_scan<T: Symbol>(a: &[T], b: &[T]) -> f64 {
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; a.len()];
    let mut common = Vec::new();
    for (j, symbol) in b.iter().enumerate() {
        let range = j.saturating_sub(window)..a.len().min(j + window + 1);
        if let Some(i) = range.into_iter().find(|&i| !taken[i] && a[i] == *symbol) {
            taken[i] = true;
            common.push(*symbol);
        }
    }
    let of_a = (0..a.len()).filter(|&i| taken[i]).map(|i| a[i]);
    let unequal = of_a.zip(&common).filter(|(a, b)| a != *b).count();
    let m = common.len() as f64;
    if common.is_empty() {
        return if a.is_empty() && b.is_empty() { 1.0 } else { 0.0 };
    }
    (m / a.len() as f64 + m / b.len() as f64 + (m - (unequal / 2) as f64) / m) / 3.0
}

proptest! {
    #[test]
    fn jaro_is_that_of_the_scan(a in symbols(4, 60), b in symbols(4, 60)) {
        prop_assert_eq!(jaro::similarity(&a, &b), jaro_by_scan(&a, &b));
    }
}

fn scorer(specification: &str) -> EditDistance {
    serde_json::from_str(specification).unwrap()
}

fn score(specification: &str, expected: &[u16], actual: &[u16]) -> Result<(f64, f64), Stop> {
    let mut figures = [f64::NAN];
    let pair = Pair {
        expected: &[expected],
        actual,
    };
    let score = scorer(specification).score(pair, &mut figures, Interrupt::never())?;
    Ok((score, figures[0]))
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

#[test]
fn unit_decides_what_is_one_symbol() {
    let family = units("👨‍👩‍👧");
    let with = |unit: &str| {
        let specification = format!(r#"{{"measure":"levenshtein","unit":"{unit}","maxCells":1e11}}"#);
        score(&specification, &family, &units("x")).unwrap().1
    };
    assert_eq!(
        [with("codepoint"), with("utf16"), with("grapheme")],
        [5.0, 8.0, 1.0]
    );
}

#[test]
fn a_lone_surrogate_is_one_symbol_unlike_any_other() {
    let specification = r#"{"measure":"levenshtein","maxCells":1e11}"#;
    assert_eq!(score(specification, &[0xD800], &[0xFFFD]).unwrap(), (0.0, 1.0));
    assert_eq!(score(specification, &[0xD800], &[0xDC00]).unwrap(), (0.0, 1.0));
    assert_eq!(
        score(specification, &[0xD800, 97], &[0xD800, 97]).unwrap(),
        (1.0, 0.0)
    );
    let grapheme = r#"{"measure":"levenshtein","unit":"grapheme","maxCells":1e11}"#;
    assert_eq!(
        score(grapheme, &[0xD800, 0x301], &[0xDC00, 0x301]).unwrap(),
        (0.5, 1.0)
    );
}

#[test]
fn max_cells_counts_what_is_left_without_common_ends() {
    let specification = r#"{"measure":"levenshtein","maxCells":4}"#;
    assert_eq!(
        score(specification, &units("same-ab-same"), &units("same-cd-same"))
            .unwrap()
            .1,
        2.0
    );
    let refused = score(specification, &units("abc"), &units("def"));
    assert_eq!(
        refused,
        Err(Stop::TooLarge {
            cells: 9.0,
            limit: 4.0
        })
    );
}

#[test]
fn an_interrupt_ends_a_quadratic_pair() {
    let raised = std::sync::atomic::AtomicBool::new(true);
    let (a, b) = (vec![1u32; 1000], vec![2u32; 1000]);
    let interrupt = Interrupt::new(&raised);
    assert_eq!(levenshtein::distance(&a, &b, interrupt), Err(Stop::Interrupted));
    assert_eq!(osa::distance(&a, &b, interrupt), Err(Stop::Interrupted));
    assert_eq!(lcs::length(&a, &b, interrupt), Err(Stop::Interrupted));
    assert_eq!(damerau::distance(&a, &b, interrupt), Err(Stop::Interrupted));
}

use proptest::prelude::*;

use super::*;

fn lcs_length(a: &[u32], b: &[u32]) -> usize {
    lcs::length(a, b, Interrupt::never()).unwrap()
}

/// Every window, one after the other.
fn best_of_all_windows(pattern: &[u32], text: &[u32]) -> f64 {
    let (m, n) = (pattern.len(), text.len());
    let full = (0..=n - m).map(|at| at..at + m);
    let windows = full
        .chain((1..m).map(|end| 0..end))
        .chain((1..m).map(|length| n - length..n));
    windows
        .map(|window| {
            let length = window.len();
            similarity(m + length - 2 * lcs_length(pattern, &text[window]), m + length)
        })
        .fold(0.0, f64::max)
}

fn symbols(least: usize, most: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0u32..4, least..most)
}

proptest! {
    #[test]
    fn partial_is_the_best_of_all_windows(pattern in symbols(1, 30), more in symbols(0, 50), same in any::<bool>()) {
        let text = if same { more.clone() } else { [pattern.as_slice(), &more].concat() };
        if text.len() >= pattern.len() {
            let best = best_window(&pattern, &text, Interrupt::never()).unwrap();
            prop_assert_eq!(best, best_of_all_windows(&pattern, &text));
        }
    }
}

fn score(method: &str, a: &str, b: &str) -> f64 {
    let specification = format!(r#"{{"method":"{method}","maxCells":1e11}}"#);
    let fuzzy: Fuzzy = serde_json::from_str(&specification).unwrap();
    let (a, b): (Vec<u16>, Vec<u16>) = (a.encode_utf16().collect(), b.encode_utf16().collect());
    let pair = Pair {
        expected: &[&a],
        actual: &b,
    };
    fuzzy.score(pair, &mut [], Interrupt::never()).unwrap()
}

#[test]
fn token_methods_forgive_order_and_repetition() {
    assert_eq!(score("tokenSort", "fuzzy was a bear", "bear a was fuzzy"), 1.0);
    assert_eq!(
        score("tokenSet", "fuzzy was a bear", "fuzzy fuzzy was a bear indeed"),
        1.0
    );
    assert!(score("tokenSort", "fuzzy was a bear", "fuzzy fuzzy was a bear indeed") < 1.0);
}

#[test]
fn tokens_end_at_every_space_of_python() {
    for space in ['\u{85}', '\u{A0}', '\u{1C}', '\u{3000}'] {
        assert_eq!(score("tokenSort", &format!("b{space}a"), "a b"), 1.0);
    }
    assert!(score("tokenSort", "b\u{FEFF}a", "a b") < 1.0);
}

#[test]
fn texts_without_tokens() {
    assert_eq!(score("tokenSet", " ", " "), 0.0);
    assert_eq!(score("tokenSort", " ", "  "), 1.0);
    assert_eq!(score("weighted", "", ""), 0.0);
    assert_eq!(score("ratio", "", ""), 1.0);
    assert_eq!(score("partial", "", "a"), 0.0);
}

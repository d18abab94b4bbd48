use super::decimal::{Decimal, Number};
use super::{Matcher, Score, final_number, json};
use proptest::prelude::*;

const NUMERIC: Matcher = Matcher::Numeric { tolerance: 0.0 };

fn passes(matcher: Matcher, expected: &str, actual: &str) -> bool {
    matcher.score(expected, actual) == Score::Matched(1.0)
}

fn assert_number(text: &str, value: &str) {
    assert!(
        passes(NUMERIC, value, text),
        "{text:?} should mean {value}, got {:?}",
        final_number::find(text)
    );
}

#[test]
fn exact_ignores_composition_line_endings_and_outer_white_space() {
    assert!(passes(Matcher::Exact, "caf\u{e9}", "cafe\u{301}"));
    assert!(passes(Matcher::Exact, "one\ntwo", " one\r\ntwo\r\n"));
    assert!(passes(Matcher::Exact, "one\ntwo", "one\rtwo"));
    assert!(passes(Matcher::Exact, "yes", "\u{feff}\u{2003}yes\u{a0}\n"));
    assert!(passes(Matcher::Exact, "", " \n"));
}

#[test]
fn exact_keeps_case_inner_white_space_and_punctuation() {
    for (expected, actual) in [
        ("Yes", "yes"),
        ("a b", "a  b"),
        ("a\nb", "a\n\nb"),
        ("18", "18."),
        ("ﬁ", "fi"),
    ] {
        assert!(
            !passes(Matcher::Exact, expected, actual),
            "{expected:?} {actual:?}"
        );
    }
}

#[test]
fn a_number_is_read_as_people_write_it() {
    for (text, value) in [
        ("18", "18"),
        ("18.", "18"),
        ("+18", "18"),
        ("18.0", "18"),
        (".5", "0.5"),
        ("007", "7"),
        ("$18", "18"),
        ("$ 18.50", "18.5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("\\$5", "5"),
        ("−5", "-5"),
        ("1,450,000", "1450000"),
        ("12,34,567.5", "1234567.5"),
        ("10{,}000", "10000"),
        ("10\u{202f}000", "10000"),
        ("1e3", "1000"),
        ("2.5E-1", "0.25"),
        ("1.5 × 10^6", "1500000"),
        ("2 \\times 10^{-3}", "0.002"),
        ("3/4", "0.75"),
        ("-3/4", "-0.75"),
        ("1 1/2 cups", "1.5"),
        ("\\frac{3}{4}", "0.75"),
        ("2\\frac{1}{2}", "2.5"),
        ("2 million", "2000000"),
        ("1.8 Billion dollars", "1800000000"),
        ("18cm", "18"),
        ("the 3rd", "3"),
        ("40%", "40"),
        ("40 percent", "40"),
    ] {
        assert_number(text, value);
    }
}

#[test]
fn the_marked_answer_wins_over_later_and_earlier_numbers() {
    for (text, value) in [
        ("9 * 2 = 18\n#### 18", "18"),
        ("#### 1,800 ", "1800"),
        ("#### 1. Setup\n3 + 4\n#### Step 2\nso 18", "18"),
        ("so 4 of 5\nA: 18", "18"),
        ("A: 18\nChecked in 2 ways.", "18"),
        ("**A:** 18", "18"),
        ("The answer is 18.", "18"),
        ("The answer is: **$18** per day for 7 days.", "18"),
        ("**Final Answer:** 18 eggs (of 20)", "18"),
        ("Answer:\n\n18 (from 3 farms)", "18"),
        ("answer = 18, not 19", "18"),
        ("Ans: 18 or so, 5 left", "18"),
        ("thus \\boxed{18} after 3 steps", "18"),
        ("A: 5 × 3 = 15 eggs", "15"),
        ("A: 5\nNo. A: 6", "5"),
        ("A: 5\nOn second thought:\nA: 6", "6"),
    ] {
        assert_number(text, value);
    }
}

#[test]
fn without_a_mark_the_last_number_counts() {
    for (text, value) in [
        ("16 - 3 - 4 = <<16-3-4=9>>9 eggs", "9"),
        ("13 -4", "4"),
        ("between 10-15", "15"),
        ("She answers 5 calls, then 7", "7"),
        ("on 3/4/2025", "2025"),
        ("2024-03-05", "5"),
        ("12 of type H2O", "12"),
        ("see v2 and No.5", "5"),
        ("up to 33.333...%, rounded 33%", "33"),
        ("1, 2, 3", "3"),
        ("Plan A: nothing, Plan B: 7", "7"),
    ] {
        assert_number(text, value);
    }
    for text in ["", "no number", "H2O", "...", "-", "$"] {
        assert!(final_number::find(text).is_none(), "{text:?}");
    }
}

#[test]
fn numbers_compare_digit_by_digit_and_fractions_exactly() {
    assert!(!passes(NUMERIC, "12345678901234567890", "12345678901234567891"));
    assert!(passes(
        NUMERIC,
        "12345678901234567890",
        "12,345,678,901,234,567,890"
    ));
    assert!(!passes(NUMERIC, "0.1", "0.1000000000000000055"));
    assert!(passes(NUMERIC, "1/3", "2/6"));
    assert!(!passes(NUMERIC, "1/3", "0.3333333333333333"));
    assert!(passes(NUMERIC, "0", "-0.00"));
    assert!(!passes(NUMERIC, "5", "-5"));
    assert!(!passes(NUMERIC, "1e400", "1e401"));
}

#[test]
fn a_tolerance_is_absolute_and_inclusive() {
    let within = |tolerance| Matcher::Numeric { tolerance };
    assert!(passes(within(0.1), "1", "1.1"));
    assert!(!passes(within(0.1), "1", "1.11"));
    assert!(passes(within(0.01), "1/3", "0.33"));
    assert!(!passes(within(1.0), "1e400", "2e400"));
}

#[test]
fn a_percent_sign_is_a_unit_and_may_stand_for_a_fraction_of_one() {
    assert!(passes(NUMERIC, "50", "50%"));
    assert!(passes(NUMERIC, "0.5", "50%"));
    assert!(passes(NUMERIC, "50%", "0.5"));
    assert!(passes(NUMERIC, "1/4", "25 percent"));
    assert!(!passes(NUMERIC, "50%", "0.5%"));
    assert!(!passes(NUMERIC, "0.5", "5%"));
}

#[test]
fn an_expected_text_without_a_number_is_unusable_and_an_answer_without_one_is_wrong() {
    assert_eq!(NUMERIC.score("none", "5"), Score::Unusable);
    assert_eq!(NUMERIC.score("5", "none"), Score::Matched(0.0));
}

#[test]
fn json_compares_as_data() {
    for (expected, actual) in [
        (r#"{"a":1,"b":[true,null]}"#, r#" {"b": [true, null], "a": 1.0} "#),
        ("1", "1.0e0"),
        ("100", "1e2"),
        (r#""\u00e9\ud83d\ude00""#, "\"é😀\""),
        (r#"{"a":2}"#, r#"{"a":1,"a":2}"#),
        ("[0]", "[-0.0]"),
    ] {
        assert!(passes(Matcher::Json, expected, actual), "{expected} {actual}");
    }
    for (expected, actual) in [
        ("9007199254740993", "9007199254740992"),
        ("[1,2]", "[2,1]"),
        (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
        (r#"{"a":"1"}"#, r#"{"a":1}"#),
        ("null", "false"),
        ("[]", "{}"),
        ("01", "1"),
        (r#"{"a":1}"#, r#"{"a":1,}"#),
        (r#"{"a":1}"#, "{'a':1}"),
    ] {
        assert!(!passes(Matcher::Json, expected, actual), "{expected} {actual}");
    }
}

#[test]
fn json_is_found_in_fences_and_prose() {
    let expected = r#"{"eligible":true,"unmet":[]}"#;
    for actual in [
        "```json\n{\"unmet\":[],\"eligible\":true}\n```",
        "Sure:\n```\n{\"eligible\":true,\"unmet\":[]}\n```\nAnything else?",
        "```{\"eligible\":true,\"unmet\":[]}```",
        "I think {maybe} {\"eligible\":true,\"unmet\":[]} [1].",
        "first {\"eligible\":false} no: {\"eligible\":true,\"unmet\":[]}",
        "```json\n{\"eligible\":true,\"unmet\":[]}",
        "\u{feff}{\"eligible\":true,\"unmet\":[]}\n",
    ] {
        assert!(passes(Matcher::Json, expected, actual), "{actual}");
    }
    for actual in [
        "eligible: true",
        "{\"eligible\":true,\"unmet\":[]",
        "[{\"eligible\":true,\"unmet\":[]}]",
        "",
    ] {
        assert!(!passes(Matcher::Json, expected, actual), "{actual}");
    }
    assert!(
        passes(Matcher::Json, "yes", " yes "),
        "a string may stand without quotes"
    );
    assert!(passes(Matcher::Json, "\"yes\"", "yes"));
    assert!(
        !passes(Matcher::Json, "5", "the answer is 5"),
        "a bare number is not searched for"
    );
}

#[test]
fn hostile_texts_cost_linear_work_and_no_stack() {
    let deep = "[".repeat(200_000);
    assert!(json::parse(&deep).is_none());
    for text in [
        deep.clone(),
        "{\"a\":".repeat(100_000),
        "[\"[\",".repeat(100_000),
        format!("{}{}", "[1,".repeat(250), "1,".repeat(100_000)).repeat(3),
        "9".repeat(300_000),
        "1/".repeat(100_000),
        "1,".repeat(100_000),
        "answer is ".repeat(50_000),
        "A:\n".repeat(50_000),
    ] {
        assert!(!passes(Matcher::Json, "{\"a\":1}", &text));
        assert!(!passes(NUMERIC, "5", &text));
        assert!(!passes(Matcher::Exact, "5", &text));
    }
}

fn number_of(n: i64) -> Number {
    final_number::find(&n.to_string()).expect("has digits")
}

proptest! {
    #[test]
    fn any_text_matches_itself_and_nothing_panics(text in ".{0,60}", other in ".{0,60}") {
        for matcher in [Matcher::Exact, NUMERIC, Matcher::Json] {
            prop_assert!(matches!(matcher.score(&text, &text), Score::Unusable) || passes(matcher, &text, &text));
            matcher.score(&text, &other);
        }
    }

    #[test]
    fn text_of_numerals_never_panics(text in "[0-9.,/$%eE^×x*=\\-−+ {}\\\\A:#\n]{0,40}") {
        prop_assert!(matches!(NUMERIC.score(&text, &text), Score::Unusable) || passes(NUMERIC, &text, &text));
    }

    #[test]
    fn every_rendering_of_a_number_is_that_number(n in -10_000_000_000i64..10_000_000_000, cents in 0u8..100) {
        let grouped = |n: u64| {
            let digits = n.to_string();
            let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
            groups.join(",")
        };
        let sign = if n < 0 { "-" } else { "" };
        let whole = n.unsigned_abs();
        for text in [format!("{sign}{whole}.{cents:02}"), format!("{sign}${}.{cents:02}0", grouped(whole))] {
            let expected = Decimal::new(n < 0, &format!("{whole}{cents:02}").bytes().map(|b| b - b'0').collect::<Vec<_>>(), -2);
            let found = final_number::find(&format!("I get 7. The answer is {text}.")).expect("a number");
            prop_assert_eq!(found.numerator, expected);
        }
    }

    #[test]
    fn products_are_those_of_integers(a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000) {
        let product = number_of(a).numerator.times(&number_of(b).numerator);
        prop_assert_eq!(product, number_of(a * b).numerator);
    }
}

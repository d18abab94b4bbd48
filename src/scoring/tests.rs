use super::number::Tolerance;
use super::{Matcher, Score, json, utf16};
use proptest::prelude::*;

const NUMERIC: Matcher = Matcher::Numeric {
    tolerance: Tolerance {
        absolute: 0.0,
        relative: 0.0,
    },
};

fn passes(matcher: Matcher, expected: &str, actual: &str) -> bool {
    matcher.score(expected, actual) == Score::Matched(1.0)
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
fn json_nested_too_deep_is_unusable_and_never_recursed_into() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(passes(Matcher::Json, &nested(1000), &nested(1000)));
    assert_eq!(Matcher::Json.score(&nested(5000), &nested(5000)), Score::Unusable);
    assert_eq!(Matcher::Json.score("1", &nested(5000)), Score::Matched(0.0));
}

#[test]
fn halves_of_surrogate_pairs_stay_themselves() {
    let halves = [0xd800, 0xd801, 0xdbff, 0xdc00, 0xdfff, 0xfffd];
    for (i, left) in halves.iter().enumerate() {
        for (j, right) in halves.iter().enumerate() {
            let (left, right) = (
                utf16::text(&[0x61, *left, 0x62]),
                utf16::text(&[0x61, *right, 0x62]),
            );
            assert_eq!(passes(Matcher::Exact, &left, &right), i == j);
            assert_eq!(
                passes(Matcher::Json, &format!("[\"{left}\"]"), &format!("[\"{right}\"]")),
                i == j
            );
        }
    }
    assert!(passes(
        Matcher::Json,
        r#"["\ud801"]"#,
        &format!("[\"{}\"]", utf16::text(&[0xd801]))
    ));
    assert!(!passes(Matcher::Json, r#"["\ud801"]"#, r#"["\ud802"]"#));
    assert_eq!(utf16::text(&[0xd83d, 0xde00]), "😀");
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

proptest! {
    #[test]
    fn texts_are_equal_exactly_when_their_units_are(left in proptest::collection::vec(prop_oneof![0xd7feu16..0xe002, Just(0xdbff), Just(0xdffe), Just(0x4e00)], 0..4),
        right in proptest::collection::vec(prop_oneof![0xd7feu16..0xe002, Just(0xdbff), Just(0xdffe), Just(0x4e00)], 0..4)) {
        prop_assert_eq!(utf16::text(&left) == utf16::text(&right), left == right);
    }

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
}

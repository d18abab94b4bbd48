//! Similarity of two JSON values, part by part (`JSONDiff` of autoevals).
//!
//! - Objects: the mean over the union of their keys; a missing member is null.
//! - Arrays: by index, the sum over the longer length.
//! - Two empty objects, or arrays: 1.
//! - null and null: 1; null and anything else: 0.
//! - Two strings, two numbers: as the caller compares them.
//! - Any other mix: the JSON texts of both, with sorted keys, compared as strings.
//!
//! Linear in the number of parts, but for what the comparisons cost and the texts of mixes.

use super::interrupt::{Interrupt, Stop};
use super::json::{self, Value};
use super::json_number;
use super::json_text::{self, units};
use super::kernel::{Kernel, Pair, best};
use super::packed_numbers::pack;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Two parts that only the caller can compare.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    /// Texts: expected, actual.
    Strings(String, String),
    /// Numbers: expected, actual; one beyond the range of `f64` is infinite.
    Numbers(f64, f64),
}

/// Compares `expected` and `actual`, with `compare` for the leaves, in the order of the keys.
///
/// Strings that hold a JSON object or array are parsed first, at any depth, unless `preserve_strings`.
///
/// # Errors
/// The first error of `compare`.
pub fn score<E>(
    expected: &Value,
    actual: &Value,
    preserve_strings: bool,
    compare: &mut impl FnMut(Leaf) -> Result<f64, E>,
) -> Result<f64, E> {
    if preserve_strings {
        return similarity(expected, actual, compare);
    }
    similarity(&opened(expected, 0), &opened(actual, 0), compare)
}

/// The scorer of [`score`], with native scorers for the leaves. Each text is the JSON of a value.
pub struct JsonDiff {
    /// Compares strings.
    pub strings: Box<dyn Kernel>,
    /// Compares packed numbers.
    pub numbers: Box<dyn Kernel>,
    /// True if strings that hold JSON stay strings.
    pub preserve_strings: bool,
}

impl Kernel for JsonDiff {
    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let Some(actual) = json_text::parse(pair.actual) else {
            return Ok(0.0);
        };
        let mut scratch = [0.0; super::kernel::MOST_FIGURES];
        let mut leaf = |leaf: Leaf| {
            interrupt.check()?;
            let (kernel, expected, actual) = match leaf {
                Leaf::Strings(a, b) => (&self.strings, units(&a), units(&b)),
                Leaf::Numbers(a, b) => (&self.numbers, pack(&[a]), pack(&[b])),
            };
            let row = &mut scratch[..kernel.figures().len()];
            let expected = [&expected[..]];
            let actual = &actual;
            kernel.score(
                Pair {
                    expected: &expected,
                    actual,
                },
                row,
                interrupt,
            )
        };
        best(pair.expected, figures, |expected, _| {
            match json_text::parse(expected) {
                Some(expected) => score(&expected, &actual, self.preserve_strings, &mut leaf),
                None => Ok(0.0),
            }
        })
    }
}

/// A copy in which every string that holds a JSON object or array is that value.
fn opened(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) if depth < json::MAX_DEPTH => match json::parse(text) {
            Some(inner @ (Value::Object(_) | Value::Array(_))) => opened(&inner, depth + 1),
            _ => value.clone(),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| opened(item, depth + 1)).collect()),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(
                members
                    .map(|(key, member)| (key.clone(), opened(member, depth + 1)))
                    .collect(),
            )
        }
        _ => value.clone(),
    }
}

/// A member of an object; a missing one is null.
fn member<'v>(members: &'v BTreeMap<String, Value>, key: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    members.get(key).unwrap_or(&NULL)
}

fn similarity<E>(
    expected: &Value,
    actual: &Value,
    compare: &mut impl FnMut(Leaf) -> Result<f64, E>,
) -> Result<f64, E> {
    match (expected, actual) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            if keys.is_empty() {
                return Ok(1.0);
            }
            let mut sum = 0.0;
            for key in &keys {
                sum += similarity(member(a, key), member(b, key), compare)?;
            }
            Ok(sum / keys.len() as f64)
        }
        (Value::Array(a), Value::Array(b)) => {
            let longer = a.len().max(b.len());
            if longer == 0 {
                return Ok(1.0);
            }
            let mut sum = 0.0;
            for (a, b) in a.iter().zip(b) {
                sum += similarity(a, b, compare)?;
            }
            Ok(sum / longer as f64)
        }
        (Value::String(a), Value::String(b)) => compare(Leaf::Strings(a.clone(), b.clone())),
        (Value::Number(a), Value::Number(b)) => {
            compare(Leaf::Numbers(json_number::to_f64(a), json_number::to_f64(b)))
        }
        (Value::Null, Value::Null) => Ok(1.0),
        (Value::Null, _) | (_, Value::Null) => Ok(0.0),
        _ => compare(Leaf::Strings(text(expected), text(actual))),
    }
}

/// A leaf as JSON: `["s", expected, actual]` for strings, `["n", expected, actual]` for numbers.
pub fn leaf_text(leaf: &Leaf) -> String {
    let mut out = String::new();
    match leaf {
        Leaf::Strings(expected, actual) => {
            out.push_str("[\"s\",");
            write_string(expected, &mut out);
            out.push(',');
            write_string(actual, &mut out);
            out.push(']');
        }
        Leaf::Numbers(expected, actual) => {
            // `JSON.parse` reads 1e999 as infinity.
            let text = |number: f64| match number {
                f64::INFINITY => "1e999".to_owned(),
                f64::NEG_INFINITY => "-1e999".to_owned(),
                _ => number_text(number),
            };
            let _ = write!(out, "[\"n\",{},{}]", text(*expected), text(*actual));
        }
    }
    out
}

/// The JSON text of a value, keys in order, without white space.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write_text(value, &mut out);
    out
}

fn write_text(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(json_number::to_f64(number))),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (key, member)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_text(member, out);
            }
            out.push('}');
        }
    }
}

/// A number as `JSON.stringify` writes it (ECMA-262, `Number::toString`); `null` where it is infinite.
fn number_text(number: f64) -> String {
    if !number.is_finite() {
        return "null".to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    // The shortest digits that read back as the same number, which both languages write.
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let sign = if number < 0.0 { "-" } else { "" };
    let point = exponent + 1;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let body = if (count..=21).contains(&point) {
        format!("{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let plus = if exponent < 0 { "" } else { "+" };
        format!("{first}{dot}{rest}e{plus}{exponent}")
    };
    format!("{sign}{body}")
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => match json_text::lone_surrogate(c) {
                // As `JSON.stringify` writes it.
                Some(unit) => {
                    let _ = write!(out, "\\u{unit:04x}");
                }
                None => out.push(c),
            },
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{Leaf, number_text, score, text};
    use crate::scoring::json::parse;
    use crate::scoring::numeric_diff;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn scored(expected: &str, actual: &str, preserve: bool) -> f64 {
        let [expected, actual] = [expected, actual].map(|text| parse(text).expect("JSON"));
        let mut same = |leaf| {
            Ok::<f64, Infallible>(match leaf {
                Leaf::Strings(a, b) => f64::from(u8::from(a == b)),
                Leaf::Numbers(a, b) => numeric_diff::score(a, b),
            })
        };
        score(&expected, &actual, preserve, &mut same).unwrap_or_else(|never| match never {})
    }

    #[test]
    fn parts_are_compared_by_kind() {
        for (expected, actual, wanted) in [
            ("{}", "{}", 1.0),
            ("[]", "[]", 1.0),
            ("[]", "[2]", 0.0),
            ("{\"a\":null,\"b\":1}", "{\"b\":1}", 1.0),
            ("{\"a\":1}", "{}", 0.0),
            ("[1,2,3,4]", "[1,2]", 0.5),
            ("null", "null", 1.0),
            ("null", "0", 0.0),
            ("\"[1, 2]\"", "[1,2]", 1.0),
            ("{\"a\":\"{\\\"b\\\":\\\"[1]\\\"}\"}", "{\"a\":{\"b\":[1]}}", 1.0),
            ("\"5\"", "5", 0.0),
            ("1e400", "1e400", 1.0),
        ] {
            assert_eq!(scored(expected, actual, false), wanted, "{expected} and {actual}");
        }
        assert_eq!(scored("\"[1,2]\"", "[1,2]", true), 0.0);
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, written) in [
            (1.0, "1"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (123.456, "123.456"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1.5e300, "1.5e+300"),
            (1e-7, "1e-7"),
            (0.000_001, "0.000001"),
            (-1.25e-9, "-1.25e-9"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number_text(number), written);
        }
        let sorted = parse("{\"b\": \"\\u0001\\n\\\"\", \"a\": [true, null]}").expect("JSON");
        assert_eq!(text(&sorted), "{\"a\":[true,null],\"b\":\"\\u0001\\n\\\"\"}");
    }

    fn values() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<i32>().prop_map(|n| n.to_string()),
            "\"[a-c]{0,3}\""
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let members = proptest::collection::btree_map("[a-d]", inner.clone(), 0..4);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                members.prop_map(|members| {
                    let members: Vec<String> = members
                        .iter()
                        .map(|(key, value)| format!("\"{key}\":{value}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    #[test]
    fn deep_values_and_json_in_json_use_a_bounded_stack() {
        let deep = format!("{}1{}", "[".repeat(250), "]".repeat(250));
        assert_eq!(scored(&deep, &deep, false), 1.0);
        let within = format!("{}\"{deep}\"{}", "[".repeat(250), "]".repeat(250));
        assert_eq!(scored(&within, &within, false), 1.0);
        let objects = format!("{}1{}", "{\"a\":".repeat(250), "}".repeat(250));
        assert_eq!(scored(&objects, &objects, false), 1.0);
    }

    proptest! {
        #[test]
        fn the_score_is_symmetric_in_range_and_1_for_the_same_value(a in values(), b in values()) {
            let (there, back) = (scored(&a, &b, false), scored(&b, &a, false));
            prop_assert!((there - back).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&there));
            prop_assert_eq!(scored(&a, &a, false), 1.0);
        }

        #[test]
        fn a_number_reads_back_from_its_text(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(number_text(number).parse::<f64>(), Ok(number));
        }
    }
}

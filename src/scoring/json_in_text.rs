//! JSON match: whether an answer holds the expected JSON value.
//!
//! The value of an answer is, in this order,
//! 1. the whole text, if it is JSON;
//! 2. the body of the last code fence (three backticks) that is JSON of the expected kind;
//! 3. when an object or array is expected, the last one of that kind that stands in the prose; when a number, boolean or
//!    null is expected there is nothing to search for;
//! 4. the trimmed text itself, when a string is expected.
//!
//! An expected text that is not JSON is that string; one that is nested too deep to be read cannot be matched. Equality is that of [`super::json`]. Searching prose reads each
//! character at most [`EFFORT`] times on average, whatever the text.

use super::json::{self, Value};

/// Bound on the work of searching prose: bytes read by failed attempts per byte of text.
const EFFORT: usize = 16;

/// Tells whether `actual` holds the value of `expected`; `None` when that is nested deeper than [`json::MAX_DEPTH`].
pub fn same(expected: &str, actual: &str) -> Option<bool> {
    let expected = match json::read(expected) {
        Ok(value) => value,
        Err(stop) if stop.too_deep => return None,
        Err(_) => Value::String(expected.trim().to_owned()),
    };
    Some(find(actual, &expected).is_some_and(|actual| actual == expected))
}

fn find(text: &str, expected: &Value) -> Option<Value> {
    json::parse(text)
        .or_else(|| fenced(text, expected))
        .or_else(|| in_prose(text, expected))
        .or_else(|| matches!(expected, Value::String(_)).then(|| Value::String(text.trim().to_owned())))
}

fn same_kind(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn fenced(text: &str, expected: &Value) -> Option<Value> {
    // Inside, outside, inside, …; the last fence may be left open.
    let bodies: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    bodies.into_iter().rev().find_map(|body| {
        // The first line is the language, if it names one.
        let after_language = body.split_once('\n').map(|(_, rest)| rest);
        let value = json::parse(body).or_else(|| after_language.and_then(json::parse))?;
        same_kind(&value, expected).then_some(value)
    })
}

fn in_prose(text: &str, expected: &Value) -> Option<Value> {
    let open = match expected {
        Value::Object(_) => b'{',
        Value::Array(_) => b'[',
        _ => return None,
    };
    let mut found = None;
    let mut effort = text.len().saturating_mul(EFFORT);
    let mut at = 0;
    while let Some(start) = text.as_bytes()[at..]
        .iter()
        .position(|b| matches!(b, b'{' | b'['))
        .map(|n| at + n)
    {
        match json::parse_at(text, start) {
            Ok((value, end)) => {
                if text.as_bytes()[start] == open {
                    found = Some(value);
                }
                at = end;
            }
            Err(stop) => {
                effort = effort.checked_sub(stop.at - start)?;
                at = start + 1;
            }
        }
    }
    found
}

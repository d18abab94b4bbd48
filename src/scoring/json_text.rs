//! JSON in UTF-16 text, lone surrogates included.
//!
//! A Rust string cannot hold a lone surrogate. Here each stands as a code point of its own in the last private-use plane
//! (U+10F800 and up), so that it counts as one code point, matches itself and nothing that text holds in practice.

use super::json::{self, Value};

/// The code point of the surrogate U+D800.
const STAND_IN: u32 = 0x10_F800;

/// Bound on the work of looking for JSON in prose: units read by failed attempts per unit of text.
const EFFORT: usize = 16;

/// Parses JSON text (RFC 8259); `None` if it is not, or nests deeper than [`json::MAX_DEPTH`].
pub fn parse(text: &[u16]) -> Option<Value> {
    parse_strictly(&string(text))
}

fn parse_strictly(text: &str) -> Option<Value> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    // `json::parse` forgives white space that JSON does not know.
    let foreign = |c: char| c.is_whitespace() || c == '\u{feff}';
    if text.starts_with(foreign) || text.ends_with(foreign) {
        return None;
    }
    json::parse(text)
}

/// Finds the JSON value of an answer: the whole text; else the last code fence that holds JSON; else the last object or array
/// in the prose. Linear, with a bounded effort for text full of brackets.
pub fn extract(text: &[u16]) -> Option<Value> {
    let text = string(text);
    parse_strictly(&text)
        .or_else(|| fenced(&text))
        .or_else(|| in_prose(&text))
}

fn fenced(text: &str) -> Option<Value> {
    // Outside, inside, outside, …; the last fence may be left open.
    let bodies: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    bodies.into_iter().rev().find_map(|body| {
        // The first line is the language, if it names one.
        let after_language = body.split_once('\n').map(|(_, rest)| rest);
        parse_strictly(body).or_else(|| after_language.and_then(parse_strictly))
    })
}

fn in_prose(text: &str) -> Option<Value> {
    let mut found = None;
    let mut effort = text.len().saturating_mul(EFFORT);
    let mut at = 0;
    while let Some(start) = text[at..].find(['{', '[']).map(|n| at + n) {
        match json::parse_at(text, start) {
            Ok((value, end)) => {
                found = Some(value);
                at = end;
            }
            Err(stopped) => {
                let Some(left) = effort.checked_sub(stopped.saturating_sub(start)) else {
                    return found;
                };
                effort = left;
                at = start + 1;
            }
        }
    }
    found
}

/// A string in which lone surrogates, also those written as escapes, are their stand-ins.
fn string(text: &[u16]) -> String {
    let stand_in =
        |unit: u32| char::from_u32(STAND_IN + unit - 0xD800).unwrap_or(char::REPLACEMENT_CHARACTER);
    let decoded = char::decode_utf16(text.iter().copied());
    let text: String = decoded
        .map(|c| c.unwrap_or_else(|lone| stand_in(u32::from(lone.unpaired_surrogate()))))
        .collect();
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return text;
    }
    let escaped = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(before) = text[at..].find('\\') {
        out.push_str(&text[at..at + before]);
        at += before;
        let (first, second) = (escaped(at), escaped(at + 6));
        match first {
            Some(0xD800..0xDC00) if matches!(second, Some(0xDC00..0xE000)) => {
                out.push_str(&text[at..at + 12]);
                at += 12;
            }
            Some(unit @ 0xD800..0xE000) => {
                out.push(stand_in(unit));
                at += 6;
            }
            _ => {
                // The escaped character too: it may be a backslash.
                let end = text[at + 1..]
                    .chars()
                    .next()
                    .map_or(at + 1, |c| at + 1 + c.len_utf8());
                out.push_str(&text[at..end]);
                at = end;
            }
        }
    }
    out.push_str(&text[at..]);
    out
}

/// The lone surrogate that a character of a parsed value stands for, if it does.
pub fn lone_surrogate(c: char) -> Option<u16> {
    let unit = u32::from(c).checked_sub(STAND_IN)?;
    Some((0xD800 + unit) as u16)
}

/// The UTF-16 units of a string of a parsed value.
pub fn units(text: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    for c in text.chars() {
        match lone_surrogate(c) {
            Some(unit) => units.push(unit),
            None => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::{extract, parse, units};
    use crate::scoring::json::Value;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn lone_surrogates_stay_apart_raw_or_escaped() {
        let raw: Vec<u16> = [u16::from(b'"'), 0xD800, u16::from(b'"')].to_vec();
        assert_eq!(parse(&raw), parse(&utf16("\"\\ud800\"")));
        assert_ne!(parse(&raw), parse(&utf16("\"\\uD801\"")));
        assert_ne!(parse(&raw), parse(&utf16("\"\u{fffd}\"")));
        assert_eq!(parse(&utf16("\"\\uD83D\\uDE00\"")), parse(&utf16("\"😀\"")));
        assert_eq!(
            parse(&utf16("\"\\\\ud800\"")),
            Some(Value::String("\\ud800".to_owned()))
        );
        let Some(Value::String(text)) = parse(&raw) else {
            panic!("a string")
        };
        assert_eq!(units(&text), [0xD800]);
    }

    #[test]
    fn only_the_white_space_of_json_surrounds_a_value() {
        assert_eq!(parse(&utf16(" \t\r\n1 ")), parse(&utf16("1")));
        for text in ["\u{feff}1", "1\u{a0}", "\u{2028}1", ""] {
            assert_eq!(parse(&utf16(text)), None, "{text:?}");
        }
    }

    #[test]
    fn a_value_is_found_in_fences_and_prose() {
        let wanted = parse(&utf16("{\"a\":1}"));
        for text in [
            "{\"a\": 1}",
            "Here:\n```json\n{\"a\": 1}\n```\nDone.",
            "So [sic] the answer is {\"a\": 1}, I think.",
            "[0] then {\"a\": 1}",
        ] {
            assert_eq!(extract(&utf16(text)), wanted, "{text}");
        }
        assert_eq!(extract(&utf16("no value")), None);
        assert_eq!(extract(&utf16(&"[".repeat(100_000))), None);
    }

    proptest! {
        #[test]
        fn strings_come_back_unit_for_unit(text in proptest::collection::vec(prop_oneof![any::<u16>(), 0xD800u16..0xE000], 0..12)) {
            let mut json = vec![u16::from(b'"')];
            for unit in &text {
                json.extend(utf16(&format!("\\u{unit:04X}")));
            }
            json.push(u16::from(b'"'));
            let Some(Value::String(parsed)) = parse(&json) else { panic!("a string") };
            prop_assume!(char::decode_utf16(text.iter().copied()).all(|c| c.map_or(true, |c| u32::from(c) < super::STAND_IN)));
            prop_assert_eq!(units(&parsed), text);
        }
    }
}

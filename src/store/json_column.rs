//! The lossless form of JSON in a column.
//!
//! `jsonb` refuses U+0000 and lone surrogates, and its parser is recursive. A value that holds one of them, or is nested
//! deeply, is stored as `{"$aiEvals":"json","data":BASE64}`, the base64 of its JSON text. So is a value that looks like
//! that, so that every value is read back as it was written. The form is the same on both backends.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The search for the mark of a wrapped value.
static MARK: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\"$aiEvals\""));
/// Levels of nesting above which a value is wrapped. PostgreSQL's stack holds some thousands.
const DEEPEST: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(rename = "$aiEvals", borrow)]
    form: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    data: std::borrow::Cow<'a, str>,
}

/// Returns the text to store for a JSON text. O(n).
pub fn stored(json: String) -> String {
    if needs_wrapping(&json) {
        format!("{{\"$aiEvals\":\"json\",\"data\":\"{}\"}}", STANDARD.encode(json))
    } else {
        json
    }
}

/// Returns the JSON text behind a stored one; `None` for what is no JSON. O(n).
pub fn restored(text: &str) -> Option<String> {
    if MARK.find(text.as_bytes()).is_some()
        && let Some(json) = unwrapped(text)
    {
        return is_json(&json).then_some(json);
    }
    is_json(text).then(|| text.to_owned())
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn unwrapped(text: &str) -> Option<String> {
    let wrapped: Wrapped = serde_json::from_str(text).ok()?;
    if wrapped.form != "json" {
        return None;
    }
    String::from_utf8(STANDARD.decode(wrapped.data.as_bytes()).ok()?).ok()
}

fn needs_wrapping(json: &str) -> bool {
    let bytes = json.as_bytes();
    has_refused_escape(bytes) || is_deep(bytes) || (MARK.find(bytes).is_some() && unwrapped(json).is_some())
}

/// Returns true if a text has `\u0000` or the escape of a surrogate. `JSON.stringify` escapes no surrogate of a pair.
fn has_refused_escape(bytes: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'\\', &bytes[from..]) {
        let escape = &bytes[from + at..];
        match escape {
            [_, b'u', b'0', b'0', b'0', b'0', ..]
            | [_, b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
                return true;
            }
            _ => from += at + 2,
        }
        if from >= bytes.len() {
            break;
        }
    }
    false
}

fn is_deep(bytes: &[u8]) -> bool {
    // Brackets within strings count too: at worst a value is wrapped that need not be.
    let (mut depth, mut deepest) = (0usize, 0usize);
    if bytes.len() <= DEEPEST {
        return false;
    }
    for byte in bytes {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest > DEEPEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refused_escapes_are_wrapped() {
        for json in [r#""\u0000""#, r#"{"a":"\ud800"}"#, r#""\\\u0000""#, r#""\uDFFF""#] {
            let text = stored(json.to_owned());
            assert!(!text.contains("\\u"), "{text}");
            assert_eq!(restored(&text).as_deref(), Some(json));
        }
    }

    #[test]
    fn other_values_are_stored_as_they_are() {
        for json in [
            "5",
            "null",
            r#""\\u0000""#,
            r#"{"$aiEvals":"other"}"#,
            r#""\u2028""#,
            r#""\\""#,
            r#""\ud7ff""#,
        ] {
            assert_eq!(stored(json.to_owned()), json);
            assert_eq!(restored(json).as_deref(), Some(json));
        }
    }

    #[test]
    fn lookalikes_survive_in_any_order_of_keys() {
        let json = r#"{"$aiEvals":"json","data":"NQ=="}"#;
        let text = stored(json.to_owned());
        assert_ne!(text, json);
        assert_eq!(restored(&text).as_deref(), Some(json));
        assert_eq!(
            restored(r#"{"data": "NQ==", "$aiEvals": "json"}"#).as_deref(),
            Some("5")
        );
    }

    #[test]
    fn deep_values_are_wrapped() {
        let json = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let text = stored(json.clone());
        assert!(text.starts_with("{\"$aiEvals\""));
        assert_eq!(restored(&text), Some(json));
    }

    #[test]
    fn what_is_no_json_is_none() {
        assert_eq!(restored("{"), None);
        assert_eq!(restored("abc"), None);
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>()) {
            let json = serde_json::to_string(&text).expect("a string");
            prop_assert_eq!(restored(&stored(json.clone())), Some(json));
        }
    }
}

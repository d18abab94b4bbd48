//! Validation of JSON text, exactly as strict as `JSON.parse`.

use serde::de::IgnoredAny;

/// Returns whether JSON takes `byte` for white space.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text` without the white space around it.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .position(|byte| !is_space(*byte))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|byte| !is_space(*byte))
        .map_or(start, |at| at + 1);
    &text[start..end]
}

/// Returns whether `text` is one JSON value in UTF-8; the reason when it is not. O(bytes), no recursion, any depth.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(format!(
            "not valid UTF-8 at byte {} of the record",
            error.valid_up_to() + 1
        ));
    }
    serde_json::from_slice::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| reason(&error))
}

/// Returns whether `text` may end in the middle of a number, where the parser cannot tell that it ends too early.
pub(super) fn ends_within_number(text: &[u8]) -> bool {
    matches!(text.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// The sentence for a syntax error.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("not valid JSON: {what} at column {}", error.column())
}

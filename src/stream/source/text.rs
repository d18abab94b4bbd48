//! JSON text in the form in which a JavaScript engine stores it.

/// The longest text, in bytes of UTF-8 per character beyond Latin-1, that is kept at one byte a character: an escape takes
/// six bytes where the two-byte form takes one byte more for every character of the text.
const BYTES_PER_ESCAPE: usize = 16;

/// Text in the form a JavaScript engine stores it, so that handing it over is a copy. One byte a character where that pays:
/// engines parse it at about twice the speed.
#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// Characters below 256, one byte each; others are `\u` escapes.
    Latin1(Vec<u8>),
    /// Any text.
    Utf16(Vec<u16>),
}

impl Text {
    /// The form for `json`, which must be valid JSON in UTF-8: there every character beyond ASCII is inside a string, where an
    /// escape means the same. O(bytes).
    pub(super) fn of(json: Vec<u8>) -> Self {
        if json.is_ascii() {
            return Self::Latin1(json);
        }
        let text = String::from_utf8_lossy(&json);
        // Characters beyond Latin-1 start with a byte above 0xC3.
        let beyond = json.iter().filter(|byte| **byte > 0xC3).count();
        if beyond > json.len() / BYTES_PER_ESCAPE {
            return Self::Utf16(text.encode_utf16().collect());
        }
        let mut out = Vec::with_capacity(json.len() + 5 * beyond);
        let mut rest: &str = &text;
        while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            let mut characters = rest[at..].chars();
            if let Some(character) = characters.next() {
                match u8::try_from(character) {
                    Ok(byte) => out.push(byte),
                    Err(_) => {
                        for unit in character.encode_utf16(&mut [0; 2]) {
                            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                        }
                    }
                }
            }
            rest = characters.as_str();
        }
        out.extend_from_slice(rest.as_bytes());
        Self::Latin1(out)
    }
}

#[cfg(test)]
impl Text {
    /// Returns the text that an engine makes of it.
    pub(super) fn read(&self) -> String {
        match self {
            Self::Latin1(bytes) => bytes.iter().copied().map(char::from).collect(),
            Self::Utf16(units) => String::from_utf16(units).unwrap(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text as files have it: mostly ASCII, now and then other characters, of which some take two UTF-16 units.
    fn prose() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![8 => "[ -~]{0,60}", 1 => "[é日😀\u{ff}\u{100}\\\\\"]{1,3}"],
            0..30,
        )
        .prop_map(|parts| parts.concat())
    }

    #[test]
    fn text_has_one_byte_a_character_unless_most_are_beyond_latin_1() {
        let of = |json: &str| Text::of(json.as_bytes().to_vec());
        assert_eq!(of("[\"abc\"]"), Text::Latin1(b"[\"abc\"]".to_vec()));
        assert_eq!(of("[\"caf\u{e9}\"]"), Text::Latin1(b"[\"caf\xe9\"]".to_vec()));
        let rare = format!("[\"{}\u{65e5}\u{1f600}\"]", "x".repeat(100));
        let escaped = format!("[\"{}\\u65e5\\ud83d\\ude00\"]", "x".repeat(100));
        assert_eq!(of(&rare), Text::Latin1(escaped.into_bytes()));
        assert!(matches!(of("[\"\u{65e5}\u{672c}\"]"), Text::Utf16(_)));
    }

    proptest! {
        #[test]
        fn text_means_the_same_in_either_form(strings in prop::collection::vec(prose(), 1..4)) {
            let json = serde_json::to_vec(&strings).unwrap();
            let read: Vec<String> = serde_json::from_str(&Text::of(json).read()).unwrap();
            prop_assert_eq!(read, strings);
        }
    }
}

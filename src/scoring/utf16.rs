//! Text from UTF-16 in which half of a surrogate pair stays itself and unlike any other.
//!
//! JavaScript strings may hold such halves; `str` may not, and the usual conversion makes one character of all of them.
//! Here a half becomes two characters, an escape and one that tells which half. The escape is a noncharacter of Unicode;
//! where a text holds it, it is doubled. So two texts are equal exactly when their UTF-16 is.

/// The escape.
const ESCAPE: char = '\u{10fffe}';
/// The 2,048 characters from here on stand for the halves; normalisation leaves them alone.
const FIRST: u32 = 0x4e00;

/// Returns the text of `units`. Linear.
pub fn text(units: &[u16]) -> String {
    let mut text = String::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(c) => push(&mut text, u32::from(c)),
            Err(half) => push(&mut text, u32::from(half.unpaired_surrogate())),
        }
    }
    text
}

/// Appends a code point, half of a surrogate pair included.
pub fn push(text: &mut String, code: u32) {
    if let Some(c) = char::from_u32(code) {
        if c == ESCAPE {
            text.push(ESCAPE);
        }
        text.push(c);
    } else {
        text.push(ESCAPE);
        text.extend(char::from_u32(FIRST + (code & 0x7ff)));
    }
}

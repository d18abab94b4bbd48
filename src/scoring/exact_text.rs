//! Exact match of text.
//!
//! Two texts are the same when they are equal after
//! 1. canonical composition (Unicode NFC: `é` as one code point or as two is the same letter),
//! 2. line endings `\r\n` and `\r` read as `\n`,
//! 3. white space (Unicode `White_Space`) and byte order marks at both ends removed.
//!
//! Letter case, inner white space, punctuation and compatibility forms (`ﬁ`, full-width digits) do matter.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Tells whether the texts are the same by the rules above. Linear; no allocation when both are plain composed text.
pub fn same(expected: &str, actual: &str) -> bool {
    let (expected, actual) = (trimmed(expected), trimmed(actual));
    expected == actual || composed_lines(expected).eq(composed_lines(actual))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

fn composed_lines(text: &str) -> Box<dyn Iterator<Item = char> + '_> {
    let mut after_return = false;
    let lines = text.chars().filter_map(move |c| {
        let second_half = c == '\n' && after_return;
        after_return = c == '\r';
        (!second_half).then_some(if c == '\r' { '\n' } else { c })
    });
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Box::new(lines)
    } else {
        Box::new(lines.nfc())
    }
}

//! Text as code points, and the operations on it that several scorers share.
//!
//! JavaScript hands text over as UTF-16, which may hold lone surrogates. A code point is therefore a `u32`: a lone
//! surrogate is one code point, unlike any other. Case, normalisation and segmentation apply to the runs between them.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Unicode normalisation form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
pub enum Form {
    /// The text as it is.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Canonical composition.
    #[serde(rename = "NFC")]
    Nfc,
    /// Compatibility composition.
    #[serde(rename = "NFKC")]
    Nfkc,
}

/// Returns the code points of UTF-16 text. O(n).
pub fn code_points(units: &[u16]) -> Vec<u32> {
    let mut points = Vec::with_capacity(units.len());
    points.extend(
        char::decode_utf16(units.iter().copied())
            .map(|decoded| decoded.map_or_else(|lone| u32::from(lone.unpaired_surrogate()), u32::from)),
    );
    points
}

/// Returns the code points of a string.
pub fn points_of(text: &str) -> Vec<u32> {
    text.chars().map(u32::from).collect()
}

/// Applies `change` to each run of valid characters; lone surrogates stay where they are.
pub fn map_runs(text: &[u32], mut change: impl FnMut(&str) -> String) -> Vec<u32> {
    let mut changed = Vec::with_capacity(text.len());
    let mut run = String::new();
    let mut flush = |run: &mut String, changed: &mut Vec<u32>| {
        if !run.is_empty() {
            changed.extend(change(run).chars().map(u32::from));
            run.clear();
        }
    };
    for &point in text {
        if let Some(character) = char::from_u32(point) {
            run.push(character);
        } else {
            flush(&mut run, &mut changed);
            changed.push(point);
        }
    }
    flush(&mut run, &mut changed);
    changed
}

/// Returns the full lower-case mapping, with the final sigma.
pub fn lower(text: &[u32]) -> Vec<u32> {
    if text.iter().all(|&point| point < 128) {
        return text
            .iter()
            .map(|&point| {
                if (65..=90).contains(&point) {
                    point + 32
                } else {
                    point
                }
            })
            .collect();
    }
    map_runs(text, str::to_lowercase)
}

/// Returns the full case folding: texts that differ in case alone become equal.
pub fn fold(text: &[u32]) -> Vec<u32> {
    map_runs(text, |run| UniCase::unicode(run).to_folded_case())
}

/// Returns the text in a normalisation form.
pub fn normalize(text: Vec<u32>, form: Form) -> Vec<u32> {
    match form {
        // Nothing below U+0300 changes under NFC, nothing below U+00A0 under NFKC.
        Form::Nfc if text.iter().any(|&point| point >= 0x300) => map_runs(&text, |run| run.nfc().collect()),
        Form::Nfkc if text.iter().any(|&point| point >= 0xA0) => map_runs(&text, |run| run.nfkc().collect()),
        _ => text,
    }
}

/// Returns whether Python's `str.split` splits here: neither JavaScript's `\s` nor Unicode's `White_Space`.
pub fn is_space(point: u32) -> bool {
    matches!(
        point,
        0x09..=0x0D
            | 0x1C..=0x20
            | 0x85
            | 0xA0
            | 0x1680
            | 0x2000..=0x200A
            | 0x2028
            | 0x2029
            | 0x202F
            | 0x205F
            | 0x3000
    )
}

/// Iterates over the words of a text: the runs between space.
pub fn words(text: &[u32]) -> impl Iterator<Item = &[u32]> {
    text.split(|&point| is_space(point))
        .filter(|word| !word.is_empty())
}

/// Returns the text without space at its end.
pub fn trim_end(text: &[u32]) -> &[u32] {
    let end = text
        .iter()
        .rposition(|&point| !is_space(point))
        .map_or(0, |at| at + 1);
    &text[..end]
}

/// Returns the text without space at either end.
pub fn trim(text: &[u32]) -> &[u32] {
    let text = trim_end(text);
    let start = text
        .iter()
        .position(|&point| !is_space(point))
        .unwrap_or(text.len());
    &text[start..]
}

/// Returns whether the code point is one of ASCII's 32 punctuation marks and symbols.
pub fn is_ascii_punctuation(point: u32) -> bool {
    u8::try_from(point).is_ok_and(|byte| byte.is_ascii_punctuation())
}

/// Returns whether the code point is an ASCII digit.
pub fn is_ascii_digit(point: u32) -> bool {
    (48..=57).contains(&point)
}

/// Returns the group of the general category; that of a lone surrogate is `Other`.
pub fn category(point: u32) -> GeneralCategoryGroup {
    char::from_u32(point).map_or(
        GeneralCategoryGroup::Other,
        UnicodeGeneralCategory::general_category_group,
    )
}

/// Returns whether the code point is punctuation, `\p{P}`.
pub fn is_punctuation(point: u32) -> bool {
    if point < 128 {
        // `$+<=>^`|~` are symbols.
        return is_ascii_punctuation(point)
            && !matches!(point, 0x24 | 0x2B | 0x3C..=0x3E | 0x5E | 0x60 | 0x7C | 0x7E);
    }
    category(point) == GeneralCategoryGroup::Punctuation
}

/// Returns whether the code point is a letter or a number, `\p{L}` or `\p{N}`.
pub fn is_alphanumeric(point: u32) -> bool {
    if let Ok(byte) = u8::try_from(point)
        && byte.is_ascii()
    {
        return byte.is_ascii_alphanumeric();
    }
    matches!(
        category(point),
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number
    )
}

//! Porter's stemmer with the extensions of NLTK 3.10: neither the algorithm of 1980 alone, nor Porter2.
//!
//! O(length) time. Words are lower-case already.

/// Words with a stem of their own.
const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// A suffix and its replacement.
type Rule = (&'static str, &'static str);

const STEP_2: [Rule; 20] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
];

const STEP_3: [Rule; 7] = [
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
];

/// `ion` stands among them, with a condition of its own.
const STEP_4: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism",
    "ate", "iti", "ous", "ive", "ize",
];

/// Returns the stem of a lower-case word.
pub fn stem(word: &[u32]) -> Vec<u32> {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| equals(word, irregular)) {
        return points(stem).collect();
    }
    let mut word = word.to_vec();
    if word.len() > 2 {
        plural(&mut word);
        past_and_progressive(&mut word);
        final_y(&mut word);
        step_2(&mut word);
        apply(&mut word, &STEP_3);
        step_4(&mut word);
        final_e(&mut word);
        final_double_l(&mut word);
    }
    word
}

fn points(text: &str) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator {
    text.bytes().map(u32::from)
}

fn equals(word: &[u32], text: &str) -> bool {
    word.len() == text.len() && points(text).eq(word.iter().copied())
}

/// The word without the suffix, if it ends with it.
fn before<'a>(word: &'a [u32], suffix: &str) -> Option<&'a [u32]> {
    let stem = word.len().checked_sub(suffix.len())?;
    equals(&word[stem..], suffix).then(|| &word[..stem])
}

/// Replaces what follows the first `stem` symbols.
fn replace(word: &mut Vec<u32>, stem: usize, replacement: &str) {
    word.truncate(stem);
    word.extend(points(replacement));
}

fn is_vowel(point: u32) -> bool {
    u8::try_from(point).is_ok_and(|byte| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u'))
}

fn is(point: Option<&u32>, letters: &[u8]) -> bool {
    point.is_some_and(|&point| u8::try_from(point).is_ok_and(|byte| letters.contains(&byte)))
}

/// Returns true if each symbol is a consonant: no vowel, and no `y` behind a consonant.
fn consonants(word: &[u32]) -> impl Iterator<Item = bool> {
    word.iter().scan(false, |before, &point| {
        *before = if point == u32::from(b'y') {
            // In front of the word there is no consonant.
            !*before
        } else {
            !is_vowel(point)
        };
        Some(*before)
    })
}

fn ends_with_consonant(word: &[u32]) -> bool {
    consonants(word).last().unwrap_or(false)
}

/// Porter's m: the number of consonants that follow a vowel.
fn measure(stem: &[u32]) -> usize {
    let mut after_vowel = false;
    consonants(stem)
        .filter(|&consonant| {
            let counts = consonant && after_vowel;
            after_vowel = !consonant;
            counts
        })
        .count()
}

fn has_vowel(stem: &[u32]) -> bool {
    consonants(stem).any(|consonant| !consonant)
}

/// Porter's \*o: consonant, vowel, consonant but for w, x and y; or, as NLTK adds, a word of vowel and consonant.
fn ends_short(word: &[u32]) -> bool {
    let mut kinds = consonants(word).skip(word.len().saturating_sub(3));
    let last = [kinds.next(), kinds.next(), kinds.next()];
    match word.len() {
        0 | 1 => false,
        2 => last[..2] == [Some(false), Some(true)],
        _ => last == [Some(true), Some(false), Some(true)] && !is(word.last(), b"wxy"),
    }
}

fn plural(word: &mut Vec<u32>) {
    let length = word.len();
    if before(word, "ies").is_some() {
        replace(word, length - 3, if length == 4 { "ie" } else { "i" });
    } else if before(word, "sses").is_some() {
        word.truncate(length - 2);
    } else if before(word, "ss").is_none() && before(word, "s").is_some() {
        word.truncate(length - 1);
    }
}

fn past_and_progressive(word: &mut Vec<u32>) {
    let length = word.len();
    if before(word, "ied").is_some() {
        replace(word, length - 3, if length == 4 { "ie" } else { "i" });
        return;
    }
    if let Some(stem) = before(word, "eed") {
        if measure(stem) > 0 {
            word.truncate(length - 1);
        }
        return;
    }
    let with_vowel = |suffix| {
        before(word, suffix)
            .filter(|stem| has_vowel(stem))
            .map(<[u32]>::len)
    };
    let Some(stem) = with_vowel("ed").or_else(|| with_vowel("ing")) else {
        return;
    };
    word.truncate(stem);
    if ["at", "bl", "iz"].iter().any(|end| before(word, end).is_some()) {
        word.push(u32::from(b'e'));
    } else if stem >= 2 && word[stem - 1] == word[stem - 2] && ends_with_consonant(word) {
        if !is(word.last(), b"lsz") {
            word.pop();
        }
    } else if measure(word) == 1 && ends_short(word) {
        word.push(u32::from(b'e'));
    }
}

fn final_y(word: &mut Vec<u32>) {
    if let Some(stem) = before(word, "y")
        && stem.len() > 1
        && ends_with_consonant(stem)
    {
        let stem = stem.len();
        replace(word, stem, "i");
    }
}

fn step_2(word: &mut Vec<u32>) {
    while let Some(stem) = before(word, "alli").filter(|stem| measure(stem) > 0) {
        let stem = stem.len();
        replace(word, stem, "al");
    }
    if STEP_2.iter().any(|(suffix, _)| before(word, suffix).is_some()) {
        apply(word, &STEP_2);
    } else if before(word, "fulli").is_some() {
        apply(word, &[("fulli", "ful")]);
    } else if before(word, "logi").is_some() && measure(&word[..word.len() - 3]) > 0 {
        // NLTK measures the stem with the l.
        word.pop();
    }
}

/// Applies the first rule whose suffix the word has, if the measure of the stem is above 0.
fn apply(word: &mut Vec<u32>, rules: &[Rule]) {
    let found = rules
        .iter()
        .find_map(|(suffix, replacement)| before(word, suffix).map(|stem| (stem, replacement)));
    if let Some((stem, replacement)) = found
        && measure(stem) > 0
    {
        let stem = stem.len();
        replace(word, stem, replacement);
    }
}

fn step_4(word: &mut Vec<u32>) {
    let found = STEP_4
        .iter()
        .find_map(|suffix| before(word, suffix).map(|stem| (stem, *suffix)));
    if let Some((stem, suffix)) = found
        && measure(stem) > 1
        && (suffix != "ion" || is(stem.last(), b"st"))
    {
        let stem = stem.len();
        word.truncate(stem);
    }
}

fn final_e(word: &mut Vec<u32>) {
    if let Some(stem) = before(word, "e") {
        let m = measure(stem);
        if m > 1 || (m == 1 && !ends_short(stem)) {
            word.pop();
        }
    }
}

fn final_double_l(word: &mut Vec<u32>) {
    if before(word, "ll").is_some() && measure(&word[..word.len() - 1]) > 1 {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_with_nltks_extensions() {
        for (word, expected) in [
            ("flies", "fli"),
            ("dies", "die"),
            ("died", "die"),
            ("spied", "spi"),
            ("enjoyment", "enjoy"),
            ("happy", "happi"),
            ("relational", "relat"),
            ("radically", "radic"),
            ("succeed", "succeed"),
            ("dying", "die"),
            ("hopping", "hop"),
            ("filing", "file"),
            ("controll", "control"),
            ("by", "by"),
        ] {
            assert_eq!(
                stem(&points(word).collect::<Vec<_>>()),
                points(expected).collect::<Vec<_>>(),
                "{word}"
            );
        }
    }
}

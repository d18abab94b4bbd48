//! Numerals: the ways a number is written in an answer.
//!
//! | written | read as |
//! |---|---|
//! | `18`, `18.`, `+18`, `.5`, `0.50` | 18, 18, 18, 0.5, 0.5 |
//! | `1,450,000`, `1,00,000`, `1{,}000`, `1 000` with a no-break or thin space | thousands separators |
//! | `$18`, `$ 18`, `\$18`, `-$5`, `$-5`, `€3.50` | the amount |
//! | `-5`, `−5` | negative, unless a number, `)` or `%` comes before the sign (`13 -4` is a subtraction) |
//! | `3/4`, `1 1/2`, `\frac{3}{4}` | a fraction; not in a date such as `3/4/2025` |
//! | `1e3`, `1.5 × 10^6`, `2 x 10^{-3}` | scientific notation |
//! | `2 million`, `5 thousand` | hundred, thousand, million, billion, trillion |
//! | `12%`, `12 percent` | 12, marked as a percentage |
//! | `18cm`, `3rd` | the number before the letters |
//!
//! Digits that follow a letter (`H2O`, `v2`) are part of a name. A comma is never a decimal sign. Numbers in words are not
//! read.

use super::decimal::{Decimal, Number, count};
use std::ops::Range;

/// Fractions are read up to this many digits above and below the line, so that they multiply within `i128`.
const MAX_FRACTION_DIGITS: usize = 18;

/// The numbers in part of a text, from left to right.
pub struct Numerals<'a> {
    chars: &'a [char],
    next: usize,
    end: usize,
}

impl<'a> Numerals<'a> {
    /// The numbers that start within `range` and end before its end.
    pub fn new(chars: &'a [char], range: Range<usize>) -> Self {
        Self {
            chars: &chars[..range.end],
            next: range.start,
            end: range.end,
        }
    }

    fn at(&self, i: usize) -> Option<char> {
        self.chars.get(i).copied()
    }

    fn digit(&self, i: usize) -> bool {
        self.at(i).is_some_and(|c| c.is_ascii_digit())
    }

    fn follows(&self, i: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(n, c)| self.at(i + n) == Some(c))
    }

    /// How many digits there are from `i` on.
    fn run(&self, i: usize) -> usize {
        self.chars
            .get(i..)
            .map_or(0, |rest| rest.iter().take_while(|c| c.is_ascii_digit()).count())
    }

    fn skip_spaces(&self, mut i: usize) -> usize {
        while self.at(i).is_some_and(|c| matches!(c, ' ' | '\u{a0}')) {
            i += 1;
        }
        i
    }

    /// The whole numeral that begins at `start`, sign and unit included, and where it ends.
    fn numeral(&self, start: usize) -> Option<(Number, usize)> {
        let (mut i, mut negative) = (start, false);
        // A sign before or after the currency, at most one.
        let sign = self.sign(i);
        if let Some(minus) = sign {
            (i, negative) = (i + 1, minus);
        }
        if let Some(after) = self.currency(i) {
            i = self.skip_spaces(after);
            if sign.is_none()
                && let Some(minus) = self.sign(i)
            {
                (i, negative) = (i + 1, minus);
            }
        }
        let (mut number, end) = self
            .latex_fraction(i, negative, 0)
            .or_else(|| self.magnitude(i, negative))?;
        let (percent, end) = self.percent(end);
        number.percent = percent;
        Some((number, end))
    }

    /// Whether there is a sign at `i`, and whether it is a minus.
    fn sign(&self, i: usize) -> Option<bool> {
        match self.at(i)? {
            '-' | '−' => Some(true),
            '+' => Some(false),
            _ => None,
        }
    }

    /// Whether an operator at `i` stands between two numbers.
    fn subtracts(&self, i: usize) -> bool {
        let before = self.chars[..i].iter().rev().find(|c| **c != ' ');
        let glued = i > 0 && self.chars[i - 1].is_alphanumeric();
        glued || before.is_some_and(|c| c.is_ascii_digit() || matches!(c, ')' | ']' | '}' | '%'))
    }

    /// The end of the currency sign at `i`.
    fn currency(&self, i: usize) -> Option<usize> {
        let at = if self.at(i) == Some('\\') { i + 1 } else { i };
        matches!(self.at(at)?, '$' | '€' | '£' | '¥' | '₹' | '₩').then_some(at + 1)
    }

    /// `\frac{3}{4}` and its kin, added to `whole`.
    fn latex_fraction(&self, i: usize, negative: bool, whole: i128) -> Option<(Number, usize)> {
        let name = ["\\frac{", "\\dfrac{", "\\tfrac{"]
            .into_iter()
            .find(|name| self.follows(i, name))?;
        let above = i + name.len();
        let bar = above + self.run(above);
        if !self.follows(bar, "}{") {
            return None;
        }
        let below = bar + 2;
        let end = below + self.run(below);
        let number = self.ratio(negative, whole, above..bar, below..end)?;
        (self.at(end) == Some('}')).then_some((number, end + 1))
    }

    /// `whole + above / below`, when both are short enough and `below` is not zero.
    fn ratio(&self, negative: bool, whole: i128, above: Range<usize>, below: Range<usize>) -> Option<Number> {
        let (above, below) = (self.short(above)?, self.short(below)?);
        let numerator = whole.checked_mul(below)?.checked_add(above)?;
        let digits = |n: i128| -> Vec<u8> { n.to_string().bytes().map(|b| b - b'0').collect() };
        (below > 0).then(|| Number {
            numerator: Decimal::new(negative, &digits(numerator), 0),
            denominator: Decimal::new(false, &digits(below), 0),
            percent: false,
        })
    }

    /// Digits with separators, a fraction part, an exponent and a word for a power of ten.
    fn magnitude(&self, start: usize, negative: bool) -> Option<(Number, usize)> {
        let (mut digits, mut i) = self.grouped(start);
        let whole = start..i;
        let plain = digits.len() == whole.len() && !digits.is_empty();
        let mut exponent = 0;
        if self.at(i) == Some('.') && self.digit(i + 1) {
            let end = i + 1 + self.run(i + 1);
            digits.extend(self.chars[i + 1..end].iter().map(|&c| c as u8 - b'0'));
            exponent = -count(end - i - 1);
            i = end;
        } else if plain && let Some(found) = self.fraction(negative, whole) {
            return Some(found);
        }
        if digits.is_empty() {
            return None;
        }
        if let Some((power, end)) = self.exponent(i).or_else(|| self.times_power_of_ten(i)) {
            exponent = power.saturating_add(exponent);
            i = end;
        }
        let (power, end) = self.power_word(i);
        let numerator = Decimal::new(negative, &digits, exponent).scaled(power);
        Some((
            Number {
                numerator,
                denominator: Decimal::one(),
                percent: false,
            },
            end,
        ))
    }

    /// The digits of a whole number at `start` without its thousands separators, and where it ends.
    fn grouped(&self, start: usize) -> (Vec<u8>, usize) {
        let mut i = start + self.run(start);
        let leading = i - start;
        let mut digits: Vec<u8> = self.chars[start..i].iter().map(|&c| c as u8 - b'0').collect();
        if leading == 0 || leading > 3 {
            return (digits, i);
        }
        let separator = |i: usize| -> Option<(&str, usize)> {
            [",", "{,}", "\u{a0}", "\u{202f}", "\u{2009}"]
                .into_iter()
                .find(|text| self.follows(i, text))
                .map(|text| (text, i + text.chars().count()))
        };
        let Some((text, _)) = separator(i) else {
            return (digits, i);
        };
        // Groups of two come only before the last group of three (1,00,000), so they wait here until it is seen.
        let mut pending: Vec<u8> = Vec::new();
        let mut at = i;
        let mut pairs = false;
        while let Some((_, group)) = separator(at).filter(|(found, _)| *found == text) {
            let length = self.run(group);
            let in_pairs =
                length == 2 && leading <= 2 && (pairs || pending.is_empty() && at == start + leading);
            if !(length == 3 || in_pairs) {
                break;
            }
            pending.extend(self.chars[group..group + length].iter().map(|&c| c as u8 - b'0'));
            at = group + length;
            if length == 3 {
                digits.append(&mut pending);
                i = at;
                if pairs {
                    break;
                }
            } else {
                pairs = true;
            }
        }
        (digits, i)
    }

    /// `3/4`, `1 1/2` or `1\frac{1}{2}`, whose first number is `whole`.
    fn fraction(&self, negative: bool, whole: Range<usize>) -> Option<(Number, usize)> {
        if self.at(whole.end) == Some('\\') {
            let end = whole.end;
            return self.latex_fraction(end, negative, self.short(whole)?);
        }
        // `3/4/2025`: what follows a slash is part of a date.
        if whole.start > 0 && self.chars[whole.start - 1] == '/' {
            return None;
        }
        let below_of = |bar: usize| -> Option<Range<usize>> {
            let below = bar + 1..bar + 1 + self.run(bar + 1);
            let date = self.at(below.end) == Some('/') && self.digit(below.end + 1);
            let decimal = self.at(below.end) == Some('.') && self.digit(below.end + 1);
            (self.at(bar) == Some('/') && !below.is_empty() && !date && !decimal).then_some(below)
        };
        if let Some(below) = below_of(whole.end) {
            let end = below.end;
            return Some((self.ratio(negative, 0, whole, below)?, end));
        }
        let above = whole.end + 1..whole.end + 1 + self.run(whole.end + 1);
        if self.at(whole.end) != Some(' ') || above.is_empty() {
            return None;
        }
        let below = below_of(above.end)?;
        let end = below.end;
        // `2 10/3` is two numbers: the part of a mixed number is below one.
        let (top, bottom) = (self.short(above.clone())?, self.short(below.clone())?);
        let whole = self.short(whole)?;
        (top < bottom)
            .then(|| self.ratio(negative, whole, above, below))?
            .map(|number| (number, end))
    }

    /// The digits in `range` as a number, when they are few enough.
    fn short(&self, range: Range<usize>) -> Option<i128> {
        let digits = &self.chars[range];
        let text: String = digits.iter().collect();
        if digits.len() <= MAX_FRACTION_DIGITS {
            text.parse().ok()
        } else {
            None
        }
    }

    /// `e-3` right after the digits.
    fn exponent(&self, i: usize) -> Option<(i64, usize)> {
        let (power, end) = matches!(self.at(i)?, 'e' | 'E').then(|| self.signed_integer(i + 1))??;
        (!self.at(end).is_some_and(char::is_alphanumeric)).then_some((power, end))
    }

    /// `× 10^6`, also with `x`, `*`, `·`, `\times` and braces.
    fn times_power_of_ten(&self, i: usize) -> Option<(i64, usize)> {
        let i = self.skip_spaces(i);
        let times = ["×", "x", "*", "·", "\\times", "\\cdot"]
            .into_iter()
            .find(|sign| self.follows(i, sign))?;
        let i = self.skip_spaces(i + times.chars().count());
        if !self.follows(i, "10^") {
            return None;
        }
        let braced = self.at(i + 3) == Some('{');
        let (power, end) = self.signed_integer(i + 3 + usize::from(braced))?;
        if !braced {
            return Some((power, end));
        }
        (self.at(end) == Some('}')).then_some((power, end + 1))
    }

    fn signed_integer(&self, i: usize) -> Option<(i64, usize)> {
        let sign = self.sign(i);
        let start = i + usize::from(sign.is_some());
        let end = start + self.run(start);
        let digits: String = self.chars.get(start..end)?.iter().collect();
        if digits.is_empty() {
            return None;
        }
        // Too long for an i64 means beyond any number that matters.
        let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        Some((if sign == Some(true) { -magnitude } else { magnitude }, end))
    }

    /// The power of ten of the word that follows, 0 when none does.
    fn power_word(&self, i: usize) -> (i64, usize) {
        let at = if self.at(i) == Some('-') {
            i + 1
        } else {
            self.skip_spaces(i)
        };
        let words = [
            ("hundred", 2),
            ("thousand", 3),
            ("million", 6),
            ("billion", 9),
            ("trillion", 12),
        ];
        for (word, power) in words {
            let end = at + word.len();
            if self.word_at(at, word) {
                return (power, end);
            }
        }
        (0, i)
    }

    fn percent(&self, i: usize) -> (bool, usize) {
        let at = self.skip_spaces(i);
        let sign = if self.at(at) == Some('\\') { at + 1 } else { at };
        if self.at(sign) == Some('%') {
            return (true, sign + 1);
        }
        if self.word_at(at, "percent") {
            (true, at + 7)
        } else {
            (false, i)
        }
    }

    /// Whether `word` (lower case) stands at `i` in any case and ends there, but for a plural `s`.
    fn word_at(&self, i: usize, word: &str) -> bool {
        let same = word
            .chars()
            .enumerate()
            .all(|(n, c)| self.at(i + n).map(|c| c.to_ascii_lowercase()) == Some(c));
        let end = i + word.len();
        let end = if self.at(end) == Some('s') { end + 1 } else { end };
        same && !self.at(end).is_some_and(char::is_alphanumeric)
    }
}

impl Iterator for Numerals<'_> {
    type Item = Number;

    fn next(&mut self) -> Option<Number> {
        while self.next < self.end {
            let i = self.next;
            let c = self.chars[i];
            if c.is_ascii_alphabetic() || c == '_' {
                // A word, with the digits in it.
                let word = self.chars[i..]
                    .iter()
                    .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
                    .count();
                self.next = i + word;
                continue;
            }
            let sign = matches!(c, '-' | '−' | '+');
            // `1.2.3` and `No.5`: a point between two characters of a name starts no decimal.
            let point = c == '.' && !(i > 0 && self.chars[i - 1].is_alphanumeric());
            let starts = c.is_ascii_digit() || c == '\\' || point || sign || self.currency(i).is_some();
            let found = if starts && !(sign && self.subtracts(i)) {
                self.numeral(i)
            } else {
                None
            };
            match found {
                Some((number, end)) => {
                    // Letters glued to the number are its unit, and digits in those (`5m2`) belong to the unit.
                    let unit = self.chars[end..]
                        .iter()
                        .take_while(|c| c.is_ascii_alphanumeric())
                        .count();
                    self.next = end + unit;
                    return Some(number);
                }
                None => self.next = i + 1,
            }
        }
        None
    }
}

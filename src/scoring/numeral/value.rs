//! Values of numerals: decimals, fractions, powers and multiples.

use super::{DEEPEST, Quantities, Read};
use crate::scoring::decimal::{Decimal, count};
use crate::scoring::number::Number;
use std::ops::Range;

const SCALES: &[(&str, i64)] = &[
    ("hundred", 2),
    ("thousand", 3),
    ("lakh", 5),
    ("million", 6),
    ("crore", 7),
    ("billion", 9),
    ("trillion", 12),
    ("quadrillion", 15),
];

/// Abbreviations glued to a number; those with `true` only behind a currency sign.
const SUFFIXES: &[(&str, i64, bool)] = &[
    ("k", 3, false),
    ("K", 3, false),
    ("M", 6, false),
    ("mn", 6, false),
    ("mln", 6, false),
    ("MM", 6, true),
    ("m", 6, true),
    ("B", 9, false),
    ("bn", 9, false),
    ("Bn", 9, false),
    ("b", 9, true),
    ("tn", 12, false),
    ("T", 12, true),
    ("t", 12, true),
];

impl Quantities<'_> {
    /// Reads a magnitude: a base with its exponent and its power of ten.
    pub(super) fn magnitude(&self, i: usize, currency: bool, depth: usize) -> Option<Read> {
        let (mut number, mut end) = self.base(i, currency, depth)?;
        if let Some((exponent, after)) = self.exponent(end, depth) {
            let divides = self.chars[i..end].iter().any(|c| matches!(c, '/' | '\\'));
            number = number
                .zip(exponent)
                .filter(|_| !divides)
                .and_then(|(n, e)| n.power(&e));
            end = after;
        }
        if let Some((power, after)) = self.times_power_of_ten(end, depth) {
            number = number.zip(power).and_then(|(n, p)| n.times_power_of_ten(&p));
            end = after;
        }
        Some((number, end))
    }

    /// Reads a decimal, a fraction or a mixed number.
    fn base(&self, i: usize, currency: bool, depth: usize) -> Option<Read> {
        if let Some(found) = self.latex_fraction(i, depth).or_else(|| self.over(i, depth)) {
            return Some(found);
        }
        if let Some(end) = self.other_notation(i) {
            return Some((None, end));
        }
        let (number, end) = self.decimal(i, currency)?;
        let Some(number) = number else {
            return Some((None, end));
        };
        if number.is_integer()
            && let Some((part, after)) = self.fraction_part(end, depth)
        {
            return Some((
                part.and_then(|part| Number::mixed(number.numerator(), &part)),
                after,
            ));
        }
        Some(self.divided(number, end, currency))
    }

    /// Reads the rest of `3/4` or `1 / 2` after its numerator.
    fn divided(&self, above: Number, end: usize, currency: bool) -> Read {
        let bar = self.skip_spaces(end);
        let below = self.skip_spaces(bar + 1);
        // Spaces on both sides or on none.
        let is_division = self.at(bar) == Some('/') && (bar > end) == (below > bar + 1);
        if is_division
            && self.other_notation(below).is_none()
            && let Some((below, end)) = self.decimal(below, currency)
        {
            return (below.and_then(|below| Number::ratio(&above, &below)), end);
        }
        (Some(above), end)
    }

    /// Reads the fraction of a mixed number: ` 1/2` or `\frac{1}{2}` after the whole part.
    fn fraction_part(&self, end: usize, depth: usize) -> Option<Read> {
        let start = self.skip_spaces(end);
        if let Some((part, after)) = self.latex_fraction(start, depth) {
            return Some((part.filter(Number::is_proper), after));
        }
        if start == end {
            return None;
        }
        // `2 10/3` is two numbers: the part of a mixed number is below one.
        let bar = start + self.digits(start);
        let below = bar + 1 + self.digits(bar + 1);
        let longer = matches!(self.at(below), Some('/' | '.' | ',' | ':')) && self.digit(below + 1);
        if bar == start || below == bar + 1 || self.at(bar) != Some('/') || longer {
            return None;
        }
        let decimal = |range| Number::from(Decimal::new(false, &self.values(range), 0));
        let part = Number::ratio(&decimal(start..bar), &decimal(bar + 1..below))?;
        part.is_proper().then_some((Some(part), below))
    }

    /// Reads `\frac{3}{4}`, `\frac34`, `\frac 3{4}`.
    fn latex_fraction(&self, i: usize, depth: usize) -> Option<Read> {
        if !self.follows(i, "\\frac") {
            return None;
        }
        let (above, end) = self.argument(i + 5, depth)?;
        let (below, end) = self.argument(end, depth)?;
        Some((
            above
                .zip(below)
                .and_then(|(above, below)| Number::ratio(&above, &below)),
            end,
        ))
    }

    /// Reads an argument of a command: a group in braces, or one digit.
    fn argument(&self, i: usize, depth: usize) -> Option<Read> {
        let i = self.skip_spaces(i);
        if self.at(i) == Some('{') {
            let end = self.group_end(i)?;
            return Some((self.whole(i + 1..end - 1, depth + 1), end));
        }
        if self.digit(i) {
            return Some((Some(Decimal::new(false, &self.values(i..i + 1), 0).into()), i + 1));
        }
        // A letter or a command: an argument, and no number.
        let command = 1 + self.run(i + 1, |c| c.is_ascii_alphabetic());
        self.is(i, |c| c.is_alphabetic() || c == '\\').then(|| {
            (
                None,
                if self.at(i) == Some('\\') {
                    i + command
                } else {
                    i + 1
                },
            )
        })
    }

    /// The number that the characters of `range` are as a whole.
    fn whole(&self, range: Range<usize>, depth: usize) -> Option<Number> {
        if depth > DEEPEST {
            return None;
        }
        let inside = Quantities::new(&self.chars[..range.end], range.clone());
        let start = inside.skip_spaces(range.start);
        let (minus, at) = inside.sign(start).unwrap_or((false, start));
        let (number, end) = inside.magnitude(inside.skip_spaces(at), false, depth)?;
        if inside.skip_spaces(end) != range.end {
            return None;
        }
        if minus {
            number.map(Number::negated)
        } else {
            number
        }
    }

    /// Reads `{1 \over 2}`.
    pub(super) fn over(&self, i: usize, depth: usize) -> Option<Read> {
        if self.at(i) != Some('{') {
            return None;
        }
        let end = self.group_end(i)?;
        let bar = (i..end).find(|&at| self.follows(at, "\\over") && !self.is(at + 5, char::is_alphabetic))?;
        let (above, below) = (
            self.whole(i + 1..bar, depth + 1),
            self.whole(bar + 5..end - 1, depth + 1),
        );
        Some((
            above
                .zip(below)
                .and_then(|(above, below)| Number::ratio(&above, &below)),
            end,
        ))
    }

    /// Reads a decimal number: digits with separators, a fraction part, an exponent.
    pub(super) fn decimal(&self, start: usize, currency: bool) -> Option<Read> {
        let (mut digits, mut i) = self.grouped(start);
        let mut decimals = 0;
        let point = self.decimal_point(start, i, currency);
        if let Some(end) = point {
            digits.extend(self.values(i + 1..end));
            decimals = end - i - 1;
            i = end;
        } else if self.at(i) == Some(',') && self.digit(i + 1) && !digits.is_empty() {
            // `1,2`: a list or a European decimal, nobody knows which.
            return Some((None, i + self.run(i, |c| c == ',' || c.is_ascii_digit())));
        }
        if let Some((repeated, end)) = self.repeated(i, decimals > 0 || self.at(i) == Some('.')) {
            return Some((Number::repeating(&digits, decimals, &repeated), end));
        }
        if digits.is_empty() {
            return None;
        }
        let mut number: Option<Number> = Some(Decimal::new(false, &digits, -count(decimals)).into());
        if let Some((power, end)) = self.e_notation(i) {
            (number, i) = (number.zip(power).map(|(n, power)| n.scaled(power)), end);
        }
        Some((number, i))
    }

    /// The end of the fraction part whose point, or comma where it can only be one, stands at `i`.
    fn decimal_point(&self, start: usize, i: usize, currency: bool) -> Option<usize> {
        let end = i + 1 + self.digits(i + 1);
        if end == i + 1 {
            return None;
        }
        match self.at(i)? {
            '.' => Some(end),
            ',' if i > start && self.at(end) != Some(',') => {
                let groups = self.chars[start..i]
                    .iter()
                    .any(|c| matches!(c, '.' | ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'));
                let euro = currency
                    || self
                        .currency(self.skip_spaces(end))
                        .is_some_and(|_| !self.is(end, |c| c == '$'));
                (groups || euro && end - i <= 3).then_some(end)
            }
            _ => None,
        }
    }

    /// Reads `\overline{3}`, with the point before it when no digits stand there.
    fn repeated(&self, i: usize, after_point: bool) -> Option<(Vec<u8>, usize)> {
        let i = i + usize::from(self.at(i) == Some('.'));
        if !after_point || !self.follows(i, "\\overline") {
            return None;
        }
        let group = i + "\\overline".len();
        let end = group + 1 + self.digits(group + 1);
        (self.at(group) == Some('{') && self.at(end) == Some('}'))
            .then(|| (self.values(group + 1..end), end + 1))
    }

    /// Reads the digits of a whole number at `start` without its thousands separators.
    fn grouped(&self, start: usize) -> (Vec<u8>, usize) {
        let leading = self.digits(start);
        let plain = start + leading;
        let groups = |separator: &str, from: usize| -> usize {
            let mut end = from;
            while self.follows(end, separator) && self.digits(end + 1) == 3 {
                end += 4;
            }
            end
        };
        let mut end = plain;
        if (1..=3).contains(&leading) {
            for separator in [",", "_", "'", "’", "\u{a0}", "\u{202f}", "\u{2009}"] {
                end = groups(separator, plain);
                if end == plain && separator == "," {
                    end = self.indian(start, plain);
                }
                if end > plain {
                    break;
                }
            }
            // Groups that could be numbers of their own, or decimals, need company.
            let spaced = groups(" ", plain);
            let comma = self.at(spaced) == Some(',') && (1..=2).contains(&self.digits(spaced + 1));
            let own = self.at(plain + 1) != Some('0') && !comma;
            if end == plain && (spaced >= plain + 8 || spaced > plain && !own) {
                end = spaced;
            }
            let pointed = groups(".", plain);
            let comma = self.at(pointed) == Some(',') && self.digit(pointed + 1);
            if end == plain
                && self.at(start) != Some('0')
                && (pointed >= plain + 8 || pointed > plain && comma)
            {
                end = pointed;
            }
        }
        (self.values(start..end), end)
    }

    /// The end of `12,34,567`: groups of two, and one of three at the end.
    fn indian(&self, start: usize, plain: usize) -> usize {
        let mut end = plain;
        while plain - start <= 2 && self.at(end) == Some(',') && self.digits(end + 1) == 2 {
            end += 3;
        }
        if end > plain && self.at(end) == Some(',') && self.digits(end + 1) == 3 {
            end + 4
        } else {
            plain
        }
    }

    /// Reads `e-3` right after the digits.
    fn e_notation(&self, i: usize) -> Option<(Option<i64>, usize)> {
        if !matches!(self.at(i)?, 'e' | 'E') {
            return None;
        }
        let start = i + 1 + usize::from(self.is(i + 1, |c| c == '-' || c == '+'));
        let end = start + self.digits(start);
        if end == start || self.is(end, char::is_alphanumeric) {
            return None;
        }
        let text: String = self.chars[i + 1..end].iter().collect();
        Some((
            text.parse()
                .ok()
                .filter(|power: &i64| power.unsigned_abs() < u64::MAX / 16),
            end,
        ))
    }

    /// Reads an exponent: `^3`, `^{-3}`, `^(3)`, `**3`, `^{2^3}`; not the degree sign `^°`.
    pub(super) fn exponent(&self, i: usize, depth: usize) -> Option<Read> {
        let i = if self.at(i) == Some('^') {
            i + 1
        } else if self.follows(i, "**") && self.digit(i + 2) {
            i + 2
        } else {
            return None;
        };
        // `45^°`, `5'`, `3^{rd}`
        let raised = i + usize::from(self.at(i) == Some('{'));
        if self.is(raised, |c| matches!(c, '°' | '\''))
            || ["st", "nd", "rd", "th"]
                .iter()
                .any(|ending| self.word_at(raised, ending))
        {
            return None;
        }
        if depth >= DEEPEST {
            return Some((None, i + self.run(i, |c| c.is_ascii_alphanumeric() || c == '^')));
        }
        if matches!(self.at(i), Some('{' | '(')) {
            let end = self.group_end(i)?;
            return Some((self.whole(i + 1..end - 1, depth + 1), end));
        }
        let (minus, start) = self.sign(i).unwrap_or((false, i));
        let end = start + self.digits(start);
        if end == start {
            // A symbol.
            return Some((None, i + 1 + self.run(i + 1, |c| c.is_ascii_alphabetic())));
        }
        let base = Number::from(Decimal::new(minus, &self.values(start..end), 0));
        match self.exponent(end, depth + 1) {
            Some((inner, end)) => Some((inner.and_then(|inner| base.power(&inner)), end)),
            None => Some((Some(base), end)),
        }
    }

    /// Reads `× 10^6` with any sign of multiplication; the number is the power of ten.
    fn times_power_of_ten(&self, i: usize, depth: usize) -> Option<Read> {
        let sign = self.skip_spaces(i);
        if !self.is(sign, |c| "×x*·".contains(c)) {
            return None;
        }
        let ten = self.skip_spaces(sign + 1);
        if !self.follows(ten, "10") || self.digit(ten + 2) {
            return None;
        }
        let (exponent, end) = self.exponent(ten + 2, depth)?;
        let ten = Number::from(Decimal::new(false, &[1, 0], 0));
        Some((exponent.and_then(|exponent| ten.power(&exponent)), end))
    }

    /// The power of ten of an abbreviation glued to the number.
    pub(super) fn suffix(&self, i: usize, currency: bool) -> Option<(i64, usize)> {
        let (text, scale, _) = SUFFIXES.iter().find(|(text, _, money)| {
            self.follows(i, text) && (currency || !money) && !self.is(i + text.len(), char::is_alphanumeric)
        })?;
        let end = i + text.len();
        // `5k^2` and `2M/s` are units or variables.
        (!self.is(end, |c| matches!(c, '^' | '_' | '/'))).then_some((*scale, end))
    }

    /// The power of ten of the word that follows.
    pub(super) fn scale_word(&self, i: usize) -> Option<(i64, usize)> {
        let at = if self.at(i) == Some('-') {
            i + 1
        } else {
            self.skip_spaces(i)
        };
        let (word, scale) = SCALES.iter().find(|(word, _)| self.word_at(at, word))?;
        Some((*scale, at + word.len()))
    }

    /// The end of the percent sign or word that follows.
    pub(super) fn percent(&self, i: usize) -> Option<usize> {
        let at = self.skip_spaces(i);
        if matches!(self.at(at), Some('%' | '٪')) {
            return Some(at + 1);
        }
        ["percent", "per cent"]
            .into_iter()
            .find(|word| self.word_at(at, word))
            .map(|word| at + word.len())
    }
}

//! Numerals: the ways a number is written in an answer, as a grammar over the characters of [`super::plain_text`].
//!
//! ```text
//! quantity  = [sign] [currency] [sign] magnitude [suffix] [percent]
//! magnitude = base ["^" exponent] [("×" | "x" | "*" | "·") "10^" exponent]
//! base      = decimal | decimal fraction | fraction | decimal ("/" | " / ") decimal
//! fraction  = "\frac" argument argument | "{" quantity "\over" quantity "}"
//! decimal   = digits with separators ["." digits] ["\overline{" digits "}"] ["e" integer]
//! exponent  = whole number, in braces or not, itself a power or not
//! suffix    = "k" | "M" | "bn" … | "hundred" | "thousand" | "million" …
//! ```
//!
//! | written | read as |
//! |---|---|
//! | `18`, `18.`, `+18`, `.5`, `0.50` | 18, 18, 18, 0.5, 0.5 |
//! | `1,450,000`, `1,00,000`, `1_000`, `1'000`, `1 000` with a no-break or thin space, `1 000 000` | thousands separators |
//! | `10 000` with a plain space | 10000, where the group begins with 0 and so is no number of its own |
//! | `1.234.567`, `1.234,56`, `3,50 €` | European forms, where they can mean nothing else |
//! | `$18`, `$ 18`, `-$5`, `$-5`, `€3.50` | the amount |
//! | `-5`, `negative 5` | negative, unless a number or a closing bracket comes before the sign (`13 -4` is a subtraction) |
//! | `3/4`, `1 / 2`, `1 1/2`, `\frac34`, `2\frac{1}{2}` | a fraction |
//! | `0.\overline{3}` | 1/3 |
//! | `1e3`, `1.5 × 10^6`, `10^{-3}`, `2^10`, `2**10` | a power |
//! | `12k`, `$1.5M`, `3bn`, `2 million`, `5 crore` | a multiple |
//! | `12%`, `12 percent` | 12, marked as a percentage |
//! | `18cm`, `3rd`, `9.8 m/s^2`, `45°` | the number before the unit |
//!
//! Some things hold digits and are not one number. They are found as a whole, as a [`Quantity`] without a number: dates and
//! versions (`2024-01-15`, `1.2.3`), times and ratios (`12:00`, `3:2`), tuples, intervals and sets (`(0, 1)`), other bases
//! (`0x1F`, `101_2`), what a symbol is part of (`2\pi`, `\sqrt{2}`, `3x`, `10^n`), `±5`, `1,2`, a division by zero, and a
//! number too long to be written out (`9^9^9`, `10^10^10`, `1e999999999`; see [`Number::can_be_written_out`]).
//!
//! Digits that follow a letter (`H2O`, `v2`, `x_1`, `cm^2`) are part of a name. Numbers in words are not read. A text is
//! read in linear time: nesting is followed to a depth of [`DEEPEST`].

mod no_number;
mod value;

use super::number::Number;
use super::plain_text::SET_OPEN;
use std::ops::Range;

/// Braces and powers are followed to this depth.
const DEEPEST: usize = 4;
/// An argument longer than this holds no number.
const LONGEST_ARGUMENT: usize = 200;

/// Something with digits in it.
#[derive(Debug, Clone)]
pub struct Quantity {
    /// The number, or `None` when it is not one number.
    pub number: Option<Number>,
    /// The place where it begins, its sign included.
    pub start: usize,
    /// The place where it ends, its percent sign included and its unit not.
    pub end: usize,
}

impl Quantity {
    fn new(number: Option<Number>, place: Range<usize>) -> Self {
        Self {
            number: number.filter(Number::can_be_written_out),
            start: place.start,
            end: place.end,
        }
    }
}

/// The quantities in part of a text, from left to right.
pub struct Quantities<'a> {
    chars: &'a [char],
    next: usize,
}

/// A number, or a thing that is none, and where it ends.
type Read = (Option<Number>, usize);

impl<'a> Quantities<'a> {
    /// Reads the quantities that start within `range` and end before its end.
    pub fn new(chars: &'a [char], range: Range<usize>) -> Self {
        Self {
            chars: &chars[..range.end],
            next: range.start,
        }
    }

    fn at(&self, i: usize) -> Option<char> {
        self.chars.get(i).copied()
    }

    fn is(&self, i: usize, test: impl Fn(char) -> bool) -> bool {
        self.at(i).is_some_and(test)
    }

    fn digit(&self, i: usize) -> bool {
        self.is(i, |c| c.is_ascii_digit())
    }

    fn follows(&self, i: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(n, c)| self.at(i + n) == Some(c))
    }

    /// The number of characters from `i` on that pass `test`.
    fn run(&self, i: usize, test: impl Fn(char) -> bool) -> usize {
        self.chars
            .get(i..)
            .map_or(0, |rest| rest.iter().take_while(|&&c| test(c)).count())
    }

    fn digits(&self, i: usize) -> usize {
        self.run(i, |c| c.is_ascii_digit())
    }

    fn values(&self, range: Range<usize>) -> Vec<u8> {
        self.chars[range]
            .iter()
            .filter(|c| c.is_ascii_digit())
            .map(|&c| c as u8 - b'0')
            .collect()
    }

    fn skip_spaces(&self, i: usize) -> usize {
        i + self.run(i, |c| matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}'))
    }

    /// Reads the quantity that begins at `start`.
    fn quantity(&self, start: usize) -> Option<Read> {
        // A sign before or after the currency, at most one.
        let (mut i, mut negative) = (start, false);
        let sign = self.sign(i);
        if let Some((minus, end)) = sign {
            (i, negative) = (end, minus);
        }
        let currency = self.currency(i);
        if let Some(after) = currency {
            i = self.skip_spaces(after);
            if let (None, Some((minus, end))) = (sign, self.sign(i)) {
                (i, negative) = (end, minus);
            }
        }
        let (mut number, mut end) = self.magnitude(i, currency.is_some(), 0)?;
        if let Some((scale, after)) = self.suffix(end, currency.is_some()) {
            (number, end) = (number.map(|n| n.scaled(scale)), after);
        }
        while let Some((scale, after)) = self.scale_word(end) {
            (number, end) = (number.map(|n| n.scaled(scale)), after);
        }
        if let Some(after) = self.percent(end) {
            (number, end) = (number.map(Number::as_percentage), after);
        }
        if let Some(after) = self.symbol(end) {
            return Some((None, after));
        }
        let absolute =
            start > 0 && self.chars[start - 1] == '|' && self.at(end) == Some('|') && sign.is_some();
        let number = if absolute { None } else { number };
        Some((
            if negative {
                number.map(Number::negated)
            } else {
                number
            },
            end,
        ))
    }

    /// The sign at `i`: whether it is a minus, and where the number may begin.
    fn sign(&self, i: usize) -> Option<(bool, usize)> {
        let minus = match self.at(i)? {
            '-' => true,
            '+' => false,
            _ => return None,
        };
        // `= - 5`, but neither `- 5 apples` in a list nor `so - 5`.
        let before = self.chars[..i].iter().rev().find(|c| **c != ' ');
        let formula =
            self.at(i + 1) == Some('\u{2009}') || before.is_some_and(|c| "=≈([{$<>≤≥,".contains(*c));
        Some((minus, if formula { self.skip_spaces(i + 1) } else { i + 1 }))
    }

    /// Tells whether an operator at `i` stands between two operands.
    fn subtracts(&self, i: usize) -> bool {
        let before = self.chars[..i].iter().rev().find(|c| **c != ' ');
        let glued = i > 0 && self.chars[i - 1].is_alphanumeric();
        glued || before.is_some_and(|c| c.is_ascii_digit() || ")]}%°π∞!".contains(*c))
    }

    /// The end of the currency sign at `i`.
    fn currency(&self, i: usize) -> Option<usize> {
        self.is(i, |c| "$€£¥₹₩₽₺₫₴₱฿".contains(c)).then_some(i + 1)
    }

    /// The end of the group in braces or brackets that opens at `i`.
    fn group_end(&self, i: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (n, c) in self.chars[i..].iter().take(LONGEST_ARGUMENT).enumerate() {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(i + n + 1);
                    }
                }
                '\n' => return None,
                _ => {}
            }
        }
        None
    }

    /// Tells whether `word` (lower case) stands at `i` in any case and ends there, but for a plural `s`.
    fn word_at(&self, i: usize, word: &str) -> bool {
        let same = word
            .chars()
            .enumerate()
            .all(|(n, c)| self.is(i + n, |found| found.eq_ignore_ascii_case(&c)));
        let end = i + word.len();
        let end = if self.at(end) == Some('s') { end + 1 } else { end };
        same && !self.is(end, char::is_alphanumeric)
    }

    /// The end of the word at `i` with the digits, subscripts and exponents that belong to it.
    fn name_end(&self, i: usize) -> usize {
        let mut end = i + self.run(i, |c| is_letter(c) || c.is_ascii_digit() || c == '_');
        loop {
            let next = match self.at(end) {
                // `v2.0`
                Some('.') if self.digit(end - 1) && self.digit(end + 1) => {
                    Some(end + 1 + self.digits(end + 1))
                }
                Some('^') => self.exponent(end, DEEPEST - 1).map(|(_, end)| end),
                Some('{') if self.is(end - 1, |c| c == '_') => self.group_end(end),
                _ => None,
            };
            match next {
                Some(next) if next > end => end = next,
                _ => return end,
            }
        }
    }
}

/// Letters of scripts that put spaces between words; others stand right beside numbers.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{52f}') && c.is_alphabetic()
}

impl Iterator for Quantities<'_> {
    type Item = Quantity;

    fn next(&mut self) -> Option<Quantity> {
        while let Some(c) = self.at(self.next) {
            let i = self.next;
            if is_letter(c) && c != 'π' {
                let end = self.name_end(i);
                let negates = self.word_at(i, "negative") || self.word_at(i, "minus") && !self.subtracts(i);
                self.next = end;
                if negates
                    && self.at(end) == Some(' ')
                    && let Some((number, after)) =
                        self.quantity(end + 1).filter(|_| self.sign(end + 1).is_none())
                {
                    self.next = after;
                    return Some(Quantity::new(number.map(Number::negated), i..after));
                }
                continue;
            }
            let found = match c {
                '-' | '+' => {
                    if self.subtracts(i) {
                        None
                    } else {
                        self.quantity(i)
                    }
                }
                // `1.2.3` and `No.5`: a point between two characters of a name starts no decimal.
                '.' if i > 0 && self.chars[i - 1].is_alphanumeric() => None,
                '√' => Some((None, self.root_end(i))),
                'π' | '∞' => Some((None, i + 1)),
                '±' => self.quantity(self.skip_spaces(i + 1)).map(|(_, end)| (None, end)),
                '(' | '[' | '⟨' | SET_OPEN => self.tuple(i).map(|end| (None, end)),
                '{' => self.over(i, 0).or_else(|| self.tuple(i).map(|end| (None, end))),
                // What is raised or lowered stands behind something that is no number.
                '^' | '_' => {
                    let end = match self.at(i + 1) {
                        Some('{' | '(') => self.group_end(i + 1),
                        Some('-') if c == '^' => Some(i + 2 + self.digits(i + 2)),
                        _ if c == '^' || i > 0 && !self.chars[i - 1].is_whitespace() => {
                            Some(i + 1 + self.digits(i + 1))
                        }
                        _ => None,
                    };
                    self.next = end.unwrap_or(i + 1);
                    continue;
                }
                '\\' if self.follows(i, "\\boxed") => {
                    self.next = i + 6;
                    continue;
                }
                '\\' if self.follows(i, "\\frac") => {
                    self.quantity(i).or_else(|| Some((None, self.command_end(i))))
                }
                '\\' if self.function_end(i).is_some() => self.function_end(i).map(|end| (None, end)),
                '\\' => {
                    let end = self.command_end(i);
                    let digits = self.chars[i..end].iter().any(char::is_ascii_digit);
                    if !digits {
                        self.next = end.max(i + 1);
                        continue;
                    }
                    Some((None, end))
                }
                _ if c.is_ascii_digit() || c == '.' || self.currency(i).is_some() => self.quantity(i),
                _ => None,
            };
            match found {
                Some((number, end)) => {
                    // Letters glued to the number are its unit, and digits in those (`5m2`) belong to the unit.
                    self.next = if self.is(end, is_letter) {
                        self.name_end(end)
                    } else {
                        end
                    };
                    return Some(Quantity::new(number, i..end));
                }
                None => self.next = i + 1,
            }
        }
        None
    }
}

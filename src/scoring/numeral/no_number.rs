//! Digits that are not one number: other bases, dates, times, tuples, and numbers that a symbol is part of.

use super::Quantities;
use crate::scoring::plain_text::SET_CLOSE;

/// A tuple longer than this is prose.
const LONGEST_TUPLE: usize = 100;

/// A matrix longer than this is read as its numbers.
const LONGEST_MATRIX: usize = 2000;

/// Letters that are a variable when they stand alone behind a number.
const VARIABLES: &str = "xyznijπθφαβγλσω";

/// Commands whose argument may stand without braces.
const FUNCTIONS: &[&str] = &["sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "lg", "exp"];

/// Commands that a number is multiplied by when they stand behind it, besides functions.
const SYMBOLS: &[&str] = &[
    "binom",
    "vec",
    "hat",
    "mathbf",
    "rho",
    "tau",
    "psi",
    "eta",
    "xi",
    "kappa",
    "nu",
    "epsilon",
    "varepsilon",
    "delta",
    "Delta",
    "zeta",
    "varphi",
    "hbar",
    "ell",
];

impl Quantities<'_> {
    /// The end of digits that are not a decimal number: another base, a date, a time, a ratio, a version.
    pub(super) fn other_notation(&self, i: usize) -> Option<usize> {
        let first = self.digits(i);
        if first == 0 {
            return None;
        }
        let after = i + first;
        let glued = |from: usize| from + self.run(from, |c| c.is_ascii_alphanumeric());
        if first == 1 && self.at(i) == Some('0') && self.is(after, |c| "xXbBoO".contains(c)) {
            let base = self.run(after + 1, |c| c.is_ascii_hexdigit());
            if base > 0 {
                return Some(glued(after));
            }
        }
        // `101_2`; `1_000` is grouped.
        if self.at(after) == Some('_') {
            let subscript = self.digits(after + 1);
            if self.at(after + 1) == Some('{') {
                return self.group_end(after + 1);
            }
            if subscript > 0 && subscript != 3 {
                return Some(glued(after + 1));
            }
        }
        self.chain(i, after)
    }

    /// The end of integers joined by one separator: `2024-01-15`, `1/2/2024`, `1.2.3`, `12:30`, `3 : 2`.
    fn chain(&self, start: usize, first: usize) -> Option<usize> {
        let spaced = self.skip_spaces(first);
        if spaced > first && self.at(spaced) == Some(':') && self.is(spaced + 1, |c| c == ' ') {
            let second = self.skip_spaces(spaced + 1);
            return self.digit(second).then(|| second + self.digits(second));
        }
        let separator = self.at(first).filter(|c| "-/.:".contains(*c))?;
        let mut lengths = vec![first - start];
        let mut end = first;
        // Four parts joined by dashes at most: the phone number with a country code.
        while self.at(end) == Some(separator)
            && self.digit(end + 1)
            && (separator != '-' || lengths.len() < 5)
        {
            let length = self.digits(end + 1);
            lengths.push(length);
            end += 1 + length;
        }
        let years = |n: usize| lengths.get(n) == Some(&4);
        let is_chain = match separator {
            ':' => lengths.len() > 1,
            '/' => lengths.len() > 2,
            '.' => lengths.len() > 2 && !(lengths[0] <= 3 && lengths[1..].iter().all(|&n| n == 3)),
            _ => {
                lengths.len() == 3
                    && (years(0) || years(2))
                    && lengths.iter().filter(|&&n| n > 2).count() == 1
                    || lengths.ends_with(&[3, 3, 4])
            }
        };
        if !is_chain {
            return None;
        }
        // A time may follow a date, and a zone or fraction a time: `2024-01-15T12:00:00.5+01:00`.
        let mut end = end + self.run(end, |c| c.is_ascii_alphanumeric());
        while matches!(self.at(end), Some(':' | '.' | '+' | '-')) && self.digit(end + 1) {
            end += 1 + self.run(end + 1, |c| c.is_ascii_alphanumeric());
        }
        Some(end)
    }

    /// The end of a symbol that the number is multiplied by: `2π`, `3\sqrt{2}`, `3 · √2`, `5x`, `5x^2`.
    pub(super) fn symbol(&self, i: usize) -> Option<usize> {
        let mut at = self.skip_spaces(i);
        if self.is(at, |c| "·×".contains(c)) {
            at = self.skip_spaces(at + 1);
        }
        match self.at(at)? {
            '√' => return Some(self.root_end(at)),
            c if "π∞θφαβγλσω".contains(c) => return Some(at + 1),
            '\\' => {
                let name = self.run(at + 1, |c| c.is_ascii_alphabetic());
                let name: String = self.chars[at + 1..at + 1 + name].iter().collect();
                if let Some(end) = self.function_end(at) {
                    return Some(end);
                }
                if SYMBOLS.contains(&name.as_str()) {
                    return Some(self.command_end(at));
                }
            }
            _ => {}
        }
        let name = self.at(i).filter(|c| VARIABLES.contains(*c))?;
        if self.is(i + 1, char::is_alphanumeric) {
            return None;
        }
        // `10x faster` is ten times as fast.
        let times = name == 'x' && self.at(i + 1) == Some(' ') && self.is(i + 2, char::is_alphabetic);
        (!times).then(|| self.exponent(i + 1, 0).map_or(i + 1, |(_, end)| end))
    }

    /// The end of a root and what stands under it.
    pub(super) fn root_end(&self, i: usize) -> usize {
        let at = self.skip_spaces(i + 1);
        if matches!(self.at(at), Some('{' | '(' | '[')) {
            let end = self.group_end(at).unwrap_or(at);
            // `\sqrt[3]{2}`
            return if self.at(end) == Some('{') && end > at {
                self.group_end(end).unwrap_or(end)
            } else {
                end
            };
        }
        at + self.run(at, |c| c.is_alphanumeric() || c == '.')
    }

    /// The end of a function and its argument: `\log_2 7`, `\sin 30°`, `\ln{5}`.
    pub(super) fn function_end(&self, i: usize) -> Option<usize> {
        let name = 1 + self.run(i + 1, |c| c.is_ascii_alphabetic());
        let name: String = self.chars[i + 1..i + name].iter().collect();
        if !FUNCTIONS.contains(&name.as_str()) {
            return None;
        }
        let end = self.command_end(i);
        let argument = self.skip_spaces(end);
        let group = self
            .is(argument, |c| c == '(' || c == '{')
            .then(|| self.group_end(argument))
            .flatten();
        Some(group.unwrap_or(argument + self.run(argument, |c| c.is_alphanumeric() || c == '.')))
    }

    /// The end of a command, its scripts and its groups; of a matrix as a whole.
    pub(super) fn command_end(&self, i: usize) -> usize {
        if self.follows(i, "\\begin{") && (i + 7..i + 16).any(|at| self.follows(at, "matrix}")) {
            let close =
                (i + 7..self.chars.len().min(i + LONGEST_MATRIX)).find(|&at| self.follows(at, "\\end{"));
            return close.and_then(|at| self.group_end(at + 4)).unwrap_or(i + 6);
        }
        let mut end = i + 1 + self.run(i + 1, char::is_alphabetic);
        loop {
            let script = end + usize::from(self.is(end, |c| c == '_' || c == '^'));
            let next = match self.at(script) {
                Some('{') => self.group_end(script),
                Some(c) if script > end && c.is_alphanumeric() => {
                    Some(script + self.run(script, char::is_alphanumeric))
                }
                _ => None,
            };
            match next {
                Some(next) => end = next,
                None => return end,
            }
        }
    }

    /// The end of the tuple, interval or set that opens at `i`, or of a group that is raised to a power.
    pub(super) fn tuple(&self, i: usize) -> Option<usize> {
        let mut at = i + 1;
        let (mut separators, mut digits) = (0, false);
        while at - i < LONGEST_TUPLE {
            let c = self.at(at)?;
            match c {
                ')' | ']' | '}' | '⟩' | SET_CLOSE => {
                    let power = (c == ')' && self.at(at + 1) == Some('^'))
                        .then(|| self.exponent(at + 1, 0))
                        .flatten();
                    if separators == 0 {
                        return power.filter(|_| digits).map(|(_, end)| end);
                    }
                    return digits.then_some(at + 1);
                }
                ',' | ';' => {
                    separators += 1;
                    at += 1;
                }
                _ if c.is_ascii_digit() => {
                    digits = true;
                    let (number, end) = self.decimal(at, false)?;
                    // `(0,1)` is two numbers, `(1,234)` one.
                    separators += usize::from(number.is_none());
                    at = end.max(at + 1);
                }
                _ if c.is_alphabetic() => {
                    let length = self.run(at, char::is_alphabetic);
                    let joins = ["and", "or", "inf", "infty"]
                        .iter()
                        .any(|word| self.word_at(at, word));
                    if length > 2 && !joins {
                        return None;
                    }
                    at += length;
                }
                '\\' => at = self.command_end(at),
                ' ' | '\u{2009}' | '\u{a0}' | '-' | '+' | '.' | '/' | '*' | '^' | '_' | '{' | '(' | '°'
                | '√' | '∞' | '%' | '$' | '·' | '×' => at += 1,
                _ => return None,
            }
        }
        None
    }
}

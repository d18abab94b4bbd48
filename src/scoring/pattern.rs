//! Regular expressions of JavaScript in linear time, whatever the pattern and the answer are.
//!
//! The syntax is that of JavaScript with the flag `u`, which the facade has checked with the JavaScript engine itself.
//! Here it is translated for the crate `regex`, whose classes and anchors mean other things in places. Look-around and
//! back-references have no linear algorithm and are refused.
//!
//! Two things differ from JavaScript: a group in a repetition keeps its last participation, which JavaScript forgets in
//! each round; and with the flag `m` a line ends at `\n`, `\r` and `\r\n`, not at U+2028 and U+2029.

use regex::Regex;
use serde::Deserialize;

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::text;

/// Bytes that a compiled pattern may take.
const MOST_BYTES: usize = 1 << 26;

/// A part of the answer that must be an expected text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capture {
    /// None: the pattern occurs in the answer.
    #[default]
    None,
    /// One of the groups.
    One,
    /// All of the groups.
    All,
}

/// The specification of a pattern.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatternOptions {
    source: String,
    /// Flags of JavaScript; `i`, `m`, `s` and `y` change the meaning.
    flags: String,
    #[serde(default)]
    capture: Capture,
}

/// A scorer by a pattern.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    capture: Capture,
    ignore_case: bool,
}

/// The reason why a pattern cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Linear time does not allow it.
    #[error(
        "the pattern has {0}, which cannot be matched in linear time; \
         write it without, or match it in JavaScript"
    )]
    Unsupported(&'static str),
    /// The crate does not know it.
    #[error("the pattern cannot be compiled: {0}")]
    Refused(String),
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When it needs more than linear time, or more than 64 MB.
    pub fn new(options: &PatternOptions) -> Result<Self, PatternError> {
        let has = |flag| options.flags.contains(flag);
        let translated = Translation {
            input: options.source.chars().collect(),
            at: 0,
            ignore_case: has('i'),
            multi_line: has('m'),
            dot_all: has('s'),
            output: String::new(),
        };
        let mut translated = translated.run()?;
        if has('y') {
            // Sticky: the match begins where the search does.
            translated = format!(r"\A(?:{translated})");
        }
        let regex = regex::RegexBuilder::new(&translated)
            .case_insensitive(has('i'))
            .size_limit(MOST_BYTES)
            .dfa_size_limit(MOST_BYTES)
            .build()
            .map_err(|error| PatternError::Refused(error.to_string()))?;
        Ok(Self {
            regex,
            capture: options.capture,
            ignore_case: has('i'),
        })
    }
}

impl Kernel for Pattern {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let actual = searchable(pair.actual);
        let found = match self.capture {
            Capture::None => self.regex.is_match(&actual),
            Capture::One | Capture::All => self.regex.captures(&actual).is_some_and(|captures| {
                // Without groups the match itself counts.
                let first = usize::from(captures.len() > 1);
                let mut groups = captures.iter().skip(first).flatten().peekable();
                // An empty group is no answer, whatever is expected.
                let expected: Vec<String> = pair
                    .expected
                    .iter()
                    .map(|expected| searchable(expected))
                    .collect();
                let expected: Vec<Vec<u32>> = expected
                    .iter()
                    .filter(|expected| !expected.is_empty())
                    .map(|expected| self.comparable(expected))
                    .collect();
                let is_expected =
                    |group: regex::Match<'_>| expected.contains(&self.comparable(group.as_str()));
                if self.capture == Capture::One {
                    groups.any(is_expected)
                } else {
                    groups.peek().is_some() && groups.all(is_expected)
                }
            }),
        };
        Ok(f64::from(u8::from(found)))
    }
}

impl Pattern {
    fn comparable(&self, text: &str) -> Vec<u32> {
        let points = text::points_of(text);
        if self.ignore_case {
            text::fold(&points)
        } else {
            points
        }
    }
}

/// The private characters that stand for lone surrogates, which UTF-8 has no place for.
const SURROGATES: u32 = 0x10_F800;

fn searchable(units: &[u16]) -> String {
    char::decode_utf16(units.iter().copied())
        .map(|decoded| decoded.unwrap_or_else(|lone| stand_in(u32::from(lone.unpaired_surrogate()))))
        .collect()
}

/// The character that stands for a code point: itself but for a lone surrogate.
fn stand_in(point: u32) -> char {
    char::from_u32(point)
        .or_else(|| char::from_u32(SURROGATES + (point & 0x7FF)))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// JavaScript's `\s`, as the inside of a class.
const SPACE: &str =
    r"\t\n\x0B\x0C\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";
/// JavaScript's line ends.
const LINE_ENDS: &str = r"\n\r\u{2028}\u{2029}";

struct Translation {
    input: Vec<char>,
    at: usize,
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    output: String,
}

impl Translation {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.input.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek(0);
        self.at += 1;
        next
    }

    /// Returns true if the input goes on with `text`; then it is skipped.
    fn skip(&mut self, text: &str) -> bool {
        let found = text
            .chars()
            .enumerate()
            .all(|(ahead, c)| self.peek(ahead) == Some(c));
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Returns the text up to `end`, and skips `end`.
    fn until(&mut self, end: char) -> String {
        let mut text = String::new();
        while let Some(c) = self.next().filter(|&c| c != end) {
            text.push(c);
        }
        text
    }

    fn run(mut self) -> Result<String, PatternError> {
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                '.' if self.dot_all => self.output.push_str("(?s:.)"),
                '.' => self.push_all(&["[^", LINE_ENDS, "]"]),
                '^' if self.multi_line => self.output.push_str("(?mR:^)"),
                '$' if self.multi_line => self.output.push_str("(?mR:$)"),
                '^' => self.output.push_str(r"\A"),
                '$' => self.output.push_str(r"\z"),
                '|' | ')' | '*' | '+' | '?' | '{' | '}' => self.output.push(c),
                c => self.literal(c),
            }
        }
        Ok(self.output)
    }

    fn push_all(&mut self, parts: &[&str]) {
        for part in parts {
            self.output.push_str(part);
        }
    }

    fn literal(&mut self, c: char) {
        self.output.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn group(&mut self) -> Result<(), PatternError> {
        if ["?=", "?!", "?<=", "?<!"].iter().any(|start| self.skip(start)) {
            return Err(PatternError::Unsupported("look-around"));
        }
        self.output.push('(');
        if self.skip("?<") {
            // The names are JavaScript's; only the numbers of the groups matter here.
            self.until('>');
        } else if self.peek(0) == Some('?') {
            // `?:`, and flags for a part such as `?i-m:`.
            let flags = self.until(':');
            self.push_all(&[&flags, ":"]);
        }
        Ok(())
    }

    /// An escape, behind its backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), PatternError> {
        let Some(c) = self.next() else {
            return Err(PatternError::Refused("it ends with a backslash".to_owned()));
        };
        let class = |inside: &str| {
            if in_class {
                inside.to_owned()
            } else {
                format!("[{inside}]")
            }
        };
        // Under `iu` two characters beyond ASCII fold to letters of `\w`.
        let word = if self.ignore_case {
            r"A-Za-z0-9_\u{17F}\u{212A}"
        } else {
            "A-Za-z0-9_"
        };
        let text = match c {
            'd' => class("0-9"),
            'D' => "[^0-9]".to_owned(),
            'w' => class(word),
            'W' => format!("[^{word}]"),
            's' => class(SPACE),
            'S' => format!("[^{SPACE}]"),
            'b' if in_class => r"\x08".to_owned(),
            'b' => r"(?-u:\b)".to_owned(),
            'B' => r"(?-u:\B)".to_owned(),
            'p' | 'P' => {
                self.at += 1;
                let name = self.until('}');
                property(c == 'P', &name)
            }
            'k' | '1'..='9' => return Err(PatternError::Unsupported("a back-reference")),
            'c' => {
                let letter = self.next().map_or(0, u32::from);
                format!("\\x{{{:X}}}", letter % 32)
            }
            'x' | 'u' => {
                let point = self.code_point(c);
                self.point_text(point, in_class);
                return Ok(());
            }
            '0' => r"\x00".to_owned(),
            't' => r"\t".to_owned(),
            'n' => r"\n".to_owned(),
            'v' => r"\x0B".to_owned(),
            'f' => r"\x0C".to_owned(),
            'r' => r"\r".to_owned(),
            c => {
                self.point_text(u32::from(c), in_class);
                return Ok(());
            }
        };
        self.output.push_str(&text);
        Ok(())
    }

    fn point_text(&mut self, point: u32, in_class: bool) {
        let c = stand_in(point);
        if in_class {
            self.push_all(&[&format!("\\x{{{:X}}}", u32::from(c))]);
        } else {
            self.literal(c);
        }
    }

    /// The code point of `\xHH`, `\uHHHH`, a surrogate pair of these, or `\u{H…}`.
    fn code_point(&mut self, kind: char) -> u32 {
        if self.skip("{") {
            return u32::from_str_radix(&self.until('}'), 16).unwrap_or(0);
        }
        let first = self.hex(if kind == 'x' { 2 } else { 4 });
        if (0xD800..0xDC00).contains(&first) && self.peek(0) == Some('\\') && self.peek(1) == Some('u') {
            let before = self.at;
            self.at += 2;
            let second = self.hex(4);
            if (0xDC00..0xE000).contains(&second) {
                return 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            }
            self.at = before;
        }
        first
    }

    fn hex(&mut self, digits: usize) -> u32 {
        (0..digits)
            .filter_map(|_| self.next()?.to_digit(16))
            .fold(0, |value, digit| value * 16 + digit)
    }

    /// A class, behind its bracket.
    fn class(&mut self) -> Result<(), PatternError> {
        let negated = self.skip("^");
        if self.skip("]") {
            // Nothing, or anything.
            self.output
                .push_str(if negated { "(?s:.)" } else { r"[^\x00-\x{10FFFF}]" });
            return Ok(());
        }
        self.output.push_str(if negated { "[^" } else { "[" });
        while self.peek(0).is_some_and(|c| c != ']') {
            self.class_atom()?;
            if self.peek(0) == Some('-') && self.peek(1) != Some(']') {
                self.at += 1;
                self.output.push('-');
                self.class_atom()?;
            }
        }
        self.at += 1;
        self.output.push(']');
        Ok(())
    }

    /// A character or an escape of a class.
    fn class_atom(&mut self) -> Result<(), PatternError> {
        match self.next() {
            Some('\\') => self.escape(true),
            Some(c) => {
                self.point_text(u32::from(c), true);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// A property in the crate's words.
fn property(negated: bool, name: &str) -> String {
    let letter = if negated { 'P' } else { 'p' };
    match name.split_once('=') {
        Some(("Script_Extensions", script)) => format!(r"\{letter}{{scx={script}}}"),
        Some(("Script", script)) => format!(r"\{letter}{{sc={script}}}"),
        Some((key, value)) => format!(r"\{letter}{{{key}={value}}}"),
        None if matches!(name, "Cs" | "Surrogate") => {
            let caret = if negated { "^" } else { "" };
            format!(r"[{caret}\x{{10F800}}-\x{{10FFFF}}]")
        }
        None => format!(r"\{letter}{{{name}}}"),
    }
}

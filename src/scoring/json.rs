//! JSON values that compare as data: key order does not matter, numbers are exact decimals.
//!
//! A strict parser (RFC 8259) of its own, because equality needs what common parsers give up:
//! - integers beyond 2^53 and decimals stay as written, so that 1, 1.0 and 1e0 are equal and 9007199254740993 is not
//!   9007199254740992;
//! - half of a surrogate pair (`\ud800`) stays itself; see [`super::utf16`].
//!
//! The last of repeated keys counts, as in `JSON.parse`. Linear, but for n log n in the keys of an object.

use super::decimal::{Decimal, count};
use super::utf16;
use std::collections::BTreeMap;

/// The deepest nesting that is read; what is deeper is never recursed into.
pub const MAX_DEPTH: usize = 1000;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Any number, exactly.
    Number(Decimal),
    /// A string, unescaped.
    String(String),
    /// In order.
    Array(Vec<Value>),
    /// By key.
    Object(BTreeMap<String, Value>),
}

/// The place where a text stopped being JSON that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The byte offset.
    pub at: usize,
    /// `true` when it stopped because of nesting beyond [`MAX_DEPTH`].
    pub too_deep: bool,
}

/// Reads the whole of `text` as one value, white space around it allowed.
pub fn parse(text: &str) -> Option<Value> {
    read(text).ok()
}

/// Reads the whole of `text` as one value, white space around it allowed.
///
/// # Errors
/// The place where the trimmed text stopped being JSON.
pub fn read(text: &str) -> Result<Value, Stop> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let (value, at) = parse_at(text, 0)?;
    if at == text.len() {
        Ok(value)
    } else {
        Err(Stop { at, too_deep: false })
    }
}

/// Reads the value that starts at byte `start`, and where it ends.
///
/// # Errors
/// The place where the text stopped being JSON.
pub fn parse_at(text: &str, start: usize) -> Result<(Value, usize), Stop> {
    let mut parser = Parser {
        text,
        at: start,
        too_deep: false,
    };
    match parser.value(0) {
        Some(value) => Ok((value, parser.at)),
        None => Err(Stop {
            at: parser.at,
            too_deep: parser.too_deep,
        }),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    too_deep: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, expected: &str) -> Option<()> {
        self.text.as_bytes()[self.at..]
            .starts_with(expected.as_bytes())
            .then(|| self.at += expected.len())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            self.too_deep = true;
            return None;
        }
        self.skip_spaces();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Value::String),
            b't' => self.take("true").map(|()| Value::Bool(true)),
            b'f' => self.take("false").map(|()| Value::Bool(false)),
            b'n' => self.take("null").map(|()| Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut members = BTreeMap::new();
        self.take("{")?;
        self.skip_spaces();
        if self.take("}").is_some() {
            return Some(Value::Object(members));
        }
        loop {
            self.skip_spaces();
            let key = self.string()?;
            self.skip_spaces();
            self.take(":")?;
            members.insert(key, self.value(depth + 1)?);
            self.skip_spaces();
            if self.take(",").is_none() {
                self.take("}")?;
                return Some(Value::Object(members));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        self.take("[")?;
        self.skip_spaces();
        if self.take("]").is_some() {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_spaces();
            if self.take(",").is_none() {
                self.take("]")?;
                return Some(Value::Array(items));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut units = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest.iter().position(|&b| matches!(b, b'"' | b'\\') || b < 0x20)?;
            units.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            if self.take("\"").is_some() {
                return Some(units);
            }
            self.take("\\")?;
            let escaped = self.peek()?;
            self.at += 1;
            let code = match escaped {
                b'"' | b'\\' | b'/' => u32::from(escaped),
                b'b' => 0x8,
                b'f' => 0xc,
                b'n' => 0xa,
                b'r' => 0xd,
                b't' => 0x9,
                b'u' => self.unicode_escape()?,
                _ => return None,
            };
            utf16::push(&mut units, code);
        }
    }

    /// The four hexadecimal digits after `\u`, and a second escape when the first is half of a surrogate pair.
    fn unicode_escape(&mut self) -> Option<u32> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) {
            let before = self.at;
            if self.take("\\u").is_some() {
                let second = self.hex4()?;
                if (0xdc00..0xe000).contains(&second) {
                    return Some(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                }
                self.at = before;
            }
        }
        Some(first)
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let value = digits
            .iter()
            .try_fold(0, |sum, &b| Some(sum * 16 + char::from(b).to_digit(16)?))?;
        self.at += 4;
        Some(value)
    }

    fn number(&mut self) -> Option<Decimal> {
        let negative = self.take("-").is_some();
        let start = self.at;
        let mut digits = self.digits()?;
        if digits.len() > 1 && digits[0] == 0 {
            self.at = start + 1;
            return None;
        }
        let mut exponent = 0;
        if self.take(".").is_some() {
            let fraction = self.digits()?;
            exponent = -count(fraction.len());
            digits.extend(fraction);
        }
        if self.take("e").or_else(|| self.take("E")).is_some() {
            let minus = self.take("-").is_some();
            if !minus {
                self.take("+");
            }
            let power = self
                .digits()?
                .iter()
                .fold(0i64, |sum, &d| (sum * 10 + i64::from(d)).min(i64::MAX / 32));
            exponent += if minus { -power } else { power };
        }
        Some(Decimal::new(negative, &digits, exponent))
    }

    /// One digit or more, as values 0–9.
    fn digits(&mut self) -> Option<Vec<u8>> {
        let rest = &self.text.as_bytes()[self.at..];
        let digits: Vec<u8> = rest
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .map(|b| b - b'0')
            .collect();
        self.at += digits.len();
        (!digits.is_empty()).then_some(digits)
    }
}

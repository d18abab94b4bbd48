//! Values on their way into statements and cells on their way out, the same for both backends.

use super::instant;
use super::json_column;

/// A bound parameter. Absent values keep their type, which PostgreSQL asks for.
#[derive(Clone, Debug)]
pub enum Value {
    /// A whole number.
    Int(Option<i64>),
    /// A number.
    Real(Option<f64>),
    /// A text; U+0000 is replaced.
    Text(Option<String>),
    /// A truth value.
    Bool(bool),
    /// A JSON text.
    Json(Option<String>),
    /// A time in ms since 1970.
    Time(Option<i64>),
    /// A list of texts, for [`super::dialect::Dialect::any`].
    Texts(Vec<String>),
    /// Columns of a batch, for `unnest` of PostgreSQL.
    TextColumn(Vec<Option<String>>),
    /// Like [`Value::TextColumn`], of numbers.
    RealColumn(Vec<Option<f64>>),
    /// Like [`Value::TextColumn`], of whole numbers.
    IntColumn(Vec<Option<i64>>),
    /// Like [`Value::TextColumn`], of truth values.
    BoolColumn(Vec<bool>),
}

impl Value {
    /// Makes a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Some(text.into()))
    }

    /// Makes a whole number.
    pub fn int(number: i64) -> Self {
        Self::Int(Some(number))
    }

    /// Makes a number.
    pub fn real(number: f64) -> Self {
        Self::Real(Some(number))
    }

    /// Makes a time.
    pub fn time(ms: i64) -> Self {
        Self::Time(Some(ms))
    }

    /// Makes a JSON text.
    pub fn json(text: impl Into<String>) -> Self {
        Self::Json(Some(text.into()))
    }
}

/// Replaces U+0000, which no TEXT of PostgreSQL holds, with U+FFFD.
pub fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{FFFD}")
    } else {
        text
    }
}

/// A cell of a row that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// A truth value.
    Bool(bool),
}

impl Cell {
    /// Returns the text; `None` for anything else.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the bytes that the cell takes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 8,
        }
    }

    /// Returns the number; `None` for anything else.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Bool(truth) => Some(f64::from(u8::from(*truth))),
            Self::Null | Self::Text(_) => None,
        }
    }

    /// Returns the whole number; `None` for anything else.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Real(number) => Some(*number as i64),
            Self::Bool(truth) => Some(i64::from(*truth)),
            Self::Null | Self::Text(_) => None,
        }
    }

    /// Returns whether the cell is true: SQLite has numbers for truth values.
    pub fn truth(&self) -> bool {
        match self {
            Self::Bool(truth) => *truth,
            Self::Text(text) => text == "true" || text == "1",
            other => other.number().is_some_and(|number| number != 0.0),
        }
    }

    /// Returns the time in ms since 1970 in any of the forms that stores hold; `None` for NULL and anything else.
    pub fn time(&self) -> Option<i64> {
        match self {
            Self::Int(ms) => Some(*ms),
            Self::Real(ms) => Some(ms.round() as i64),
            Self::Text(text) => instant::parse(text),
            Self::Null | Self::Bool(_) => None,
        }
    }

    /// Returns the JSON text of a JSON column; `None` for NULL and for what is no JSON.
    pub fn json(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Int(number) => Some(number.to_string()),
            Self::Real(number) => serde_json::Number::from_f64(*number).map(|number| number.to_string()),
            Self::Bool(truth) => Some(truth.to_string()),
            Self::Text(text) => json_column::restored(text),
        }
    }
}

/// A row that was read: its cells in the order of the statement.
pub type Row = Vec<Cell>;

//! The error of a dataset that cannot be read.

use std::fmt;

/// A problem and its place in the file. Displayed as one sentence after the file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetError {
    /// The record's first line, counted from 1. `None` when the file as a whole is the problem.
    pub line: Option<u64>,
    /// Offset of the record's first byte in the file (in the decompressed text of a compressed one).
    pub byte_offset: Option<u64>,
    /// The problem.
    pub reason: String,
}

impl DatasetError {
    /// A problem of the whole file.
    pub fn of_file(reason: impl Into<String>) -> Self {
        Self {
            line: None,
            byte_offset: None,
            reason: reason.into(),
        }
    }

    /// A problem of the record that starts at `line` and `byte_offset`.
    pub fn at(line: u64, byte_offset: u64, reason: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            byte_offset: Some(byte_offset),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for DatasetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.byte_offset) {
            (Some(line), Some(offset)) => write!(f, "line {line} (byte offset {offset}): {}", self.reason),
            (Some(line), None) => write!(f, "line {line}: {}", self.reason),
            _ => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for DatasetError {}

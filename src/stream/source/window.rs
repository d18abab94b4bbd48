//! A window over a byte stream: what was read and not yet consumed, with its place in the stream.

use std::io::{ErrorKind, Read, Write};

use memchr::memchr_iter;

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;

/// Bytes asked for at a time.
const READ_BYTES: usize = 256 << 10;

/// The longest record, in bytes: about half of what a JavaScript string can hold.
pub const MAX_RECORD_BYTES: usize = 256 << 20;

pub(super) struct Window {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    line: u64,
    at_end: bool,
    live: bool,
}

impl Window {
    /// Makes a window over `input`. `live`: its bytes may be a long time coming, as those of a pipe, and whole lines do not
    /// wait for them.
    pub(super) fn new(input: Box<dyn Read + Send>, live: bool) -> Self {
        Self {
            input,
            live,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            line: 1,
            at_end: false,
        }
    }

    /// Returns the bytes that were read and not consumed yet.
    pub(super) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Copies everything that is left to `out`. O(bytes).
    pub(super) fn copy_to(&mut self, out: &mut impl Write) -> Result<(), DatasetError> {
        loop {
            let copied = out.write_all(self.available());
            copied.map_err(|error| {
                DatasetError::of_file(format!("could not be copied to a temporary file: {error}"))
            })?;
            self.start = self.end;
            if self.at_end {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Returns whether [`available`](Self::available) is all there is.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Returns whether [`fill`](Self::fill) would keep what is in `batch` waiting.
    pub(super) fn would_wait(&self, batch: &BatchBuilder) -> bool {
        self.live && !self.at_end && !batch.is_empty()
    }

    /// Returns the place of the first available byte in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the line of the first available byte, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Goes past `count` available bytes, in which `lines` lines end.
    pub(super) fn consume_lines(&mut self, count: usize, lines: u64) {
        self.start += count;
        self.offset += count as u64;
        self.line += lines;
    }

    /// Goes past `count` available bytes.
    pub(super) fn consume(&mut self, count: usize) {
        let newlines = memchr_iter(b'\n', &self.available()[..count]).count();
        self.consume_lines(count, newlines as u64);
    }

    /// Reads more. The window at least doubles when it is full, so that scanning it again after each read is O(bytes). A live
    /// input is not asked again once it gave something, unless a long record goes on without a line end.
    pub(super) fn fill(&mut self) -> Result<(), DatasetError> {
        if self.at_end {
            return Ok(());
        }
        let held = self.end - self.start;
        if held > MAX_RECORD_BYTES {
            return Err(DatasetError::at(
                self.line,
                self.offset,
                too_long(MAX_RECORD_BYTES),
            ));
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = held;
        }
        let wanted = held + READ_BYTES.max(held);
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        } else if held < READ_BYTES && self.bytes.len() > 8 * READ_BYTES {
            // One long record must not pin its memory for the rest of the file.
            self.bytes.truncate(2 * READ_BYTES);
            self.bytes.shrink_to_fit();
        }
        let goal = (held + READ_BYTES.max(held)).min(self.bytes.len());
        while self.end < goal {
            match self.input.read(&mut self.bytes[self.end..goal]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(count) => {
                    let read = &self.bytes[self.end..self.end + count];
                    let short = held < READ_BYTES || memchr::memchr2(b'\n', b'\r', read).is_some();
                    self.end += count;
                    if self.live && short {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if self.end > held => {
                    // Deliver what was read before the failure; the next fill meets the failure again.
                    self.input = Box::new(Failing(error.kind(), error.to_string()));
                    break;
                }
                Err(error) => return Err(read_error(&error, self.offset + (self.end - self.start) as u64)),
            }
        }
        Ok(())
    }
}

/// Returns the sentence for a record of more than `limit` bytes.
pub(super) fn too_long(limit: usize) -> String {
    if limit < 1 << 20 {
        return format!("the record is longer than {limit} bytes");
    }
    format!("the record is longer than {} MB", limit >> 20)
}

/// A reader that failed once fails for good.
struct Failing(ErrorKind, String);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::new(self.0, self.1.clone()))
    }
}

fn read_error(error: &std::io::Error, offset: u64) -> DatasetError {
    let reason = match error.kind() {
        ErrorKind::UnexpectedEof => {
            format!("the compressed data is truncated: it ends after {offset} decompressed bytes")
        }
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            format!("the compressed data is damaged after {offset} decompressed bytes: {error}")
        }
        ErrorKind::IsADirectory => "is a directory, not a file".into(),
        _ => format!("could not be read at byte {offset}: {error}"),
    };
    DatasetError {
        line: None,
        byte_offset: Some(offset),
        reason,
    }
}

//! A JSON document: an array of items, or an object whose member `testCases` is one.

use std::io::{self, Read};

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;
use crate::stream::source::json_lines::{ends_within_number, is_space, reason};
use crate::stream::source::window::Window;
use crate::stream::source::{Record, Records};

/// The member that holds the items of an object.
pub(super) const MEMBER: &str = "testCases";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// The place of a member of the object, or its end; `first` when none was read.
    Members {
        first: bool,
    },
    /// The place of an element and its comma, or the end of the array.
    Elements {
        first: bool,
    },
    /// The place of an element, behind the comma.
    Element,
    /// The place behind the value of the document.
    Behind,
}

/// The elements of the array. Memory is one element; other members of the object are checked and passed over.
#[derive(Debug)]
pub(super) struct JsonDocument {
    state: State,
    in_object: bool,
    found: bool,
    others: Vec<String>,
}

impl JsonDocument {
    pub(super) fn new() -> Self {
        Self {
            state: State::Start,
            in_object: false,
            found: false,
            others: Vec::new(),
        }
    }

    fn start(&mut self, window: &mut Window) -> Result<(), DatasetError> {
        match peek(window)? {
            Some(b'[') => {
                window.consume(1);
                self.state = State::Elements { first: true };
                Ok(())
            }
            Some(b'{') => {
                window.consume(1);
                self.in_object = true;
                self.state = State::Members { first: true };
                Ok(())
            }
            Some(_) => Err(wrong(
                window,
                "expected an array of test cases or an object with `testCases`",
            )),
            None => Err(DatasetError::of_file(
                "is empty: expected a JSON array or an object with `testCases`",
            )),
        }
    }

    fn members(&mut self, window: &mut Window, first: bool) -> Result<(), DatasetError> {
        match peek(window)? {
            Some(b'}') => {
                window.consume(1);
                self.state = State::Behind;
                if self.found {
                    return Ok(());
                }
                let names = self.others.join(", ");
                let has = if names.is_empty() {
                    "it has no members".into()
                } else {
                    format!("it has {names}")
                };
                return Err(DatasetError::of_file(format!(
                    "the object has no member `{MEMBER}` ({has})"
                )));
            }
            Some(b',') if !first => window.consume(1),
            Some(_) if first => {}
            _ => return Err(wrong(window, "expected `,` or `}`")),
        }
        if peek(window)? != Some(b'"') {
            return Err(wrong(window, "expected a member name"));
        }
        let (_, length) = value::<IgnoredAny>(window)?;
        let key = &window.available()[..length];
        // A lone surrogate, which JSON allows, is no text of Rust, and no name that is looked for.
        let name = serde_json::from_slice(key).unwrap_or_else(|_| String::from_utf8_lossy(key).into_owned());
        window.consume(length);
        if peek(window)? != Some(b':') {
            return Err(wrong(window, "expected `:`"));
        }
        window.consume(1);
        if name != MEMBER {
            if self.others.len() < 10 {
                self.others.push(format!("`{name}`"));
            }
            self.state = State::Members { first: false };
            return pass_over(window);
        }
        if self.found {
            return Err(wrong(window, "the object has two members `testCases`"));
        }
        if peek(window)? != Some(b'[') {
            return Err(wrong(window, "`testCases` must be an array"));
        }
        window.consume(1);
        self.found = true;
        self.state = State::Elements { first: true };
        Ok(())
    }

    /// Goes on to the next element, or past the end of the array.
    fn elements(&mut self, window: &mut Window, first: bool) -> Result<(), DatasetError> {
        self.state = match peek(window)? {
            Some(b']') => {
                window.consume(1);
                if self.in_object {
                    State::Members { first: false }
                } else {
                    State::Behind
                }
            }
            Some(b',') if !first => {
                window.consume(1);
                State::Element
            }
            Some(_) if first => State::Element,
            Some(_) => return Err(wrong(window, "expected `,` or `]` between elements")),
            None => return Err(wrong(window, "the document ends within the array")),
        };
        Ok(())
    }

    /// Takes one element, unless it has not come yet (`false`) and others need not wait for it.
    fn element(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<bool, DatasetError> {
        let length = loop {
            if peek(window)?.is_none() || window.at_end() {
                break value::<IgnoredAny>(window)?.1;
            }
            match whole_value::<IgnoredAny>(window)? {
                Some((_, length)) => break length,
                None if window.would_wait(batch) => return Ok(false),
                None => window.fill()?,
            }
        };
        let text = &window.available()[..length];
        if let Err(error) = std::str::from_utf8(text) {
            let at = error.valid_up_to() + 1;
            return Err(wrong(
                window,
                &format!("not valid UTF-8 at byte {at} of the element"),
            ));
        }
        batch
            .item(|out| out.extend_from_slice(text))
            .map_err(|reason| DatasetError::at(window.line(), window.offset(), reason))?;
        window.consume(length);
        self.state = State::Elements { first: false };
        Ok(true)
    }

    /// Returns whether the next byte has not come yet, so that `batch` would wait for it.
    fn waits(window: &mut Window, batch: &BatchBuilder) -> bool {
        let spaces = window
            .available()
            .iter()
            .take_while(|byte| is_space(**byte))
            .count();
        window.consume(spaces);
        window.available().is_empty() && window.would_wait(batch)
    }
}

impl Records for JsonDocument {
    fn next(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<Record, DatasetError> {
        loop {
            match self.state {
                State::Start => self.start(window)?,
                State::Members { first } => self.members(window, first)?,
                State::Elements { .. } | State::Element if Self::waits(window, batch) => {
                    return Ok(Record::Later);
                }
                State::Elements { first } => self.elements(window, first)?,
                State::Element => {
                    let taken = self.element(window, batch)?;
                    return Ok(if taken { Record::Item } else { Record::Later });
                }
                State::Behind => {
                    return match peek(window)? {
                        None => Ok(Record::End),
                        Some(b'{' | b'[') => Err(wrong(
                            window,
                            "a second value follows (JSON lines? pass `format: 'jsonl'`)",
                        )),
                        Some(_) => Err(wrong(window, "text follows the end of the document")),
                    };
                }
            }
        }
    }
}

/// Returns the next byte that is not white space, which stays available. `None`: the end.
fn peek(window: &mut Window) -> Result<Option<u8>, DatasetError> {
    loop {
        let available = window.available();
        let spaces = available
            .iter()
            .position(|byte| !is_space(*byte))
            .unwrap_or(available.len());
        let next = available.get(spaces).copied();
        window.consume(spaces);
        if next.is_some() || window.at_end() {
            return Ok(next);
        }
        window.fill()?;
    }
}

/// Reads the value at the start of the window: itself and its length in bytes.
fn value<T: DeserializeOwned>(window: &mut Window) -> Result<(T, usize), DatasetError> {
    loop {
        if let Some(value) = whole_value(window)? {
            return Ok(value);
        }
        window.fill()?;
    }
}

/// Reads the value at the start of the window, if it is there as a whole.
fn whole_value<T: DeserializeOwned>(window: &Window) -> Result<Option<(T, usize)>, DatasetError> {
    let available = window.available();
    let mut values = serde_json::Deserializer::from_slice(available).into_iter::<T>();
    match values.next() {
        // A number that touches the end of the window may go on behind it.
        Some(Ok(value)) if window.at_end() || values.byte_offset() < available.len() => {
            Ok(Some((value, values.byte_offset())))
        }
        Some(Err(error)) if window.at_end() || !(error.is_eof() || ends_within_number(available)) => Err(
            DatasetError::at(window.line(), window.offset(), element_reason(&error)),
        ),
        None if window.at_end() => Err(wrong(window, "the document ends where a value should be")),
        _ => Ok(None),
    }
}

fn element_reason(error: &serde_json::Error) -> String {
    if error.line() > 1 {
        return format!("{} of line {} of the value", reason(error), error.line());
    }
    reason(error)
}

/// Goes past the value at the start of the window, which it checks and does not keep.
fn pass_over(window: &mut Window) -> Result<(), DatasetError> {
    if peek(window)?.is_none() {
        return Err(wrong(window, "the document ends where a value should be"));
    }
    let (line, offset) = (window.line(), window.offset());
    let mut bytes = Passing {
        window,
        at: 0,
        failure: None,
    };
    let mut values = serde_json::Deserializer::from_reader(&mut bytes).into_iter::<IgnoredAny>();
    let outcome = values.next();
    let end = values.byte_offset() as u64;
    if let Some(failure) = bytes.failure {
        return Err(failure);
    }
    match outcome {
        Some(Ok(_)) => {
            // What was looked at behind the value, a byte at most, stays available.
            let length = offset + end - window.offset();
            window.consume(length as usize);
            Ok(())
        }
        Some(Err(error)) if !error.is_eof() => Err(DatasetError::at(line, offset, element_reason(&error))),
        _ => Err(DatasetError::at(
            line,
            offset,
            "not a dataset: the document ends within a member",
        )),
    }
}

/// The bytes of a window, given away one at a time and gone past but for the last one.
struct Passing<'a> {
    window: &'a mut Window,
    at: usize,
    failure: Option<DatasetError>,
}

impl Read for Passing<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(first) = out.first_mut() else {
            return Ok(0);
        };
        while self.at == self.window.available().len() {
            if self.window.at_end() {
                return Ok(0);
            }
            let passed = self.at.saturating_sub(1);
            self.window.consume(passed);
            self.at -= passed;
            if let Err(error) = self.window.fill() {
                self.failure = Some(error);
                return Err(io::ErrorKind::Other.into());
            }
        }
        *first = self.window.available()[self.at];
        self.at += 1;
        Ok(1)
    }
}

fn wrong(window: &Window, what: &str) -> DatasetError {
    DatasetError::at(window.line(), window.offset(), format!("not a dataset: {what}"))
}

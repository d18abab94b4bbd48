//! Files as batches of records.
//!
//! A [`Window`](window::Window) holds what was read and not yet used; the [`Records`] of each format take one record at a
//! time from it and write it, validated, into the JSON text of a batch. An error never hides records before it: they are
//! handed out first. O(bytes), memory: one window (twice the longest record, at least 256 KB) and one batch.

mod append_point;
mod batch;
mod csv;
mod csv_row;
mod error;
mod format;
mod gzip;
mod json_document;
mod json_lines;
mod json_text;
mod parquet;
mod text;
mod window;

#[cfg(test)]
mod csv_tests;
#[cfg(test)]
mod input_tests;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

pub use append_point::{AppendPoint, AppendTarget, finished_header};
pub use batch::Batch;
use batch::BatchBuilder;
pub use error::DatasetError;
pub use format::Format;
use parquet::ParquetRows;
pub use text::Text;
use window::Window;

/// What taking a record came to.
enum Record {
    /// It was written to the batch.
    Item,
    /// It is invalid; the next one can be read all the same.
    Invalid(DatasetError),
    /// It has not come yet; what the batch holds need not wait for it.
    Later,
    /// There is none.
    End,
}

/// The records of one format.
trait Records: Send {
    /// Takes one record; an error is final.
    fn next(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<Record, DatasetError>;
}

/// How to read a file.
#[derive(Debug, Clone, Copy)]
pub struct ReaderOptions {
    /// `None`: told from the file's name and first bytes.
    pub format: Option<Format>,
    /// Leave invalid records out and report them, instead of failing at the first.
    pub skip_invalid: bool,
    /// A batch ends with the record that makes its texts this long in all.
    pub batch_bytes: usize,
}

enum State {
    Reading,
    AtEnd,
    Failed(DatasetError),
}

/// Where records come from.
enum Input {
    Text {
        window: Window,
        records: Box<dyn Records>,
    },
    Parquet(Box<ParquetRows>),
}

impl Input {
    fn next(&mut self, batch: &mut BatchBuilder) -> Result<Record, DatasetError> {
        match self {
            Self::Text { window, records } => records.next(window, batch),
            Self::Parquet(rows) => rows.next(batch),
        }
    }

    /// Bytes of text gone past.
    fn offset(&self) -> u64 {
        match self {
            Self::Text { window, .. } => window.offset(),
            Self::Parquet(_) => 0,
        }
    }
}

/// Reads a file batch by batch.
pub struct DatasetReader {
    input: Input,
    options: ReaderOptions,
    plan: String,
    state: State,
}

impl DatasetReader {
    /// Opens `path`.
    ///
    /// # Errors
    /// When it cannot be opened, is a directory, is neither UTF-8 text nor Parquet, or its format cannot be told.
    pub fn open(path: &Path, options: ReaderOptions) -> Result<Self, DatasetError> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => DatasetError::of_file("no such file"),
            ErrorKind::PermissionDenied => DatasetError::of_file("permission denied"),
            _ => DatasetError::of_file(format!("could not be opened: {error}")),
        })?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(DatasetError::of_file("is a directory, not a file"));
        }
        let parquet = parquet::is_parquet(&mut file)
            .map_err(|error| DatasetError::of_file(format!("could not be read: {error}")))?;
        if parquet && options.format.is_none_or(|format| format == Format::Parquet) {
            let rows = ParquetRows::open(file)?;
            return Ok(Self {
                plan: rows.plan(),
                input: Input::Parquet(Box::new(rows)),
                options,
                state: State::Reading,
            });
        }
        let about = file.metadata().ok();
        let live = about.as_ref().is_some_and(|about| !about.is_file());
        let left = about.map_or(0, |about| about.len());
        Self::read(Box::new(WholeFile { file, left }), live, path, options)
    }

    /// Reads `input`, which is no Parquet; `path` only helps to tell the format. With `live` a batch ends where `input` has
    /// no more whole line for now, and does not wait for its bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(
        input: Box<dyn Read + Send>,
        live: bool,
        path: &Path,
        options: ReaderOptions,
    ) -> Result<Self, DatasetError> {
        if options.format.or_else(|| Format::from_path(path)) == Some(Format::Parquet) {
            return Err(not_parquet());
        }
        let input = format::decompressed(input)
            .map_err(|error| DatasetError::of_file(format!("could not be read: {error}")))?;
        let mut window = Window::new(input, live);
        window.fill()?;
        let mark = format::text_start(window.available())?;
        window.consume(mark);
        let format = match options.format.or_else(|| Format::from_path(path)) {
            Some(format) => format,
            None => format::detect(path, &mut window)?,
        };
        let records: Box<dyn Records> = match format {
            Format::Json => Box::new(json_document::JsonDocument::new()),
            Format::Csv(delimiter) => Box::new(csv::Csv::new(delimiter)),
            Format::JsonLines => Box::new(json_lines::JsonLines),
            Format::Parquet => return Err(not_parquet()),
        };
        Ok(Self {
            input: Input::Text { window, records },
            options,
            plan: String::new(),
            state: State::Reading,
        })
    }

    /// The next batch; one that is `done` is the last, and may be empty.
    ///
    /// # Errors
    /// The problem that ends the reading, after all records before it were handed out; then again on every call.
    pub fn next_batch(&mut self) -> Result<Batch, DatasetError> {
        let limit = self.options.batch_bytes;
        let mut batch = BatchBuilder::default();
        let start = self.input.offset();
        while matches!(self.state, State::Reading)
            && batch.bytes() < limit
            && self.input.offset() - start < 4 * limit as u64
        {
            match self.input.next(&mut batch) {
                Ok(Record::Item) => {}
                Ok(Record::Later) => break,
                Ok(Record::Invalid(error)) if self.options.skip_invalid => batch.skip(error),
                Ok(Record::Invalid(error)) | Err(error) => self.state = State::Failed(error),
                Ok(Record::End) => self.state = State::AtEnd,
            }
        }
        match &self.state {
            State::Failed(error) if batch.is_empty() => Err(error.clone()),
            state => Ok(batch.finish(matches!(state, State::AtEnd), &self.plan)),
        }
    }
}

/// A file whose end before the one it had when it was opened is an error: what is missing would be lost silently.
struct WholeFile {
    file: File,
    left: u64,
}

impl Read for WholeFile {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(out)?;
        if count == 0 && self.left > 0 && !out.is_empty() {
            return Err(std::io::Error::other("it became shorter while it was read"));
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

fn not_parquet() -> DatasetError {
    DatasetError::of_file(
        "is not a Parquet file: it must be a regular file that starts with `PAR1`, and not be compressed as a whole",
    )
}

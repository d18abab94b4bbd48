//! Files and pipes as batches of records.
//!
//! A [`Window`] holds the bytes that were read and not used yet. The [`Records`] of each format take one record at a time
//! from it and write it, validated, into the JSON text of a batch. An error never hides records before it: they are handed
//! out first. A file is read once, from its first byte to its last. O(bytes). Memory: one window (twice the longest record,
//! at least 256 KB) and one batch.

mod append_point;
mod batch;
mod compression;
mod csv;
mod error;
mod format;
mod json_document;
mod json_lines;
mod live_input;
mod parquet;
mod signature;
mod window;

#[cfg(test)]
mod csv_tests;
#[cfg(test)]
mod input_tests;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use append_point::{AppendPoint, AppendTarget, finished_header};
use batch::BatchBuilder;
pub use batch::{Batch, Progress, Text};
pub use csv::{CsvOptions, Dialect, Header};
pub use error::DatasetError;
pub use format::Format;
use live_input::LiveInput;
pub use live_input::{StopSignal, Stopper, stop_signal};
use parquet::ParquetRows;
pub use parquet::expects_panic;
pub use window::MAX_RECORD_BYTES;
use window::Window;

/// The outcome of taking a record.
enum Record {
    /// A valid record, written to the batch.
    Item,
    /// An invalid record; the next one can be read all the same.
    Invalid(DatasetError),
    /// A record that has not come yet, for which the batch need not wait.
    Later,
    /// The end of the records.
    End,
}

/// The records of one format.
trait Records: Send {
    /// Takes one record; an error is final.
    fn next(&mut self, window: &mut Window, batch: &mut BatchBuilder) -> Result<Record, DatasetError>;
}

/// Options of reading a file.
#[derive(Debug, Clone)]
pub struct ReaderOptions {
    /// `None`: told from the file's name and first bytes.
    pub format: Option<Format>,
    /// The rules of the rows of a CSV or TSV file.
    pub csv: CsvOptions,
    /// True to leave invalid records out and report them, instead of failing at the first.
    pub skip_invalid: bool,
    /// A batch ends with the record that makes its texts this long in all.
    pub batch_bytes: usize,
    /// The longest text of one record, in bytes of JSON; at most [`MAX_RECORD_BYTES`].
    pub max_record_bytes: usize,
    /// The directory of the temporary file for Parquet that comes from a pipe. `None`: the system's.
    pub spool_directory: Option<PathBuf>,
}

enum State {
    Reading,
    AtEnd,
    Failed(DatasetError),
}

/// The source of the records.
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

    /// Returns the number of bytes of text that were gone past.
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
    /// True when its records may hold numbers: those of rows are all text.
    numbers: bool,
    bytes_read: Arc<AtomicU64>,
    bytes_total: Option<u64>,
}

impl DatasetReader {
    /// Opens `path`. A read of a pipe or device waits for bytes, or until the stopper of `stop` is dropped.
    ///
    /// # Errors
    /// When it cannot be opened, is a directory, is neither UTF-8 text nor Parquet, or its format cannot be told.
    pub fn open(path: &Path, options: ReaderOptions, stop: Option<StopSignal>) -> Result<Self, DatasetError> {
        let opened = match &stop {
            Some(_) => live_input::open(path),
            None => File::open(path),
        };
        let mut file = opened.map_err(|error| open_error(&error))?;
        let about = file.metadata().map_err(|error| open_error(&error))?;
        if about.is_dir() {
            return Err(DatasetError::of_file("is a directory, not a file"));
        }
        let bytes_read = Arc::default();
        if !about.is_file() {
            let input: Box<dyn Read + Send> = match stop {
                Some(stop) => Box::new(LiveInput::new(file, stop)),
                None => Box::new(file),
            };
            let counted = Counted(input, Arc::clone(&bytes_read));
            let mut reader = Self::read(Box::new(counted), true, path, options)?;
            reader.bytes_read = bytes_read;
            return Ok(reader);
        }
        let parquet = parquet::is_parquet(&mut file)
            .map_err(|error| DatasetError::of_file(format!("could not be read: {error}")))?;
        if parquet && options.wants_parquet() {
            return Self::of_parquet(file, options);
        }
        let left = about.len();
        let counted = Counted(Box::new(WholeFile { file, left }), Arc::clone(&bytes_read));
        let mut reader = Self::read(Box::new(counted), false, path, options)?;
        reader.bytes_read = bytes_read;
        // A file of the system, as those of `/proc`, does not say its size.
        reader.bytes_total = reader.bytes_total.or((left > 0).then_some(left));
        Ok(reader)
    }

    /// Reads `input`; `path` only helps to tell the format. Parquet is copied to a temporary file first. With `live` a batch
    /// ends where `input` has no more whole record for now, and does not wait for its bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(
        input: Box<dyn Read + Send>,
        live: bool,
        path: &Path,
        options: ReaderOptions,
    ) -> Result<Self, DatasetError> {
        let input = compression::decompressed(input)
            .map_err(|error| DatasetError::of_file(format!("could not be read: {error}")))?;
        let mut window = Window::new(input, live);
        window.fill()?;
        if format::start(&mut window)? {
            if !options.wants_parquet() {
                return Err(DatasetError::of_file(
                    "is a Parquet file, a binary format (leave `format` out, or pass `format: 'parquet'`)",
                ));
            }
            let file = spooled(&mut window, options.spool_directory.as_deref())?;
            return Self::of_parquet(file, options);
        }
        let named = options.format.or_else(|| Format::from_path(path));
        // Only rows of fields have such options.
        let rows = (options.csv != CsvOptions::DEFAULT && options.format.is_none()).then_some(Format::Csv);
        let format = match (
            named.filter(|named| rows.is_none() || named.dialect().is_some()),
            rows,
        ) {
            (Some(format), _) | (None, Some(format)) => format,
            (None, None) => format::detect(path, &mut window)?,
        };
        let records: Box<dyn Records> = match (format, format.dialect()) {
            (_, Some(dialect)) => Box::new(csv::Csv::new(dialect, &options.csv)),
            (Format::Parquet, _) => {
                return Err(DatasetError::of_file(
                    "is not a Parquet file: it does not start with `PAR1`",
                ));
            }
            (Format::Json, _) => Box::new(json_document::JsonDocument::new()),
            _ => Box::new(json_lines::JsonLines),
        };
        let mut reader = Self::new(Input::Text { window, records }, String::new(), options);
        reader.numbers = format.dialect().is_none();
        Ok(reader)
    }

    fn of_parquet(file: File, options: ReaderOptions) -> Result<Self, DatasetError> {
        let rows = ParquetRows::open(file)?;
        let plan = rows.plan();
        Ok(Self::new(Input::Parquet(Box::new(rows)), plan, options))
    }

    fn new(input: Input, plan: String, options: ReaderOptions) -> Self {
        Self {
            input,
            options,
            plan,
            state: State::Reading,
            numbers: true,
            bytes_read: Arc::default(),
            bytes_total: None,
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_total: self.bytes_total,
            items_total: match &self.input {
                Input::Text { .. } => None,
                Input::Parquet(rows) => Some(rows.total()),
            },
        }
    }

    /// Reads the next batch. One that is `done` is the last, and may be empty.
    ///
    /// # Errors
    /// The problem that ends the reading, after all records before it were handed out; then again on every call.
    pub fn next_batch(&mut self) -> Result<Batch, DatasetError> {
        let limit = self.options.batch_bytes;
        let mut batch = BatchBuilder::new(self.options.max_record_bytes);
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
            state => {
                let mut batch = batch.finish(matches!(state, State::AtEnd), &self.plan);
                batch.progress = self.progress();
                batch.long_numbers &= self.numbers;
                Ok(batch)
            }
        }
    }
}

impl ReaderOptions {
    /// Returns whether a Parquet file is what was asked for, or nothing was.
    fn wants_parquet(&self) -> bool {
        self.format.is_none_or(|format| format == Format::Parquet)
    }
}

/// A reader that counts its bytes.
struct Counted(Box<dyn Read + Send>, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(out)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A file whose end before the one it had when it was opened is an error: the rest would be lost silently.
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

/// Copies all that is left in `window` to a file without a name in `directory`, since Parquet is read from its end.
fn spooled(window: &mut Window, directory: Option<&Path>) -> Result<File, DatasetError> {
    let directory = directory.map_or_else(std::env::temp_dir, Path::to_owned);
    let mut file = tempfile::tempfile_in(&directory).map_err(|error| {
        let place = directory.display();
        DatasetError::of_file(format!(
            "could not be copied to a temporary file in {place}: {error}"
        ))
    })?;
    window.copy_to(&mut file)?;
    Ok(file)
}

fn open_error(error: &std::io::Error) -> DatasetError {
    match error.kind() {
        ErrorKind::NotFound => DatasetError::of_file("no such file"),
        ErrorKind::PermissionDenied => DatasetError::of_file("permission denied"),
        _ => DatasetError::of_file(format!("could not be opened: {error}")),
    }
}

//! Binding of the module `stream`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use napi::bindgen_prelude::{AsyncTask, Buffer, Uint8ArraySlice};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Error, JsString, Status, Task};
use napi_derive::napi;

use super::error::{Failure, Result};
use super::number::integer;
use crate::stream::source::{
    AppendPoint, AppendTarget, Batch, CsvOptions, DatasetError, DatasetReader, Dialect, Format, Header,
    MAX_RECORD_BYTES, Progress, ReaderOptions, StopSignal, Stopper, Text, finished_header, stop_signal,
};
use crate::stream::spill_file::UnnamedFiles;
use crate::stream::spill_queue;

const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// A queue of byte chunks outside the JavaScript heap; see the engine's type of that name.
#[napi]
pub struct SpillQueue {
    queue: spill_queue::SpillQueue,
    reported: i64,
}

#[napi]
impl SpillQueue {
    /// Makes an empty queue whose temporary files go to `directory`.
    #[napi(constructor, catch_unwind)]
    pub fn new(directory: String) -> Self {
        Self {
            queue: spill_queue::SpillQueue::new(Box::new(UnnamedFiles::new(Path::new(&directory)))),
            reported: 0,
        }
    }

    /// Appends `chunk`; to disk when compressed chunks in memory would take more than `memory_limit` bytes.
    #[napi(catch_unwind)]
    pub fn push(&mut self, env: Env, chunk: Uint8ArraySlice, memory_limit: f64) -> Result<()> {
        let limit = integer("memoryLimit", memory_limit, 0.0, MAX_SAFE)?;
        self.queue.push(&chunk, limit)?;
        self.report(env)
    }

    /// Returns the size of the first chunk; -1 when there is none.
    #[napi(catch_unwind)]
    pub fn next_bytes(&self) -> f64 {
        self.queue.next_bytes().map_or(-1.0, |bytes| bytes as f64)
    }

    /// Takes the first chunk into `destination`, which must have its size.
    #[napi(catch_unwind)]
    pub fn pop_into(&mut self, env: Env, mut destination: Uint8ArraySlice) -> Result<()> {
        // SAFETY: the slice lives for this call and the JavaScript thread, its only other user, is in this call.
        let bytes = unsafe { destination.as_mut() };
        self.queue.pop_into(bytes)?;
        self.report(env)
    }

    /// Drops every chunk.
    #[napi(catch_unwind)]
    pub fn clear(&mut self, env: Env) -> Result<()> {
        self.queue.clear();
        self.report(env)
    }

    /// Returns the bytes of native memory held.
    #[napi(catch_unwind)]
    pub fn memory_bytes(&self) -> f64 {
        self.queue.memory_bytes() as f64
    }

    /// Returns the bytes held in temporary files.
    #[napi(catch_unwind)]
    pub fn disk_bytes(&self) -> f64 {
        self.queue.disk_bytes() as f64
    }

    /// Tells V8 how much memory hangs on this object, so that its collector takes it into account.
    fn report(&mut self, env: Env) -> Result<()> {
        let held = self.queue.memory_bytes().cast_signed();
        if held != self.reported {
            env.adjust_external_memory(held - self.reported)?;
            self.reported = held;
        }
        Ok(())
    }
}

fn held_bytes(text: &Text) -> usize {
    match text {
        Text::Latin1(bytes) => bytes.capacity(),
        Text::Utf16(units) => 2 * units.capacity(),
    }
}

/// The outcome of one read of a dataset file: items, or the problem that ends it.
#[napi]
pub struct DatasetBatch {
    texts: std::vec::IntoIter<Text>,
    skipped: u64,
    reports: Vec<DatasetError>,
    done: bool,
    long_numbers: bool,
    progress: Progress,
    plan: String,
    error: Option<DatasetError>,
}

#[napi]
impl DatasetBatch {
    /// Takes the next JSON array of items; `null` when there is none.
    #[napi(catch_unwind, ts_return_type = "string | null")]
    pub fn next_text<'env>(&mut self, env: &'env Env) -> Result<Option<JsString<'env>>> {
        match self.texts.next() {
            None => Ok(None),
            Some(Text::Latin1(bytes)) => Ok(Some(env.create_string_latin1(bytes)?)),
            Some(Text::Utf16(units)) => Ok(Some(env.create_string_utf16(units)?)),
        }
    }

    /// Bytes of memory held by the texts that were not taken yet.
    #[napi(getter, catch_unwind)]
    pub fn bytes(&self) -> f64 {
        self.texts.as_slice().iter().map(held_bytes).sum::<usize>() as f64
    }

    /// The number of records left out as invalid.
    #[napi(getter, catch_unwind)]
    pub fn skipped(&self) -> f64 {
        self.skipped as f64
    }

    /// `[[line, byteOffset, reason], …]` of the first of them, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn reports(&self) -> String {
        let reports: serde_json::Value = self.reports.iter().map(as_json).collect();
        reports.to_string()
    }

    /// Returns whether nothing follows.
    #[napi(getter, catch_unwind)]
    pub fn done(&self) -> bool {
        self.done
    }

    /// Returns whether a number in the texts may have more digits than a double keeps.
    #[napi(getter, catch_unwind)]
    pub fn long_numbers(&self) -> bool {
        self.long_numbers
    }

    /// Bytes of the file that were read so far.
    #[napi(getter, catch_unwind)]
    pub fn bytes_read(&self) -> f64 {
        self.progress.bytes_read as f64
    }

    /// Bytes of the file; -1 when that is not known.
    #[napi(getter, catch_unwind)]
    pub fn bytes_total(&self) -> f64 {
        self.progress.bytes_total.map_or(-1.0, |bytes| bytes as f64)
    }

    /// Records of the file; -1 when that is not known.
    #[napi(getter, catch_unwind)]
    pub fn items_total(&self) -> f64 {
        self.progress.items_total.map_or(-1.0, |items| items as f64)
    }

    /// The conversions that make the values of the parsed ones, as JSON; empty when they are as they should be.
    #[napi(getter, catch_unwind)]
    pub fn plan(&self) -> String {
        self.plan.clone()
    }

    /// `[line, byteOffset, reason]` as JSON when the file cannot be read on; else empty.
    #[napi(getter, catch_unwind)]
    pub fn error(&self) -> String {
        self.error
            .as_ref()
            .map_or_else(String::new, |error| as_json(error).to_string())
    }
}

struct SharedReader {
    path: PathBuf,
    options: ReaderOptions,
    reader: Mutex<Option<DatasetReader>>,
    /// The stopper of a pipe or device: dropped to end a read that waits.
    stopper: Mutex<Option<Stopper>>,
    /// The signal of `stopper`, which goes to the reader when it is opened.
    stop: Mutex<Option<StopSignal>>,
    closed: AtomicBool,
}

impl SharedReader {
    fn next(&self) -> std::result::Result<Batch, DatasetError> {
        let mut held = locked(&self.reader);
        if self.closed.load(Ordering::Acquire) {
            *held = None;
            return Err(DatasetError::of_file("was closed"));
        }
        if held.is_none() {
            let stop = locked(&self.stop).take();
            *held = Some(DatasetReader::open(&self.path, self.options.clone(), stop)?);
        }
        let batch = match held.as_mut() {
            Some(reader) => reader.next_batch(),
            None => Err(DatasetError::of_file("was closed")),
        };
        if self.closed.load(Ordering::Acquire) {
            *held = None;
        }
        batch
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        *locked(&self.stopper) = None;
        match self.reader.try_lock() {
            Ok(mut held) => *held = None,
            Err(TryLockError::Poisoned(held)) => *held.into_inner() = None,
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// Locks `mutex`, whose value is consistent whatever became of its last holder.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Options of reading a dataset file; the facade checks what callers give.
#[napi(object)]
pub struct DatasetFileOptions {
    /// The format: `jsonl`, `json`, `csv`, `tsv` or `parquet`. Absent: told from the file.
    pub format: Option<String>,
    /// The character between two fields, ASCII.
    pub delimiter: Option<String>,
    /// The character around a field, ASCII; empty for none.
    pub quote: Option<String>,
    /// The first character of lines that are left out, ASCII.
    pub comment: Option<String>,
    /// The names of the columns; empty for none. Absent: the first row.
    pub header: Option<Vec<String>>,
    pub skip_invalid: bool,
    pub batch_bytes: f64,
    /// The directory of temporary files.
    pub directory: String,
    /// True when the file is a pipe or a device, whose bytes may be a long time coming.
    pub live: bool,
}

fn one_byte(name: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err(Failure::out_of_range(format!(
            "{name} must be one ASCII character"
        ))),
    }
}

impl DatasetFileOptions {
    fn csv(&self) -> Result<CsvOptions> {
        let byte = |name, text: &Option<String>| text.as_deref().map(|text| one_byte(name, text)).transpose();
        Ok(CsvOptions {
            delimiter: byte("delimiter", &self.delimiter)?,
            quote: match self.quote.as_deref() {
                None => None,
                Some("") => Some(None),
                Some(text) => Some(Some(one_byte("quote", text)?)),
            },
            comment: byte("comment", &self.comment)?,
            header: match &self.header {
                None => Header::FirstRow,
                Some(names) if names.is_empty() => Header::None,
                Some(names) => Header::Names(names.clone()),
            },
        })
    }
}

/// Reads a dataset file in batches, off the JavaScript thread.
#[napi]
pub struct DatasetFile {
    shared: Arc<SharedReader>,
}

/// A callback for a batch, on the JavaScript thread. It does not keep the process alive.
type BatchListener = ThreadsafeFunction<DatasetBatch, (), DatasetBatch, Status, false, true>;

#[napi]
impl DatasetFile {
    /// Keeps `path` and how to read it; the file is opened by the first read.
    #[napi(constructor, catch_unwind)]
    pub fn new(path: String, options: DatasetFileOptions) -> Result<Self> {
        let batch_bytes = integer("batchBytes", options.batch_bytes, 1.0, 1_073_741_824.0)? as usize;
        let (stopper, stop) = if options.live {
            let ends =
                stop_signal().map_err(|error| Failure::storage(format!("a pipe cannot be read: {error}")))?;
            (Some(ends.0), Some(ends.1))
        } else {
            (None, None)
        };
        let shared = SharedReader {
            path: path.into(),
            options: ReaderOptions {
                format: options.format.as_deref().and_then(Format::from_name),
                csv: options.csv()?,
                skip_invalid: options.skip_invalid,
                batch_bytes,
                max_record_bytes: MAX_RECORD_BYTES,
                spool_directory: Some(options.directory.into()),
            },
            reader: Mutex::new(None),
            stopper: Mutex::new(stopper),
            stop: Mutex::new(stop),
            closed: AtomicBool::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Reads the next batch on a thread of libuv's pool. One call at a time; the promise never rejects for the file's sake.
    #[napi(catch_unwind, ts_return_type = "Promise<DatasetBatch>")]
    pub fn next(&self) -> AsyncTask<NextBatch> {
        AsyncTask::new(NextBatch {
            shared: Arc::clone(&self.shared),
        })
    }

    /// Reads the next batch on a thread of its own, as it may take for ever, and passes it to `done`. One call at a time.
    /// The call does not keep the process alive.
    #[napi(catch_unwind, ts_args_type = "done: (batch: DatasetBatch) => void")]
    pub fn next_live(&self, done: BatchListener) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let output = caught(|| shared.next()).unwrap_or_else(|error| {
                Err(DatasetError::of_file(format!(
                    "could not be read: {}",
                    error.reason
                )))
            });
            done.call(output.into(), ThreadsafeFunctionCallMode::NonBlocking);
        };
        std::thread::Builder::new()
            .name("ai-evals-pipe".into())
            .spawn(read)
            .map(drop)
            .map_err(|error| Failure::storage(format!("no thread for a pipe: {error}")))
    }

    /// Closes the file, at the end of a running read if there is one. A read that waits for a pipe ends at once.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Drop for DatasetFile {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl From<std::result::Result<Batch, DatasetError>> for DatasetBatch {
    fn from(output: std::result::Result<Batch, DatasetError>) -> Self {
        match output {
            Ok(batch) => Self {
                texts: batch.texts.into_iter(),
                skipped: batch.skipped,
                reports: batch.reports,
                done: batch.done,
                long_numbers: batch.long_numbers,
                progress: batch.progress,
                plan: batch.plan,
                error: None,
            },
            Err(error) => Self {
                texts: Vec::new().into_iter(),
                skipped: 0,
                reports: Vec::new(),
                done: true,
                long_numbers: false,
                progress: Progress::default(),
                plan: String::new(),
                error: Some(error),
            },
        }
    }
}

/// A read of the next batch, off the JavaScript thread.
pub struct NextBatch {
    shared: Arc<SharedReader>,
}

fn as_json(error: &DatasetError) -> serde_json::Value {
    serde_json::json!([error.line, error.byte_offset, error.reason])
}

/// Returns the outcome of `work`. A panic of it is an error, as `catch_unwind` makes it of one on the JavaScript thread.
fn caught<T>(work: impl FnOnce() -> T) -> napi::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        Error::new(Status::GenericFailure, text.to_owned())
    })
}

impl Task for NextBatch {
    type Output = std::result::Result<Batch, DatasetError>;
    type JsValue = DatasetBatch;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        caught(|| self.shared.next())
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(output.into())
    }
}

/// The place of the next row in a file that is appended to; see the engine's `AppendPoint`.
#[napi(object)]
pub struct FileAppendPoint {
    pub position: f64,
    pub line_end: String,
    pub columns: Option<Vec<String>>,
}

/// A search for an append point, off the JavaScript thread.
pub struct FindAppendPoint {
    path: PathBuf,
    target: AppendTarget,
}

impl Task for FindAppendPoint {
    type Output = Result<AppendPoint>;
    type JsValue = FileAppendPoint;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        caught(|| AppendPoint::find(&self.path, &self.target).map_err(Failure::storage))
    }

    fn resolve(&mut self, env: Env, point: Self::Output) -> napi::Result<Self::JsValue> {
        let point = point.map_err(|failure| failure.rejection(env))?;
        Ok(FileAppendPoint {
            position: point.position as f64,
            line_end: point.line_end.to_owned(),
            columns: point.columns,
        })
    }
}

/// Finds where rows can be appended to the file at `path`. `format` is `jsonl`, `csv` or `tsv`; `header` is the header row
/// that a file without one would get.
#[napi(catch_unwind, ts_return_type = "Promise<FileAppendPoint>")]
pub fn find_append_point(path: String, format: String, header: Option<String>) -> AsyncTask<FindAppendPoint> {
    let target = match dialect(&format) {
        Some(dialect) => AppendTarget::Rows(dialect, header),
        None => AppendTarget::JsonLines,
    };
    AsyncTask::new(FindAppendPoint {
        path: path.into(),
        target,
    })
}

/// Returns the columns of the CSV or TSV file at `path`, when it has a header row with its line end.
#[napi(catch_unwind)]
pub fn finished_csv_header(path: String, format: String) -> Option<Vec<String>> {
    finished_header(Path::new(&path), dialect(&format)?)
}

/// Returns the dialect of `csv` or `tsv`.
fn dialect(format: &str) -> Option<Dialect> {
    Format::from_name(format)?.dialect()
}

/// A compression of a text as one zstd frame, off the JavaScript thread.
pub struct ZstdFrame {
    text: Vec<u8>,
}

impl Task for ZstdFrame {
    type Output = Result<Vec<u8>>;
    type JsValue = Buffer;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let level = zstd::DEFAULT_COMPRESSION_LEVEL;
        caught(|| zstd::stream::encode_all(self.text.as_slice(), level).map_err(Failure::storage))
    }

    fn resolve(&mut self, env: Env, frame: Self::Output) -> napi::Result<Self::JsValue> {
        frame.map(Buffer::from).map_err(|failure| failure.rejection(env))
    }
}

/// Compresses `text` as one zstd frame.
#[napi(catch_unwind, ts_return_type = "Promise<Buffer>")]
pub fn zstd_frame(text: Uint8ArraySlice) -> AsyncTask<ZstdFrame> {
    AsyncTask::new(ZstdFrame { text: text.to_vec() })
}

//! Binding of the room `stream`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use napi::bindgen_prelude::{AsyncTask, Uint8ArraySlice};
use napi::{Env, Error, JsString, Status, Task};
use napi_derive::napi;

use super::number::integer;
use crate::stream::overflow::{Overflow, OverflowError};
use crate::stream::segment::UnnamedFiles;
use crate::stream::source::{
    AppendPoint, AppendTarget, Batch, DatasetError, DatasetReader, Format, ReaderOptions, Text,
    finished_header,
};

const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

fn storage_error(error: &OverflowError) -> Error {
    Error::new(Status::GenericFailure, format!("ERR_STORAGE: {error}"))
}

/// A queue of byte chunks outside the JavaScript heap; see the engine's `Overflow`.
#[napi]
pub struct OverflowQueue {
    queue: Overflow,
    reported: i64,
}

#[napi]
impl OverflowQueue {
    /// An empty queue whose temporary files go to `directory`.
    #[napi(constructor, catch_unwind)]
    pub fn new(directory: String) -> Self {
        Self {
            queue: Overflow::new(Box::new(UnnamedFiles::new(Path::new(&directory)))),
            reported: 0,
        }
    }

    /// Appends `chunk`; to disk when compressed chunks in memory would take more than `memory_limit` bytes.
    #[napi(catch_unwind)]
    pub fn push(&mut self, env: Env, chunk: Uint8ArraySlice, memory_limit: f64) -> napi::Result<()> {
        let limit = integer("memoryLimit", memory_limit, 0.0, MAX_SAFE)?;
        self.queue
            .push(&chunk, limit)
            .map_err(|error| storage_error(&error))?;
        self.report(env)
    }

    /// Size of the first chunk; -1 when there is none.
    #[napi(catch_unwind)]
    pub fn next_bytes(&self) -> f64 {
        self.queue.next_bytes().map_or(-1.0, |bytes| bytes as f64)
    }

    /// Takes the first chunk into `destination`, which must have its size.
    #[napi(catch_unwind)]
    pub fn pop_into(&mut self, env: Env, mut destination: Uint8ArraySlice) -> napi::Result<()> {
        // SAFETY: the slice lives for this call and the JavaScript thread, its only other user, is in this call.
        let bytes = unsafe { destination.as_mut() };
        self.queue
            .pop_into(bytes)
            .map_err(|error| storage_error(&error))?;
        self.report(env)
    }

    /// Drops every chunk.
    #[napi(catch_unwind)]
    pub fn clear(&mut self, env: Env) -> napi::Result<()> {
        self.queue.clear();
        self.report(env)
    }

    /// Bytes of native memory held.
    #[napi(catch_unwind)]
    pub fn memory_bytes(&self) -> f64 {
        self.queue.memory_bytes() as f64
    }

    /// Bytes held in temporary files.
    #[napi(catch_unwind)]
    pub fn disk_bytes(&self) -> f64 {
        self.queue.disk_bytes() as f64
    }

    /// Tells V8 how much memory hangs on this object, so that its collector takes it into account.
    fn report(&mut self, env: Env) -> napi::Result<()> {
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

/// What one read of a dataset file gave: items, or the problem that ends it.
#[napi]
pub struct DatasetBatch {
    texts: std::vec::IntoIter<Text>,
    skipped: u64,
    reports: Vec<DatasetError>,
    done: bool,
    plan: String,
    error: Option<DatasetError>,
}

#[napi]
impl DatasetBatch {
    /// The next JSON array of items; `null` when there is none.
    #[napi(catch_unwind, ts_return_type = "string | null")]
    pub fn next_text<'env>(&mut self, env: &'env Env) -> napi::Result<Option<JsString<'env>>> {
        match self.texts.next() {
            None => Ok(None),
            Some(Text::Latin1(bytes)) => env.create_string_latin1(bytes).map(Some),
            Some(Text::Utf16(units)) => env.create_string_utf16(units).map(Some),
        }
    }

    /// Bytes of memory held by the texts that were not taken yet.
    #[napi(getter, catch_unwind)]
    pub fn bytes(&self) -> f64 {
        self.texts.as_slice().iter().map(held_bytes).sum::<usize>() as f64
    }

    /// How many records were left out as invalid.
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

    /// Whether nothing follows.
    #[napi(getter, catch_unwind)]
    pub fn done(&self) -> bool {
        self.done
    }

    /// What makes the values of the parsed ones, as JSON; empty when they are what they should be.
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
    closed: AtomicBool,
}

impl SharedReader {
    fn next(&self) -> Result<Batch, DatasetError> {
        let mut held = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if self.closed.load(Ordering::Acquire) {
            *held = None;
            return Err(DatasetError::of_file("was closed"));
        }
        if held.is_none() {
            *held = Some(DatasetReader::open(&self.path, self.options)?);
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
}

/// Reads a dataset file in batches on the threads of libuv's pool.
#[napi]
pub struct DatasetFile {
    shared: Arc<SharedReader>,
}

#[napi]
impl DatasetFile {
    /// `format` is empty (told from the file) or one of `jsonl`, `json`, `csv`, `tsv`. Nothing is opened yet.
    #[napi(constructor, catch_unwind)]
    pub fn new(path: String, format: String, skip_invalid: bool, batch_bytes: f64) -> napi::Result<Self> {
        let batch_bytes = integer("batchBytes", batch_bytes, 1.0, 1_073_741_824.0)? as usize;
        let format = Format::from_name(&format);
        let options = ReaderOptions {
            format,
            skip_invalid,
            batch_bytes,
        };
        let shared = SharedReader {
            path: path.into(),
            options,
            reader: Mutex::new(None),
            closed: AtomicBool::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The next batch. One call at a time; the promise never rejects for the file's sake.
    #[napi(catch_unwind, ts_return_type = "Promise<DatasetBatch>")]
    pub fn next(&self) -> AsyncTask<NextBatch> {
        AsyncTask::new(NextBatch {
            shared: Arc::clone(&self.shared),
        })
    }

    /// Closes the file, at the end of a running `next` if there is one.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        match self.shared.reader.try_lock() {
            Ok(mut held) => *held = None,
            Err(TryLockError::Poisoned(held)) => *held.into_inner() = None,
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// One read, off the JavaScript thread.
pub struct NextBatch {
    shared: Arc<SharedReader>,
}

fn as_json(error: &DatasetError) -> serde_json::Value {
    serde_json::json!([error.line, error.byte_offset, error.reason])
}

/// What `work` gives; a panic of it is an error, as `catch_unwind` makes it of one on the JavaScript thread.
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
    type Output = Result<Batch, DatasetError>;
    type JsValue = DatasetBatch;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        caught(|| self.shared.next())
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Ok(batch) => DatasetBatch {
                texts: batch.texts.into_iter(),
                skipped: batch.skipped,
                reports: batch.reports,
                done: batch.done,
                plan: batch.plan,
                error: None,
            },
            Err(error) => DatasetBatch {
                texts: Vec::new().into_iter(),
                skipped: 0,
                reports: Vec::new(),
                done: true,
                plan: String::new(),
                error: Some(error),
            },
        })
    }
}

/// Where the next row goes in a file that is appended to; see the engine's `AppendPoint`.
#[napi(object)]
pub struct FileAppendPoint {
    pub position: f64,
    pub line_end: String,
    pub columns: Option<Vec<String>>,
}

/// Finds it, off the JavaScript thread.
pub struct FindAppendPoint {
    path: PathBuf,
    target: AppendTarget,
}

impl Task for FindAppendPoint {
    type Output = AppendPoint;
    type JsValue = FileAppendPoint;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        caught(|| AppendPoint::find(&self.path, &self.target))?
            .map_err(|error| Error::new(Status::GenericFailure, format!("ERR_STORAGE: {error}")))
    }

    fn resolve(&mut self, _env: Env, point: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(FileAppendPoint {
            position: point.position as f64,
            line_end: point.line_end.to_owned(),
            columns: point.columns,
        })
    }
}

/// Where rows can be appended to the file at `path`; `header` is the header row that a CSV file without one would get.
#[napi(catch_unwind, ts_return_type = "Promise<FileAppendPoint>")]
pub fn find_append_point(path: String, csv: bool, header: Option<String>) -> AsyncTask<FindAppendPoint> {
    let target = if csv {
        AppendTarget::Csv(header)
    } else {
        AppendTarget::JsonLines
    };
    AsyncTask::new(FindAppendPoint {
        path: path.into(),
        target,
    })
}

/// The columns of the CSV file at `path`, when it has a header row with its line end.
#[napi(catch_unwind)]
pub fn finished_csv_header(path: String) -> Option<Vec<String>> {
    finished_header(Path::new(&path))
}

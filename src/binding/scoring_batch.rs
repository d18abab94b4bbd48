//! Binding of the kernels of the module `scoring`: one pair at once, or a batch on the threads of a pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{
    Float64Array, Float64ArraySlice, Object, Uint16ArraySlice, Uint32ArraySlice, Utf16String,
};
use napi_derive::napi;

use super::error::{Code, Failure, Result};
use super::number::integer;
use crate::scoring::batch::{Batch, Outcome};
use crate::scoring::interrupt::{Interrupt, Stop};
use crate::scoring::kernel::{Kernel, build};

/// The scorer of one specification; see the engine's `kernel`.
#[napi]
pub struct NativeKernel {
    kernel: Arc<dyn Kernel>,
}

#[napi]
impl NativeKernel {
    /// Builds the kernel of a JSON specification.
    #[napi(constructor, catch_unwind)]
    pub fn new(specification: String) -> Result<Self> {
        Ok(Self {
            kernel: Arc::from(build(&specification)?),
        })
    }

    /// Names of the figures that follow the score in a row.
    #[napi(catch_unwind)]
    pub fn figures(&self) -> Vec<String> {
        self.kernel.figures()
    }

    /// Scores one pair into `row`. `texts` is the texts expected and the answer, run together; the first `count` numbers
    /// of `lengths` say how many UTF-16 units each has.
    #[napi(catch_unwind)]
    pub fn score(
        &self,
        texts: Utf16String,
        lengths: Uint32ArraySlice,
        count: f64,
        mut row: Float64ArraySlice,
    ) -> Result<()> {
        let count = integer("count", count, 2.0, lengths.len() as f64)? as u32;
        let batch = packed(texts.to_vec(), &lengths[..count as usize], &[count])?;
        // SAFETY: the slice lives for this call and the JavaScript thread, its only other user, is in this call.
        let row = unsafe { row.as_mut() };
        let width = 1 + self.kernel.figures().len();
        let row = row
            .get_mut(..width)
            .ok_or_else(|| Failure::invalid("the row is too short"))?;
        batch
            .score_one(0, &*self.kernel, row, Interrupt::never())
            .map_err(Failure::from)
    }
}

/// The threads that batches are scored on; started with the first batch.
#[napi]
pub struct NativeScoringThreads {
    workers: usize,
    threads: Mutex<Option<rayon::ThreadPool>>,
}

#[napi]
impl NativeScoringThreads {
    /// At most `workers` threads.
    #[napi(constructor, catch_unwind)]
    pub fn new(workers: f64) -> Result<Self> {
        Ok(Self {
            workers: integer("workers", workers, 1.0, 1024.0)? as usize,
            threads: Mutex::new(None),
        })
    }

    /// Lets the threads end when what they compute is done; another batch starts them again.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        held(&self.threads).take();
    }

    fn spawn(&self, task: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut threads = held(&self.threads);
        let pool = match threads.take() {
            Some(pool) => pool,
            None => rayon::ThreadPoolBuilder::new()
                .num_threads(self.workers)
                .thread_name(|at| format!("scoring-{at}"))
                .build()
                .map_err(|error| Failure::new(Code::Native, format!("cannot start threads: {error}")))?,
        };
        threads.insert(pool).spawn(task);
        Ok(())
    }
}

/// UTF-16 units that a batch has room for at most: whole numbers that a `f64` holds.
const MOST_UNITS: f64 = 9_007_199_254_740_991.0;

/// A batch of pairs on its way: texts are appended, then it is started.
#[napi]
pub struct NativeBatch {
    units: Vec<u16>,
    aborted: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    refused: Arc<Mutex<Vec<(usize, Stop)>>>,
}

#[napi]
impl NativeBatch {
    /// An empty batch with room for `capacity` UTF-16 units.
    #[napi(constructor, catch_unwind)]
    pub fn new(capacity: f64) -> Result<Self> {
        let capacity = integer("capacity", capacity, 0.0, MOST_UNITS)? as usize;
        let mut units = Vec::new();
        units.try_reserve_exact(capacity).map_err(|error| {
            Failure::new(
                Code::Native,
                format!("no memory for {capacity} UTF-16 units: {error}"),
            )
        })?;
        Ok(Self {
            units,
            aborted: Arc::default(),
            done: Arc::default(),
            refused: Arc::default(),
        })
    }

    /// Appends the first `count` numbers of `units`: the next texts in UTF-16, run together, or a part of one.
    #[napi(catch_unwind)]
    pub fn append(&mut self, units: Uint16ArraySlice, count: f64) -> Result<()> {
        let count = integer("count", count, 0.0, units.len() as f64)? as usize;
        self.units.extend_from_slice(&units[..count]);
        Ok(())
    }

    /// Scores what was appended on `threads`; resolves to a row for each pair. Lengths are those of the texts, counts the
    /// number of texts of each pair. With `figures` a row holds those after the score.
    #[napi(catch_unwind, ts_return_type = "Promise<Float64Array>")]
    pub fn start<'env>(
        &mut self,
        env: &'env Env,
        kernel: &NativeKernel,
        threads: &NativeScoringThreads,
        lengths: Uint32ArraySlice,
        counts: Uint32ArraySlice,
        figures: bool,
    ) -> Result<Object<'env>> {
        let units = std::mem::take(&mut self.units);
        let (lengths, counts) = (lengths.to_vec(), counts.to_vec());
        let kernel = kernel.kernel.clone();
        let (aborted, done, refused) = (self.aborted.clone(), self.done.clone(), self.refused.clone());
        let (deferred, promise) = env.create_deferred()?;
        threads.spawn(move || {
            let scored = catch_unwind(AssertUnwindSafe(|| {
                let batch = Batch::new(units, &lengths, &counts).ok_or(LENGTHS_DIFFER)?;
                batch
                    .score(&*kernel, figures, Interrupt::new(&aborted), &done)
                    .map_err(|stop| stop.to_string())
            }));
            match scored {
                Ok(Ok(outcome)) => {
                    let Outcome { rows, refused: pairs } = outcome;
                    *held(&refused) = pairs;
                    deferred.resolve(move |_| Ok(Float64Array::new(rows)));
                }
                Ok(Err(reason)) => deferred.reject(napi::Error::from_reason(reason)),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                    deferred.reject(napi::Error::from_reason(
                        text.unwrap_or("a panic without a message").to_owned(),
                    ));
                }
            }
        })?;
        Ok(promise)
    }

    /// Ends the scoring early, even within a pair; its promise rejects.
    #[napi(catch_unwind)]
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
    }

    /// Number of pairs that are scored.
    #[napi(catch_unwind)]
    pub fn done(&self) -> f64 {
        self.done.load(Ordering::Relaxed) as f64
    }

    /// Pairs that were refused, as `[[index, message], …]` in JSON; `null` if there are none.
    #[napi(catch_unwind)]
    pub fn refused(&self) -> Option<String> {
        let refused = held(&self.refused);
        let rows: Vec<(usize, String)> = refused.iter().map(|(at, stop)| (*at, stop.to_string())).collect();
        (!rows.is_empty()).then(|| serde_json::json!(rows).to_string())
    }
}

/// The batch belongs to JavaScript: when that is gone (a worker thread that was terminated), nobody waits for the scores.
impl Drop for NativeBatch {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Scores pairs as one corpus into `row`; the arguments are those of a batch.
#[napi(catch_unwind)]
pub fn score_corpus(
    kernel: &NativeKernel,
    texts: Utf16String,
    lengths: Uint32ArraySlice,
    counts: Uint32ArraySlice,
    mut row: Float64ArraySlice,
) -> Result<()> {
    let batch = packed(texts.to_vec(), &lengths, &counts)?;
    // SAFETY: the slice lives for this call and the JavaScript thread, its only other user, is in this call.
    let row = unsafe { row.as_mut() };
    let width = 1 + kernel.kernel.figures().len();
    let (score, figures) = row
        .get_mut(..width)
        .ok_or_else(|| Failure::invalid("the row is too short"))?
        .split_at_mut(1);
    let scored = batch.score_corpus(&*kernel.kernel, figures, Interrupt::never());
    score[0] = scored
        .ok_or_else(|| Failure::invalid("the scorer has no corpus form"))?
        .map_err(Failure::from)?;
    Ok(())
}

fn packed(units: Vec<u16>, lengths: &[u32], counts: &[u32]) -> Result<Batch> {
    Batch::new(units, lengths, counts).ok_or_else(|| Failure::invalid(LENGTHS_DIFFER))
}

const LENGTHS_DIFFER: &str = "the lengths do not add up to the texts";

/// Locks a mutex. Its content is whole at any time, so a poisoned lock is as good as any.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

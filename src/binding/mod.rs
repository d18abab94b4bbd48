//! The only place where napi may be imported: one thin file or folder per module (convert, call, convert back).
//!
//! Invariants:
//! - every sync export carries `catch_unwind`: a panic becomes a JavaScript error with code `GenericFailure`, which the
//!   facade turns into a `NativePanicError`; it never aborts the process;
//! - numbers arrive as `f64` and are checked once, in [`number`];
//! - no raw native class or error reaches a user: `ts/` wraps both.

mod cache;
pub mod error;
mod executor;
mod lifecycle;
mod limiter;
mod monitor;
pub mod number;
mod scoring;
mod scoring_batch;
mod scoring_figures;
mod stats;
#[cfg(feature = "store")]
mod store;
mod stream;

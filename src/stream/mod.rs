//! Streams of dataset items in bounded memory.
//!
//! Two structures:
//! - [`spill_queue::SpillQueue`] is a first-in first-out queue of byte chunks outside the JavaScript heap. Chunks are compressed
//!   in native memory up to a limit that the caller gives with each push. Those behind it go to temporary files without a
//!   name, which the system removes whatever happens to the process.
//! - [`source::DatasetReader`] turns a file or pipe into batches of JSON text, which one parse turns into items. It reads JSON
//!   lines, JSON, CSV, TSV and Parquet, plain or compressed with gzip or zstd.
//!
//! Invariants:
//! - Chunks come back in the order and with the bytes they were pushed with. A push that fails changes nothing.
//! - A reader holds one window and one batch, however long the file is.
//! - A reader hands out validated text only, so an error always names the record it is about.
//!
//! Cost: O(bytes) for everything, one compression per chunk pushed, one pass of validation per record read.

pub mod source;
pub mod spill_file;
pub mod spill_queue;

//! Room: streams of dataset items in bounded memory.
//!
//! Two structures. [`overflow::Overflow`] is a first-in first-out queue of byte chunks that lives outside the JavaScript
//! heap: compressed in native memory up to a limit the caller gives with each push, then in temporary files that have no
//! name (the system removes them whatever happens to the process). [`source::DatasetReader`] turns a file (JSON lines,
//! JSON, CSV, Parquet; plain, gzip or zstd) into batches of JSON text that one `JSON.parse` turns into items.
//!
//! What always holds: chunks come back in the order and with the bytes they were pushed with; a push that fails changes
//! nothing; a reader holds one window and one batch however long the file is; what it hands out is text that was
//! validated, so that an error always names the record it is about. Cost: O(bytes) for everything, one compression per
//! chunk pushed, one pass of validation per record read.

pub mod overflow;
pub mod segment;
pub mod source;

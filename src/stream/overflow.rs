//! The queue of chunks outside the JavaScript heap.

use std::collections::VecDeque;
use std::io;

use crate::stream::segment::{Segment, Segments};

/// A segment takes no more chunks from this size on; it is dropped, with its disk space, once its chunks are read.
const SEGMENT_BYTES: u64 = 64 << 20;

/// Why a chunk could not be stored or read back.
#[derive(Debug, thiserror::Error)]
pub enum OverflowError {
    /// The temporary file could not be created or written. The chunk was not taken; all others are as before.
    #[error("the temporary file of the stream could not be written: {0}")]
    Write(#[source] io::Error),
    /// The temporary file could not be read. The chunk stays first in the queue.
    #[error("the temporary file of the stream could not be read: {0}")]
    Read(#[source] io::Error),
    /// What was read is not what was written.
    #[error("the temporary file of the stream was damaged: {0}")]
    Damaged(String),
    /// The queue is empty, or the destination has not the size of the chunk.
    #[error("no chunk of {0} bytes is next in the overflow queue")]
    Mismatch(usize),
}

enum Place {
    Memory(Box<[u8]>),
    Disk { segment: u64, offset: u64, bytes: usize },
}

struct Chunk {
    place: Place,
    raw_bytes: usize,
    compressed: bool,
}

struct OpenSegment {
    id: u64,
    file: Box<dyn Segment>,
    end: u64,
    unread: usize,
}

/// First in, first out; lz4 in memory, then on disk. Every operation is O(bytes of the chunk).
pub struct Overflow {
    chunks: VecDeque<Chunk>,
    segments: VecDeque<OpenSegment>,
    next_segment: u64,
    store: Box<dyn Segments>,
    memory_bytes: u64,
    disk_bytes: u64,
}

impl Overflow {
    /// An empty queue that spills to `store`.
    pub fn new(store: Box<dyn Segments>) -> Self {
        Self {
            chunks: VecDeque::new(),
            segments: VecDeque::new(),
            next_segment: 0,
            store,
            memory_bytes: 0,
            disk_bytes: 0,
        }
    }

    /// Appends a chunk: to memory when the compressed chunks there stay within `memory_limit` bytes, else to disk.
    ///
    /// # Errors
    /// [`OverflowError::Write`]; the queue is then as it was.
    pub fn push(&mut self, raw: &[u8], memory_limit: u64) -> Result<(), OverflowError> {
        // Not kept between calls: it would be memory that is held and does not count.
        let mut scratch = vec![0; lz4_flex::block::get_maximum_output_size(raw.len())];
        let packed = match lz4_flex::block::compress_into(raw, &mut scratch) {
            Ok(size) if size < raw.len() => Some(size),
            _ => None,
        };
        let bytes = packed.map_or(raw, |size| &scratch[..size]);
        let place = if self.memory_bytes + bytes.len() as u64 <= memory_limit {
            self.memory_bytes += bytes.len() as u64;
            Place::Memory(bytes.into())
        } else {
            self.write(bytes).map_err(OverflowError::Write)?
        };
        self.chunks.push_back(Chunk {
            place,
            raw_bytes: raw.len(),
            compressed: packed.is_some(),
        });
        Ok(())
    }

    /// Size of the first chunk as it was pushed; `None` when the queue is empty.
    pub fn next_bytes(&self) -> Option<usize> {
        self.chunks.front().map(|chunk| chunk.raw_bytes)
    }

    /// Takes the first chunk into `destination`, which must have its size.
    ///
    /// # Errors
    /// The chunk stays first in the queue when it cannot be read.
    pub fn pop_into(&mut self, destination: &mut [u8]) -> Result<(), OverflowError> {
        let Some(chunk) = self
            .chunks
            .front()
            .filter(|chunk| chunk.raw_bytes == destination.len())
        else {
            return Err(OverflowError::Mismatch(destination.len()));
        };
        match &chunk.place {
            Place::Memory(bytes) => unpack(bytes, chunk.compressed, destination)?,
            Place::Disk {
                segment,
                offset,
                bytes,
            } => {
                let Some(open) = self.segments.iter_mut().find(|open| open.id == *segment) else {
                    return Err(OverflowError::Damaged("a segment is missing".into()));
                };
                let mut packed = vec![0; *bytes];
                open.file
                    .read_at(*offset, &mut packed)
                    .map_err(OverflowError::Read)?;
                unpack(&packed, chunk.compressed, destination)?;
            }
        }
        if let Some(chunk) = self.chunks.pop_front() {
            self.release(&chunk.place);
        }
        if self.chunks.is_empty() {
            self.clear();
        }
        Ok(())
    }

    /// Drops every chunk, with the memory and disk space it took.
    pub fn clear(&mut self) {
        self.chunks = VecDeque::new();
        self.segments.clear();
        self.memory_bytes = 0;
        self.disk_bytes = 0;
    }

    /// Bytes of native memory held.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Bytes of temporary files that hold chunks not yet taken.
    pub fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }

    /// How many chunks are queued.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether no chunk is queued.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Place> {
        if self.segments.back().is_none_or(|open| open.end >= SEGMENT_BYTES) {
            let file = self.store.create()?;
            self.segments.push_back(OpenSegment {
                id: self.next_segment,
                file,
                end: 0,
                unread: 0,
            });
            self.next_segment += 1;
        }
        let Some(open) = self.segments.back_mut() else {
            return Err(io::Error::other("no segment"));
        };
        let offset = open.end;
        open.file.write_at(offset, bytes)?;
        open.end += bytes.len() as u64;
        open.unread += 1;
        self.disk_bytes += bytes.len() as u64;
        Ok(Place::Disk {
            segment: open.id,
            offset,
            bytes: bytes.len(),
        })
    }

    fn release(&mut self, place: &Place) {
        match place {
            Place::Memory(bytes) => self.memory_bytes -= bytes.len() as u64,
            Place::Disk { segment, bytes, .. } => {
                self.disk_bytes -= *bytes as u64;
                if let Some(at) = self.segments.iter().position(|open| open.id == *segment) {
                    self.segments[at].unread -= 1;
                    if self.segments[at].unread == 0 {
                        self.segments.remove(at);
                    }
                }
            }
        }
    }
}

fn unpack(bytes: &[u8], compressed: bool, destination: &mut [u8]) -> Result<(), OverflowError> {
    if !compressed {
        if bytes.len() != destination.len() {
            return Err(OverflowError::Damaged("a chunk has the wrong size".into()));
        }
        destination.copy_from_slice(bytes);
        return Ok(());
    }
    match lz4_flex::block::decompress_into(bytes, destination) {
        Ok(size) if size == destination.len() => Ok(()),
        Ok(_) => Err(OverflowError::Damaged("a chunk has the wrong size".into())),
        Err(error) => Err(OverflowError::Damaged(error.to_string())),
    }
}

#[cfg(test)]
#[path = "overflow_tests.rs"]
mod tests;

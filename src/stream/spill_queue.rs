//! The queue of chunks outside the JavaScript heap.

use std::collections::VecDeque;
use std::io;

use crate::stream::spill_file::{SpillFile, SpillFiles};

/// A file takes no more chunks from this size on; it is dropped, with its disk space, once its chunks are read.
const FILE_BYTES: u64 = 64 << 20;

/// A failure to store a chunk or to read it back.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// The temporary file could not be created or written. The chunk was not taken; all others are as before.
    #[error("the temporary file of the stream could not be written: {0}")]
    Write(#[source] io::Error),
    /// The temporary file could not be read. The chunk stays first in the queue.
    #[error("the temporary file of the stream could not be read: {0}")]
    Read(#[source] io::Error),
    /// The bytes read are not the bytes written.
    #[error("the temporary file of the stream was damaged: {0}")]
    Damaged(String),
    /// The queue is empty, or the destination has not the size of the chunk.
    #[error("no chunk of {0} bytes is next in the spill queue")]
    Mismatch(usize),
}

enum Place {
    Memory(Box<[u8]>),
    Disk { file: u64, offset: u64, bytes: usize },
}

struct Chunk {
    place: Place,
    raw_bytes: usize,
    compressed: bool,
}

struct OpenFile {
    id: u64,
    file: Box<dyn SpillFile>,
    end: u64,
    unread: usize,
}

/// A first-in first-out queue: lz4 in memory, then on disk. Every operation is O(bytes of the chunk).
pub struct SpillQueue {
    chunks: VecDeque<Chunk>,
    files: VecDeque<OpenFile>,
    next_file: u64,
    store: Box<dyn SpillFiles>,
    memory_bytes: u64,
    disk_bytes: u64,
}

impl SpillQueue {
    /// Makes an empty queue that spills to `store`.
    pub fn new(store: Box<dyn SpillFiles>) -> Self {
        Self {
            chunks: VecDeque::new(),
            files: VecDeque::new(),
            next_file: 0,
            store,
            memory_bytes: 0,
            disk_bytes: 0,
        }
    }

    /// Appends a chunk: to memory when the compressed chunks there stay within `memory_limit` bytes, else to disk.
    ///
    /// # Errors
    /// [`SpillError::Write`]; the queue is then as it was.
    pub fn push(&mut self, raw: &[u8], memory_limit: u64) -> Result<(), SpillError> {
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
            self.write(bytes).map_err(SpillError::Write)?
        };
        self.chunks.push_back(Chunk {
            place,
            raw_bytes: raw.len(),
            compressed: packed.is_some(),
        });
        Ok(())
    }

    /// Returns the size of the first chunk as it was pushed. `None`: the queue is empty.
    pub fn next_bytes(&self) -> Option<usize> {
        self.chunks.front().map(|chunk| chunk.raw_bytes)
    }

    /// Takes the first chunk into `destination`, which must have its size.
    ///
    /// # Errors
    /// The chunk stays first in the queue when it cannot be read.
    pub fn pop_into(&mut self, destination: &mut [u8]) -> Result<(), SpillError> {
        let Some(chunk) = self
            .chunks
            .front()
            .filter(|chunk| chunk.raw_bytes == destination.len())
        else {
            return Err(SpillError::Mismatch(destination.len()));
        };
        match &chunk.place {
            Place::Memory(bytes) => unpack(bytes, chunk.compressed, destination)?,
            Place::Disk { file, offset, bytes } => {
                let Some(open) = self.files.iter_mut().find(|open| open.id == *file) else {
                    return Err(SpillError::Damaged("a file is missing".into()));
                };
                let mut packed = vec![0; *bytes];
                open.file
                    .read_at(*offset, &mut packed)
                    .map_err(SpillError::Read)?;
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
        self.files.clear();
        self.memory_bytes = 0;
        self.disk_bytes = 0;
    }

    /// Returns the bytes of native memory held.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Returns the bytes of temporary files that hold chunks not yet taken.
    pub fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }

    /// Returns the number of chunks queued.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Returns whether no chunk is queued.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Place> {
        if self.files.back().is_none_or(|open| open.end >= FILE_BYTES) {
            let file = self.store.create()?;
            self.files.push_back(OpenFile {
                id: self.next_file,
                file,
                end: 0,
                unread: 0,
            });
            self.next_file += 1;
        }
        let Some(open) = self.files.back_mut() else {
            return Err(io::Error::other("no file"));
        };
        let offset = open.end;
        open.file.write_at(offset, bytes)?;
        open.end += bytes.len() as u64;
        open.unread += 1;
        self.disk_bytes += bytes.len() as u64;
        Ok(Place::Disk {
            file: open.id,
            offset,
            bytes: bytes.len(),
        })
    }

    fn release(&mut self, place: &Place) {
        match place {
            Place::Memory(bytes) => self.memory_bytes -= bytes.len() as u64,
            Place::Disk { file, bytes, .. } => {
                self.disk_bytes -= *bytes as u64;
                if let Some(at) = self.files.iter().position(|open| open.id == *file) {
                    self.files[at].unread -= 1;
                    if self.files[at].unread == 0 {
                        self.files.remove(at);
                    }
                }
            }
        }
    }
}

fn unpack(bytes: &[u8], compressed: bool, destination: &mut [u8]) -> Result<(), SpillError> {
    if !compressed {
        if bytes.len() != destination.len() {
            return Err(SpillError::Damaged("a chunk has the wrong size".into()));
        }
        destination.copy_from_slice(bytes);
        return Ok(());
    }
    match lz4_flex::block::decompress_into(bytes, destination) {
        Ok(size) if size == destination.len() => Ok(()),
        Ok(_) => Err(SpillError::Damaged("a chunk has the wrong size".into())),
        Err(error) => Err(SpillError::Damaged(error.to_string())),
    }
}

#[cfg(test)]
#[path = "spill_queue_tests.rs"]
mod tests;

//! Files without a name, for the chunks that memory has no room for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that chunks are written to and read from by offset.
pub trait SpillFile: Send {
    /// Writes `bytes` at `offset`. A failed write may leave garbage at and after `offset`.
    ///
    /// # Errors
    /// The file system's error, for instance a full disk.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Fills `bytes` from `offset`.
    ///
    /// # Errors
    /// The file system's error.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// Makes files; a trait so that tests can put a full disk behind it.
pub trait SpillFiles: Send {
    /// Makes a new, empty file.
    ///
    /// # Errors
    /// The file system's error.
    fn create(&mut self) -> io::Result<Box<dyn SpillFile>>;
}

/// Unnamed files in a directory: never visible to others, gone when closed or when the process dies
/// (`O_TMPFILE` or unlinked at once on POSIX, delete-on-close on Windows).
#[derive(Debug)]
pub struct UnnamedFiles {
    directory: PathBuf,
}

impl UnnamedFiles {
    /// Makes a source of files in `directory`, which must exist when the first is made.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }
}

impl SpillFiles for UnnamedFiles {
    fn create(&mut self) -> io::Result<Box<dyn SpillFile>> {
        tempfile::tempfile_in(&self.directory).map(|file| Box::new(file) as Box<dyn SpillFile>)
    }
}

impl SpillFile for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.read_exact(bytes)
    }
}

//! The place of a cache file: its absolute path, the files beside it, and their identity.
//!
//! A file is known by device and inode. So a file that was removed, renamed or replaced while it is open is noticed,
//! although the open descriptor still works.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::DiskError;

/// Device and inode of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(u64, u64);

/// The files of an open cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The database itself.
    pub file: FileId,
    /// Its log (`-wal`) and the index of that (`-shm`), if they are there.
    pub beside: [Option<FileId>; 2],
}

/// Suffixes of the log and its index.
pub const LOG_AND_INDEX: [&str; 2] = ["-wal", "-shm"];

/// The path that a cache file is known by in this process: absolute, without links. Makes missing directories.
pub fn known_path(path: &Path) -> Result<PathBuf, DiskError> {
    let failed = |error| DiskError::of_io(&error, path);
    let absolute = std::path::absolute(path).map_err(failed)?;
    if let Ok(there) = fs::canonicalize(&absolute) {
        return Ok(there);
    }
    let (Some(directory), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(DiskError::CannotOpen {
            file: absolute,
            reason: "it is not the path of a file".to_owned(),
        });
    };
    fs::create_dir_all(directory).map_err(failed)?;
    Ok(fs::canonicalize(directory).map_err(failed)?.join(name))
}

/// `path` with `suffix` behind its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the files that are under `path` now; `None` without a database. Some 3 µs.
pub fn identity(path: &Path) -> io::Result<Option<Identity>> {
    let Some(file) = file_id(path)? else {
        return Ok(None);
    };
    let beside = LOG_AND_INDEX.map(|suffix| file_id(&beside(path, suffix)).ok().flatten());
    Ok(Some(Identity { file, beside }))
}

fn file_id(path: &Path) -> io::Result<Option<FileId>> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        #[cfg(unix)]
        Ok(found) => {
            use std::os::unix::fs::MetadataExt;
            Ok(Some(FileId(found.dev(), found.ino())))
        }
        // Elsewhere an open file can be neither removed nor replaced.
        #[cfg(not(unix))]
        Ok(_) => Ok(Some(FileId(0, 0))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the log and the index of the database `gone`, which is no longer under `path` and must still be open: a closed
/// file could have lent its inode to another. `SQLite` would take a log that is left for that of the next database.
pub fn remove_log_of(gone: &Identity, path: &Path) {
    for (suffix, id) in LOG_AND_INDEX.iter().zip(gone.beside) {
        let path = beside(path, suffix);
        if id.is_some() && file_id(&path).ok().flatten() == id {
            // What cannot be removed is met again as damage.
            let _ = fs::remove_file(path);
        }
    }
}

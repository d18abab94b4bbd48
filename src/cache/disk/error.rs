//! Failures of a cache file: each says what was wrong, with which file, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// The reason why a call could not be done.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The file, or the directory it is in, cannot be written.
    #[error(
        "{} can only be read: make the file and its directory writable, or leave what is in it as it is",
        file.display()
    )]
    ReadOnly {
        /// The cache file.
        file: PathBuf,
    },
    /// No room on the volume.
    #[error("there is no room left for {}: free some, or set a smaller maxBytes", file.display())]
    Full {
        /// The cache file.
        file: PathBuf,
    },
    /// Others kept writing for longer than a call waits.
    #[error(
        "other threads or processes wrote to {} for 2 s on end: try again, or spread them over several files",
        file.display()
    )]
    Busy {
        /// The cache file.
        file: PathBuf,
    },
    /// Made by a version of this package that is newer than this one.
    #[error(
        "{} has schema version {found}, and this version of @aah/ai-evals knows {known}: update the package, or use \
         another file",
        file.display()
    )]
    NewerSchema {
        /// The cache file.
        file: PathBuf,
        /// Its schema version.
        found: i32,
        /// The newest that is understood.
        known: i32,
    },
    /// No cache of this package: a database of another program, or no database.
    #[error("{} is a file of another program, and is left as it is: give the cache a file of its own", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// Not there, and cannot be made; or no file.
    #[error("{} cannot be opened ({reason}): check the path and the permissions of its directories", file.display())]
    CannotOpen {
        /// The cache file.
        file: PathBuf,
        /// The message of the system.
        reason: String,
    },
    /// The system failed to read or write.
    #[error("reading or writing {} failed ({reason}): check the volume it is on", file.display())]
    Io {
        /// The cache file.
        file: PathBuf,
        /// The message of the system.
        reason: String,
    },
}

impl DiskError {
    /// The meaning of a failure of the file system.
    pub fn of_io(error: &io::Error, file: &Path) -> Self {
        let file = file.to_path_buf();
        match error.kind() {
            io::ErrorKind::StorageFull => Self::Full { file },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { file },
            _ => Self::CannotOpen {
                file,
                reason: error.to_string(),
            },
        }
    }

    /// The name of the kind, to branch on.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ReadOnly { .. } => "ReadOnly",
            Self::Full { .. } => "Full",
            Self::Busy { .. } => "Busy",
            Self::NewerSchema { .. } => "NewerSchema",
            Self::Foreign { .. } => "Foreign",
            Self::CannotOpen { .. } => "CannotOpen",
            Self::Io { .. } => "Io",
        }
    }
}

/// The meaning of a failed call for the file.
#[derive(Debug)]
pub enum Trouble {
    /// Its content is not what was written: it is to be set aside.
    Damaged(String),
    /// It is no longer where it was opened: it is to be opened again.
    Moved,
    /// Nothing that could be put right here.
    Failed(DiskError),
}

/// `SQLITE_IOERR_SHORT_READ`: the file ends where it should not.
const SHORT_READ: i32 = 522;
/// `SQLITE_IOERR_SHMSIZE`: the index of the log cannot grow.
const NO_ROOM_FOR_INDEX: i32 = 4874;
/// `SQLITE_READONLY_DBMOVED`.
const MOVED: i32 = 1032;

impl Trouble {
    /// The trouble behind a failure of the database engine on `file`.
    pub fn of(error: &rusqlite::Error, file: &Path) -> Self {
        let file = file.to_path_buf();
        let reason = error.to_string();
        let failure = match error {
            rusqlite::Error::SqliteFailure(failure, _) => failure,
            // A statement that does not fit the tables.
            rusqlite::Error::SqlInputError { error, .. } => error,
            // A row that must be there is not, or is not what it must be.
            rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidQuery => return Self::Damaged(reason),
            _ => return Self::Failed(DiskError::Io { file, reason }),
        };
        match (failure.code, failure.extended_code) {
            (_, MOVED) => Self::Moved,
            (ErrorCode::DiskFull, _) | (_, NO_ROOM_FOR_INDEX) => Self::Failed(DiskError::Full { file }),
            (
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch,
                _,
            )
            | (_, SHORT_READ) => Self::Damaged(reason),
            (ErrorCode::Unknown, _) if ["no such ", "malformed"].iter().any(|said| reason.contains(said)) => {
                Self::Damaged(reason)
            }
            (
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::SchemaChanged,
                _,
            ) => Self::Failed(DiskError::Busy { file }),
            (ErrorCode::ReadOnly, _) => Self::Failed(DiskError::ReadOnly { file }),
            (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => {
                Self::Failed(DiskError::CannotOpen { file, reason })
            }
            _ => Self::Failed(DiskError::Io { file, reason }),
        }
    }
}

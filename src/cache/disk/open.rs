//! Opening a cache file, whatever is found in its place: making it, setting a damaged one aside, reading one that can
//! only be read.
//!
//! Making and setting aside happen under an operating-system lock on `FILE.lock`, after a second look, so that of many
//! processes one does it. Nothing else takes that lock, and the lock file stays. The cache file itself is never opened
//! but by SQLite: closing another descriptor of it would drop the locks of the whole process (POSIX).

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::error::{DiskError, Trouble};
use super::log;
use super::schema::{self, Content};
use super::store::Store;

/// Which file is under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

/// An open cache file.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    pub identity: Identity,
    pub read_only: bool,
}

/// What was found damaged while it was open.
#[derive(Debug)]
pub struct Damage {
    pub identity: Identity,
    pub reason: String,
}

/// Sets the file `path`, which must not be open in this process, aside if its log is damaged: to be called before it is
/// opened, as opening drops what is behind the damage.
pub fn examine_log(path: &Path, now: f64, notices: &mut Vec<String>) -> Result<(), DiskError> {
    let there = || identity(path).map_err(|error| of_io(&error, path));
    let Some(identity) = there()? else { return Ok(()) };
    let Some(reason) = log::damage(path).filter(|_| !is_of_others(path)) else {
        return Ok(());
    };
    let _lock = lock(path)?;
    // Another process may have done it.
    if there()? == Some(identity) {
        set_aside(path, &reason, now, notices)?;
    }
    Ok(())
}

/// Whether what is in the file itself says that it is another program's, or a later version's. `path` must not be open.
fn is_of_others(path: &Path) -> bool {
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let number = |at| i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (version, application, pages) = (number(60), number(68), number(28));
    // All of a file that is being made may be in its log.
    read.is_ok() && (application != schema::APPLICATION_ID && pages > 1 || version > schema::VERSION)
}

/// The path that a cache file is known by in this process: absolute, without links. Makes missing directories.
pub fn known_path(path: &Path) -> Result<PathBuf, DiskError> {
    let absolute = std::path::absolute(path).map_err(|error| of_io(&error, path))?;
    if let Ok(there) = fs::canonicalize(&absolute) {
        return Ok(there);
    }
    let (Some(directory), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(DiskError::CannotOpen {
            file: absolute,
            reason: "it is not the path of a file".to_owned(),
        });
    };
    fs::create_dir_all(directory).map_err(|error| of_io(&error, path))?;
    Ok(fs::canonicalize(directory)
        .map_err(|error| of_io(&error, path))?
        .join(name))
}

/// `path` with `suffix` behind its name: its log, its lock.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Which file is under `path` now, if any.
pub fn identity(path: &Path) -> io::Result<Option<Identity>> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        #[cfg(unix)]
        Ok(found) => {
            use std::os::unix::fs::MetadataExt;
            Ok(Some(Identity(found.dev(), found.ino())))
        }
        // Elsewhere an open file cannot be replaced.
        #[cfg(not(unix))]
        Ok(_) => Ok(Some(Identity(0, 0))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens `path` for `namespace`. What was found `damaged` is set aside unless another file is there by now; what was set
/// aside, at `now`, is told of in `notices`.
pub fn open(
    path: &Path,
    namespace: &str,
    mut damaged: Option<Damage>,
    now: f64,
    notices: &mut Vec<String>,
) -> Result<Opened, DiskError> {
    if damaged.is_none() {
        match look(path, namespace) {
            Ok(Some(opened)) => return Ok(opened),
            Err(Trouble::Failed(error)) => return Err(error),
            Ok(None) | Err(Trouble::Damaged(_) | Trouble::Moved) => {}
        }
    }
    if let Some(directory) = path.parent() {
        // It may have been removed since the file was opened first.
        fs::create_dir_all(directory).map_err(|error| of_io(&error, path))?;
    }
    let _lock = lock(path)?;
    let mut last = String::from("it keeps changing");
    for _ in 0..5 {
        let there = identity(path).map_err(|error| of_io(&error, path))?;
        if let Some(damage) = damaged.take_if(|damage| Some(damage.identity) == there) {
            set_aside(path, &damage.reason, now, notices)?;
            continue;
        }
        match look(path, namespace) {
            Ok(Some(opened)) => return Ok(opened),
            Ok(None) => make(path)?,
            Err(Trouble::Damaged(reason)) => {
                set_aside(path, &reason, now, notices)?;
                last = reason;
            }
            Err(Trouble::Moved) => {}
            Err(Trouble::Failed(error)) => return Err(error),
        }
    }
    Err(DiskError::CannotOpen {
        file: path.to_path_buf(),
        reason: last,
    })
}

/// Opens what is there; `None` when there is nothing yet.
fn look(path: &Path, namespace: &str) -> Result<Option<Opened>, Trouble> {
    let there = |path| identity(path).map_err(|error| Trouble::Failed(of_io(&error, path)));
    let Some(identity) = there(path)? else {
        return Ok(None);
    };
    let trouble = |error| Trouble::of(&error, path);
    let writable = schema::connect(path).map_err(trouble).and_then(|db| {
        let read_only = db.is_readonly("main").map_err(trouble)?;
        enter(db, path, namespace, read_only)
    });
    let opened = match writable {
        Err(Trouble::Failed(DiskError::CannotOpen { .. } | DiskError::ReadOnly { .. })) if !has_log(path) => {
            // Not even the index of the log can be made, and there is no log: what is in the file is all there is.
            let db = schema::connect_immutable(path).map_err(trouble)?;
            enter(db, path, namespace, true)?
        }
        other => other?,
    };
    // The log is found by its name: had the file been replaced meanwhile, it could be the log of another.
    if there(path)? != Some(identity) {
        return Err(Trouble::Moved);
    }
    Ok(opened.map(|(store, read_only)| Opened {
        store,
        identity,
        read_only,
    }))
}

/// Uses a connection if it is one to a cache; `None` when nothing is in the file yet.
fn enter(
    db: rusqlite::Connection,
    path: &Path,
    namespace: &str,
    read_only: bool,
) -> Result<Option<(Store, bool)>, Trouble> {
    let trouble = |error| Trouble::of(&error, path);
    let file = path.to_path_buf();
    match schema::content(&db).map_err(trouble)? {
        Content::Cache => {
            if !read_only {
                schema::keep_log(&db).map_err(trouble)?;
            }
            let store = Store::new(db, namespace, read_only).map_err(trouble)?;
            Ok(Some((store, read_only)))
        }
        Content::Empty => Ok(None),
        Content::Newer(found) => Err(Trouble::Failed(DiskError::NewerSchema {
            file,
            found,
            known: schema::VERSION,
        })),
        Content::Foreign => Err(Trouble::Failed(DiskError::Foreign { file })),
    }
}

fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Makes an empty cache in `path`, where there is none.
fn make(path: &Path) -> Result<(), DiskError> {
    let made = schema::connect_or_make(path).and_then(|db| schema::make(&db));
    made.map_err(|error| match Trouble::of(&error, path) {
        Trouble::Failed(error) => error,
        Trouble::Damaged(reason) => DiskError::CannotOpen {
            file: path.to_path_buf(),
            reason,
        },
        Trouble::Moved => DiskError::CannotOpen {
            file: path.to_path_buf(),
            reason: "it was replaced while it was being made".to_owned(),
        },
    })
}

/// Renames a damaged file and what belongs to it.
fn set_aside(path: &Path, reason: &str, now: f64, notices: &mut Vec<String>) -> Result<(), DiskError> {
    let names = (now.max(0.0) as u64..).map(|at| beside(path, &format!(".corrupt-{at}")));
    let aside = names.into_iter().find(|name| !name.exists()).unwrap_or_default();
    // The file first: a log without its file is dropped by SQLite, a file without its log would be an old state.
    fs::rename(path, &aside).map_err(|error| of_io(&error, path))?;
    for suffix in ["-wal", "-shm"] {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(of_io(&error, path)),
            _ => {}
        }
    }
    notices.push(format!(
        "{} was damaged ({reason}): it was set aside as {}, and the cache starts afresh",
        path.display(),
        aside.display()
    ));
    Ok(())
}

/// Waits up to 5 s for the right to make or rename `path`.
fn lock(path: &Path) -> Result<File, DiskError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))
        .map_err(|error| of_io(&error, path))?;
    for _ in 0..1000 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)),
            Err(TryLockError::Error(error)) => return Err(of_io(&error, path)),
        }
    }
    Err(DiskError::Busy {
        file: path.to_path_buf(),
    })
}

/// What a failure of the file system means.
pub fn of_io(error: &io::Error, file: &Path) -> DiskError {
    let file = file.to_path_buf();
    match error.kind() {
        io::ErrorKind::StorageFull => DiskError::Full { file },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => DiskError::ReadOnly { file },
        _ => DiskError::CannotOpen {
            file,
            reason: error.to_string(),
        },
    }
}

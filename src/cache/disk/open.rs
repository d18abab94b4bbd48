//! Opening a cache file, whatever is found in its place: making it, setting a damaged one aside, reading one that can
//! only be read.
//!
//! Making and setting aside happen under an operating-system lock on `FILE.lock`, after a second look, so that of many
//! processes one does it. Nothing else takes that lock, and the lock file stays. The cache file itself is never opened
//! but by SQLite: closing another descriptor of it would drop the locks of the whole process (POSIX).

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::error::{DiskError, Trouble};
use super::place::{Identity, LOG_AND_INDEX, beside, identity, remove_log_of};
use super::schema::{self, Content};
use super::store::Store;

/// An open cache file.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    pub identity: Identity,
    pub read_only: bool,
}

impl Opened {
    /// Returns true if the files under `path` are the open ones.
    pub fn confirm(&self, path: &Path) -> Result<(), Trouble> {
        match identity(path) {
            Ok(Some(there)) if there == self.identity => Ok(()),
            Ok(Some(there)) if there.file == self.identity.file => {
                if self.read_only {
                    return Ok(());
                }
                // What is left is an earlier state, and what is written now is found by nobody else.
                Err(Trouble::Damaged(
                    "its log was removed or replaced while it was open".to_owned(),
                ))
            }
            _ => Err(Trouble::Moved),
        }
    }
}

/// The reason to open an open file again.
#[derive(Debug)]
pub enum Again {
    /// It is no longer the one under its path.
    Moved,
    /// Its content is not what was written.
    Damaged(String),
}

/// Opens `path` for `namespace`; makes it, with its directories, when it is not there. What was set aside as damaged, at
/// `now`, is told of in `notices`.
pub fn open(path: &Path, namespace: &str, now: f64, notices: &mut Vec<String>) -> Result<Opened, DiskError> {
    match look(path, namespace) {
        Ok(Some(opened)) => return Ok(opened),
        Err(Trouble::Failed(error)) => return Err(error),
        Ok(None) | Err(Trouble::Damaged(_) | Trouble::Moved) => {}
    }
    let _lock = lock(path)?;
    open_or_make(path, namespace, now, notices)
}

/// Opens `path` once more, after `before` turned out to be damaged or moved. What is damaged is set aside, unless another
/// process has done so.
pub fn open_again(
    before: Opened,
    why: &Again,
    path: &Path,
    namespace: &str,
    now: f64,
    notices: &mut Vec<String>,
) -> Result<Opened, DiskError> {
    let _lock = match (lock(path), why) {
        (Ok(lock), _) => lock,
        // In a directory that cannot be written to.
        (Err(_), Again::Moved) => {
            drop(before);
            return open(path, namespace, now, notices);
        }
        (Err(error), Again::Damaged(_)) => return Err(error),
    };
    let there = identity(path).map_err(|error| DiskError::of_io(&error, path))?;
    let is_same = there.is_some_and(|there| there.file == before.identity.file);
    if !is_same {
        remove_log_of(&before.identity, path);
    }
    // Closed first: some systems rename no open file.
    drop(before);
    if let (true, Again::Damaged(reason)) = (is_same, why) {
        set_aside(path, reason, now, notices)?;
    }
    open_or_make(path, namespace, now, notices)
}

/// Opens `path` whatever is there, under the lock.
fn open_or_make(
    path: &Path,
    namespace: &str,
    now: f64,
    notices: &mut Vec<String>,
) -> Result<Opened, DiskError> {
    let mut last = String::from("it keeps changing");
    for _ in 0..5 {
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

/// Returns true if the file `path` is another program's.
pub fn is_foreign(path: &Path) -> bool {
    // All of a database may be in its log.
    let content = || schema::connect(path).and_then(|db| schema::content(&db));
    match refuse_foreign(path) {
        Ok(()) => matches!(content(), Ok(Content::Foreign)),
        Err(error) => matches!(error, DiskError::Foreign { .. }),
    }
}

/// Refuses a file of another program or of a later version. Nothing is locked, logged or written for that: a database
/// opened as usual could have a journal played back into it.
fn refuse_foreign(path: &Path) -> Result<(), DiskError> {
    let file = path.to_path_buf();
    match schema::connect_immutable(path).and_then(|db| schema::content(&db)) {
        // A file of one byte is an empty database for `SQLite`.
        Ok(Content::Empty) if fs::metadata(path).is_ok_and(|file| file.len() == 1) => {
            Err(DiskError::Foreign { file })
        }
        Ok(Content::Cache | Content::Older | Content::Empty) => Ok(()),
        Ok(Content::Newer(found)) => Err(newer(path, found)),
        Ok(Content::Foreign) => Err(DiskError::Foreign { file }),
        Err(_) if was_ours(path) => Ok(()),
        Err(error) => match Trouble::of(&error, path) {
            Trouble::Damaged(_) => Err(DiskError::Foreign { file }),
            Trouble::Failed(error) => Err(error),
            Trouble::Moved => Ok(()),
        },
    }
}

/// Returns true if a file that is no database, or a damaged one, was a cache. It then has the lock file of one, or a first
/// page that only a cache has. Without a lock file this process has never made it, so that reading it takes no lock of `SQLite` away.
fn was_ours(path: &Path) -> bool {
    if beside(path, ".lock").exists() {
        return true;
    }
    let mut page = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut page));
    let has_mark = page.get(68..72) == Some(&schema::APPLICATION_ID.to_be_bytes());
    read.is_ok() && (has_mark || memchr::memmem::find(&page, b"CREATE TABLE namespaces").is_some())
}

fn newer(path: &Path, found: i32) -> DiskError {
    DiskError::NewerSchema {
        file: path.to_path_buf(),
        found,
        known: schema::VERSION,
    }
}

/// Opens what is there; `None` when there is nothing yet.
fn look(path: &Path, namespace: &str) -> Result<Option<Opened>, Trouble> {
    let there = || identity(path).map_err(|error| Trouble::Failed(DiskError::of_io(&error, path)));
    let Some(before) = there()? else {
        return Ok(None);
    };
    refuse_foreign(path).map_err(Trouble::Failed)?;
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
    let identity = match there()? {
        // Its log is there by now.
        Some(now) if now.file == before.file => now,
        _ => return Err(Trouble::Moved),
    };
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
        Content::Older if read_only => Err(Trouble::Failed(DiskError::ReadOnly { file })),
        Content::Older => {
            schema::upgrade(&db).map_err(trouble)?;
            enter(db, path, namespace, read_only)
        }
        Content::Empty => Ok(None),
        Content::Newer(found) => Err(Trouble::Failed(newer(path, found))),
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
    fs::rename(path, &aside).map_err(|error| DiskError::of_io(&error, path))?;
    for suffix in LOG_AND_INDEX {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(DiskError::of_io(&error, path));
            }
            _ => {}
        }
    }
    tracing::warn!(target: "ai_evals::cache", file = %path.display(), aside = %aside.display(), reason, "a cache file was set aside");
    notices.push(format!(
        "{} was damaged ({reason}): it was set aside as {}, and the cache starts afresh",
        path.display(),
        aside.display()
    ));
    Ok(())
}

/// Waits up to 5 s for the right to make or rename `path`. Makes missing directories.
fn lock(path: &Path) -> Result<File, DiskError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| DiskError::of_io(&error, path))?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))
        .map_err(|error| DiskError::of_io(&error, path))?;
    for _ in 0..1000 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)),
            Err(TryLockError::Error(error)) => return Err(DiskError::of_io(&error, path)),
        }
    }
    Err(DiskError::Busy {
        file: path.to_path_buf(),
    })
}

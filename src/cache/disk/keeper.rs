//! What all handles of one file share in this process: uses that are still to be noted, and the keeper, a thread that
//! moves the log into the file, notes many uses and deletes what has expired, so that no call ever waits for the disk.
//!
//! The keeper works when enough has been written since the last time, on a connection of its own that it opens for the
//! purpose. The last handle waits for its end, and so does a process that exits; one that is killed leaves a log that the
//! next one reads. The log of a file that is written without any pause grows until there is one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::open::identity;
use super::schema::{self, Content};
use super::store::Store;

/// Pages written after which the log is moved into the file.
const PAGES: u64 = 1000;
/// Pages of the log above which it is cut, not only written over.
const LONG_LOG: i64 = 4000;
/// How many uses are noted or expired entries deleted at a time: others can write in between.
const AT_A_TIME: usize = 200;

/// One cache file in this process.
#[derive(Debug)]
pub struct SharedFile {
    pub path: PathBuf,
    work: Arc<Work>,
    /// The thread, if the system gave one; asked for by the first handle that writes.
    keeper: OnceLock<Option<JoinHandle<()>>>,
}

/// Rows that were used and are not noted yet, in order. Taken only by who may write the file at that moment, so that they
/// are noted in this order, and before what is written next.
pub type Uses = Mutex<Vec<i64>>;

/// What is for the keeper to do.
#[derive(Debug, Default)]
struct Work {
    due: Mutex<Due>,
    wake: Condvar,
    uses: Mutex<BTreeMap<String, Arc<Uses>>>,
}

#[derive(Debug, Default)]
struct Due {
    /// Pages written since the log was last moved.
    pages: u64,
    /// The latest time that a caller spoke of.
    now: f64,
    /// There are many uses to note.
    uses: bool,
    ended: bool,
}

/// Locks what is consistent whatever happened to its last holder.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedFile {
    /// The file under `path`, as [`super::open::known_path`] gives it.
    pub fn of(path: PathBuf) -> Arc<Self> {
        static FILES: Mutex<BTreeMap<PathBuf, Weak<SharedFile>>> = Mutex::new(BTreeMap::new());
        let mut files = locked(&FILES);
        files.retain(|_, file| file.strong_count() > 0);
        if let Some(file) = files.get(&path).and_then(Weak::upgrade) {
            return file;
        }
        let file = Arc::new(Self {
            path: path.clone(),
            work: Arc::default(),
            keeper: OnceLock::new(),
        });
        files.insert(path, Arc::downgrade(&file));
        file
    }

    /// The uses of `namespace` that are still to be noted.
    pub fn uses(&self, namespace: &str) -> Arc<Uses> {
        locked(&self.work.uses)
            .entry(namespace.to_owned())
            .or_default()
            .clone()
    }

    /// Sees to it that the log of a connection that writes is moved into the file: by the keeper, or, when the system
    /// gives no thread, by the connection itself.
    pub fn keep(&self, db: &Connection) -> rusqlite::Result<()> {
        let keeper = self.keeper.get_or_init(|| {
            let (work, path) = (self.work.clone(), self.path.clone());
            let thread = std::thread::Builder::new().name("ai-evals-cache".to_owned());
            thread.spawn(move || keep(&path, &work)).ok()
        });
        if keeper.is_none() {
            db.execute_batch("PRAGMA wal_autocheckpoint = 1000")?;
        }
        Ok(())
    }

    /// Says that about `pages` pages were written at `now`.
    pub fn wrote(&self, pages: u64, now: f64) {
        let mut due = locked(&self.work.due);
        due.pages += pages;
        due.now = due.now.max(now);
        if due.pages >= PAGES {
            self.work.wake.notify_one();
        }
    }

    /// Asks the keeper to note uses. False: there is none.
    pub fn note_uses(&self) -> bool {
        locked(&self.work.due).uses = true;
        self.work.wake.notify_one();
        matches!(self.keeper.get(), Some(Some(_)))
    }
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        locked(&self.work.due).ended = true;
        self.work.wake.notify_one();
        // So that whoever has closed the last cache on a file finds it whole, without a log beside it.
        if let Some(keeper) = self.keeper.take().flatten() {
            let _ = keeper.join();
        }
    }
}

/// The keeper's life.
fn keep(path: &Path, work: &Work) {
    loop {
        let due = locked(&work.due);
        let idle = |due: &mut Due| due.pages < PAGES && !due.uses && !due.ended;
        let mut guard = work
            .wake
            .wait_while(due, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let due = Due { ..*guard };
        if due.pages >= PAGES {
            guard.pages = 0;
        }
        guard.uses = false;
        drop(guard);
        // Whoever uses the file meets the same trouble and deals with it; what is not done now is done the next time.
        let _ = work.step(path, &due);
        if due.ended {
            return;
        }
    }
}

impl Work {
    fn step(&self, path: &Path, due: &Due) -> rusqlite::Result<()> {
        let before = identity(path).ok().flatten();
        let db = schema::connect(path)?;
        if schema::content(&db)? != Content::Cache || identity(path).ok().flatten() != before {
            return Ok(());
        }
        if due.ended {
            // Without other users the log goes into the file and is removed.
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        }
        let mut db = db;
        if due.uses {
            db = self.note_uses(db)?;
        }
        if due.pages >= PAGES {
            db = purge(db, due.now)?;
        } else if !due.ended {
            return Ok(());
        }
        let in_log = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1))?;
        if in_log > LONG_LOG {
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    }

    /// Notes the uses of every namespace.
    fn note_uses(&self, mut db: Connection) -> rusqlite::Result<Connection> {
        let all = locked(&self.uses).clone();
        for (name, uses) in all {
            let store = Store::new(db, &name, false)?;
            while store.note_uses(&uses, AT_A_TIME)? {
                std::thread::yield_now();
            }
            db = store.db;
        }
        Ok(db)
    }
}

/// Deletes what need not be kept, in every namespace, and the claims of owners that are no more.
fn purge(mut db: Connection, now: f64) -> rusqlite::Result<Connection> {
    let names = db
        .prepare("SELECT name FROM namespaces")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for name in names {
        let store = Store::new(db, &name, false)?;
        store.forget_claims(now)?;
        while store.remove_expired(None, AT_A_TIME, now)? == AT_A_TIME as u64 {
            std::thread::yield_now();
        }
        db = store.db;
    }
    Ok(db)
}

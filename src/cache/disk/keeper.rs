//! What all handles of one file share in this process: uses that are still to be noted, and the keeper, a thread that
//! moves the log into the file and deletes what has expired, so that no call ever waits for the disk.
//!
//! The keeper works when enough has been written since the last time, on a connection of its own that it opens for the
//! purpose, and ends with the last handle. It is never waited for: a process may end, or be killed, at any moment, and
//! the log of a file that is written without any pause grows until there is one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::open::identity;
use super::schema::{self, Content};
use super::store::Store;

/// Pages written after which the log is moved into the file.
const PAGES: u64 = 1000;
/// Pages of the log above which it is cut, not only written over.
const LONG_LOG: i64 = 4000;
/// How many expired entries are deleted at a time: others can write in between.
const AT_A_TIME: u32 = 200;

/// One cache file in this process.
#[derive(Debug)]
pub struct SharedFile {
    pub path: PathBuf,
    uses: Mutex<BTreeMap<String, Arc<Uses>>>,
    keeper: OnceLock<Option<Arc<Signal>>>,
}

/// Uses of a namespace since the last write, oldest first.
pub type Uses = Mutex<Vec<i64>>;

#[derive(Debug, Default)]
struct Signal {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Pages written since the keeper last worked.
    pages: u64,
    /// The latest time that a caller spoke of.
    now: f64,
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
            uses: Mutex::default(),
            keeper: OnceLock::new(),
        });
        files.insert(path, Arc::downgrade(&file));
        file
    }

    /// The uses of `namespace` that are still to be noted.
    pub fn uses(&self, namespace: &str) -> Arc<Uses> {
        locked(&self.uses)
            .entry(namespace.to_owned())
            .or_default()
            .clone()
    }

    /// Sees to it that the log of a connection that writes is moved into the file: by the keeper, or, when the system
    /// gives no thread, by the connection itself.
    pub fn keep(&self, db: &Connection) -> rusqlite::Result<()> {
        let keeper = self.keeper.get_or_init(|| {
            let signal = Arc::new(Signal::default());
            let (of_thread, path) = (signal.clone(), self.path.clone());
            let thread = std::thread::Builder::new().name("ai-evals-cache".to_owned());
            thread.spawn(move || keep(&path, &of_thread)).ok().map(|_| signal)
        });
        if keeper.is_none() {
            db.execute_batch("PRAGMA wal_autocheckpoint = 1000")?;
        }
        Ok(())
    }

    /// Says that about `pages` pages were written at `now`.
    pub fn wrote(&self, pages: u64, now: f64) {
        let Some(Some(signal)) = self.keeper.get() else {
            return;
        };
        let mut state = locked(&signal.state);
        state.pages += pages;
        state.now = state.now.max(now);
        if state.pages >= PAGES {
            signal.wake.notify_one();
        }
    }
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        if let Some(Some(signal)) = self.keeper.get() {
            locked(&signal.state).ended = true;
            signal.wake.notify_one();
        }
    }
}

/// The keeper's life.
fn keep(path: &Path, signal: &Signal) {
    loop {
        let state = locked(&signal.state);
        let idle = |state: &mut State| state.pages < PAGES && !state.ended;
        let mut state = signal
            .wake
            .wait_while(state, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let (now, ended) = (state.now, state.ended);
        state.pages = 0;
        drop(state);
        // Whoever uses the file meets the same trouble and deals with it; what is not done now is done the next time.
        let _ = work(path, now, ended);
        if ended {
            return;
        }
    }
}

fn work(path: &Path, now: f64, last: bool) -> rusqlite::Result<()> {
    let before = identity(path).ok().flatten();
    let db = schema::connect(path)?;
    if schema::content(&db)? != Content::Cache || identity(path).ok().flatten() != before {
        return Ok(());
    }
    if last {
        // Without other users the log goes into the file and is removed.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    } else {
        purge(path, now)?;
    }
    let in_log = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1))?;
    if in_log > LONG_LOG {
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}

/// Deletes what need not be kept, in every namespace.
fn purge(path: &Path, now: f64) -> rusqlite::Result<()> {
    let db = schema::connect(path)?;
    let names = db
        .prepare("SELECT name FROM namespaces")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    let mut db = db;
    for name in names {
        let store = Store::new(db, &name, false)?;
        while store.remove_expired(&[], AT_A_TIME, now)? == u64::from(AT_A_TIME) {
            std::thread::yield_now();
        }
        db = store.db;
    }
    Ok(())
}

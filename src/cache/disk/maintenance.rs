//! Background work on a cache file: one thread for each file of this process moves the log into the file.
//!
//! Calls that write do not wait for the disk. After some pages were written, the thread opens a connection of its own and
//! - checkpoints the log, and starts it again from its beginning where it has grown long (then calls wait a moment);
//! - deletes what has expired, and notes many uses;
//! - makes a file small that was cleared.
//!
//! The last handle waits for the end of the thread, and so does a process that ends by itself. What is not done after a
//! kill is done the next time: the log has everything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Result};

use super::place::{Identity, identity};
use super::schema::{self, Content};
use super::store::Store;
use super::uses::Uses;

/// Pages written after which the log is moved into the file: 4 MB.
const DUE: u64 = 1000;
/// Pages of a log that is started again from its beginning: 16 MB.
const LONG: i64 = 4000;
/// Pages written since the last checkpoint began after which calls wait for the next: 16 MB.
const FAR_BEHIND: u64 = 4000;
/// Transactions in which uses are noted between two checkpoints.
const ROUNDS: usize = 5;
/// Uses noted, or expired entries deleted, in one transaction: others can write in between.
const AT_A_TIME: usize = 200;

/// The background work of one cache file.
#[derive(Debug)]
pub struct Maintenance {
    pub path: PathBuf,
    work: Arc<Work>,
    /// The thread, if the system gave one; started by the first handle that writes.
    thread: OnceLock<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Work {
    due: Mutex<Due>,
    wake: Condvar,
    /// Held for a checkpoint: SQLite refuses a second one at once, and does not wait for the first.
    checkpoint: Mutex<()>,
    uses: Mutex<BTreeMap<String, Uses>>,
}

/// Work to be done.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    /// Pages written since the last checkpoint.
    pages: u64,
    /// The latest time that a caller spoke of.
    now: f64,
    /// The files that were written: others are left alone.
    written: Option<Identity>,
    has_uses: bool,
    is_cleared: bool,
    is_ended: bool,
}

impl Maintenance {
    /// The one of the file `path`, as [`super::place::known_path`] gives it.
    pub fn of(path: PathBuf) -> Arc<Self> {
        static FILES: Mutex<BTreeMap<PathBuf, Weak<Maintenance>>> = Mutex::new(BTreeMap::new());
        let mut files = locked(&FILES);
        files.retain(|_, file| file.strong_count() > 0);
        if let Some(file) = files.get(&path).and_then(Weak::upgrade) {
            return file;
        }
        let file = Arc::new(Self {
            path: path.clone(),
            work: Arc::default(),
            thread: OnceLock::new(),
        });
        files.insert(path, Arc::downgrade(&file));
        file
    }

    /// The uses of `namespace` that are still to be noted.
    pub fn uses(&self, namespace: &str) -> Uses {
        locked(&self.work.uses)
            .entry(namespace.to_owned())
            .or_default()
            .clone()
    }

    /// Starts the thread, unless it runs. Where the system gives none, the connection `db` checkpoints.
    pub fn start(&self, db: &Connection) -> Result<()> {
        let thread = self.thread.get_or_init(|| {
            let (work, path) = (self.work.clone(), self.path.clone());
            Builder::new()
                .name("ai-evals-cache".to_owned())
                .spawn(move || work.run(&path))
                .ok()
        });
        match thread {
            Some(_) => Ok(()),
            None => db.execute_batch("PRAGMA wal_autocheckpoint = 1000"),
        }
    }

    /// Counts about `pages` pages written at `now` to the files `written`. Returns whether the thread is so far behind that
    /// the caller has to wait for the disk.
    pub fn wrote(&self, pages: u64, now: f64, written: Identity) -> bool {
        let mut due = locked(&self.work.due);
        due.pages += pages;
        due.now = due.now.max(now);
        due.written = Some(written);
        if due.pages >= DUE {
            self.work.wake.notify_one();
        }
        due.pages >= FAR_BEHIND
    }

    /// Moves the whole log into the file through the connection `db` of a caller who has written too much. Waits for a
    /// checkpoint of the thread. Where another process is at one, the next write tries again.
    pub fn catch_up(&self, db: &Connection) {
        let _one_at_a_time = locked(&self.work.checkpoint);
        // Trouble with the file is met again by the next write, which deals with it.
        if checkpoint_all(db).unwrap_or(false) {
            locked(&self.work.due).pages = 0;
        }
    }

    /// Has the file made small, if nothing is left in it.
    pub fn cleared(&self) {
        locked(&self.work.due).is_cleared = true;
        self.work.wake.notify_one();
    }

    /// Has the uses noted.
    pub fn note_uses(&self) {
        locked(&self.work.due).has_uses = true;
        self.work.wake.notify_one();
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        locked(&self.work.due).is_ended = true;
        self.work.wake.notify_one();
        // Whoever has closed the last cache on a file finds it whole, without a log beside it.
        if let Some(thread) = self.thread.take().flatten() {
            let _ = thread.join();
        }
    }
}

impl Work {
    fn run(&self, path: &Path) {
        loop {
            let idle = |due: &mut Due| !(due.pages >= DUE || due.has_uses || due.is_cleared || due.is_ended);
            let waited = self.wake.wait_while(locked(&self.due), idle);
            let mut due = waited.unwrap_or_else(PoisonError::into_inner);
            let now_due = *due;
            (due.pages, due.has_uses, due.is_cleared) = (0, false, false);
            drop(due);
            // Callers meet the same trouble and deal with it.
            if let Err(error) = self.step(path, &now_due) {
                tracing::warn!(target: "ai_evals::cache", file = %path.display(), error = %error, "maintenance of a cache file failed");
            }
            if now_due.is_ended {
                return;
            }
        }
    }

    fn step(&self, path: &Path, due: &Due) -> Result<()> {
        let is_same = || due.written.is_some() && identity(path).ok().flatten() == due.written;
        if !is_same() {
            return Ok(());
        }
        let mut db = schema::connect(path)?;
        if schema::content(&db)? != Content::Cache || !is_same() {
            return Ok(());
        }
        if due.is_cleared && db.query_row("SELECT sum(entries) = 0 FROM namespaces", [], |row| row.get(0))? {
            db.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        {
            let _one_at_a_time = locked(&self.checkpoint);
            let in_log: i64 = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
            if in_log > LONG {
                checkpoint_all(&db)?;
            }
        }
        if due.is_ended {
            // Without other users the log goes into the file and is removed.
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            return Ok(());
        }
        let uses = locked(&self.uses).clone();
        db.execute(
            "DELETE FROM claims WHERE until <= ?",
            [due.now - crate::cache::leases::FORGOTTEN],
        )?;
        for (namespace, uses) in uses {
            let store = Store::new(db, &namespace, false)?;
            // What has expired takes room only where much is written.
            if due.pages >= DUE {
                store.remove_expired(None, AT_A_TIME, due.now)?;
            }
            let mut has_more = due.has_uses;
            for _ in 0..ROUNDS {
                has_more = has_more && store.note_uses(&uses, AT_A_TIME)?;
            }
            // After the next checkpoint.
            locked(&self.due).has_uses |= has_more;
            db = store.db;
        }
        Ok(())
    }
}

/// Moves the whole log into the file, while nobody writes; the next write begins it anew. Returns whether it was done, which
/// a checkpoint or a long read of another process prevents.
fn checkpoint_all(db: &Connection) -> Result<bool> {
    db.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| {
        Ok(row.get::<_, i64>(0)? == 0)
    })
}

/// Locks what is consistent whatever happened to its last holder.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

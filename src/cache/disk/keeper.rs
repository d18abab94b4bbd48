//! What all handles of one file share in this process: uses that are still to be noted, and the keeper, a thread that
//! moves the log into the file, notes many uses and deletes what has expired, so that calls do not wait for the disk.
//!
//! The keeper works when enough has been written since the last time, on a connection of its own that it opens for the
//! purpose. The last handle waits for its end, and so does a process that exits; one that is killed leaves a log that the
//! next one reads. The log begins anew when all of it is in the file and nobody writes at that moment. Where calls leave no
//! such moment and it grows long, the keeper makes one: only then does a call that writes wait for the disk. How long is in
//! proportion to the limit of the cache, between bounds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::DiskError;
use super::open::identity;
use super::schema::{self, Content};
use super::store::Store;

/// Most pages written after which the log is moved into the file.
const PAGES: u64 = 1000;
/// The same for the smallest files.
const FEWEST_PAGES: u64 = 125;
/// How long a call waits for the keeper at most.
const MOST_PATIENCE: Duration = Duration::from_secs(2);
/// How many uses are noted or expired entries deleted at a time: others can write in between.
const AT_A_TIME: usize = 200;

/// One cache file in this process.
#[derive(Debug)]
pub struct SharedFile {
    pub path: PathBuf,
    work: Arc<Work>,
    /// The thread, if the system gave one; asked for by the first handle that writes.
    keeper: OnceLock<Option<JoinHandle<()>>>,
    /// Whether its log was looked at before it was opened.
    examined: Mutex<bool>,
    /// The last to go: without one, nothing of this process has the file open.
    _presence: Arc<()>,
}

/// A file as the process knows it, and what is there as long as anything of it is open.
type Known = (Weak<SharedFile>, Weak<()>);

/// Rows that were used and are not noted yet, in order. Taken only by who may write the file at that moment, so that they
/// are noted in this order, and before what is written next.
pub type Uses = Mutex<Vec<i64>>;

/// What is for the keeper to do.
#[derive(Debug, Default)]
struct Work {
    due: Mutex<Due>,
    wake: Condvar,
    uses: Mutex<BTreeMap<String, Arc<Uses>>>,
    gate: Gate,
    /// The largest limit of those who have the file open, in bytes.
    largest: AtomicU64,
}

/// Lengths of a log, in pages: it has at most about `long` and `most_ahead` together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// Written: then it is moved into the file.
    pub due: u64,
    /// In the log: then it begins anew, though there are writers.
    pub long: u64,
    /// Written while the keeper moves it: then those who write wait for that.
    pub most_ahead: u64,
    /// In the log: then it is cut off as well.
    pub too_long: u64,
}

impl LogLimits {
    /// In proportion to what may be in the file.
    pub fn of(max_bytes: u64) -> Self {
        let due = (max_bytes / 4096 / 8).clamp(FEWEST_PAGES, PAGES);
        Self {
            due,
            long: 4 * due,
            most_ahead: 8 * due,
            too_long: 16 * due,
        }
    }
}

/// Closed while the keeper writes, or when it is far behind: calls of this process that write wait in front of it.
#[derive(Debug, Default)]
struct Gate {
    closed: AtomicBool,
    lock: Mutex<()>,
    opened: Condvar,
}

/// A gate that is closed until this is dropped.
struct Closed<'a>(&'a Gate);

#[derive(Debug, Default)]
struct Due {
    /// Pages written since the log was last moved.
    pages: u64,
    /// The latest time that a caller spoke of.
    now: f64,
    /// There are many uses to note.
    uses: bool,
    /// A namespace was cleared.
    cleared: bool,
    ended: bool,
}

/// Locks what is consistent whatever happened to its last holder.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedFile {
    /// The file under `path`, as [`super::open::known_path`] gives it.
    pub fn of(path: PathBuf) -> Arc<Self> {
        static FILES: Mutex<BTreeMap<PathBuf, Known>> = Mutex::new(BTreeMap::new());
        let mut files = locked(&FILES);
        files.retain(|_, (_, presence)| presence.strong_count() > 0);
        let known = files.get(&path);
        if let Some(file) = known.and_then(|(file, _)| file.upgrade()) {
            return file;
        }
        let presence = known
            .and_then(|(_, presence)| presence.upgrade())
            .unwrap_or_default();
        let file = Arc::new(Self {
            path: path.clone(),
            work: Arc::default(),
            keeper: OnceLock::new(),
            // The keeper of the last user may still be at work.
            examined: Mutex::new(known.is_some()),
            _presence: presence.clone(),
        });
        files.insert(path, (Arc::downgrade(&file), Arc::downgrade(&presence)));
        file
    }

    /// Runs `examine` once, before any connection of this process is opened.
    pub fn before_it_is_open(
        &self,
        examine: impl FnOnce() -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        let mut examined = locked(&self.examined);
        if !*examined {
            examine()?;
            *examined = true;
        }
        Ok(())
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

    /// Waits while the keeper writes. To be called before a write.
    pub fn pass_gate(&self) {
        let gate = &self.work.gate;
        if gate.closed.load(Ordering::Acquire) {
            let closed = |(): &mut ()| gate.closed.load(Ordering::Acquire);
            let waited = gate
                .opened
                .wait_timeout_while(locked(&gate.lock), MOST_PATIENCE, closed);
            drop(waited);
        }
    }

    /// Says that about `pages` pages were written at `now`.
    pub fn wrote(&self, pages: u64, now: f64) {
        let mut due = locked(&self.work.due);
        due.pages += pages;
        due.now = due.now.max(now);
        let limits = self.work.limits();
        if due.pages >= limits.due {
            self.work.wake.notify_one();
        }
        // The keeper waits for the disk, and is outrun.
        if due.pages >= limits.most_ahead && matches!(self.keeper.get(), Some(Some(_))) {
            self.work.gate.close();
        }
    }

    /// Says that somebody may hold that many bytes in the file.
    pub fn may_hold(&self, max_bytes: u64) {
        self.work.largest.fetch_max(max_bytes, Ordering::Relaxed);
    }

    /// Says that a namespace was cleared.
    pub fn cleared(&self) {
        locked(&self.work.due).cleared = true;
        self.work.wake.notify_one();
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
        let idle = |due: &mut Due| due.pages < work.limits().due && !due.uses && !due.cleared && !due.ended;
        let mut guard = work
            .wake
            .wait_while(due, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let due = Due { ..*guard };
        if due.pages >= work.limits().due {
            guard.pages = 0;
        }
        (guard.uses, guard.cleared) = (false, false);
        drop(guard);
        // Whoever uses the file meets the same trouble and deals with it; what is not done now is done the next time.
        let _ = work.step(path, &due);
        work.gate.open();
        if due.ended {
            return;
        }
    }
}

impl Work {
    fn limits(&self) -> LogLimits {
        LogLimits::of(self.largest.load(Ordering::Relaxed))
    }

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
        let limits = self.limits();
        if due.pages >= limits.due || due.cleared || due.ended {
            let is_smaller = due.cleared && self.shrink(&db)?;
            let in_log = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1))?;
            let in_log = in_log.max(0).cast_unsigned();
            // Cutting it off costs more than writing over it.
            let begin_anew = if in_log > limits.too_long || is_smaller {
                "PRAGMA wal_checkpoint(TRUNCATE)"
            } else {
                "PRAGMA wal_checkpoint(RESTART)"
            };
            if in_log > limits.long || is_smaller {
                self.alone(|| db.query_row(begin_anew, [], |_| Ok(())))?;
            }
        }
        if due.pages >= limits.due {
            db = self.purge(db, due.now)?;
        }
        if due.uses && !due.ended {
            self.note_uses(db)?;
        }
        Ok(())
    }

    /// Runs `work`, which writes, while no call of this process does: it would not get a turn between calls without a pause.
    fn alone<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let _closed = Closed::new(&self.gate);
        work()
    }

    /// Says that the keeper itself wrote about `pages`. Returns whether the log is to be moved before it goes on.
    fn wrote(&self, pages: usize) -> bool {
        let mut due = locked(&self.due);
        due.pages += pages as u64;
        due.pages >= self.limits().due
    }

    /// Makes a file without any entry as small as a new one. What is left where there are entries is used again.
    fn shrink(&self, db: &Connection) -> rusqlite::Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM namespaces WHERE entries > 0)";
        let is_empty = db.query_row(sql, [], |row| row.get(0))?;
        if is_empty {
            self.alone(|| db.execute_batch("VACUUM"))?;
        }
        Ok(is_empty)
    }

    /// Notes the uses of every namespace, as far as it gets until the log is due.
    fn note_uses(&self, mut db: Connection) -> rusqlite::Result<()> {
        let all = locked(&self.uses).clone();
        for (name, uses) in all {
            let store = Store::new(db, &name, false)?;
            while self.alone(|| store.note_uses(&uses, AT_A_TIME))? {
                if self.wrote(AT_A_TIME) {
                    locked(&self.due).uses = true;
                    return Ok(());
                }
                std::thread::yield_now();
            }
            db = store.db;
        }
        Ok(())
    }

    /// Deletes what need not be kept, in every namespace, and the claims of owners that are no more; the rest of very many
    /// after the log was moved.
    fn purge(&self, mut db: Connection, now: f64) -> rusqlite::Result<Connection> {
        let names = db
            .prepare("SELECT name FROM namespaces")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        for name in names {
            let store = Store::new(db, &name, false)?;
            self.alone(|| store.forget_claims(now))?;
            while self.alone(|| store.remove_expired(None, AT_A_TIME, now))? == AT_A_TIME as u64 {
                if self.wrote(2 * AT_A_TIME) {
                    return Ok(store.db);
                }
                std::thread::yield_now();
            }
            db = store.db;
        }
        Ok(db)
    }
}

impl Gate {
    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn open(&self) {
        let guard = locked(&self.lock);
        self.closed.store(false, Ordering::Release);
        drop(guard);
        self.opened.notify_all();
    }
}

impl<'a> Closed<'a> {
    fn new(gate: &'a Gate) -> Self {
        gate.close();
        Self(gate)
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

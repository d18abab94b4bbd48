//! Tables of a cache file, and settings of a connection to one.
//!
//! Values (`entries`) are apart from what eviction needs to know (`recency`): a use rewrites some 40 bytes, not the value.
//! Entries lie in the order in which they were stored, and not in that of their digests. So what is stored together shares
//! its pages, and each page is written once.
//! `namespaces` holds the totals, so that figures and opening cost the same whatever the size.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Result, Transaction, TransactionBehavior};

/// "aahC": marks a file as a cache of this package.
pub const APPLICATION_ID: i32 = 0x6161_6843;
/// The schema below. A file with a higher one is left alone.
pub const VERSION: i32 = 2;
/// The schema without `recency.row`: every entry is in the row of its `recency.id`.
const VERSION_WITHOUT_ROWS: i32 = 1;

/// Bytes of a page; by measurement: see the module `disk`.
const PAGE: u32 = 4096;
/// Pages that a connection keeps in memory.
const CACHED_PAGES: u32 = 1024;
/// Most memory of a connection, in bytes: the pages, and about 80 KB for statements and the schema.
pub const CONNECTION_BYTES: u64 = PAGE as u64 * CACHED_PAGES as u64 + 80 * 1024;

/// Bytes that a log is cut to when it begins anew.
const LOG_BYTES: u32 = 16 << 20;

const TABLES: &str = "
    CREATE TABLE namespaces (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        entries INTEGER NOT NULL, bytes INTEGER NOT NULL, ticks INTEGER NOT NULL
    ) STRICT;
    -- id: ascends within a namespace. expires: ms since 1970, NULL for never.
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY, digest BLOB NOT NULL, namespace INTEGER NOT NULL, form INTEGER NOT NULL,
        expires REAL, checksum INTEGER NOT NULL, note TEXT NOT NULL, value BLOB NOT NULL
    ) STRICT;
    -- id: the first 8 bytes of the digest. used: the tick of the namespace at the last use. until: for how long it is kept
    -- behind its expiry. checksum: the entry's, so that an earlier entry that damage has brought back is known. row: the id
    -- of the entry; NULL, in a file made by version 1 of the schema, for the same id.
    CREATE TABLE recency (
        id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, used INTEGER NOT NULL, expires REAL, until REAL,
        size INTEGER NOT NULL, checksum INTEGER NOT NULL, row INTEGER
    ) STRICT;
    CREATE INDEX recency_by_use ON recency (namespace, used);
    CREATE INDEX recency_by_expiry ON recency (namespace, expires) WHERE expires IS NOT NULL;
    CREATE TABLE claims (
        id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, owner INTEGER NOT NULL, ticket INTEGER NOT NULL,
        until REAL NOT NULL
    ) STRICT;
";

/// The owner of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A cache of this schema.
    Cache,
    /// A cache of an earlier schema, for [`upgrade`].
    Older,
    /// Nothing yet.
    Empty,
    /// A cache of a later version, which is given.
    Newer(i32),
    /// Someone else's database.
    Foreign,
}

/// Reads whose file `db` is; changes nothing.
pub fn content(db: &Connection) -> Result<Content> {
    // One moment for all of it: somebody may be making the tables.
    let db = db.unchecked_transaction()?;
    let number = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, i32>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(match (application, version) {
        (APPLICATION_ID, VERSION) => Content::Cache,
        (APPLICATION_ID, VERSION_WITHOUT_ROWS) => Content::Older,
        (APPLICATION_ID, later) if later > VERSION => Content::Newer(later),
        (0, 0) if tables == 0 => Content::Empty,
        // Ours, and of no version there has been.
        (APPLICATION_ID, _) => return Err(rusqlite::Error::InvalidQuery),
        _ => Content::Foreign,
    })
}

/// A connection to `path`, which is there. It never checkpoints: that is done in the background.
pub fn connect(path: &Path) -> Result<Connection> {
    set_up(open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
}

/// A connection to `path`, which is made when it is not there.
pub fn connect_or_make(path: &Path) -> Result<Connection> {
    set_up(open(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?)
}

/// A connection to `path` where nothing can be written, not even the index of the log. There must be no log.
pub fn connect_immutable(path: &Path) -> Result<Connection> {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(byte)),
            _ => uri.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    set_up(open(Path::new(&uri), flags)?)
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}

/// Makes the tables. In one transaction: another process sees an empty file or a cache.
pub fn make(db: &Connection) -> Result<()> {
    db.execute_batch(&format!("PRAGMA page_size = {PAGE}"))?;
    keep_log(db)?;
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
    ))
}

/// Brings a cache of an earlier schema up to this one. O(1), and in one transaction: no other process sees half of it.
pub fn upgrade(db: &Connection) -> Result<()> {
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // Another process may have done it meanwhile.
    if version == VERSION_WITHOUT_ROWS {
        transaction.execute_batch(&format!(
            "ALTER TABLE recency ADD COLUMN row INTEGER; PRAGMA user_version = {VERSION}"
        ))?;
    }
    transaction.commit()
}

/// Turns on the write-ahead log, unless it is.
pub fn keep_log(db: &Connection) -> Result<()> {
    let mode = |sql| db.query_row(sql, [], |row| row.get::<_, String>(0));
    if mode("PRAGMA journal_mode")? != "wal" {
        mode("PRAGMA journal_mode = WAL")?;
    }
    Ok(())
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Has the connection `db` wait up to 2 s for other writers.
pub fn wait_for_writers(db: &Connection) -> Result<()> {
    db.busy_handler(Some(wait))
}

fn set_up(db: Connection) -> Result<Connection> {
    wait_for_writers(&db)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_prepared_statement_cache_capacity(64);
    // No memory map: a file that is cut short must be an error, not a SIGBUS.
    db.execute_batch(&format!(
        "PRAGMA mmap_size = 0; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = {LOG_BYTES};
         PRAGMA cache_size = {CACHED_PAGES}; PRAGMA cell_size_check = ON"
    ))?;
    Ok(db)
}

/// Sleeps before the next attempt to lock the file: 100 µs at first, 5 ms later, about 2 s in all.
fn wait(attempt: i32) -> bool {
    let pause = Duration::from_micros((100 << attempt.min(6)).min(5000));
    let patient = attempt < 410;
    if patient {
        sleep(pause);
    }
    patient
}

mod child;
mod concurrent;
mod crash;
mod damage;
#[cfg(target_os = "linux")]
mod full_and_read_only;
mod leases;
mod limits;
mod model;
mod removed;
mod upgrade;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Digest, DiskCache, DiskError, DiskLimits, Found, Put};
use crate::cache::Item;

/// A directory and the path of a cache file in it.
struct Place {
    directory: TempDir,
    file: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cache.db");
    Place { directory, file }
}

const WIDE: DiskLimits = DiskLimits {
    max_entries: 1_000_000,
    max_bytes: u64::MAX,
    stale: 0.0,
};

fn open(file: &Path, limits: DiskLimits) -> DiskCache {
    DiskCache::open(file, "a", limits, 0.0).unwrap()
}

/// The digest of the number `n`.
fn digest(n: u64) -> Digest {
    *blake3::hash(&n.to_le_bytes()).as_bytes()
}

fn item(n: u64, value: &[u8]) -> Item<'_, Digest> {
    Item {
        key: digest(n),
        form: n as u8,
        value,
        note: "",
    }
}

/// Stores `items` for `ttl` ms.
fn put_all(
    cache: &mut DiskCache,
    items: &[Item<Digest>],
    ttl: f64,
    now: f64,
) -> Result<Vec<bool>, DiskError> {
    let puts: Vec<_> = items
        .iter()
        .map(|item| Put {
            item: *item,
            ttl,
            ticket: None,
        })
        .collect();
    cache.put(&puts, now)
}

fn put(cache: &mut DiskCache, n: u64, value: &[u8]) -> Result<bool, DiskError> {
    Ok(put_all(cache, &[item(n, value)], f64::INFINITY, 0.0)?[0])
}

/// The value under `n`; its form is checked.
fn value(cache: &mut DiskCache, n: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let found = cache.get(&digest(n), 0.0, 0.0, &mut bytes).unwrap();
    (found == Found::Fresh).then(|| {
        assert_eq!(bytes[0], n as u8);
        bytes[1..].to_vec()
    })
}

/// A value of `n` that tells which it is, of `length` bytes at least.
fn told(n: u64, length: usize) -> Vec<u8> {
    let mut value = n.to_le_bytes().to_vec();
    value.resize(length.max(8), n as u8);
    value
}

/// Asserts that SQLite and the totals find nothing wrong.
fn assert_sound(file: &Path) {
    let db = Connection::open(file).unwrap();
    let check: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let wrong: i64 = db
        .query_row(
            "SELECT count(*) FROM namespaces n WHERE
                entries <> (SELECT count(*) FROM recency r WHERE r.namespace = n.id) OR
                entries <> (SELECT count(*) FROM entries e WHERE e.namespace = n.id) OR
                bytes <> (SELECT ifnull(sum(size), 0) FROM recency r WHERE r.namespace = n.id) OR
                ticks < (SELECT ifnull(max(used), 0) FROM recency r WHERE r.namespace = n.id)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(wrong, 0, "totals that are not those of the rows");
}

/// Files that were set aside, without their logs.
fn set_aside(place: &Place) -> Vec<PathBuf> {
    let files = std::fs::read_dir(place.directory.path()).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let aside = paths.filter(|path| path.to_string_lossy().contains(".corrupt-"));
    aside
        .filter(|path| !path.to_string_lossy().ends_with("-wal") && !path.to_string_lossy().ends_with("-shm"))
        .collect()
}

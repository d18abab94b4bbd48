//! Files of earlier schemas.

use super::*;

const ENTRIES: u64 = 40;

/// A closed file of version 1, in which the row of an entry is the first 8 bytes of its digest.
fn of_version_1() -> Place {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    for n in 0..ENTRIES {
        put(&mut cache, n, &told(n, 100)).unwrap();
    }
    drop(cache);
    let db = Connection::open(&place.file).unwrap();
    db.execute_batch(
        "UPDATE entries SET id = (SELECT r.id FROM recency r WHERE r.row = entries.id);
         ALTER TABLE recency DROP COLUMN row; PRAGMA user_version = 1",
    )
    .unwrap();
    place
}

#[test]
fn entries_of_a_file_of_version_1_are_found_replaced_deleted_and_evicted() {
    let place = of_version_1();
    let limits = DiskLimits {
        max_entries: ENTRIES,
        ..WIDE
    };
    let mut cache = open(&place.file, limits);
    let mut other = open(&place.file, limits);
    for n in 0..ENTRIES {
        assert_eq!(value(&mut cache, n).unwrap(), told(n, 100));
    }
    put(&mut cache, 3, b"replaced").unwrap();
    assert!(other.remove(&digest(4), 0.0).unwrap());
    for n in 0..3 {
        put(&mut other, ENTRIES + n, &told(n, 100)).unwrap();
    }
    assert_eq!(value(&mut other, 3).unwrap(), b"replaced");
    let left: Vec<_> = (0..8).filter(|n| value(&mut cache, *n).is_some()).collect();
    // One was deleted, and two had to leave for the new ones: the least recently used.
    assert_eq!(left, [2, 3, 5, 6, 7]);
    assert_eq!(cache.take_notices(), Vec::<String>::new());
    assert_sound(&place.file);
    drop((cache, other));
    assert_eq!(value(&mut open(&place.file, limits), 3).unwrap(), b"replaced");
}

#[test]
fn a_file_of_version_1_is_upgraded_once_by_many_at_the_same_time() {
    let place = of_version_1();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut cache = open(&place.file, WIDE);
                assert_eq!(value(&mut cache, 7).unwrap(), told(7, 100));
            });
        }
    });
    assert_eq!(set_aside(&place), Vec::<PathBuf>::new());
    assert_sound(&place.file);
}

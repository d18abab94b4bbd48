//! Many threads of many processes on one file, some of which are killed.

use std::time::{Duration, Instant};

use super::child::{acknowledged, start, task};
use super::*;

const NAME: &str =
    "cache::disk::tests::concurrent::processes_and_threads_write_one_file_while_some_are_killed";
const THREADS: u64 = 3;
const SMALL: DiskLimits = DiskLimits {
    max_entries: 40,
    max_bytes: 20_000,
    stale: 0.0,
};

/// Each thread stores entries of its own, and fights with all others for a small namespace.
fn work(file: &Path, first: u64) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let mut own = open(file, WIDE);
                let mut small = DiskCache::open(file, "small", SMALL, 0.0).unwrap();
                for n in (first + thread * 100_000).. {
                    put(&mut own, n, &told(n, 3000)).unwrap();
                    eprintln!("ack {n}.");
                    let shared = n * 31 % 97;
                    if let Some(found) = value(&mut small, 1 << 40 | shared) {
                        assert_eq!(found, told(shared, 900), "a wrong answer");
                    }
                    put(&mut small, 1 << 40 | shared, &told(shared, 900)).unwrap();
                    let figures = small.figures(0.0).unwrap();
                    assert!(figures.entries <= SMALL.max_entries && figures.bytes <= SMALL.max_bytes);
                }
            });
        }
    });
}

#[test]
fn processes_and_threads_write_one_file_while_some_are_killed() {
    if let Some((file, first)) = task() {
        return work(&file, first);
    }
    let place = place();
    let mut started = 0;
    let mut next = || {
        started += 1;
        start(NAME, &place.file, started * 1_000_000)
    };
    let mut running: Vec<_> = (0..4).map(|_| next()).collect();
    let mut lines = Vec::new();
    let until = Instant::now() + Duration::from_secs(4);
    for round in 0.. {
        std::thread::sleep(Duration::from_millis(150 + round % 7 * 20));
        lines.extend(running.remove(round as usize * 3 % 4).kill());
        if Instant::now() > until {
            break;
        }
        running.push(next());
    }
    lines.extend(running.into_iter().flat_map(super::child::Running::kill));
    assert_sound(&place.file);
    let stored = acknowledged(&lines);
    let mut cache = open(&place.file, WIDE);
    for n in &stored {
        assert_eq!(value(&mut cache, *n), Some(told(*n, 3000)), "entry {n}");
    }
    assert!(stored.len() > 500, "only {} entries were written", stored.len());
    assert_eq!(set_aside(&place), Vec::<PathBuf>::new());
}

#[test]
fn a_large_batch_keeps_nobody_waiting_and_loses_nothing() {
    let place = place();
    let (mut batch, mut other) = (open(&place.file, WIDE), open(&place.file, WIDE));
    let values: Vec<_> = (0..20_000u64).map(|n| told(n, 2000)).collect();
    let items: Vec<_> = (0..).zip(&values).map(|(n, value)| item(n, value)).collect();
    let done = std::sync::atomic::AtomicBool::new(false);
    let mut turns = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let stored = put_all(&mut batch, &items, f64::INFINITY, 0.0).unwrap();
            assert!(stored.len() == items.len() && stored.into_iter().all(|stored| stored));
            done.store(true, std::sync::atomic::Ordering::Release);
        });
        while !done.load(std::sync::atomic::Ordering::Acquire) {
            put(&mut other, 1_000_000 + turns, b"x").unwrap();
            turns += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    // Were it one transaction: one before, and one after it.
    assert!(turns > 3, "{turns} turns");
    assert_eq!(other.figures(0.0).unwrap().entries, 20_000 + turns);
    assert_eq!(value(&mut other, 19_999), Some(told(19_999, 2000)));
}

#[test]
fn that_others_wrote_for_too_long_is_no_other_failure() {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    let db = Connection::open(&place.file).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(put(&mut cache, 1, b"x").unwrap_err().kind(), "Busy");
    assert!(cache.busy());
    db.execute_batch("COMMIT").unwrap();
    put(&mut cache, 1, b"x").unwrap();
    assert!(!cache.busy());
}

#[test]
fn a_write_is_seen_by_every_other_handle_at_once() {
    let place = place();
    let (mut one, mut other) = (open(&place.file, WIDE), open(&place.file, WIDE));
    for n in 0..100 {
        put(&mut one, n, b"one").unwrap();
        assert_eq!(value(&mut other, n).unwrap(), b"one");
        put(&mut other, n, b"other").unwrap();
        assert_eq!(value(&mut one, n).unwrap(), b"other");
    }
}

#[test]
fn one_of_many_openers_makes_the_file() {
    for _ in 0..50 {
        let place = place();
        let file = place.directory.path().join("some/where/cache.db");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let file = &file;
                scope.spawn(move || put(&mut open(file, WIDE), n, &told(n, 50)).unwrap());
            }
        });
        let mut cache = open(&file, WIDE);
        for n in 0..8 {
            assert_eq!(value(&mut cache, n), Some(told(n, 50)));
        }
    }
}

//! Limits, time and what leaves.

use super::*;

#[test]
fn an_entry_larger_than_the_limit_is_not_stored_and_drops_what_was_there() {
    let place = place();
    let mut cache = open(
        &place.file,
        DiskLimits {
            max_bytes: 100,
            ..WIDE
        },
    );
    assert!(put(&mut cache, 1, &[1; 100]).unwrap());
    assert!(!put(&mut cache, 1, &[1; 101]).unwrap());
    assert_eq!(value(&mut cache, 1), None);
    assert_eq!(cache.figures(0.0).unwrap().entries, 0);
}

#[test]
fn the_least_recently_used_leaves_across_the_handles_of_a_process() {
    let place = place();
    let limits = DiskLimits {
        max_entries: 3,
        ..WIDE
    };
    let (mut one, mut other) = (open(&place.file, limits), open(&place.file, limits));
    for n in 1..=3 {
        put(&mut one, n, b"x").unwrap();
    }
    // Used by the other handle, and by nothing written since.
    value(&mut other, 1);
    put(&mut one, 4, b"x").unwrap();
    assert_eq!(
        [1, 2, 3, 4].map(|n| value(&mut one, n).is_some()),
        [true, false, true, true]
    );
    assert_eq!(one.figures(0.0).unwrap().counters.evictions, 1);
}

#[test]
fn a_lower_limit_holds_from_the_next_write_on() {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    for n in 0..50 {
        put(&mut cache, n, b"x").unwrap();
    }
    drop(cache);
    let mut cache = open(
        &place.file,
        DiskLimits {
            max_entries: 5,
            ..WIDE
        },
    );
    put(&mut cache, 50, b"x").unwrap();
    assert_eq!(cache.figures(0.0).unwrap().entries, 5);
    assert_eq!((44..=50).filter(|n| value(&mut cache, *n).is_some()).count(), 5);
}

#[test]
fn what_has_expired_leaves_before_anything_live_also_while_it_is_kept_for_a_refresh() {
    let place = place();
    let limits = DiskLimits {
        max_entries: 3,
        stale: 1000.0,
        ..WIDE
    };
    let mut cache = open(&place.file, limits);
    put(&mut cache, 1, b"lives").unwrap();
    put_all(&mut cache, &[item(2, b"x"), item(3, b"x")], 10.0, 0.0).unwrap();
    let stale = |cache: &mut DiskCache, n| cache.get(&digest(n), 20.0, 1000.0, &mut Vec::new()).unwrap();
    assert_eq!(
        [1, 2, 3].map(|n| stale(&mut cache, n)),
        [Found::Fresh, Found::Stale, Found::Stale]
    );
    assert_eq!(cache.figures(20.0).unwrap().entries, 1, "live ones are counted");
    assert_eq!(cache.remove_expired(20.0).unwrap(), 0, "the others are kept");
    for n in [4, 5] {
        put_all(&mut cache, &[item(n, b"x")], f64::INFINITY, 20.0).unwrap();
    }
    assert_eq!(
        [1, 2, 3, 4, 5].map(|n| stale(&mut cache, n)),
        [Found::Fresh, Found::None, Found::None, Found::Fresh, Found::Fresh]
    );
    assert_eq!(cache.figures(20.0).unwrap().counters.evictions, 0);
}

#[test]
fn uses_survive_closing() {
    let place = place();
    let limits = DiskLimits {
        max_entries: 2,
        ..WIDE
    };
    let mut cache = open(&place.file, limits);
    put(&mut cache, 1, b"x").unwrap();
    put(&mut cache, 2, b"x").unwrap();
    value(&mut cache, 1);
    drop(cache);
    let mut cache = open(&place.file, limits);
    put(&mut cache, 3, b"x").unwrap();
    assert_eq!(
        [1, 2, 3].map(|n| value(&mut cache, n).is_some()),
        [true, false, true]
    );
}

#[test]
fn thousands_of_hits_between_two_writes_keep_their_order() {
    let place = place();
    let limits = DiskLimits {
        max_entries: 4,
        ..WIDE
    };
    let mut cache = open(&place.file, limits);
    for n in 0..4 {
        put(&mut cache, n, b"x").unwrap();
    }
    for i in 0..4500 {
        value(&mut cache, i % 3);
    }
    // 3 was used least recently, then what the last hits say.
    put(&mut cache, 4, b"x").unwrap();
    put(&mut cache, 5, b"x").unwrap();
    let held: Vec<_> = (0..6).filter(|n| value(&mut cache, *n).is_some()).collect();
    assert_eq!(held, [1, 2, 4, 5]);
}

/// A writer and a reader without any pause, and the longest that the log got.
#[test]
fn the_log_stays_bounded_whoever_reads_and_writes_without_a_pause_and_is_gone_at_the_end() {
    let place = place();
    let log = super::super::beside(&place.file, "-wal");
    let mut cache = open(&place.file, WIDE);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(6);
    let (mut longest, mut written) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut reader = open(&place.file, WIDE);
            for n in 0.. {
                value(&mut reader, n % 2000);
                if std::time::Instant::now() > until {
                    break;
                }
            }
        });
        for n in 0.. {
            put(&mut cache, n % 2000, &told(n % 2000, 4000)).unwrap();
            if n % 100 == 0 {
                longest = longest.max(std::fs::metadata(&log).unwrap().len());
            }
            written = n * 4000;
            if std::time::Instant::now() > until {
                break;
            }
        }
    });
    assert!(written > 10 << 20, "only {written} bytes were written");
    assert!(
        longest < 200 << 20,
        "a log of {longest} bytes after {written} bytes of values"
    );
    drop(cache);
    for _ in 0..500 {
        if !log.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(
        !log.exists(),
        "the last handle is closed, and the log is still there"
    );
    assert_sound(&place.file);
}

#[test]
fn reading_alone_makes_no_long_log() {
    let place = place();
    let log = super::super::beside(&place.file, "-wal");
    let mut cache = open(&place.file, WIDE);
    for n in 0..5000 {
        put(&mut cache, n, b"x").unwrap();
    }
    let mut longest = 0;
    for n in 0..300_000u64 {
        value(&mut cache, (n * 2_654_435_761) % 5000);
        if n % 1000 == 0 {
            longest = longest.max(std::fs::metadata(&log).unwrap().len());
        }
    }
    assert!(longest < 100 << 20, "a log of {longest} bytes");
}

#[test]
fn what_is_cleared_gives_its_space_back() {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    let mut other = DiskCache::open(&place.file, "other", WIDE, 0.0).unwrap();
    let size = |cache: &mut DiskCache| cache.figures(0.0).unwrap().on_disk;
    let shrinks = |cache: &mut DiskCache| {
        let small = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            size(cache) < 200_000
        });
        assert!(small, "still {} bytes", size(cache));
    };
    for round in 0..3 {
        for n in 0..1000 {
            put(&mut cache, n, &told(n, 5000)).unwrap();
        }
        put(&mut other, 2000, b"of another namespace").unwrap();
        assert!(size(&mut cache) > 5_000_000);
        cache.clear().unwrap();
        assert_eq!(value(&mut other, 2000).unwrap(), b"of another namespace");
        other.clear().unwrap();
        shrinks(&mut cache);
        put(&mut cache, round, b"x").unwrap();
        assert_eq!(value(&mut cache, round).unwrap(), b"x");
    }
    drop((cache, other));
    assert_sound(&place.file);
}

#[test]
fn the_log_stays_short_though_it_is_written_without_a_pause() {
    let place = place();
    let log = super::super::beside(&place.file, "-wal");
    let limits = DiskLimits {
        max_bytes: 1_000_000,
        ..WIDE
    };
    let mut cache = open(&place.file, limits);
    let mut longest = 0;
    for n in 0..15_000 {
        put(&mut cache, n, &told(n, 2000)).unwrap();
        if n % 20 == 0 {
            longest = longest.max(std::fs::metadata(&log).unwrap().len());
        }
    }
    assert!(longest < 64 << 20, "a log of {longest} bytes for a cache of 1 MB");
}

#[test]
fn opening_and_figures_do_not_depend_on_the_number_of_entries() {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    let values: Vec<_> = (0..100_000u64).map(|n| told(n, 100)).collect();
    let items: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(n, value)| item(n as u64, value))
        .collect();
    put_all(&mut cache, &items, f64::INFINITY, 0.0).unwrap();
    drop(cache);
    let mut fastest = f64::INFINITY;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let mut cache = open(&place.file, WIDE);
        assert_eq!(cache.figures(0.0).unwrap().entries, 100_000);
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    assert!(fastest < 0.1, "opening 100,000 entries took {fastest} s");
}

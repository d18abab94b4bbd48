//! Files that are removed, replaced or renamed while they are open: no write is acknowledged that nobody finds.

use std::fs;

use super::super::beside;
use super::*;

type Change = fn(&Place);

fn remove(file: &Path, suffixes: &[&str]) {
    for suffix in suffixes {
        fs::remove_file(beside(file, suffix)).unwrap();
    }
}

/// A cache of another directory, with an entry of its own.
fn other_file() -> Place {
    let other = place();
    put(&mut open(&other.file, WIDE), 50, b"of the other file").unwrap();
    damage::checkpoint(&other.file);
    other
}

/// The ways in which the files of an open cache may go, and whether each is told of as damage.
const CHANGES: [(&str, Change, bool); 9] = [
    (
        "all files removed",
        |place| remove(&place.file, &["", "-wal", "-shm"]),
        false,
    ),
    ("the database removed", |place| remove(&place.file, &[""]), false),
    ("the log removed", |place| remove(&place.file, &["-wal"]), true),
    (
        "the index of the log removed",
        |place| remove(&place.file, &["-shm"]),
        true,
    ),
    (
        "log and index removed",
        |place| remove(&place.file, &["-wal", "-shm"]),
        true,
    ),
    (
        "renamed",
        |place| fs::rename(&place.file, place.file.with_file_name("renamed.db")).unwrap(),
        false,
    ),
    (
        "another moved in its place",
        |place| fs::rename(other_file().file, &place.file).unwrap(),
        false,
    ),
    (
        "the directory removed",
        |place| fs::remove_dir_all(place.file.parent().unwrap()).unwrap(),
        false,
    ),
    (
        "the directory replaced",
        |place| {
            let directory = place.file.parent().unwrap();
            fs::rename(directory, directory.with_extension("old")).unwrap();
            fs::create_dir(directory).unwrap();
        },
        false,
    ),
];

fn in_a_directory() -> Place {
    let mut place = place();
    let directory = place.directory.path().join("some");
    fs::create_dir(&directory).unwrap();
    place.file = directory.join("cache.db");
    place
}

#[test]
fn the_next_write_goes_to_the_file_under_the_path_and_another_opener_finds_it() {
    for (how, change, is_damage) in CHANGES {
        let place = in_a_directory();
        let (mut cache, mut second) = (open(&place.file, WIDE), open(&place.file, WIDE));
        put(&mut cache, 1, b"before").unwrap();
        put(&mut cache, 1, b"replaced").unwrap();
        change(&place);
        put(&mut cache, 2, b"after").unwrap();
        let mut other = open(&place.file, WIDE);
        assert_eq!(value(&mut other, 2).unwrap(), b"after", "{how}");
        put(&mut other, 3, b"of the other").unwrap();
        put(&mut second, 4, b"of the second").unwrap();
        for cache in [&mut cache, &mut second, &mut other] {
            assert_eq!(value(cache, 2).unwrap(), b"after", "{how}");
            assert_eq!(value(cache, 3).unwrap(), b"of the other", "{how}");
            assert_eq!(value(cache, 4).unwrap(), b"of the second", "{how}");
            assert_ne!(
                value(cache, 1),
                Some(b"before".to_vec()),
                "{how}: an earlier answer"
            );
        }
        assert_eq!(cache.take_notices().len(), usize::from(is_damage), "{how}");
        drop((cache, second, other));
        assert_sound(&place.file);
        assert_eq!(
            value(&mut open(&place.file, WIDE), 4).unwrap(),
            b"of the second",
            "{how}"
        );
    }
}

#[test]
fn a_deletion_a_clear_and_a_claim_notice_it_too() {
    let acts: [fn(&mut DiskCache); 4] = [
        |cache| assert!(!cache.remove(&digest(1), 0.0).unwrap()),
        |cache| cache.clear().unwrap(),
        |cache| assert!(cache.claim(&[digest(5)], false, 0.0, 100.0).unwrap().0 > 0),
        |cache| assert_eq!(cache.remove_expired(0.0).unwrap(), 0),
    ];
    for act in acts {
        let place = in_a_directory();
        let mut cache = open(&place.file, WIDE);
        put(&mut cache, 2, b"x").unwrap();
        fs::rename(other_file().file, &place.file).unwrap();
        let _ = cache.remove(&digest(9), 0.0);
        act(&mut cache);
        drop(cache);
        assert_sound(&place.file);
    }
}

#[test]
fn a_reader_notices_within_a_second() {
    for (how, change, _) in CHANGES {
        let place = in_a_directory();
        let mut cache = open(&place.file, WIDE);
        put(&mut cache, 1, b"before").unwrap();
        change(&place);
        let mut later = |n| cache.get(&digest(n), 1000.0, 0.0, &mut Vec::new()).unwrap();
        assert_eq!(later(1), Found::None, "{how}");
        let is_other = how == "another moved in its place";
        assert_eq!(
            later(50),
            if is_other { Found::Fresh } else { Found::None },
            "{how}"
        );
    }
}

/// The log of the file that was there must not be taken for that of the file that is there now.
#[test]
fn a_file_moved_in_place_of_an_open_one_keeps_what_is_in_it() {
    let place = in_a_directory();
    let mut cache = open(&place.file, WIDE);
    for n in 0..20 {
        put(&mut cache, n, &told(n, 3000)).unwrap();
    }
    fs::rename(other_file().file, &place.file).unwrap();
    put(&mut cache, 100, b"new").unwrap();
    assert_eq!(value(&mut cache, 50).unwrap(), b"of the other file");
    assert_eq!(value(&mut cache, 1), None);
    drop(cache);
    assert_sound(&place.file);
    assert_eq!(set_aside(&place), Vec::<PathBuf>::new());
}

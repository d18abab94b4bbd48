//! Logs that were left by a process that was killed, whole and damaged: what was stored last, or a file that is set aside,
//! never what was stored before it.

use std::fs;

use proptest::prelude::*;

use super::super::beside;
use super::*;

const ENTRIES: u64 = 12;

fn of_generation(n: u64, generation: u64) -> Vec<u8> {
    let mut value = told(n, 100 + n as usize * 1377 % 9000);
    value[8..16].copy_from_slice(&generation.to_le_bytes());
    value
}

/// A file whose entries were all replaced by a process that was killed then: the second generation is in the log alone. With
/// `restarted` the log has been written over, and has old frames at its end.
fn killed(restarted: bool) -> Place {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    for n in 0..ENTRIES {
        put(&mut cache, n, &of_generation(n, 1)).unwrap();
    }
    let checkpoint = |mode: &str| {
        let db = Connection::open(&place.file).unwrap();
        db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
            .unwrap();
    };
    if restarted {
        checkpoint("RESTART");
    } else {
        checkpoint("TRUNCATE");
    }
    let count = if restarted { ENTRIES / 2 } else { ENTRIES };
    for n in 0..count {
        put(&mut cache, n, &of_generation(n, 2)).unwrap();
    }
    // What a process that is killed leaves, is there at any moment.
    let copy = super::place();
    for suffix in ["", "-wal", "-shm"] {
        fs::copy(beside(&place.file, suffix), beside(&copy.file, suffix)).unwrap();
    }
    copy
}

/// Asserts that nothing is found but what was stored last. Returns how many entries are found, and what is told.
fn assert_never_earlier(place: &Place, replaced: u64) -> (usize, Vec<String>) {
    let mut cache = open(&place.file, WIDE);
    let mut found = 0;
    for n in 0..ENTRIES {
        let last = of_generation(n, if n < replaced { 2 } else { 1 });
        if let Some(value) = value(&mut cache, n) {
            assert!(value == last, "an earlier answer under {n}");
            found += 1;
        }
    }
    let notices = cache.take_notices();
    assert_eq!(set_aside(place).is_empty(), notices.is_empty(), "{notices:?}");
    put(&mut cache, 100, b"x").unwrap();
    assert_eq!(value(&mut cache, 100).unwrap(), b"x");
    (found, notices)
}

fn log_of(place: &Place) -> Vec<u8> {
    fs::read(beside(&place.file, "-wal")).unwrap()
}

#[test]
fn a_killed_process_leaves_a_log_with_everything_in_it() {
    for restarted in [false, true] {
        let replaced = if restarted { ENTRIES / 2 } else { ENTRIES };
        let (found, notices) = assert_never_earlier(&killed(restarted), replaced);
        assert_eq!((found as u64, notices), (ENTRIES, vec![]));
    }
}

/// In the middle, in what was written last, and in the header.
#[cfg(target_os = "linux")]
#[test]
fn one_changed_byte_in_the_log_sets_the_file_aside_and_says_so() {
    let length = log_of(&killed(false)).len();
    for at in [10, 20, 40, 60, 5000, length / 2, length - 4000, length - 1] {
        let place = killed(false);
        let mut bytes = log_of(&place);
        bytes[at] ^= 1;
        fs::write(beside(&place.file, "-wal"), bytes).unwrap();
        let (found, notices) = assert_never_earlier(&place, ENTRIES);
        assert_eq!((found, notices.len()), (0, 1), "byte {at} of {length}");
        assert!(
            notices[0].contains("its log is not what was written"),
            "{}",
            notices[0]
        );
    }
}

/// As after a start of the system, or of a copy: nothing says how much of the log counts.
#[test]
fn without_the_index_a_changed_byte_before_a_later_write_sets_the_file_aside() {
    let length = log_of(&killed(false)).len();
    for at in [40, 60, 5000, length / 2] {
        let place = killed(false);
        fs::remove_file(beside(&place.file, "-shm")).unwrap();
        let mut bytes = log_of(&place);
        bytes[at] ^= 1;
        fs::write(beside(&place.file, "-wal"), bytes).unwrap();
        let (found, notices) = assert_never_earlier(&place, ENTRIES);
        assert_eq!((found, notices.len()), (0, 1), "byte {at} of {length}");
    }
}

#[test]
fn a_write_that_was_never_finished_is_no_damage() {
    for restarted in [false, true] {
        for (length, with_index) in [
            (10, true),
            (24, true),
            (3000, true),
            (4120, true),
            (9000, true),
            (4120, false),
        ] {
            let place = killed(restarted);
            let log = beside(&place.file, "-wal");
            let mut bytes = log_of(&place);
            let frames = bytes[32..].chunks_exact(4120);
            let end = 32 + 4120 * frames.take_while(|frame| frame[8..16] == bytes[16..24]).count();
            // The frame after the last, begun: its head, and what was there before, or nothing, in place of its page.
            let mut torn = bytes[end - 4120..end].to_vec();
            torn[..24].copy_from_slice(&bytes[32..56]);
            torn[24..].fill(7);
            torn.extend_from_within(..);
            torn.extend_from_within(..);
            let behind = bytes.split_off(end);
            bytes.extend(&torn[..length]);
            bytes.extend(behind.iter().skip(length));
            fs::write(&log, bytes).unwrap();
            if !with_index {
                fs::remove_file(beside(&place.file, "-shm")).unwrap();
            }
            let replaced = if restarted { ENTRIES / 2 } else { ENTRIES };
            let (found, notices) = assert_never_earlier(&place, replaced);
            assert_eq!(
                (found as u64, notices),
                (ENTRIES, vec![]),
                "{length} bytes, {restarted}"
            );
        }
    }
}

#[test]
fn a_database_of_another_program_stays_whatever_its_log_is() {
    let place = place();
    let db = Connection::open(&place.file).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a); CREATE TABLE u (a)",
    )
    .unwrap();
    db.execute_batch("PRAGMA wal_checkpoint").unwrap();
    for n in 0..20 {
        db.execute("INSERT INTO t VALUES (?)", [n]).unwrap();
    }
    let copy = super::place();
    for suffix in ["", "-wal", "-shm"] {
        fs::copy(beside(&place.file, suffix), beside(&copy.file, suffix)).unwrap();
    }
    let mut bytes = log_of(&copy);
    bytes[5000] ^= 1;
    fs::write(beside(&copy.file, "-wal"), bytes).unwrap();
    let error = DiskCache::open(&copy.file, "a", WIDE, 0.0).unwrap_err();
    assert_eq!(error.kind(), "Foreign");
    assert_eq!(set_aside(&copy), Vec::<PathBuf>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[cfg(target_os = "linux")]
    #[test]
    fn random_damage_of_the_log_never_brings_back_an_earlier_answer(
        at in any::<prop::sample::Index>(), length in 1..9000usize, cut in any::<bool>(), restarted in any::<bool>(),
    ) {
        let place = killed(restarted);
        let mut bytes = log_of(&place);
        let start = at.index(bytes.len() - 1) + 1;
        if cut {
            bytes.truncate(start);
        } else {
            bytes.iter_mut().skip(start).take(length).for_each(|byte| *byte = byte.wrapping_mul(7) ^ 0x5a);
        }
        fs::write(beside(&place.file, "-wal"), bytes).unwrap();
        let replaced = if restarted { ENTRIES / 2 } else { ENTRIES };
        assert_never_earlier(&place, replaced);
    }
}

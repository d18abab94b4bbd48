//! Files that are not what was written: never a crash, never a wrong answer, always a cache that works.

use proptest::prelude::*;
use std::fs;

use super::*;

const ENTRIES: u64 = 60;

/// A closed file with [`ENTRIES`] entries, all of it in the file itself.
fn filled() -> Place {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    for n in 0..ENTRIES {
        put(&mut cache, n, &told(n, 100 + n as usize * 97 % 9000)).unwrap();
    }
    drop(cache);
    checkpoint(&place.file);
    place
}

/// Moves the log into the file; waits for the background work, which does the same.
pub fn checkpoint(file: &Path) {
    for _ in 0..1000 {
        let db = Connection::open(file).unwrap();
        let busy: i64 = db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .unwrap();
        drop(db);
        if busy == 0 && !super::super::beside(file, "-wal").exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("the log is still in use");
}

/// Opens whatever is there: every answer is right, and what is stored then is found or told of. Returns how many
/// answers there were.
fn assert_works(place: &Place) -> usize {
    let (right, lost) = assert_never_wrong(place, open(&place.file, WIDE));
    assert_eq!(
        lost, 0,
        "entries that were stored after the damage, and are not there"
    );
    right
}

/// No call fails, and every answer was stored under its key. Returns how many there were, and how many entries stored
/// since are not what is found, without a notice.
fn assert_never_wrong(place: &Place, mut cache: DiskCache) -> (usize, usize) {
    let (mut right, mut lost) = (0, 0);
    for n in 0..ENTRIES {
        if let Some(found) = value(&mut cache, n) {
            assert_eq!(found, told(n, 100 + n as usize * 97 % 9000), "a wrong answer");
            right += 1;
        }
    }
    let mut notices = cache.take_notices();
    for n in 0..ENTRIES {
        put(&mut cache, n, &told(n, 300)).unwrap();
        let before = cache.damaged();
        let found = value(&mut cache, n);
        let said = cache.take_notices();
        // Damage may be met only now, where the tree that was written to is read; what was there before is never answered.
        assert!(
            found.is_none() || found == Some(told(n, 300)),
            "an earlier answer"
        );
        // Of many damaged rows the first is told of.
        lost += usize::from(found.is_none() && said.is_empty() && cache.damaged() == before);
        notices.extend(said);
    }
    cache.figures(0.0).unwrap();
    cache.notes(0, 100).unwrap();
    cache.remove_expired(0.0).unwrap();
    notices.extend(cache.take_notices());
    assert!(notices.iter().all(|notice| notice.contains("cache.db")));
    for aside in set_aside(place) {
        assert!(
            notices
                .iter()
                .any(|notice| notice.contains(aside.to_str().unwrap()))
        );
    }
    (right, lost)
}

type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);

#[test]
fn a_damaged_cache_that_is_no_database_any_more_is_set_aside_and_told_of() {
    let text = |bytes: &mut Vec<u8>| *bytes = b"a text file\n".to_vec();
    let zeros = |bytes: &mut Vec<u8>| *bytes = vec![0; 8192];
    let start = |bytes: &mut Vec<u8>| bytes[..3000].fill(0x5a);
    let page = |bytes: &mut Vec<u8>| bytes[..4096].fill(0x5a);
    let changes: [(Damage, bool); 4] = [(&text, true), (&zeros, true), (&start, false), (&page, true)];
    for (change, has_lock_file) in changes {
        let place = filled();
        let mut bytes = fs::read(&place.file).unwrap();
        change(&mut bytes);
        fs::write(&place.file, &bytes).unwrap();
        if !has_lock_file {
            fs::remove_file(super::super::beside(&place.file, ".lock")).unwrap();
        }
        let mut cache = DiskCache::open(&place.file, "a", WIDE, 1234.0).unwrap();
        let aside = super::super::beside(&fs::canonicalize(&place.file).unwrap(), ".corrupt-1234");
        let notices = cache.take_notices();
        assert_eq!(notices.len(), 1);
        assert!(notices[0].contains(aside.to_str().unwrap()) && notices[0].contains("cache.db was damaged"));
        assert_eq!(fs::read(&aside).unwrap(), bytes);
        put(&mut cache, 1, b"x").unwrap();
        assert_eq!(value(&mut cache, 1).unwrap(), b"x");
        assert_eq!(cache.take_notices(), Vec::<String>::new());
    }
}

/// Databases with a log or a journal beside them, and files that are no database: each with what is in its directory.
#[test]
fn a_file_of_another_program_is_refused_and_nothing_is_changed_beside_it() {
    let database = |sql: &'static str| {
        move |file: &Path| {
            let db = Connection::open(file).unwrap();
            db.execute_batch(sql).unwrap();
            // As a killed process would leave it.
            std::mem::forget(db);
        }
    };
    let content = |bytes: &'static [u8]| move |file: &Path| fs::write(file, bytes).unwrap();
    let makers: [&dyn Fn(&Path); 8] = [
        &database("CREATE TABLE t (a); INSERT INTO t VALUES (1)"),
        &database(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (a); PRAGMA wal_checkpoint; INSERT INTO t VALUES (1)",
        ),
        &database("PRAGMA application_id = 77"),
        &database("PRAGMA user_version = 3"),
        &content(b"a text file\n"),
        &content(b"x"),
        &content(&[0; 8192]),
        &content(b"SQLite format 3\0 and no database"),
    ];
    for (nth, make) in makers.iter().enumerate() {
        let place = place();
        make(&place.file);
        let all = || {
            let files = fs::read_dir(place.directory.path())
                .unwrap()
                .map(|file| file.unwrap().path());
            let mut all: Vec<_> = files.filter(|file| !file.ends_with("cache.db-shm")).collect();
            all.sort();
            all.into_iter()
                .map(|file| (fs::read(&file).unwrap(), file))
                .collect::<Vec<_>>()
        };
        let before = all();
        for _ in 0..2 {
            let error = DiskCache::open(&place.file, "a", WIDE, 0.0).unwrap_err();
            assert_eq!(error.kind(), "Foreign", "file {nth}: {error}");
            assert!(error.to_string().contains("cache.db"));
        }
        assert!(all() == before, "file {nth} or one beside it was changed");
    }
}

#[test]
fn an_empty_file_is_a_new_cache() {
    let place = place();
    fs::write(&place.file, b"").unwrap();
    assert_eq!(assert_works(&place), 0);
    assert_eq!(set_aside(&place), Vec::<PathBuf>::new());
}

#[test]
fn a_directory_in_its_place_is_an_error_that_says_so() {
    let place = place();
    fs::create_dir(&place.file).unwrap();
    let error = DiskCache::open(&place.file, "a", WIDE, 0.0).unwrap_err();
    assert_eq!(error.kind(), "CannotOpen");
    assert!(error.to_string().contains("directory"), "{error}");
}

#[test]
fn a_file_of_a_later_version_and_a_database_of_another_program_are_not_touched() {
    for (sql, kind) in [
        ("PRAGMA user_version = 3", "NewerSchema"),
        ("PRAGMA application_id = 77", "Foreign"),
        ("PRAGMA application_id = 0; PRAGMA user_version = 0", "Foreign"),
    ] {
        let place = filled();
        Connection::open(&place.file).unwrap().execute_batch(sql).unwrap();
        checkpoint(&place.file);
        let before = fs::read(&place.file).unwrap();
        let error = DiskCache::open(&place.file, "a", WIDE, 0.0).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("cache.db"));
        assert_eq!(fs::read(&place.file).unwrap(), before);
        assert_eq!(set_aside(&place), Vec::<PathBuf>::new());
    }
}

/// Schemas and indexes that are not what they should be: set aside, and no call goes round for ever.
#[test]
fn a_cache_without_a_table_or_with_rows_that_do_not_fit_is_set_aside() {
    for sql in [
        "DROP TABLE namespaces",
        "DROP TABLE entries",
        "DROP TABLE recency",
        "DELETE FROM recency; DELETE FROM entries",
        "PRAGMA user_version = 0",
    ] {
        let place = filled();
        Connection::open(&place.file).unwrap().execute_batch(sql).unwrap();
        checkpoint(&place.file);
        let limits = DiskLimits {
            max_entries: ENTRIES,
            ..WIDE
        };
        let mut cache = DiskCache::open(&place.file, "a", limits, 0.0).unwrap();
        put(&mut cache, 1, b"x").unwrap();
        put(&mut cache, ENTRIES, b"x").unwrap();
        assert_eq!(value(&mut cache, ENTRIES).unwrap(), b"x", "{sql}");
        assert_eq!(cache.take_notices().len(), 1, "{sql}");
        assert_eq!(set_aside(&place).len(), 1, "{sql}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_again_is_tried_with_the_next_call() {
    let place = filled();
    let mut cache = open(&place.file, WIDE);
    let away = place.directory.path().join("away");
    fs::rename(&place.file, &away).unwrap();
    fs::create_dir(&place.file).unwrap();
    let get = |cache: &mut DiskCache, now| cache.get(&digest(1), now, 0.0, &mut Vec::new());
    for now in [2000.0, 2001.0, 4000.0] {
        assert_eq!(get(&mut cache, now).unwrap_err().kind(), "CannotOpen");
    }
    fs::remove_dir(&place.file).unwrap();
    fs::rename(&away, &place.file).unwrap();
    assert_eq!(get(&mut cache, 4001.0).unwrap(), Found::Fresh);
    assert_eq!(cache.take_notices(), Vec::<String>::new());
}

#[test]
fn a_file_cut_short_while_open_is_set_aside() {
    let place = filled();
    let mut cache = open(&place.file, WIDE);
    fs::File::options()
        .write(true)
        .open(&place.file)
        .unwrap()
        .set_len(5000)
        .unwrap();
    for n in 0..ENTRIES {
        if let Some(found) = value(&mut cache, n) {
            assert_eq!(found, told(n, 100 + n as usize * 97 % 9000));
        }
    }
    for n in 0..ENTRIES {
        put(&mut cache, n, b"x").unwrap();
        assert_eq!(value(&mut cache, n).unwrap(), b"x");
    }
    assert_eq!(cache.take_notices().len(), 1);
}

/// Every bit of one answer, its expiry, its note and its checksum.
#[test]
fn a_flipped_bit_is_a_miss_that_is_told_of_never_another_answer() {
    let place = place();
    let mut cache = open(&place.file, WIDE);
    let (note, mut rows) = ("the note", 0);
    let stored = Item {
        note,
        ..item(1, b"the answer")
    };
    for (column, bits) in [
        ("value", 80),
        ("note", 64),
        ("checksum", 64),
        ("form", 8),
        ("expires", 52),
    ] {
        for bit in (0..bits).step_by(3) {
            put_all(&mut cache, &[stored], 5000.0, 0.0).unwrap();
            let db = Connection::open(&place.file).unwrap();
            flip(&db, column, bit);
            drop(db);
            let mut read = Vec::new();
            assert_eq!(
                cache.get(&digest(1), 0.0, 0.0, &mut read).unwrap(),
                Found::None,
                "{column} {bit}"
            );
            assert!(read.is_empty());
            rows += 1;
            assert_eq!(cache.damaged(), rows);
            assert_eq!(cache.figures(0.0).unwrap().entries, 0, "the row is gone");
        }
    }
    assert_eq!(set_aside(&place), Vec::<PathBuf>::new());
    // Not one by one: there may be thousands.
    let notices = cache.take_notices();
    assert!(
        notices.len() == 1 && notices[0].contains("cache.db"),
        "{rows} rows: {notices:?}"
    );
}

fn flip(db: &Connection, column: &str, bit: usize) {
    let read = format!("SELECT {column} FROM entries");
    let write = format!("UPDATE entries SET {column} = ?");
    match column {
        "value" | "note" => {
            let mut bytes: Vec<u8> = db
                .query_row(&read, [], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec()))
                .unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match column {
                "value" => db.execute(&write, [bytes]).unwrap(),
                _ => db
                    .execute("UPDATE entries SET note = CAST(? AS TEXT)", [bytes])
                    .unwrap(),
            };
        }
        "expires" => {
            let number: f64 = db.query_row(&read, [], |row| row.get(0)).unwrap();
            db.execute(&write, [f64::from_bits(number.to_bits() ^ 1 << bit)])
                .unwrap();
        }
        _ => {
            let number: i64 = db.query_row(&read, [], |row| row.get(0)).unwrap();
            db.execute(&write, [number ^ 1 << bit]).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn random_bytes_anywhere_are_never_an_answer(
        at in any::<prop::sample::Index>(), length in 1..6000usize, seed in any::<u64>(), in_page in any::<bool>(),
    ) {
        let place = filled();
        let mut bytes = fs::read(&place.file).unwrap();
        let start = if in_page { at.index(bytes.len() / 4096) * 4096 } else { at.index(bytes.len()) };
        let mut random = seed | 1;
        for byte in bytes.iter_mut().skip(start).take(length) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            *byte = random as u8;
        }
        fs::write(&place.file, bytes).unwrap();
        // A header that says another program or a later version is believed.
        match DiskCache::open(&place.file, "a", WIDE, 0.0) {
            Err(error) => prop_assert!(start < 100 && ["Foreign", "NewerSchema"].contains(&error.kind()), "{}", error),
            Ok(cache) => {
                // Row numbers inside a tree carry no checksum: under a changed one a row may not be found, which is a miss.
                assert_never_wrong(&place, cache);
            }
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_never_an_answer(at in any::<prop::sample::Index>(), at_page in any::<bool>()) {
        let place = filled();
        let length = fs::metadata(&place.file).unwrap().len() as usize;
        let length = if at_page { at.index(length / 4096) * 4096 } else { at.index(length) };
        fs::File::options().write(true).open(&place.file).unwrap().set_len(length as u64).unwrap();
        assert_works(&place);
    }

    /// A damaged log is read as a state that the file once had.
    #[test]
    fn a_damaged_log_answers_with_nothing_that_was_not_stored(
        at in any::<prop::sample::Index>(), length in 1..5000usize, how in 0..4u8, with_index in any::<bool>(),
    ) {
        let place = place();
        let keep = open(&place.file, WIDE);
        let mut cache = open(&place.file, WIDE);
        let generation = |n: u64, generation: u8| {
            let mut value = told(n, 100 + n as usize * 97 % 9000);
            value.push(generation);
            value
        };
        for (nth, n) in (0..3).flat_map(|_| 0..ENTRIES).enumerate() {
            put(&mut cache, n, &generation(n, (nth as u64 / ENTRIES) as u8)).unwrap();
        }
        // As another process would find it after a crash.
        let copy = super::place();
        for suffix in if with_index { ["", "-wal", "-shm"].as_slice() } else { &["", "-wal"] } {
            fs::copy(super::super::beside(&place.file, suffix), super::super::beside(&copy.file, suffix)).unwrap();
        }
        drop((cache, keep));
        let log = super::super::beside(&copy.file, "-wal");
        let mut bytes = fs::read(&log).unwrap();
        let start = if how == 3 { at.index(64) } else { at.index(bytes.len()) };
        match how {
            0 => bytes.truncate(start),
            1 => bytes[start] ^= 1,
            _ => bytes.iter_mut().skip(start).take(length).for_each(|byte| *byte = byte.wrapping_mul(7) ^ 0x5a),
        }
        fs::write(&log, bytes).unwrap();
        let mut cache = open(&copy.file, WIDE);
        for n in 0..ENTRIES {
            if let Some(found) = value(&mut cache, n) {
                prop_assert!((0..3).any(|age| found == generation(n, age)), "a wrong answer");
            }
            put(&mut cache, n, &told(n, 300)).unwrap();
            prop_assert_eq!(value(&mut cache, n), Some(told(n, 300)));
        }
        prop_assert!(cache.take_notices().len() <= 1);
        drop(cache);
        assert_sound(&copy.file);
    }
}

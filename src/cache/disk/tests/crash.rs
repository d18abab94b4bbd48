//! Processes that are killed (SIGKILL) while they write.

use std::time::Duration;

use super::child::{acknowledged, start, task};
use super::*;

const NAME: &str = "cache::disk::tests::crash::what_a_killed_process_was_told_is_stored_is_stored";

/// Sizes from a few bytes to some pages, so that the log is moved into the file several times a second.
fn length(n: u64) -> usize {
    (n as usize * 7919) % 20_000
}

/// Writes until it is killed, and says what is stored.
fn write_for_ever(file: &Path, first: u64) -> ! {
    let mut cache = open(file, WIDE);
    for n in first.. {
        assert!(put(&mut cache, n, &told(n, length(n))).unwrap());
        eprintln!("ack {n}.");
        if n % 5 == 0 {
            cache.remove(&digest(n), 0.0).unwrap();
        }
        value(&mut cache, first + (n - first) / 2);
    }
    unreachable!()
}

#[test]
fn what_a_killed_process_was_told_is_stored_is_stored() {
    if let Some((file, first)) = task() {
        write_for_ever(&file, first);
    }
    let place = place();
    let mut stored = Vec::new();
    for round in 0..25u64 {
        let running = start(NAME, &place.file, round * 1_000_000);
        let mut lines = vec![running.lines.recv_timeout(Duration::from_secs(60)).unwrap()];
        std::thread::sleep(Duration::from_millis((round * 37) % 150));
        lines.extend(running.kill());
        stored.extend(acknowledged(&lines));
        assert_sound(&place.file);
    }
    let mut cache = open(&place.file, WIDE);
    // What was removed had been acknowledged; whether its removal was is not known.
    for n in stored.iter().filter(|n| *n % 5 != 0) {
        assert_eq!(value(&mut cache, *n), Some(told(*n, length(*n))), "entry {n}");
    }
    assert!(stored.len() > 250, "only {} entries were written", stored.len());
    assert_eq!(cache.take_notices(), Vec::<String>::new());
    assert_eq!(set_aside(&place), Vec::<PathBuf>::new());
}

mod leases;

use proptest::prelude::*;

use super::*;
use crate::cache::Policy;

fn limits(max_entries: usize, max_bytes: u64, stale: f64) -> Limits {
    Limits {
        max_entries,
        max_bytes,
        ttl: 100.0,
        stale,
        policy: Policy::Lru,
        report_all: false,
    }
}

fn key(n: u64) -> Key {
    Key {
        high: n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        low: n,
    }
}

fn item<'a>(n: u64, form: u8, value: &'a [u8], note: &'a str) -> Item<'a, Key> {
    Item {
        key: key(n),
        form,
        value,
        note,
    }
}

#[test]
fn a_name_is_one_cache_with_one_set_of_figures_for_all_threads() {
    let name = "one cache for all threads";
    let opened = || SharedCache::open(name, limits(1000, u64::MAX, 0.0)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            scope.spawn(move || {
                let cache = opened();
                for n in 0..1000u64 {
                    let value = n.to_le_bytes();
                    assert!(cache.set(&item(n, n as u8, &value, ""), None, 100.0, 0.0));
                    let (found, stale) = cache.get(key(n), 1.0, 0.0).unwrap();
                    assert_eq!((found.bytes()[0], stale), (n as u8, false));
                    assert_eq!(found.bytes()[1..9], value);
                    assert!(cache.get(key(10_000 + thread), 1.0, 0.0).is_none());
                }
            });
        }
    });
    let figures = opened().figures(1.0);
    assert_eq!((figures.counters.hits, figures.counters.misses), (8000, 8000));
    assert_eq!((figures.entries, figures.bytes), (1000, 8000));
}

#[test]
fn other_limits_under_a_name_are_refused_with_both_values() {
    let name = "limits differ";
    SharedCache::open(name, limits(10, u64::MAX, 0.0)).unwrap();
    let tiny = Limits {
        policy: Policy::TinyLfu,
        ..limits(10, u64::MAX, 0.0)
    };
    for (other, says) in [
        (
            limits(11, u64::MAX, 0.0),
            "maxSize 10 since it was opened first, and now maxSize 11",
        ),
        (
            limits(10, 7, 0.0),
            "maxBytes Infinity since it was opened first, and now maxBytes 7",
        ),
        (
            limits(10, u64::MAX, 5.0),
            "staleWhileRevalidate 0 since it was opened first, and now staleWhileRevalidate 5",
        ),
        (
            tiny,
            "policy Lru since it was opened first, and now policy TinyLfu",
        ),
    ] {
        let error = SharedCache::open(name, other).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(says), "{error}");
    }
}

#[test]
fn what_was_handed_out_stays_when_the_entry_leaves() {
    let cache = SharedCache::new("", limits(1, u64::MAX, 0.0));
    cache.set(&item(1, 1, b"first", ""), None, 100.0, 0.0);
    let (held, _) = cache.get(key(1), 0.0, 0.0).unwrap();
    cache.set(&item(2, 2, b"second", ""), None, 100.0, 0.0);
    assert!(cache.get(key(1), 0.0, 0.0).is_none());
    assert_eq!(held.bytes(), b"\x01first\0");
}

#[test]
fn memory_is_what_is_held_and_is_shared_out_to_the_handles() {
    let cache = SharedCache::new("", limits(1000, u64::MAX, 0.0));
    let empty = cache.figures(0.0).memory;
    for n in 0..100 {
        cache.set(&item(n, 0, &[7; 10_000], "note"), None, 100.0, 0.0);
    }
    let full = cache.figures(0.0).memory - empty;
    assert!((1_000_000..1_050_000).contains(&full), "{full}");
    cache.count_handle(true);
    cache.count_handle(true);
    assert_eq!(cache.memory_per_handle(), cache.figures(0.0).memory / 2);
    cache.clear();
    assert!(cache.figures(0.0).memory <= empty + 1000);
}

#[derive(Clone, Debug)]
enum Operation {
    Get(u64, f64),
    Has(u64),
    Set(u64, usize, f64),
    Remove(u64),
    RemoveExpired,
    Wait(u32),
}

fn operation() -> impl Strategy<Value = Operation> {
    let ttl = prop_oneof![2 => Just(100.0), 1 => Just(f64::INFINITY), 1 => (1..300u32).prop_map(f64::from)];
    prop_oneof![
        6 => (0..16u64, prop_oneof![Just(0.0), Just(50.0)]).prop_map(|(key, window)| Operation::Get(key, window)),
        1 => (0..16u64).prop_map(Operation::Has),
        8 => (0..16u64, 0..200usize, ttl).prop_map(|(key, size, ttl)| Operation::Set(key, size, ttl)),
        1 => (0..16u64).prop_map(Operation::Remove),
        1 => Just(Operation::RemoveExpired),
        3 => (0..60u32).prop_map(Operation::Wait),
    ]
}

/// Key, value, expiry; least recently used first.
type Model = Vec<(u64, Vec<u8>, f64)>;

fn bytes(model: &Model) -> u64 {
    model.iter().map(|held| held.1.len() as u64).sum()
}

/// Takes one entry out: the one that expired first, or else the least recently used. Whether it was live.
fn make_room(model: &mut Model, now: f64) -> bool {
    let expired = model.iter().enumerate().filter(|(_, held)| now >= held.2);
    let first = expired.min_by(|a, b| a.1.2.total_cmp(&b.1.2)).map(|(at, _)| at);
    model.remove(first.unwrap_or(0));
    first.is_none()
}

fn run(operations: Vec<Operation>, max_entries: usize, max_bytes: u64, stale: f64) {
    let cache = SharedCache::new("", limits(max_entries, max_bytes, stale));
    let (mut model, mut now, mut hits, mut misses, mut evictions) = (Model::new(), 0.0, 0, 0, 0);
    for (step, operation) in operations.into_iter().enumerate() {
        // No two entries expire at the same time: which of them leaves first would be open.
        now += 1.0 / 64.0;
        let find = |model: &Model, key, window: f64| {
            model
                .iter()
                .position(|held| held.0 == key && now < held.2 + window)
        };
        match operation {
            Operation::Get(n, window) => {
                let window = window.min(stale);
                let found = cache.get(key(n), now, window);
                let found = found
                    .map(|(answer, stale)| (answer.bytes()[1..answer.bytes().len() - 1].to_vec(), stale));
                let expected = find(&model, n, window).map(|at| {
                    let held = model[at].clone();
                    // A stale answer is no use.
                    if now < held.2 {
                        model.remove(at);
                        model.push(held.clone());
                    }
                    (held.1, now >= held.2)
                });
                if expected.is_some() {
                    hits += 1;
                } else {
                    misses += 1;
                    model.retain(|held| held.0 != n || now < held.2 + stale);
                }
                assert_eq!(found, expected);
            }
            Operation::Has(n) => assert_eq!(cache.has(key(n), now), find(&model, n, 0.0).is_some()),
            Operation::Set(n, size, ttl) => {
                // Which of several expired entries leaves first shows only while they can be asked for: then all live
                // equally long.
                let ttl = if stale > 0.0 { 100.0 } else { ttl };
                let value = vec![(step % 251) as u8; size];
                let stored = cache.set(&item(n, 1, &value, ""), None, ttl, now);
                assert_eq!(stored, size as u64 <= max_bytes);
                model.retain(|held| held.0 != n);
                if stored {
                    while model.len() >= max_entries || bytes(&model) + size as u64 > max_bytes {
                        evictions += u64::from(make_room(&mut model, now));
                    }
                    model.push((n, value, now + ttl));
                }
            }
            Operation::Remove(n) => {
                assert_eq!(cache.remove(key(n), now), find(&model, n, 0.0).is_some());
                model.retain(|held| held.0 != n);
            }
            Operation::RemoveExpired => {
                cache.remove_expired(now);
                model.retain(|held| now < held.2 + stale);
                assert_eq!(cache.figures(now).bytes, bytes(&model));
            }
            Operation::Wait(ms) => now += f64::from(ms),
        }
        let figures = cache.figures(now);
        let counters = figures.counters;
        assert_eq!(
            (counters.hits, counters.misses, counters.evictions),
            (hits, misses, evictions)
        );
        let live = model.iter().filter(|held| now < held.2).count();
        assert_eq!(figures.entries as usize, live);
        assert!(figures.bytes <= max_bytes);
    }
}

proptest! {
    #[test]
    fn it_answers_as_the_model_does(
        operations in prop::collection::vec(operation(), 1..200),
        max_entries in 1..12usize, max_bytes in prop_oneof![Just(u64::MAX), 1..1000u64], stale in prop_oneof![Just(0.0), Just(50.0)],
    ) {
        run(operations, max_entries, max_bytes, stale);
    }
}

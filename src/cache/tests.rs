use std::collections::HashSet;

use proptest::prelude::*;

use super::{Cache, Limits, Policy, Reason};
use crate::key::Key;

fn key(n: u64) -> Key {
    Key {
        high: n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        low: n,
    }
}

fn limits(max_entries: usize, ttl: f64) -> Limits {
    Limits {
        max_entries,
        max_bytes: u64::MAX,
        ttl,
        stale: 0.0,
        policy: Policy::Lru,
        report_all: false,
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Get(u64),
    GetStale(u64, f64),
    Set(u64, u64, Option<f64>),
    Contains(u64),
    Remove(u64),
    RemoveExpired,
    Live,
    Wait(f64),
}

fn operation() -> impl Strategy<Value = Operation> {
    let ttl = prop_oneof![3 => Just(None), 1 => (1..200u32).prop_map(|ms| Some(f64::from(ms)))];
    prop_oneof![
        6 => (0..24u64).prop_map(Operation::Get),
        2 => (0..24u64, 0..120u32).prop_map(|(key, window)| Operation::GetStale(key, f64::from(window))),
        8 => (0..24u64, 1..50u64, ttl).prop_map(|(key, bytes, ttl)| Operation::Set(key, bytes, ttl)),
        1 => (0..24u64).prop_map(Operation::Contains),
        1 => (0..24u64).prop_map(Operation::Remove),
        1 => Just(Operation::RemoveExpired),
        1 => Just(Operation::Live),
        3 => (0..60u32).prop_map(|ms| Operation::Wait(f64::from(ms))),
    ]
}

/// The least clever cache that does the right thing: entries in a vector, least recently used first.
struct Model {
    limits: Limits,
    /// Key, bytes, expiry, number of the set.
    entries: Vec<(u64, u64, f64, u64)>,
    sets: u64,
    now: f64,
    evictions: u64,
}

impl Model {
    fn live(&self, key: u64) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.0 == key && entry.2 > self.now)
    }

    /// Forgets an expired entry that is past what `get_stale` may ask for.
    fn forget_if_stale(&mut self, key: u64) {
        let (now, stale) = (self.now, self.limits.stale);
        self.entries
            .retain(|entry| entry.0 != key || entry.2 + stale > now);
    }

    fn touch(&mut self, key: u64) {
        if let Some(at) = self.entries.iter().position(|entry| entry.0 == key) {
            let entry = self.entries.remove(at);
            self.entries.push(entry);
        }
    }

    fn forget(&mut self, key: u64) {
        self.entries.retain(|entry| entry.0 != key);
    }

    fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.1).sum()
    }

    fn make_room(&mut self) {
        // An expired entry goes before any live one; among those, the one that expired first.
        let expired = self.entries.iter().filter(|entry| entry.2 <= self.now);
        if let Some(&(key, ..)) = expired.min_by(|a, b| (a.2, a.3).partial_cmp(&(b.2, b.3)).unwrap()) {
            self.forget(key);
        } else {
            self.entries.remove(0);
            self.evictions += 1;
        }
    }

    fn set(&mut self, key: u64, bytes: u64, ttl: Option<f64>) -> bool {
        if bytes > self.limits.max_bytes {
            self.forget(key);
            return false;
        }
        self.forget(key);
        while self.entries.len() >= self.limits.max_entries {
            self.make_room();
        }
        while self.bytes() + bytes > self.limits.max_bytes {
            self.make_room();
        }
        self.sets += 1;
        self.entries
            .push((key, bytes, self.now + ttl.unwrap_or(self.limits.ttl), self.sets));
        true
    }
}

fn agrees_with_the_model(limits: Limits, operations: Vec<Operation>) -> Result<(), TestCaseError> {
    let mut cache = Cache::new(limits);
    let mut model = Model {
        limits,
        entries: Vec::new(),
        sets: 0,
        now: 0.0,
        evictions: 0,
    };
    let (mut hits, mut misses) = (0, 0);
    // What the facade would hold: slot → key.
    let mut values = std::collections::HashMap::new();
    for operation in operations {
        let now = model.now;
        match operation {
            Operation::Get(n) => {
                let found = cache.get(key(n), now);
                prop_assert_eq!(found.is_some(), model.live(n));
                if let Some(slot) = found {
                    prop_assert_eq!(values.get(&slot), Some(&n));
                    model.touch(n);
                    hits += 1;
                } else {
                    model.forget_if_stale(n);
                    misses += 1;
                }
            }
            Operation::GetStale(n, window) => {
                let held = model.entries.iter().find(|entry| entry.0 == n);
                let expected = held
                    .filter(|entry| entry.2 + window > now)
                    .map(|entry| entry.2 <= now);
                let found = cache.get_stale(key(n), now, window);
                prop_assert_eq!(found.map(|(_, stale)| stale), expected);
                if let Some((slot, stale)) = found {
                    prop_assert_eq!(values.get(&slot), Some(&n));
                    hits += 1;
                    if !stale {
                        model.touch(n);
                    }
                } else {
                    model.forget_if_stale(n);
                    misses += 1;
                }
            }
            Operation::Set(n, bytes, ttl) => {
                let slot = cache.set(key(n), bytes, ttl, now);
                prop_assert_eq!(slot.is_some(), model.set(n, bytes, ttl));
                for dropped in cache.take_dropped(usize::MAX) {
                    values.remove(&dropped.slot);
                }
                if let Some(slot) = slot {
                    values.insert(slot, n);
                }
            }
            Operation::Contains(n) => prop_assert_eq!(cache.peek(key(n), now).is_some(), model.live(n)),
            Operation::Remove(n) => {
                let removed = cache.remove(key(n), now);
                prop_assert_eq!(removed.is_some_and(|(_, live)| live), model.live(n));
                if let Some((slot, _)) = removed {
                    values.remove(&slot);
                }
                model.forget(n);
            }
            Operation::RemoveExpired => {
                let before = model.entries.len();
                model.entries.retain(|entry| entry.2 + model.limits.stale > now);
                prop_assert_eq!(cache.remove_expired(now), before - model.entries.len());
            }
            Operation::Live => {
                prop_assert_eq!(
                    cache.live(now),
                    model.entries.iter().filter(|entry| entry.2 > now).count()
                );
            }
            Operation::Wait(ms) => model.now += ms,
        }
        for dropped in cache.take_dropped(usize::MAX) {
            values.remove(&dropped.slot);
        }
        prop_assert_eq!(cache.bytes(), model.bytes());
        prop_assert_eq!(values.len(), model.entries.len());
    }
    let live: Vec<u64> = cache.live_slots(model.now).map(|slot| values[&slot]).collect();
    let expected: Vec<u64> = model
        .entries
        .iter()
        .filter(|entry| entry.2 > model.now)
        .map(|entry| entry.0)
        .collect();
    prop_assert_eq!(live, expected);
    let counters = cache.counters();
    prop_assert_eq!(
        (counters.hits, counters.misses, counters.evictions),
        (hits, misses, model.evictions)
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn it_is_an_exact_lru_with_time_to_live(
        max in 1..12usize, stale in prop_oneof![Just(0.0), Just(40.0)], operations in proptest::collection::vec(operation(), 1..200),
    ) {
        // One time to live for all, so that "which expired entry goes first" has one answer.
        let uniform = operations.into_iter().map(|operation| match operation {
            Operation::Set(key, bytes, _) => Operation::Set(key, bytes, None),
            other => other,
        });
        agrees_with_the_model(Limits { stale, ..limits(max, 100.0) }, uniform.collect())?;
    }

    #[test]
    fn no_policy_breaks_the_promises_every_cache_makes(
        max in 1..12usize, max_bytes in 20..300u64, tiny in any::<bool>(), report_all in any::<bool>(),
        operations in proptest::collection::vec(operation(), 1..200),
    ) {
        let policy = if tiny { Policy::TinyLfu } else { Policy::Lru };
        let mut cache = Cache::new(Limits { max_entries: max, max_bytes, ttl: 100.0, stale: 30.0, policy, report_all });
        let mut values = std::collections::HashMap::new();
        let (mut now, mut gets) = (0.0, 0);
        for operation in operations {
            match operation {
                Operation::Get(n) => {
                    gets += 1;
                    if let Some(slot) = cache.get(key(n), now) {
                        prop_assert_eq!(values[&slot], n);
                    }
                }
                Operation::GetStale(n, window) => {
                    gets += 1;
                    if let Some((slot, _)) = cache.get_stale(key(n), now, window) {
                        prop_assert_eq!(values[&slot], n);
                    }
                }
                Operation::Set(n, bytes, ttl) => {
                    let slot = cache.set(key(n), bytes, ttl, now);
                    for dropped in cache.take_dropped(usize::MAX) {
                        prop_assert!(values.remove(&dropped.slot).is_some(), "a slot is dropped once");
                    }
                    prop_assert_eq!(slot.is_some(), bytes <= max_bytes);
                    if let Some(slot) = slot {
                        values.insert(slot, n);
                        prop_assert_eq!(cache.peek(key(n), now), Some(slot), "what was just set is there");
                    }
                }
                Operation::Contains(n) => prop_assert_eq!(cache.peek(key(n), now), cache.peek(key(n), now)),
                Operation::Remove(n) => {
                    if let Some((slot, _)) = cache.remove(key(n), now) {
                        prop_assert_eq!(values.remove(&slot), Some(n));
                    }
                }
                Operation::RemoveExpired => prop_assert!(cache.remove_expired(now) <= max),
                Operation::Live => prop_assert!(cache.live(now) <= max),
                Operation::Wait(ms) => now += ms,
            }
            for dropped in cache.take_dropped(usize::MAX) {
                prop_assert!(values.remove(&dropped.slot).is_some());
            }
            prop_assert!(cache.bytes() <= max_bytes);
            prop_assert!(values.len() <= max);
            let slots: HashSet<_> = cache.live_slots(now).collect();
            prop_assert_eq!(slots.len(), cache.live(now));
            prop_assert!(slots.iter().all(|slot| values.contains_key(slot)));
        }
        let Cache { counters, .. } = cache;
        prop_assert_eq!(counters.hits + counters.misses, gets);
    }
}

#[test]
fn the_byte_limit_drops_the_least_recently_used_until_it_fits() {
    let mut cache = Cache::new(Limits {
        max_bytes: 100,
        ..limits(10, f64::INFINITY)
    });
    let slots: Vec<_> = (0..4)
        .map(|n| cache.set(key(n), 25, None, 0.0).unwrap())
        .collect();
    cache.get(key(0), 0.0);
    let slot = cache.set(key(9), 40, None, 0.0).unwrap();
    let dropped: Vec<_> = cache
        .take_dropped(9)
        .map(|dropped| (dropped.slot, dropped.reason))
        .collect();
    assert_eq!(dropped, [(slots[1], Reason::Bytes), (slots[2], Reason::Bytes)]);
    assert_eq!(cache.bytes(), 90);
    assert!(!slots.contains(&slot));
    assert_eq!(cache.set(key(0), 101, None, 0.0), None, "larger than the cache");
    assert_eq!(
        cache.peek(key(0), 0.0),
        None,
        "the old value is not served in its place"
    );
}

#[test]
fn own_times_to_live_expire_in_their_own_order() {
    let mut cache = Cache::new(limits(100, 50.0));
    for (n, ttl) in [90.0, 10.0, 70.0, 30.0, f64::INFINITY].into_iter().enumerate() {
        cache.set(key(n as u64), 1, Some(ttl), 0.0);
    }
    cache.set(key(7), 1, None, 0.0);
    let live: Vec<_> = [9.0, 10.0, 30.0, 50.0, 70.0, 90.0, 1e9]
        .map(|now| cache.live(now))
        .into();
    assert_eq!(live, [6, 5, 4, 3, 2, 1, 1]);
    assert_eq!(cache.remove_expired(1e9), 5);
}

#[test]
fn a_clock_that_goes_back_does_not_revive() {
    let mut cache = Cache::new(limits(10, 100.0));
    cache.set(key(1), 1, None, 0.0);
    assert_eq!(cache.live(100.0), 0);
    assert_eq!(cache.peek(key(1), 50.0), None);
    assert_eq!(cache.get(key(1), 50.0), None);
}

#[test]
fn a_scan_does_not_flush_tiny_lfu() {
    let hits = |policy| {
        let mut cache = Cache::new(Limits {
            policy,
            ..limits(100, f64::INFINITY)
        });
        let mut use_key = |n: u64| {
            let hit = cache.get(key(n), 0.0).is_some();
            if !hit {
                cache.set(key(n), 1, None, 0.0);
            }
            hit
        };
        for _ in 0..10 {
            assert!((0..80).filter(|n| use_key(*n)).count() <= 80);
        }
        assert_eq!((1000..2000).filter(|n| use_key(*n)).count(), 0);
        (0..80).filter(|n| use_key(*n)).count()
    };
    assert_eq!(hits(Policy::Lru), 0);
    assert!(hits(Policy::TinyLfu) >= 78, "{}", hits(Policy::TinyLfu));
}

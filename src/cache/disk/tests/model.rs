//! Random operations against a simple model, with virtual time, the file closed and opened again at random.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    Get(u64, f64),
    GetMany(Vec<u64>),
    Has(u64),
    Set(u64, usize, String, f64),
    SetMany(Vec<(u64, usize)>, f64),
    Remove(u64),
    RemoveExpired,
    Clear,
    Figures,
    Notes,
    Wait(u32),
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = 0..16u64;
    let ttl = prop_oneof![1 => Just(f64::INFINITY), 2 => (1..300u32).prop_map(f64::from)];
    prop_oneof![
        8 => (key.clone(), prop_oneof![Just(0.0), Just(100.0)]).prop_map(|(key, window)| Operation::Get(key, window)),
        2 => prop::collection::vec(key.clone(), 0..5).prop_map(Operation::GetMany),
        1 => key.clone().prop_map(Operation::Has),
        8 => (key.clone(), 0..260usize, "[a-zä]{0,4}", ttl.clone())
            .prop_map(|(key, size, note, ttl)| Operation::Set(key, size, note, ttl)),
        2 => (prop::collection::vec((key.clone(), 0..260usize), 0..5), ttl)
            .prop_map(|(items, ttl)| Operation::SetMany(items, ttl)),
        1 => key.prop_map(Operation::Remove),
        1 => Just(Operation::RemoveExpired),
        1 => Just(Operation::Figures),
        1 => Just(Operation::Notes),
        3 => (0..80u32).prop_map(Operation::Wait),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::Clear),
    ]
}

#[derive(Clone, Debug)]
struct Held {
    key: u64,
    value: Vec<u8>,
    note: String,
    expires: f64,
}

/// Entries in a vector, least recently used first.
struct Model {
    limits: DiskLimits,
    entries: Vec<Held>,
    now: f64,
    hits: u64,
    misses: u64,
    evictions: u64,
}

impl Model {
    fn get(&mut self, key: u64, window: f64) -> Option<(Vec<u8>, bool)> {
        let at = self
            .entries
            .iter()
            .position(|held| held.key == key && self.now < held.expires + window);
        let Some(at) = at else {
            self.misses += 1;
            return None;
        };
        self.hits += 1;
        let held = self.entries.remove(at);
        self.entries.push(held.clone());
        Some((held.value, self.now >= held.expires))
    }

    fn fresh(&self, key: u64) -> bool {
        self.entries
            .iter()
            .any(|held| held.key == key && self.now < held.expires)
    }

    fn size(&self) -> u64 {
        self.entries
            .iter()
            .map(|held| (held.value.len() + held.note.len()) as u64)
            .sum()
    }

    fn kept(&self, held: &Held) -> bool {
        self.now < held.expires + self.limits.stale
    }

    fn set(&mut self, key: u64, value: &[u8], note: &str, ttl: f64) -> bool {
        self.entries.retain(|held| held.key != key);
        let size = (value.len() + note.len()) as u64;
        if size > self.limits.max_bytes {
            return false;
        }
        while self.entries.len() as u64 >= self.limits.max_entries
            || self.size() + size > self.limits.max_bytes
        {
            let expired = (0..self.entries.len()).filter(|at| self.now >= self.entries[*at].expires);
            // Of several that expired at the same moment the one with the lowest row.
            let order = |at: &usize| {
                (
                    self.entries[*at].expires,
                    crate::cache::disk::row::id(&digest(self.entries[*at].key)),
                )
            };
            let first = expired.min_by(|a, b| order(a).partial_cmp(&order(b)).unwrap());
            self.evictions += u64::from(first.is_none());
            self.entries.remove(first.unwrap_or(0));
        }
        self.entries.push(Held {
            key,
            value: value.to_vec(),
            note: note.to_owned(),
            expires: self.now + ttl,
        });
        true
    }
}

fn bytes(key: u64, size: usize, step: usize) -> Vec<u8> {
    (0..size)
        .map(|i| (key as usize * 31 + step * 7 + i) as u8)
        .collect()
}

// One arm per operation.
#[allow(clippy::too_many_lines)]
fn run(operations: Vec<Operation>, limits: DiskLimits) {
    let place = place();
    let mut cache = open(&place.file, limits);
    let mut other = DiskCache::open(&place.file, "other", WIDE, 0.0).unwrap();
    put(&mut other, 1000, b"of another namespace").unwrap();
    let mut model = Model {
        limits,
        entries: Vec::new(),
        now: 0.0,
        hits: 0,
        misses: 0,
        evictions: 0,
    };
    for (step, operation) in operations.into_iter().enumerate() {
        let now = model.now;
        match operation {
            Operation::Get(key, window) => {
                let mut read = Vec::new();
                let found = cache.get(&digest(key), now, window, &mut read).unwrap();
                let expected = model.get(key, window);
                let answer = (found != Found::None).then(|| (read[1..].to_vec(), found == Found::Stale));
                assert_eq!(answer, expected);
            }
            Operation::GetMany(keys) => {
                let digests: Vec<_> = keys.iter().map(|key| digest(*key)).collect();
                let read = cache.get_many(&digests, now).unwrap();
                for (key, read) in keys.iter().zip(read) {
                    assert_eq!(
                        read.map(|read| read[1..].to_vec()),
                        model.get(*key, 0.0).map(|held| held.0)
                    );
                }
            }
            Operation::Has(key) => assert_eq!(cache.has(&digest(key), now).unwrap(), model.fresh(key)),
            Operation::Set(key, size, note, ttl) => {
                let value = bytes(key, size, step);
                let note = note.as_str();
                let noted = Item {
                    note,
                    ..item(key, &value)
                };
                let stored = put_all(&mut cache, &[noted], ttl, now).unwrap();
                assert_eq!(stored, [model.set(key, &value, note, ttl)]);
            }
            Operation::SetMany(items, ttl) => {
                let values: Vec<_> = items
                    .iter()
                    .map(|(key, size)| (*key, bytes(*key, *size, step)))
                    .collect();
                let items: Vec<_> = values.iter().map(|(key, value)| item(*key, value)).collect();
                let stored = put_all(&mut cache, &items, ttl, now).unwrap();
                let expected: Vec<_> = values
                    .iter()
                    .map(|(key, value)| model.set(*key, value, "", ttl))
                    .collect();
                assert_eq!(stored, expected);
            }
            Operation::Remove(key) => {
                assert_eq!(cache.remove(&digest(key), now).unwrap(), model.fresh(key));
                model.entries.retain(|held| held.key != key);
            }
            Operation::RemoveExpired => {
                let before = model.entries.len();
                let kept = model
                    .entries
                    .clone()
                    .into_iter()
                    .filter(|held| model.kept(held))
                    .collect();
                model.entries = kept;
                assert_eq!(
                    cache.remove_expired(now).unwrap(),
                    (before - model.entries.len()) as u64
                );
            }
            Operation::Clear => {
                cache.clear().unwrap();
                model.entries.clear();
                (model.hits, model.misses, model.evictions) = (0, 0, 0);
            }
            Operation::Figures => {
                let figures = cache.figures(now).unwrap();
                let counters = figures.counters;
                assert_eq!(
                    (counters.hits, counters.misses, counters.evictions),
                    (model.hits, model.misses, model.evictions)
                );
                let live = model.entries.iter().filter(|held| now < held.expires).count();
                assert_eq!((figures.entries, figures.bytes), (live as u64, model.size()));
            }
            Operation::Notes => {
                let (mut notes, mut cursor) = (Vec::new(), 0);
                while cursor != -1 {
                    let (page, next) = cache.notes(cursor, 3).unwrap();
                    notes.extend(page);
                    cursor = next;
                }
                notes.sort();
                let held = model.entries.iter().map(|held| held.note.clone());
                let mut expected: Vec<_> = held.filter(|note| !note.is_empty()).collect();
                expected.sort();
                assert_eq!(notes, expected);
            }
            Operation::Wait(ms) => model.now += f64::from(ms),
            Operation::Reopen => {
                drop(cache);
                cache = DiskCache::open(&place.file, "a", limits, now).unwrap();
                (model.hits, model.misses, model.evictions) = (0, 0, 0);
            }
        }
        assert!(cache.figures(model.now).unwrap().entries <= limits.max_entries);
    }
    assert_eq!(value(&mut other, 1000).unwrap(), b"of another namespace");
    assert_eq!(cache.take_notices(), Vec::<String>::new());
    drop(cache);
    assert_sound(&place.file);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn it_answers_as_the_model_does(
        operations in prop::collection::vec(operation(), 1..120),
        max_entries in 1..12u64, max_bytes in prop_oneof![Just(u64::MAX), 1..1500u64], stale in prop_oneof![Just(0.0), Just(100.0)],
    ) {
        run(operations, DiskLimits { max_entries, max_bytes, stale });
    }
}

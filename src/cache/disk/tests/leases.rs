use super::*;
use crate::cache::leases::Claimed;
use crate::cache::leases::tests::{Tier, assert_keeps_its_promises, assert_like_model, operations};
use proptest::prelude::*;

const LEASE: f64 = 100.0;

/// A file, and three handles on it.
struct Disk(Place, Vec<DiskCache>);

impl Disk {
    fn new() -> Self {
        let place = place();
        let handles = (0..3).map(|_| open(&place.file, WIDE)).collect();
        Self(place, handles)
    }
}

fn digests(keys: &[u64]) -> Vec<Digest> {
    keys.iter().map(|key| digest(*key)).collect()
}

impl Tier for Disk {
    fn claim(&mut self, handle: usize, keys: &[u64], seizes: bool, now: f64) -> (i64, Vec<Claimed>) {
        self.1[handle].claim(&digests(keys), seizes, now, LEASE).unwrap()
    }
    fn renew(&mut self, handle: usize, ended: &[i64], now: f64) {
        self.1[handle].renew(ended, now, LEASE).unwrap();
    }
    fn release(&mut self, handle: usize, keys: &[u64], ticket: i64, open: Option<f64>, _: f64) {
        self.1[handle].release(&digests(keys), ticket, open).unwrap();
    }
    fn store(&mut self, handle: usize, key: u64, ticket: i64, now: f64) -> bool {
        let items = [item(key, b"computed")];
        self.1[handle].store(&items, ticket, f64::INFINITY, now).unwrap()[0]
    }
    fn set(&mut self, handle: usize, key: u64, now: f64) {
        let items = [item(key, b"set")];
        self.1[handle].set(&items, f64::INFINITY, now).unwrap();
    }
    fn remove(&mut self, handle: usize, key: u64, now: f64) {
        self.1[handle].remove(&digest(key), now).unwrap();
    }
    fn clear(&mut self, handle: usize) {
        self.1[handle].clear().unwrap();
    }
    fn reopen(&mut self, handle: usize, now: f64) {
        self.1.remove(handle);
        let cache = DiskCache::open(&self.0.file, "a", WIDE, now).unwrap();
        self.1.insert(handle, cache);
    }
    fn has(&mut self, key: u64, now: f64) -> bool {
        self.1[0].has(&digest(key), now).unwrap()
    }
}

#[test]
fn claims_keep_their_promises() {
    assert_keeps_its_promises(Disk::new);
}

#[test]
fn clearing_a_namespace_ends_no_claim_of_another() {
    let place = place();
    let (mut one, mut other) = (
        open(&place.file, WIDE),
        DiskCache::open(&place.file, "b", WIDE, 0.0).unwrap(),
    );
    let (ticket, _) = one.claim(&digests(&[1]), false, 0.0, LEASE).unwrap();
    other.clear().unwrap();
    assert_eq!(
        one.store(&[item(1, b"computed")], ticket, f64::INFINITY, 1.0)
            .unwrap(),
        [true]
    );
}

#[test]
fn handles_that_ask_at_the_same_time_get_each_key_once() {
    const KEYS: u64 = 300;
    let place = place();
    let handles: Vec<_> = (0..4).map(|_| open(&place.file, WIDE)).collect();
    let start = std::sync::Barrier::new(handles.len());
    let ask_all = |mut handle: DiskCache| {
        start.wait();
        let ask = |key| {
            let (ticket, answers) = handle.claim(&digests(&[key]), false, 0.0, LEASE).unwrap();
            (answers == [Claimed::Yours]).then_some((key, ticket))
        };
        let got: Vec<_> = (0..KEYS).filter_map(ask).collect();
        // A handle that ends gives back what it has.
        (got, handle)
    };
    let asked: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = handles
            .into_iter()
            .map(|handle| scope.spawn(|| ask_all(handle)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let got = asked.iter().flat_map(|(got, _)| got);
    let (mut keys, mut tickets): (Vec<_>, Vec<_>) = got.copied().unzip();
    keys.sort_unstable();
    tickets.sort_unstable();
    tickets.dedup();
    assert_eq!(keys, (0..KEYS).collect::<Vec<_>>());
    assert_eq!(tickets.len(), keys.len(), "a ticket was given twice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn claims_are_as_the_model_says(operations in operations()) {
        assert_like_model(Disk::new(), operations);
    }
}

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn claims_are_as_the_model_says(operations in operations()) {
        assert_like_model(Disk::new(), operations);
    }
}

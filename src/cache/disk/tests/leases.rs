use super::*;
use crate::cache::leases::Claimed::{self, Held, Stored, Yours};
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

/// Stores what was computed for keys under tickets, in one call.
fn store_all(cache: &mut DiskCache, keys: &[(u64, i64)], now: f64) -> Vec<bool> {
    let put = |(key, ticket): &(u64, i64)| Put {
        item: item(*key, b"computed"),
        ttl: f64::INFINITY,
        ticket: Some(*ticket),
    };
    cache.put(&keys.iter().map(put).collect::<Vec<_>>(), now).unwrap()
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
        store_all(&mut self.1[handle], &[(key, ticket)], now)[0]
    }
    fn set(&mut self, handle: usize, key: u64, now: f64) {
        let items = [item(key, b"set")];
        put_all(&mut self.1[handle], &items, f64::INFINITY, now).unwrap();
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
    assert_eq!(store_all(&mut one, &[(1, ticket)], 1.0), [true]);
}

#[test]
fn keys_that_are_claimed_together_have_claims_of_their_own() {
    let place = place();
    let (mut one, mut other) = (open(&place.file, WIDE), open(&place.file, WIDE));
    other.claim(&digests(&[2]), false, 0.0, LEASE).unwrap();
    put(&mut other, 3, b"set").unwrap();
    let (ticket, answers) = one
        .claim_each(&digests(&[1, 2, 3, 4, 5, 6]), false, 0.0, LEASE)
        .unwrap();
    assert_eq!(answers, [Yours, Held, Stored, Yours, Yours, Yours]);
    // The end of one is not that of another.
    one.renew(&[ticket + 5], 1.0, LEASE).unwrap();
    one.release(&digests(&[5]), ticket + 4, None).unwrap();
    other.remove(&digest(4), 1.0).unwrap();
    let all: Vec<_> = (1..=6).zip(ticket..).collect();
    assert_eq!(
        store_all(&mut one, &all, 2.0),
        [true, false, false, false, false, false]
    );
    // Every ticket is given once.
    let (next, _) = one.claim_each(&digests(&[7]), false, 2.0, LEASE).unwrap();
    assert!(next > ticket + 5);
    // One that seizes gets what others have.
    let (_, answers) = one.claim_each(&digests(&[2, 3]), true, 2.0, LEASE).unwrap();
    assert_eq!(answers, [Yours, Yours]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn claims_are_as_the_model_says(operations in operations()) {
        assert_like_model(Disk::new(), operations);
    }
}

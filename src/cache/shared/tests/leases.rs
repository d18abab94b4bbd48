use proptest::prelude::*;

use super::{item, key, limits};
use crate::cache::leases::tests::{Tier, assert_keeps_its_promises, assert_like_model, operations};
use crate::cache::leases::{Claimed, Grant};
use crate::cache::shared::SharedCache;

const LEASE: f64 = 100.0;

/// A cache, and the owner that each handle is.
struct Shared(SharedCache, [i64; 3]);

impl Shared {
    fn new() -> Self {
        Self(SharedCache::new("", limits(10, u64::MAX, 0.0)), [1, 2, 3])
    }
}

impl Tier for Shared {
    fn claim(&mut self, handle: usize, keys: &[u64], seizes: bool, now: f64) -> (i64, Vec<Claimed>) {
        let keys: Vec<_> = keys.iter().map(|n| key(*n)).collect();
        self.0.claim(&keys, self.1[handle], seizes, now, now + LEASE)
    }
    fn renew(&mut self, handle: usize, ended: &[i64], now: f64) {
        self.0.renew(self.1[handle], ended, now + LEASE);
    }
    fn release(&mut self, handle: usize, keys: &[u64], ticket: i64, open: Option<f64>, _: f64) {
        let keys: Vec<_> = keys.iter().map(|n| key(*n)).collect();
        let owner = self.1[handle];
        self.0.release(&keys, Grant { owner, ticket }, open);
    }
    fn store(&mut self, handle: usize, n: u64, ticket: i64, now: f64) -> bool {
        let owner = self.1[handle];
        let grant = Some(Grant { owner, ticket });
        self.0
            .set(&item(n, 0, b"computed", ""), grant, f64::INFINITY, now)
    }
    fn set(&mut self, _: usize, n: u64, now: f64) {
        self.0.set(&item(n, 0, b"set", ""), None, f64::INFINITY, now);
    }
    fn remove(&mut self, _: usize, n: u64, now: f64) {
        self.0.remove(key(n), now);
    }
    fn clear(&mut self, _: usize) {
        self.0.clear();
    }
    fn reopen(&mut self, handle: usize, _: f64) {
        self.0.release_all(self.1[handle]);
        self.1[handle] += 10;
    }
    fn has(&mut self, n: u64, now: f64) -> bool {
        self.0.has(key(n), now)
    }
}

#[test]
fn claims_keep_their_promises() {
    assert_keeps_its_promises(Shared::new);
}

#[test]
fn keys_that_nobody_asks_for_again_are_forgotten() {
    let cache = SharedCache::new("", limits(10, u64::MAX, 0.0));
    let mut most = 0;
    for n in 0..10_000u64 {
        let now = n as f64 * 1000.0;
        let (ticket, _) = cache.claim(&[key(n)], 1, false, now, now + LEASE);
        cache.release(&[key(n)], Grant { owner: 1, ticket }, Some(now + LEASE));
        most = most.max(cache.figures(now).memory);
    }
    assert!(most < 500_000, "{most} bytes");
}

proptest! {
    #[test]
    fn claims_are_as_the_model_says(operations in operations()) {
        assert_like_model(Shared::new(), operations);
    }
}

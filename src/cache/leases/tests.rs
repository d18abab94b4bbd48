//! Promises of claims, by scenes and against a simple model, for the tier in memory and the one on disk.

use proptest::prelude::*;

use super::Claimed::{self, Held, Stored, Yours};

const LEASE: f64 = 100.0;

/// A cache that several handles share, each of which is one of the places in it.
pub trait Tier {
    fn claim(&mut self, handle: usize, keys: &[u64], seizes: bool, now: f64) -> (i64, Vec<Claimed>);
    fn renew(&mut self, handle: usize, ended: &[i64], now: f64);
    /// `open`: until when the keys are open to all, if they are.
    fn release(&mut self, handle: usize, keys: &[u64], ticket: i64, open: Option<f64>, now: f64);
    fn store(&mut self, handle: usize, key: u64, ticket: i64, now: f64) -> bool;
    fn set(&mut self, handle: usize, key: u64, now: f64);
    fn remove(&mut self, handle: usize, key: u64, now: f64);
    fn clear(&mut self, handle: usize);
    /// The handle goes, and another takes its place.
    fn reopen(&mut self, handle: usize, now: f64);
    fn has(&mut self, key: u64, now: f64) -> bool;
}

/// Every promise in one scene of its own; `new` makes an empty tier of 3 handles.
pub fn assert_keeps_its_promises<T: Tier>(new: impl Fn() -> T) {
    let one = |tier: &mut T, handle, now| {
        let (ticket, answers) = tier.claim(handle, &[1], false, now);
        (ticket, answers[0])
    };

    // One computes, the others wait, until it is stored.
    let mut tier = new();
    let (ticket, answer) = one(&mut tier, 0, 0.0);
    assert_eq!((answer, one(&mut tier, 1, 1.0).1), (Yours, Held));
    assert!(tier.store(0, 1, ticket, 2.0) && tier.has(1, 2.0));
    assert_eq!(one(&mut tier, 1, 3.0).1, Stored);

    // A batch takes what is free, and only that.
    let mut tier = new();
    one(&mut tier, 0, 0.0);
    tier.set(0, 3, 0.0);
    assert_eq!(tier.claim(1, &[1, 2, 3], false, 0.0).1, [Held, Yours, Stored]);

    // What is set, deleted or cleared meanwhile is not overwritten, and renewing brings no claim back.
    for change in 0..3 {
        let mut tier = new();
        let (ticket, _) = one(&mut tier, 0, 0.0);
        match change {
            0 => tier.set(1, 1, 1.0),
            1 => tier.remove(1, 1, 1.0),
            _ => tier.clear(1),
        }
        tier.renew(0, &[], 2.0);
        assert!(!tier.store(0, 1, ticket, 3.0), "change {change}");
        assert_eq!(tier.has(1, 3.0), change == 0);
        assert_eq!(one(&mut tier, 1, 4.0).1, if change == 0 { Stored } else { Yours });
    }

    // The later computation of one handle is the one that counts, and the earlier one cannot give its claim back.
    let mut tier = new();
    let (earlier, _) = one(&mut tier, 0, 0.0);
    let (later, answer) = one(&mut tier, 0, 1.0);
    tier.release(0, &[1], earlier, None, 2.0);
    assert_eq!((answer, one(&mut tier, 1, 2.0).1), (Yours, Held));
    assert!(!tier.store(0, 1, earlier, 2.0) && tier.store(0, 1, later, 2.0));

    // The claim of a process that died is over with its lease; what it brings after another has taken it is not stored.
    let mut tier = new();
    let (late, _) = one(&mut tier, 0, 0.0);
    assert_eq!(one(&mut tier, 1, LEASE - 1.0).1, Held);
    tier.renew(0, &[], LEASE - 1.0);
    assert_eq!(one(&mut tier, 1, 2.0 * LEASE - 2.0).1, Held);
    let (taken, answer) = one(&mut tier, 1, 2.0 * LEASE - 1.0);
    assert_eq!(answer, Yours);
    tier.renew(0, &[], 2.0 * LEASE);
    assert!(!tier.store(0, 1, late, 2.0 * LEASE) && tier.store(1, 1, taken, 2.0 * LEASE));

    // The clock of who claimed it was ahead by more than a lease: nobody waits for that.
    for (ahead, answer) in [(LEASE, Held), (LEASE + 1.0, Yours)] {
        let mut tier = new();
        one(&mut tier, 0, ahead);
        assert_eq!(one(&mut tier, 1, 0.0).1, answer);
    }

    // Its lease being over and nobody having come, it can still store.
    let mut tier = new();
    let (late, _) = one(&mut tier, 0, 0.0);
    assert!(tier.store(0, 1, late, 3.0 * LEASE));

    // Given back, and gone with its handle, it is the next one's.
    let mut tier = new();
    let (ticket, _) = one(&mut tier, 0, 0.0);
    tier.release(1, &[1], ticket, None, 1.0);
    assert_eq!(one(&mut tier, 1, 1.0).1, Held, "not another's to give back");
    tier.release(0, &[1], ticket, None, 1.0);
    assert_eq!(
        (one(&mut tier, 1, 1.0).1, one(&mut tier, 2, 1.0).1),
        (Yours, Held)
    );
    tier.reopen(1, 2.0);
    let (ticket, answer) = one(&mut tier, 2, 2.0);
    assert_eq!(answer, Yours);
    let (second, _) = tier.claim(2, &[2], false, 2.0);
    tier.renew(2, &[ticket], 3.0);
    assert_eq!(tier.claim(1, &[1, 2], false, 3.0).1, [Yours, Held]);
    assert!(tier.store(2, 2, second, 3.0));

    // Ended without anything to store, it is everybody's at once, till one has something to store.
    let mut tier = new();
    let (ticket, _) = one(&mut tier, 0, 0.0);
    tier.release(0, &[1], ticket, Some(LEASE), 1.0);
    let open: Vec<_> = (0..3).map(|handle| one(&mut tier, handle, 2.0)).collect();
    assert!(open.iter().all(|(_, answer)| *answer == Yours));
    assert!(tier.store(2, 1, open[2].0, 3.0) && !tier.store(1, 1, open[1].0, 3.0));
    tier.remove(0, 1, 4.0);
    assert!(!tier.store(0, 1, open[0].0, 5.0), "deleted since it was begun");

    // For a lease: then it is claimed by one again.
    let mut tier = new();
    let (ticket, _) = one(&mut tier, 0, 0.0);
    tier.release(0, &[1], ticket, Some(LEASE), 1.0);
    assert_eq!(one(&mut tier, 1, LEASE).1, Yours);
    assert_eq!(
        (one(&mut tier, 0, LEASE + 1.0).1, one(&mut tier, 2, LEASE + 1.0).1),
        (Held, Held)
    );

    // Who records takes the key from who computes it, and computes what is stored anew.
    let mut tier = new();
    let (ticket, _) = one(&mut tier, 0, 0.0);
    let (recorded, answers) = tier.claim(1, &[1], true, 1.0);
    assert_eq!(answers, [Yours]);
    assert!(!tier.store(0, 1, ticket, 2.0) && tier.store(1, 1, recorded, 2.0));
    assert_eq!(tier.claim(2, &[1], true, 3.0).1, [Yours]);
}

#[derive(Clone, Debug)]
pub enum Operation {
    Lease(usize, Vec<u64>, bool),
    Renew(usize),
    /// Ends a computation that is under way: by storing, by giving back, or by opening.
    End(prop::sample::Index, u8),
    Set(usize, u64),
    Remove(usize, u64),
    Clear(usize),
    Wait(u8),
}

pub fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let (handle, key) = (0..3usize, 0..4u64);
    let keys = prop::collection::btree_set(key.clone(), 1..4).prop_map(|keys| keys.into_iter().collect());
    let operation = prop_oneof![
        8 => (handle.clone(), keys, prop::bool::weighted(0.1)).prop_map(|(handle, keys, seizes)| Operation::Lease(handle, keys, seizes)),
        2 => handle.clone().prop_map(Operation::Renew),
        8 => (any::<prop::sample::Index>(), 0..5u8).prop_map(|(which, how)| Operation::End(which, how)),
        2 => (handle.clone(), key.clone()).prop_map(|(handle, key)| Operation::Set(handle, key)),
        2 => (handle.clone(), key).prop_map(|(handle, key)| Operation::Remove(handle, key)),
        1 => handle.prop_map(Operation::Clear),
        4 => (1..80u8).prop_map(Operation::Wait),
    ];
    prop::collection::vec(operation, 1..100)
}

/// A computation as the model knows it: whether what it brings may be stored is decided when something happens to its
/// key, not when it ends.
#[derive(Clone, Debug)]
struct Computation {
    handle: usize,
    key: u64,
    ticket: i64,
    until: f64,
    /// It holds the key against the others.
    excludes: bool,
    may_store: bool,
}

#[derive(Default)]
struct Model {
    computations: Vec<Computation>,
    stored: [bool; 4],
    /// Until when a key is open.
    open: [f64; 4],
}

impl Model {
    fn claim(&mut self, handle: usize, key: u64, seizes: bool, now: f64, ticket: i64) -> Claimed {
        if !seizes && self.stored[key as usize] {
            return Stored;
        }
        let is_open = !seizes && now < self.open[key as usize];
        let of_key = self.computations.iter_mut().filter(|one| one.key == key);
        let holder = of_key.filter(|one| one.excludes).find(|one| now < one.until);
        if !is_open {
            if !seizes && holder.is_some_and(|one| one.handle != handle) {
                return Held;
            }
            self.end(key);
        }
        self.computations.push(Computation {
            handle,
            key,
            ticket,
            until: now + LEASE,
            excludes: !is_open,
            may_store: true,
        });
        Yours
    }

    /// Forgets the computation of `key`: its result is not stored.
    fn end(&mut self, key: u64) {
        self.open[key as usize] = 0.0;
        for one in self.computations.iter_mut().filter(|one| one.key == key) {
            (one.excludes, one.may_store) = (false, false);
        }
    }
}

pub fn assert_like_model(mut tier: impl Tier, operations: Vec<Operation>) {
    let (mut model, mut now) = (Model::default(), 0.0);
    for operation in operations {
        match operation {
            Operation::Lease(handle, keys, seizes) => {
                let (ticket, answers) = tier.claim(handle, &keys, seizes, now);
                let expected: Vec<_> = keys
                    .iter()
                    .map(|key| model.claim(handle, *key, seizes, now, ticket))
                    .collect();
                assert_eq!(answers, expected);
            }
            Operation::Renew(handle) => {
                tier.renew(handle, &[], now);
                let own = model.computations.iter_mut().filter(|one| one.handle == handle);
                own.for_each(|one| one.until = now + LEASE);
            }
            Operation::End(which, how) => {
                if model.computations.is_empty() {
                    continue;
                }
                let one = model.computations.remove(which.index(model.computations.len()));
                let (key, at) = (one.key, one.key as usize);
                if how < 3 {
                    assert_eq!(tier.store(one.handle, key, one.ticket, now), one.may_store);
                    if one.may_store {
                        model.end(key);
                        model.stored[at] = true;
                    }
                } else {
                    let open = (how == 4).then_some(now + LEASE);
                    tier.release(one.handle, &[key], one.ticket, open, now);
                    if one.excludes {
                        model.open[at] = open.unwrap_or(0.0);
                    }
                }
            }
            Operation::Set(handle, key) => {
                tier.set(handle, key, now);
                model.end(key);
                model.stored[key as usize] = true;
            }
            Operation::Remove(handle, key) => {
                tier.remove(handle, key, now);
                model.end(key);
                model.stored[key as usize] = false;
            }
            Operation::Clear(handle) => {
                tier.clear(handle);
                (0..4).for_each(|key| model.end(key));
                model.stored = [false; 4];
            }
            Operation::Wait(ms) => now += f64::from(ms),
        }
        for key in 0..4 {
            assert_eq!(tier.has(key, now), model.stored[key as usize]);
        }
    }
}

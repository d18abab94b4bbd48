//! Claims: one of the threads or processes that share a cache computes a missing key, for a lease that it renews.
//!
//! This file has the rules, and the table of a cache in memory. A cache on disk keeps the same claims as rows
//! (`disk/leases.rs`).
//!
//! A key is *claimed* by one owner, who computes it while the others wait; or *open*, after a computation of it ended
//! without anything to store: then everybody computes it at once, as nobody knows that waiting pays. What always holds:
//! - what a claim computed can be stored only while the key has that claim, or is open since before it was taken;
//! - storing, replacing and deleting what is under a key end its claim and its being open, whosoever does it;
//! - a claim that is not renewed can be taken by another when its lease is over, and so can one that ends later than
//!   any lease taken now could: its owner's clock is ahead (a test's fake one, say), and nobody waits for that.

#[cfg(test)]
pub(in crate::cache) mod tests;

use std::collections::HashMap;
use std::hash::Hash;

/// The owner of a key that is open.
pub const NOBODY: i64 = 0;
/// For how many ms behind the end of its lease a claim can still be what stores a value, if nobody took it.
pub const FORGOTTEN: f64 = 600_000.0;
/// Leases of a table before those that are long over are looked for.
const FEW: usize = 64;

/// The answer to a handle that asks to compute a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Another computes it.
    Held = 0,
    /// It is the handle's to compute.
    Yours = 1,
    /// A fresh entry is there.
    Stored = 2,
}

/// The right to store what is being computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The handle that asked; not [`NOBODY`].
    pub owner: i64,
    /// When it asked: higher than those before.
    pub ticket: i64,
}

/// The claim on a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lease {
    /// Its owner, and its ticket; open if [`NOBODY`]'s.
    pub grant: Grant,
    /// The end of the lease.
    pub until: f64,
}

impl Lease {
    /// Answers a handle that asks at `now` for a lease `until`; with the claim that the key has then, if it is another.
    /// One that `seizes` gets it in any case.
    pub fn asked(
        held: Option<Self>,
        grant: Grant,
        now: f64,
        until: f64,
        seizes: bool,
    ) -> (Claimed, Option<Self>) {
        // Twice a lease: a clock that is set a little does not end what is going on.
        let runs = |claim: &Self| now < claim.until && claim.until - now <= 2.0 * (until - now);
        match held.filter(|claim| !seizes && runs(claim)) {
            Some(claim) if claim.grant.owner == NOBODY => (Claimed::Yours, None),
            Some(claim) if claim.grant.owner != grant.owner => (Claimed::Held, None),
            _ => (Claimed::Yours, Some(Self { grant, until })),
        }
    }

    /// Returns true if what was computed under `grant` may be stored.
    pub fn admits(&self, grant: Grant) -> bool {
        self.grant == grant || self.grant.owner == NOBODY && self.grant.ticket <= grant.ticket
    }

    /// The claim when the computation under its grant has ended with nothing to store: the key is open from the time
    /// that it was claimed.
    #[must_use]
    pub fn opened(self, until: f64) -> Self {
        let grant = Grant {
            owner: NOBODY,
            ..self.grant
        };
        Self { grant, until }
    }
}

/// The claims of a cache in memory.
#[derive(Debug)]
pub struct Leases<K> {
    held: HashMap<K, Lease>,
    tickets: i64,
    /// The number of claims at which those long over are dropped.
    sweep_at: usize,
}

impl<K> Default for Leases<K> {
    fn default() -> Self {
        Self {
            held: HashMap::new(),
            tickets: 0,
            sweep_at: FEW,
        }
    }
}

impl<K: Copy + Eq + Hash> Leases<K> {
    /// The grant for a computation that begins now.
    pub fn grant(&mut self, owner: i64) -> Grant {
        self.tickets += 1;
        let ticket = self.tickets;
        Grant { owner, ticket }
    }

    /// Asks for `key`: see [`Lease::asked`]. O(1) amortised.
    pub fn ask(&mut self, key: K, grant: Grant, now: f64, until: f64, seizes: bool) -> Claimed {
        let (answer, claim) = Lease::asked(self.held.get(&key).copied(), grant, now, until, seizes);
        if let Some(claim) = claim {
            self.held.insert(key, claim);
            if self.held.len() >= self.sweep_at {
                self.held.retain(|_, claim| now < claim.until + FORGOTTEN);
                self.sweep_at = FEW.max(2 * self.held.len());
            }
        }
        answer
    }

    /// Returns true if what was computed under `grant` may be stored.
    pub fn admits(&self, key: K, grant: Grant) -> bool {
        self.held.get(&key).is_some_and(|claim| claim.admits(grant))
    }

    /// The key was stored or deleted.
    pub fn end(&mut self, key: K) {
        if !self.held.is_empty() {
            self.held.remove(&key);
        }
    }

    /// Everything was deleted.
    pub fn end_all(&mut self) {
        self.held = HashMap::new();
        self.sweep_at = FEW;
    }

    /// Gives back what `owner` has claimed with the tickets that have `ended`, and holds its other claims until `until`.
    /// O(number of claims).
    pub fn renew(&mut self, owner: i64, ended: &[i64], until: f64) {
        self.held
            .retain(|_, claim| claim.grant.owner != owner || !ended.contains(&claim.grant.ticket));
        let own = self.held.values_mut().filter(|claim| claim.grant.owner == owner);
        own.for_each(|claim| claim.until = until);
    }

    /// Gives `key` back, if it is claimed under `grant`: to whoever asks next, or, with `open`, to all until then.
    pub fn release(&mut self, key: K, grant: Grant, open: Option<f64>) {
        if let Some(claim) = self.held.get_mut(&key).filter(|claim| claim.grant == grant) {
            match open {
                Some(until) => *claim = claim.opened(until),
                None => self.end(key),
            }
        }
    }

    /// Gives back every claim of `owner`. O(number of claims).
    pub fn release_all(&mut self, owner: i64) {
        self.held.retain(|_, claim| claim.grant.owner != owner);
    }

    /// Memory held, in bytes.
    pub fn allocated(&self) -> usize {
        self.held.capacity() * size_of::<(K, Lease)>()
    }
}

//! Claims of keys as rows; [`crate::cache::leases`] has the rules.

use rusqlite::{Result, Row, params};

use super::row::{Digest, id};
use super::store::Store;
use super::{DiskCache, DiskError};
use crate::cache::leases::{Claimed, Grant, Lease};

/// Pages that writing claims touches, about.
const PAGES_OF_CLAIMS: u64 = 3;

impl DiskCache {
    /// Asks to compute what is under `digests`, of which it holds what it gets for `lease` ms. Returns a ticket, to be
    /// given to [`DiskCache::put`] and [`DiskCache::release`], and an answer for each. One that `seizes` gets all.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn claim(
        &mut self,
        digests: &[Digest],
        seizes: bool,
        now: f64,
        lease: f64,
    ) -> Result<(i64, Vec<Claimed>), DiskError> {
        let owner = self.owner;
        let ask = |store: &Store| store.ask(digests, owner, seizes, now, lease);
        let (ticket, answers) = self.write(PAGES_OF_CLAIMS, now, ask)?;
        self.has_claims |= answers.contains(&Claimed::Yours);
        Ok((ticket, answers))
    }

    /// Asks for each of `digests` by itself, like [`DiskCache::claim`], and in one transaction: the ticket of the `n`th is
    /// the one returned + `n`. For keys that were missed a moment ago, and so are mostly free.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn claim_each(
        &mut self,
        digests: &[Digest],
        seizes: bool,
        now: f64,
        lease: f64,
    ) -> Result<(i64, Vec<Claimed>), DiskError> {
        let owner = self.owner;
        let take = |store: &Store| store.take(digests, owner, true, seizes, now, lease);
        let (ticket, answers) = self.write(PAGES_OF_CLAIMS, now, take)?;
        self.has_claims |= answers.contains(&Claimed::Yours);
        Ok((ticket, answers))
    }

    /// Gives back what this handle has claimed with the tickets that have `ended`, and holds its other claims for another
    /// `lease` ms.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn renew(&mut self, ended: &[i64], now: f64, lease: f64) -> Result<(), DiskError> {
        let owner = self.owner;
        self.write(PAGES_OF_CLAIMS, now, |store| {
            store.renew(owner, ended, now + lease)
        })
    }

    /// Gives back what is claimed under `ticket`, and not stored or deleted since: to whoever asks next, or, with
    /// `open`, to all who ask until then.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn release(&mut self, digests: &[Digest], ticket: i64, open: Option<f64>) -> Result<(), DiskError> {
        let owner = self.owner;
        let grant = Grant { owner, ticket };
        let now = self.looked;
        self.write(PAGES_OF_CLAIMS, now, |store| store.release(digests, grant, open))
    }
}

impl Store {
    fn ask(
        &self,
        digests: &[Digest],
        owner: i64,
        seizes: bool,
        now: f64,
        lease: f64,
    ) -> Result<(i64, Vec<Claimed>)> {
        // Those who wait ask again and again, and mostly there is nothing to write.
        let nothing = Grant { owner, ticket: 0 };
        let looked = self.read(|| {
            digests
                .iter()
                .map(|digest| Ok(self.answer(digest, nothing, seizes, now, lease)?.0))
                .collect()
        })?;
        let looked: Vec<Claimed> = looked;
        if !looked.contains(&Claimed::Yours) {
            return Ok((0, looked));
        }
        self.take(digests, owner, false, seizes, now, lease)
    }

    /// The answer to a handle that asks for `digest`, and the claim on it then, if that is another.
    fn answer(
        &self,
        digest: &Digest,
        grant: Grant,
        seizes: bool,
        now: f64,
        lease: f64,
    ) -> Result<(Claimed, Option<Lease>)> {
        if !seizes && self.has(digest, now)? {
            return Ok((Claimed::Stored, None));
        }
        let held = self.claim(digest)?;
        Ok(Lease::asked(held, grant, now, now + lease, seizes))
    }

    /// Claims what can be had of `digests`: under one ticket, or, with `each`, under one after the other.
    fn take(
        &self,
        digests: &[Digest],
        owner: i64,
        each: bool,
        seizes: bool,
        now: f64,
        lease: f64,
    ) -> Result<(i64, Vec<Claimed>)> {
        self.write(None, |totals| {
            let first = totals.ticks + 1;
            totals.ticks = first;
            let mut answers = Vec::with_capacity(digests.len());
            for (nth, digest) in digests.iter().enumerate() {
                if each && nth > 0 {
                    totals.ticks += 1;
                }
                let ticket = totals.ticks;
                let (told, claim) = self.answer(digest, Grant { owner, ticket }, seizes, now, lease)?;
                if let Some(Lease { grant, until }) = claim {
                    self.run(
                        "INSERT OR REPLACE INTO claims (id, namespace, owner, ticket, until) VALUES (?, ?, ?, ?, ?)",
                        params![id(digest), self.namespace, grant.owner, grant.ticket, until],
                    )?;
                }
                answers.push(told);
            }
            Ok((first, answers))
        })
    }

    /// Returns true if what was computed under `grant` may be stored.
    pub fn admits(&self, digest: &Digest, grant: Grant) -> Result<bool> {
        Ok(self.claim(digest)?.is_some_and(|claim| claim.admits(grant)))
    }

    /// Ends the claim on the row `id`, which is stored or deleted.
    pub fn end_claim(&self, id: i64) -> Result<()> {
        self.run("DELETE FROM claims WHERE id = ?", [id])?;
        Ok(())
    }

    /// Gives back every claim of `owner`.
    pub fn release_all(&self, owner: i64) -> Result<()> {
        self.run("DELETE FROM claims WHERE owner = ?", [owner])?;
        Ok(())
    }

    fn renew(&self, owner: i64, ended: &[i64], until: f64) -> Result<()> {
        self.write(None, |_| {
            for ticket in ended {
                let sql = "DELETE FROM claims WHERE owner = ? AND ticket = ?";
                self.run(sql, params![owner, ticket])?;
            }
            let sql = "UPDATE claims SET until = ? WHERE owner = ?";
            self.run(sql, params![until, owner])?;
            Ok(())
        })
    }

    fn release(&self, digests: &[Digest], grant: Grant, open: Option<f64>) -> Result<()> {
        // Mostly the value was stored, which has ended the claim: then there is nothing to write.
        let held = self.read(|| {
            let held = digests.iter().map(|digest| self.claim(digest));
            held.collect::<Result<Vec<_>>>()
        })?;
        if !held.iter().flatten().any(|claim| claim.grant == grant) {
            return Ok(());
        }
        self.write(None, |_| {
            for digest in digests {
                let held = self.claim(digest)?.filter(|claim| claim.grant == grant);
                match (held, open) {
                    (None, _) => {}
                    (Some(_), None) => self.end_claim(id(digest))?,
                    (Some(claim), Some(until)) => {
                        let open = claim.opened(until);
                        let sql = "UPDATE claims SET owner = ?, ticket = ?, until = ? WHERE id = ?";
                        let values = params![open.grant.owner, open.grant.ticket, open.until, id(digest)];
                        self.run(sql, values)?;
                    }
                }
            }
            Ok(())
        })
    }

    fn claim(&self, digest: &Digest) -> Result<Option<Lease>> {
        let sql = "SELECT owner, ticket, until FROM claims WHERE id = ? AND namespace = ?";
        let read = |row: &Row| {
            let (owner, ticket) = (row.get(0)?, row.get(1)?);
            let grant = Grant { owner, ticket };
            let until = row.get(2)?;
            Ok(Lease { grant, until })
        };
        self.row(sql, params![id(digest), self.namespace], read)
    }
}

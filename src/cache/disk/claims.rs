//! Who computes what is not there yet: one handle of all processes, until it says so or its time is over.

use rusqlite::{Result, params};

use super::row::{Digest, id};
use super::store::Store;
use super::{DiskCache, DiskError};

impl DiskCache {
    /// Takes the right to compute what is under `digest`, for `lease` ms. False while another handle, of whichever
    /// process, holds it.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn claim(&mut self, digest: &Digest, now: f64, lease: f64) -> Result<bool, DiskError> {
        let owner = self.owner;
        let claimed = self.write(now, |cache| {
            cache.opened.store.claim(digest, owner, now, now + lease)
        })?;
        self.has_claims |= claimed;
        Ok(claimed)
    }

    /// Holds every claim of this handle for another `lease` ms.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn renew(&mut self, now: f64, lease: f64) -> Result<(), DiskError> {
        let owner = self.owner;
        self.write(now, |cache| cache.opened.store.renew(owner, now + lease))
    }

    /// Gives a claim back.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn release(&mut self, digest: &Digest) -> Result<(), DiskError> {
        let owner = self.owner;
        self.write(self.looked, |cache| {
            cache.opened.store.release(Some(digest), owner)
        })
    }
}

impl Store {
    /// Takes the right to compute what is under `digest` until `until`, unless another owner holds it at `now`.
    pub fn claim(&self, digest: &Digest, owner: i64, now: f64, until: f64) -> Result<bool> {
        let sql =
            "INSERT INTO claims (id, digest, owner, until) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE
            SET digest = ?2, owner = ?3, until = ?4 WHERE owner = ?3 OR until <= ?5";
        Ok(self.run(sql, params![id(digest), digest, owner, until, now])? > 0)
    }

    /// Holds every claim of `owner` until `until`.
    pub fn renew(&self, owner: i64, until: f64) -> Result<()> {
        self.run(
            "UPDATE claims SET until = ? WHERE owner = ?",
            params![until, owner],
        )?;
        Ok(())
    }

    /// Gives a claim back: of `digest`, or all of `owner`.
    pub fn release(&self, digest: Option<&Digest>, owner: i64) -> Result<()> {
        match digest {
            Some(digest) => self.run(
                "DELETE FROM claims WHERE id = ? AND owner = ?",
                params![id(digest), owner],
            )?,
            None => self.run("DELETE FROM claims WHERE owner = ?", [owner])?,
        };
        Ok(())
    }
}

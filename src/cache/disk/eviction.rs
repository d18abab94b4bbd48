//! Deletion of entries: on request, when their time is over, or to make room.

use rusqlite::{Result, params};

use super::row::{Digest, id};
use super::store::{DiskLimits, Store, Totals};
use super::uses::Uses;

impl Store {
    /// Deletes what is under `digest`. Returns whether it had not expired.
    pub fn remove(&self, digest: &Digest, uses: &Uses, now: f64) -> Result<bool> {
        self.write(Some((uses, usize::MAX)), |totals| {
            let live = self.has(digest, now)?;
            self.end_claim(id(digest))?;
            let sql = "SELECT 1 FROM recency r JOIN entries e ON e.id = ifnull(r.row, r.id)
                WHERE r.id = ? AND digest = ? AND e.namespace = ?";
            if self
                .row(sql, params![id(digest), digest, self.namespace], |_| Ok(()))?
                .is_some()
            {
                self.delete(id(digest), totals)?;
            }
            Ok(live)
        })
    }

    /// Deletes a damaged row.
    pub fn remove_row(&self, digest: &Digest) -> Result<()> {
        self.write(None, |totals| self.delete(id(digest), totals).map(|_| ()))
    }

    /// Deletes what need not be kept at `now`, at most `limit` entries. Returns how many.
    pub fn remove_expired(&self, uses: Option<&Uses>, limit: usize, now: f64) -> Result<u64> {
        let sql = "SELECT id FROM recency
            WHERE namespace = ?1 AND expires <= ?2 AND until <= ?2 ORDER BY expires LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.write(uses.map(|uses| (uses, usize::MAX)), |totals| {
            let mut statement = self.db.prepare_cached(sql)?;
            let rows = statement.query_map(params![self.namespace, now, limit], |row| row.get(0))?;
            let expired: Vec<i64> = rows.collect::<Result<_>>()?;
            for id in &expired {
                self.delete(*id, totals)?;
            }
            Ok(expired.len() as u64)
        })
    }

    /// Deletes every entry of the namespace.
    pub fn clear(&self) -> Result<()> {
        self.write(None, |totals| {
            let sql = "SELECT 1 FROM namespaces WHERE id <> ? AND entries > 0 LIMIT 1";
            if self.row(sql, [self.namespace], |_| Ok(()))?.is_none() {
                // The whole table at once takes no time.
                self.run("DELETE FROM entries", [])?;
                self.run("DELETE FROM recency", [])?;
            } else {
                self.run("DELETE FROM entries WHERE namespace = ?", [self.namespace])?;
                self.run("DELETE FROM recency WHERE namespace = ?", [self.namespace])?;
            }
            self.run("DELETE FROM claims WHERE namespace = ?", [self.namespace])?;
            (totals.entries, totals.bytes) = (0, 0);
            Ok(())
        })
    }

    /// Deletes until one more entry of `size` bytes fits. Returns how many of those were live.
    pub fn make_room(&self, size: u64, limits: &DiskLimits, totals: &mut Totals, now: f64) -> Result<u64> {
        let mut evicted = 0;
        while totals.entries >= limits.max_entries || totals.bytes > limits.max_bytes - size {
            let mut victim = self.first_expired(now)?;
            if victim.is_none() {
                let sql = "SELECT id FROM recency WHERE namespace = ? ORDER BY used LIMIT 1";
                victim = self.row(sql, [self.namespace], |row| row.get(0))?;
                evicted += 1;
            }
            // Without one the totals speak of entries that are not there.
            self.delete_held(victim.ok_or(rusqlite::Error::QueryReturnedNoRows)?, totals)?;
        }
        Ok(evicted)
    }

    fn first_expired(&self, now: f64) -> Result<Option<i64>> {
        let sql = "SELECT id FROM recency WHERE namespace = ? AND expires <= ? ORDER BY expires LIMIT 1";
        self.row(sql, params![self.namespace, now], |row| row.get(0))
    }

    /// Deletes a row that an index has led to: that it is not there is damage, and would be met again for ever.
    fn delete_held(&self, id: i64, totals: &mut Totals) -> Result<()> {
        let held = self.delete(id, totals)?;
        held.then_some(()).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// Deletes a row, of whichever namespace it is. Returns whether there was one.
    pub fn delete(&self, id: i64, totals: &mut Totals) -> Result<bool> {
        let sql = "DELETE FROM recency WHERE id = ? RETURNING namespace, size, ifnull(row, id)";
        let gone = self.row(sql, [id], |row| {
            let namespace: i64 = row.get(0)?;
            Ok((namespace, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
        let Some((namespace, size, row)) = gone else {
            return Ok(false);
        };
        self.run("DELETE FROM entries WHERE id = ?", [row])?;
        if Some(namespace) == self.namespace {
            totals.entries = totals.entries.saturating_sub(1);
            totals.bytes = totals.bytes.saturating_sub(size.cast_unsigned());
        } else {
            let sql = "UPDATE namespaces SET entries = entries - 1, bytes = bytes - ? WHERE id = ?";
            self.run(sql, params![size, namespace])?;
        }
        Ok(true)
    }
}

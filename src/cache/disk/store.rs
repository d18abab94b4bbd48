//! Statements on one connection, for one namespace. Each call is one transaction at most.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Params, Result, Row, params};

use super::row::{Answer, Digest, Found, checksum, id};
use super::uses::Uses;
use super::writes::Put;
use crate::cache::Item;
use crate::cache::leases::Grant;

/// Limits of a namespace.
#[derive(Clone, Copy, Debug)]
pub struct DiskLimits {
    /// Entries, at least 1.
    pub max_entries: u64,
    /// Bytes of values and notes; `u64::MAX` for no limit.
    pub max_bytes: u64,
    /// For how many ms an entry is kept after it has expired.
    pub stale: f64,
}

/// Totals of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub entries: u64,
    pub bytes: u64,
    pub ticks: i64,
}

/// Bits of a row's number that are its tick; the namespace is above them. They last 35 years at 1000 ticks a second.
const TICK_BITS: u32 = 40;

/// A connection and the namespace it works for.
#[derive(Debug)]
pub struct Store {
    pub db: Connection,
    /// `None`: a file that can only be read has no such namespace, and so nothing in it.
    pub namespace: Option<i64>,
}

impl Store {
    /// For the namespace `name`, which is entered unless the file can only be read.
    pub fn new(db: Connection, name: &str, read_only: bool) -> Result<Self> {
        let find = "SELECT id FROM namespaces WHERE name = ?";
        let mut namespace = db.query_row(find, [name], |row| row.get(0)).optional()?;
        if namespace.is_none() && !read_only {
            let enter = "INSERT INTO namespaces (name, entries, bytes, ticks) VALUES (?, 0, 0, 0) ON CONFLICT DO NOTHING";
            db.execute(enter, [name])?;
            namespace = Some(db.query_row(find, [name], |row| row.get(0))?);
        }
        Ok(Self { db, namespace })
    }

    /// Waits for other writers as at first, after a shorter time was set.
    pub fn wait_as_usual(&self) -> Result<()> {
        super::schema::wait_for_writers(&self.db)
    }

    /// Reads what is under `digest` at `now`: its form and value go behind what `out` has.
    pub fn get(&self, digest: &Digest, now: f64, window: f64, out: &mut Vec<u8>) -> Result<Found> {
        let Some(namespace) = self.namespace else {
            return Ok(Found::None);
        };
        let mut statement = self.db.prepare_cached(
            "SELECT digest, e.namespace, e.expires, form, e.checksum, note, value, r.checksum
             FROM recency r LEFT JOIN entries e ON e.id = ifnull(r.row, r.id) WHERE r.id = ?",
        )?;
        let mut rows = statement.query([id(digest)])?;
        let Some(row) = rows.next()? else {
            return Ok(Found::None);
        };
        let Some(row) = Answer::read(row) else {
            return Ok(Found::Damaged);
        };
        let sum = checksum(row.digest, row.form, row.expires, row.note, row.value);
        if sum != row.checksum || sum != row.last {
            return Ok(Found::Damaged);
        }
        // Another key with the same first 8 bytes, or a caller whose namespaces do not go into the digests.
        if row.digest != digest || row.namespace != namespace {
            return Ok(Found::None);
        }
        let found = match row.expires {
            Some(expires) if now >= expires + window => return Ok(Found::None),
            Some(expires) if now >= expires => Found::Stale,
            _ => Found::Fresh,
        };
        out.reserve_exact(row.value.len() + 2);
        out.push(row.form);
        out.extend_from_slice(row.value);
        Ok(found)
    }

    /// Returns true if there is an entry under `digest` that has not expired.
    pub fn has(&self, digest: &Digest, now: f64) -> Result<bool> {
        let sql = "SELECT 1 FROM recency r JOIN entries e ON e.id = ifnull(r.row, r.id)
            WHERE r.id = ? AND digest = ? AND e.namespace = ? AND (e.expires IS NULL OR e.expires > ?)";
        let found = self.row(sql, params![id(digest), digest, self.namespace, now], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Runs `work` on one state of the file.
    pub fn read<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.transaction("BEGIN", work)
    }

    /// Stores `puts`, all or none, after noting `uses`; computed ones where the claim of `owner` still holds. Returns which
    /// are stored (one that is larger than the limit alone is not), and how many live entries had to leave.
    pub fn put(
        &self,
        puts: &[Put],
        owner: i64,
        uses: &Uses,
        limits: &DiskLimits,
        now: f64,
    ) -> Result<(Vec<bool>, u64)> {
        self.write(Some((uses, usize::MAX)), |totals| {
            let mut evicted = 0;
            let mut stored = Vec::with_capacity(puts.len());
            for Put { item, ttl, ticket } in puts {
                if let Some(ticket) = *ticket
                    && !self.admits(&item.key, Grant { owner, ticket })?
                {
                    stored.push(false);
                    continue;
                }
                self.delete(id(&item.key), totals)?;
                let fits = item.size() <= limits.max_bytes;
                stored.push(fits);
                // What was computed and is too large keeps its claim: to give it back tells the others not to wait for
                // each other.
                if fits || ticket.is_none() {
                    self.end_claim(id(&item.key))?;
                }
                if fits {
                    evicted += self.make_room(item.size(), limits, totals, now)?;
                    self.insert(item, now + ttl, limits, totals)?;
                }
            }
            Ok((stored, evicted))
        })
    }

    /// Notes the first `most` uses only. Returns whether there are more.
    pub fn note_uses(&self, uses: &Uses, most: usize) -> Result<bool> {
        self.write(Some((uses, most)), |_| Ok(()))?;
        Ok(!uses.is_empty())
    }

    /// Totals, and how many of the entries have expired at `now`. O(that number).
    pub fn figures(&self, now: f64) -> Result<(Totals, u64)> {
        if self.namespace.is_none() {
            return Ok((Totals::default(), 0));
        }
        let sql = "SELECT count(*) FROM recency WHERE namespace = ? AND expires <= ?";
        let expired = self.row(sql, params![self.namespace, now], |row| row.get::<_, i64>(0))?;
        Ok((self.totals()?, expired.unwrap_or(0).cast_unsigned()))
    }

    /// Notes of the entries last used before the tick `before` (0: of all), the last used first, at most `limit`; and
    /// the tick of the last of them, −1 when there are no more.
    pub fn notes(&self, before: i64, limit: u32) -> Result<(Vec<String>, i64)> {
        let mut statement = self.db.prepare_cached(
            "SELECT used, note FROM recency r JOIN entries e ON e.id = ifnull(r.row, r.id)
             WHERE r.namespace = ? AND used < ? ORDER BY used DESC LIMIT ?",
        )?;
        let before = if before == 0 { i64::MAX } else { before };
        let mut rows = statement.query(params![self.namespace, before, limit])?;
        let (mut notes, mut seen, mut cursor) = (Vec::new(), 0, -1);
        while let Some(row) = rows.next()? {
            (seen, cursor) = (seen + 1, row.get(0)?);
            let note: String = row.get(1)?;
            if !note.is_empty() {
                notes.push(note);
            }
        }
        Ok((notes, if seen < limit { -1 } else { cursor }))
    }

    fn insert(
        &self,
        item: &Item<Digest>,
        expires: f64,
        limits: &DiskLimits,
        totals: &mut Totals,
    ) -> Result<()> {
        totals.ticks += 1;
        let row = self.row_at(totals.ticks);
        let expiry = expires.is_finite().then_some(expires);
        let sum = checksum(&item.key, item.form, expiry, item.note.as_bytes(), item.value);
        self.run(
            "INSERT OR REPLACE INTO entries (id, digest, namespace, form, expires, checksum, note, value)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                row,
                item.key,
                self.namespace,
                item.form,
                expiry,
                sum,
                item.note,
                item.value
            ],
        )?;
        totals.entries += 1;
        totals.bytes += item.size();
        let until = expires + limits.stale;
        let size = item.size().cast_signed();
        self.run(
            "INSERT INTO recency (id, namespace, used, expires, until, size, checksum, row)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                id(&item.key),
                self.namespace,
                totals.ticks,
                expiry,
                until.is_finite().then_some(until),
                size,
                sum,
                row
            ],
        )?;
        Ok(())
    }

    /// The row of an entry that is stored at the tick `tick`: behind all others of its namespace.
    fn row_at(&self, tick: i64) -> i64 {
        (self.namespace.unwrap_or(0) << TICK_BITS).wrapping_add(tick)
    }

    fn totals(&self) -> Result<Totals> {
        let sql = "SELECT entries, bytes, ticks FROM namespaces WHERE id = ?";
        let totals = self.row(sql, [self.namespace], |row| {
            Ok(Totals {
                entries: row.get::<_, i64>(0)?.max(0).cast_unsigned(),
                bytes: row.get::<_, i64>(1)?.max(0).cast_unsigned(),
                ticks: row.get(2)?,
            })
        })?;
        totals.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// Runs `work` on the totals as the only writer, after noting the first so many of some uses.
    pub fn write<T>(
        &self,
        uses: Option<(&Uses, usize)>,
        work: impl FnOnce(&mut Totals) -> Result<T>,
    ) -> Result<T> {
        let mut noted = Vec::new();
        let result = self.transaction("BEGIN IMMEDIATE", || {
            let mut totals = self.totals()?;
            let before = totals;
            if let Some((uses, most)) = uses {
                noted = uses.take(most);
                self.note(&noted, &mut totals)?;
            }
            let result = work(&mut totals)?;
            if totals != before {
                let sql = "UPDATE namespaces SET entries = ?, bytes = ?, ticks = ? WHERE id = ?";
                let (entries, bytes) = (totals.entries.cast_signed(), totals.bytes.cast_signed());
                self.run(sql, params![entries, bytes, totals.ticks, self.namespace])?;
            }
            Ok(result)
        });
        if let (Err(_), Some((uses, _))) = (&result, uses) {
            uses.put_back(noted);
        }
        result
    }

    /// Notes uses. The last of several uses of a row is the one that counts.
    fn note(&self, uses: &[i64], totals: &mut Totals) -> Result<()> {
        let last: HashMap<i64, usize> = uses.iter().enumerate().map(|(at, row)| (*row, at)).collect();
        for (_, row) in uses.iter().enumerate().filter(|(at, row)| last[*row] == *at) {
            totals.ticks += 1;
            let sql = "UPDATE recency SET used = ? WHERE id = ? AND namespace = ?";
            self.run(sql, params![totals.ticks, row, self.namespace])?;
        }
        Ok(())
    }

    fn transaction<T>(&self, begin: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.db.is_autocommit() {
            // A panic ended the one before.
            self.run("ROLLBACK", [])?;
        }
        self.run(begin, [])?;
        let result = work().and_then(|result| self.run("COMMIT", []).map(|_| result));
        if result.is_err() && !self.db.is_autocommit() {
            // Of the two failures the first is the one to tell of.
            let _ = self.run("ROLLBACK", []);
        }
        result
    }

    pub fn run(&self, sql: &str, values: impl Params) -> Result<usize> {
        self.db.prepare_cached(sql)?.execute(values)
    }

    pub fn row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row) -> Result<T>,
    ) -> Result<Option<T>> {
        self.db.prepare_cached(sql)?.query_row(values, read).optional()
    }
}

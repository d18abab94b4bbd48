//! Calls that reach the file: once more after it was set aside as damaged, removed or replaced.

use std::path::Path;

use super::error::Trouble;
use super::open::{self, Again, Opened};
use super::store::Store;
use super::{DiskCache, DiskError};

/// Milliseconds between two looks at the file under the path while nothing is written.
const LOOK_EVERY: f64 = 1000.0;

impl DiskCache {
    /// Runs `work`, a transaction that writes about `pages` pages.
    ///
    /// Afterwards the file under the path is compared with the one that was written. So no write is acknowledged that
    /// went to a file which was removed or replaced: it is done again in the file that is there then.
    pub(super) fn write<T>(
        &mut self,
        pages: u64,
        now: f64,
        work: impl FnMut(&Store) -> rusqlite::Result<T>,
    ) -> Result<T, DiskError> {
        if self.read_only() {
            return Err(DiskError::ReadOnly {
                file: self.maintenance.path.clone(),
            });
        }
        let result = self.attempt(now, work, Opened::confirm);
        self.busy = matches!(result, Err(DiskError::Busy { .. }));
        if self.busy {
            tracing::warn!(target: "ai_evals::cache", file = %self.maintenance.path.display(), "a cache file was locked for too long");
        }
        if result.is_ok() {
            self.wrote(pages, now);
        }
        result
    }

    /// Counts pages that were written; moves the log into the file where that is not done fast enough in the background.
    pub(super) fn wrote(&self, pages: u64, now: f64) {
        if let Some(opened) = &self.opened
            && self.maintenance.wrote(pages, now, opened.identity)
        {
            self.maintenance.catch_up(&opened.store.db);
        }
    }

    /// Runs `work`, which reads.
    pub(super) fn read<T>(
        &mut self,
        now: f64,
        work: impl FnMut(&Store) -> rusqlite::Result<T>,
    ) -> Result<T, DiskError> {
        // Also when the clock goes back.
        let is_due = (now - self.looked).abs() >= LOOK_EVERY;
        if is_due {
            self.looked = now;
        }
        self.attempt(
            now,
            work,
            |opened, path| {
                if is_due { opened.confirm(path) } else { Ok(()) }
            },
        )
    }

    /// Runs `work`, and once more where it met damage or its file does not stand up to `confirm`.
    fn attempt<T>(
        &mut self,
        now: f64,
        mut work: impl FnMut(&Store) -> rusqlite::Result<T>,
        confirm: impl Fn(&Opened, &Path) -> Result<(), Trouble>,
    ) -> Result<T, DiskError> {
        let why = match self.once(now, &mut work, &confirm)? {
            Ok(result) => return Ok(result),
            Err(why) => why,
        };
        let Some(before) = self.opened.take() else {
            return Err(self.failed("it was lost"));
        };
        let path = &self.maintenance.path;
        match &why {
            Again::Damaged(reason) => {
                tracing::warn!(target: "ai_evals::cache", file = %path.display(), reason, "a cache file was damaged");
            }
            Again::Moved => {
                tracing::info!(target: "ai_evals::cache", file = %path.display(), "a cache file was replaced or removed");
            }
        }
        let opened = open::open_again(before, &why, path, &self.namespace, now, &mut self.notices)?;
        self.opened = Some(opened);
        self.maintain()?;
        self.once(now, &mut work, &confirm)?.map_err(|why| match why {
            Again::Damaged(reason) => self.failed(&reason),
            Again::Moved => self.failed("it keeps being replaced"),
        })
    }

    fn once<T>(
        &mut self,
        now: f64,
        work: &mut impl FnMut(&Store) -> rusqlite::Result<T>,
        confirm: &impl Fn(&Opened, &Path) -> Result<(), Trouble>,
    ) -> Result<Result<T, Again>, DiskError> {
        let path = &self.maintenance.path;
        if self.opened.is_none() {
            self.opened = Some(open::open(path, &self.namespace, now, &mut self.notices)?);
            self.maintain()?;
        }
        let path = &self.maintenance.path;
        let Some(opened) = &self.opened else {
            return Err(self.failed("it was lost"));
        };
        let result = work(&opened.store).map_err(|error| Trouble::of(&error, path));
        match result.and_then(|result| confirm(opened, path).map(|()| result)) {
            Ok(result) => Ok(Ok(result)),
            Err(Trouble::Failed(error)) => Err(error),
            Err(Trouble::Moved) => Ok(Err(Again::Moved)),
            // What can only be read may have been read while others, who can, wrote it.
            Err(Trouble::Damaged(_)) if opened.read_only => Ok(Err(Again::Moved)),
            Err(Trouble::Damaged(reason)) => Ok(Err(Again::Damaged(reason))),
        }
    }

    /// Starts the background work on what was opened to be written.
    pub(super) fn maintain(&self) -> Result<(), DiskError> {
        let Some(opened) = self.opened.as_ref().filter(|opened| !opened.read_only) else {
            return Ok(());
        };
        self.maintenance.wrote(0, f64::MIN, opened.identity);
        let started = self.maintenance.start(&opened.store.db);
        started.map_err(|error| self.failed(&error.to_string()))
    }

    fn failed(&self, reason: &str) -> DiskError {
        DiskError::Io {
            file: self.maintenance.path.clone(),
            reason: reason.to_owned(),
        }
    }
}

//! How a call reaches the file: once more after it was set aside as damaged, replaced, or could not be opened.

use super::error::Trouble;
use super::open::{self, Damage, identity};
use super::{DiskCache, DiskError};

/// How often the file under the path is compared with the one that is open, in ms.
const LOOK_EVERY: f64 = 1000.0;

impl DiskCache {
    /// Runs `work`, a transaction that writes.
    pub(super) fn write<T>(
        &mut self,
        now: f64,
        work: impl FnMut(&Self) -> rusqlite::Result<T>,
    ) -> Result<T, DiskError> {
        if self.opened.read_only {
            self.look_again()?;
        }
        if self.opened.read_only {
            return Err(DiskError::ReadOnly {
                file: self.file.path.clone(),
            });
        }
        self.file.pass_gate();
        let result = self.attempt(now, work);
        self.busy = matches!(result, Err(DiskError::Busy { .. }));
        result
    }

    /// Runs `work` once more if the file had to be set aside or opened again.
    pub(super) fn attempt<T>(
        &mut self,
        now: f64,
        mut work: impl FnMut(&Self) -> rusqlite::Result<T>,
    ) -> Result<T, DiskError> {
        if self.lost {
            self.open_again(None)?;
        }
        // Also when the clock goes back.
        if (now - self.looked).abs() >= LOOK_EVERY {
            self.looked = now;
            let there = identity(&self.file.path).ok().flatten();
            if there != Some(self.opened.identity) {
                self.open_again(None)?;
            } else if self.opened.read_only {
                self.look_again()?;
            }
        }
        let damage = match self.outcome(work(self)) {
            Ok(result) => return Ok(result),
            Err(Trouble::Failed(error)) => return Err(error),
            Err(Trouble::Moved) => None,
            // What can only be read may have been read while others, who can, wrote it.
            Err(Trouble::Damaged(_)) if self.opened.read_only => None,
            Err(Trouble::Damaged(reason)) => Some(Damage {
                identity: self.opened.identity,
                reason,
            }),
        };
        self.open_again(damage)?;
        self.outcome(work(self)).map_err(|trouble| match trouble {
            Trouble::Failed(error) => error,
            Trouble::Damaged(reason) => self.failed(reason),
            Trouble::Moved => self.failed("it keeps being replaced".to_owned()),
        })
    }

    fn outcome<T>(&self, result: rusqlite::Result<T>) -> Result<T, Trouble> {
        result.map_err(|error| Trouble::of(&error, &self.file.path))
    }

    fn failed(&self, reason: String) -> DiskError {
        DiskError::Io {
            file: self.file.path.clone(),
            reason,
        }
    }

    /// Opens what could only be read anew: somebody may have made it writable. If that is not possible, what is open stays.
    fn look_again(&mut self) -> Result<(), DiskError> {
        let path = &self.file.path;
        if let Ok(opened) = open::open(path, &self.namespace, None, self.looked, &mut self.notices) {
            self.opened = opened;
            self.keep()?;
        }
        Ok(())
    }

    fn open_again(&mut self, damage: Option<Damage>) -> Result<(), DiskError> {
        self.lost = true;
        // Closed first: some systems rename no open file.
        if let Ok(nothing) = rusqlite::Connection::open_in_memory() {
            self.opened.store.db = nothing;
        }
        let path = &self.file.path;
        self.opened = open::open(path, &self.namespace, damage, self.looked, &mut self.notices)?;
        self.lost = false;
        self.keep()
    }

    pub(super) fn keep(&mut self) -> Result<(), DiskError> {
        if self.opened.read_only {
            return Ok(());
        }
        let kept = self.file.keep(&self.opened.store.db);
        self.outcome(kept).map_err(|trouble| match trouble {
            Trouble::Failed(error) => error,
            Trouble::Damaged(_) | Trouble::Moved => self.failed("it was damaged as it was opened".to_owned()),
        })
    }
}

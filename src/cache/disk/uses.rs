//! Uses of entries that are kept in memory until the next write notes them in the file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Uses after which the background thread is asked to note them.
pub const MANY: usize = 1000;
/// Most uses kept. Beyond, the oldest half is dropped: nobody could write for so long that it does not matter.
const MOST: usize = 100 * MANY;

/// Rows in the order of their uses, of all handles of one namespace in this process.
///
/// Drained only inside a write transaction: so the file gets them in order, and before what is written next.
#[derive(Clone, Debug, Default)]
pub struct Uses(Arc<Mutex<Vec<i64>>>);

impl Uses {
    /// Adds a use of the row `id`. Returns whether another [`MANY`] have come together.
    pub fn add(&self, id: i64) -> bool {
        let mut rows = self.locked();
        rows.push(id);
        let many = rows.len().is_multiple_of(MANY);
        if rows.len() > MOST {
            rows.drain(..MOST / 2);
        }
        many
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.locked().is_empty()
    }

    /// Takes the first `most` uses out.
    pub fn take(&self, most: usize) -> Vec<i64> {
        let mut rows = self.locked();
        let some = most.min(rows.len());
        rows.drain(..some).collect()
    }

    /// Puts uses back that were taken and could not be noted.
    pub fn put_back(&self, taken: Vec<i64>) {
        self.locked().splice(0..0, taken);
    }

    /// The list is consistent whatever happened to its last holder.
    fn locked(&self) -> MutexGuard<'_, Vec<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Interruption of a long computation, and the other reason why a pair has no score: it is too large.

use std::sync::atomic::{AtomicBool, Ordering};

/// The reason why a pair was not scored.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Stop {
    /// The batch was aborted.
    #[error("the batch was aborted")]
    Interrupted,
    /// The pair takes more work than `maxCells` allows.
    #[error(
        "the texts take {cells:.0} cells of work, more than maxCells allows ({limit:.0}); \
         score shorter texts or raise maxCells"
    )]
    TooLarge {
        /// Cells of the table that the pair needs.
        cells: f64,
        /// The bound it exceeds.
        limit: f64,
    },
    /// The validation by a schema takes more steps than one that ends, or nests too deep.
    #[error(
        "the validation takes more than {steps} steps or {frames} nested subschemas; simplify the schema"
    )]
    Exhausted {
        /// Subschemas that a validation may apply.
        steps: u64,
        /// Subschemas that may be applied within one another.
        frames: usize,
    },
}

/// A flag that another thread raises to end a computation early.
#[derive(Debug, Clone, Copy)]
pub struct Interrupt<'a>(&'a AtomicBool);

impl<'a> Interrupt<'a> {
    /// An interrupt that happens when `flag` becomes true.
    pub fn new(flag: &'a AtomicBool) -> Self {
        Self(flag)
    }

    /// An interrupt that never happens.
    pub fn never() -> Interrupt<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Interrupt(&NEVER)
    }

    /// Ends the computation if the flag is up. Loops call it at least once a millisecond of work.
    ///
    /// # Errors
    /// [`Stop::Interrupted`].
    pub fn check(self) -> Result<(), Stop> {
        if self.0.load(Ordering::Relaxed) {
            Err(Stop::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// Refuses a table of `rows` × `columns` cells if that is more than `limit`.
///
/// # Errors
/// [`Stop::TooLarge`].
pub fn within_cells(rows: usize, columns: usize, limit: f64) -> Result<(), Stop> {
    let cells = rows as f64 * columns as f64;
    if cells > limit {
        Err(Stop::TooLarge { cells, limit })
    } else {
        Ok(())
    }
}

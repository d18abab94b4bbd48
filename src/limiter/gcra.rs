//! The pace guard. These are own lines, because governor's rate limiter breaks four promises: it cannot take back a grant that
//! was not used, cannot refund a part of an estimate, refuses a weight beyond its burst, and forgets what has started when its
//! quota changes.

use super::Nanos;

/// Generic cell rate algorithm (ITU-T I.371, "virtual scheduling"): one number per dimension.
///
/// A weight `w` moves the theoretical arrival time (TAT) on by its cost, `w × window / limit`. A provider that judges
/// slices lets through what keeps the TAT within one slice from now. Here half of what a start leaves of its slice is kept
/// for what a network bunches up; the other half makes good for timers that fire late. A start that costs more than a
/// slice waits for the TAT. All calls O(1).
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// Nanoseconds; a float, because a unit may take less than one.
    tat: f64,
}

impl Pace {
    /// The earliest time at which `weight` may start.
    pub fn earliest(&self, weight: u64, per_unit: f64, slice: f64) -> Nanos {
        let left = slice - weight as f64 * per_unit;
        (self.tat - left.max(0.0) / 2.0).max(0.0).ceil() as Nanos
    }

    /// Books a start at `now`.
    pub fn take(&mut self, weight: u64, per_unit: f64, now: Nanos) {
        self.tat = self.tat.max(now as f64) + weight as f64 * per_unit;
    }

    /// Corrects a booking by `delta` units (negative: a refund).
    pub fn correct(&mut self, delta: f64, per_unit: f64) {
        self.tat += delta * per_unit;
    }
}

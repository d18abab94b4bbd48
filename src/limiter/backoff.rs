//! Exponential backoff with full jitter.

/// A wait after a failure. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base_delay: f64,
    /// Upper bound of every wait.
    pub max_delay: f64,
    /// Time without any success after which refusals are not waited for any more.
    pub max_wait: f64,
}

impl Backoff {
    /// A uniform share (`random`, 0–1) of `base × 2^(failures − 1)`, capped. Clients that failed together then come back
    /// apart (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).
    pub fn delay(&self, failures: u32, random: f64) -> f64 {
        let ceiling = self.base_delay * f64::from(failures.saturating_sub(1).min(60)).exp2();
        random * ceiling.min(self.max_delay)
    }
}

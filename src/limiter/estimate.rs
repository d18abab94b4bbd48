//! The probable weight of a call of unknown size: a running quantile of the latest calls.

use std::collections::VecDeque;

/// Calls remembered.
const MEMORY: usize = 128;

/// The 95th percentile (nearest rank) and the maximum of the last 128 observations, exactly. Recording costs a binary
/// search and a move within 1 KB, nothing when the observation equals the one it replaces; reading is O(1).
#[derive(Debug, Clone, Default)]
pub struct Estimator {
    recent: VecDeque<u64>,
    sorted: Vec<u64>,
}

impl Estimator {
    /// Takes an observation into account.
    pub fn record(&mut self, value: u64) {
        if self.recent.len() == MEMORY {
            if let Some(oldest) = self.recent.pop_front() {
                self.recent.push_back(value);
                if oldest == value {
                    return;
                }
                let at = self.sorted.partition_point(|&seen| seen < oldest);
                self.sorted.remove(at);
            }
        } else {
            self.recent.push_back(value);
        }
        let at = self.sorted.partition_point(|&seen| seen < value);
        self.sorted.insert(at, value);
    }

    /// The 95th percentile; `None` when nothing was observed.
    pub fn p95(&self) -> Option<u64> {
        let rank = (self.sorted.len() * 95).div_ceil(100);
        rank.checked_sub(1).map(|index| self.sorted[index])
    }

    /// The distance of the maximum above the percentile.
    pub fn overrun(&self) -> u64 {
        self.sorted.last().map_or(0, |max| max - self.p95().unwrap_or(0))
    }
}

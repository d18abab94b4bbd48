//! Repeating calls that a deadlock or a lost connection ended.
//!
//! [`reading!`] and [`writing!`] are macros because a closure that borrows both the store and its session cannot be proved
//! `Send` for every lifetime.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::error::Result;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The attempts of one call.
pub struct Attempts {
    deadline: Instant,
    pause: Duration,
}

impl Attempts {
    /// Begins with attempts that may go on for `limit`.
    pub fn within(limit: Duration) -> Self {
        Self {
            deadline: Instant::now() + limit,
            pause: FIRST_PAUSE,
        }
    }

    /// Ends with an outcome, or goes on after a pause.
    pub async fn settle<T>(&mut self, outcome: Result<T>) -> ControlFlow<Result<T>> {
        match outcome {
            Err(error) if error.transient && Instant::now() + self.pause < self.deadline => {
                tracing::warn!(target: "ai_evals::store", error = %error.message, "retry");
                tokio::time::sleep(self.pause).await;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                ControlFlow::Continue(())
            }
            outcome => ControlFlow::Break(outcome),
        }
    }
}

/// Runs an expression with a connection to read with. Returns its `Result`.
macro_rules! reading {
    ($store:expr, $session:ident => $work:expr) => {{
        let store = $store;
        let _call = store.enter().await?;
        let mut attempts = store.attempts();
        loop {
            let outcome = match store.reader().await {
                Ok(mut held) => {
                    let $session = &mut held;
                    async { $work }.await
                }
                Err(error) => Err(error),
            };
            if let std::ops::ControlFlow::Break(outcome) = attempts.settle(outcome).await {
                break outcome;
            }
        }
    }};
}

/// Runs an expression in a transaction, which is committed unless it fails. Returns its `Result`.
macro_rules! writing {
    ($store:expr, $session:ident => $work:expr) => {{
        let store = $store;
        let _call = store.enter().await?;
        let mut attempts = store.attempts();
        loop {
            let outcome = match store.transaction().await {
                Ok(mut held) => {
                    let outcome = {
                        let $session = &mut held;
                        async { $work }.await
                    };
                    held.settle(outcome).await
                }
                Err(error) => Err(error),
            };
            if let std::ops::ControlFlow::Break(outcome) = attempts.settle(outcome).await {
                break outcome;
            }
        }
    }};
}

pub(super) use {reading, writing};

//! The needs of a suite, before it runs.

/// A suite and what it runs under. Durations in milliseconds; infinity is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// Calls.
    pub tasks: f64,
    /// Slots.
    pub concurrency: f64,
    /// Mean time of a call.
    pub latency: f64,
    /// Calls per window.
    pub requests: f64,
    /// Tokens per window.
    pub tokens: f64,
    /// Mean tokens of a call.
    pub tokens_per_task: f64,
    /// The window.
    pub window: f64,
    /// Starts are spread evenly.
    pub smooth: bool,
}

/// Calls that fit into one window: `min(requests, tokens / tokens per call)`, at least one (a call larger than the limit
/// runs alone).
pub fn calls_per_window(requests: f64, tokens: f64, tokens_per_task: f64) -> f64 {
    let by_tokens = if tokens_per_task > 0.0 {
        (tokens / tokens_per_task).floor().max(1.0)
    } else {
        f64::INFINITY
    };
    requests.max(1.0).floor().min(by_tokens)
}

/// Little's law, `L = λ W`: the calls in flight that use a limit to the full are the calls started per millisecond times
/// the milliseconds each takes, rounded up. (J. D. C. Little, "A Proof for the Queuing Formula L = λW", 1961.)
pub fn concurrency(requests: f64, tokens: f64, tokens_per_task: f64, latency: f64, window: f64) -> f64 {
    let by_tokens = if tokens_per_task > 0.0 {
        tokens / tokens_per_task
    } else {
        f64::INFINITY
    };
    let in_flight = requests.min(by_tokens) / window * latency;
    // A product that is a whole number but for its last bit is that number.
    (in_flight - 1e-9).ceil().max(1.0)
}

/// The time a suite takes: the longer of what the slots and what the limits allow.
///
/// - slots: `ceil(tasks / concurrency) × latency`;
/// - limits, burst: `floor((tasks − 1) / per window)` windows pass before the last call starts, then its latency;
/// - limits, smooth: the last call starts after `(tasks − 1) × window / per window`.
pub fn duration(suite: &Suite) -> f64 {
    if suite.tasks <= 0.0 {
        return 0.0;
    }
    let by_slots = (suite.tasks / suite.concurrency).ceil().max(1.0) * suite.latency;
    let per_window = calls_per_window(suite.requests, suite.tokens, suite.tokens_per_task);
    let before_last = suite.tasks - 1.0;
    let windows = match (per_window.is_finite(), suite.smooth) {
        (false, _) => 0.0,
        (true, true) => before_last / per_window,
        (true, false) => (before_last / per_window).floor(),
    };
    by_slots.max(windows * suite.window + suite.latency)
}

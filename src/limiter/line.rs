//! A queue under its budget.

use super::{Budget, Entry, Measure, Nanos, Queue, Size, Ticket, Verdict};

/// The number of stretches of alike tasks behind a blocked head that are looked at for one that may overtake it.
const LOOK_BEHIND: usize = 32;

/// The head of the line waits for a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The earliest time at which it may start if nothing is given back before.
    pub until: Nanos,
    /// The limit it waits for.
    pub measure: Measure,
    /// The first report of this wait; a wait ends when the head starts.
    pub fresh: bool,
    /// The provider refused calls, or said when to come back.
    pub refused: bool,
    /// The run of the task that waits.
    pub run: u32,
}

/// The answer of a line that is asked for the next start.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// This task starts now; its ticket is taken. `oversized`: it is larger than a limit and has the window for itself.
    Start {
        /// The task.
        entry: Entry,
        /// Its place in the budget.
        ticket: Ticket,
        /// Larger than a limit.
        oversized: Option<Measure>,
    },
    /// This task can never start: its quota is gone until then.
    Exhausted {
        /// The task, removed from the queue.
        entry: Entry,
        /// The time at which the quota is renewed.
        until: Nanos,
    },
    /// Nothing starts before then.
    Blocked(Wait),
    /// Ask again when the starts granted so far are stamped.
    AfterStamp,
    /// Ask again when a call under way has ended.
    AfterProbe,
    /// This task is not started any more: the provider has refused every call for too long.
    GivenUp {
        /// The task, removed from the queue.
        entry: Entry,
    },
    /// Nothing waits.
    Empty,
}

/// The tasks of one key and what they may spend. A task behind a blocked head overtakes it only when the head then still
/// starts at the time it would have.
#[derive(Debug, Clone)]
pub struct Line {
    /// Decides what may start.
    pub budget: Budget,
    /// Tasks that wait.
    pub queue: Queue,
    waiting: bool,
}

impl Line {
    /// A line without tasks.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            queue: Queue::default(),
            waiting: false,
        }
    }

    /// The next start, if `free` slots (at least one) are there to run it. O(log n); O(cells) when blocked.
    pub fn step(&mut self, now: Nanos, free: usize) -> Step {
        let Some(head) = self.queue.head() else {
            self.waiting = false;
            return Step::Empty;
        };
        self.budget.expire(now);
        let (weights, headroom, basis) = self.budget.weigh(head.size);
        match self.budget.verdict(&weights, &headroom, now) {
            Verdict::Now => {
                let oversized = |d: (usize, &super::Dimension)| d.1.is_oversized(weights[d.0]);
                let oversized = self
                    .budget
                    .dimensions()
                    .iter()
                    .enumerate()
                    .find(|d| oversized(*d));
                let oversized = oversized.map(|(_, dimension)| dimension.measure);
                self.waiting = false;
                self.queue.pop();
                let ticket = self.budget.take(weights, basis, now);
                Step::Start {
                    entry: head,
                    ticket,
                    oversized,
                }
            }
            Verdict::Exhausted { until } => {
                self.queue.pop();
                Step::Exhausted { entry: head, until }
            }
            Verdict::GivenUp => {
                self.queue.pop();
                Step::GivenUp { entry: head }
            }
            Verdict::AfterProbe => Step::AfterProbe,
            Verdict::AfterStamp => Step::AfterStamp,
            Verdict::At { at, measure, refused } => {
                if free > 1
                    && let Some(step) = self.overtake(&self.budget.slack(&weights, &headroom, at), now)
                {
                    return step;
                }
                let fresh = !self.waiting;
                self.waiting = true;
                Step::Blocked(Wait {
                    until: at,
                    measure,
                    fresh,
                    refused,
                    run: head.run,
                })
            }
        }
    }

    /// The wait just reported was passed on to nobody: the next report of it is fresh again.
    pub fn forget_wait(&mut self) {
        self.waiting = false;
    }

    /// A start right now, past the queue only when nothing waits in it; `None` when it would have to wait.
    pub fn start_now(&mut self, size: Size, now: Nanos) -> Option<Ticket> {
        if !self.queue.is_empty() {
            return None;
        }
        self.budget.expire(now);
        let (weights, headroom, basis) = self.budget.weigh(size);
        let verdict = self.budget.verdict(&weights, &headroom, now);
        (verdict == Verdict::Now).then(|| self.budget.take(weights, basis, now))
    }

    /// The time at which the last task of the queue may start, as far as limits decide; `None` when nothing waits. Takes the tasks
    /// behind the head to be as large as it is. O(cells).
    pub fn last_start(&self, now: Nanos) -> Option<Nanos> {
        let head = self.queue.head()?;
        let (weights, ..) = self.budget.weigh(head.size);
        Some(self.budget.when_last(&weights, self.queue.len(), now))
    }

    /// Starts a task from behind the head that takes no more than `slack`.
    fn overtake(&mut self, slack: &super::Weights, now: Nanos) -> Option<Step> {
        let fitting = self.queue.behind_head(LOOK_BEHIND).find_map(|(place, entry)| {
            let (weights, headroom, basis) = self.budget.weigh(entry.size);
            let small = weights.iter().zip(slack).all(|(weight, slack)| weight <= slack);
            let now = small && self.budget.verdict(&weights, &headroom, now) == Verdict::Now;
            now.then_some((place, weights, basis))
        });
        let (place, weights, basis) = fitting?;
        let entry = self.queue.take_first_of(place)?;
        let ticket = self.budget.take(weights, basis, now);
        Some(Step::Start {
            entry,
            ticket,
            oversized: None,
        })
    }
}

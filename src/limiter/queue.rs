//! Tasks that wait for one budget.

use std::collections::{BTreeMap, VecDeque};

use super::{Nanos, Usage};

/// The tokens that a call is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    input: u64,
    output: u64,
    requests: u64,
}

impl Size {
    /// Unknown: estimated from past calls when its turn comes.
    pub const UNKNOWN: Self = Self {
        input: u64::MAX,
        output: u64::MAX,
        requests: 1,
    };

    /// One call of known size.
    pub fn tokens(input: u64, output: u64) -> Self {
        Self {
            input,
            output,
            requests: 1,
        }
    }

    /// Several calls at once.
    #[must_use]
    pub fn calls(self, requests: u64) -> Self {
        Self { requests, ..self }
    }

    /// Calls.
    pub fn requests(self) -> u64 {
        self.requests
    }

    /// The tokens, unless unknown.
    pub fn usage(self) -> Option<Usage> {
        (self.input != u64::MAX).then_some(Usage {
            requests: self.requests,
            input: self.input,
            output: self.output,
            cached_input: 0,
        })
    }
}

/// A task that waits: the `index`-th of `run`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// The run it belongs to.
    pub run: u32,
    /// The task's number in its run.
    pub index: u64,
    /// Expected tokens.
    pub size: Size,
    /// Attempts made before.
    pub attempts: u32,
    /// Priority: any number but NaN.
    pub priority: f64,
    /// Nanoseconds an attempt may take; 0: what the executor says.
    pub timeout: Nanos,
    /// Attempts in all; 0: what the executor says.
    pub max_attempts: u32,
}

impl Entry {
    /// A new task of one run, without wishes of its own.
    pub fn new(run: u32, index: u64, size: Size) -> Self {
        Self {
            run,
            index,
            size,
            attempts: 0,
            priority: 0.0,
            timeout: 0,
            max_attempts: 0,
        }
    }
}

/// Tasks of consecutive index that are alike in everything else.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: Entry,
    count: u64,
}

/// A task's place in line: smaller is sooner. A unit of priority is worth [`AGEING`] of waiting, so a task of low priority
/// overtakes every task that comes later than that. Order never changes, so nothing is ever re-sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Waiting that the task is ahead by, in order.
    score: i64,
    /// Its priority, in order: decides where a score has no room for both.
    priority: i64,
    sequence: u64,
}

/// A number as an integer of the same order; NaN must not come.
fn ordered(value: f64) -> i64 {
    // Negative zero is zero. The bits of floats of one sign are ordered like integers (IEEE 754, totalOrder).
    let bits = (value + 0.0).to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Order: retries first, then by priority with ageing, then first come first served. O(log n) a task, O(1) within a
/// stretch of alike tasks, which takes the memory of one.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    retries: VecDeque<Entry>,
    waiting: BTreeMap<Place, Stretch>,
    last: Option<Place>,
    sequence: u64,
    len: u64,
}

/// Waiting that makes up for one unit of priority.
const AGEING: f64 = 10_000.0 * super::MILLISECOND as f64;

/// The head of a queue, for a comparison with the heads of others: smaller is sooner. `None` is a retry.
pub type HeadPlace = Option<Place>;

impl Queue {
    /// Tasks that wait.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns whether a retry waits: it goes ahead of new work.
    pub fn has_retry(&self) -> bool {
        !self.retries.is_empty()
    }

    /// Adds a new task.
    pub fn push(&mut self, entry: Entry, now: Nanos) {
        self.len += 1;
        let score = ordered(now as f64 / AGEING - entry.priority);
        let priority = ordered(-entry.priority);
        if let Some(last) = self.last
            && let Some(stretch) = self.waiting.get_mut(&last)
        {
            let next = Entry {
                index: stretch.first.index + stretch.count,
                ..stretch.first
            };
            if (last.score, last.priority) == (score, priority) && next == entry {
                stretch.count += 1;
                return;
            }
        }
        let place = Place {
            score,
            priority,
            sequence: self.sequence,
        };
        self.sequence += 1;
        self.waiting.insert(
            place,
            Stretch {
                first: entry,
                count: 1,
            },
        );
        self.last = Some(place);
    }

    /// Puts a task at the front: a retry, or a grant that was not used.
    pub fn push_front(&mut self, entry: Entry) {
        self.len += 1;
        self.retries.push_front(entry);
    }

    /// Puts a retry behind the other retries.
    pub fn push_retry(&mut self, entry: Entry) {
        self.len += 1;
        self.retries.push_back(entry);
    }

    /// The task whose turn it is.
    pub fn head(&self) -> Option<Entry> {
        let waiting = || self.waiting.first_key_value().map(|(_, stretch)| stretch.first);
        self.retries.front().copied().or_else(waiting)
    }

    /// Its place, for a comparison with the heads of other queues.
    pub fn head_place(&self) -> Option<HeadPlace> {
        if self.has_retry() {
            return Some(None);
        }
        self.waiting.first_key_value().map(|(place, _)| Some(*place))
    }

    /// Removes the task whose turn it is.
    pub fn pop(&mut self) -> Option<Entry> {
        if let Some(entry) = self.retries.pop_front() {
            self.len -= 1;
            return Some(entry);
        }
        let place = *self.waiting.first_key_value()?.0;
        self.take_first_of(place)
    }

    /// The first tasks of the stretches behind the head, in order: candidates to overtake it.
    pub fn behind_head(&self, most: usize) -> impl Iterator<Item = (Place, Entry)> {
        // Behind a retry the first new task may overtake; otherwise the head is the first, and alike ones are no smaller.
        let skip = usize::from(self.retries.is_empty());
        self.waiting
            .iter()
            .skip(skip)
            .take(most)
            .map(|(place, stretch)| (*place, stretch.first))
    }

    /// Removes the first task of the stretch at `place`.
    pub fn take_first_of(&mut self, place: Place) -> Option<Entry> {
        let stretch = self.waiting.get_mut(&place)?;
        let entry = stretch.first;
        stretch.count -= 1;
        stretch.first.index += 1;
        if stretch.count == 0 {
            self.waiting.remove(&place);
        }
        self.len -= 1;
        Some(entry)
    }

    /// Removes the tasks of a run; O(n).
    pub fn remove_run(&mut self, run: u32) {
        self.retries.retain(|entry| entry.run != run);
        self.waiting.retain(|_, stretch| stretch.first.run != run);
        self.count();
    }

    /// Moves one task to where it would stand with `priority` had it come now. A retry stays ahead of new work.
    /// O(n) in the stretches. Returns whether it waited.
    pub fn set_priority(&mut self, run: u32, index: u64, priority: f64, now: Nanos) -> bool {
        if let Some(retry) = self
            .retries
            .iter_mut()
            .find(|entry| (entry.run, entry.index) == (run, index))
        {
            retry.priority = priority;
            return true;
        }
        let Some(entry) = self.remove(run, index) else {
            return false;
        };
        self.push(Entry { priority, ..entry }, now);
        true
    }

    /// Removes one task; O(n) in the stretches. Returns it if it waited.
    pub fn remove(&mut self, run: u32, index: u64) -> Option<Entry> {
        let retry = self
            .retries
            .iter()
            .position(|entry| (entry.run, entry.index) == (run, index));
        if let Some(entry) = retry.and_then(|at| self.retries.remove(at)) {
            self.len -= 1;
            return Some(entry);
        }
        let found = self
            .waiting
            .iter()
            .find(|(_, s)| s.first.run == run && (s.first.index..s.first.index + s.count).contains(&index))
            .map(|(place, stretch)| (*place, *stretch));
        found.map(|(place, stretch)| {
            let (ahead, behind) = (
                index - stretch.first.index,
                stretch.first.index + stretch.count - 1 - index,
            );
            self.waiting.remove(&place);
            if ahead > 0 {
                self.waiting.insert(
                    place,
                    Stretch {
                        count: ahead,
                        ..stretch
                    },
                );
            }
            if behind > 0 {
                // Behind what was ahead of it, ahead of everything that came later.
                self.split_in(
                    place,
                    Stretch {
                        first: Entry {
                            index: index + 1,
                            ..stretch.first
                        },
                        count: behind,
                    },
                );
            }
            self.len -= 1;
            Entry {
                index,
                ..stretch.first
            }
        })
    }

    fn split_in(&mut self, place: Place, stretch: Stretch) {
        let behind = Place {
            sequence: place.sequence + 1,
            ..place
        };
        let last = Place {
            sequence: u64::MAX,
            ..place
        };
        let later: Vec<_> = self.waiting.range(behind..=last).map(|(p, s)| (*p, *s)).collect();
        for (p, _) in &later {
            self.waiting.remove(p);
        }
        self.last = None;
        for stretch in std::iter::once(stretch).chain(later.into_iter().map(|(_, s)| s)) {
            let place = Place {
                sequence: self.sequence,
                ..place
            };
            self.waiting.insert(place, stretch);
            self.sequence += 1;
        }
    }

    fn count(&mut self) {
        self.len = self.retries.len() as u64 + self.waiting.values().map(|s| s.count).sum::<u64>();
    }
}

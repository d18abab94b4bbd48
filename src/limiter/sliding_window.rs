//! An exact sliding window: the weight that started in it and the weight reserved.

use std::collections::VecDeque;

use super::Nanos;

/// Cells a window is divided into: 20 ms each for a minute.
const CELLS: Nanos = 3000;

/// Starts close together: from the first to the last one less than a cell's width passed.
#[derive(Debug, Clone, Copy)]
struct Cell {
    first: Nanos,
    last: Nanos,
    weight: u64,
}

/// Starts within the last `window` (plus a guard), and reservations that have not started.
///
/// Starts less than 1/3000 of the window apart share a cell, which leaves when its latest start does: starts that are
/// further apart are exact, denser ones are kept up to 1/3000 of the window too long, never too short. At most 3,001 cells
/// (72 KB) however many starts; each start, correction and reading is O(1) amortised, [`SlidingWindow::when_at_most`] O(cells).
#[derive(Debug, Clone)]
pub struct SlidingWindow {
    window: Nanos,
    guard: Nanos,
    cells: VecDeque<Cell>,
    started: u64,
    reserved: u64,
}

impl SlidingWindow {
    /// An empty window. `guard` is added to the window: room for what a network does to the distance of two calls.
    pub fn new(window: Nanos, guard: Nanos) -> Self {
        Self {
            window,
            guard,
            cells: VecDeque::new(),
            started: 0,
            reserved: 0,
        }
    }

    /// Changes the window. What has already left a shorter one does not come back.
    pub fn set_window(&mut self, window: Nanos, guard: Nanos) {
        self.window = window;
        self.guard = guard;
    }

    /// Drops what is older than the window.
    pub fn expire(&mut self, now: Nanos) {
        while let Some(cell) = self.cells.front() {
            if self.leaves_at(cell) > now {
                break;
            }
            self.started -= cell.weight;
            self.cells.pop_front();
        }
    }

    /// Weight in the window as of the last [`SlidingWindow::expire`], reservations included.
    pub fn load(&self) -> u64 {
        self.started + self.reserved
    }

    /// Weight reserved and not yet stamped.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Reserves `weight` for a start to come; it counts from now on and does not age before it is stamped.
    pub fn reserve(&mut self, weight: u64) {
        self.reserved += weight;
    }

    /// Gives a reservation back whole.
    pub fn release(&mut self, weight: u64) {
        self.reserved = self.reserved.saturating_sub(weight);
    }

    /// Turns a reservation into a start at `at`, and returns the time it was booked at (never before the latest start).
    pub fn stamp(&mut self, weight: u64, at: Nanos) -> Nanos {
        self.release(weight);
        self.record(weight, at)
    }

    fn record(&mut self, weight: u64, at: Nanos) -> Nanos {
        let width = self.window / CELLS;
        self.started += weight;
        if let Some(cell) = self.cells.back_mut() {
            let at = at.max(cell.last);
            if at - cell.first < width || at == cell.first {
                cell.last = at;
                cell.weight += weight;
                return at;
            }
            self.cells.push_back(Cell {
                first: at,
                last: at,
                weight,
            });
            return at;
        }
        self.cells.push_back(Cell {
            first: at,
            last: at,
            weight,
        });
        at
    }

    /// Replaces the weight of a start booked at `booked`, in the cell of its start. Nothing happens once it has left.
    pub fn correct(&mut self, booked: Nanos, old: u64, new: u64) {
        if old == new {
            return;
        }
        let after = self.cells.partition_point(|cell| cell.first <= booked);
        if let Some(cell) = after.checked_sub(1).and_then(|at| self.cells.get_mut(at))
            && booked <= cell.last
        {
            let refund = old.min(cell.weight);
            cell.weight = cell.weight - refund + new;
            self.started = self.started - refund + new;
        }
    }

    /// The earliest time at which what has started so far weighs at most `target`.
    pub fn when_at_most(&self, target: u64) -> Nanos {
        let mut left = self.started;
        let mut at = 0;
        for cell in &self.cells {
            if left <= target {
                break;
            }
            left -= cell.weight;
            at = self.leaves_at(cell);
        }
        at
    }

    /// The weight of the starts so far that is still in the window at `at`, reservations included.
    pub fn load_at(&self, at: Nanos) -> u64 {
        let gone: u64 = self
            .cells
            .iter()
            .take_while(|cell| self.leaves_at(cell) <= at)
            .map(|c| c.weight)
            .sum();
        self.started - gone + self.reserved
    }

    /// Forgets every start. Reservations stay: they are about to start.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.started = 0;
    }

    /// Cells in use, at most 3,001.
    pub fn cells(&self) -> usize {
        self.cells.len()
    }

    fn leaves_at(&self, cell: &Cell) -> Nanos {
        cell.last.saturating_add(self.window).saturating_add(self.guard)
    }
}

//! Eviction: the least recently used entry leaves, or the one that `TinyLFU` thinks least useful.
//!
//! Every operation is O(1). A policy's lists hold exactly the live entries.

use super::entry::{Entries, Segment, Slot};
use super::list::{Chain, List};
use super::sketch::FrequencySketch;
use crate::key::Key;

/// The choice of the entry to evict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Exact least recently used.
    Lru,
    /// W-`TinyLFU`: a newcomer replaces an old entry only when it was asked for more often of late.
    TinyLfu,
}

/// The live entries of a cache in the order in which they would leave.
#[derive(Debug)]
pub struct EvictionOrder {
    window: List,
    /// `None` under LRU.
    main: Option<Box<MainSpace>>,
}

/// The main space behind the window of W-`TinyLFU`: a segmented LRU and the frequencies that guard it.
#[derive(Debug)]
struct MainSpace {
    max_entries: usize,
    probation: List,
    protected: List,
    sketch: FrequencySketch,
}

impl MainSpace {
    /// Newcomers: 1 % of the entries, at least one.
    fn window_limit(&self) -> usize {
        (self.max_entries / 100).max(1)
    }

    /// 80 % of the rest.
    fn protected_limit(&self) -> usize {
        (self.max_entries - self.window_limit()) * 4 / 5
    }

    fn count(&mut self, key: Key, live: usize) {
        if live > self.sketch.capacity() {
            // Grown rather than allocated for the maximum: the counts so far are lost, which a warm cache does not notice.
            self.sketch = FrequencySketch::new((self.sketch.capacity() * 4).min(self.max_entries));
        }
        self.sketch.increment(key);
    }
}

impl EvictionOrder {
    pub fn new(policy: Policy, max_entries: usize) -> Self {
        let main = (policy == Policy::TinyLfu).then(|| {
            Box::new(MainSpace {
                max_entries,
                probation: List::new(Chain::Recency),
                protected: List::new(Chain::Recency),
                sketch: FrequencySketch::new(max_entries.min(1024)),
            })
        });
        Self {
            window: List::new(Chain::Recency),
            main,
        }
    }

    /// Enters the new entry `slot`, for which there is room.
    pub fn insert(&mut self, entries: &mut Entries, slot: Slot) {
        let live = self.len() + 1;
        entries[slot].segment = Segment::Window;
        self.window.push_front(entries, slot);
        let Some(main) = &mut self.main else { return };
        main.count(entries[slot].key, live);
        while self.window.len() > main.window_limit() {
            let Some(oldest) = self.window.tail() else { break };
            self.window.remove(entries, oldest);
            entries[oldest].segment = Segment::Probation;
            main.probation.push_front(entries, oldest);
        }
    }

    /// Notes a use of the live entry `slot`.
    #[inline]
    pub fn touch(&mut self, entries: &mut Entries, slot: Slot) {
        let live = self.len();
        let Some(main) = &mut self.main else {
            self.window.touch(entries, slot);
            return;
        };
        main.count(entries[slot].key, live);
        match entries[slot].segment {
            Segment::Window => self.window.touch(entries, slot),
            Segment::Protected => main.protected.touch(entries, slot),
            Segment::Probation => {
                main.probation.remove(entries, slot);
                entries[slot].segment = Segment::Protected;
                main.protected.push_front(entries, slot);
                if main.protected.len() > main.protected_limit()
                    && let Some(demoted) = main.protected.tail()
                {
                    main.protected.remove(entries, demoted);
                    entries[demoted].segment = Segment::Probation;
                    main.probation.push_front(entries, demoted);
                }
            }
            Segment::Expired => {}
        }
    }

    /// Takes the live entry `slot` out.
    pub fn remove(&mut self, entries: &mut Entries, slot: Slot) {
        match (entries[slot].segment, &mut self.main) {
            (Segment::Probation, Some(main)) => main.probation.remove(entries, slot),
            (Segment::Protected, Some(main)) => main.protected.remove(entries, slot),
            (Segment::Window, _) => self.window.remove(entries, slot),
            _ => {}
        }
    }

    /// The entry to give up so that one more fits (or, with `spare`, so that `spare` may stay).
    pub fn victim(&self, entries: &Entries, spare: Option<Slot>) -> Option<Slot> {
        let oldest = |list: &List| list.oldest_first(entries).find(|slot| Some(*slot) != spare);
        let Some(main) = &self.main else {
            return oldest(&self.window);
        };
        let guarded = oldest(&main.probation).or_else(|| oldest(&main.protected));
        let newcomer = oldest(&self.window).filter(|_| self.window.len() >= main.window_limit());
        match (newcomer, guarded) {
            (Some(newcomer), Some(guarded)) => {
                let frequency = |slot: Slot| main.sketch.estimate(entries[slot].key);
                Some(if frequency(newcomer) > frequency(guarded) {
                    guarded
                } else {
                    newcomer
                })
            }
            (None, Some(slot)) | (Some(slot), None) => Some(slot),
            (None, None) => oldest(&self.window),
        }
    }

    /// Number of live entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.window.len()
            + self
                .main
                .as_ref()
                .map_or(0, |main| main.probation.len() + main.protected.len())
    }

    /// Live slots; under LRU from the least to the most recently used.
    pub fn oldest_first<'a>(&self, entries: &'a Entries) -> impl Iterator<Item = Slot> + use<'a> {
        let main = self.main.as_ref().map(|main| {
            main.probation
                .oldest_first(entries)
                .chain(main.protected.oldest_first(entries))
        });
        main.into_iter()
            .flatten()
            .chain(self.window.oldest_first(entries))
    }

    /// Memory beside the entries, in bytes.
    pub fn allocated(&self) -> usize {
        self.main.as_ref().map_or(0, |main| main.sketch.allocated())
    }

    /// Forgets every entry, and the frequencies.
    pub fn clear(&mut self) {
        let policy = if self.main.is_some() {
            Policy::TinyLfu
        } else {
            Policy::Lru
        };
        let max_entries = self.main.as_ref().map_or(0, |main| main.max_entries);
        *self = Self::new(policy, max_entries);
    }
}

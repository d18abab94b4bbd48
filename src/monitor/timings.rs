//! The monitor itself: components, their recordings by segment, baselines.

use super::baseline::{BaselineError, Document, StoredComponent};
use super::bottleneck::{Bottleneck, Figures, Limits, judge};
use super::call_tree::{CallTree, Node};
use super::recording::Recording;
use super::regression::{ROUNDS, Regression, Sample, Thresholds, regressions};
use std::collections::HashMap;

/// Figures per component in [`Monitor::timings`]: component index, calls, total, average, minimum, maximum, p50, p95,
/// p99 and self time.
pub const TIMING_FIELDS: usize = 10;

/// Numbers of a finished call in [`Monitor::record`].
pub const CALL_FIELDS: usize = 4;

/// Calls since a baseline was set are told apart from those before: recordings are cut into segments by epoch.
#[derive(Debug)]
struct Component {
    name: String,
    /// Ascending by epoch (from 1); every one has calls.
    segments: Vec<(u64, Recording)>,
}

impl Component {
    /// What was recorded after `epoch`.
    fn since<R>(&self, epoch: u64, then: impl FnOnce(&Recording) -> R) -> R {
        let before = self
            .segments
            .partition_point(|(of_segment, _)| *of_segment <= epoch);
        joined(&self.segments[before..], then)
    }

    /// Everything that was recorded.
    fn with_all<R>(&self, then: impl FnOnce(&Recording) -> R) -> R {
        joined(&self.segments, then)
    }
}

/// The recording of all `segments`; no copy of it when there is one.
fn joined<R>(segments: &[(u64, Recording)], then: impl FnOnce(&Recording) -> R) -> R {
    if let [(_, only)] = segments {
        return then(only);
    }
    let mut all = Recording::default();
    for (_, segment) in segments {
        all.merge(segment);
    }
    then(&all)
}

#[derive(Debug)]
struct Baseline {
    document: Document,
    /// Its components in their order, ready to be compared.
    samples: Vec<Sample>,
    /// Calls of later epochs came after it.
    epoch: u64,
}

impl Baseline {
    fn new(document: Document, epoch: u64) -> Self {
        let samples = document.components.iter().map(|before| before.sample(ROUNDS));
        Self {
            samples: samples.collect(),
            document,
            epoch,
        }
    }
}

/// Timings by component. Recording a call is O(1); memory is constant per component and path (see the room's page).
#[derive(Debug, Default)]
pub struct Monitor {
    components: Vec<Component>,
    indices: HashMap<String, usize>,
    tree: CallTree,
    /// How many baselines were set so far.
    epoch: u64,
    baselines: HashMap<String, Baseline>,
    /// Figures since the last change: a report asks twice.
    figures: Option<Vec<[f64; TIMING_FIELDS]>>,
}

impl Monitor {
    /// The index of the component `name`, made when it is new.
    pub fn component(&mut self, name: &str) -> usize {
        if let Some(index) = self.indices.get(name) {
            return *index;
        }
        let index = self.components.len();
        self.components.push(Component {
            name: name.to_owned(),
            segments: Vec::new(),
        });
        self.indices.insert(name.to_owned(), index);
        index
    }

    /// The node of `component` below `parent` in the call tree; `None` when either does not exist.
    pub fn node(&mut self, parent: Option<usize>, component: usize) -> Option<usize> {
        let known = parent.is_none_or(|p| p < self.tree.nodes().len()) && component < self.components.len();
        known.then(|| self.tree.node(parent, component))
    }

    /// Records finished calls, [`CALL_FIELDS`] numbers each: node, duration (ms), self time (ms) and what the reference work
    /// took at the time (ms, 0 when unknown). Unknown nodes are ignored.
    pub fn record(&mut self, calls: &[f64]) {
        self.figures = None;
        for call in calls.chunks_exact(CALL_FIELDS) {
            let Some(component) = self.tree.record(call[0] as usize, call[1], call[2]) else {
                continue;
            };
            let segments = &mut self.components[component].segments;
            match segments.last_mut() {
                Some((epoch, recording)) if *epoch == self.epoch + 1 => recording.record(call[1], call[3]),
                _ => {
                    let mut recording = Recording::default();
                    recording.record(call[1], call[3]);
                    segments.push((self.epoch + 1, recording));
                }
            }
        }
    }

    fn own_times(&self) -> Vec<f64> {
        let mut own = vec![0.0; self.components.len()];
        self.tree
            .nodes()
            .iter()
            .for_each(|node| own[node.component] += node.own);
        own
    }

    fn figures(&self, index: usize, own: f64) -> Option<[f64; TIMING_FIELDS]> {
        let component = self.components.get(index)?;
        component.with_all(|recording| {
            let m = recording.moments();
            let [p50, p95, p99] = recording.percentiles([50.0, 95.0, 99.0]);
            let calls = m.count() as f64;
            (m.count() > 0).then(|| {
                [
                    index as f64,
                    calls,
                    m.sum(),
                    m.mean(),
                    m.min(),
                    m.max(),
                    p50,
                    p95,
                    p99,
                    own,
                ]
            })
        })
    }

    /// The figures of one component (see [`TIMING_FIELDS`]); `None` before its first finished call.
    pub fn timing(&self, index: usize) -> Option<[f64; TIMING_FIELDS]> {
        let own = self
            .tree
            .nodes()
            .iter()
            .filter(|n| n.component == index)
            .map(|n| n.own)
            .sum();
        self.figures(index, own)
    }

    /// The figures of every component with finished calls, longest total first.
    pub fn timings(&mut self) -> &[[f64; TIMING_FIELDS]] {
        if self.figures.is_none() {
            let own = self.own_times();
            let mut all: Vec<_> = (0..self.components.len())
                .filter_map(|i| self.figures(i, own[i]))
                .collect();
            all.sort_by(|a, b| b[2].total_cmp(&a[2]));
            self.figures = Some(all);
        }
        self.figures.as_deref().unwrap_or_default()
    }

    /// Components known, with or without calls.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether no component is known.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Every component with finished calls as a [`Bottleneck`], largest share first.
    pub fn bottlenecks(&mut self, critical_ms: f64, critical_percent: f64) -> Vec<Bottleneck> {
        let limits = Limits {
            critical_ms,
            critical_percent,
        };
        self.timings();
        let timings = self.figures.as_deref().unwrap_or_default();
        let everything: f64 = timings.iter().map(|t| t[2]).sum();
        // Already by total, which is by share.
        timings
            .iter()
            .map(|t| {
                let figures = Figures {
                    calls: t[1] as u64,
                    total: t[2],
                    average: t[3],
                    p50: t[6],
                    p99: t[8],
                    own: t[9],
                };
                judge(
                    self.components[t[0] as usize].name.clone(),
                    figures,
                    everything,
                    limits,
                )
            })
            .collect()
    }

    /// The nodes of the call tree, parents before children.
    pub fn tree(&self) -> &[Node] {
        self.tree.nodes()
    }

    /// Keeps what was recorded so far under `id`, in place of an earlier baseline of that id.
    pub fn set_baseline(&mut self, id: String, timestamp: String, total_duration: f64) {
        let own = self.own_times();
        let mut components: Vec<StoredComponent> = self
            .components
            .iter()
            .zip(own)
            .filter(|(component, _)| !component.segments.is_empty())
            .map(|(component, own)| component.with_all(|recording| stored(&component.name, recording, own)))
            .collect();
        components.sort_by(|a, b| a.component.cmp(&b.component));
        let document = Document::new(id.clone(), timestamp, total_duration, components);
        self.epoch += 1;
        self.baselines.insert(id, Baseline::new(document, self.epoch));
        self.join_segments();
    }

    /// A baseline as JSON; `None` when there is none of that id.
    ///
    /// # Errors
    /// Never in practice, see [`Document::to_json`].
    pub fn export_baseline(&self, id: &str) -> Result<Option<String>, BaselineError> {
        self.baselines
            .get(id)
            .map(|baseline| baseline.document.to_json())
            .transpose()
    }

    /// Takes in a baseline that was exported, here or in another process, in place of an earlier one of its id, or under
    /// the id given. Everything recorded here is later than it.
    ///
    /// # Errors
    /// When `json` is not a baseline, damaged, or of a later version.
    pub fn import_baseline(&mut self, json: &str, id: Option<String>) -> Result<&Document, BaselineError> {
        let mut document = Document::parse(json)?;
        let id = id.unwrap_or_else(|| document.id.clone());
        document.id.clone_from(&id);
        self.baselines.remove(&id);
        self.join_segments();
        Ok(&self
            .baselines
            .entry(id)
            .or_insert(Baseline::new(document, 0))
            .document)
    }

    /// Forgets every baseline.
    pub fn clear_baselines(&mut self) {
        self.baselines.clear();
        self.join_segments();
    }

    /// Joins segments that no baseline tells apart any more, so that their number is bounded by the baselines kept.
    fn join_segments(&mut self) {
        let boundaries: Vec<u64> = self.baselines.values().map(|b| b.epoch).collect();
        let apart = |a: u64, b: u64| boundaries.iter().any(|epoch| (a..b).contains(epoch));
        for component in &mut self.components {
            let mut joined: Vec<(u64, Recording)> = Vec::with_capacity(component.segments.len());
            for (epoch, recording) in std::mem::take(&mut component.segments) {
                match joined.last_mut() {
                    Some((last, into)) if !apart(*last, epoch) => {
                        into.merge(&recording);
                        *last = epoch;
                    }
                    _ => joined.push((epoch, recording)),
                }
            }
            component.segments = joined;
        }
    }

    /// What became slower since the baseline `id`: the calls recorded after it was set against those before. `None` when
    /// there is no such baseline. Components that have no calls on one side are not compared.
    pub fn regressions(&self, id: &str, thresholds: Thresholds) -> Option<Vec<Regression>> {
        let baseline = self.baselines.get(id)?;
        let components = baseline.document.components.iter().zip(&baseline.samples);
        let pairs: Vec<_> = components
            .filter_map(|(StoredComponent { component: name, .. }, before)| {
                let component = &self.components[*self.indices.get(name)?];
                Some((name.as_str(), before, component.since(baseline.epoch, Sample::of)))
            })
            .collect();
        Some(regressions(&pairs, thresholds))
    }

    /// Forgets every call; components, paths and baselines stay.
    pub fn reset(&mut self) {
        self.figures = None;
        self.components
            .iter_mut()
            .for_each(|component| component.segments.clear());
        self.tree.reset();
    }
}

fn stored(name: &str, recording: &Recording, own: f64) -> StoredComponent {
    let moments = recording.moments();
    let [p50, p95, p99] = recording.percentiles([50.0, 95.0, 99.0]);
    StoredComponent {
        component: name.to_owned(),
        total_calls: moments.count(),
        total_duration: moments.sum(),
        avg_duration: moments.mean(),
        min_duration: moments.min(),
        max_duration: moments.max(),
        p50_duration: p50,
        p95_duration: p95,
        p99_duration: p99,
        self_duration: own,
        stored: recording.store(),
    }
}

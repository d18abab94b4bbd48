//! The monitor itself: components, their recordings, baselines.

use super::baseline::{BaselineError, Document, StoredComponent};
use super::bottleneck::{Bottleneck, Figures, Limits, judge as judge_bottleneck};
use super::call_tree::{CallTree, Node};
use super::recording::Recording;
use super::regression::{Judgement, ROUNDS, Sample, Thresholds, judge as judge_changes};
use std::collections::HashMap;

/// Figures per component in [`Monitor::timings`]: component index, calls, total, average, minimum, maximum, p50, p95,
/// p99 and self time.
pub const TIMING_FIELDS: usize = 10;

/// Numbers of a finished call in [`Monitor::record`].
pub const CALL_FIELDS: usize = 3;

/// All calls of a component, and those since each baseline.
#[derive(Debug)]
struct Component {
    name: String,
    all: Recording,
    /// The calls after the oldest baseline that was set here, cut where another one was: with the number of the baseline that
    /// each follows, ascending. Every one has calls.
    since: Vec<(u64, Recording)>,
}

impl Component {
    fn record(&mut self, epoch: u64, duration: f64) {
        self.all.record(duration);
        if epoch == 0 {
            return;
        }
        match self.since.last_mut() {
            Some((last, recording)) if *last == epoch => recording.record(duration),
            _ => {
                let mut recording = Recording::default();
                recording.record(duration);
                self.since.push((epoch, recording));
            }
        }
    }

    /// Takes in a reading of the reference work for the calls since the last one.
    fn read_reference(&mut self, reading: f64) {
        self.all.read_reference(reading);
        if let Some((_, recording)) = self.since.last_mut() {
            recording.read_reference(reading);
        }
    }

    /// The calls after the baseline number `epoch`, ready to be compared; no copy of them where no other one was set since.
    fn sample_since(&self, epoch: u64) -> Sample {
        if epoch == 0 {
            return Sample::of(&self.all);
        }
        let before = self.since.partition_point(|(after, _)| *after < epoch);
        match &self.since[before..] {
            [(_, only)] => Sample::of(only),
            parts => {
                let parts: Vec<&Recording> = parts.iter().map(|(_, part)| part).collect();
                Sample::of(&Recording::joined(&parts))
            }
        }
    }

    /// Joins what none of `baselines` tells apart any more, and forgets what none of them is compared with.
    fn join(&mut self, baselines: &[u64]) {
        let apart = |a: u64, b: u64| baselines.iter().any(|epoch| (a + 1..=b).contains(epoch));
        let mut joined: Vec<(u64, Recording)> = Vec::with_capacity(self.since.len());
        for (epoch, recording) in std::mem::take(&mut self.since) {
            match joined.last_mut() {
                Some((last, into)) if !apart(*last, epoch) => {
                    into.merge(&recording);
                    *last = epoch;
                }
                _ if apart(0, epoch) => joined.push((epoch, recording)),
                _ => {}
            }
        }
        self.since = joined;
    }
}

#[derive(Debug)]
struct Baseline {
    document: Document,
    /// Its components in their order, ready to be compared.
    samples: Vec<Sample>,
    /// Its number among those set here, from 1; 0 when it came from elsewhere, before everything recorded here.
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

/// Timings by component. Recording a call is O(1); memory is constant per component and path (see the module's page).
#[derive(Debug, Default)]
pub struct Monitor {
    components: Vec<Component>,
    indices: HashMap<String, usize>,
    tree: CallTree,
    /// Number of baselines set so far.
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
            all: Recording::default(),
            since: Vec::new(),
        });
        self.indices.insert(name.to_owned(), index);
        index
    }

    /// The node of `component` below `parent` in the call tree; `None` when either does not exist.
    pub fn node(&mut self, parent: Option<usize>, component: usize) -> Option<usize> {
        let known = parent.is_none_or(|p| p < self.tree.nodes().len()) && component < self.components.len();
        known.then(|| self.tree.node(parent, component))
    }

    /// Records finished calls, [`CALL_FIELDS`] numbers each: node, duration (ms) and self time (ms). Unknown nodes are ignored.
    pub fn record(&mut self, calls: &[f64]) {
        self.figures = None;
        for [node, duration, own] in calls.as_chunks::<CALL_FIELDS>().0 {
            if let Some(component) = self.tree.record(*node as usize, *duration, *own) {
                self.components[component].record(self.epoch, *duration);
            }
        }
    }

    /// Takes in what the reference work took, ms, for the calls recorded since the last reading; 0 when it is not known. O(components).
    pub fn read_reference(&mut self, reading: f64) {
        for component in &mut self.components {
            component.read_reference(reading);
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
        let recording = &self.components.get(index)?.all;
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

    /// Says if no component is known.
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
                judge_bottleneck(
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
            .filter(|(component, _)| component.all.moments().count() > 0)
            .map(|(component, own)| stored(&component.name, &component.all, own))
            .collect();
        components.sort_by(|a, b| a.component.cmp(&b.component));
        let document = Document::new(id.clone(), timestamp, total_duration, components);
        self.epoch += 1;
        self.baselines.insert(id, Baseline::new(document, self.epoch));
        self.join();
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
    /// Refuses `json` that is not a baseline, is damaged, or is of a later version.
    pub fn import_baseline(&mut self, json: &str, id: Option<String>) -> Result<&Document, BaselineError> {
        let mut document = Document::parse(json)?;
        let id = id.unwrap_or_else(|| document.id.clone());
        document.id.clone_from(&id);
        self.baselines.remove(&id);
        self.join();
        Ok(&self
            .baselines
            .entry(id)
            .or_insert(Baseline::new(document, 0))
            .document)
    }

    /// Forgets every baseline.
    pub fn clear_baselines(&mut self) {
        self.baselines.clear();
        self.join();
    }

    /// Bounds the parts that recordings are cut into by the baselines kept.
    fn join(&mut self) {
        let baselines: Vec<u64> = self.baselines.values().map(|b| b.epoch).collect();
        self.components
            .iter_mut()
            .for_each(|component| component.join(&baselines));
    }

    /// Judges what became slower since the baseline `id`: the calls recorded after it was set against those before. `None` when
    /// there is no such baseline. Components that have no calls on one side are not compared.
    pub fn changes(&self, id: &str, thresholds: Thresholds) -> Option<Judgement> {
        let baseline = self.baselines.get(id)?;
        let components = baseline.document.components.iter().zip(&baseline.samples);
        let pairs: Vec<_> = components
            .filter_map(|(StoredComponent { component: name, .. }, before)| {
                let component = &self.components[*self.indices.get(name)?];
                Some((name.as_str(), before, component.sample_since(baseline.epoch)))
            })
            .collect();
        Some(judge_changes(&pairs, thresholds))
    }

    /// Forgets every call; components, paths and baselines stay.
    pub fn reset(&mut self) {
        self.figures = None;
        for component in &mut self.components {
            component.all = Recording::default();
            component.since.clear();
        }
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

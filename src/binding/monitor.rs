//! Binding of the module `monitor`. Calls come in as one typed array. Figures go out into arrays that the facade allocated, or
//! as one JSON string.

use super::error::{Code, Failure, Result};
use super::number::integer;
use crate::monitor::{CALL_FIELDS, Monitor, Thresholds};
use napi::bindgen_prelude::Float64ArraySlice;
use napi_derive::napi;
use serde::Serialize;
use std::cell::RefCell;

const MAX_INDEX: f64 = u32::MAX as f64;

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Failure::new(Code::Native, error))
}

/// Writes `figures` to the front of `out`.
fn fill(out: &mut Float64ArraySlice, figures: &[f64]) -> Result<()> {
    // SAFETY: the facade passes an array it owns, of memory no other thread sees, and does not touch it during this call.
    let out = unsafe { out.as_mut() };
    let front = out
        .get_mut(..figures.len())
        .ok_or_else(|| Failure::out_of_range("out is too short for the figures"))?;
    front.copy_from_slice(figures);
    Ok(())
}

/// Timings of named components.
#[napi]
pub struct NativeMonitor {
    // Calls from JavaScript never overlap, and none calls back: each borrow ends within its call.
    monitor: RefCell<Monitor>,
}

#[napi]
impl NativeMonitor {
    /// An empty one.
    #[napi(constructor, catch_unwind)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            monitor: RefCell::default(),
        }
    }

    /// The index of the component `name`, made when it is new.
    #[napi(catch_unwind)]
    pub fn component(&self, name: String) -> f64 {
        self.monitor.borrow_mut().component(&name) as f64
    }

    /// The node of `component` below `parent` (−1: the top) in the call tree.
    #[napi(catch_unwind)]
    pub fn node(&self, parent: f64, component: f64) -> Result<f64> {
        let parent = if parent == -1.0 {
            None
        } else {
            Some(integer("parent", parent, 0.0, MAX_INDEX)? as usize)
        };
        let component = integer("component", component, 0.0, MAX_INDEX)? as usize;
        let node = self.monitor.borrow_mut().node(parent, component);
        node.map(|n| n as f64)
            .ok_or_else(|| Failure::out_of_range("no such component or parent node"))
    }

    /// Records the first `calls` finished calls of the batch, three numbers each: node, duration (ms) and self time (ms).
    #[napi(catch_unwind)]
    pub fn record(&self, batch: Float64ArraySlice, calls: f64) -> Result<()> {
        let calls = integer("calls", calls, 0.0, (batch.len() / CALL_FIELDS) as f64)? as usize;
        self.monitor.borrow_mut().record(&batch[..calls * CALL_FIELDS]);
        Ok(())
    }

    /// Takes in what the reference work took, ms, for the calls recorded since the last reading; 0 when it is not known.
    #[napi(catch_unwind)]
    pub fn read_reference(&self, reading: f64) {
        self.monitor.borrow_mut().read_reference(reading);
    }

    /// Writes the figures of one component to `out`; false before its first finished call.
    #[napi(catch_unwind)]
    pub fn timing(&self, component: f64, mut out: Float64ArraySlice) -> Result<bool> {
        let component = integer("component", component, 0.0, MAX_INDEX)? as usize;
        let figures = self.monitor.borrow().timing(component);
        figures.map_or(Ok(false), |figures| fill(&mut out, &figures).map(|()| true))
    }

    /// Writes the figures of all components with calls to `out`, longest total first, and returns how many.
    #[napi(catch_unwind)]
    pub fn timings(&self, mut out: Float64ArraySlice) -> Result<f64> {
        let mut monitor = self.monitor.borrow_mut();
        let timings = monitor.timings();
        fill(&mut out, timings.as_flattened())?;
        Ok(timings.len() as f64)
    }

    /// Every component with calls as a bottleneck, largest share first, as JSON.
    #[napi(catch_unwind)]
    pub fn bottlenecks(&self, critical_ms: f64, critical_percent: f64) -> Result<String> {
        json(
            &self
                .monitor
                .borrow_mut()
                .bottlenecks(critical_ms, critical_percent),
        )
    }

    /// The call tree as rows of component, parent node (−1: the top), calls, total and self time; returns how many nodes
    /// there are, and writes them only if all fit into `out`.
    #[napi(catch_unwind)]
    pub fn tree(&self, mut out: Float64ArraySlice) -> Result<f64> {
        let monitor = self.monitor.borrow();
        let row = |n: &crate::monitor::Node| {
            [
                n.component as f64,
                n.parent.map_or(-1.0, |p| p as f64),
                n.calls as f64,
                n.total,
                n.own,
            ]
        };
        let rows: Vec<[f64; 5]> = monitor.tree().iter().map(row).collect();
        if out.len() >= rows.len() * 5 {
            fill(&mut out, rows.as_flattened())?;
        }
        Ok(rows.len() as f64)
    }

    /// Keeps what was recorded so far as the baseline `id`.
    #[napi(catch_unwind)]
    pub fn set_baseline(&self, id: String, timestamp: String, total_duration: f64) {
        self.monitor
            .borrow_mut()
            .set_baseline(id, timestamp, total_duration);
    }

    /// The baseline `id` as JSON, or null.
    #[napi(catch_unwind)]
    pub fn export_baseline(&self, id: String) -> Result<Option<String>> {
        self.monitor.borrow().export_baseline(&id).map_err(Failure::from)
    }

    /// Takes in an exported baseline, under `id` if given; returns it as JSON.
    #[napi(catch_unwind)]
    pub fn import_baseline(&self, document: String, id: Option<String>) -> Result<String> {
        let mut monitor = self.monitor.borrow_mut();
        let document = monitor.import_baseline(&document, id)?;
        Ok(document.to_json()?)
    }

    /// Forgets every baseline.
    #[napi(catch_unwind)]
    pub fn clear_baselines(&self) {
        self.monitor.borrow_mut().clear_baselines();
    }

    /// The regressions since the baseline `id`, and the changes that cannot be judged, as JSON; null when there is no such
    /// baseline.
    #[napi(catch_unwind)]
    pub fn changes(&self, id: String, critical: f64, major: f64, minor: f64) -> Result<Option<String>> {
        let found = self.monitor.borrow().changes(
            &id,
            Thresholds {
                critical,
                major,
                minor,
            },
        );
        found.as_ref().map(json).transpose()
    }

    /// Forgets every call.
    #[napi(catch_unwind)]
    pub fn reset(&self) {
        self.monitor.borrow_mut().reset();
    }
}

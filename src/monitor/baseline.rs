//! Timings that are kept to compare later ones with, in memory and as a document.

use super::evidence::{Noise, Series};
use super::recording::{Round, Stored};
use super::reference_timing::{ReferenceTiming, VERSION as REFERENCE};
use super::regression::Sample;
use crate::stats::rank_of;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use thiserror::Error;

/// The schema name of the documents, so that no other JSON file is taken for one.
const SCHEMA: &str = "ai-evals/performance-baseline";
/// The version written, and the newest one read.
const VERSION: u32 = 1;

/// Why a document is not a baseline.
#[derive(Debug, Error)]
pub enum BaselineError {
    /// Not JSON, or not this shape.
    #[error("not a saved baseline: {0}")]
    Malformed(String),
    /// Written by a later version of this package.
    #[error(
        "the baseline has schema version {0}, but this version of @aah/ai-evals reads up to {VERSION}: \
         update the package or save the baseline again"
    )]
    Newer(u32),
}

/// Figures of one component, as in `ComponentTiming`. Durations in ms.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredComponent {
    /// Name.
    pub component: String,
    /// Finished calls.
    pub total_calls: u64,
    /// Sum.
    pub total_duration: f64,
    /// Mean.
    pub avg_duration: f64,
    /// Smallest.
    pub min_duration: f64,
    /// Largest.
    pub max_duration: f64,
    /// Median, nearest rank.
    pub p50_duration: f64,
    /// 95th percentile.
    pub p95_duration: f64,
    /// 99th percentile.
    pub p99_duration: f64,
    /// Sum of self times.
    pub self_duration: f64,
    /// The distribution and its order in time.
    #[serde(flatten)]
    pub stored: Stored,
}

/// A baseline as a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    schema: String,
    version: u32,
    /// Its id.
    pub id: String,
    /// Time it was taken, ISO 8601.
    pub timestamp: String,
    /// Since the first start, ms.
    pub total_duration: f64,
    /// The version of the reference work.
    #[serde(default)]
    work: u32,
    /// In order of name.
    pub components: Vec<StoredComponent>,
}

/// No sum of durations is longer, ms: what is would be infinite in some figure.
const LONGEST: f64 = 1e18;

/// Says if `text` is a moment as `Date.prototype.toISOString` writes it.
fn is_timestamp(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    let shaped = text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| {
            if *shape == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == *shape
            }
        });
    let within = |from: usize, range: std::ops::RangeInclusive<u32>| {
        text.get(from..from + 2)
            .and_then(|part| part.parse().ok())
            .is_some_and(|n| range.contains(&n))
    };
    shaped
        && within(5, 1..=12)
        && within(8, 1..=31)
        && within(11, 0..=23)
        && within(14, 0..=59)
        && within(17, 0..=59)
}

#[derive(Deserialize)]
struct Header {
    schema: String,
    version: u32,
}

impl Document {
    /// A document of the current version.
    pub fn new(id: String, timestamp: String, total_duration: f64, components: Vec<StoredComponent>) -> Self {
        Self {
            schema: SCHEMA.into(),
            version: VERSION,
            id,
            timestamp,
            total_duration,
            work: REFERENCE,
            components,
        }
    }

    /// Reads and checks a document.
    ///
    /// # Errors
    /// Refuses a document that is not a baseline, is damaged, or is of a later version.
    pub fn parse(json: &str) -> Result<Self, BaselineError> {
        let malformed = |error: serde_json::Error| BaselineError::Malformed(error.to_string());
        let header: Header = serde_json::from_str(json).map_err(malformed)?;
        if header.schema != SCHEMA {
            return Err(BaselineError::Malformed(format!(
                "its schema is {:?}, not {SCHEMA:?}",
                header.schema
            )));
        }
        if header.version < 1 {
            return Err(BaselineError::Malformed(format!(
                "its version is {}",
                header.version
            )));
        }
        if header.version > VERSION {
            return Err(BaselineError::Newer(header.version));
        }
        let mut document: Self = serde_json::from_str(json).map_err(malformed)?;
        if !(document.total_duration.is_finite() && document.total_duration >= 0.0) {
            return Err(BaselineError::Malformed("its total duration is negative".into()));
        }
        if !is_timestamp(&document.timestamp) {
            return Err(BaselineError::Malformed(format!(
                "its timestamp is {:?}, not one like 2026-01-31T23:59:59.999Z",
                document.timestamp
            )));
        }
        let mut names = HashSet::new();
        if let Some(twice) = document.components.iter().find(|c| !names.insert(&c.component)) {
            return Err(BaselineError::Malformed(format!(
                "component {:?} is there twice",
                twice.component
            )));
        }
        for component in &document.components {
            component.check().map_err(|what| {
                BaselineError::Malformed(format!("component {:?}: {what}", component.component))
            })?;
        }
        if document.work != REFERENCE {
            for component in &mut document.components {
                component.stored.reference = ReferenceTiming::default();
            }
            document.work = REFERENCE;
        }
        Ok(document)
    }

    /// Writes the document as JSON.
    ///
    /// # Errors
    /// Never in practice: the shape has no part JSON cannot hold.
    pub fn to_json(&self) -> Result<String, BaselineError> {
        serde_json::to_string(self).map_err(|error| BaselineError::Malformed(error.to_string()))
    }
}

impl StoredComponent {
    fn check(&self) -> Result<(), &'static str> {
        let counted: u64 = self.stored.distribution.iter().map(|(_, times)| times).sum();
        if counted != self.total_calls {
            return Err("its distribution does not add up to its calls");
        }
        if !self.stored.distribution.is_sorted_by(|a, b| a.0 < b.0) {
            return Err("its distribution is not ascending");
        }
        let durations = [
            self.total_duration,
            self.avg_duration,
            self.min_duration,
            self.max_duration,
            self.p50_duration,
            self.p95_duration,
            self.p99_duration,
            self.self_duration,
        ];
        let recorded = self.stored.distribution.iter().map(|(duration, _)| duration);
        let rounds = self.stored.rounds.iter().flat_map(|r| [&r.mean, &r.median]);
        if durations
            .iter()
            .chain(recorded)
            .chain(rounds)
            .any(|duration| !(0.0..=LONGEST).contains(duration))
        {
            return Err("a duration is negative, or longer than 30 million years");
        }
        if self
            .stored
            .rounds
            .iter()
            .any(|r| !(r.count > 0.0 && r.count.is_finite()))
        {
            return Err("a round has no calls");
        }
        let calls: f64 = self.stored.rounds.iter().map(|round| round.count).sum();
        if calls != self.total_calls as f64 {
            return Err("its rounds do not add up to its calls");
        }
        if !self.stored.reference.is_valid() {
            return Err("its reference timing is no timing");
        }
        Ok(())
    }

    /// Ready to be compared.
    pub fn sample(&self, rounds: usize) -> Sample {
        let percentile = |p: f64| {
            let rank = rank_of(p, self.total_calls);
            let mut seen = 0;
            let reached = |(_, times): &&(f64, u64)| {
                seen += times;
                seen >= rank
            };
            self.stored
                .distribution
                .iter()
                .find(reached)
                .map_or(0.0, |(value, _)| *value)
        };
        let squares = |(value, times): &(f64, u64)| *times as f64 * (value - self.avg_duration).powi(2);
        let squares: f64 = self.stored.distribution.iter().map(squares).sum();
        let variance = squares / self.total_calls.saturating_sub(1).max(1) as f64;
        Sample {
            average: self.avg_duration,
            calls: self.total_calls,
            series: Series {
                rounds: Round::regroup(&self.stored.rounds, rounds),
                noise: Noise::new([25.0, 75.0].map(percentile), variance.sqrt()),
            },
            reference: self.stored.reference,
        }
    }
}

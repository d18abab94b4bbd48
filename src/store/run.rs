//! A run as it crosses into and out of the engine.

use serde::Deserialize;

use super::dialect::Dialect;
use super::error::{Code, Result, StoreError};
use super::json_object::JsonObject;
use super::value::Row;

/// A run to create. JSON columns are JSON texts, times are ms since 1970.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRun {
    /// The id; absent: a new one.
    pub id: Option<String>,
    /// The dataset.
    pub dataset_id: String,
    /// The version of the dataset.
    pub dataset_version: String,
    /// The name of the dataset.
    pub dataset_name: Option<String>,
    /// The model.
    pub model_id: String,
    /// JSON; absent: `{}`.
    pub model_config: Option<String>,
    /// The kind of runner; absent: `custom`.
    pub runner_type: Option<String>,
    /// JSON; absent: `{}`.
    pub scorer_config: Option<String>,
    /// Absent: now.
    pub start_time: Option<f64>,
    /// When the run ended.
    pub end_time: Option<f64>,
    /// Duration of the run.
    pub duration_ms: Option<f64>,
    /// Absent: `running`.
    pub status: Option<String>,
    /// Why the run failed.
    pub error: Option<String>,
    /// JSON.
    pub metadata: Option<String>,
}

impl NewRun {
    /// Reads a run from JSON.
    ///
    /// # Errors
    /// [`Code::InvalidType`] for another shape.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|error| StoreError::new(Code::InvalidType, format!("The run cannot be read: {error}.")))
    }
}

/// Returns whether a run of that status has ended.
pub fn is_final(status: &str) -> bool {
    matches!(status, "completed" | "failed" | "cancelled")
}

/// Returns the expressions that read a run, in the order of [`write()`].
pub fn columns(dialect: &Dialect) -> String {
    let time = |name: &str| dialect.time_out(&format!("\"{name}\""));
    let json = |name: &str| dialect.json_out(&format!("\"{name}\""));
    [
        "\"id\"".to_owned(),
        "\"datasetId\"".to_owned(),
        "\"datasetVersion\"".to_owned(),
        "\"datasetName\"".to_owned(),
        "\"modelId\"".to_owned(),
        json("modelConfig"),
        "\"runnerType\"".to_owned(),
        json("scorerConfig"),
        time("startTime"),
        time("endTime"),
        "\"durationMs\"".to_owned(),
        "\"status\"".to_owned(),
        "\"error\"".to_owned(),
        json("metadata"),
        time("createdAt"),
        time("updatedAt"),
    ]
    .join(", ")
}

/// The place of `modelConfig` in a row of [`columns`].
pub const MODEL_CONFIG: usize = 5;
/// The place of `scorerConfig` in a row of [`columns`].
pub const SCORER_CONFIG: usize = 7;
/// The place of `startTime` in a row of [`columns`].
pub const START_TIME: usize = 8;
/// The place of `status` in a row of [`columns`].
pub const STATUS: usize = 11;
/// The place of `metadata` in a row of [`columns`].
pub const METADATA: usize = 13;

/// Writes a row of [`columns`] as JSON.
///
/// # Errors
/// [`Code::Corrupt`] for a column that cannot be read.
pub fn write(row: &Row) -> Result<String> {
    let mut out = String::with_capacity(512);
    let id = row[0].text().unwrap_or_default().to_owned();
    let mut object = JsonObject::begin(&mut out, "EvalRun", &id);
    object.text("id", &row[0]);
    object.text("datasetId", &row[1]);
    object.text("datasetVersion", &row[2]);
    object.text("datasetName", &row[3]);
    object.text("modelId", &row[4]);
    object.json("modelConfig", &row[MODEL_CONFIG])?;
    object.text("runnerType", &row[6]);
    object.json("scorerConfig", &row[SCORER_CONFIG])?;
    object.time("startTime", &row[START_TIME])?;
    object.time("endTime", &row[9])?;
    object.number("durationMs", &row[10])?;
    object.text("status", &row[STATUS]);
    object.text("error", &row[12]);
    object.json("metadata", &row[METADATA])?;
    object.time("createdAt", &row[14])?;
    object.time("updatedAt", &row[15])?;
    object.end();
    Ok(out)
}

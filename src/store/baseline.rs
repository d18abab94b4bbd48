//! Baselines: runs under a name, of which one for each dataset and model is the active one.

use std::fmt::Write as _;

use serde::Deserialize;

use super::Store;
use super::attempts::{reading, writing};
use super::error::{Result, StoreError};
use super::json_column::stored;
use super::json_object::JsonObject;
use super::runs::new_id;
use super::session::Session;
use super::value::{Row, Value};

/// A baseline to set. `metadata` is a JSON text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewBaseline {
    /// The name; a baseline of that name is replaced.
    pub name: String,
    /// Absent: empty.
    pub description: Option<String>,
    /// The run.
    pub run_id: String,
    /// Absent: that of the run.
    pub dataset_id: Option<String>,
    /// Absent: that of the run.
    pub model_id: Option<String>,
    /// Absent: true.
    pub is_active: Option<bool>,
    /// Absent: none.
    #[serde(default)]
    pub tags: Vec<String>,
    /// JSON.
    pub metadata: Option<String>,
}

/// A question for the active baseline.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BaselineQuery {
    /// The dataset.
    pub dataset_id: String,
    /// The model; absent: any.
    pub model_id: Option<String>,
}

impl Store {
    fn baseline_columns(&self) -> String {
        let dialect = &self.dialect;
        format!(
            "\"id\", \"name\", \"description\", \"runId\", \"datasetId\", \"modelId\", \"isActive\", {}, {}, {}, {}",
            dialect.tags_out("\"tags\""),
            dialect.json_out("\"metadata\""),
            dialect.time_out("\"createdAt\""),
            dialect.time_out("\"updatedAt\"")
        )
    }

    /// Sets a baseline and returns it as JSON. An active one takes the place of the one of its dataset and model.
    ///
    /// # Errors
    /// [`super::error::Code::NotFound`] for a run that does not exist.
    pub async fn set_baseline(&self, new: &NewBaseline) -> Result<String> {
        let row = writing!(self, session => self.set_baseline_in(session, new).await)?;
        write(&row)
    }

    async fn set_baseline_in(&self, session: &mut Session, new: &NewBaseline) -> Result<Row> {
        let dialect = &self.dialect;
        let run = self.needed_run(session, &new.run_id).await?;
        let of_run = |given: &Option<String>, at: usize| {
            given
                .clone()
                .unwrap_or_else(|| run[at].text().unwrap_or_default().to_owned())
        };
        let (dataset, model) = (of_run(&new.dataset_id, 1), of_run(&new.model_id, 4));
        let active = new.is_active.unwrap_or(true);
        let now = self.now();
        if active {
            session
                .run(
                    format!(
                        "UPDATE {} SET \"isActive\" = $1, \"updatedAt\" = {} WHERE \"datasetId\" = $3 AND \"modelId\" = $4 \
                         AND \"isActive\" = $5 AND \"name\" <> $6",
                        dialect.baseline,
                        dialect.time(2)
                    ),
                    vec![
                        Value::Bool(false),
                        Value::time(now),
                        Value::text(&dataset),
                        Value::text(&model),
                        Value::Bool(true),
                        Value::text(&new.name),
                    ],
                )
                .await?;
        }
        let tags = serde_json::to_string(&new.tags).unwrap_or_default();
        session
            .run(
                format!(
                    "INSERT INTO {} (\"id\", \"name\", \"description\", \"runId\", \"datasetId\", \"modelId\", \"isActive\", \
                     \"tags\", \"metadata\", \"createdAt\", \"updatedAt\") \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, {}, {}, {}, {}) ON CONFLICT (\"name\") DO UPDATE SET \
                     \"description\" = excluded.\"description\", \"runId\" = excluded.\"runId\", \
                     \"datasetId\" = excluded.\"datasetId\", \"modelId\" = excluded.\"modelId\", \
                     \"isActive\" = excluded.\"isActive\", \"tags\" = excluded.\"tags\", \
                     \"metadata\" = excluded.\"metadata\", \"updatedAt\" = excluded.\"updatedAt\"",
                    dialect.baseline,
                    dialect.tags(8),
                    dialect.json(9),
                    dialect.time(10),
                    dialect.time(11)
                ),
                vec![
                    Value::text(new_id('b', now)),
                    Value::text(&new.name),
                    Value::text(new.description.as_deref().unwrap_or_default()),
                    Value::text(&new.run_id),
                    Value::text(dataset),
                    Value::text(model),
                    Value::Bool(active),
                    Value::text(tags),
                    Value::Json(new.metadata.clone().map(stored)),
                    Value::time(now),
                    Value::time(now),
                ],
            )
            .await?;
        session
            .first(
                format!(
                    "SELECT {} FROM {} WHERE \"name\" = $1",
                    self.baseline_columns(),
                    dialect.baseline
                ),
                vec![Value::text(&new.name)],
            )
            .await?
            .ok_or_else(|| StoreError::no_run(&new.run_id))
    }

    /// Returns the active baseline of a dataset, and of a model where one is given, as JSON; the newest of several.
    ///
    /// # Errors
    /// The database's.
    pub async fn active_baseline(&self, query: &BaselineQuery) -> Result<Option<String>> {
        let dialect = &self.dialect;
        let mut sql = format!(
            "SELECT {} FROM {} WHERE \"datasetId\" = $1 AND \"isActive\" = $2",
            self.baseline_columns(),
            dialect.baseline
        );
        let mut values = vec![Value::text(&query.dataset_id), Value::Bool(true)];
        if let Some(model) = &query.model_id {
            sql += " AND \"modelId\" = $3";
            values.push(Value::text(model));
        }
        let order = dialect.time_order("\"updatedAt\"");
        // Writing to a String cannot fail.
        let _ = write!(sql, " ORDER BY {order} DESC, \"id\" DESC LIMIT 1");
        let row = reading!(self, session => {
            let (sql, values) = (sql.clone(), values.clone());
            session.first(sql, values).await
        })?;
        row.as_ref().map(write).transpose()
    }

    /// Returns all baselines as a JSON array, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_baselines(&self) -> Result<String> {
        let order = self.dialect.time_order("\"createdAt\"");
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {order} DESC, \"id\" DESC",
            self.baseline_columns(),
            self.dialect.baseline
        );
        let rows = reading!(self, session => {
            let sql = sql.clone();
            session.rows(sql, Vec::new()).await
        })?;
        let items = rows.iter().map(write).collect::<Result<Vec<_>>>()?;
        Ok(format!("[{}]", items.join(",")))
    }
}

fn write(row: &Row) -> Result<String> {
    let mut out = String::with_capacity(512);
    let id = row[0].text().unwrap_or_default().to_owned();
    let mut object = JsonObject::begin(&mut out, "EvalBaseline", &id);
    for (at, name) in ["id", "name", "description", "runId", "datasetId", "modelId"]
        .into_iter()
        .enumerate()
    {
        object.text(name, &row[at]);
    }
    object.truth("isActive", &row[6]);
    object.json("tags", &row[7])?;
    object.json("metadata", &row[8])?;
    object.time("createdAt", &row[9])?;
    object.time("updatedAt", &row[10])?;
    object.end();
    Ok(out)
}

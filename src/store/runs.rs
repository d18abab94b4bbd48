//! Creating, finding, finishing, resuming and deleting runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::attempts::{reading, writing};
use super::cursor::{self, Key};
use super::error::{Code, Difference, Result, StoreError};
use super::json_column::stored;
use super::json_object::page;
use super::result_id::push_base_36;
use super::run::{self, NewRun, is_final};
use super::session::Session;
use super::value::{Cell, Row, Value};
use super::{Store, locked};

/// The end of a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RunEnd {
    /// Absent: `completed`.
    pub status: Option<String>,
    /// Why the run failed.
    pub error: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct RunFilter {
    dataset_id: Option<String>,
    model_id: Option<String>,
    runner_type: Option<String>,
    status: Option<String>,
    since: Option<f64>,
    until: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RunQuery {
    filter: RunFilter,
    limit: Option<f64>,
    cursor: Option<String>,
}

/// Returns a new id that sorts behind those made before by this process.
pub fn new_id(letter: char, now: i64) -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 8];
    // Without random bytes the process and its count still tell ids apart.
    let _ = getrandom::fill(&mut random);
    let mut id = String::from(letter);
    push_base_36(&mut id, now.unsigned_abs().into(), 9);
    push_base_36(&mut id, MADE.fetch_add(1, Ordering::Relaxed).into(), 5);
    push_base_36(
        &mut id,
        (u64::from_le_bytes(random) ^ u64::from(std::process::id())).into(),
        11,
    );
    id
}

/// Parses JSON that a caller sent.
///
/// # Errors
/// [`Code::InvalidType`] for another shape.
pub fn parsed<'a, T: Deserialize<'a>>(json: &'a str, name: &str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|error| StoreError::new(Code::InvalidType, format!("{name} cannot be read: {error}.")))
}

impl Store {
    /// Creates a run, which this process then holds. Returns it as JSON.
    ///
    /// # Errors
    /// [`Code::Conflict`] when there is a run of that id.
    pub async fn create_run(self: &Arc<Self>, new: NewRun) -> Result<String> {
        let id = new.id.clone().unwrap_or_else(|| new_id('r', self.now()));
        let held = !is_final(new.status.as_deref().unwrap_or("running"));
        let (text, id) = writing!(self, session => {
            let (new, id) = (new.clone(), id.clone());
            let text = self.create_in(session, &new, &id, "running").await?;
            if held {
                self.take_hold(session, &id, true).await?;
            }
            Ok((text, id))
        })?;
        if held {
            self.remember_hold(&id);
        }
        Ok(text)
    }

    /// Creates a run in the transaction of `session`.
    pub(super) async fn create_in(
        &self,
        session: &mut Session,
        new: &NewRun,
        id: &str,
        status: &str,
    ) -> Result<String> {
        let now = self.now();
        let status = new.status.clone().unwrap_or_else(|| status.to_owned());
        let start = new.start_time.map_or(now, |ms| ms as i64);
        let end = new
            .end_time
            .map(|ms| ms as i64)
            .or_else(|| (new.status.is_none() && is_final(&status)).then_some(now));
        let duration = new
            .duration_ms
            .map(|ms| ms.round() as i64)
            .or_else(|| end.map(|end| duration(start, end)));
        let dialect = &self.dialect;
        let sql = format!(
            "INSERT INTO {} (\"id\", \"datasetId\", \"datasetVersion\", \"datasetName\", \"modelId\", \"modelConfig\", \
             \"runnerType\", \"scorerConfig\", \"startTime\", \"endTime\", \"durationMs\", \"status\", \"error\", \"metadata\", \
             \"createdAt\", \"updatedAt\") VALUES ($1, $2, $3, $4, $5, {}, $7, {}, {}, {}, $11, $12, $13, {}, {}, {}) \
             ON CONFLICT (\"id\") DO NOTHING",
            dialect.run,
            dialect.json(6),
            dialect.json(8),
            dialect.time(9),
            dialect.time(10),
            dialect.json(14),
            dialect.time(15),
            dialect.time(16),
        );
        let json = |text: &Option<String>| stored(text.clone().unwrap_or_else(|| "{}".to_owned()));
        let inserted = session
            .run(
                sql,
                vec![
                    Value::text(id),
                    Value::text(&new.dataset_id),
                    Value::text(&new.dataset_version),
                    Value::Text(new.dataset_name.clone()),
                    Value::text(&new.model_id),
                    Value::json(json(&new.model_config)),
                    Value::text(new.runner_type.as_deref().unwrap_or("custom")),
                    Value::json(json(&new.scorer_config)),
                    Value::time(start),
                    Value::Time(end),
                    Value::Int(duration),
                    Value::text(status),
                    Value::Text(new.error.clone()),
                    Value::Json(new.metadata.clone().map(stored)),
                    Value::time(now),
                    Value::time(now),
                ],
            )
            .await?;
        if inserted == 0 {
            return Err(StoreError::new(
                Code::Conflict,
                format!(
                    "There is a run {id:?} in the store already; resume it with resumeRun, or give another id."
                ),
            ));
        }
        // Rows that the database did not delete with an earlier run of that id.
        session
            .run(
                format!("DELETE FROM {} WHERE \"runId\" = $1", dialect.order),
                vec![Value::text(id)],
            )
            .await?;
        run::write(&self.needed_run(session, id).await?)
    }

    pub(super) async fn run_row(&self, session: &mut Session, id: &str) -> Result<Option<Row>> {
        session
            .first(
                format!(
                    "SELECT {} FROM {} WHERE \"id\" = $1",
                    run::columns(&self.dialect),
                    self.dialect.run
                ),
                vec![Value::text(id)],
            )
            .await
    }

    pub(super) async fn needed_run(&self, session: &mut Session, id: &str) -> Result<Row> {
        self.run_row(session, id)
            .await?
            .ok_or_else(|| StoreError::no_run(id))
    }

    /// Locks a run against others that would change it, until the transaction ends.
    async fn lock_run(&self, session: &mut Session, id: &str) -> Result<()> {
        if self.dialect.is_postgres() {
            session
                .rows(
                    format!("SELECT 1 FROM {} WHERE \"id\" = $1 FOR UPDATE", self.dialect.run),
                    vec![Value::text(id)],
                )
                .await?;
        }
        Ok(())
    }

    /// Returns a run as JSON.
    ///
    /// # Errors
    /// The database's.
    pub async fn run(&self, id: &str) -> Result<Option<String>> {
        let row = reading!(self, session => self.run_row(session, id).await)?;
        row.as_ref().map(run::write).transpose()
    }

    /// Deletes a run with its results and metrics. Returns whether there was one. O(results).
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_run(&self, id: &str) -> Result<bool> {
        let dialect = &self.dialect;
        let deleted = writing!(self, session => {
            for table in [&dialect.order, &dialect.owner, &dialect.result, &dialect.metrics] {
                session
                    .run(
                        format!("DELETE FROM {table} WHERE \"runId\" = $1"),
                        vec![Value::text(id)],
                    )
                    .await?;
            }
            session
                .run(
                    format!("DELETE FROM {} WHERE \"id\" = $1", dialect.run),
                    vec![Value::text(id)],
                )
                .await
        })?;
        locked(&self.held).remove(id);
        locked(&self.next_index).remove(id);
        Ok(deleted > 0)
    }

    /// Ends a run: writes its metrics, its status and its duration, and gives it up. A run that has ended stays as it is.
    /// Returns it as JSON. O(results).
    ///
    /// # Errors
    /// [`Code::NotFound`] for a run that does not exist.
    pub async fn finish_run(&self, id: &str, end: &RunEnd) -> Result<String> {
        let row = writing!(self, session => self.finish_in(session, id, end).await)?;
        locked(&self.held).remove(id);
        run::write(&row)
    }

    async fn finish_in(&self, session: &mut Session, id: &str, end: &RunEnd) -> Result<Row> {
        self.lock_run(session, id).await?;
        let row = self.needed_run(session, id).await?;
        self.release_in(session, vec![id.to_owned()]).await?;
        let ended = is_final(row[run::STATUS].text().unwrap_or_default());
        if ended && self.metrics_row(session, id).await?.is_some() {
            return Ok(row);
        }
        let total_tokens = self.write_metrics(session, id, None).await?;
        let dialect = &self.dialect;
        if total_tokens > f64::from(i32::MAX) {
            let metadata = with_exact_tokens(row[run::METADATA].json(), total_tokens);
            session
                .run(
                    format!(
                        "UPDATE {} SET \"metadata\" = {} WHERE \"id\" = $2",
                        dialect.run,
                        dialect.json(1)
                    ),
                    vec![Value::json(stored(metadata)), Value::text(id)],
                )
                .await?;
        }
        if !ended {
            let now = self.now();
            let start = row[run::START_TIME].time().unwrap_or(now);
            session
                .run(
                    format!(
                        "UPDATE {} SET \"status\" = $1, \"error\" = $2, \"endTime\" = {}, \"durationMs\" = $4, \
                         \"updatedAt\" = {} WHERE \"id\" = $6",
                        dialect.run,
                        dialect.time(3),
                        dialect.time(5)
                    ),
                    vec![
                        Value::text(end.status.as_deref().unwrap_or("completed")),
                        Value::Text(end.error.clone()),
                        Value::time(now),
                        Value::int(duration(start, now)),
                        Value::time(now),
                        Value::text(id),
                    ],
                )
                .await?;
        }
        self.needed_run(session, id).await
    }

    /// Takes up a run again, which this process then holds. Returns it as JSON.
    ///
    /// # Errors
    /// Unless `force`:
    /// - [`Code::RunMismatch`] when dataset, version, model or configurations differ from the `expected` ones;
    /// - [`Code::RunBusy`] when another process holds the run.
    ///
    /// [`Code::NotFound`] for a run that does not exist.
    pub async fn resume_run(self: &Arc<Self>, id: &str, expected: &NewRun, force: bool) -> Result<String> {
        let row = writing!(self, session => self.resume_in(session, id, expected, force).await)?;
        self.remember_hold(id);
        run::write(&row)
    }

    async fn resume_in(
        &self,
        session: &mut Session,
        id: &str,
        expected: &NewRun,
        force: bool,
    ) -> Result<Row> {
        self.lock_run(session, id).await?;
        let row = self.needed_run(session, id).await?;
        let differences = differences(&row, expected);
        if !force && !differences.is_empty() {
            let paths: Vec<_> = differences
                .iter()
                .map(|difference| difference.path.as_str())
                .collect();
            let mut error = StoreError::new(
                Code::RunMismatch,
                format!(
                    "The run {id:?} was made with other settings ({}). Start a new run, or resume with force.",
                    paths.join(", ")
                ),
            );
            error.differences = differences;
            return Err(error);
        }
        self.take_hold(session, id, force).await?;
        session
            .run(
                format!(
                    "UPDATE {} SET \"status\" = 'running', \"error\" = NULL, \"endTime\" = NULL, \"durationMs\" = NULL, \
                     \"updatedAt\" = {} WHERE \"id\" = $2",
                    self.dialect.run,
                    self.dialect.time(1)
                ),
                vec![Value::time(self.now()), Value::text(id)],
            )
            .await?;
        self.needed_run(session, id).await
    }

    /// Lists runs, newest start first, as a page of JSON. `query` is JSON with `filter`, `limit` and `cursor`.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] for a limit or cursor that cannot be used.
    pub async fn list_runs(&self, query: &str) -> Result<String> {
        let query: RunQuery = parsed(query, "The query")?;
        let limit = cursor::limit(query.limit)?;
        let fingerprint = format!(
            "runs {}",
            serde_json::to_string(&query.filter).unwrap_or_default()
        );
        let from = query
            .cursor
            .as_deref()
            .map(|cursor| cursor::read(&fingerprint, cursor, &[2]))
            .transpose()?;
        let (sql, values) = self.list_statement(&query.filter, from.as_deref(), limit + 1);
        let mut rows = reading!(self, session => {
            let (sql, values) = (sql.clone(), values.clone());
            session.rows(sql, values).await
        })?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| {
            let place = row.last().and_then(Cell::int).unwrap_or(0);
            cursor::write(
                &fingerprint,
                &[
                    Key::Int(place),
                    Key::Text(row[0].text().unwrap_or_default().to_owned()),
                ],
            )
        });
        let items = rows.iter().map(run::write).collect::<Result<Vec<_>>>()?;
        Ok(page(&items, next.as_deref()))
    }

    fn list_statement(&self, filter: &RunFilter, from: Option<&[Key]>, limit: usize) -> (String, Vec<Value>) {
        let dialect = &self.dialect;
        let place = dialect.time_order("\"startTime\"");
        let mut values = Vec::new();
        let mut conditions = vec!["1 = 1".to_owned()];
        for (column, text) in [
            ("datasetId", &filter.dataset_id),
            ("modelId", &filter.model_id),
            ("runnerType", &filter.runner_type),
            ("status", &filter.status),
        ] {
            if let Some(text) = text {
                values.push(Value::text(text));
                conditions.push(format!("\"{column}\" = ${}", values.len()));
            }
        }
        for (sign, ms) in [(">=", filter.since), ("<=", filter.until)] {
            if let Some(ms) = ms {
                values.push(Value::int(ms as i64));
                conditions.push(format!("{place} {sign} ${}", values.len()));
            }
        }
        if let Some([time, id]) = from {
            values.push(Value::int(time.int()));
            values.push(Value::text(id.text()));
            let (time, id) = (values.len() - 1, values.len());
            conditions.push(format!(
                "({place} < ${time} OR ({place} = ${time} AND \"id\" < ${id}))"
            ));
        }
        let sql = format!(
            "SELECT {}, {place} FROM {} WHERE {} ORDER BY {place} DESC, \"id\" DESC LIMIT {limit}",
            run::columns(dialect),
            dialect.run,
            conditions.join(" AND ")
        );
        (sql, values)
    }
}

/// The ms between two times, as a column of 32 bits holds them.
fn duration(start: i64, end: i64) -> i64 {
    end.saturating_sub(start).clamp(0, i64::from(i32::MAX))
}

/// Returns metadata with `aiEvals.totalTokens`, which the metrics' column of 32 bits does not hold.
fn with_exact_tokens(metadata: Option<String>, total_tokens: f64) -> String {
    let mut value: Json = metadata
        .and_then(|text| serde_json::from_str(&text).ok())
        .filter(Json::is_object)
        .unwrap_or_else(|| Json::Object(serde_json::Map::new()));
    if let Some(object) = value.as_object_mut() {
        let own = object
            .entry("aiEvals")
            .or_insert_with(|| Json::Object(serde_json::Map::new()));
        if !own.is_object() {
            *own = Json::Object(serde_json::Map::new());
        }
        if let Some(own) = own.as_object_mut() {
            own.insert("totalTokens".to_owned(), Json::from(total_tokens as u64));
        }
    }
    value.to_string()
}

fn differences(row: &Row, expected: &NewRun) -> Vec<Difference> {
    let mut found = Vec::new();
    for (path, at, given) in [
        ("datasetId", 1, &expected.dataset_id),
        ("datasetVersion", 2, &expected.dataset_version),
        ("modelId", 4, &expected.model_id),
    ] {
        let stored = row[at].text().unwrap_or_default();
        if stored != given {
            found.push(Difference {
                path: path.to_owned(),
                stored: Some(Json::from(stored)),
                given: Some(Json::from(given.as_str())),
            });
        }
    }
    for (path, at, given) in [
        ("modelConfig", run::MODEL_CONFIG, &expected.model_config),
        ("scorerConfig", run::SCORER_CONFIG, &expected.scorer_config),
    ] {
        let stored = row[at].json().unwrap_or_else(|| "{}".to_owned());
        let given = given.clone().unwrap_or_else(|| "{}".to_owned());
        match (serde_json::from_str(&stored), serde_json::from_str(&given)) {
            (Ok(stored), Ok(given)) => compare(path, Some(&stored), Some(&given), &mut found),
            // Nested too deeply to walk.
            _ if stored != given => found.push(Difference {
                path: path.to_owned(),
                stored: Some(Json::from(stored)),
                given: Some(Json::from(given)),
            }),
            _ => {}
        }
    }
    found
}

fn compare(path: &str, stored: Option<&Json>, given: Option<&Json>, found: &mut Vec<Difference>) {
    match (stored, given) {
        (Some(Json::Object(stored)), Some(Json::Object(given))) => {
            let mut keys: Vec<_> = stored
                .keys()
                .chain(given.keys().filter(|key| !stored.contains_key(*key)))
                .collect();
            keys.sort();
            for key in keys {
                compare(&format!("{path}.{key}"), stored.get(key), given.get(key), found);
            }
        }
        (Some(Json::Array(stored)), Some(Json::Array(given))) => {
            for at in 0..stored.len().max(given.len()) {
                compare(&format!("{path}[{at}]"), stored.get(at), given.get(at), found);
            }
        }
        (Some(Json::Number(stored)), Some(Json::Number(given))) if stored.as_f64() == given.as_f64() => {}
        _ if stored == given => {}
        _ => found.push(Difference {
            path: path.to_owned(),
            stored: stored.cloned(),
            given: given.cloned(),
        }),
    }
}
